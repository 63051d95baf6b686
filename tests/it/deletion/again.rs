//! Deleting twice, what never existed, too late, and while somebody promotes; and coming back.

use double::Fault;
use rig::events;
use serde_json::{Value, json};

use super::{assert_gone, deletion_date, live, promote_later, rules, statuses};
use crate::app::{self, APP};

#[tokio::test]
async fn deleting_again_changes_nothing_and_tells_the_date_again() {
    let (world, _, deletion) = live().await;
    let first = deletion.invoke(&app::deleted(&world, "event-1", 5)).await;
    let first = first.answer();
    let date = deletion_date(&world).await;
    for (id, status) in [("event-1", "idle"), ("event-2", "deleted")] {
        world.proxy.clear();
        let answer = deletion.answer(&app::deleted(&world, id, 6)).await;
        assert_eq!(answer["status"], status, "{id}: {answer:#}");
        assert_eq!(
            world.proxy.writes().len(),
            0,
            "{id}: {:?}",
            app::changes(&world)
        );
        assert_gone(&world, id).await;
        assert_eq!(deletion_date(&world).await, date, "{id}");
    }
    let told = &world.events()[0];
    assert_eq!(told.detail_type, "App Secret Deletion Scheduled");
    assert_eq!(told.detail["deletionDate"], first["deletionDate"]);
}

#[tokio::test]
async fn an_app_that_never_was_is_not_deleted_and_leaves_no_state() {
    let world = rig::World::new().await;
    let deletion = world.start("app-deletion", &[]);
    let direct = json!({"app": APP, "delete": true});
    for event in [app::deleted(&world, "event-1", 5), direct] {
        world.proxy.clear();
        let answer = deletion.answer(&event).await;
        app::assert_says!(answer, {"status": "failed", "errorType": "AppNotFound"});
        let message = answer["message"].as_str().unwrap();
        let says = format!("Rack {} has no App `{APP}`", world.rack);
        assert!(message.contains(&says), "{message}");
        assert_eq!(app::changes(&world), ["events PutEvents"]);
        app::assert_sent(&world, &["App Deletion Failed"]);
    }
    let state = world.get("apps/shop/state/promotion.json").await;
    assert_eq!(state, None, "nothing is left to walk through");
    let output = deletion.output();
    assert!(!output.contains("\"AppDeletions\":1"), "{output}");
}

#[tokio::test]
async fn an_app_that_was_uploaded_and_never_promoted_is_deleted_so_that_its_upload_comes_too_late()
{
    let (world, promote) = app::promoting_with(app::MANIFEST, &[], super::YES).await;
    let deletion = world.start("app-deletion", &[]);
    let version = world.put_env(APP, "R1", &[("DATABASE_URL", "u")]).await;
    let event = app::deleted(&world, "event-1", 5);
    let answer = deletion.answer(&event).await;
    app::assert_says!(answer, {"status": "deleted", "removed": []});
    assert_eq!(world.proxy.writes().len(), 0);
    app::assert_sent(&world, &["App Deletion Completed", "Secret Write Skipped"]);
    let written = app::written(&world, "R1", &version);
    let answer = promote.answer(&written).await;
    assert_eq!(answer["status"], "superseded", "{answer:#}");
}

#[tokio::test]
async fn an_app_whose_objects_are_all_gone_is_deleted_by_what_stands() {
    let (world, _, deletion) = live().await;
    let listed = world.s3.list_objects_v2().bucket(&world.bucket);
    let listed = listed.send().await.unwrap();
    for key in listed.contents().iter().filter_map(|object| object.key()) {
        let gone = world.s3.delete_object().bucket(&world.bucket).key(key);
        gone.send().await.unwrap();
    }
    let answer = deletion.invoke(&app::deleted(&world, "event-1", 5)).await;
    let answer = answer.answer();
    assert_eq!(answer["status"], "deleted", "{answer:#}");
    assert_gone(&world, "without objects").await;
}

