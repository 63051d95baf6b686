//! Timers with a time zone: schedules of EventBridge Scheduler in the place of rules.

use aws_sdk_eventbridge::types::RuleState;
use aws_sdk_scheduler::operation::get_schedule::GetScheduleOutput;
use aws_sdk_scheduler::types::ScheduleState;
use double::Fault;
use rig::{Function, World};
use serde_json::{Value, json};

use crate::app::{self, APP, MANIFEST, YES};

/// The manifest with a time zone for `cleanup`.
fn zoned() -> String {
    let plain = "    command: bin/cleanup\n";
    assert!(MANIFEST.contains(plain));
    MANIFEST.replace(plain, &format!("{plain}    timezone: Europe/Berlin\n"))
}

async fn put_manifest(world: &World, manifest: &str) {
    world.put(&format!("apps/{APP}/convox.yml"), manifest).await;
}

async fn schedule(world: &World, timer: &str) -> Option<GetScheduleOutput> {
    let schedule = world.scheduler.get_schedule().group_name(&world.rack);
    schedule.name(app::rule(world, timer)).send().await.ok()
}

async fn has_rule(world: &World, timer: &str) -> bool {
    let rule = world.eventbridge.describe_rule();
    rule.name(app::rule(world, timer)).send().await.is_ok()
}

async fn promote(world: &World, function: &Function, release: &str) -> Value {
    app::promote(world, function, release, &[("DATABASE_URL", release)]).await
}

/// The operations of EventBridge Scheduler since the calls were cleared.
fn scheduler_calls(world: &World) -> Vec<String> {
    let calls = world.proxy.calls().into_iter();
    let calls = calls.filter(|call| call.service == "scheduler");
    calls.map(|call| call.operation).collect()
}

#[tokio::test]
async fn a_timer_with_a_time_zone_is_run_by_a_schedule_and_moved_there_and_back() {
    let (world, function) = app::promoting(YES).await;
    promote(&world, &function, "R1").await;
    assert_eq!(scheduler_calls(&world), Vec::<String>::new(), "rules only");

    put_manifest(&world, &zoned()).await;
    let moved = promote(&world, &function, "R2").await;
    assert_eq!(
        moved["timers"]["cleanup"]["timezone"], "Europe/Berlin",
        "{moved:#}"
    );
    assert_eq!(moved["timers"]["cleanup"]["movedFrom"], "rule", "{moved:#}");
    assert_eq!(moved["timers"]["report"]["timezone"], Value::Null);
    assert!(!has_rule(&world, "cleanup").await && has_rule(&world, "report").await);
    let seen = schedule(&world, "cleanup").await.expect("it stands");
    assert_eq!(seen.schedule_expression(), Some("cron(0 3 * * ? *)"));
    assert_eq!(seen.schedule_expression_timezone(), Some("Europe/Berlin"));
    assert_eq!(seen.state(), Some(&ScheduleState::Enabled));
    let target = seen.target().unwrap();
    let queue = target.dead_letter_config().and_then(|queue| queue.arn());
    assert!(queue.is_some_and(|queue| queue.ends_with(":TimerDeadLetterQueue")));
    let retries = target.retry_policy().unwrap();
    assert_eq!(retries.maximum_retry_attempts(), Some(185));
    let starts = target.ecs_parameters().unwrap().task_definition_arn();
    assert_eq!(starts, moved["timers"]["cleanup"]["newTaskDefinition"]);
    let state = app::state(&world).await;
    assert_eq!(state["schedules"], true, "{state:#}");

    // Whoever switches it off by hand finds it so, also where it is moved.
    let off = world.scheduler.update_schedule().group_name(&world.rack);
    let off = off.name(app::rule(&world, "cleanup"));
    let off = off.description(seen.description().unwrap());
    off.schedule_expression(seen.schedule_expression().unwrap())
        .schedule_expression_timezone("Europe/Berlin")
        .flexible_time_window(seen.flexible_time_window().unwrap().clone())
        .target(target.clone())
        .state(ScheduleState::Disabled)
        .send()
        .await
        .unwrap();
    promote(&world, &function, "R3").await;
    let seen = schedule(&world, "cleanup").await.expect("it stands");
    assert_eq!(seen.state(), Some(&ScheduleState::Disabled), "R3");

    put_manifest(&world, MANIFEST).await;
    let back = promote(&world, &function, "R4").await;
    assert_eq!(
        back["timers"]["cleanup"]["movedFrom"], "schedule",
        "{back:#}"
    );
    assert!(schedule(&world, "cleanup").await.is_none());
    let rule = world.eventbridge.describe_rule();
    let rule = rule
        .name(app::rule(&world, "cleanup"))
        .send()
        .await
        .unwrap();
    assert_eq!(rule.state().map(RuleState::as_str), Some("DISABLED"));
    assert_eq!(app::state(&world).await["schedules"], Value::Null);
    world.proxy.clear();
    promote(&world, &function, "R5").await;
    assert_eq!(
        scheduler_calls(&world),
        Vec::<String>::new(),
        "rules only again"
    );
}

