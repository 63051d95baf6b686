//! `release` of a Service: it runs once for each request, after the secret is written and before anything moves; where it does not
//! end well, nothing moves.

use chrono::{TimeDelta, Utc};
use double::{Call, Fault};
use rig::{App, Function, Invocation, World};
use serde_json::{Value, json};

use crate::app::{self, APP, YES};

/// Two Services with release commands, one without, and a Timer.
const MANIFEST: &str = "services:
  web: {image: 'example/web:1', environment: [KEY], release: bin/migrate}
  api: {image: 'example/api:1', environment: [KEY], release: [bin/seed, all]}
  worker: {image: 'example/worker:1', environment: [KEY]}
timers:
  nightly: {schedule: '0 3 * * *', command: bin/nightly, service: worker}
";
/// The same of which the command of `web` fails.
fn failing() -> String {
    MANIFEST.replace("bin/migrate", "bin/migrate || exit 3")
}

/// A World with an App whose Release R1 is live, without release commands.
async fn live(settings: &[(&str, &str)]) -> (World, Function) {
    let first = "services: {web: {image: example/web:0, environment: [KEY]}}\n";
    let (world, promote) = app::promoting_with(first, &[], settings).await;
    app::write_manifest(&world, "R1", first).await;
    app::promoted(&world, &promote, "R1", &[("KEY", "first")]).await;
    world.proxy.clear();
    (world, promote)
}

/// Writes a Release; S3's event about it.
async fn upload(world: &World, release: &str, manifest: &str) -> Value {
    app::write_manifest(world, release, manifest).await;
    app::uploaded(world, release, &[("KEY", release)]).await
}

/// Writes a Release and delivers S3's event; what came of that alone.
async fn begin(world: &World, promote: &Function, release: &str, manifest: &str) -> Value {
    let event = upload(world, release, manifest).await;
    promote.invoke_alone(&event).await.answer()
}

/// Ends the release commands that run, and delivers the event of the last one.
async fn end(world: &World, promote: &Function) -> Value {
    let ends = world.proxy.end_commands();
    world.proxy.hold_commands();
    promote.invoke_alone(ends.last().unwrap()).await.answer()
}

/// The Services of the tasks that were started, oldest first.
fn started(world: &World) -> Vec<String> {
    let tasks = world.proxy.commands().into_iter();
    let container = |task: Value| {
        let overridden = &task["overrides"]["containerOverrides"][0];
        overridden["name"].as_str().unwrap().to_owned()
    };
    tasks.map(container).collect()
}

/// The operations that move something, in order.
fn moves(world: &World) -> Vec<String> {
    let moving = [
        "CreateService",
        "UpdateService",
        "PutRule",
        "PutTargets",
        "DeleteService",
    ];
    let calls = world.proxy.calls().into_iter();
    let operations = calls.map(|call| call.operation);
    operations
        .filter(|name| moving.contains(&name.as_str()))
        .collect()
}

fn place(calls: &[Call], operation: &str) -> usize {
    let place = calls.iter().rposition(|call| call.operation == operation);
    place.unwrap_or_else(|| panic!("there is no {operation}"))
}

