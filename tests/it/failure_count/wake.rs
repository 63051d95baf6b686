//! The schedule wakes failure-count where it is behind.

use double::Fault;
use rig::{Function, World};
use serde_json::{Value, json};

use super::{YES, assert_counted, bridged, deliver, key, newest_hint, put_rows, start, told};
use crate::app::{self, APP};

async fn reconcile(world: &World, promote: &Function) -> Value {
    let detail = json!({"rack": world.rack});
    let event = bridged(
        "Promotion Reconcile",
        "secrets-manager-env",
        "tick",
        &detail,
    );
    world.proxy.clear();
    deliver(promote, &event).await
}

#[tokio::test]
async fn lost_hints_are_made_good_by_the_schedule() {
    let world = app::world().await;
    let (promote, function) = (world.start("promote", YES), start(&world));
    world.inject(Fault::DENIED.on_service("secretsmanager"));
    let mut last = Value::Null;
    for release in ["R1", "R2", "R3"] {
        last = app::promote(&world, &promote, release, &[("DATABASE_URL", "u")]).await;
    }
    let first = newest_hint(&world)["detail"].clone();
    let answer = reconcile(&world, &promote).await;
    assert_eq!(answer["woken"], json!([APP]), "{answer:#}");
    app::assert_sent(&world, &["Secret Write Failed"]);
    let again = newest_hint(&world);
    assert_eq!(again["detail"], first, "the event as it was sent before");
    assert_eq!(first["release"], "R3", "{first}");

    deliver(&function, &again).await;
    assert_counted(&world, APP, 3, 3, "woken").await;
    let warned = format!("W3 {}", last["requestId"].as_str().unwrap());
    assert_eq!(told(&world, APP), [warned]);
    let answer = reconcile(&world, &promote).await;
    assert_eq!(
        (&answer["woken"], world.events().len()),
        (&json!([]), 0),
        "{answer:#}"
    );
}

#[tokio::test]
async fn only_who_is_behind_is_woken_and_an_unreadable_counter_holds_up_nobody() {
    let world = World::new().await;
    let promote = world.start("promote", YES);
    let unsent =
        json!({"detailType": "Rack Warning", "detail": {"rack": world.rack, "app": "unsent"}});
    for (app, letters, counter) in [
        ("counted", "ff", Some(json!({"countedSeq": 2}))),
        ("new", "", None),
        ("never", "o", None),
        ("rows", "fff", Some(json!({"countedSeq": 2}))),
        ("unreadable", "fff", Some(json!("somebody's notes"))),
        (
            "unsent",
            "ff",
            Some(json!({"countedSeq": 2, "unsent": [unsent]})),
        ),
    ] {
        put_rows(&world, app, letters).await;
        if let Some(counter) = counter {
            world.put(&key(app, "failures"), counter.to_string()).await;
        }
    }
    let answer = reconcile(&world, &promote).await;
    let mut woken: Vec<&str> = answer["woken"]
        .as_array()
        .unwrap()
        .iter()
        .map(|app| app.as_str().unwrap())
        .collect();
    woken.sort_unstable();
    assert_eq!(woken, ["never", "rows", "unsent"], "{answer:#}");
    assert!(
        promote
            .output()
            .contains("apps/unreadable/state/failures.json"),
        "it is logged"
    );
    let mut hints: Vec<Value> = world
        .events()
        .into_iter()
        .map(|event| json!([event.detail_type, event.detail]))
        .collect();
    hints.sort_by_key(|hint| hint[1]["app"].to_string());
    let rack = &world.rack;
    let error_type = "AccessDeniedException";
    assert_eq!(
        json!(hints),
        json!([
            ["Secret Write Succeeded", {"rack": rack, "app": "never", "requestId": "request-1", "seq": 1}],
            ["Secret Write Failed", {"rack": rack, "app": "rows", "requestId": "request-3", "seq": 3, "errorType": error_type}],
            ["Secret Write Failed", {"rack": rack, "app": "unsent", "requestId": "request-2", "seq": 2, "errorType": error_type}],
        ])
    );
}