#[tokio::test]
async fn the_rack_can_say_that_schedules_run_all_timers() {
    let settings = [YES, &[("TIMERS", "Scheduler")]].concat();
    let (world, function) = app::promoting(&settings).await;
    put_manifest(&world, &zoned()).await;
    promote(&world, &function, "R1").await;
    for (timer, timezone) in [("cleanup", "Europe/Berlin"), ("report", "UTC")] {
        let seen = schedule(&world, timer).await.expect(timer);
        assert_eq!(
            seen.schedule_expression_timezone(),
            Some(timezone),
            "{timer}"
        );
        assert!(!has_rule(&world, timer).await, "{timer}");
    }
    // A Timer that convox.yml no longer has goes with its schedule.
    let without = zoned().split("  report:").next().unwrap().to_owned();
    put_manifest(&world, &without).await;
    let answer = promote(&world, &function, "R2").await;
    assert_eq!(answer["removed"], json!([app::rule(&world, "report")]));
    assert!(schedule(&world, "report").await.is_none());
    assert!(schedule(&world, "cleanup").await.is_some());

    let deletion = world.start("app-deletion", &[]);
    let answer = deletion.answer(&app::deleted(&world, "gone", 20)).await;
    assert_eq!(answer["status"], "deleted", "{answer:#}");
    assert!(schedule(&world, "cleanup").await.is_none());
}

#[tokio::test]
async fn an_app_whose_state_is_lost_is_deleted_with_its_schedules_and_nobody_elses() {
    let (world, function) = app::promoting(YES).await;
    put_manifest(&world, &zoned()).await;
    promote(&world, &function, "R1").await;
    let own = schedule(&world, "cleanup").await.expect("it stands");
    let theirs = world.scheduler.create_schedule().group_name(&world.rack);
    theirs
        .name(app::rule(&world, "theirs"))
        .description("mine")
        .schedule_expression("rate(5 minutes)")
        .flexible_time_window(own.flexible_time_window().unwrap().clone())
        .target(own.target().unwrap().clone())
        .send()
        .await
        .unwrap();
    let state = world.s3.delete_object().bucket(&world.bucket);
    let state = state.key(format!("apps/{APP}/state/promotion.json"));
    state.send().await.unwrap();
    let deletion = world.start("app-deletion", &[]);
    let answer = deletion.answer(&app::deleted(&world, "gone", 20)).await;
    assert_eq!(answer["status"], "deleted", "{answer:#}");
    assert!(schedule(&world, "cleanup").await.is_none());
    assert!(schedule(&world, "theirs").await.is_some());
}

