//! What an invocation leaves unfinished, the next one finishes.

use double::Fault;
use rig::{Function, Invocation, World};
use serde_json::{Value, json};

use super::{ENVIRONMENT, YES, assert_runs, sample};
use crate::app::{self, APP};

/// Delivers an event while ECS moves no service; the invocation's end.
async fn interrupted(world: &World, function: &Function, event: &Value) -> Invocation {
    // Transient for us, and not for the SDK, whose own retries would take half a minute.
    world.inject(Fault::TRANSIENT.on("ecs", "UpdateService"));
    let ended = function.invoke(event).await;
    world.proxy.lift();
    ended
}

#[tokio::test]
async fn a_transient_fault_asks_for_another_delivery_which_registers_nothing_anew() {
    let (world, function) = app::promoting(YES).await;
    for (number, (release, name)) in
        (1..).zip([("R1", "object-created"), ("R2", "sqs-object-created")])
    {
        let version = world
            .put_env(APP, release, &[("DATABASE_URL", release)])
            .await;
        let event = sample(&world, name, release, &version);
        match interrupted(&world, &function, &event).await {
            Invocation::Error {
                error_type,
                message,
            } => {
                assert_eq!(
                    (name, error_type.as_str()),
                    ("object-created", "ConcurrentModificationException")
                );
                assert!(message.contains("move ECS service"), "{message}");
            }
            Invocation::Answer(answer) => {
                let failures = json!([{"itemIdentifier": event["Records"][0]["messageId"]}]);
                assert_eq!(answer, json!({"batchItemFailures": failures}), "{name}");
            }
        }
        let state = app::state(&world).await;
        assert_eq!(state["desired"]["status"], "pending", "{name}");
        assert_eq!(state["lease"], Value::Null, "{name}: given back");
        // One of the five reads no variable: only the first Release registers it.
        let all = 5 + 4 * (number - 1);
        let registered = app::registered(&world).await;
        assert_eq!(registered.len(), all, "{name}: before the fault");

        let answer = function.answer(&event).await;
        if name == "sqs-object-created" {
            assert_eq!(answer, json!({"batchItemFailures": []}));
        }
        assert_runs(&world, release, name).await;
        assert_eq!(
            app::registered(&world).await,
            registered,
            "{name}: known ones are used"
        );
    }
    let ok = |seq| (seq, "ok".to_owned(), None);
    assert_eq!(
        app::outcomes(&world).await,
        [ok(1), ok(2)],
        "requests count, not deliveries"
    );
}

#[tokio::test]
async fn promotion_continue_finishes_what_another_invocation_left() {
    let (world, function) = app::promoting(YES).await;
    let version = world.put_env(APP, "R1", ENVIRONMENT).await;
    let event = app::written(&world, "R1", &version);
    let ended = interrupted(&world, &function, &event).await;
    assert!(matches!(ended, Invocation::Error { .. }), "{ended:?}");
    let next = sample(&world, "continue", "R1", "");
    let answer = function.answer(&next).await;
    app::assert_says!(answer, {"status": "promoted", "requestId": version});
    assert_runs(&world, "R1", "continued").await;
    let idle = function.answer(&next).await;
    assert_eq!(idle["status"], "idle", "nothing is left: {idle:#}");
}

#[tokio::test]
async fn what_the_user_has_to_mend_is_not_delivered_again() {
    let (world, function) = app::promoting(YES).await;
    let version = world.put_env(APP, "R1", &[("OTHER", "u")]).await;
    let event = sample(&world, "sqs-object-created", "R1", &version);
    let answer = function.answer(&event).await;
    assert_eq!(answer, json!({"batchItemFailures": []}));
    let report = app::report(&world, "R1").await.unwrap();
    assert_eq!(report["errorType"], "MissingVariables", "{report:#}");
}
