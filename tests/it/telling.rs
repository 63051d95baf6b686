//! Whatever becomes of a request, somebody is told, and nothing that is to be told holds anything up.

use double::Fault;
use rig::{World, events};
use serde_json::{Value, json};

use crate::app::{self, APP, YES};

const STATE: &str = "apps/shop/state/promotion.json";
/// What EventBridge takes in one call.
const LIMIT: usize = 256 * 1024;

/// The details of the events of one kind that were sent.
fn told(world: &World, kind: &str) -> Vec<Value> {
    let events = world.all_events().into_iter();
    let of_kind = events.filter(|event| event.detail_type == kind);
    of_kind.map(|event| event.detail).collect()
}

/// A manifest of which all that it requires is missing: a message of any length.
fn lacks_much() -> String {
    use std::fmt::Write as _;

    let mut manifest = "environment:\n".to_owned();
    for number in 0..60 {
        let _ = writeln!(
            manifest,
            "  - A_REQUIRED_VARIABLE_WITH_A_LONG_NAME_{number:02}"
        );
    }
    manifest.push_str("services:\n");
    for number in 0..130 {
        let _ = writeln!(manifest, "  web-{number}: {{image: i}}");
    }
    manifest
}

#[tokio::test]
async fn a_failure_of_any_length_is_told_and_holds_up_no_later_release() {
    let world = World::new().await;
    let function = world.start("promote", YES);
    let manifest = lacks_much();
    app::write_manifest(&world, "R1", manifest).await;
    let answer = app::promote(&world, &function, "R1", &[("A", "1")]).await;
    assert_eq!(answer["errorType"], "MissingVariables");
    let message = answer["message"].as_str().unwrap();
    assert!(message.len() <= 16 * 1024, "{}", message.len());
    assert!(message.ends_with("more bytes are left out)"), "it says so");
    let failed = told(&world, "Release Promote Failed");
    assert_eq!(failed.len(), 1, "{:?}", app::sent(&world));
    assert!(failed[0].to_string().len() < LIMIT);
    assert_eq!(app::report(&world, "R1").await.unwrap()["message"], message);

    let mended = "services: {web: {image: i}}\n";
    app::write_manifest(&world, "R2", mended).await;
    app::promoted(&world, &function, "R2", &[("A", "1")]).await;
}

#[tokio::test]
async fn an_app_that_an_older_version_left_behind_a_refused_event_recovers_by_itself() {
    let (world, function) = app::promoting(YES).await;
    let event = |kind: &str, message: &str| {
        json!({"detailType": kind, "detail": {
            "rack": world.rack, "app": APP, "requestId": "before", "release": "R0", "message": message,
        }})
    };
    let too_large = event("Release Promote Failed", &"x".repeat(300_000));
    let never_taken = event(&"N".repeat(200), "its detail-type is too long");
    let fine = event("Rack Warning", "between two that are not");
    let mut state = json!({"desired": null, "applied": null, "lease": null, "outcomes": []});
    state["unsent"] = json!([never_taken, fine, too_large]);
    world.put(STATE, state.to_string()).await;

    app::promoted(&world, &function, "R1", &[("DATABASE_URL", "u")]).await;
    app::assert_sent(
        &world,
        &[
            "Rack Warning",
            "Release Promote Failed",
            "Release Promoted",
            "Secret Write Succeeded",
        ],
    );
    let cut = &told(&world, "Release Promote Failed")[0];
    assert_eq!(cut["shortened"], json!(["message"]));
    assert_eq!(app::state(&world).await["unsent"], json!([]));
    let output = function.output();
    assert!(
        output.contains("is dropped, since EventBridge never takes it"),
        "{output}"
    );
    assert!(output.contains("\"EventsDropped\":1"), "{output}");
}

