//! What a deletion leaves alone, and what stops it.

use double::Fault;
use rig::{Function, World};
use serde_json::{Value, json};

use super::{assert_gone, deletion_date, live, rules, statuses};
use crate::app::{self, APP};

fn fault(code: &'static str) -> Fault {
    Fault::Error { status: 400, code }
}

async fn failed(world: &World, answer: &Value, error_type: &str) -> String {
    app::assert_says!(answer, {"status": "failed", "errorType": error_type});
    let state = app::state(world).await;
    assert_eq!(state["desired"]["status"], "failed");
    assert_eq!(state["lease"], Value::Null);
    let events = world.all_events().into_iter();
    let told = events.filter(|event| event.detail_type == "App Deletion Failed");
    let told: Vec<Value> = told.map(|event| event.detail).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    for name in ["rack", "app", "requestId", "errorType", "message"] {
        assert_eq!(told[0][name], answer[name], "{name}");
    }
    answer["message"].as_str().unwrap().to_owned()
}

/// A World with an App that is live, one of its Services in an ECS service of somebody else; its promote.
async fn lent_web(settings: &[(&str, &str)]) -> (World, Function) {
    let world = app::world_with(app::MANIFEST, &["worker", "metrics"]).await;
    app::lend(&world, "their-web", APP).await;
    let named = json!({"services": {"web": "their-web"}}).to_string();
    world.put("apps/shop/app.json", named).await;
    let promote = world.start("promote", settings);
    app::promoted(&world, &promote, "R1", &[("DATABASE_URL", "u")]).await;
    (world, promote)
}

/// That a deletion is refused, about `their-web`, before anything is written.
async fn assert_stopped(world: &World, deletion: &Function, error_type: &str) {
    world.proxy.clear();
    let answer = deletion.answer(&app::deleted(world, "event-1", 5)).await;
    let message = failed(world, &answer, error_type).await;
    assert!(message.contains("`their-web`"), "{message}");
    assert_eq!(world.proxy.writes().len(), 0, "{:?}", app::changes(world));
}

#[tokio::test]
async fn an_ecs_service_of_somebody_else_that_reads_the_secret_stops_it_before_anything_is_written()
{
    let (world, _) = lent_web(super::YES).await;
    let deletion = world.start("app-deletion", &[]);
    assert_stopped(&world, &deletion, "SecretStillRead").await;
    assert_eq!(rules(&world).await.len(), 2);

    // Once it runs something else, the App can go; that service stays.
    let moved = app::update(&world, "their-web");
    moved.task_definition("dummy").send().await.unwrap();
    let answer = deletion.answer(&app::deleted(&world, "event-2", 6)).await;
    assert_eq!(answer["status"], "deleted", "{answer:#}");
    assert!(deletion_date(&world).await.is_some());
    assert!(app::standing(&world, "their-web").await.is_some());
}

#[tokio::test]
async fn an_ecs_service_that_app_json_no_longer_names_stops_it_too() {
    let (world, promote) = lent_web(super::YES).await;
    world.put("apps/shop/app.json", "{}").await;
    let report = app::promoted(&world, &promote, "R2", &[("DATABASE_URL", "u")]).await;
    let warnings = report["warnings"].to_string();
    let stays = "app.json no longer names the ECS service `their-web`, and it stays on";
    assert!(warnings.contains(stays), "{warnings}");

    let deletion = world.start("app-deletion", &[]);
    assert_stopped(&world, &deletion, "SecretStillRead").await;
}

#[tokio::test]
async fn an_ecs_service_of_somebody_else_on_a_definition_of_the_app_stops_it_without_a_secret_too()
{
    let (world, _) = lent_web(&[]).await;
    let report = app::report(&world, "R1").await.unwrap();
    assert_eq!(report["delivery"], "S3", "{report:#}");
    let deletion = world.start("app-deletion", &[]);
    assert_stopped(&world, &deletion, "DefinitionStillRun").await;
}

