//! What starts promote, and what does not.

mod agrees;
mod dry_run;
mod ignored;
mod redelivery;

use rig::{World, events};
use serde_json::{Value, json};

use crate::app::{self, APP, YES};

const ENVIRONMENT: &[(&str, &str)] = &[("DATABASE_URL", "u")];

/// The sample event `events/promote-{name}.json`, about this World's Rack, bucket and Release.
fn sample(world: &World, name: &str, release: &str, version: &str) -> Value {
    events::sample_of(world, &format!("promote-{name}"), release, version)
}

async fn assert_runs(world: &World, release: &str, case: &str) {
    let state = app::state(world).await;
    assert_eq!(state["applied"]["release"], release, "{case}");
    assert_eq!(
        (&state["desired"]["status"], &state["lease"]),
        (&json!("done"), &Value::Null)
    );
    let report = app::report(world, release).await.unwrap();
    let web = app::running(world, "web").await;
    assert_eq!(
        report["services"]["web"]["newTaskDefinition"], web,
        "{case}"
    );
}

#[tokio::test]
async fn every_sample_event_can_be_read() {
    let (world, function) = app::promoting(YES).await;
    let version = world.put_env(APP, "R1", ENVIRONMENT).await;
    let names = events::samples("promote");
    assert!(names.len() >= 7, "{names:?}");
    for name in names {
        let event = sample(&world, &name, "R1", &version);
        let answer = function.answer(&event).await;
        if name.starts_with("sqs-") {
            assert_eq!(answer, json!({"batchItemFailures": []}), "{name}");
        } else {
            assert_ne!(answer["status"], "failed", "{name}: {answer:#}");
        }
    }
    let output = function.output();
    for unread in [
        "cannot be read",
        "is incomplete",
        "no known form",
        "is not JSON",
    ] {
        assert!(!output.contains(unread), "{unread}: {output}");
    }
}

#[tokio::test]
async fn an_environment_write_promotes_however_it_is_announced() {
    let (world, function) = app::promoting(YES).await;
    for (release, name, is_queued) in [
        ("R1", "object-created", false),
        ("R2", "s3-notification", false),
        ("R3", "sqs-object-created", true),
        ("R4", "sqs-s3-notification", true),
    ] {
        let version = world.put_env(APP, release, ENVIRONMENT).await;
        let event = sample(&world, name, release, &version);
        let answer = function.answer(&event).await;
        if is_queued {
            assert_eq!(answer, json!({"batchItemFailures": []}), "{name}");
        } else {
            app::assert_says!(answer, {"status": "promoted", "requestId": version}, "{name}");
        }
        assert_runs(&world, release, name).await;
    }
}

#[tokio::test]
async fn a_notifications_key_is_form_decoded() {
    let (world, function) = app::promoting(YES).await;
    let version = world.put_env(APP, "R1", ENVIRONMENT).await;
    let mut event = sample(&world, "s3-notification", "R1", &version);
    let key = &mut event["Records"][0]["s3"]["object"]["key"];
    *key = "apps%2Fshop%2Freleases%2FR1%2Fenv".into();
    assert_eq!(function.answer(&event).await["status"], "promoted");
    // `+` is a space, and no Release's name has one.
    event["Records"][0]["s3"]["object"]["key"] = "apps/shop/releases/R+1/env".into();
    let answer = function.answer(&event).await;
    app::assert_tells(&answer, "the Release name `R 1`");
}

#[tokio::test]
async fn an_event_without_a_version_promotes_the_current_one() {
    let (world, function) = app::promoting(YES).await;
    for (release, name, pointer, field) in [
        ("R1", "object-created", "/detail/object", "version-id"),
        ("R2", "s3-notification", "/Records/0/s3/object", "versionId"),
    ] {
        world
            .put_env(APP, release, &[("DATABASE_URL", "older")])
            .await;
        let current = world.put_env(APP, release, ENVIRONMENT).await;
        let mut event = sample(&world, name, release, "");
        let object = event.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
        object.remove(field);
        let answer = function.answer(&event).await;
        app::assert_says!(answer, {"status": "promoted", "requestId": current}, "{name}");
        assert_eq!(answer["envVersionId"], current, "{name}");
    }
}

#[tokio::test]
async fn a_requested_older_release_is_a_rollback() {
    let (world, function) = app::promoting(YES).await;
    app::promote(&world, &function, "R1", &[("DATABASE_URL", "old")]).await;
    let manifest = app::MANIFEST.replace("example/web:1", "example/web:2");
    app::write_manifest(&world, "R2", manifest).await;
    app::promote(&world, &function, "R2", &[("DATABASE_URL", "new")]).await;

    let event = sample(&world, "requested", "R1", "");
    let answer = function.answer(&event).await;
    app::assert_says!(answer, {"status": "promoted", "requestId": event["id"]});
    assert_runs(&world, "R1", "rolled back").await;
    let (_, secret) = app::current_secret(&world).await;
    assert_eq!(secret, json!({"DATABASE_URL": "old"}));
    let running = app::running(&world, "web").await;
    assert_eq!(app::sees(&world, &running).await["DATABASE_URL"], "old");
    let (definition, tags) = app::definition(&world, &running).await;
    assert_eq!(
        definition.container_definitions()[0].image(),
        Some("example/web:1")
    );
    assert_eq!(tags["convox:release"], "R1");
}

#[tokio::test]
async fn a_direct_invocation_promotes() {
    let (world, function) = app::promoting(YES).await;
    world.put_env(APP, "R1", ENVIRONMENT).await;
    let direct = json!({"app": APP, "release": "R1"});
    let answer = function.answer(&direct).await;
    assert_eq!(answer["status"], "promoted", "{answer:#}");
    assert_runs(&world, "R1", "direct").await;
}
