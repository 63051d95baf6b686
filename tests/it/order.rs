//! Events come twice, late and in any order: the state decides.

mod leases;
mod races;
mod state_writes;

use rig::{Function, World};
use serde_json::{Value, json};

use crate::app::{self, APP, YES};

const STATE: &str = "apps/shop/state/promotion.json";

/// Writes a Release's environment, whose `DATABASE_URL` is `value`; S3's event about it.
async fn write(world: &World, release: &str, value: &str) -> Value {
    let version = world
        .put_env(APP, release, &[("DATABASE_URL", value)])
        .await;
    app::written(world, release, &version)
}

async fn deliver(function: &Function, event: &Value) -> Value {
    function.answer(event).await
}

/// That `release` is wanted and applied, nobody is at work, and tasks see `value`.
async fn assert_settled(world: &World, release: &str, value: &str, case: &str) {
    let state = app::state(world).await;
    let settled = |state: &Value| {
        json!([
            state["desired"]["release"],
            state["desired"]["status"],
            state["applied"]["release"],
            state["lease"],
            state["unsent"]
        ])
    };
    let want = json!([release, "done", release, null, []]);
    assert_eq!(settled(&state), want, "{case}");
    let (_, secret) = app::current_secret(world).await;
    assert_eq!(secret, json!({"DATABASE_URL": value}), "{case}");
    for service in ["web", "worker"] {
        let seen = app::sees(world, &app::running(world, service).await).await;
        assert_eq!(seen["DATABASE_URL"], value, "{case}: {service}");
    }
}

/// Rows of the outcomes, all `ok`.
fn ok(rows: u64) -> Vec<(u64, String, Option<String>)> {
    (1..=rows).map(|seq| (seq, "ok".to_owned(), None)).collect()
}

#[tokio::test]
async fn an_older_write_that_comes_after_a_newer_one_changes_nothing() {
    let (world, function) = app::promoting(YES).await;
    let older = write(&world, "R1", "older").await;
    let newer = write(&world, "R2", "newer").await;
    assert_eq!(deliver(&function, &newer).await["status"], "promoted");
    let state = app::state(&world).await;
    world.proxy.clear();
    // That it is superseded is told once, and kept: a record and the list of them.
    let told = [
        "s3 PutObject",
        "s3 PutObject",
        "s3 PutObject",
        "events PutEvents",
        "s3 PutObject",
    ];
    for (case, changes) in [("late", &told[..]), ("again", &[])] {
        world.proxy.clear();
        let answer = deliver(&function, &older).await;
        assert_eq!(answer["status"], "superseded", "{case}: {answer:#}");
        assert_eq!(
            answer["supersededBy"],
            newer["detail"]["object"]["version-id"]
        );
        assert_eq!(app::changes(&world), changes, "{case}");
        let now = app::state(&world).await;
        for part in ["desired", "applied", "lease", "outcomes", "unsent"] {
            assert_eq!(now[part], state[part], "{case}: {part}");
        }
    }
    assert_settled(&world, "R2", "newer", "after both").await;
    assert_eq!(app::report(&world, "R1").await, None);
}

/// S3's time of a version, in whole seconds.
async fn modified(world: &World, event: &Value) -> i64 {
    let object = &event["detail"]["object"];
    let text = |name: &str| object[name].as_str().unwrap();
    let head = world.s3.head_object().bucket(&world.bucket);
    let head = head.key(text("key")).version_id(text("version-id"));
    head.send().await.unwrap().last_modified().unwrap().secs()
}

/// Two versions of one key that S3 took within one second.
async fn written_in_one_second(world: &World, release: &str) -> (Value, Value) {
    loop {
        let first = write(world, release, "first").await;
        let second = write(world, release, "second").await;
        if modified(world, &first).await == modified(world, &second).await {
            return (first, second);
        }
    }
}

#[tokio::test]
async fn of_two_versions_of_one_second_the_current_one_is_applied_in_any_order() {
    let (world, function) = app::promoting(YES).await;
    for (release, newest_first) in [("R1", false), ("R2", true)] {
        let (first, second) = written_in_one_second(&world, release).await;
        let order = if newest_first {
            [(&second, "promoted"), (&first, "superseded")]
        } else {
            [(&first, "promoted"), (&second, "promoted")]
        };
        for (event, status) in order {
            let answer = deliver(&function, event).await;
            assert_eq!(answer["status"], status, "{release}: {answer:#}");
        }
        assert_settled(&world, release, "second", release).await;
    }
}

#[tokio::test]
async fn a_request_from_the_future_is_refused_and_nothing_is_written() {
    let (world, function) = app::promoting(YES).await;
    write(&world, "R1", "u").await;
    let ahead = app::requested(&world, "R1", "request-1", 120);
    let answer = deliver(&function, &ahead).await;
    assert_eq!(answer["status"], "refused", "{answer:#}");
    assert!(
        answer["message"].as_str().unwrap().contains("60 s ahead"),
        "{answer:#}"
    );
    assert_eq!(app::changes(&world), ["events PutEvents"]);
    let told = &world.events()[0];
    assert_eq!(told.detail_type, "Release Promote Failed");
    let said = ["requestId", "release", "errorType"].map(|name| told.detail[name].clone());
    assert_eq!(json!(said), json!(["request-1", "R1", "RequestAhead"]));
    assert!(function.output().contains("\"PromoteFailures\":1"));
    assert!(world.get(STATE).await.is_none());
    assert!(
        function
            .output()
            .contains("request from the future refused")
    );

    // A clock that is a little wrong is nobody's fault.
    let soon = app::requested(&world, "R1", "request-2", 30);
    assert_eq!(deliver(&function, &soon).await["status"], "promoted");
    // It stays the newest until its time has come, so that two clocks cannot swap two requests.
    let late = app::requested(&world, "R1", "request-3", 0);
    assert_eq!(deliver(&function, &late).await["status"], "superseded");
}

#[tokio::test]
async fn an_explicit_request_that_is_older_than_what_runs_is_superseded() {
    let (world, function) = app::promoting(YES).await;
    deliver(&function, &write(&world, "R1", "one").await).await;
    deliver(&function, &write(&world, "R2", "two").await).await;
    world.proxy.clear();
    let stale = app::requested(&world, "R1", "request-1", -600);
    let answer = deliver(&function, &stale).await;
    assert_eq!(answer["status"], "superseded", "{answer:#}");
    app::assert_sent(&world, &["Release Promote Superseded"]);
    assert_settled(&world, "R2", "two", "stale request").await;
}

/// On a fast machine what was just written is asked for within the same second.
#[tokio::test]
async fn what_asks_for_a_release_within_the_second_of_its_write_is_not_superseded() {
    let (world, function) = app::promoting(YES).await;
    let written = write(&world, "R1", "one").await;
    let second = modified(&world, &written).await;
    assert_eq!(deliver(&function, &written).await["status"], "promoted");
    let mut request = app::requested(&world, "R1", "request-1", 0);
    let time = chrono::DateTime::from_timestamp(second, 0).unwrap();
    request["time"] = json!(time.to_rfc3339());
    request["detail"]["restart"] = json!(true);
    let before = app::running(&world, "web").await;
    let answer = deliver(&function, &request).await;
    assert_eq!(answer["status"], "promoted", "{answer:#}");
    assert_ne!(app::running(&world, "web").await, before, "it restarts");
    // The write delivered again is the older one.
    assert_eq!(deliver(&function, &written).await["status"], "superseded");
    assert_settled(&world, "R1", "one", "after both").await;
}
