//! How ECS is to replace the tasks of a Service, and what ends that.

mod shifted;

use aws_sdk_ecs::types::{
    DeploymentAlarms, DeploymentCircuitBreaker, DeploymentConfiguration, ThresholdConfiguration,
    ThresholdType,
};
use double::Fault;
use rig::{Invocation, World};
use serde_json::{Value, json};

use crate::app;

const SAID: &str = "services:\n  web:\n    image: example/web:1\n    deployment:\n      breaker: {count: 3}\n      \
                    resetOnHealthyTask: false\n      alarms: [slow, errors]\n";
const UNSAID: &str = "services:\n  web:\n    image: example/web:2\n";

async fn configuration(world: &World, service: &str) -> DeploymentConfiguration {
    let service = app::service(world, service).await.expect("it is there");
    service.deployment_configuration.expect("it has one")
}

/// The names of the alarms that are watched.
fn alarms(configuration: &DeploymentConfiguration) -> Vec<String> {
    let alarms = configuration.alarms().filter(|alarms| alarms.enable());
    alarms.map_or_else(Vec::new, |alarms| alarms.alarm_names().to_vec())
}

/// Somebody watches an alarm of their own by hand.
async fn watch_by_hand(world: &World, service: &str) {
    let alarms = DeploymentAlarms::builder().alarm_names("by-hand");
    let alarms = alarms.enable(true).rollback(true).build().unwrap();
    let breaker = DeploymentCircuitBreaker::builder().enable(true);
    let configuration = DeploymentConfiguration::builder()
        .minimum_healthy_percent(50)
        .maximum_percent(200)
        .deployment_circuit_breaker(breaker.rollback(true).build())
        .alarms(alarms);
    let update = app::update(world, &app::ecs_service(world, service));
    let update = update.deployment_configuration(configuration.build());
    update.send().await.unwrap();
}

#[tokio::test]
async fn ecs_is_told_what_ends_a_deployment_and_what_does_no_more() {
    let (world, function) = app::promoting_with(SAID, &[], &[]).await;
    app::promoted(&world, &function, "R1", &[]).await;
    let made = configuration(&world, "web").await;
    let breaker = made.deployment_circuit_breaker().unwrap();
    let threshold = breaker.threshold_configuration().unwrap();
    assert_eq!(
        (threshold.r#type(), threshold.value()),
        (&ThresholdType::Count, 3)
    );
    assert_eq!(breaker.reset_on_healthy_task(), Some(false));
    assert!(breaker.enable() && breaker.rollback());
    assert_eq!(alarms(&made), ["errors", "slow"]);
    assert_eq!(made.minimum_healthy_percent(), Some(50));
    world.proxy.clear();
    app::promoted(&world, &function, "R1", &[]).await;
    assert_eq!(world.proxy.writes().len(), 0, "nothing changes");

    app::write_manifest(&world, "R2", UNSAID).await;
    app::promoted(&world, &function, "R2", &[]).await;
    let usual = configuration(&world, "web").await;
    let breaker = usual.deployment_circuit_breaker().unwrap();
    let threshold = breaker.threshold_configuration().unwrap();
    let bounded = &ThresholdType::BoundedPercent;
    assert_eq!((threshold.r#type(), threshold.value()), (bounded, 50));
    assert_eq!(breaker.reset_on_healthy_task(), Some(true));
    assert_eq!(alarms(&usual), Vec::<String>::new());
    world.proxy.clear();
    app::promoted(&world, &function, "R2", &[]).await;
    assert_eq!(world.proxy.writes().len(), 0, "nothing is left to say");
}

#[tokio::test]
async fn what_changes_of_it_is_told_and_no_alarm_by_its_name() {
    let (world, function) = app::promoting_with(UNSAID, &[], &[]).await;
    let report = app::promoted(&world, &function, "R1", &[]).await;
    let told = |answer: &Value| answer["services"]["web"]["deployment"].clone();
    assert_eq!(told(&report), Value::Null, "a new one changes nothing");
    app::write_manifest(&world, "R2", SAID).await;
    let event = app::uploaded(&world, "R2", &[]).await;
    let want = json!([
        {"setting": "breaker", "old": "50%", "new": "3 tasks"},
        {"setting": "resetOnHealthyTask", "old": "true", "new": "false"},
        {"setting": "alarms", "new": "2"},
    ]);
    let plan = app::dry_run(&function, "R2").await;
    assert_eq!(told(&plan), want, "{plan:#}");
    let unseen = |answer: &Value| answer["warnings"].to_string().contains("describe-alarms");
    assert!(unseen(&plan), "{plan:#}");
    let report = function.answer(&event).await;
    assert_eq!(told(&report), want, "{report:#}");
    let again = app::dry_run(&function, "R2").await;
    assert_eq!(told(&again), Value::Null, "{again:#}");
    assert!(!unseen(&again), "they are known: {again:#}");
}

#[tokio::test]
async fn alarms_of_somebody_stay_where_convox_yml_says_nothing() {
    let (world, function) = app::promoting_with(UNSAID, &[], &[]).await;
    app::promoted(&world, &function, "R1", &[]).await;
    watch_by_hand(&world, "web").await;
    app::write_manifest(&world, "R2", UNSAID.replace(":2", ":3")).await;
    app::promoted(&world, &function, "R2", &[]).await;
    assert_eq!(alarms(&configuration(&world, "web").await), ["by-hand"]);
}

#[tokio::test]
async fn what_a_failed_promote_changed_of_it_comes_back_as_somebody_had_set_it() {
    for interrupted in [false, true] {
        let timed = |manifest: &str| {
            format!(
                "{manifest}timers:\n  one:\n    schedule: '0 3 * * ?'\n    command: c\n    service: web\n"
            )
        };
        let (world, function) = app::promoting_with(UNSAID, &[], &[]).await;
        app::promoted(&world, &function, "R1", &[]).await;
        watch_by_hand(&world, "web").await;
        let before = configuration(&world, "web").await;
        app::write_manifest(&world, "R2", timed(SAID)).await;
        let refusal = if interrupted {
            Fault::TRANSIENT
        } else {
            Fault::DENIED
        };
        world.inject(refusal.on("events", "PutRule"));
        let event = app::uploaded(&world, "R2", &[]).await;
        let ended = function.invoke(&event).await;
        world.proxy.lift();
        let ended = match ended {
            Invocation::Error { .. } => {
                let left = configuration(&world, "web").await;
                assert_eq!(alarms(&left), ["errors", "slow"], "it was changed");
                let bad = "services: {web: {image: a, port: none}}";
                app::write_manifest(&world, "R3", bad).await;
                app::promote(&world, &function, "R3", &[]).await
            }
            Invocation::Answer(answer) => answer,
        };
        assert_eq!(ended["status"], "failed", "{ended:#}");
        let after = configuration(&world, "web").await;
        assert_eq!(alarms(&after), ["by-hand"], "{interrupted}");
        let breaker = |it: &DeploymentConfiguration| {
            let breaker = it.deployment_circuit_breaker().unwrap();
            let threshold = breaker.threshold_configuration();
            let value = threshold.map_or(50, ThresholdConfiguration::value);
            (breaker.enable(), breaker.rollback(), value)
        };
        assert_eq!(breaker(&after), breaker(&before), "{interrupted}");
    }
}
