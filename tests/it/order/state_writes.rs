//! Writes that lose their race or their answer, at every place where the function writes to the bucket.

use std::time::Duration;

use double::Fault;
use rig::{Function, Invocation, World};
use serde_json::Value;

use super::{YES, assert_settled, ok, write};
use crate::app;

/// What a promote writes to the bucket, in order.
const WRITES: [&str; 5] = [
    "lease",
    "manifest's copy",
    "report",
    "result",
    "lease freed",
];
/// The only one without a condition.
const REPORT: usize = 2;

/// Delivers as the queue does: again when the invocation failed. The answer, and how often it failed.
async fn deliver_until_answered(function: &Function, event: &Value) -> (Value, usize) {
    for failed in 0..3 {
        if let Invocation::Answer(answer) = function.invoke(event).await {
            return (answer, failed);
        }
    }
    panic!("failed three times; output:\n{}", function.output())
}

/// Lets `before` writes of objects pass, then `fault` befalls the next one.
fn inject_after(world: &World, before: usize, fault: Fault) {
    let pass = Fault::Latency(Duration::ZERO);
    world.inject(pass.on("s3", "PutObject").times(before));
    world.inject(fault.on("s3", "PutObject").times(1));
}

async fn writes_meet(fault: Fault, writes: &[usize]) {
    let (world, function) = app::promoting(YES).await;
    let first = write(&world, "R", "first").await; // brings the App's stack
    assert_eq!(function.answer(&first).await["status"], "promoted");
    for (rows, before) in (2..).zip(writes.iter().copied()) {
        let release = format!("R{before}");
        let case = format!("{fault:?} at the write of the {}", WRITES[before]);
        let event = write(&world, &release, &release).await;
        world.proxy.clear();
        inject_after(&world, before, fault.clone());
        let (answer, failed) = deliver_until_answered(&function, &event).await;
        world.proxy.lift();
        assert_eq!(answer["status"], "promoted", "{case}: {answer:#}");
        let befell = world.proxy.calls().into_iter();
        let befell =
            befell.filter(|call| call.operation == "PutObject" && call.status != Some(200));
        assert_ne!(befell.count(), 0, "{case}: it befell none");
        // Only the manifest's copy cannot tell its own earlier write from somebody else's.
        assert!(failed == 0 || before == 1, "{case}: {}", function.output());
        assert_settled(&world, &release, &release, &case).await;
        assert_eq!(app::outcomes(&world).await, ok(rows), "{case}");
        let mut sent = app::sent(&world);
        sent.dedup(); // events may come twice, not never
        assert!(
            sent.starts_with(&[
                "Release Promoted".to_owned(),
                "Secret Write Succeeded".to_owned()
            ]),
            "{case}: {sent:?}"
        );
    }
}

#[tokio::test]
async fn a_write_that_loses_the_race_ends_with_one_outcome_and_no_lease() {
    let lost = Fault::Error {
        status: 412,
        code: "PreconditionFailed",
    };
    writes_meet(lost, &[0, 1, 3, 4]).await;
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_ends_with_one_outcome_and_no_lease() {
    writes_meet(Fault::LostAnswer, &[0, 1, 2, 3, 4]).await;
}

#[tokio::test]
async fn a_report_that_cannot_be_written_does_not_hold_up_the_promote() {
    let denied = Fault::Error {
        status: 403,
        code: "AccessDenied",
    };
    writes_meet(denied, &[REPORT]).await;
}

#[tokio::test]
async fn events_that_could_not_be_sent_are_sent_by_the_next_delivery() {
    let (world, function) = app::promoting(YES).await;
    let first = write(&world, "R", "first").await; // brings the App's stack
    assert_eq!(function.answer(&first).await["status"], "promoted");
    let event = write(&world, "R1", "one").await;
    world.proxy.clear();
    // Transient for us, and not for the SDK, whose own retries would take half a minute.
    world.inject(Fault::TRANSIENT.on("events", "PutEvents"));
    let failed = function.invoke(&event).await;
    world.proxy.lift();
    assert!(matches!(failed, Invocation::Error { .. }), "{failed:?}");
    let state = app::state(&world).await;
    assert_eq!(state["unsent"].as_array().unwrap().len(), 2, "{state:#}");
    assert_eq!(state["lease"], Value::Null);
    assert_eq!(app::sent(&world), Vec::<String>::new());
    world.proxy.clear();
    let answer = function.answer(&event).await;
    assert_eq!(answer["status"], "promoted", "{answer:#}");
    app::assert_sent(&world, &["Release Promoted", "Secret Write Succeeded"]);
    let writes = world.proxy.writes();
    assert!(
        writes.is_empty(),
        "sending is all that was left: {writes:?}"
    );
    assert_settled(&world, "R1", "one", "sent").await;
    assert_eq!(app::outcomes(&world).await, ok(2));
}
