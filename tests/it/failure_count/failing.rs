//! What failure-count cannot do now, it does later; nothing is lost.

use double::Fault;
use rig::events::queued;
use rig::{Function, Invocation, World, canary};
use serde_json::{Value, json};

use super::{assert_counted, deliver, failures, hint, key, put_rows, start, told};
use crate::app::{self, APP};

fn error_type(invocation: Invocation) -> String {
    match invocation {
        Invocation::Error { error_type, .. } => error_type,
        Invocation::Answer(answer) => panic!("it succeeded: {answer}"),
    }
}

#[tokio::test]
async fn events_that_were_decided_and_not_sent_are_sent_first() {
    let world = World::new().await;
    let function = start(&world);
    let earlier = json!({"detailType": "Rack Warning", "detail": {
        "rack": world.rack, "app": APP, "requestId": "request-2", "code": "SecretWriteFailing", "consecutiveFailures": 3,
    }});
    let counter =
        json!({"countedSeq": 2, "consecutiveFailures": 5, "warned": true, "unsent": [earlier]});
    world.put(&key(APP, "failures"), counter.to_string()).await;
    put_rows(&world, APP, "fff").await;
    let answer = deliver(&function, &hint(&world, APP, 3)).await;
    assert_eq!(answer["events"], 2, "{answer}");
    assert_eq!(told(&world, APP), ["W3 request-2", "W6 request-3"]);
    assert_counted(&world, APP, 3, 6, "both are sent").await;
    let changes = app::changes(&world);
    let put = "s3 PutObject";
    assert_eq!(
        changes,
        ["events PutEvents", put, put, "events PutEvents", put],
        "sent, removed, counted, sent, removed"
    );
}

#[tokio::test]
async fn a_transient_fault_asks_for_another_delivery_and_no_event_is_lost() {
    let world = World::new().await;
    let function = start(&world);
    for (app, is_queued) in [("bare", false), ("queued", true)] {
        put_rows(&world, app, "fff").await;
        let event = hint(&world, app, 3);
        let event = if is_queued { queued(&event) } else { event };
        world.inject(Fault::TRANSIENT.on("events", "PutEvents"));
        let failed = function.invoke(&event).await;
        world.proxy.lift();
        if is_queued {
            let again = json!({"batchItemFailures": [{"itemIdentifier": "message-1"}]});
            assert_eq!(failed.answer(), again);
        } else {
            assert_eq!(error_type(failed), "ConcurrentModificationException");
        }
        let counter = failures(&world, app).await.unwrap();
        assert_eq!(counter["unsent"].as_array().unwrap().len(), 1, "{counter}");
        deliver(&function, &event).await;
        assert_eq!(told(&world, app), ["W3 request-3"], "{app}");
        assert_counted(&world, app, 3, 3, app).await;
    }
}

#[tokio::test]
async fn what_fails_for_good_is_answered_and_not_delivered_again() {
    let world = World::new().await;
    let function = start(&world);
    put_rows(&world, APP, "fff").await;
    let denied = Fault::Error {
        status: 403,
        code: "AccessDenied",
    };
    world.inject(denied.on("s3", "PutObject"));
    let event = hint(&world, APP, 3);
    let answer = deliver(&function, &event).await;
    app::assert_says!(answer, {"status": "failed", "errorType": "AccessDenied"});
    let answer = deliver(&function, &queued(&event)).await;
    assert_eq!(answer, json!({"batchItemFailures": []}));
    world.proxy.lift();
    deliver(&function, &event).await;
    assert_eq!(told(&world, APP), ["W3 request-3"]);
}

async fn assert_unreadable(function: &Function, event: &Value, key: &str) {
    let answer = deliver(function, event).await;
    app::assert_says!(answer, {"status": "failed", "errorType": "StateUnreadable"});
    app::assert_tells(&answer, key);
    assert!(function.output().contains(key), "it is logged");
    canary::assert_absent(&[function.output(), answer.to_string()]);
}

#[tokio::test]
async fn a_state_that_cannot_be_read_is_named_and_nothing_is_lost() {
    let world = World::new().await;
    let function = start(&world);
    put_rows(&world, APP, "ff").await;
    let event = hint(&world, APP, 3);
    deliver(&function, &event).await;
    let before = failures(&world, APP).await.unwrap();
    let notes = format!("\"{}\"", canary::value("NOTES"));
    put_rows(&world, APP, "fff").await;
    let promotion = world.get(&key(APP, "promotion")).await.unwrap();
    for (state, restored) in [
        ("failures", before.to_string().into_bytes()),
        ("promotion", promotion),
    ] {
        let key = key(APP, state);
        world.put(&key, notes.as_str()).await;
        world.proxy.clear();
        assert_unreadable(&function, &event, &key).await;
        assert_eq!(world.get(&key).await.unwrap(), notes.as_bytes());
        assert_eq!(app::changes(&world), Vec::<String>::new(), "{state}");
        world.put(&key, restored).await;
    }
    deliver(&function, &event).await;
    assert_eq!(told(&world, APP), ["W3 request-3"]);
    assert_counted(&world, APP, 3, 3, "restored").await;
}
