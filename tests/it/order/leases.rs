//! Who is at work, and what became of those who were.

use std::collections::BTreeSet;

use rig::World;
use serde_json::{Value, json};

use super::{STATE, YES, assert_settled, deliver, ok, write};
use crate::app::{self, APP};

/// The state as another invocation would have left it.
async fn put_state(world: &World, state: &Value) {
    world.put(STATE, state.to_string()).await;
}

fn lease(expires_at: &str) -> Value {
    json!({"owner": "another-invocation", "expiresAt": expires_at})
}

#[tokio::test]
async fn a_living_lease_is_respected_and_an_expired_one_is_taken() {
    let (world, function) = app::promoting(YES).await;
    deliver(&function, &write(&world, "R1", "one").await).await;
    let mut state = app::state(&world).await;
    state["lease"] = lease("2999-01-01T00:00:00Z");
    put_state(&world, &state).await;
    world.proxy.clear();

    let event = write(&world, "R2", "two").await;
    for case in ["first", "redelivered"] {
        let answer = deliver(&function, &event).await;
        assert_eq!(answer["status"], "queued", "{case}: {answer:#}");
        let state = app::state(&world).await;
        assert_eq!(state["lease"], lease("2999-01-01T00:00:00Z"), "{case}");
        assert_eq!(
            state["desired"]["release"], "R2",
            "{case}: its holder will see it"
        );
        assert_eq!(
            answer["requestId"], state["desired"]["requestId"],
            "{case}: {answer:#}"
        );
        assert_eq!(state["desired"]["status"], "pending", "{case}");
    }
    assert_eq!(app::changes(&world), ["s3 PutObject"], "the wish, once");

    let mut state = app::state(&world).await;
    state["lease"] = lease("2020-01-01T00:00:00Z");
    put_state(&world, &state).await;
    let answer = deliver(&function, &event).await;
    assert_eq!(answer["status"], "promoted", "{answer:#}");
    assert_settled(&world, "R2", "two", "taken over").await;
    assert_eq!(app::outcomes(&world).await, ok(2));
}

#[tokio::test]
async fn a_lease_left_by_the_first_promote_ever_is_taken_too() {
    let (world, function) = app::promoting(YES).await;
    let dead = lease("2020-01-01T00:00:00Z");
    let state =
        json!({"desired": null, "applied": null, "lease": dead, "outcomes": [], "unsent": []});
    put_state(&world, &state).await;
    let answer = deliver(&function, &write(&world, "R1", "one").await).await;
    assert_eq!(answer["status"], "promoted", "{answer:#}");
    assert_settled(&world, "R1", "one", "dead holder").await;
}

#[tokio::test]
async fn unsent_events_are_sent_first_and_once() {
    let (world, function) = app::promoting(YES).await;
    deliver(&function, &write(&world, "R1", "one").await).await;
    let mut state = app::state(&world).await;
    let detail = json!({"rack": world.rack, "app": "shop", "requestId": "left"});
    state["unsent"] = json!([{"detailType": "Release Promoted", "detail": detail}]);
    put_state(&world, &state).await;
    world.proxy.clear();
    deliver(&function, &write(&world, "R2", "two").await).await;
    let sent: Vec<_> = world
        .events()
        .into_iter()
        .map(|event| event.detail["requestId"].clone())
        .collect();
    assert_eq!((sent.len(), &sent[0]), (3, &json!("left")), "{sent:?}");
    assert_settled(&world, "R2", "two", "after them").await;

    // Also when nothing else is to be done.
    let mut state = app::state(&world).await;
    state["unsent"] = json!([{"detailType": "Release Promoted", "detail": detail}]);
    put_state(&world, &state).await;
    world.proxy.clear();
    let mut next = app::requested(&world, "R2", "any", 0);
    next["detail-type"] = "Promotion Continue".into();
    next["source"] = "secrets-manager-env".into();
    next["detail"] = json!({"rack": world.rack, "app": "shop", "kind": "promote"});
    deliver(&function, &next).await;
    app::assert_sent(&world, &["Release Promoted"]);
    assert_settled(&world, "R2", "two", "continued").await;
}

#[tokio::test]
async fn a_corrupt_state_is_an_error_that_names_it() {
    let (world, function) = app::promoting(YES).await;
    let event = write(&world, "R1", "one").await;
    for corrupt in ["{not json", "[]", r#"{"desired": {"kind": "promote"}}"#] {
        world.put(STATE, corrupt).await;
        let answer = deliver(&function, &event).await;
        assert_eq!(answer["status"], "failed", "{corrupt}: {answer:#}");
        assert_eq!(answer["errorType"], "StateUnreadable", "{corrupt}");
        let message = answer["message"].as_str().unwrap();
        assert!(
            message.contains(STATE) && message.contains("restore an older version"),
            "{message}"
        );
        assert_eq!(world.get(STATE).await.unwrap(), corrupt.as_bytes());
    }
    // A record of the request and its entry in the list are all that is written; once they stand, S3 refuses the record.
    let (write, tell) = ("s3 PutObject", "events PutEvents");
    let want = [write, write, tell, write, tell, write, tell];
    assert_eq!(app::changes(&world), want);
    let events = world.events();
    for told in &events {
        assert_eq!(told.detail_type, "Release Promote Failed");
        let said = ["app", "release", "errorType"].map(|name| told.detail[name].clone());
        assert_eq!(json!(said), json!([APP, "R1", "StateUnreadable"]));
    }
    let measured = function.output().matches(r#""PromoteFailures":1"#).count();
    assert_eq!(
        measured, 3,
        "the alarm and the event are all that tells of it"
    );
}

/// Lambda's id of an invocation is none: both deliveries of one have the same.
#[tokio::test]
async fn each_invocation_holds_the_lease_under_a_name_of_its_own() {
    let (world, function) = app::promoting(YES).await;
    for release in ["R1", "R2"] {
        deliver(&function, &write(&world, release, release).await).await;
    }
    let deleter = world.start("app-deletion", &[]);
    let event = app::deleted(&world, "deletion", 5);
    deliver(&deleter, &event).await;
    let calls = world.proxy.calls().into_iter();
    let states = calls.filter(|call| call.operation == "PutObject" && call.path.contains(STATE));
    let owners: BTreeSet<String> = states
        .filter_map(|call| call.body["lease"]["owner"].as_str().map(str::to_owned))
        .collect();
    assert!(owners.len() >= 3, "{owners:?}");
    let own = owners.iter().map(|owner| {
        let (_, own) = owner.split_once('/').unwrap_or_default();
        let (process, _) = own.split_once('-').unwrap_or_default();
        assert_eq!(process.len(), 32, "drawn by the process: {owner}");
        own
    });
    assert_eq!(
        own.collect::<BTreeSet<_>>().len(),
        owners.len(),
        "{owners:?}"
    );
}