#[tokio::test]
async fn it_runs_with_the_new_release_after_the_secret_and_before_anything_moves() {
    let (world, promote) = live(YES).await;
    let event = upload(&world, "R2", MANIFEST).await;
    let report = promote.answer(&event).await;
    app::assert_says!(report, {"status": "promoted", "delivery": "SecretsManager"});
    assert_eq!(
        started(&world),
        ["api", "web"],
        "in the order of their names"
    );
    let calls = world.proxy.calls();
    let first = |operation: &str| calls.iter().position(|call| call.operation == operation);
    let run = place(&calls, "RunTask");
    assert!(place(&calls, "PutSecretValue") < first("RunTask").unwrap());
    assert!(place(&calls, "RegisterTaskDefinition") < first("RunTask").unwrap());
    for moved in ["CreateService", "UpdateService", "PutRule"] {
        assert!(run < first(moved).unwrap(), "{moved}");
    }
    let sent = &calls[run].body;
    let want = json!([{"name": "web", "command": ["sh", "-c", "bin/migrate"]}]);
    assert_eq!(sent["overrides"]["containerOverrides"], want);
    let of_api = &calls[first("RunTask").unwrap()].body;
    let command = &of_api["overrides"]["containerOverrides"][0]["command"];
    assert_eq!(*command, json!(["bin/seed", "all"]));
    assert_eq!(sent["launchType"], "FARGATE");
    assert_eq!(sent["clientToken"].as_str().unwrap().len(), 64);
    let by = sent["startedBy"].as_str().unwrap();
    assert!(
        by.starts_with(&format!("{}/release/{APP}/", world.rack)),
        "{by}"
    );
    let web = &report["services"]["web"]["newTaskDefinition"];
    assert_eq!(sent["taskDefinition"], *web);
    let seen = app::sees(&world, web.as_str().unwrap()).await;
    assert_eq!(seen["KEY"], "R2");
    let ran = &report["releaseCommands"];
    assert_eq!(ran[0]["service"], "api");
    app::assert_says!(ran[1], {"service": "web", "exitCode": 0, "ended": "ended with exit code 0"});
    let task = ran[1]["task"].as_str().unwrap().rsplit('/').next().unwrap();
    let stream = format!("{APP}/service/web/{task}");
    assert_eq!(ran[1]["logStream"], stream.as_str());
    assert!(
        ran[1]["logGroup"]
            .as_str()
            .is_some_and(|group| !group.is_empty())
    );
    let index = world.get("apps/shop/history/index.json").await.unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    let record = world
        .get(index["entries"][0]["record"].as_str().unwrap())
        .await;
    let record: Value = serde_json::from_slice(&record.unwrap()).unwrap();
    assert_eq!(record["releaseCommands"], *ran);
}

#[tokio::test]
async fn it_fails_and_nothing_moves_and_the_message_says_where_to_look() {
    for (settings, delivery) in [(YES, "SecretsManager"), (&[], "S3")] {
        let (world, promote) = live(settings).await;
        let event = upload(&world, "R2", &failing()).await;
        let report = promote.answer(&event).await;
        app::assert_says!(report, {"status": "failed", "errorType": "ReleaseCommandFailed"});
        let stream = report["releaseCommands"][1]["logStream"].as_str().unwrap();
        for part in [
            "the release command of Service `web` ended with exit code 3, so nothing was moved; its output: the log group `",
            &format!("stream `{stream}`"),
            "what was changed is back at Release R1",
        ] {
            app::assert_tells(&report, part);
        }
        assert_eq!(report["releaseCommands"][1]["exitCode"], 3);
        let moved = moves(&world);
        assert!(!moved.contains(&"CreateService".to_owned()), "{moved:?}");
        let seen = app::sees(&world, &app::running(&world, "web").await).await;
        assert_eq!(seen["KEY"], "first", "{delivery}");
        if delivery != "S3" {
            assert_eq!(app::current_secret(&world).await.1, json!({"KEY": "first"}));
        }
        let state = app::state(&world).await;
        app::assert_says!(state["desired"], {"status": "failed"}, "{delivery}");
        assert_eq!(state["applied"]["release"], "R1");
        assert_eq!(started(&world), ["api", "web"]);
        // The next request runs its own.
        let mended = upload(&world, "R3", MANIFEST).await;
        let report = promote.answer(&mended).await;
        app::assert_says!(report, {"status": "promoted"}, "{delivery}");
        assert_eq!(started(&world).len(), 4);
    }
}

#[tokio::test]
async fn a_task_that_does_not_start_fails_it_with_what_ecs_means() {
    let (world, promote) = live(YES).await;
    let words = "CannotPullContainerError: pull image manifest has been retried";
    world.proxy.fail_commands(Some(words));
    let event = upload(&world, "R2", MANIFEST).await;
    let report = promote.answer(&event).await;
    app::assert_says!(report, {"status": "failed", "errorType": "ReleaseCommandFailed"});
    app::assert_tells(
        &report,
        "the release command of Service `api` did not come to its end: its image could not be pulled",
    );
    assert!(report["releaseCommands"][0]["exitCode"].is_null());
    assert_eq!(started(&world), ["api"]);
}

#[tokio::test]
async fn it_waits_for_room_and_fails_where_there_never_will_be_any() {
    let (world, promote) = live(YES).await;
    world.proxy.refuse_tasks(Some("RESOURCE:MEMORY"));
    let answer = begin(&world, &promote, "R2", MANIFEST).await;
    app::assert_says!(answer, {"status": "waiting"});
    app::assert_tells(
        &answer,
        "no room yet for the release command of Service `api` (RESOURCE:MEMORY)",
    );
    world.proxy.refuse_tasks(None);
    app::pass_minute(&world).await;
    let report = promote.answer(&app::continued(&world, "promote")).await;
    app::assert_says!(report, {"status": "promoted"});

    world.proxy.refuse_tasks(Some("MISSING"));
    let answer = begin(&world, &promote, "R3", MANIFEST).await;
    app::assert_says!(answer, {"status": "failed", "errorType": "ReleaseCommandFailed"});
    app::assert_tells(&answer, "ECS did not place its task: MISSING");
}

