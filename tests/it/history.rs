//! What was asked of an App, by whom, and what became of it: in order, and never overwritten.

use std::collections::BTreeMap;
use std::time::Duration;

use double::{Call, Fault};
use rig::{Function, World, canary};
use serde_json::{Value, json};

use crate::app::{self, APP, YES};

const FOLDER: &str = "apps/shop/history/";
const INDEX: &str = "apps/shop/history/index.json";

async fn object(world: &World, key: &str) -> Value {
    let bytes = world.get(key).await;
    let bytes = bytes.unwrap_or_else(|| panic!("there is no {key}"));
    serde_json::from_slice(&bytes).expect("JSON")
}

/// The entries of the index, newest first.
async fn entries(world: &World) -> Vec<Value> {
    let index = object(world, INDEX).await;
    index["entries"].as_array().unwrap().clone()
}

/// Each object of the history with its content, the index included.
async fn all(world: &World) -> BTreeMap<String, String> {
    let listed = world
        .s3
        .list_objects_v2()
        .bucket(&world.bucket)
        .prefix(FOLDER);
    let listed = listed.send().await.unwrap();
    let mut all = BTreeMap::new();
    for object in listed.contents() {
        let key = object.key().unwrap();
        let bytes = world.get(key).await.unwrap();
        all.insert(key.to_owned(), String::from_utf8(bytes).unwrap());
    }
    all
}

/// What was written into a record or the index, oldest first: its `status`.
async fn versions(world: &World, key: &str) -> Vec<Value> {
    let versions = world.s3.list_object_versions().bucket(&world.bucket);
    let versions = versions.prefix(key).send().await.unwrap();
    let mut statuses = Vec::new();
    for version in versions.versions().iter().rev() {
        let read = world.s3.get_object().bucket(&world.bucket).key(key);
        let read = read.version_id(version.version_id().unwrap());
        let bytes = read.send().await.unwrap().body.collect().await.unwrap();
        let record: Value = serde_json::from_slice(&bytes.into_bytes()).unwrap();
        statuses.push(record["status"].clone());
    }
    statuses
}

fn fields(entries: &[Value], names: [&str; 3]) -> Vec<Value> {
    let fields = entries
        .iter()
        .map(|entry| json!(names.map(|name| entry[name].clone())));
    fields.collect()
}

/// Writes of the history that a function made.
fn writes(world: &World) -> usize {
    let calls = world.proxy.calls();
    let writes = calls
        .iter()
        .filter(|call| call.operation == "PutObject" && call.path.contains("/history/"));
    writes.count()
}

async fn delete(world: &World, id: &str, seconds: i64) -> Value {
    let deletion = world.start("app-deletion", &[]);
    let event = app::deleted(world, id, seconds);
    let mut answer = deletion.answer(&event).await;
    for _ in 0..3 {
        if answer["status"] != "waiting" {
            break;
        }
        app::pass_minute(world).await;
        answer = deletion.answer(&app::continued(world, "delete")).await;
    }
    assert_eq!(answer["status"], "deleted", "{answer:#}");
    event
}

/// Uploads R1, R2 and R3, which lacks a variable, goes back to R1, and deletes the App; the events.
async fn lived(world: &World, promote: &Function) -> Vec<Value> {
    let value = canary::value;
    let (first, second, extra) = (value("FIRST"), value("SECOND"), value("EXTRA"));
    let r1 = app::uploaded(world, "R1", &[("DATABASE_URL", &first)]).await;
    assert_eq!(promote.answer(&r1).await["status"], "promoted");
    let both = [("DATABASE_URL", second.as_str()), ("EXTRA", &extra)];
    let r2 = app::uploaded(world, "R2", &both).await;
    assert_eq!(promote.answer(&r2).await["status"], "promoted");
    let r3 = app::uploaded(world, "R3", &[("EXTRA", &extra)]).await;
    assert_eq!(promote.answer(&r3).await["errorType"], "MissingVariables");
    let back = app::requested(world, "R1", "back", 3);
    assert_eq!(promote.answer(&back).await["status"], "promoted");
    let gone = delete(world, "gone", 6).await;
    vec![r1, r2, r3, back, gone]
}

