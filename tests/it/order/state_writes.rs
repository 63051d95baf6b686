//! Writes that lose their race or their answer, at every place where the function writes to the bucket.

use double::Fault;
use rig::{Function, Invocation};
use serde_json::Value;

use super::{YES, assert_settled, ok, write};
use crate::app;

/// A write of a promote to the bucket: what it is, a part of its key, and how many writes of that come before it.
type Write = (&'static str, &'static str, usize);

const LEASE: Write = ("lease", STATE, 0);
const MANIFEST: Write = ("manifest's copy", "/convox.yml", 0);
const RESULT: Write = ("result", STATE, 1);
const FREED: Write = ("lease freed", STATE, 2);
/// The only ones without a condition.
const REPORT: Write = ("report", "/report.json", 0);
const RECORD: Write = ("record", "/state/releases/", 0);
const STATE: &str = "/state/promotion.json";

/// Delivers as the queue does: again when the invocation failed. The answer, and how often it failed.
async fn deliver_until_answered(function: &Function, event: &Value) -> (Value, usize) {
    for failed in 0..3 {
        if let Invocation::Answer(answer) = function.invoke(event).await {
            return (answer, failed);
        }
    }
    panic!("failed three times; output:\n{}", function.output())
}

async fn writes_meet(fault: Fault, writes: &[Write]) {
    let (world, function) = app::promoting(YES).await;
    let first = write(&world, "R", "first").await; // brings the App's stack
    assert_eq!(function.answer(&first).await["status"], "promoted");
    for (rows, (what, key, before)) in (2..).zip(writes.iter().copied()) {
        let release = format!("R{rows}");
        let case = format!("{fault:?} at the write of the {what}");
        let event = write(&world, &release, &release).await;
        world.proxy.clear();
        let befalls = fault.clone().on("s3", "PutObject").about(key);
        world.inject(befalls.after(before).times(1));
        let (answer, failed) = deliver_until_answered(&function, &event).await;
        world.proxy.lift();
        assert_eq!(answer["status"], "promoted", "{case}: {answer:#}");
        let befell = world.proxy.calls().into_iter();
        let befell =
            befell.filter(|call| call.operation == "PutObject" && call.status != Some(200));
        assert_ne!(befell.count(), 0, "{case}: it befell none");
        // Only the manifest's copy cannot tell its own earlier write from somebody else's.
        assert!(
            failed == 0 || what == MANIFEST.0,
            "{case}: {}",
            function.output()
        );
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
    writes_meet(lost, &[LEASE, MANIFEST, RESULT, FREED]).await;
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_ends_with_one_outcome_and_no_lease() {
    writes_meet(
        Fault::LostAnswer,
        &[LEASE, MANIFEST, REPORT, RECORD, RESULT, FREED],
    )
    .await;
}

#[tokio::test]
async fn a_report_that_cannot_be_written_does_not_hold_up_the_promote() {
    let denied = Fault::Error {
        status: 403,
        code: "AccessDenied",
    };
    writes_meet(denied, &[REPORT, RECORD]).await;
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