#[tokio::test]
async fn an_event_that_is_refused_as_it_is_is_told_shorter() {
    let world = World::new().await;
    let function = world.start("promote", YES);
    app::write_manifest(&world, "R1", lacks_much()).await;
    let refused = Fault::Error {
        status: 400,
        code: "ValidationException",
    };
    let refused = refused.on("events", "PutEvents");
    world.inject(refused.times(1));
    let answer = app::promote(&world, &function, "R1", &[("A", "1")]).await;
    assert_eq!(answer["errorType"], "MissingVariables");
    let failed = told(&world, "Release Promote Failed");
    assert_eq!(failed.len(), 1, "{}", function.output());
    assert_eq!(failed[0]["shortened"], json!(["message"]));
    let says = failed[0]["message"].as_str().unwrap();
    assert!(says.starts_with("required variables are not set"), "{says}");
    assert_eq!(failed[0]["requestId"], answer["requestId"]);
    let output = function.output();
    assert!(!output.contains("EventsDropped"), "{output}");
}

#[tokio::test]
async fn without_the_permission_to_tell_releases_are_promoted_all_the_same() {
    let (world, function) = app::promoting(YES).await;
    world.inject(Fault::DENIED.on("events", "PutEvents"));
    for release in ["R1", "R2"] {
        app::promoted(&world, &function, release, &[("DATABASE_URL", release)]).await;
    }
    let state = app::state(&world).await;
    app::assert_says!(state, {"unsent": [], "lease": null});
    let dropped = function.output().matches("\"EventsDropped\":1").count();
    assert_eq!(dropped, 5, "two of each, and that the first waited");
}

#[tokio::test]
async fn a_request_that_comes_after_a_newer_one_is_told_once_and_its_release_says_so() {
    let (world, function) = app::promoting(YES).await;
    let older = world.put_env(APP, "R1", &[("DATABASE_URL", "1")]).await;
    let newer = app::promoted(&world, &function, "R2", &[("DATABASE_URL", "2")]).await;
    let event = app::written(&world, "R1", &older);
    for _ in 0..2 {
        let answer = function.answer(&event).await;
        assert_eq!(answer["status"], "superseded", "{answer:#}");
    }
    let superseded = told(&world, "Release Promote Superseded");
    assert_eq!(superseded.len(), 1, "{superseded:?}");
    let newer = newer["requestId"].clone();
    let detail = &superseded[0];
    let said = ["requestId", "release", "supersededBy"].map(|name| detail[name].clone());
    assert_eq!(said, [json!(older), json!("R1"), newer.clone()]);

    // The event makes promote write the report, however often it comes.
    let told = events::of_functions("Release Promote Superseded", "e", detail);
    for _ in 0..2 {
        let answer = function.answer(&told).await;
        assert_eq!(answer["status"], "superseded", "{answer:#}");
    }
    let report = app::report(&world, "R1").await.unwrap();
    app::assert_says!(report, {"status": "superseded", "requestId": older, "supersededBy": newer});
    // One of a request that was done stays.
    let mut of_other = told.clone();
    of_other["detail"]["release"] = "R2".into();
    let _ = function.answer(&of_other).await;
    let report = app::report(&world, "R2").await.unwrap();
    assert_eq!(report["status"], "promoted", "{report:#}");
}

