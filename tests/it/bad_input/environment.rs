//! An environment object that cannot be read.

use integration_tests::canary;

use super::{Bad, Rack, good};

fn bad<'a>(
    name: &'a str,
    environment: impl Into<Vec<u8>>,
    error_type: &'a str,
    says: &'a [&'a str],
) -> Bad<'a> {
    Bad {
        name,
        files: &[],
        environment: Some(environment.into()),
        error_type,
        says,
    }
}

#[tokio::test]
async fn an_environment_that_cannot_be_read_is_refused_with_its_line_or_key() {
    let mut rack = Rack::new().await;
    let value = canary::value("VALUE");
    let mut not_utf8 = format!("A={value}\nB={value}").into_bytes();
    not_utf8.push(0xFF);
    let invalid = "InvalidEnvironment";
    for case in [
        bad(
            "JSON that breaks off",
            format!("{{\"A\": \"{value}\",\n \"B\": \"{value}"),
            invalid,
            &[
                "apps/shop/releases/R01/env (version ",
                "line 2",
                "not valid JSON",
            ],
        ),
        bad(
            "something after the JSON",
            format!("{{\"A\": \"{value}\"}}\nB={value}\n"),
            invalid,
            &["line 2", "not valid JSON"],
        ),
        bad(
            "a key twice",
            format!("{{\"A\": \"{value}\",\n \"A\": \"{value}\"}}"),
            invalid,
            &["line 2", "`A`", "keep one"],
        ),
        bad(
            "a number",
            format!("{{\"A\": \"{value}\", \"B\": 1}}"),
            invalid,
            &["`B`", "not a string", "double quotes"],
        ),
        bad(
            "an object in the object",
            format!("{{\"A\": {{\"B\": \"{value}\"}}}}"),
            invalid,
            &["`A`", "not a string"],
        ),
        bad("not UTF-8", not_utf8, invalid, &["line 2", "UTF-8"]),
        bad(
            "a NUL byte",
            format!("A=1\nB={value}\0"),
            invalid,
            &["line 2", "NUL"],
        ),
        bad(
            "a NUL in JSON",
            format!("{{\"A\": \"{value}\\u0000\"}}"),
            invalid,
            &["`A`", "u0000"],
        ),
        bad(
            "half an envelope",
            r#"{"c": "?", "k": "a", "n": "b"}"#,
            invalid,
            &["`c`", "envelope"],
        ),
    ] {
        rack.refuses(case).await;
    }
}

/// The envelope with the first bytes of one field's base64 swapped for others.
fn tampered(envelope: &[u8], field: &str) -> Vec<u8> {
    let mut envelope: serde_json::Value = serde_json::from_slice(envelope).unwrap();
    let text = envelope[field].as_str().unwrap();
    let other = if text.starts_with("AAAA") {
        "BBBB"
    } else {
        "AAAA"
    };
    envelope[field] = format!("{other}{}", &text[4..]).into();
    envelope.to_string().into_bytes()
}

#[tokio::test]
async fn an_envelope_that_cannot_be_opened_is_refused_and_never_read_as_text() {
    let mut rack = Rack::new().await;
    let envelope = rack.world.seal(&good()).await;
    for (field, error_type, says) in [
        (
            "k",
            "EnvelopeUndecryptable",
            &["seal it with that key", "plain form"][..],
        ),
        ("c", "InvalidEnvironment", &["do not belong together"]),
        ("n", "InvalidEnvironment", &["do not belong together"]),
    ] {
        rack.refuses(bad(field, tampered(&envelope, field), error_type, says))
            .await;
    }
    let nested = rack.world.seal(&envelope).await;
    rack.refuses(bad(
        "nested",
        nested,
        "InvalidEnvironment",
        &["holds another envelope"],
    ))
    .await;

    let keyless = rack.world.start(
        "promote",
        &[("SECRETS_MANAGER_ENV", "Yes"), ("ENVIRONMENT_KEY_ARN", "")],
    );
    let says = &["EnvironmentKeyArn", "plain form"];
    let case = bad(
        "a Rack without a key",
        envelope.clone(),
        "EnvironmentKeyMissing",
        says,
    );
    rack.refused_by(Some(&keyless), case).await;

    let report = crate::app::promote_app(
        &rack.world,
        &rack.function,
        crate::app::APP,
        "R99",
        envelope,
    )
    .await;
    assert_eq!(
        report["status"], "promoted",
        "untouched, it opens: {report:#}"
    );
}