#[tokio::test]
async fn an_app_of_which_a_schedule_alone_is_left_is_deleted() {
    let (world, function) = app::promoting(&[]).await;
    put_manifest(&world, &zoned()).await;
    promote(&world, &function, "R1").await;
    let left = schedule(&world, "cleanup").await.expect("it stands");
    let deletion = world.start("app-deletion", &[]);
    let answer = deletion.answer(&app::deleted(&world, "first", 20)).await;
    assert_eq!(answer["status"], "deleted", "{answer:#}");
    let again = world.scheduler.create_schedule().group_name(&world.rack);
    again
        .name(app::rule(&world, "cleanup"))
        .description(left.description().unwrap())
        .schedule_expression("rate(5 minutes)")
        .flexible_time_window(left.flexible_time_window().unwrap().clone())
        .target(left.target().unwrap().clone())
        .send()
        .await
        .unwrap();
    let listed = world.s3.list_objects_v2().bucket(&world.bucket);
    let listed = listed.send().await.unwrap();
    for key in listed.contents().iter().filter_map(|object| object.key()) {
        let gone = world.s3.delete_object().bucket(&world.bucket).key(key);
        gone.send().await.unwrap();
    }
    let answer = deletion.answer(&app::deleted(&world, "second", 30)).await;
    assert_eq!(answer["status"], "deleted", "{answer:#}");
    assert!(schedule(&world, "cleanup").await.is_none());
}

#[tokio::test]
async fn a_dry_run_says_which_timers_would_be_moved() {
    let (world, function) = app::promoting(YES).await;
    promote(&world, &function, "R1").await;
    put_manifest(&world, &zoned()).await;
    world.put_env(APP, "R2", &[("DATABASE_URL", "R2")]).await;
    let event = json!({"app": APP, "release": "R2", "dryRun": true});
    let plan = function.answer(&event).await;
    assert_eq!(plan["timers"]["cleanup"]["movesFrom"], "rule", "{plan:#}");
    assert_eq!(plan["timers"]["cleanup"]["timezone"], "Europe/Berlin");
    assert_eq!(plan["timers"]["report"]["movesFrom"], Value::Null);
    assert!(
        schedule(&world, "cleanup").await.is_none(),
        "it is a question"
    );
}

#[tokio::test]
async fn what_a_failed_promote_moved_is_moved_back() {
    let (world, function) = app::promoting(YES).await;
    for (release, before, after) in [
        ("R2", MANIFEST.to_owned(), zoned()),
        ("R4", zoned(), MANIFEST.to_owned()),
    ] {
        put_manifest(&world, &before).await;
        promote(&world, &function, &format!("{release}0")).await;
        let (stood, ruled) = (
            schedule(&world, "cleanup").await.is_some(),
            has_rule(&world, "cleanup").await,
        );
        assert_ne!(stood, ruled);
        put_manifest(&world, &after).await;
        // All is moved by then, and what is no longer wanted cannot go.
        let (service, operation) = if ruled {
            ("events", "DeleteRule")
        } else {
            ("scheduler", "DeleteSchedule")
        };
        world.inject(Fault::DENIED.on(service, operation).times(1));
        let release = format!("{release}1");
        let event = app::uploaded(&world, &release, &[("DATABASE_URL", &release)]).await;
        let answer = function.answer(&event).await;
        world.proxy.lift();
        assert_eq!(answer["status"], "failed", "{answer:#}");
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains("is back at Release"), "{message}");
        assert!(!message.contains("but for this"), "{message}");
        assert_eq!(schedule(&world, "cleanup").await.is_some(), stood);
        assert_eq!(has_rule(&world, "cleanup").await, ruled);
    }
}

#[tokio::test]
async fn somebody_elses_schedule_is_neither_changed_nor_removed() {
    let (world, function) = app::promoting(YES).await;
    put_manifest(&world, &zoned()).await;
    promote(&world, &function, "R1").await;
    let seen = schedule(&world, "cleanup").await.unwrap();
    let theirs = world.scheduler.update_schedule().group_name(&world.rack);
    theirs
        .name(app::rule(&world, "cleanup"))
        .description("mine")
        .schedule_expression("rate(5 minutes)")
        .flexible_time_window(seen.flexible_time_window().unwrap().clone())
        .target(seen.target().unwrap().clone())
        .send()
        .await
        .unwrap();
    let event = app::uploaded(&world, "R2", &[("DATABASE_URL", "R2")]).await;
    let answer = function.answer(&event).await;
    assert_eq!(answer["errorType"], "ScheduleNotOurs", "{answer:#}");
    put_manifest(&world, MANIFEST).await;
    promote(&world, &function, "R3").await;
    let left = schedule(&world, "cleanup").await.expect("it stays");
    assert_eq!(left.schedule_expression(), Some("rate(5 minutes)"));
    assert!(has_rule(&world, "cleanup").await);
}