#[tokio::test]
async fn each_request_has_its_record_in_order_and_the_index_lists_them() {
    let (world, promote) = app::promoting(YES).await;
    let events = lived(&world, &promote).await;
    let entries = entries(&world).await;
    assert_eq!(
        fields(&entries, ["kind", "release", "status"]),
        [
            json!(["deletion", null, "deleted"]),
            json!(["rollback", "R1", "promoted"]),
            json!(["promote", "R3", "failed"]),
            json!(["promote", "R2", "promoted"]),
            json!(["promote", "R1", "promoted"]),
        ]
    );
    let before = entries.iter().map(|entry| entry["appliedBefore"].clone());
    assert_eq!(
        before.collect::<Vec<_>>(),
        [
            json!("R1"),
            json!("R2"),
            json!("R2"),
            json!("R1"),
            json!(null)
        ]
    );
    let all = all(&world).await;
    let records: Vec<&String> = all.keys().filter(|key| *key != INDEX).collect();
    let listed: Vec<&str> = entries
        .iter()
        .rev()
        .map(|entry| entry["record"].as_str().unwrap())
        .collect();
    assert_eq!(records, listed, "their keys are in order");

    let record = async |place: usize| object(&world, listed[place]).await;
    let changed = record(1).await;
    app::assert_says!(changed, {
        "requestId": events[1]["detail"]["object"]["version-id"],
        "keys": {"added": ["EXTRA"], "changed": ["DATABASE_URL"], "removed": []},
        "delivery": "SecretsManager", "decidedBy": "Rack",
        "askedBy": {"knownBy": "S3 event", "requester": "123456789012"},
    });
    let moved = ["web", "metrics"].map(|name| changed["services"][name]["changed"].clone());
    assert_eq!(json!(moved), json!([true, false]));
    assert!(!changed["steps"].as_array().unwrap().is_empty());
    let failed = record(2).await;
    app::assert_says!(failed, {
        "errorType": "MissingVariables",
        "keys": {"added": [], "changed": [], "removed": ["DATABASE_URL"]},
    });
    app::assert_tells(&failed, "DATABASE_URL");
    app::assert_says!(record(3).await, {
        "requestId": "back",
        "keys": {"added": [], "changed": ["DATABASE_URL"], "removed": ["EXTRA"]},
        "askedBy": {"knownBy": "EventBridge event", "source": "rack", "account": "123456789012"},
    });
    assert_eq!(record(4).await["requestId"], "gone");
    let texts: Vec<&String> = all.values().collect();
    rig::assert_absent(&texts);
}

#[tokio::test]
async fn a_message_that_comes_again_changes_nothing_of_the_history() {
    let (world, promote) = app::promoting(YES).await;
    let mut events = lived(&world, &promote).await;
    let want = all(&world).await;
    world.proxy.clear();
    let deletion = world.start("app-deletion", &[]);
    events.reverse();
    for event in &events {
        for function in [&promote, &deletion] {
            function.answer(event).await;
        }
    }
    assert_eq!(all(&world).await, want);
    assert_eq!(writes(&world), 0);
}

#[tokio::test]
async fn a_request_that_waits_has_a_record_which_its_end_replaces() {
    let (world, promote) = app::promoting(YES).await;
    // The App's stack is made first.
    app::promoted(&world, &promote, "R1", &[("DATABASE_URL", "u")]).await;
    let entries = entries(&world).await;
    let [entry] = entries.as_slice() else {
        panic!("one request: {entries:#?}")
    };
    let key = entry["record"].as_str().unwrap();
    assert_eq!(versions(&world, key).await, ["waiting", "promoted"]);
}

#[tokio::test]
async fn a_superseded_request_has_its_record_and_takes_no_end_away() {
    let (world, promote) = app::promoting(YES).await;
    app::promoted(&world, &promote, "R0", &[("DATABASE_URL", "0")]).await;
    let older = app::uploaded(&world, "R1", &[("DATABASE_URL", "1")]).await;
    let newer = app::promoted(&world, &promote, "R2", &[("DATABASE_URL", "2")]).await;
    for _ in 0..2 {
        assert_eq!(promote.answer(&older).await["status"], "superseded");
    }
    let listed = entries(&world).await;
    assert_eq!(
        fields(&listed, ["release", "kind", "status"]),
        [
            json!(["R2", "promote", "promoted"]),
            json!(["R1", "promote", "superseded"]),
            json!(["R0", "promote", "promoted"]),
        ]
    );
    let key = listed[1]["record"].as_str().unwrap();
    let record = object(&world, key).await;
    assert_eq!(record["supersededBy"], newer["requestId"]);
    assert_eq!(record["envVersionId"], record["requestId"]);
    app::assert_tells(&record, "Release R1 is not promoted for this request");

    // Its end is forgotten by the state, and the message comes once more.
    let mut state = app::state(&world).await;
    state["earlier"] = json!([]);
    let state_key = format!("apps/{APP}/state/promotion.json");
    world.put(&state_key, state.to_string()).await;
    let want = all(&world).await;
    let first = json!({"version-id": listed[2]["requestId"]});
    let mut again = older.clone();
    again["detail"]["object"]["version-id"] = first["version-id"].clone();
    again["detail"]["object"]["key"] = format!("apps/{APP}/releases/R0/env").into();
    assert_eq!(promote.answer(&again).await["status"], "superseded");
    assert_eq!(all(&world).await, want, "it was promoted, whatever comes");
}

