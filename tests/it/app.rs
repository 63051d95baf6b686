//! An App to promote: three Services, two Timers, and what a test wants to know about it afterwards.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{TaskDefinition, TaskDefinitionField};
use chrono::{DateTime, TimeDelta, Utc};
use double::Call;
use rig::function::{Function, Invocation};
use rig::world::World;
use rig::{agent, events};
use serde_json::{Value, json};

/// Three Services, two Timers, defaults, a required variable and `*`.
pub const MANIFEST: &str = r#"
environment:
  - LOG_LEVEL=info
services:
  web:
    image: example/web:1
    port: 8080
    environment:
      - DATABASE_URL
      - GREETING=hello
  worker:
    image: example/worker:1
    command: bin/work --queue "default"
    scale:
      cpu: 512
      memory: 1024
    environment:
      - "*"
  metrics:
    image: example/metrics:1
timers:
  cleanup:
    schedule: "0 3 * * *"
    command: bin/cleanup
    service: worker
  report:
    schedule: "30 6 ? * MON-FRI *"
    command: bin/report
    service: web
"#;

/// The App that tests promote.
pub const APP: &str = "shop";

/// A World with the App's manifest and its ECS services.
pub async fn world() -> World {
    world_with(MANIFEST, &["web", "worker", "metrics"]).await
}

/// The same for another manifest.
pub async fn world_with(manifest: &str, services: &[&str]) -> World {
    let world = World::new().await;
    world.put(&format!("apps/{APP}/convox.yml"), manifest).await;
    for service in services {
        let tags = [("convox:rack", world.rack.as_str()), ("convox:app", APP)];
        world
            .create_ecs_service(&ecs_service(&world, service), &tags)
            .await;
    }
    world
}

/// The name of a Service's ECS service and family.
pub fn ecs_service(world: &World, service: &str) -> String {
    format!("{}_{APP}_{service}", world.rack)
}

/// The name of a Timer's rule and family.
pub fn rule(world: &World, timer: &str) -> String {
    format!("{}_{APP}_timer_{timer}", world.rack)
}

/// The name of the App's secret.
pub fn secret(world: &World) -> String {
    format!("{}/{APP}", world.rack)
}

/// S3's event about an environment object, as EventBridge delivers it.
pub fn written(world: &World, release: &str, version_id: &str) -> Value {
    events::written(world, APP, release, version_id)
}

/// Writes a Release's environment and delivers S3's event; the answer.
pub async fn promote(
    world: &World,
    function: &Function,
    release: &str,
    variables: &[(&str, &str)],
) -> Value {
    let version = world.put_env(APP, release, variables).await;
    function
        .invoke(&written(world, release, &version))
        .await
        .answer()
}

/// The same for any App and for an environment in any form.
pub async fn promote_app(
    world: &World,
    function: &Function,
    app: &str,
    release: &str,
    environment: impl Into<Vec<u8>>,
) -> Value {
    let key = format!("apps/{app}/releases/{release}/env");
    let version = world.put(&key, environment).await;
    let event = events::written(world, app, release, &version);
    function.invoke(&event).await.answer()
}

/// Delivers an event; what came of it.
pub async fn deliver(function: &Function, event: &Value) -> Invocation {
    function.invoke(event).await
}

/// Creates an ECS service of somebody else that is lent to an App; its ARN.
pub async fn lend(world: &World, name: &str, app: &str) -> String {
    let borrower = format!("{}/{app}", world.rack);
    let tags = [("convox:lent-to", borrower.as_str())];
    world.create_ecs_service(name, &tags).await
}

/// `Release Promote Requested`, sent so many seconds from now; `id` is the event's.
pub fn requested(world: &World, release: &str, id: &str, seconds_ahead: i64) -> Value {
    let detail = json!({"rack": world.rack, "app": APP, "release": release});
    events::of_rack(
        "Release Promote Requested",
        id,
        ahead(seconds_ahead),
        &detail,
    )
}

/// `App Deleted`, in the same way.
pub fn deleted(world: &World, id: &str, seconds_ahead: i64) -> Value {
    let detail = json!({"rack": world.rack, "app": APP});
    events::of_rack("App Deleted", id, ahead(seconds_ahead), &detail)
}

fn ahead(seconds: i64) -> DateTime<Utc> {
    Utc::now() + TimeDelta::seconds(seconds)
}

/// `Promotion Continue`: there is work of a kind (`promote`, `delete`) left.
pub fn continued(world: &World, kind: &str) -> Value {
    let detail = json!({"rack": world.rack, "app": APP, "kind": kind});
    events::of_functions("Promotion Continue", "continue", &detail)
}