#[tokio::test]
async fn a_deletion_that_comes_too_late_spares_the_app_that_came_back() {
    let (world, promote, deletion) = live().await;
    let late = app::deleted(&world, "event-1", -600);
    // That it is superseded is told once, and kept: a record and the list of them.
    let told = [
        "s3 PutObject",
        "s3 PutObject",
        "s3 PutObject",
        "events PutEvents",
        "s3 PutObject",
    ];
    for _ in 0..2 {
        let answer = deletion.answer(&late).await;
        assert_eq!(answer["status"], "superseded", "{answer:#}");
    }
    assert_eq!(app::changes(&world), told);
    // Also where it stands in the queue of promote's next work.
    app::promoted(&world, &promote, "R2", &[("DATABASE_URL", "second")]).await;
    assert_eq!(deletion.answer(&late).await["status"], "superseded");
}

#[tokio::test]
async fn a_deletion_from_the_future_is_refused() {
    let (world, _, deletion) = live().await;
    let answer = deletion.answer(&app::deleted(&world, "event-1", 120)).await;
    assert_eq!(answer["status"], "refused", "{answer:#}");
    let kept = ["s3 PutObject", "s3 PutObject", "events PutEvents"];
    assert_eq!(app::changes(&world), kept);
    let told = &world.events()[0];
    assert_eq!(told.detail_type, "App Deletion Failed");
    let said = ["requestId", "errorType"].map(|name| told.detail[name].clone());
    assert_eq!(json!(said), json!(["event-1", "RequestAhead"]));
    let counts = deletion
        .output()
        .matches("\"AppDeletionFailures\":1")
        .count();
    assert_eq!(counts, 1);
}

/// Promotes `release` and expects the App back, with its own environment and the old secret's ARN.
async fn assert_back(world: &rig::World, report: &Value, arn: &str, case: &str) {
    app::assert_says!(report, {"status": "promoted", "delivery": "SecretsManager"}, "{case}");
    assert_eq!(
        report["secretArn"], arn,
        "{case}: restored, not created anew"
    );
    assert_eq!(deletion_date(world).await, None, "{case}");
    assert_eq!(statuses(world).await, ["ACTIVE"; 3], "{case}");
    assert_eq!(rules(world).await.len(), 2, "{case}");
    for service in ["web", "worker"] {
        let task = app::running(world, service).await;
        assert!(super::is_active(world, &task).await, "{case}: {task}");
        let seen = app::sees(world, &task).await;
        assert_eq!(seen["DATABASE_URL"], "again", "{case}: {service}");
    }
}

#[tokio::test]
async fn a_newer_promote_restores_the_secret_and_writes_it_before_a_definition_names_it() {
    let (world, promote, deletion) = live().await;
    let gone = deletion.answer(&app::deleted(&world, "event-1", 5)).await;
    let arn = gone["secretArn"].as_str().unwrap();
    for (release, case) in [("R1", "the same Release"), ("R2", "another Release")] {
        world.proxy.clear();
        let report = promote_later(&world, &promote, release, "again").await;
        if case == "the same Release" {
            let writes = world.proxy.writes();
            let order: Vec<&str> = writes.iter().map(|call| call.operation.as_str()).collect();
            assert_eq!(
                order[..4],
                [
                    "CreateStack",
                    "RestoreSecret",
                    "PutSecretValue",
                    "RegisterTaskDefinition"
                ]
            );
        }
        assert_back(&world, &report, arn, case).await;
    }
    let rows = app::outcomes(&world).await;
    let results: Vec<&str> = rows.iter().map(|(_, result, _)| result.as_str()).collect();
    assert_eq!(results, ["ok", "deleted", "ok", "ok"]);
}