#[tokio::test]
async fn a_release_that_was_live_before_runs_none_again() {
    let (world, promote) = live(YES).await;
    for release in ["R2", "R3"] {
        let event = upload(&world, release, MANIFEST).await;
        promote.answer(&event).await;
    }
    let ran = started(&world).len();
    let back = app::asked(&world, &promote, "R2", "back", 5).await;
    app::assert_says!(back, {"status": "promoted", "release": "R2"});
    let again = app::asked(&world, &promote, "R2", "again", 10).await;
    app::assert_says!(again, {"status": "promoted", "release": "R2"});
    assert!(again["releaseCommands"].is_null(), "{again:#}");
    let anew = upload(&world, "R2", MANIFEST).await;
    promote.answer(&anew).await;
    assert_eq!((ran, started(&world).len()), (4, 4));
}

#[tokio::test]
async fn doubled_and_late_events_start_nothing_twice() {
    let (world, promote) = live(YES).await;
    world.proxy.hold_commands();
    let event = upload(&world, "R2", MANIFEST).await;
    let answer = promote.invoke_alone(&event).await.answer();
    app::assert_says!(answer, {"status": "waiting"});
    app::assert_tells(
        &answer,
        "the release command of Service `api` runs; its output: the log group",
    );
    let first = world.proxy.commands();
    for _ in 0..2 {
        promote.invoke_alone(&event).await;
        app::pass_minute(&world).await;
        let looked = promote
            .invoke_alone(&app::continued(&world, "promote"))
            .await;
        app::assert_says!(looked.answer(), {"status": "waiting"});
    }
    assert_eq!(world.proxy.commands(), first);
    let ends = world.proxy.end_commands();
    world.proxy.hold_commands();
    for _ in 0..2 {
        let answer = promote.invoke_alone(&ends[0]).await.answer();
        app::assert_says!(answer, {"status": "waiting"});
    }
    assert_eq!(started(&world), ["api", "web"]);
    let report = end(&world, &promote).await;
    app::assert_says!(report, {"status": "promoted"});
    for late in [&ends[0], &event] {
        let answer = promote.invoke_alone(late).await.answer();
        assert_ne!(answer["status"], "waiting", "{answer:#}");
    }
    assert_eq!(started(&world), ["api", "web"]);
    assert_eq!(
        moves(&world)
            .iter()
            .filter(|it| *it == "CreateService")
            .count(),
        2
    );
}

#[tokio::test]
async fn wherever_it_dies_around_the_start_of_a_task_it_runs_once() {
    for kill in [Fault::KillBefore, Fault::KillAfter] {
        let (world, promote) = live(YES).await;
        world.inject(kill.clone().on("ecs", "RunTask").times(1));
        let event = upload(&world, "R2", MANIFEST).await;
        let ended = promote.invoke_alone(&event).await;
        assert!(matches!(ended, Invocation::Error { .. }), "{ended:?}");
        world.proxy.lift();
        app::pass_minute(&world).await;
        let report = promote.answer(&event).await;
        app::assert_says!(report, {"status": "promoted"});
        assert_eq!(started(&world), ["api", "web"], "{kill:?}");
    }
}

#[tokio::test]
async fn a_newer_release_waits_until_the_command_of_the_older_one_has_ended() {
    let (world, promote) = live(YES).await;
    world.proxy.hold_commands();
    begin(&world, &promote, "R2", MANIFEST).await;
    let without = "services: {web: {image: example/web:3, environment: [KEY]}}\n";
    let answer = begin(&world, &promote, "R3", without).await;
    app::assert_says!(answer, {"status": "waiting"});
    app::assert_tells(
        &answer,
        "of Service `api` of Release R2, which was asked for before, still runs",
    );
    let newest = begin(&world, &promote, "R4", MANIFEST).await;
    app::assert_says!(newest, {"status": "waiting"});
    assert_eq!((started(&world).len(), moves(&world)), (1, Vec::new()));
    let answer = end(&world, &promote).await;
    app::assert_tells(&answer, "the release command of Service `api` runs");
    assert_eq!(
        started(&world),
        ["api", "api"],
        "that of R4, and none of R2 any more"
    );
    end(&world, &promote).await;
    let report = end(&world, &promote).await;
    app::assert_says!(report, {"status": "promoted", "release": "R4"});
    assert_eq!(started(&world), ["api", "api", "web"]);
}

