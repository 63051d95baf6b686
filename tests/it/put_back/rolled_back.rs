//! What ECS itself went back to is what runs, whatever fails afterwards.

use double::Fault;
use rig::{Function, Invocation, World};
use serde_json::Value;

use super::{YES, promote_changed};
use crate::app::{self, APP};

/// R1 and R2 are promoted, and ECS gives R2's `web` up; the revision that it went back to.
async fn rolled_back() -> (World, Function, String) {
    let (world, function) = app::promoting(YES).await;
    app::promote(&world, &function, "R1", &[("DATABASE_URL", "first")]).await;
    let first = app::running(&world, "web").await;
    let answer = promote_changed(&world, &function, "R2").await;
    assert_eq!(answer["status"], "promoted", "{answer:#}");
    let update = app::update(&world, &app::ecs_service(&world, "web"));
    update.task_definition(&first).send().await.unwrap();
    (world, function, first)
}

#[tokio::test]
async fn a_promote_that_fails_leaves_what_ecs_went_back_to() {
    let (world, function, first) = rolled_back().await;
    let worker = app::running(&world, "worker").await;
    for (release, service, operation) in [
        ("R3", "ecs", "RegisterTaskDefinition"),
        ("R4", "events", "PutTargets"),
    ] {
        world.inject(Fault::DENIED.on(service, operation).times(1));
        let answer = promote_changed(&world, &function, release).await;
        world.proxy.lift();
        assert_eq!(answer["errorType"], "AccessDeniedException", "{answer:#}");
        assert_eq!(app::running(&world, "web").await, first, "{operation}");
        assert_eq!(app::running(&world, "worker").await, worker, "{operation}");
    }
}

#[tokio::test]
async fn an_unfinished_promote_that_had_moved_it_is_put_back_there() {
    let (world, function, first) = rolled_back().await;
    world.inject(Fault::TRANSIENT.on("events", "PutTargets"));
    let key = format!("apps/{APP}/releases/R3/convox.yml");
    let manifest = app::MANIFEST.replace("0 3 * * *", "0 5 * * *");
    world.put(&key, manifest).await;
    let version = world
        .put_env(APP, "R3", &[("DATABASE_URL", "unfinished")])
        .await;
    let ended = function.invoke(&app::written(&world, "R3", &version)).await;
    world.proxy.lift();
    assert!(matches!(ended, Invocation::Error { .. }), "{ended:?}");
    assert_ne!(app::running(&world, "web").await, first, "it had moved");

    let answer = app::promote(&world, &function, "R4", &[("OTHER", "u")]).await;
    assert_eq!(answer["errorType"], "MissingVariables", "{answer:#}");
    app::assert_tells(&answer, "back at Release R2");
    assert_eq!(app::running(&world, "web").await, first);
}

#[tokio::test]
async fn what_ecs_went_back_to_while_nobody_looked_stays_too() {
    let (world, function) = app::promoting(YES).await;
    app::promote(&world, &function, "R1", &[("DATABASE_URL", "first")]).await;
    let first = app::running(&world, "web").await;
    promote_changed(&world, &function, "R2").await;
    // R3 ends before it has read anything of ECS, and only then ECS gives R2 up.
    world.inject(Fault::TRANSIENT.on("ecs", "DescribeServices").times(1));
    let version = world
        .put_env(APP, "R3", &[("DATABASE_URL", "unfinished")])
        .await;
    let ended = function.invoke(&app::written(&world, "R3", &version)).await;
    world.proxy.lift();
    assert!(matches!(ended, Invocation::Error { .. }), "{ended:?}");
    let update = app::update(&world, &app::ecs_service(&world, "web"));
    update.task_definition(&first).send().await.unwrap();

    let answer = app::promote(&world, &function, "R4", &[("OTHER", "u")]).await;
    assert_eq!(answer["errorType"], "MissingVariables", "{answer:#}");
    assert_eq!(app::running(&world, "web").await, first);
    assert_eq!(answer["status"], Value::from("failed"));
}