#[tokio::test]
async fn a_deletion_that_died_half_way_is_finished_or_undone_by_who_comes_next() {
    for finished in [true, false] {
        let (world, promote, deletion) = live().await;
        let arn = app::state(&world).await["applied"]["secret"]["arn"].clone();
        world.inject(Fault::TRANSIENT.on("ecs", "DeleteService").after(1));
        let event = app::deleted(&world, "event-1", 5);
        let ended = deletion.invoke(&event).await;
        assert!(matches!(ended, rig::Invocation::Error { .. }), "{ended:?}");
        world.proxy.lift();
        if finished {
            let answer = deletion.answer(&event).await;
            assert_eq!(answer["status"], "deleted", "{answer:#}");
            assert_gone(&world, "redelivered").await;
        } else {
            let report = promote_later(&world, &promote, "R1", "again").await;
            assert_back(&world, &report, arn.as_str().unwrap(), "promoted instead").await;
            let answer = deletion.answer(&event).await;
            assert_eq!(answer["status"], "superseded", "{answer:#}");
        }
    }
}

#[tokio::test]
async fn a_promote_that_meets_a_draining_service_waits_and_then_brings_the_app_back() {
    let (world, promote, deletion) = live().await;
    let arn = app::state(&world).await["applied"]["secret"]["arn"].clone();
    world.proxy.hold_draining();
    let answer = deletion.answer(&app::deleted(&world, "event-1", 5)).await;
    assert_eq!(answer["status"], "waiting", "{answer:#}");
    let answer = promote_later(&world, &promote, "R1", "again").await;
    assert_eq!(answer["status"], "waiting", "{answer:#}");
    // app-deletion has nothing to do with it any more.
    let next = app::continued(&world, "delete");
    let idle = deletion.answer(&next).await;
    assert_eq!(idle["status"], "waiting", "{idle:#}");
    world.proxy.end_draining();
    app::pass_minute(&world).await;
    // It is due now, so app-deletion hands it over instead of working on it.
    world.proxy.clear();
    let _ = deletion.answer(&next).await;
    let handed = world.events().pop().unwrap();
    assert_eq!(
        (handed.detail_type.as_str(), &handed.detail["kind"]),
        ("Promotion Continue", &json!("promote"))
    );
    let event = events::of_functions("Promotion Continue", "continue", &handed.detail);
    let report = promote.answer(&event).await;
    assert_back(&world, &report, arn.as_str().unwrap(), "drained").await;
}

#[tokio::test]
async fn after_the_window_the_secret_is_created_anew() {
    let (world, promote, deletion) = live().await;
    let gone = deletion.answer(&app::deleted(&world, "event-1", 5)).await;
    let force = world
        .secrets_manager
        .delete_secret()
        .secret_id(app::secret(&world));
    world
        .secrets_manager
        .restore_secret()
        .secret_id(app::secret(&world))
        .send()
        .await
        .unwrap();
    force
        .force_delete_without_recovery(true)
        .send()
        .await
        .unwrap();
    let report = promote_later(&world, &promote, "R1", "again").await;
    app::assert_says!(report, {"status": "promoted", "delivery": "SecretsManager"});
    assert_ne!(report["secretArn"], gone["secretArn"]);
}

#[tokio::test]
async fn each_function_hands_over_the_work_of_the_other() {
    let (world, promote, deletion) = live().await;
    // app-deletion dies before it begins: its wish stands in the state.
    world.inject(Fault::TRANSIENT.on("events", "ListRules"));
    let ended = deletion.invoke(&app::deleted(&world, "event-1", 5)).await;
    assert!(matches!(ended, rig::Invocation::Error { .. }), "{ended:?}");
    world.proxy.lift();
    world.proxy.clear();
    let next = app::continued(&world, "promote");
    let _ = promote.answer(&next).await;
    let handed = world.events();
    assert_eq!(handed.len(), 1, "{handed:?}");
    assert_eq!(handed[0].detail["kind"], "delete");
    assert_eq!(statuses(&world).await, ["ACTIVE"; 3]);
    let event = events::of_functions("Promotion Continue", "continue", &handed[0].detail);
    assert_eq!(deletion.answer(&event).await["status"], "deleted");
    assert_gone(&world, "handed over").await;
}