#[tokio::test]
async fn whoever_comes_after_a_start_that_nobody_wrote_down_finds_the_task() {
    let (world, promote) = live(YES).await;
    world.proxy.hold_commands();
    world.inject(Fault::KillAfter.on("ecs", "RunTask").times(1));
    let event = upload(&world, "R2", MANIFEST).await;
    promote.invoke_alone(&event).await;
    world.proxy.lift();
    app::pass_minute(&world).await;
    let answer = begin(&world, &promote, "R3", MANIFEST).await;
    app::assert_tells(
        &answer,
        "of Release R2, which was asked for before, still runs",
    );
    let ends = world.proxy.end_commands();
    // What is not listed may be too new: it counts as running for two minutes.
    let answer = promote.invoke_alone(&ends[0]).await.answer();
    app::assert_says!(answer, {"status": "waiting"});
    age(&world, 3).await;
    app::pass_minute(&world).await;
    let report = promote.answer(&app::continued(&world, "promote")).await;
    app::assert_says!(report, {"status": "promoted", "release": "R3"});
    assert_eq!(started(&world), ["api", "api", "web"]);
}

/// All that was started was started so many minutes ago.
async fn age(world: &World, minutes: i64) {
    let shop = App::named(APP);
    let mut state = shop.state(world, "promotion").await;
    for command in state["commands"].as_array_mut().unwrap() {
        command["beganAt"] = json!(Utc::now() - TimeDelta::minutes(minutes));
    }
    shop.put_state(world, "promotion", &state).await;
}

#[tokio::test]
async fn an_end_that_ecs_does_not_show_any_more_is_no_good_one() {
    let (world, promote) = live(YES).await;
    world.proxy.hold_commands();
    begin(&world, &promote, "R2", MANIFEST).await;
    let _lost = world.proxy.end_commands();
    world.proxy.forget_commands();
    age(&world, 90).await;
    app::pass_minute(&world).await;
    let report = promote.answer(&app::continued(&world, "promote")).await;
    app::assert_says!(report, {"status": "failed", "errorType": "ReleaseCommandFailed"});
    app::assert_tells(&report, "ECS does not show its task any more");
}

#[tokio::test]
async fn an_end_that_was_seen_is_known_however_long_the_rest_takes() {
    let (world, promote) = live(YES).await;
    world.inject(Fault::TRANSIENT.on("ecs", "CreateService"));
    let event = upload(&world, "R2", MANIFEST).await;
    let ended = promote.invoke(&event).await;
    assert!(matches!(ended, Invocation::Error { .. }), "{ended:?}");
    world.proxy.lift();
    world.proxy.forget_commands();
    age(&world, 90).await;
    app::pass_minute(&world).await;
    let report = promote.answer(&event).await;
    app::assert_says!(report, {"status": "promoted"});
    assert_eq!(started(&world), ["api", "web"]);
}

#[tokio::test]
async fn a_dry_run_says_that_it_would_run_and_a_deletion_leaves_it() {
    let (world, promote) = live(YES).await;
    world.proxy.hold_commands();
    upload(&world, "R2", MANIFEST).await;
    let plan = app::dry_run(&promote, "R2").await;
    assert_eq!(plan["releaseCommands"], json!(["api", "web"]), "{plan:#}");
    let plan = app::dry_run(&promote, "R1").await;
    assert!(plan["releaseCommands"].is_null(), "{plan:#}");
    assert_eq!(started(&world), Vec::<String>::new());

    begin(&world, &promote, "R3", MANIFEST).await;
    let deletion = world.start("app-deletion", &[]);
    let deleted = app::deleted(&world, "deletion", 5);
    let answer = deletion.answer(&deleted).await;
    app::assert_says!(answer, {"status": "deleted"});
    assert_eq!(world.proxy.commands()[0]["lastStatus"], "RUNNING");
    let event = app::requested(&world, "R1", "anew", 10);
    let answer = promote.answer(&event).await;
    app::assert_tells(
        &answer,
        "of Release R3, which was asked for before, still runs",
    );
    let report = end(&world, &promote).await;
    assert_ne!(report["status"], "failed", "{report:#}");
}
