//! What is back is said to be back, what is not is named, and what a later promote has to see to is remembered.

use double::Fault;
use rig::Invocation;
use serde_json::{Value, json};

use super::{WEB, YES, assert_failed, runs, says, write_more};
use crate::app::{self, APP};

/// Without the Service `metrics` and the Timer `cleanup`.
fn fewer() -> String {
    let (services, rest) = app::MANIFEST.split_once("  metrics:").unwrap();
    let (_, timers) = rest.split_once("timers:").unwrap();
    let (_, report) = timers.split_once("  report:").unwrap();
    format!("{services}timers:\n  report:{report}")
}

async fn promote_fewer(world: &rig::World, function: &rig::Function) -> Value {
    app::write_manifest(world, "R2", fewer()).await;
    world.inject(Fault::DENIED.on("events", "DeleteRule").times(1));
    let answer = app::promote(world, function, "R2", &[("DATABASE_URL", "failed")]).await;
    world.proxy.lift();
    assert_failed(world, &answer, "AccessDeniedException", "fewer").await;
    answer
}

#[tokio::test]
async fn a_service_and_a_rule_that_are_gone_are_made_again() {
    let (world, function) = app::promoting(YES).await;
    app::promote(&world, &function, "R1", &[("DATABASE_URL", "applied")]).await;
    let before = runs(&world).await;
    let answer = promote_fewer(&world, &function).await;
    app::assert_tells(&answer, "what was changed is back at Release R1");
    assert!(!says(&answer, "but for"), "{answer:#}");
    assert_eq!(runs(&world).await, before, "{answer:#}");
    let state = app::state(&world).await;
    assert_eq!(state["desired"]["unrestored"], Value::Null, "{state:#}");
}

#[tokio::test]
async fn a_service_that_drains_is_named_and_the_next_promote_brings_it_back() {
    let (world, function) = app::promoting(YES).await;
    app::promote(&world, &function, "R1", &[("DATABASE_URL", "applied")]).await;
    let cleanup = app::scheduled(&world, "cleanup").await;
    world.proxy.hold_draining();
    let answer = promote_fewer(&world, &function).await;
    let metrics = app::ecs_service(&world, "metrics");
    let named = format!("the ECS service `{metrics}` is on its way out (DRAINING)");
    app::assert_tells(&answer, "back at Release R1, but for this");
    app::assert_tells(&answer, &named);
    assert_eq!(app::scheduled(&world, "cleanup").await, cleanup);
    let state = app::state(&world).await;
    let remembered = state["desired"]["unrestored"].to_string();
    assert!(remembered.contains(&metrics), "{remembered}");
    world.proxy.end_draining();

    let answer = app::asked(&world, &function, "R1", "request-1", 1).await;
    assert_eq!(answer["status"], "promoted", "{answer:#}");
    assert!(app::standing(&world, &metrics).await.is_some());
    let state = app::state(&world).await;
    assert_eq!(state["desired"]["unrestored"], Value::Null, "{state:#}");
}

#[tokio::test]
async fn what_a_put_back_could_not_remove_the_next_promote_removes() {
    let (world, function) = app::promoting_with(WEB, &["web"], YES).await;
    app::promote(&world, &function, "R1", &[("DATABASE_URL", "applied")]).await;
    write_more(&world, "api").await;
    world.inject(Fault::DENIED.on("events", "PutTargets").times(1));
    world.inject(Fault::DENIED.on("ecs", "DeleteService").times(1));
    let answer = app::promote(&world, &function, "R2", &[("DATABASE_URL", "failed")]).await;
    world.proxy.lift();
    assert_failed(&world, &answer, "AccessDeniedException", "a new Service").await;
    let api = app::ecs_service(&world, "api");
    let still = format!("the ECS service `{api}`, which it created, still runs");
    app::assert_tells(&answer, &still);
    let rule = app::described_rule(&world, "one").await;
    assert!(rule.is_none(), "the rest is removed all the same");

    app::write_manifest(&world, "R3", WEB).await;
    let answer = app::promoted(&world, &function, "R3", &[("DATABASE_URL", "third")]).await;
    assert_eq!(answer["removed"], json!([api]), "{answer:#}");
    assert!(app::standing(&world, &api).await.is_none());
}

#[tokio::test]
async fn what_lost_the_apps_tags_meanwhile_is_left_alone_and_named() {
    let (world, function) = app::promoting(YES).await;
    app::promote(&world, &function, "R1", &[("DATABASE_URL", "applied")]).await;
    world.inject(Fault::TRANSIENT.on("events", "PutTargets"));
    let version = world
        .put_env(APP, "R2", &[("DATABASE_URL", "unfinished")])
        .await;
    let ended = function.invoke(&app::written(&world, "R2", &version)).await;
    world.proxy.lift();
    assert!(matches!(ended, Invocation::Error { .. }), "{ended:?}");
    let moved = app::running(&world, "worker").await;
    let (worker, rule) = (
        app::ecs_service(&world, "worker"),
        app::rule(&world, "cleanup"),
    );
    app::untag_service(&world, &worker).await;
    app::untag_rule(&world, "cleanup").await;

    let answer = app::promote(&world, &function, "R3", &[("OTHER", "u")]).await;
    assert_eq!(answer["status"], "failed", "{answer:#}");
    for what in [
        format!("the ECS service `{worker}`"),
        format!("the rule `{rule}`"),
    ] {
        let left = format!("{what} does not carry this App's tags any more, so it is left alone");
        assert!(says(&answer, &left), "{left}: {answer:#}");
    }
    assert_eq!(app::running(&world, "worker").await, moved);
}
