//! How a process gets the environment of its Release: through the secret only while that holds it.

use double::Fault;
use double::proxy::DeletedIds;
use rig::{Function, World};
use serde_json::{Value, json};

use super::{YES, live, run, told};
use crate::app::{self, APP};

/// What the task of an answer sees as `DATABASE_URL`.
async fn sees(world: &World, answer: &Value) -> String {
    let definition = answer["taskDefinition"].as_str().unwrap();
    app::sees(world, definition).await["DATABASE_URL"].clone()
}

/// That a process was delivered through S3 although Secrets Manager was wanted; its warnings.
fn assert_fell_back(answer: &Value, error_type: &str) -> String {
    app::assert_says!(answer, {"status": "started", "delivery": "S3"});
    assert_eq!(
        answer["fallback"],
        json!({"errorType": error_type}),
        "{answer:#}"
    );
    let warnings = answer["warnings"].to_string();
    assert!(
        warnings.contains("Secrets Manager is not used for this process: "),
        "{warnings}"
    );
    assert!(
        warnings.contains("entrypoint is convox-env") && warnings.contains(": web"),
        "{warnings}"
    );
    warnings
}

async fn promoted(world: &World, release: &str, value: &str) -> Function {
    let promote = world.start("promote", YES);
    app::promoted(world, &promote, release, &[("DATABASE_URL", value)]).await;
    promote
}

#[tokio::test]
async fn every_release_whose_version_is_kept_is_read_from_the_secret() {
    let (world, function) = live(YES).await;
    promoted(&world, "R2", "second").await;
    for (n, release, value) in [(1, "R1", "first"), (2, "R2", "second")] {
        let answer = run(
            &world,
            &function,
            &format!("e{n}"),
            json!({"release": release}),
        )
        .await;
        app::assert_says!(answer, {"delivery": "SecretsManager", "fallback": null});
        assert_eq!(sees(&world, &answer).await, value, "{release}");
    }
}

#[tokio::test]
async fn a_release_that_the_secret_does_not_hold_is_delivered_through_s3_and_the_answer_says_so() {
    let (world, function) = live(YES).await;
    let first = app::state(&world).await["applied"]["secret"]["versionId"].clone();
    let first = first.as_str().unwrap();
    // In the order of their names: of two uploads of one second the later name counts.
    promoted(&world, "R2", "second").await;
    promoted(&world, "R3", "third").await;
    let forget = world.secrets_manager.update_secret_version_stage();
    let forget = forget.secret_id(app::secret(&world));
    let forget = forget.version_stage(format!("release:{first}"));
    forget.remove_from_version_id(first).send().await.unwrap();
    let deleted = DeletedIds::Taken;
    world
        .proxy
        .delete_deprecated_versions(&app::secret(&world), deleted);
    world.proxy.clear();
    let answer = run(&world, &function, "e1", json!({"release": "R1"})).await;
    let warnings = assert_fell_back(&answer, "SecretHasNoVersion");
    assert!(
        warnings.contains("has no version with the environment of Release R1"),
        "{warnings}"
    );
    assert_eq!(sees(&world, &answer).await, "first");
    let (_, detail) = told(&world);
    for name in ["delivery", "fallback", "warnings", "decidedBy"] {
        assert_eq!(detail[name], answer[name], "{name}");
    }
    let answer = run(&world, &function, "e2", json!({"release": "R2"})).await;
    app::assert_says!(answer, {"delivery": "SecretsManager", "fallback": null});
    assert_eq!(sees(&world, &answer).await, "second");
}

#[tokio::test]
async fn the_applied_release_is_run_with_exactly_the_environment_that_was_promoted() {
    for (settings, delivery) in [(YES, "SecretsManager"), (&[][..], "S3")] {
        let (world, function) = live(settings).await;
        let state = app::state(&world).await;
        // Written, and not promoted yet.
        world
            .put_env(APP, "R1", &[("DATABASE_URL", "not yet")])
            .await;
        let answer = run(&world, &function, "e1", json!({"release": "R1"})).await;
        assert_eq!(answer["delivery"], delivery, "{answer:#}");
        assert_eq!(answer["envVersionId"], state["applied"]["envVersionId"]);
        assert_eq!(sees(&world, &answer).await, "first");
    }
}

#[tokio::test]
async fn another_release_is_run_with_its_current_environment() {
    let (world, function) = live(&[]).await;
    world.put_env(APP, "R2", &[("DATABASE_URL", "old")]).await;
    let sealed = world.seal(b"DATABASE_URL=sealed\n").await;
    let version = world
        .put(&format!("apps/{APP}/releases/R2/env"), sealed)
        .await;
    let answer = run(&world, &function, "e1", json!({"release": "R2"})).await;
    assert_eq!(answer["envVersionId"], version, "{answer:#}");
    assert_eq!(sees(&world, &answer).await, "sealed");
    assert_eq!(answer["fallback"], Value::Null, "the settings chose S3");
    assert_eq!(answer["decidedBy"], "Rack");
    let warnings = answer["warnings"].to_string();
    assert!(warnings.contains("entrypoint is convox-env"), "{warnings}");
}