#[tokio::test]
async fn a_release_that_waits_says_for_what_once_and_its_successor_ends_that() {
    let manifest = "services: {web: {image: i}}\nresources: {db: {type: postgres}}\n";
    let (world, function) = app::promoting_with(manifest, &[], YES).await;
    world.proxy.hold_stacks();
    let version = world.put_env(APP, "R1", &[("A", "1")]).await;
    let event = app::written(&world, "R1", &version);
    for _ in 0..3 {
        let answer = function.invoke_alone(&event).await.answer();
        assert_eq!(answer["status"], "waiting", "{answer:#}");
        app::pass_minute(&world).await;
    }
    let waits = told(&world, "Release Promote Waiting");
    assert_eq!(waits.len(), 2, "that it is begun, and under way: {waits:?}");
    assert_eq!(waits[0]["requestId"], version, "{waits:?}");
    assert!(
        waits[0]["message"].as_str().unwrap().contains("stack"),
        "{waits:?}"
    );
    let report = app::report(&world, "R1").await.unwrap();
    let said = (&report["status"], &report["requestId"]);
    assert_eq!(said, (&json!("waiting"), &json!(version)), "{report:#}");

    // A newer Release comes meanwhile.
    app::write_manifest(&world, "R2", manifest).await;
    let newer = world.put_env(APP, "R2", &[("A", "2")]).await;
    let event = app::written(&world, "R2", &newer);
    let _ = function.invoke_alone(&event).await.answer();
    let superseded = told(&world, "Release Promote Superseded");
    assert_eq!(superseded.len(), 1, "{superseded:?}");
    let told = events::of_functions("Release Promote Superseded", "e", &superseded[0]);
    let _ = function.invoke_alone(&told).await.answer();
    let report = app::report(&world, "R1").await.unwrap();
    let said = (&report["status"], &report["supersededBy"]);
    assert_eq!(said, (&json!("superseded"), &json!(newer)), "{report:#}");
}

#[tokio::test]
async fn a_release_that_is_uploaded_again_while_it_waits_says_of_the_newer_upload_that_it_waits() {
    let manifest = "services: {web: {image: i}}\nresources: {db: {type: postgres}}\n";
    let (world, function) = app::promoting_with(manifest, &[], YES).await;
    let mut versions = Vec::new();
    for value in ["1", "2"] {
        let version = world.put_env(APP, "R1", &[("A", value)]).await;
        let event = app::written(&world, "R1", &version);
        let answer = function.invoke_alone(&event).await.answer();
        assert_eq!(answer["status"], "waiting", "{answer:#}");
        let report = app::report(&world, "R1").await.unwrap();
        let said = (&report["status"], &report["requestId"]);
        assert_eq!(said, (&json!("waiting"), &json!(version)), "{report:#}");
        versions.push(version);
    }
    let superseded = told(&world, "Release Promote Superseded");
    assert_eq!(superseded[0]["requestId"], versions[0], "{superseded:?}");
    let told = events::of_functions("Release Promote Superseded", "e", &superseded[0]);
    let before = app::report(&world, "R1").await;
    let _ = function.invoke_alone(&told).await.answer();
    assert_eq!(app::report(&world, "R1").await, before);

    // Nor where the newer one has written no report yet.
    let key = format!("apps/{APP}/releases/R1/report.json");
    let gone = world.s3.delete_object().bucket(&world.bucket).key(&key);
    gone.send().await.unwrap();
    let _ = function.invoke_alone(&told).await.answer();
    assert_eq!(app::report(&world, "R1").await, None);
}

#[tokio::test]
async fn a_deletion_that_loses_its_tie_is_told_so_and_an_older_one_is_told_that_it_is_older() {
    let (world, promote) = app::promoting(YES).await;
    app::promote(&world, &promote, "R1", &[("DATABASE_URL", "u")]).await;
    let deleter = world.start("app-deletion", &[]);
    let newest = app::state(&world).await["desired"].clone();
    let mut tied = app::deleted(&world, "tied", 0);
    tied["time"] = newest["requestedAt"].clone();
    let tie = "was asked for in the same second, and then the promote counts; delete the App again";
    for (event, id, says) in [
        (tied, "tied", tie),
        (
            app::deleted(&world, "older", -600),
            "older",
            "came before it was done; delete the App again",
        ),
    ] {
        world.proxy.clear();
        for _ in 0..2 {
            let answer = deleter.answer(&event).await;
            assert_eq!(answer["status"], "superseded", "{answer:#}");
        }
        let superseded = told(&world, "App Deletion Superseded");
        let of_this = superseded.iter().filter(|told| told["requestId"] == id);
        let of_this: Vec<&Value> = of_this.collect();
        assert_eq!(of_this.len(), 1, "{superseded:?}");
        assert_eq!(of_this[0]["supersededBy"], newest["requestId"]);
        let message = of_this[0]["message"].as_str().unwrap();
        assert!(message.contains(says), "{id}: {message}");
        assert_eq!(message.contains("same second"), id == "tied", "{message}");
    }
    assert_eq!(app::state(&world).await["applied"]["release"], "R1");
}

