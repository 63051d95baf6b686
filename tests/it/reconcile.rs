//! The schedule's look at all Apps: nothing that was asked for is forgotten.

use chrono::{TimeDelta, Timelike as _, Utc};
use double::Fault;
use rig::world::World;
use rig::{Invocation, events};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::app::{self, APP};

fn reconcile(world: &World) -> Value {
    json!({
        "detail-type": "Promotion Reconcile", "source": "secrets-manager-env", "detail": {"rack": world.rack},
    })
}

#[tokio::test]
async fn work_that_nobody_does_is_asked_for_again() {
    let (world, function) = app::promoting(&[]).await;
    let version = world.put_env(APP, "R1", &[("DATABASE_URL", "u")]).await;
    // It stays pending: ECS fails, and nobody delivers the message again.
    world.inject(Fault::TRANSIENT.on("ecs", "RegisterTaskDefinition"));
    let failed = function.invoke(&app::written(&world, "R1", &version)).await;
    assert!(matches!(failed, Invocation::Error { .. }), "{failed:?}");
    world.proxy.lift();
    world.proxy.clear();

    let answer = function.invoke_alone(&reconcile(&world)).await.answer();
    app::assert_says!(answer, {"status": "reconciled", "continued": [APP]});
    let events = world.events();
    app::assert_sent(&world, &["Promotion Continue"]);
    let detail = &events[0].detail;
    app::assert_says!(detail, {"rack": world.rack, "app": APP, "kind": "promote"});

    // The event does what it says.
    let event = events::of_functions("Promotion Continue", "continue", detail);
    let report = function.answer(&event).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    let counted = json!({"countedSeq": 1}).to_string();
    let failures = format!("apps/{APP}/state/failures.json");
    world.put(&failures, counted).await; // else failure-count is woken
    world.proxy.clear();
    let answer = function.answer(&reconcile(&world)).await;
    assert_eq!(
        (&answer["continued"], world.events().len()),
        (&json!([]), 0),
        "{answer:#}"
    );
}

/// Each App is searched at one of 96 ticks of a day.
fn tick_of(name: &str) -> u32 {
    u32::from(Sha256::digest(name)[0]) * 96 / 256
}

fn is_of_this_tick(name: &str) -> bool {
    Utc::now().num_seconds_from_midnight() / 900 == tick_of(name)
}

/// An App of the tick of now, or of the next where that is about to change.
fn name_of_this_tick() -> String {
    let tick = (Utc::now() + TimeDelta::seconds(20)).num_seconds_from_midnight() / 900;
    let mut names = (0..10_000).map(|n| format!("app-{n}"));
    names.find(|name| tick_of(name) == tick).unwrap()
}

/// A World, and an App of the tick of now whose convox.yml is there.
async fn world_of_this_tick() -> (World, String) {
    let (world, name) = (World::new().await, name_of_this_tick());
    let manifest = "services:\n  web:\n    image: example/web:1\n";
    let key = format!("apps/{name}/convox.yml");
    world.put(&key, manifest).await;
    (world, name)
}

#[tokio::test]
async fn a_write_whose_event_was_lost_is_promoted_once_a_day() {
    let (world, name) = world_of_this_tick().await;
    let function = world.start("promote", &[]);
    world.put_env(&name, "R1", &[]).await;
    let answer = function.answer(&reconcile(&world)).await;
    if !is_of_this_tick(&name) {
        eprintln!("skipped: the clock stands between two ticks");
        return;
    }
    assert_eq!(answer["found"], json!([name]), "{answer:#}");
    app::assert_sent(&world, &["Release Promoted", "Secret Write Skipped"]);
    let counted = json!({"countedSeq": 1}).to_string();
    let failures = format!("apps/{name}/state/failures.json");
    world.put(&failures, counted).await;
    world.proxy.clear();
    let answer = function.answer(&reconcile(&world)).await;
    assert_eq!(
        (&answer["found"], world.events().len()),
        (&json!([]), 0),
        "{answer:#}"
    );
}

#[tokio::test]
async fn what_was_heard_of_and_is_not_done_is_asked_for_and_not_done_by_the_schedule_itself() {
    let (world, name) = world_of_this_tick().await;
    let function = world.start("promote", &[]);
    let version = world.put_env(&name, "R1", &[]).await;
    world.inject(Fault::TRANSIENT.on("ecs", "RegisterTaskDefinition"));
    let event = events::written(&world, &name, "R1", &version);
    let failed = function.invoke(&event).await;
    assert!(matches!(failed, Invocation::Error { .. }), "{failed:?}");
    world.proxy.lift();
    world.proxy.clear();

    let answer = function.invoke_alone(&reconcile(&world)).await.answer();
    if !is_of_this_tick(&name) {
        eprintln!("skipped: the clock stands between two ticks");
        return;
    }
    app::assert_says!(answer, {"continued": [name], "found": []});
    assert_eq!(world.proxy.count("ecs", "RegisterTaskDefinition"), 0);
}

#[tokio::test]
async fn a_lost_write_of_the_same_second_is_found_too() {
    let (world, name) = world_of_this_tick().await;
    let function = world.start("promote", &[]);
    let modified = async |release: &str| {
        let key = format!("apps/{name}/releases/{release}/env");
        let head = world.s3.head_object().bucket(&world.bucket).key(key);
        head.send().await.unwrap().last_modified().unwrap().secs()
    };
    let first = loop {
        let first = world.put_env(&name, "R1", &[]).await;
        world.put_env(&name, "R2", &[]).await;
        if modified("R1").await == modified("R2").await {
            break first;
        }
    };
    // R2's event is lost.
    let event = events::written(&world, &name, "R1", &first);
    assert_eq!(function.answer(&event).await["status"], "promoted");
    let answer = function.answer(&reconcile(&world)).await;
    if !is_of_this_tick(&name) {
        eprintln!("skipped: the clock stands between two ticks");
        return;
    }
    assert_eq!(answer["found"], json!([name]), "{answer:#}");
    let answer = function.answer(&reconcile(&world)).await;
    assert_eq!(answer["found"], json!([]), "{answer:#}");
}

