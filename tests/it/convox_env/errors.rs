//! What stops a container before its App starts: one line that names the object and the fix, no value, exit code 1.

use std::time::Duration;

use double::Fault;
use rig::{World, assert_absent, canary};

use super::{KEY, convox_env, run, serve, stderr, url};

/// Asserts that the App does not start; what was said instead.
async fn refused(world: &World, variables: &[(&str, &str)], at: &str) -> String {
    let output = run(world, variables, &["echo", "the App runs"]).await;
    let said = stderr(&output);
    assert_absent(&[&said]);
    assert_eq!(output.status.code(), Some(1), "{at}: {said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{at}");
    assert_eq!(said.lines().count(), 1, "{at}: {said}");
    said
}

fn assert_says(said: &str, all: &[&str], at: &str) {
    for says in all {
        assert!(said.contains(says), "{at}: `{says}` is not in: {said}");
    }
}

#[tokio::test]
async fn an_object_that_is_not_there_is_named() {
    let world = World::new().await;
    let version = world.put(KEY, "A=1").await;
    let other = world.put("apps/shop/releases/R2/env", "A=2").await;
    let bucket = &world.bucket;
    for object in [
        format!("s3://{bucket}/apps/shop/releases/R9/env"),
        format!("s3://{bucket}/apps/shop/releases/R9/env?versionId={version}"),
        format!("s3://{bucket}/{KEY}?versionId={other}"),
        format!("s3://{bucket}-gone/{KEY}"),
    ] {
        let said = refused(&world, &[("CONVOX_ENV_URL", &object)], &object).await;
        let fix = "does not exist, promote the Release again";
        assert_says(&said, &[&object, fix], &object);
    }
}