#[tokio::test]
async fn what_lacks_the_tags_stays() {
    let (world, _, deletion) = live().await;
    let name = app::ecs_service(&world, "extra");
    world.create_ecs_service(&name, &[]).await;
    let rule = app::rule(&world, "theirs");
    let put = world
        .eventbridge
        .put_rule()
        .name(&rule)
        .schedule_expression("rate(1 day)");
    put.send().await.unwrap();
    let answer = deletion.answer(&app::deleted(&world, "event-1", 5)).await;
    assert_eq!(answer["status"], "deleted", "{answer:#}");
    assert_eq!(rules(&world).await, [rule]);
    assert!(app::standing(&world, &name).await.is_some());
    assert!(deletion_date(&world).await.is_some());
}

#[tokio::test]
async fn one_of_the_apps_name_without_its_tags_that_reads_the_secret_stops_it() {
    let (world, _, deletion) = live().await;
    let worker = app::ecs_service(&world, "worker");
    app::untag_service(&world, &worker).await;
    world.proxy.clear();
    let answer = deletion.answer(&app::deleted(&world, "event-1", 5)).await;
    let message = failed(&world, &answer, "SecretStillRead").await;
    assert!(message.contains(&format!("`{worker}`")), "{message}");
    assert_eq!(world.proxy.writes().len(), 0, "{:?}", app::changes(&world));
}

#[tokio::test]
async fn a_secret_that_is_somebody_elses_stays_and_the_app_goes() {
    let (world, promote) = app::promoting(&[]).await;
    app::promote(&world, &promote, "R1", &[("DATABASE_URL", "u")]).await;
    let create = world
        .secrets_manager
        .create_secret()
        .name(app::secret(&world));
    create.secret_string("theirs").send().await.unwrap();
    let deletion = world.start("app-deletion", &[]);
    let answer = deletion.answer(&app::deleted(&world, "event-1", 5)).await;
    assert_eq!(answer["status"], "deleted", "{answer:#}");
    let warnings = answer["warnings"].to_string();
    assert!(warnings.contains("somebody else's"), "{warnings}");
    assert_eq!(deletion_date(&world).await, None);
    assert_eq!(statuses(&world).await, ["INACTIVE"; 3]);
}

#[tokio::test]
async fn a_secrets_manager_error_is_never_skipped() {
    let (world, _, deletion) = live().await;
    world.inject(fault("AccessDeniedException").on("secretsmanager", "DeleteSecret"));
    let answer = deletion.answer(&app::deleted(&world, "event-1", 5)).await;
    world.proxy.lift();
    let message = failed(&world, &answer, "AccessDeniedException").await;
    let gone = "what earlier looks removed is gone; delete the App again";
    assert!(message.contains(gone), "{message}");
    assert_eq!(deletion_date(&world).await, None);
    app::assert_sent(&world, &["App Deletion Failed"]);

    let answer = deletion.answer(&app::deleted(&world, "event-2", 6)).await;
    assert_eq!(answer["status"], "deleted", "{answer:#}");
    assert_gone(&world, "again").await;
}

#[tokio::test]
async fn an_app_whose_deletion_failed_half_way_is_promoted_with_live_definitions() {
    let (world, promote, deletion) = live().await;
    world.inject(fault("AccessDeniedException").on("secretsmanager", "DeleteSecret"));
    let _ = deletion.answer(&app::deleted(&world, "event-1", 5)).await;
    world.proxy.lift();
    // A promote that fails in between does not hide what is gone.
    world.put_env(APP, "R0", &[("OTHER", "u")]).await;
    let refused = app::asked(&world, &promote, "R0", "event-2", 6).await;
    assert_eq!(refused["errorType"], "MissingVariables", "{refused:#}");
    let report = app::asked(&world, &promote, "R1", "event-3", 7).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    for service in super::SERVICES {
        let task = app::running(&world, service).await;
        assert!(super::is_active(&world, &task).await, "{task}");
    }
}

