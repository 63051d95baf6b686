//! What cannot go back to the applied Release, because that never had it, is said.

use std::time::Duration;

use double::Fault;
use rig::Invocation;
use serde_json::Value;

use super::{WEB, YES, assert_failed, says, write_more};
use crate::app::{self, APP};

#[tokio::test]
async fn a_timer_that_only_the_failed_release_has_does_not_run() {
    let (world, function) = app::promoting_with(WEB, &["web"], YES).await;
    app::promote(&world, &function, "R1", &[("DATABASE_URL", "applied")]).await;
    let timer = |name| {
        format!("  {name}:\n    schedule: \"0 3 * * ?\"\n    command: c\n    service: web\n")
    };
    let manifest = format!("{WEB}timers:\n{}{}", timer("one"), timer("two"));
    app::write_manifest(&world, "R2", manifest).await;
    // Of two new Timers one has its target before the other one is denied its own.
    let pass = |delay| Fault::Latency(Duration::from_millis(delay));
    for (delay, operation) in [(0, "PutRule"), (1_000, "PutRule"), (0, "PutTargets")] {
        world.inject(pass(delay).on("events", operation).times(1));
    }
    world.inject(Fault::DENIED.on("events", "PutTargets").times(1));
    let answer = app::promote(&world, &function, "R2", &[("DATABASE_URL", "failed")]).await;
    world.proxy.lift();
    assert_failed(&world, &answer, "AccessDeniedException", "new Timers").await;

    for timer in ["one", "two"] {
        let rule = app::rule(&world, timer);
        let targets = world.eventbridge.list_targets_by_rule().rule(&rule);
        let targets = targets
            .send()
            .await
            .map(|listed| listed.targets.unwrap_or_default());
        let starts = targets.is_ok_and(|targets| !targets.is_empty());
        let state = world.eventbridge.describe_rule().name(&rule).send().await;
        let enabled = state.is_ok_and(|rule| {
            rule.state()
                .is_some_and(|state| state.as_str() == "ENABLED")
        });
        assert!(
            !(starts && enabled),
            "the Timer `{timer}` of the failed Release runs: {answer:#}"
        );
    }
}

#[tokio::test]
async fn a_service_that_only_the_failed_release_has_is_gone_again() {
    let (world, function) = app::promoting_with(WEB, &["web"], YES).await;
    app::promote(&world, &function, "R1", &[("DATABASE_URL", "applied")]).await;
    write_more(&world, "extra").await;
    world.inject(Fault::DENIED.on("events", "PutTargets").times(1));
    let answer = app::promote(&world, &function, "R2", &[("DATABASE_URL", "failed")]).await;
    world.proxy.lift();
    assert_failed(&world, &answer, "AccessDeniedException", "a new Service").await;
    assert_eq!(world.proxy.count("ecs", "CreateService"), 1, "it was there");
    let extra = app::ecs_service(&world, "extra");
    assert!(
        app::standing(&world, &extra).await.is_none(),
        "`{extra}` still runs the failed Release"
    );
    assert!(
        app::described_rule(&world, "one").await.is_none(),
        "the rule of the failed Release is still there"
    );
}

#[tokio::test]
async fn what_an_unfinished_first_request_left_is_said_when_the_next_one_is_refused() {
    let (world, function) = app::promoting(YES).await;
    world.inject(Fault::TRANSIENT.on("events", "PutTargets"));
    let version = world
        .put_env(APP, "R1", &[("DATABASE_URL", "unfinished")])
        .await;
    let ended = function.invoke(&app::written(&world, "R1", &version)).await;
    world.proxy.lift();
    assert!(matches!(ended, Invocation::Error { .. }), "{ended:?}");

    let answer = app::promote(&world, &function, "R2", &[("OTHER", "u")]).await;
    assert_failed(&world, &answer, "MissingVariables", "refused").await;
    assert_eq!(app::state(&world).await["applied"], Value::Null);
    assert!(
        says(&answer, "stays"),
        "ECS services run an unfinished Release, and nothing says so: {answer:#}"
    );
}