#[tokio::test]
async fn an_object_that_cannot_be_read_as_an_environment_is_named() {
    let world = World::new().await;
    let token = canary::value("TOKEN");
    let sealed = world.seal(format!("TOKEN={token}").as_bytes()).await;
    let changed = {
        let mut envelope: serde_json::Value = serde_json::from_slice(&sealed).unwrap();
        let other = world.seal(b"A=other").await;
        let other: serde_json::Value = serde_json::from_slice(&other).unwrap();
        envelope["c"] = other["c"].clone();
        envelope.to_string().into_bytes()
    };
    let nested = world.seal(&sealed).await;
    let not_json = world.seal(format!("{{\"TOKEN\": {token}").as_bytes()).await;
    let half = sealed[..sealed.len() / 2].to_vec();
    let mut not_utf8 = format!("TOKEN={token}\nB=").into_bytes();
    not_utf8.push(0xff);
    let garbage = format!(r#"{{"c": "{token}", "k": "?", "n": "?"}}"#);
    for (case, object, says) in [
        ("half an envelope", half, "not valid JSON"),
        ("a changed envelope", changed, "do not belong together"),
        ("an envelope in an envelope", nested, "another envelope"),
        ("broken JSON in an envelope", not_json, "not valid JSON"),
        (
            "no base64",
            garbage.into_bytes(),
            "`c` of the envelope is not standard base64",
        ),
        ("not UTF-8", not_utf8, "line 2"),
        ("a NUL", format!("TOKEN={token}\0").into_bytes(), "line 1"),
        (
            "a number",
            format!(r#"{{"A": "{token}", "B": 1}}"#).into_bytes(),
            "`B`",
        ),
        (
            "twice",
            format!(r#"{{"A": "{token}", "A": "{token}"}}"#).into_bytes(),
            "`A`",
        ),
    ] {
        let url = url(&world, &world.put(KEY, object).await);
        let variables = [
            ("CONVOX_ENV_URL", url.as_str()),
            ("CONVOX_ENV_KEY", &world.key_arn),
        ];
        let said = refused(&world, &variables, case).await;
        assert_says(&said, &[&url, "is no environment", says], case);
    }
}

#[tokio::test]
async fn an_envelope_is_never_read_as_plain_text() {
    let world = World::new().await;
    let token = canary::value("TOKEN");
    let sealed = world.seal(format!("TOKEN={token}").as_bytes()).await;
    let url = url(&world, &world.put(KEY, sealed).await);
    let (own, other) = (world.key_arn.as_str(), another_key(&world).await);
    let cases: [(&str, Option<&'static str>, &[&str]); 4] = [
        (
            "",
            None,
            &[
                "CONVOX_ENV_KEY is not set",
                "or write the object as plain lines",
            ],
        ),
        (&other, None, &["was not made with CONVOX_ENV_KEY"]),
        (own, Some("AccessDeniedException"), &["kms:Decrypt", own]),
        (
            own,
            Some("DisabledException"),
            &["check that CONVOX_ENV_KEY is enabled"],
        ),
    ];
    for (key, kms_says, says) in cases {
        let case = format!("key `{key}`, KMS says {kms_says:?}");
        if let Some(code) = kms_says {
            let fault = Fault::Error { status: 400, code };
            world.proxy.lift();
            world.inject(fault.on("kms", "Decrypt"));
        }
        let variables = [
            ("CONVOX_ENV_URL", url.as_str()),
            ("CONVOX_ENV_KEY", key),
            ("CONVOX_ENV_VARS", "*"),
        ];
        let said = refused(&world, &variables, &case).await;
        assert_says(&said, &[&url], &case);
        assert_says(&said, says, &case);
    }
}

async fn another_key(world: &World) -> String {
    let key = world.kms.create_key().send().await.unwrap();
    key.key_metadata.unwrap().arn.unwrap()
}

#[tokio::test]
async fn what_s3_refuses_names_the_permission() {
    let world = World::new().await;
    let version = world.put(KEY, "A=1").await;
    let (status, code) = (403, "AccessDenied");
    let denied = Fault::Error { status, code };
    world.inject(denied.on("s3", "GetObject"));
    let newest = format!("s3://{}/{KEY}", world.bucket);
    for (url, action) in [
        (url(&world, &version), "s3:GetObjectVersion"),
        (newest, "s3:GetObject "),
    ] {
        let said = refused(&world, &[("CONVOX_ENV_URL", &url)], action).await;
        assert_says(&said, &[&url, "task role", action], action);
    }
}

#[tokio::test]
async fn a_task_without_a_role_says_so() {
    let world = World::new().await;
    let url = url(&world, &world.put(KEY, "A=1").await);
    let mut command = convox_env(&world, &[("CONVOX_ENV_URL", url.as_str())]);
    // Neither keys nor another address take its place, although both would open the object.
    let elsewhere = &world.task_access()["CONVOX_ENV_TEST_CREDENTIALS"];
    command
        .env_remove("CONVOX_ENV_TEST_CREDENTIALS")
        .env("AWS_ACCESS_KEY_ID", &world.account)
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", elsewhere);
    let output = command
        .args(["echo", "the App runs"])
        .output()
        .await
        .unwrap();
    assert_eq!(
        (output.status.code(), output.stdout.as_slice()),
        (Some(1), &b""[..])
    );
    assert_says(&stderr(&output), &[&url, "task role"], "no credentials");
}

#[tokio::test]
async fn of_a_url_that_is_none_the_right_form_is_shown() {
    let world = World::new().await;
    for url in [
        "https://user:password@host/env",
        "s3://alone",
        "s3://other/env?version=1",
    ] {
        let said = refused(&world, &[("CONVOX_ENV_URL", url)], url).await;
        let right = ["CONVOX_ENV_URL", "s3://bucket/key?versionId=version"];
        assert_says(&said, &right, url);
        assert!(!said.contains(url), "{said}");
    }
    assert_eq!(world.proxy.calls().len(), 0);
}

#[tokio::test]
async fn an_object_that_is_no_environment_by_its_size_or_is_cut_off_is_named() {
    let world = World::new().await;
    let url = url(&world, &world.put(KEY, "A=1").await);
    let huge = serve("A=1\n".repeat(5 << 20), 0).await;
    let said = refused(
        &world,
        &[
            ("CONVOX_ENV_URL", &url),
            ("CONVOX_ENV_TEST_ENDPOINT", &huge),
        ],
        "huge",
    )
    .await;
    assert_says(&said, &[&url, "more than 16 MiB"], "huge");

    world.inject(Fault::LostAnswer.on("s3", "GetObject"));
    let said = refused(&world, &[("CONVOX_ENV_URL", &url)], "cut off").await;
    assert_says(&said, &[&url, "the network's way to S3"], "cut off");
    assert_eq!(
        world.proxy.count("s3", "GetObject"),
        3,
        "it is tried three times"
    );
}

#[tokio::test]
async fn a_throttled_s3_is_asked_again() {
    let world = World::new().await;
    let url = url(&world, &world.put(KEY, "A=1").await);
    world.inject(Fault::Throttle.on("s3", "GetObject").times(2));
    let output = run(
        &world,
        &[("CONVOX_ENV_URL", &url), ("CONVOX_ENV_VARS", "A")],
        &["sh", "-c", "echo $A"],
    )
    .await;
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "1\n",
        "{}",
        stderr(&output)
    );
}

#[tokio::test]
async fn a_variable_that_linux_does_not_take_is_said_so_without_it() {
    let world = World::new().await;
    let value = canary::value("LARGE").repeat(8192);
    let url = url(
        &world,
        &world.put(KEY, format!(r#"{{"LARGE": "{value}"}}"#)).await,
    );
    let output = run(
        &world,
        &[("CONVOX_ENV_URL", &url), ("CONVOX_ENV_VARS", "*")],
        &["true"],
    )
    .await;
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(126), "{}", said.len());
    assert_says(
        &said,
        &["`true` cannot take its environment", "128 KiB"],
        "large",
    );
    assert_absent(&[said]);
}

/// The only test that waits for limits. They are built in: 5 s for an attempt, 20 s in all.
#[tokio::test]
async fn an_s3_that_never_ends_its_answer_ends_the_container_within_its_limit() {
    let world = World::new().await;
    let url = url(&world, &world.put(KEY, "A=1").await);
    world.inject(Fault::Hang.on_service("s3"));
    let silent = [("CONVOX_ENV_URL", url.as_str())];
    let stalled = serve("A=1\n".to_owned(), 1000).await;
    let stalled = [silent[0], ("CONVOX_ENV_TEST_ENDPOINT", stalled.as_str())];
    let both = async {
        tokio::join!(
            refused(&world, &silent, "no answer"),
            refused(&world, &stalled, "half an answer")
        )
    };
    let both = tokio::time::timeout(Duration::from_mins(5), both).await;
    let both = both.expect("a container that hangs for ever");
    for said in [both.0, both.1] {
        assert_says(&said, &[&url, "the network's way to S3"], "hanging");
    }
}
