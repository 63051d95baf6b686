//! What is the user's to mend: answered, told, not delivered again, and nothing is started.

use double::Fault;
use rig::{Function, World};
use serde_json::{Value, json};

use super::{YES, live, queued, requested, run, tasks, told};
use crate::app::{self, APP};
use crate::rack_settings::edit_state;

/// That a request fails for good and is told; what it says.
async fn failed(world: &World, function: &Function, more: Value, error_type: &str) -> String {
    world.proxy.clear();
    let answer = run(world, function, "e1", more.clone()).await;
    app::assert_says!(answer, {"status": "failed", "errorType": error_type}, "{more}");
    let (kind, detail) = told(world);
    assert_eq!(kind, "Process Failed");
    for name in ["requestId", "app", "service", "errorType", "message"] {
        assert_eq!(detail[name], answer[name], "{more}: {name}");
    }
    assert_eq!(
        world.proxy.count("ecs", "RegisterTaskDefinition"),
        0,
        "{more}"
    );
    assert!(tasks(world).await.is_empty(), "{more}");
    answer["message"].as_str().unwrap().to_owned()
}

/// A Release's convox.yml with its error type, and what the error says.
type Refused<'a> = (&'a str, String, &'a str, &'a str);

/// That each Release, once it is there, fails for good.
async fn all_failed(world: &World, function: &Function, cases: &[Refused<'_>]) {
    for (release, manifest, error_type, says) in cases {
        app::write_manifest(world, release, manifest.as_str()).await;
        world.put_env(APP, release, &[]).await;
        let message = failed(world, function, json!({"release": release}), error_type).await;
        assert!(message.contains(says), "{release}: {message}");
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_run_says_what_to_do() {
    let (world, function) = live(YES).await;
    let long = "x".repeat(8192);
    for (more, error_type, says) in [
        (
            json!({"service": "wob"}),
            "ServiceNotFound",
            "it has web, worker, metrics",
        ),
        (
            json!({"service": null}),
            "InvalidRequest",
            "has no `service`",
        ),
        (json!({"app": "Shop"}), "InvalidName", "`Shop`"),
        (json!({"release": "R 1"}), "InvalidName", "`R 1`"),
        (
            json!({"release": "R404"}),
            "ReleaseNotFound",
            "write `apps/shop/releases/R404/env`",
        ),
        (
            json!({"app": "unknown"}),
            "NoRelease",
            "promote one, or name one in `release`",
        ),
        (
            json!({"command": ""}),
            "InvalidRequest",
            "leave it out to run the Service's own",
        ),
        (json!({"command": 5}), "InvalidRequest", "is not a text"),
        (json!({"command": long}), "CommandTooLong", "ECS takes 8192"),
    ] {
        let message = failed(&world, &function, more, error_type).await;
        assert!(message.contains(says), "{error_type}: {message}");
    }
}

#[tokio::test]
async fn the_longest_command_that_ecs_takes_is_run() {
    let (world, function) = live(YES).await;
    let around = r#"{"containerOverrides":[{"command":["sh","-c",""],"name":"web"}]}"#.len();
    let fits = "x".repeat(8192 - around);
    let answer = run(&world, &function, "e1", json!({"command": fits})).await;
    assert_eq!(answer["status"], "started", "{answer:#}");
    let answer = run(&world, &function, "e2", json!({"command": fits + "x"})).await;
    assert_eq!(answer["errorType"], "CommandTooLong", "{answer:#}");
}

#[tokio::test]
async fn a_deleted_app_runs_nothing() {
    let (world, function) = live(YES).await;
    let deletion = world.start("app-deletion", &[]);
    let event = app::deleted(&world, "deletion", 5);
    let answer = deletion.answer(&event).await;
    assert_eq!(answer["status"], "deleted", "{answer:#}");
    for more in [json!({}), json!({"release": "R1"})] {
        let message = failed(&world, &function, more, "AppDeleted").await;
        assert!(
            message.contains("promote a Release to bring it back"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_release_that_promote_would_refuse_is_not_run() {
    let world = World::new().await;
    let function = world.start("process-run", &[]);
    let web = |more: &str| format!("services:\n  web:\n    image: i\n{more}");
    let cases = [
        (
            "R1",
            web("    environment: [NEEDED]\n"),
            "MissingVariables",
            "NEEDED (Service `web`)",
        ),
        (
            "R2",
            web("    links: [other]\n"),
            "UnknownLink",
            "services.web.links",
        ),
        (
            "R4",
            web("    privileged: true\n"),
            "Privileged",
            "cannot run privileged",
        ),
        (
            "R5",
            web("    scale: {cpu: 300}\n"),
            "InvalidSize",
            "no size of cpu 300",
        ),
        (
            "R6",
            "services:\n  web: {}\n".to_owned(),
            "NoImage",
            "no image",
        ),
        (
            "R7",
            "services: [".to_owned(),
            "InvalidManifest",
            "convox.yml",
        ),
        (
            "R10",
            web(&format!("    environment: ['A={}']\n", "x".repeat(66_000))),
            "TaskDefinitionTooLarge",
            "ECS takes 65536",
        ),
        (
            "R8",
            web("params: {SecretsManagerEnv: maybe}\n"),
            "InvalidParameter",
            "neither `Yes` nor `No`",
        ),
    ];
    all_failed(&world, &function, &cases).await;
    world.put_env(APP, "R9", &[]).await;
    let message = failed(
        &world,
        &function,
        json!({"release": "R9"}),
        "ManifestMissing",
    )
    .await;
    assert!(
        message.contains("apps/shop/releases/R9/convox.yml"),
        "{message}"
    );
}

#[tokio::test]
async fn a_release_that_names_what_is_not_its_apps_is_not_run() {
    let world = World::new().await;
    let none = [
        ("SECRETS_MANAGER_ENV", "Yes"),
        ("APP_SECRET_ARNS", ""),
        ("APP_ENVIRONMENT_FILE_ARNS", ""),
    ];
    let function = world.start("process-run", &none);
    let account = &world.account;
    let of_rack = format!(
        "arn:aws:secretsmanager:us-east-1:{account}:secret:{}/other-AbCdEf",
        world.rack
    );
    let web = |more: &str| format!("services:\n  web:\n    image: i\n{more}");
    let cases = [
        (
            "R1",
            web(&format!("    secrets: {{A: '{of_rack}:K::'}}\n")),
            "RackSecret",
            "belong to the Apps",
        ),
        (
            "R2",
            web("    environmentFiles: ['arn:aws:s3:::elsewhere/a.env']\n"),
            "EnvironmentFileNotAllowed",
            "AppEnvironmentFileArns",
        ),
        (
            "R3",
            web(&format!(
                "    secrets: {{A: '{}'}}\n",
                of_rack.replace(&world.rack, "team")
            )),
            "SecretNotAllowed",
            "AppSecretArns",
        ),
    ];
    all_failed(&world, &function, &cases).await;
}

#[tokio::test]
async fn a_variable_that_no_container_can_be_given_is_not_run() {
    let world = World::new().await;
    let function = world.start("process-run", &[]);
    let manifest = "services:\n  web:\n    image: i\n    environment: [BUNDLE]\n";
    let key = format!("apps/{APP}/releases/R11");
    world.put(&format!("{key}/convox.yml"), manifest).await;
    let object = json!({"BUNDLE": "x".repeat(140_000)}).to_string();
    world.put(&format!("{key}/env"), object).await;
    let message = failed(
        &world,
        &function,
        json!({"release": "R11"}),
        "VariableTooLarge",
    )
    .await;
    assert!(message.contains("`BUNDLE` takes 140008 bytes"), "{message}");
}

#[tokio::test]
async fn what_another_service_lacks_does_not_stop_a_process() {
    let manifest =
        "services:\n  web:\n    image: i\n  worker:\n    image: i\n    environment: [NEEDED]\n";
    let world = app::world_with(manifest, &[]).await;
    world.put_env(APP, "R1", &[]).await;
    let function = world.start("process-run", &[]);
    let answer = run(&world, &function, "e1", json!({"release": "R1"})).await;
    assert_eq!(answer["status"], "started", "{answer:#}");
}

#[tokio::test]
async fn a_rack_without_subnets_says_which_parameter_to_set() {
    let (world, _) = live(YES).await;
    // In a state of before the network was written down there is only that of today's settings.
    edit_state(&world, |state| {
        let applied = state["applied"].as_object_mut().unwrap();
        applied.remove("network").unwrap();
    })
    .await;
    let function = world.start("process-run", &[("SUBNETS", "")]);
    let message = failed(&world, &function, json!({}), "NoSubnets").await;
    assert!(message.contains("parameter Subnets"), "{message}");
}

#[tokio::test]
async fn what_ecs_refuses_for_good_is_told_and_not_delivered_again() {
    let (world, function) = live(YES).await;
    world.proxy.refuse_tasks(Some("MISSING"));
    let event = queued(&requested(&world, "e1", &json!({})));
    let answer = function.answer(&event).await;
    assert_eq!(answer, json!({"batchItemFailures": []}));
    let (kind, detail) = told(&world);
    assert_eq!(
        (kind.as_str(), &detail["errorType"]),
        ("Process Failed", &json!("TaskRefused"))
    );
    assert!(
        detail["message"].as_str().unwrap().contains("MISSING"),
        "{detail:#}"
    );
    world.proxy.refuse_tasks(None);
    world.proxy.clear();
    world.inject(Fault::DENIED.on("ecs", "RunTask"));
    let answer = function.answer(&event).await;
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(told(&world).1["errorType"], "AccessDeniedException");
}

#[tokio::test]
async fn what_is_not_for_this_rack_is_ignored_with_a_reason() {
    let (world, function) = live(YES).await;
    let with = |part: &str, value: Value| {
        let mut event = requested(&world, "e1", &json!({}));
        *event.pointer_mut(part).unwrap() = value;
        event
    };
    for (event, says) in [
        (
            with("/detail/rack", json!("another")),
            "an event of Rack `another`",
        ),
        (with("/detail/rack", Value::Null), "incomplete"),
        (with("/source", json!("aws.ecs")), "of `aws.ecs`"),
        (
            with("/detail-type", json!("Process Started")),
            "Process Started",
        ),
        (json!({"app": APP}), "a direct one is"),
        (
            json!({"app": APP, "service": "web", "dryRun": true}),
            "a direct one is",
        ),
    ] {
        let answer = function.answer(&event).await;
        assert_eq!(answer["status"], "ignored", "{answer:#}");
        let reason = answer["message"].as_str().unwrap_or_default();
        assert!(reason.contains(says), "{says}: {answer:#}");
        assert!(
            function.output().contains("ignored: "),
            "{}",
            function.output()
        );
    }
    assert!(tasks(&world).await.is_empty());
    assert_eq!(world.events(), []);
}
