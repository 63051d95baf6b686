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
    let key = format!("apps/{APP}/releases/R2/convox.yml");
    world.put(&key, fewer()).await;
    world
        .proxy
        .inject(Fault::DENIED.on("events", "DeleteRule").times(1));
    let answer = app::promote(world, function, "R2", &[("DATABASE_URL", "failed")]).await;
    world.proxy.lift();
    assert_failed(world, &answer, "AccessDeniedException", "fewer").await;
    answer
}

#[tokio::test]
async fn a_service_and_a_rule_that_are_gone_are_made_again() {
    let world = app::world().await;
    let function = world.start("promote", YES);
    app::promote(&world, &function, "R1", &[("DATABASE_URL", "applied")]).await;
    let before = runs(&world).await;
    let answer = promote_fewer(&world, &function).await;
    assert!(
        says(&answer, "what was changed is back at Release R1"),
        "{answer:#}"
    );
    assert!(!says(&answer, "but for"), "{answer:#}");
    assert_eq!(runs(&world).await, before, "{answer:#}");
    let state = app::state(&world).await;
    assert_eq!(state["desired"]["unrestored"], Value::Null, "{state:#}");
}

#[tokio::test]
async fn a_service_that_drains_is_named_and_the_next_promote_brings_it_back() {
    let world = app::world().await;
    let function = world.start("promote", YES);
    app::promote(&world, &function, "R1", &[("DATABASE_URL", "applied")]).await;
    let cleanup = app::scheduled(&world, "cleanup").await;
    world.proxy.hold_draining();
    let answer = promote_fewer(&world, &function).await;
    let metrics = app::ecs_service(&world, "metrics");
    let named = format!("the ECS service `{metrics}` is on its way out (DRAINING)");
    assert!(
        says(&answer, "back at Release R1, but for this"),
        "{answer:#}"
    );
    assert!(says(&answer, &named), "{answer:#}");
    assert_eq!(app::scheduled(&world, "cleanup").await, cleanup);
    let state = app::state(&world).await;
    let remembered = state["desired"]["unrestored"].to_string();
    assert!(remembered.contains(&metrics), "{remembered}");
    world.proxy.end_draining();

    let again = app::requested(&world, "R1", "request-1", 1);
    let answer = function.invoke(&again).await.answer();
    assert_eq!(answer["status"], "promoted", "{answer:#}");
    let services = world.ecs.describe_services().cluster(&world.cluster);
    let services = services.services(&metrics).send().await.unwrap();
    assert!(
        services
            .services()
            .iter()
            .any(|one| one.status() == Some("ACTIVE"))
    );
    let state = app::state(&world).await;
    assert_eq!(state["desired"]["unrestored"], Value::Null, "{state:#}");
}

#[tokio::test]
async fn what_a_put_back_could_not_remove_the_next_promote_removes() {
    let world = app::world_with(WEB, &["web"]).await;
    let function = world.start("promote", YES);
    app::promote(&world, &function, "R1", &[("DATABASE_URL", "applied")]).await;
    write_more(&world, "api").await;
    world
        .proxy
        .inject(Fault::DENIED.on("events", "PutTargets").times(1));
    world
        .proxy
        .inject(Fault::DENIED.on("ecs", "DeleteService").times(1));
    let answer = app::promote(&world, &function, "R2", &[("DATABASE_URL", "failed")]).await;
    world.proxy.lift();
    assert_failed(&world, &answer, "AccessDeniedException", "a new Service").await;
    let api = app::ecs_service(&world, "api");
    let still = format!("the ECS service `{api}`, which it created, still runs");
    assert!(says(&answer, &still), "{answer:#}");
    let rule = world.eventbridge.describe_rule();
    let rule = rule.name(app::rule(&world, "one")).send().await;
    assert!(rule.is_err(), "the rest is removed all the same");

    world.put("apps/shop/releases/R3/convox.yml", WEB).await;
    let answer = app::promote(&world, &function, "R3", &[("DATABASE_URL", "third")]).await;
    assert_eq!(answer["status"], "promoted", "{answer:#}");
    assert_eq!(answer["removed"], json!([api]), "{answer:#}");
    let services = world.ecs.describe_services().cluster(&world.cluster);
    let services = services.services(&api).send().await.unwrap();
    assert!(
        services
            .services()
            .iter()
            .all(|one| one.status() != Some("ACTIVE"))
    );
}

#[tokio::test]
async fn what_lost_the_apps_tags_meanwhile_is_left_alone_and_named() {
    let world = app::world().await;
    let function = world.start("promote", YES);
    app::promote(&world, &function, "R1", &[("DATABASE_URL", "applied")]).await;
    world
        .proxy
        .inject(Fault::TRANSIENT.on("events", "PutTargets"));
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
    let keys = ["convox:rack", "convox:app"].map(str::to_owned).to_vec();
    let described = world.ecs.describe_services().cluster(&world.cluster);
    let described = described.services(&worker).send().await.unwrap();
    let arn = described.services()[0].service_arn().unwrap();
    let untag = world.ecs.untag_resource().resource_arn(arn);
    untag.set_tag_keys(Some(keys.clone())).send().await.unwrap();
    let described = world.eventbridge.describe_rule().name(&rule).send().await;
    let arn = described.unwrap().arn.unwrap();
    let untag = world.eventbridge.untag_resource().resource_arn(arn);
    untag.set_tag_keys(Some(keys)).send().await.unwrap();

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
