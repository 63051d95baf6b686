//! Which variables the App gets.

use rig::{World, assert_absent, canary};

use super::{KEY, run, sees, stderr, url};
use crate::app::pairs;

#[tokio::test]
async fn all_three_forms_of_the_object_give_the_same_variables_with_and_without_a_key() {
    let world = World::new().await;
    let token = canary::value("TOKEN");
    let lines = format!("TOKEN={token}\nEMPTY=\n").into_bytes();
    let json = format!(r#"{{"TOKEN": "{token}", "EMPTY": ""}}"#).into_bytes();
    let (sealed_lines, sealed_json) = (world.seal(&lines).await, world.seal(&json).await);
    for (form, object, keys) in [
        ("lines", lines, &["", &world.key_arn][..]),
        ("JSON", json, &["", &world.key_arn]),
        ("envelope of lines", sealed_lines, &[&world.key_arn]),
        ("envelope of JSON", sealed_json, &[&world.key_arn]),
    ] {
        let url = url(&world, &world.put(KEY, object).await);
        for key in keys {
            let variables = [
                ("CONVOX_ENV_URL", url.as_str()),
                ("CONVOX_ENV_KEY", key),
                ("CONVOX_ENV_VARS", "*"),
            ];
            let mut want = pairs(variables);
            want.extend(pairs([("TOKEN", &token), ("EMPTY", "")]));
            assert!(
                sees(&world, &variables).await == want,
                "{form}, key `{key}`"
            );
        }
    }
}

#[tokio::test]
async fn the_version_in_the_url_is_the_one_that_is_read() {
    let world = World::new().await;
    let first = world.put(KEY, "A=first").await;
    let second = world.put(KEY, "A=second").await;
    let newest = format!("s3://{}/{KEY}", world.bucket);
    for (url, want) in [
        (url(&world, &first), "first"),
        (url(&world, &second), "second"),
        (newest, "second"),
    ] {
        let variables = [("CONVOX_ENV_URL", url.as_str()), ("CONVOX_ENV_VARS", "A")];
        assert_eq!(sees(&world, &variables).await["A"], want, "{url}");
    }
}

#[tokio::test]
async fn listed_names_pass_and_override_those_of_the_process() {
    let world = World::new().await;
    let version = world
        .put(KEY, "B=fetched\nC=fetched\nD=fetched\nAWS_REGION=fetched")
        .await;
    let (url, own) = (url(&world, &version), ("A", "process"));
    let variables = [
        own,
        ("B", "process"),
        ("D", "process"),
        ("CONVOX_ENV_URL", &url),
        ("CONVOX_ENV_VARS", "B,C,missing"),
    ];
    let mut want = pairs(variables);
    want.extend(pairs([("B", "fetched"), ("C", "fetched")]));
    assert_eq!(sees(&world, &variables).await, want);
    // Without a list nothing passes; with `*` everything does, also what the process used to get there.
    let none = [own, ("CONVOX_ENV_URL", &url)];
    assert_eq!(sees(&world, &none).await, pairs(none));
    let all = [("CONVOX_ENV_URL", url.as_str()), ("CONVOX_ENV_VARS", "*")];
    let region = run(&world, &all, &["sh", "-c", "echo $AWS_REGION"]).await;
    assert_eq!(String::from_utf8_lossy(&region.stdout), "fetched\n");
}

#[tokio::test]
async fn without_a_url_nothing_is_fetched_and_nothing_changes() {
    let world = World::new().await;
    world.put(KEY, "A=fetched").await;
    for url in [None, Some(("CONVOX_ENV_URL", ""))] {
        let mut variables = vec![
            ("A", "process"),
            ("CONVOX_ENV_KEY", world.key_arn.as_str()),
            ("CONVOX_ENV_VARS", "*"),
        ];
        variables.extend(url);
        let want = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        assert_eq!(sees(&world, &variables).await, want.collect());
    }
    assert_eq!(world.proxy.calls().len(), 0);
}

#[tokio::test]
async fn a_line_that_is_not_delivered_is_named_and_the_app_starts() {
    let world = World::new().await;
    let value = canary::value("X");
    let object = format!("A=1\nexport X={value}\nCONVOX_ENV_VARS={value}\n{value}\n");
    let url = url(&world, &world.put(KEY, object).await);
    let variables = [("CONVOX_ENV_URL", url.as_str()), ("CONVOX_ENV_VARS", "*")];
    let mut want = pairs(variables);
    want.insert("A".to_owned(), "1".to_owned());
    assert!(sees(&world, &variables).await == want);
    let said = stderr(&run(&world, &variables, &["true"]).await);
    for says in [
        &url,
        "line 2",
        "`export X`",
        "line 3",
        "`CONVOX_ENV_VARS`",
        "line 4",
    ] {
        assert!(said.contains(says), "{says}: {said}");
    }
    assert_absent(&[said]);
}

/// Whatever keys, profile, region and addresses of AWS the App has for itself: it gets them as they are, and what it needs
/// of its environment is read as the task, in the Rack's region, over the task's way.
#[tokio::test]
async fn the_object_is_read_as_the_task_whatever_the_app_has_of_aws() {
    let world = World::new().await;
    let url = url(&world, &world.put(KEY, "A=fetched").await);
    let elsewhere = "http://127.0.0.1:1";
    let of_app = [
        ("AWS_ACCESS_KEY_ID", "210987654321"),
        ("AWS_SECRET_ACCESS_KEY", "of-the-app"),
        ("AWS_SESSION_TOKEN", "of-the-app"),
        ("AWS_PROFILE", "of-the-app"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("AWS_ENDPOINT_URL", elsewhere),
        ("AWS_ENDPOINT_URL_S3", elsewhere),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", elsewhere),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nonexistent"),
    ];
    let mut variables = vec![
        ("CONVOX_ENV_URL", url.as_str()),
        ("CONVOX_ENV_KEY", world.key_arn.as_str()),
        ("CONVOX_ENV_VARS", "A"),
    ];
    variables.extend(of_app);
    let output = run(&world, &variables, &["/usr/bin/env", "-0"]).await;
    assert!(output.status.success(), "{}", stderr(&output));
    let listed = String::from_utf8(output.stdout).unwrap();
    let seen: Vec<&str> = listed.split_terminator('\0').collect();
    assert!(seen.contains(&"A=fetched"), "what is fetched is there");
    for (name, value) in of_app {
        assert!(seen.contains(&format!("{name}={value}").as_str()), "{name}");
    }
    let calls = world.proxy.calls();
    assert_eq!(calls.len(), 1, "S3 is asked once, through the task's way");
}
