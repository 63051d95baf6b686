//! An environment object that cannot be read.

use rig::canary;
use serde_json::json;

use super::{Bad, Rack, good};
use crate::app::{self, APP};

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

    let report = app::promote_app(&rack.world, &rack.function, APP, "R99", envelope).await;
    assert_eq!(
        report["status"], "promoted",
        "untouched, it opens: {report:#}"
    );
}

/// What is too large for a secret too goes through S3, and there Linux has the last word.
#[tokio::test]
async fn an_environment_that_no_container_can_be_started_with_is_refused_by_name_and_size() {
    let mut rack = Rack::new().await;
    let value = canary::value("VALUE");
    let object = |variables: &[(String, usize)]| {
        let long = |size: &usize| value.repeat(1 + size / value.len())[..*size].to_owned();
        let members = variables
            .iter()
            .map(|(key, size)| (key.clone(), long(size).into()));
        let mut members: serde_json::Map<String, serde_json::Value> = members.collect();
        members.insert("DATABASE_URL".to_owned(), "u".into());
        serde_json::Value::Object(members).to_string()
    };
    let many = |count: usize, size| {
        let variables = (0..count).map(|number| (format!("PART_{number:02}"), size));
        object(&variables.collect::<Vec<_>>())
    };
    let one = |size: usize| object(&[("BUNDLE".to_owned(), size)]);
    for case in [
        bad(
            "one variable, a byte too long",
            one(131_072 - "BUNDLE=".len()),
            "VariableTooLarge",
            &["`BUNDLE` takes 131073 bytes", "131072"],
        ),
        bad(
            "all together",
            many(22, 100_000),
            "VariablesTooLarge",
            &[
                "the variables of `worker` take",
                "2097152",
                "instead of `*`",
            ],
        ),
        bad(
            "an object that is not read",
            many(200, 100_000),
            "VariablesTooLarge",
            &["16777216", "leave out"],
        ),
    ] {
        rack.refuses(case).await;
    }
    // The same that is not declared stops nobody.
    let fits = one(131_071 - "BUNDLE=".len());
    let answer = app::promote_app(&rack.world, &rack.function, APP, "R99", fits).await;
    assert_eq!(answer["status"], "promoted", "{answer:#}");
    let running = app::running(&rack.world, "worker").await;
    let seen = app::sees(&rack.world, &running).await;
    assert_eq!(seen["BUNDLE"].len(), 131_071 - "BUNDLE=".len());
}

#[tokio::test]
async fn an_environment_in_a_form_of_others_takes_no_variable_from_what_runs() {
    let mut rack = Rack::new().await;
    let value = canary::value("VALUE");
    for case in [
        bad(
            "YAML",
            format!("TOKEN: {value}\nDATABASE_URL: postgres://a:{value}@db?sslmode=require\n"),
            "EmptyEnvironment",
            &[
                "apps/shop/releases/R01/env",
                "Release R00",
                "looks like YAML",
                "allowRemoval",
                "required variables are not set: DATABASE_URL",
            ],
        ),
        bad(
            "a JSON list",
            format!(r#"[{{"name": "TOKEN", "value": "{value}="}}]"#),
            "EmptyEnvironment",
            &["looks like a JSON list"],
        ),
        bad(
            "a shell script",
            format!("export DATABASE_URL={value}\n"),
            "EmptyEnvironment",
            &[
                "looks like a shell script",
                "without `export`, which stands before `DATABASE_URL`",
            ],
        ),
        bad(
            "nothing",
            "# nothing\n",
            "EmptyEnvironment",
            &["`KEY=value` lines"],
        ),
    ] {
        rack.refuses(case).await;
    }
}

#[tokio::test]
async fn an_environment_is_emptied_only_where_the_request_says_so() {
    let world = app::world_with("services:\n  web:\n    image: i\n", &[]).await;
    let function = world.start("promote", &[("SECRETS_MANAGER_ENV", "Yes")]);
    let promote = async |release, environment: &str| {
        app::promote_app(&world, &function, APP, release, environment).await
    };
    // Nothing is taken from an App that has no variables.
    for (release, environment, error_type) in [
        ("R1", "", None),
        ("R2", "# none\n", None),
        ("R3", "A=1\n", None),
        ("R4", "", Some("EmptyEnvironment")),
    ] {
        let answer = promote(release, environment).await;
        assert_eq!(
            answer["errorType"].as_str(),
            error_type,
            "{release}: {answer:#}"
        );
    }
    // An applied one that is gone counts as one that gave some.
    let version = app::state(&world).await["applied"]["envVersionId"].clone();
    let delete = world.s3.delete_object().bucket(&world.bucket);
    let delete = delete.key(format!("apps/{APP}/releases/R3/env"));
    let delete = delete.version_id(version.as_str().unwrap());
    delete.send().await.unwrap();
    let request = app::requested(&world, "R4", "before-r4", 1);
    let answer = function.answer(&request).await;
    assert_eq!(answer["errorType"], "EmptyEnvironment", "{answer:#}");
    let mut request = app::requested(&world, "R4", "of-r4", 2);
    request["detail"]["allowRemoval"] = true.into();
    let answer = function.answer(&request).await;
    assert_eq!(answer["status"], "promoted", "{answer:#}");
    assert_eq!(app::state(&world).await["applied"]["release"], "R4");
}

/// Lines of YAML, of ECS's list and of a value with newlines, beside one that is right: the file is promoted, and of the others
/// no output has more than the number.
#[tokio::test]
async fn of_lines_in_other_forms_no_output_shows_a_value() {
    let world = app::world_with(
        "services:\n  web:\n    image: i\n    environment: ['*']\n",
        &[],
    )
    .await;
    let function = world.start("promote", &[]);
    let value = canary::value("VALUE");
    let environment = format!(
        "API_KEY: {value}==\nA=1\nDATABASE_URL: postgres://app:{value}@db/shop?sslmode=require\n\
         [{{\"name\":\"PW\",\"value\":\"{value}=x\"}}]\nPEM=\"-----BEGIN\n2{value}=\n\"\nexport PW='{value}'\n"
    );
    let report = app::promote_app(&world, &function, APP, "R1", environment).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    let warnings = report["warnings"].to_string();
    for says in [
        "line 1 is not delivered",
        "line 3 is",
        "line 4 is",
        "line 6: what stands",
        "`export PW`",
    ] {
        assert!(warnings.contains(says), "{says}: {warnings}");
    }
    let planned = app::dry_run(&function, "R1").await;
    assert_eq!(planned["keys"]["added"], json!([]), "{planned:#}");
    // The container says the same of it, and starts.
    let definition = report["services"]["web"]["newTaskDefinition"]
        .as_str()
        .unwrap();
    let output = crate::runner::output(&world, definition, &["true"]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("line 1 is not delivered"), "{said}");
    canary::assert_absent(&[
        report.to_string(),
        planned.to_string(),
        format!("{:?}", world.events()),
        function.output(),
        said,
    ]);
}

#[tokio::test]
async fn an_object_that_no_function_can_hold_is_refused_unread() {
    let (world, function) = app::promoting(&[]).await;
    let large = "A=1\n".repeat(9 << 20);
    let report = app::promote_app(&world, &function, APP, "R1", large).await;
    app::assert_says!(report, {"status": "failed", "errorType": "ObjectTooLarge"});
    app::assert_sent(&world, &["Release Promote Failed"]);
}