#[tokio::test]
async fn a_refused_request_has_a_record_where_its_app_is_known() {
    let (world, promote) = app::promoting(YES).await;
    let nowhere = app::asked(&world, &promote, "R9", "nowhere", 0).await;
    assert_eq!(nowhere["errorType"], "ReleaseNotFound", "{nowhere:#}");
    assert_eq!(all(&world).await.len(), 0, "nobody knows the App yet");

    app::promoted(&world, &promote, "R1", &[("DATABASE_URL", "u")]).await;
    for _ in 0..2 {
        app::asked(&world, &promote, "R9", "typo", 1).await;
        app::asked(&world, &promote, "R1", "ahead", 3_600).await;
    }
    let listed = entries(&world).await;
    let refused: Vec<Value> = fields(&listed, ["requestId", "status", "errorType"]);
    assert_eq!(refused.len(), all(&world).await.len() - 1);
    let ahead: Vec<&Value> = refused.iter().filter(|one| one[0] == "ahead").collect();
    assert_eq!(ahead[0], &json!(["ahead", "refused", "RequestAhead"]));
    let typo: Vec<&Value> = refused.iter().filter(|one| one[0] == "typo").collect();
    assert_eq!(typo[0], &json!(["typo", "refused", "ReleaseNotFound"]));
    let record = listed.iter().find(|one| one["requestId"] == "typo");
    let record = object(&world, record.unwrap()["record"].as_str().unwrap()).await;
    app::assert_tells(&record, "apps/shop/releases/R9/env");
}

#[tokio::test]
async fn somebody_who_writes_the_index_meanwhile_loses_no_entry() {
    let (world, promote) = app::promoting(YES).await;
    app::promoted(&world, &promote, "R1", &[("DATABASE_URL", "1")]).await;
    let event = app::uploaded(&world, "R2", &[("DATABASE_URL", "2")]).await;
    world.proxy.clear();
    let slow = Fault::Latency(Duration::from_secs(1));
    world.inject(slow.on("ecs", "UpdateService"));
    let meanwhile = async {
        world.until_called("ecs", "UpdateService").await;
        let mut index = object(&world, INDEX).await;
        let mut other = index["entries"][0].clone();
        other["record"] = format!("{FOLDER}19990101T000000Z-R0-other.json").into();
        other["requestId"] = "other".into();
        index["entries"].as_array_mut().unwrap().push(other);
        world.put(INDEX, index.to_string()).await;
    };
    let (answer, ()) = tokio::join!(promote.answer(&event), meanwhile);
    assert_eq!(answer["status"], "promoted", "{answer:#}");
    let listed = entries(&world).await;
    let releases = fields(&listed, ["release", "status", "kind"]);
    assert_eq!(releases.len(), 3, "{listed:#?}");
    assert_eq!(listed[2]["requestId"], "other");
}

#[tokio::test]
async fn an_index_that_is_broken_or_refused_holds_up_no_release() {
    let (world, promote) = app::promoting(YES).await;
    app::promoted(&world, &promote, "R1", &[("DATABASE_URL", "1")]).await;
    world.put(INDEX, "{not json").await;
    app::promoted(&world, &promote, "R2", &[("DATABASE_URL", "2")]).await;
    assert_eq!(entries(&world).await.len(), 1, "it is begun anew");
    world.inject(Fault::DENIED.on("s3", "PutObject").about("/history/"));
    app::promoted(&world, &promote, "R3", &[("DATABASE_URL", "3")]).await;
    world.proxy.lift();
    let state = app::state(&world).await;
    assert_eq!(state.get("unrecorded"), None, "{state:#}");
    app::promoted(&world, &promote, "R4", &[("DATABASE_URL", "4")]).await;
    let listed = entries(&world).await;
    let releases: Vec<&Value> = listed.iter().map(|entry| &entry["release"]).collect();
    assert_eq!(releases, ["R4", "R2"]);
}

/// The calls about the history and the state are made together, so that the history takes no time of its own.
#[tokio::test]
async fn the_history_is_read_beside_the_lease_and_written_beside_the_state() {
    let (world, promote) = app::promoting(YES).await;
    app::promoted(&world, &promote, "R1", &[("DATABASE_URL", "1")]).await;
    let event = app::uploaded(&world, "R2", &[("DATABASE_URL", "2")]).await;
    world.proxy.clear();
    world.inject(Fault::Latency(Duration::from_millis(500)).on_service("s3"));
    let answer = promote.answer(&event).await;
    world.proxy.lift();
    assert_eq!(answer["status"], "promoted", "{answer:#}");
    let calls = world.proxy.calls();
    let about = |operation: &str, key: &str| -> Vec<&Call> {
        let calls = calls.iter();
        let calls = calls.filter(|call| call.operation == operation);
        calls.filter(|call| call.path.contains(key)).collect()
    };
    let beside = |one: &Call, other: &Call| {
        one.began < other.ended.unwrap() && other.began < one.ended.unwrap()
    };
    let state = about("PutObject", "/state/promotion.json");
    let [lease, result, ..] = state.as_slice() else {
        panic!("{state:#?}")
    };
    let read = about("GetObject", "/history/");
    assert_eq!(read.len(), 1, "{read:#?}");
    assert!(beside(read[0], lease), "it is read beside the lease");
    let written = about("PutObject", "/history/");
    assert_eq!(written.len(), 2, "{written:#?}");
    for write in written {
        assert!(beside(write, result), "{} waits", write.path);
    }
}