#[tokio::test]
async fn other_racks_names_and_forms_are_ignored() {
    let (world, _, deletion) = live().await;
    let mut theirs = app::deleted(&world, "event-1", 5);
    theirs["detail"]["rack"] = "another".into();
    let mut aws = app::deleted(&world, "event-2", 6);
    aws["source"] = "aws.ecs".into();
    let mut nobodys = app::deleted(&world, "event-3", 0);
    nobodys["detail"] = json!({"app": APP});
    for event in [theirs, aws, nobodys, json!({"app": APP}), json!([])] {
        let answer = deletion.answer(&event).await;
        assert_eq!(answer["status"], "ignored", "{event}: {answer:#}");
    }
    assert_eq!(app::changes(&world), Vec::<String>::new());
}

#[tokio::test]
async fn a_deletion_of_no_app_is_told_counted_and_changes_nothing() {
    let (world, _, deletion) = live().await;
    for (detail, app, error_type, says) in [
        (
            json!({"app": "No App"}),
            "No App",
            "InvalidName",
            "`No App`",
        ),
        (json!({}), "", "InvalidRequest", "has no `app`"),
        (json!({"app": null}), "", "InvalidRequest", "has no `app`"),
        (
            json!({"app": 5}),
            "",
            "InvalidRequest",
            "`app` is not a text",
        ),
        (
            json!({"app": ["hidden"]}),
            "",
            "InvalidRequest",
            "`app` is not a text",
        ),
        (
            json!({"app": "shopp"}),
            "shopp",
            "AppNotFound",
            "no App `shopp`",
        ),
    ] {
        world.proxy.clear();
        let mut event = app::deleted(&world, "event-1", 5);
        event["detail"] = detail;
        event["detail"]["rack"] = world.rack.as_str().into();
        let answer = deletion.answer(&event).await;
        assert_eq!(answer["status"], "failed", "{event}: {answer:#}");
        assert_eq!(app::changes(&world), ["events PutEvents"], "{event}");
        let told = &world.events()[0];
        assert_eq!(told.detail_type, "App Deletion Failed", "{event}");
        let message = answer["message"].as_str().unwrap();
        assert!(
            message.contains(says) && !message.contains("hidden"),
            "{message}"
        );
        let said = ["rack", "app", "requestId", "errorType", "message"];
        let said = said.map(|name| told.detail[name].clone());
        let want = json!([world.rack, app, "event-1", error_type, message]);
        assert_eq!(json!(said), want, "{event}");
    }
    let counts = deletion
        .output()
        .matches("\"AppDeletionFailures\":1")
        .count();
    assert_eq!(counts, 6, "{}", deletion.output());
    assert_eq!(statuses(&world).await, ["ACTIVE"; 3]);
}

#[tokio::test]
async fn after_six_hours_a_deletion_ends_as_failed() {
    let (world, _, deletion) = live().await;
    world.proxy.hold_draining();
    let event = app::deleted(&world, "event-1", 5);
    assert_eq!(deletion.answer(&event).await["status"], "waiting");
    let mut state = app::state(&world).await;
    state["desired"]["deadline"] = "2026-01-01T00:00:00Z".into();
    world
        .put("apps/shop/state/promotion.json", state.to_string())
        .await;
    let answer = deletion.answer(&event).await;
    let message = failed(&world, &answer, "DeadlineExceeded").await;
    assert!(message.contains("still draining"), "{message}");
}

#[tokio::test]
async fn a_state_that_cannot_be_read_is_measured_and_told_since_nothing_else_tells_of_it() {
    let (world, _, deletion) = live().await;
    world
        .put("apps/shop/state/promotion.json", "{not json")
        .await;
    let event = app::deleted(&world, "event-1", 5);
    let answer = deletion.answer(&event).await;
    assert_eq!(answer["errorType"], "StateUnreadable", "{answer:#}");
    app::assert_sent(&world, &["App Deletion Failed"]);
    assert!(deletion.output().contains(r#""AppDeletionFailures":1"#));
    assert_eq!(world.proxy.writes().len(), 0);
}