#[tokio::test]
async fn a_state_that_cannot_be_read_does_not_hold_up_the_other_apps() {
    let (world, function) = app::promoting(&[]).await;
    world
        .put("apps/broken/state/promotion.json", "{not json")
        .await;
    let version = world.put_env(APP, "R1", &[("DATABASE_URL", "u")]).await;
    world.inject(Fault::TRANSIENT.on("ecs", "RegisterTaskDefinition"));
    let failed = function.invoke(&app::written(&world, "R1", &version)).await;
    assert!(matches!(failed, Invocation::Error { .. }), "{failed:?}");
    world.proxy.lift();
    let answer = function.answer(&reconcile(&world)).await;
    assert_eq!(answer["continued"], json!([APP]), "{answer:#}");
    let log = function.output();
    assert!(log.contains("apps/broken/state/promotion.json"), "{log}");
}

/// An App with work that nobody does.
async fn put_pending(world: &World, name: &str) {
    let state = json!({
        "desired": {
            "kind": "promote", "release": "R1", "envVersionId": "v1", "requestedAt": "2026-11-02T10:20:00Z",
            "requestId": format!("{name}-1"), "order": {"key": format!("apps/{name}/releases/R1/env")},
            "interrupted": false, "status": "pending", "deadline": "2999-01-01T00:00:00Z",
        },
        "applied": null, "lease": null, "outcomes": [], "unsent": [],
    });
    let key = format!("apps/{name}/state/promotion.json");
    world.put(&key, state.to_string()).await;
}

#[tokio::test]
async fn an_app_that_promote_may_not_read_holds_up_no_other() {
    let world = World::new().await;
    let function = world.start("promote", &[]);
    for name in ["one", "two", "three"] {
        put_pending(&world, name).await;
    }
    // The first read is about the walk itself; the next is one App's, whichever.
    let denied = Fault::Error {
        status: 403,
        code: "AccessDenied",
    };
    world.inject(denied.on("s3", "GetObject").after(1).times(1));
    let answer = function.invoke_alone(&reconcile(&world)).await.answer();
    app::assert_says!(answer, {"status": "reconciled", "apps": 3, "unread": 1});
    assert_eq!(
        answer["continued"].as_array().unwrap().len(),
        2,
        "{answer:#}"
    );
    let output = function.output();
    assert!(output.contains("the App is not looked at"), "{output}");
    assert!(output.contains("\"UnreadApps\":1"), "{output}");
}

#[tokio::test]
async fn a_walk_through_more_apps_than_a_slice_holds_comes_to_each_once() {
    let world = World::new().await;
    let function = world.start("promote", &[("SLICE_APPS", "2")]);
    let names = ["a", "a-b", "a0", "b", "c"];
    for name in names {
        put_pending(&world, name).await;
    }
    world.put("apps/Not-an-App/x", "").await;
    let mut event = reconcile(&world);
    let (mut continued, mut slices) = (Vec::new(), 0);
    loop {
        world.proxy.clear();
        let answer = function.invoke_alone(&event).await.answer();
        assert_eq!(answer["status"], "reconciled", "{answer:#}");
        slices += 1;
        let of_slice = answer["continued"].as_array().unwrap();
        continued.extend(
            of_slice
                .iter()
                .map(|name| name.as_str().unwrap().to_owned()),
        );
        if answer["goesOnBehind"].is_null() {
            break;
        }
        let sent = world.events();
        let behind = sent
            .iter()
            .find(|event| event.detail_type == "Promotion Reconcile");
        let detail = behind.unwrap().detail.clone();
        assert_eq!(detail["after"], answer["goesOnBehind"]);
        assert!(
            detail["requestId"]
                .as_str()
                .unwrap()
                .starts_with("reconcile-")
        );
        // A tick that comes meanwhile is no second walk.
        let tick = function.invoke_alone(&reconcile(&world)).await.answer();
        assert_eq!(tick["status"], "idle", "{tick:#}");
        let before = event;
        event = json!({"detail-type": "Promotion Reconcile", "source": "secrets-manager-env", "detail": detail});
        // Nor is a message that comes twice.
        if slices > 1 {
            let again = function.invoke_alone(&before).await.answer();
            assert_eq!(again["status"], "idle", "{again:#}");
        }
    }
    assert_eq!(slices, 4, "six folders, and a look that there are no more");
    continued.sort_unstable();
    assert_eq!(continued, names);
}

#[tokio::test]
async fn a_key_that_only_ends_like_an_environment_hides_no_lost_write() {
    let (world, name) = world_of_this_tick().await;
    let function = world.start("promote", &[]);
    world.put_env(&name, "R1", &[]).await;
    for key in ["R0/backup/env", "R 1/env"] {
        world
            .put(&format!("apps/{name}/releases/{key}"), "A=1\n")
            .await;
    }
    world
        .put(&format!("apps/{name}/releases/R9/backup/env"), "A=1\n")
        .await;
    let answer = function.answer(&reconcile(&world)).await;
    if !is_of_this_tick(&name) {
        eprintln!("skipped: the clock stands between two ticks");
        return;
    }
    assert_eq!(answer["found"], json!([name]), "{answer:#}");
}
