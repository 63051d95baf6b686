//! Two functions and one App.

use std::time::Duration;

use double::Fault;

use super::{YES, assert_settled, deliver, ok, write};
use crate::app;

#[tokio::test]
async fn one_function_works_and_takes_the_newer_request_that_came_meanwhile() {
    let world = app::world().await;
    let (first, second) = (world.start("promote", YES), world.start("promote", YES));
    let (older, newer) = (
        write(&world, "R1", "older").await,
        write(&world, "R2", "newer").await,
    );
    let slow = Fault::Latency(Duration::from_secs(2));
    world.inject(slow.on("secretsmanager", "CreateSecret"));
    let overtaking = async {
        world.until_called("secretsmanager", "CreateSecret").await;
        deliver(&second, &newer).await
    };
    let (worked, queued) = tokio::join!(deliver(&first, &older), overtaking);
    assert_eq!(queued["status"], "queued", "{queued:#}");
    // The holder of the lease goes on with what it finds.
    app::assert_says!(worked, {"status": "promoted", "release": "R2"});
    assert_settled(&world, "R2", "newer", "both").await;
    assert_eq!(
        app::report(&world, "R1").await.unwrap()["status"],
        "promoted"
    );
    assert_eq!(app::outcomes(&world).await, ok(2));
    assert_eq!(app::sent(&world).len(), 4, "{:?}", app::sent(&world));

    // Delivered again, each finds its own end.
    assert_eq!(deliver(&second, &newer).await["release"], "R2");
    assert_eq!(deliver(&first, &older).await["status"], "superseded");
}

#[tokio::test]
async fn one_event_delivered_twice_at_once_is_worked_on_once() {
    let world = app::world().await;
    let (first, second) = (world.start("promote", YES), world.start("promote", YES));
    let before = write(&world, "R0", "none").await; // brings the App's stack
    assert_eq!(deliver(&first, &before).await["status"], "promoted");
    world.proxy.clear();
    let event = write(&world, "R1", "one").await;
    let slow = Fault::Latency(Duration::from_secs(2));
    world.inject(slow.on("secretsmanager", "PutSecretValue"));
    let again = async {
        world.until_called("secretsmanager", "PutSecretValue").await;
        deliver(&second, &event).await
    };
    let (worked, queued) = tokio::join!(deliver(&first, &event), again);
    assert_eq!(
        (&worked["status"], &queued["status"]),
        (&"promoted".into(), &"queued".into())
    );
    assert_settled(&world, "R1", "one", "once").await;
    // One of the three Services reads no variable, so it keeps its revision.
    assert_eq!(app::registered(&world).await.len(), 9);
    assert_eq!(app::outcomes(&world).await, ok(2));
    app::assert_sent(&world, &["Release Promoted", "Secret Write Succeeded"]);
}

#[tokio::test]
async fn two_functions_that_start_together_never_work_at_the_same_time() {
    let world = app::world().await;
    let (first, second) = (world.start("promote", YES), world.start("promote", YES));
    let events = [
        write(&world, "R1", "one").await,
        write(&world, "R2", "two").await,
    ];
    let (one, two) = tokio::join!(deliver(&first, &events[0]), deliver(&second, &events[1]));
    let known = ["promoted", "queued", "superseded"];
    for answer in [&one, &two] {
        let status = answer["status"].as_str().unwrap();
        assert!(known.contains(&status), "{answer:#}");
    }
    assert_settled(
        &world,
        "R2",
        "two",
        &format!("{} {}", one["status"], two["status"]),
    )
    .await;
}