#[tokio::test]
async fn a_deletion_that_waits_says_for_what_once() {
    let (world, promote) = app::promoting(YES).await;
    app::promote(&world, &promote, "R1", &[("DATABASE_URL", "u")]).await;
    let deleter = world.start("app-deletion", &[]);
    world.proxy.hold_draining();
    let event = app::deleted(&world, "deletion-1", 5);
    for _ in 0..2 {
        let answer = deleter.answer(&event).await;
        assert_eq!(answer["status"], "waiting", "{answer:#}");
        app::pass_minute(&world).await;
    }
    let waits = told(&world, "App Deletion Waiting");
    assert_eq!(waits.len(), 1, "not at each look: {waits:?}");
    assert_eq!(waits[0]["requestId"], "deletion-1");
    let message = waits[0]["message"].as_str().unwrap();
    let web = app::ecs_service(&world, "web");
    assert!(
        message.contains("draining") && message.contains(&web),
        "{message}"
    );
}

/// What is wrong beside it does not hide what is to be said: the unknown key, and the line that is no variable.
fn assert_says_all(answer: &Value, error_type: &str) {
    assert_eq!(answer["errorType"], error_type, "{answer:#}");
    let warnings = answer["warnings"].to_string();
    for part in ["`services.web.prot`", "line 1 has no `=`"] {
        assert!(warnings.contains(part), "{part}: {answer:#}");
    }
}

#[tokio::test]
async fn what_fails_says_its_warnings_too() {
    let lacking = "services: {web: {image: i, prot: 8080, environment: [NEEDED]}}\n";
    let invalid = "services: {web: {image: i, prot: 8080, port: none}}\n";
    let world = World::new().await;
    let function = world.start("promote", &[]);
    let process = world.start("process-run", &[]);
    for (release, manifest, error_type) in [
        ("R1", lacking, "MissingVariables"),
        ("R2", invalid, "InvalidManifest"),
    ] {
        app::write_manifest(&world, release, manifest).await;
        let environment = "export OTHER\nA=1\n";
        world.proxy.clear();
        let answer = app::promote_app(&world, &function, APP, release, environment).await;
        assert_says_all(&answer, error_type);
        let report = app::report(&world, release).await.unwrap();
        assert_eq!(report["warnings"], answer["warnings"]);
        assert_says_all(&told(&world, "Release Promote Failed")[0], error_type);

        let question = json!({"app": APP, "release": release, "dryRun": true});
        assert_says_all(&function.answer(&question).await, error_type);

        let request = json!({"app": APP, "release": release, "service": "web"});
        assert_says_all(&process.answer(&request).await, error_type);
        assert_says_all(&told(&world, "Process Failed")[0], error_type);
    }
}