/// Lets the minute pass after which what waits is due again.
pub async fn pass_minute(world: &World) {
    let mut state = state(world).await;
    state["desired"]["until"] = "2026-01-01T00:00:00Z".into();
    let key = format!("apps/{APP}/state/promotion.json");
    world.put(&key, state.to_string()).await;
}

/// The report object of a Release.
pub async fn report(world: &World, release: &str) -> Option<Value> {
    let bytes = world
        .get(&format!("apps/{APP}/releases/{release}/report.json"))
        .await?;
    Some(serde_json::from_slice(&bytes).expect("the report is JSON"))
}

/// The App's state object.
pub async fn state(world: &World) -> Value {
    let bytes = world
        .get(&format!("apps/{APP}/state/promotion.json"))
        .await
        .expect("there is a state");
    serde_json::from_slice(&bytes).expect("the state is JSON")
}

/// The rows of the state's outcomes: number, result and error type.
pub async fn outcomes(world: &World) -> Vec<(u64, String, Option<String>)> {
    let state = state(world).await;
    let rows = state["outcomes"].as_array().expect("a list of outcomes");
    rows.iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().map(str::to_owned);
            let seq = row["seq"].as_u64().expect("a number");
            (seq, text("result").expect("a result"), text("errorType"))
        })
        .collect()
}

/// The version that the secret's `AWSCURRENT` is on, and its value.
pub async fn current_secret(world: &World) -> (String, Value) {
    let read = world
        .secrets_manager
        .get_secret_value()
        .secret_id(secret(world));
    let read = read.send().await.expect("there is a secret");
    let value = serde_json::from_str(read.secret_string().unwrap()).expect("the secret is JSON");
    (read.version_id().unwrap().to_owned(), value)
}

/// All revisions that were registered for the App.
pub async fn registered(world: &World) -> Vec<String> {
    let listed = world.ecs.list_task_definitions().send().await.unwrap();
    let mut arns = listed.task_definition_arns.unwrap_or_default();
    arns.retain(|arn| arn.contains(&format!("{}_{APP}_", world.rack)));
    arns
}

/// What was changed anywhere, the bucket and sent events included: `service Operation`, in order.
pub fn changes(world: &World) -> Vec<String> {
    let mut calls = world.proxy.calls();
    calls.retain(Call::changes_something);
    calls
        .iter()
        .map(|call| format!("{} {}", call.service, call.operation))
        .collect()
}

/// The task definition that a Service's ECS service runs.
pub async fn running(world: &World, service: &str) -> String {
    let name = ecs_service(world, service);
    let services = world
        .ecs
        .describe_services()
        .cluster(&world.cluster)
        .services(&name)
        .send()
        .await
        .unwrap();
    let service = &services.services()[0];
    assert_ne!(service.status(), Some("INACTIVE"), "{name} is gone");
    service.task_definition().unwrap().to_owned()
}

/// The task definition that a Timer's rule starts.
pub async fn scheduled(world: &World, timer: &str) -> String {
    let targets = world
        .eventbridge
        .list_targets_by_rule()
        .rule(rule(world, timer))
        .send()
        .await
        .unwrap();
    targets.targets()[0]
        .ecs_parameters()
        .unwrap()
        .task_definition_arn()
        .to_owned()
}

/// The variables that the one container of a task sees, without those that every container has.
pub async fn sees(world: &World, task_definition: &str) -> BTreeMap<String, String> {
    let containers = agent::task_sees(world, task_definition)
        .await
        .expect("the task starts");
    let (_, mut variables) = containers.into_iter().next().expect("one container");
    for name in ["APP", "AWS_REGION", "BUILD", "RACK", "RELEASE", "SERVICE"] {
        variables.remove(name);
    }
    for name in [
        "CONVOX_ENV_KEY",
        "CONVOX_ENV_REGION",
        "CONVOX_ENV_URL",
        "CONVOX_ENV_VARS",
    ] {
        variables.remove(name);
    }
    variables
}

/// What ECS knows of a task definition, and its tags.
pub async fn definition(world: &World, arn: &str) -> (TaskDefinition, BTreeMap<String, String>) {
    let request = world.ecs.describe_task_definition().task_definition(arn);
    let answer = request.include(TaskDefinitionField::Tags).send().await;
    let answer = answer.expect("the task definition is registered");
    let tags = answer.tags().iter();
    let tags = tags.filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())));
    let tags = tags.collect();
    (answer.task_definition.expect("ECS answers it"), tags)
}

/// The detail-types of the events that were sent, in order.
pub fn sent(world: &World) -> Vec<String> {
    world
        .events()
        .into_iter()
        .map(|event| event.detail_type)
        .collect()
}

/// A map of owned pairs.
pub fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