#[tokio::test]
async fn an_edit_of_the_secret_reaches_no_process() {
    let (world, function) = live(YES).await;
    // As a promote does that is half-way: the secret is written, nothing is applied yet.
    let put = world
        .secrets_manager
        .put_secret_value()
        .secret_id(app::secret(&world));
    put.secret_string(r#"{"DATABASE_URL":"half-way"}"#)
        .send()
        .await
        .unwrap();
    let answer = run(&world, &function, "e1", json!({})).await;
    assert_eq!(answer["delivery"], "SecretsManager", "{answer:#}");
    assert_eq!(sees(&world, &answer).await, "first");
}

#[tokio::test]
async fn whatever_is_wrong_with_the_secret_the_process_runs() {
    let (world, function) = live(YES).await;
    for (number, (fault, error_type)) in [
        (Fault::DENIED, "AccessDeniedException"),
        (
            Fault::Error {
                status: 500,
                code: "InternalServiceError",
            },
            "InternalServiceError",
        ),
        (
            Fault::Error {
                status: 400,
                code: "ResourceNotFoundException",
            },
            "SecretMissing",
        ),
        (Fault::Throttle, "ThrottlingException"),
        (Fault::Garbage, "BadResponse"),
    ]
    .into_iter()
    .enumerate()
    {
        world.inject(fault.on_service("secretsmanager"));
        let answer = run(&world, &function, &format!("e{number}"), json!({})).await;
        world.proxy.lift();
        assert_fell_back(&answer, error_type);
        assert_eq!(sees(&world, &answer).await, "first");
    }
    let untag = world
        .secrets_manager
        .untag_resource()
        .secret_id(app::secret(&world));
    untag.tag_keys("convox:rack").send().await.unwrap();
    let answer = run(&world, &function, "untagged", json!({})).await;
    assert_fell_back(&answer, "SecretNotOurs");
    let tag = aws_sdk_secretsmanager::types::Tag::builder()
        .key("convox:rack")
        .value(&world.rack);
    let tagged = world
        .secrets_manager
        .tag_resource()
        .secret_id(app::secret(&world));
    tagged.tags(tag.build()).send().await.unwrap();
    let delete = world
        .secrets_manager
        .delete_secret()
        .secret_id(app::secret(&world));
    delete.recovery_window_in_days(30).send().await.unwrap();
    let answer = run(&world, &function, "scheduled", json!({})).await;
    assert_fell_back(&answer, "SecretScheduledForDeletion");
}

#[tokio::test]
async fn a_secret_that_does_not_answer_within_the_racks_limit_is_not_waited_for() {
    let (world, _) = live(YES).await;
    let function = world.start(
        "process-run",
        &[YES[0], ("SECRETS_MANAGER_TIMEOUT_SECONDS", "1")],
    );
    world.inject(Fault::Hang.on_service("secretsmanager"));
    let answer = run(&world, &function, "e1", json!({})).await;
    assert_fell_back(&answer, "Timeout");
}

#[tokio::test]
async fn the_settings_decide_as_for_a_promote() {
    let params = |value: &str| format!("params: {{SecretsManagerEnv: {value}}}\n{}", app::MANIFEST);
    for (rack, app_json, manifest, delivery, level) in [
        ("No", r"{}", app::MANIFEST.to_owned(), "S3", "Rack"),
        (
            "No",
            r#"{"params": {"SecretsManagerEnv": "Yes"}}"#,
            app::MANIFEST.to_owned(),
            "SecretsManager",
            "App",
        ),
        ("Yes", r"{}", params("No"), "S3", "convox.yml"),
        (
            "Yes",
            r#"{"generation": "1"}"#,
            app::MANIFEST.to_owned(),
            "S3",
            "Generation",
        ),
    ] {
        let world = app::world_with(&manifest, &[]).await;
        world.put(&format!("apps/{APP}/app.json"), app_json).await;
        let settings = [("SECRETS_MANAGER_ENV", rack)];
        let promote = world.start("promote", &settings);
        let report = app::promote(&world, &promote, "R1", &[("DATABASE_URL", "u")]).await;
        assert_eq!(report["delivery"], delivery, "{report:#}");
        let function = world.start("process-run", &settings);
        let answer = run(&world, &function, "e1", json!({})).await;
        app::assert_says!(answer, {"status": "started", "delivery": delivery, "decidedBy": level});
        assert_eq!(answer["fallback"], Value::Null, "{answer:#}");
    }
}

#[tokio::test]
async fn more_references_than_a_definition_holds_are_no_obstacle() {
    let declares =
        |what: &str| format!("services:\n  web:\n    image: i\n    environment: ['{what}']\n");
    let world = app::world_with(&declares("DATABASE_URL"), &[]).await;
    let names: Vec<String> = (0..400)
        .map(|n| format!("{}_{n}", "N".repeat(50)))
        .collect();
    let mut variables = vec![("DATABASE_URL", "first")];
    variables.extend(names.iter().map(|name| (name.as_str(), "1")));
    let promote = world.start("promote", YES);
    let report = app::promote(&world, &promote, "R1", &variables).await;
    assert_eq!(report["delivery"], "SecretsManager", "{report:#}");
    // Somebody rewrote the manifest of the Release since.
    app::write_manifest(&world, "R1", declares("*")).await;
    let function = world.start("process-run", YES);
    let answer = run(&world, &function, "e1", json!({})).await;
    let warnings = assert_fell_back(&answer, "TaskDefinitionTooLarge");
    assert!(warnings.contains("65536"), "{warnings}");
    assert_eq!(sees(&world, &answer).await, "first");
}