#[tokio::test]
async fn every_event_names_its_request() {
    let (world, function) = app::promoting(YES).await;
    app::promote(&world, &function, "R1", &[("DATABASE_URL", "u")]).await;
    let mut bad = app::written(&world, "R1", "");
    bad["detail"]["object"]["key"] = "apps/Shop/releases/R1/env".into();
    let answer = function.answer(&bad).await;
    assert_eq!(answer["errorType"], "InvalidName", "{answer:#}");
    let failed = told(&world, "Release Promote Failed");
    assert_eq!(failed[0]["requestId"], bad["id"]);

    let process = world.start("process-run", YES);
    let run = crate::process_run::requested(&world, "run-1", &json!({"command": "true"}));
    let answer = process.answer(&run).await;
    assert_eq!(answer["status"], "started", "{answer:#}");
    let mut nameless = run.clone();
    nameless["detail"]["service"] = Value::Null;
    let answer = process.answer(&nameless).await;
    assert_eq!(answer["errorType"], "InvalidRequest", "{answer:#}");

    let deleter = world.start("app-deletion", &[]);
    let older = deleter
        .invoke(&app::deleted(&world, "deletion-0", -600))
        .await;
    assert_eq!(older.answer()["status"], "superseded");
    world.proxy.hold_draining();
    let waits = deleter.invoke(&app::deleted(&world, "deletion-1", 5)).await;
    assert_eq!(waits.answer()["status"], "waiting");
    world.proxy.end_draining();
    world.inject(Fault::DENIED.on("secretsmanager", "DeleteSecret"));
    let fails = deleter.invoke(&app::deleted(&world, "deletion-2", 6)).await;
    assert_eq!(fails.answer()["status"], "failed");
    world.proxy.lift();
    let ends = deleter.invoke(&app::deleted(&world, "deletion-3", 7)).await;
    assert_eq!(ends.answer()["status"], "deleted");

    let events = world.all_events();
    for event in &events {
        let request = event.detail["requestId"].as_str().unwrap_or_default();
        assert!(!request.is_empty(), "{event:?}");
    }
    for (kind, requests) in [
        ("Process Started", vec!["run-1"]),
        ("Process Failed", vec!["run-1"]),
        ("App Deletion Superseded", vec!["deletion-0", "deletion-1"]),
        ("App Deletion Waiting", vec!["deletion-1", "deletion-2"]),
        ("App Deletion Failed", vec!["deletion-2"]),
        ("App Deletion Completed", vec!["deletion-3"]),
        ("App Secret Deletion Scheduled", vec!["deletion-3"]),
    ] {
        let told = told(&world, kind).into_iter();
        let told: Vec<Value> = told.map(|detail| detail["requestId"].clone()).collect();
        assert_eq!(json!(told), json!(requests), "{kind}");
    }
}

#[tokio::test]
async fn an_event_for_nobody_leaves_a_line_and_a_count() {
    let world = app::world().await;
    let function = world.start("failure-count", &[]);
    let requested = |kind: &str, detail: Value| {
        let mut event = app::requested(&world, "R1", "event-1", 0);
        event["detail-type"] = kind.into();
        event["detail"] = detail;
        event
    };
    let forged = |kind: &str, detail: Value| {
        let mut event = requested(kind, detail);
        event["source"] = "secrets-manager-env".into();
        event
    };
    let ours = world.rack.as_str();
    for (event, says) in [
        (
            requested(
                "Release Promote Requested",
                json!({"rack": "myrak", "app": APP}),
            ),
            "for Rack `myrak`",
        ),
        (requested("App Deleted", json!({"app": APP})), "no `rack`"),
        (
            requested(
                "Process Run Requested",
                json!({"service": "web", "command": "hidden"}),
            ),
            "no `rack`",
        ),
        (
            requested("Release Promote Request", json!({"rack": ours, "app": APP})),
            "does not know it",
        ),
        (
            requested("Apps Deleted", json!({"rack": "myrak", "app": APP})),
            "for Rack `myrak`, this is Rack",
        ),
        (
            requested("Apps Deleted", json!({"app": APP, "command": "hidden"})),
            "no `rack`, and no Rack knows it",
        ),
        (
            requested("App Deleted", json!({"rack": ours, "app": APP})),
            "EventSources does not have `rack`, or it came by another bus",
        ),
        (
            forged("App Deleted", json!({"rack": ours, "app": APP})),
            "EventSources does not have `secrets-manager-env`",
        ),
    ] {
        let answer = function.answer(&event).await;
        assert_eq!(answer["status"], "ignored", "{event}");
        let message = answer["message"].as_str().unwrap();
        assert!(
            message.contains(says) && message.contains("event-1"),
            "{message}"
        );
    }
    let output = function.output();
    assert_eq!(output.matches("\"UnheardEvents\":1").count(), 8, "{output}");
    assert!(!output.contains("hidden"), "{output}");
    assert_eq!(app::changes(&world), Vec::<String>::new());
}
