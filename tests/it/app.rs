//! An App to promote: three Services, two Timers, and what a test wants to know about it afterwards.

mod standing;

pub use standing::{
    definition, described_rule, registered, running, scheduled, sees, service, standing,
    untag_rule, untag_service, update,
};

use std::collections::BTreeMap;

use double::Call;
use rig::function::{Function, Invocation};
use rig::world::World;
use rig::{App, events};
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

/// A Rack whose Apps get their environment from Secrets Manager.
pub const YES: &[(&str, &str)] = &[("SECRETS_MANAGER_ENV", "Yes")];

fn shop() -> App {
    App::named(APP)
}

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

/// The same as [`world`], and its promote with these settings.
pub async fn promoting(settings: &[(&str, &str)]) -> (World, Function) {
    promoting_with(MANIFEST, &["web", "worker", "metrics"], settings).await
}

/// The same for another manifest.
pub async fn promoting_with(
    manifest: &str,
    services: &[&str],
    settings: &[(&str, &str)],
) -> (World, Function) {
    let world = world_with(manifest, services).await;
    let promote = world.start("promote", settings);
    (world, promote)
}

/// The name of a Service's ECS service and family.
pub fn ecs_service(world: &World, service: &str) -> String {
    shop().ecs_service(world, service)
}

/// The name of a Timer's rule and family.
pub fn rule(world: &World, timer: &str) -> String {
    shop().rule(world, timer)
}

/// The name of the App's secret.
pub fn secret(world: &World) -> String {
    shop().secret(world)
}

/// S3's event about an environment object, as EventBridge delivers it.
pub fn written(world: &World, release: &str, version_id: &str) -> Value {
    events::written(world, APP, release, version_id)
}

/// Writes a Release's environment; S3's event about it.
pub async fn uploaded(world: &World, release: &str, variables: &[(&str, &str)]) -> Value {
    let version = world.put_env(APP, release, variables).await;
    written(world, release, &version)
}

/// Writes a Release's environment and delivers S3's event; the answer.
pub async fn promote(
    world: &World,
    function: &Function,
    release: &str,
    variables: &[(&str, &str)],
) -> Value {
    let event = uploaded(world, release, variables).await;
    function.answer(&event).await
}

/// The same, and the Release is promoted.
pub async fn promoted(
    world: &World,
    function: &Function,
    release: &str,
    variables: &[(&str, &str)],
) -> Value {
    let report = promote(world, function, release, variables).await;
    assert_eq!(report["status"], "promoted", "{release}: {report:#}");
    report
}

/// Writes the convox.yml of a Release of its own.
pub async fn write_manifest(world: &World, release: &str, manifest: impl Into<Vec<u8>>) {
    shop().write_manifest(world, release, manifest).await;
}

/// What a promote of a Release would do.
pub async fn dry_run(function: &Function, release: &str) -> Value {
    let question = json!({"app": APP, "release": release, "dryRun": true});
    function.answer(&question).await
}

/// The same for any App and for an environment in any form.
pub async fn promote_app(
    world: &World,
    function: &Function,
    app: &str,
    release: &str,
    environment: impl Into<Vec<u8>>,
) -> Value {
    let app = App::named(app);
    let event = app.write_env(world, release, environment).await;
    function.answer(&event).await
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
    shop().requested(world, release, id, seconds_ahead)
}

/// Asks for a promote in this way; the answer.
pub async fn asked(
    world: &World,
    function: &Function,
    release: &str,
    id: &str,
    seconds_ahead: i64,
) -> Value {
    let request = requested(world, release, id, seconds_ahead);
    function.answer(&request).await
}

/// `App Deleted`, in the same way.
pub fn deleted(world: &World, id: &str, seconds_ahead: i64) -> Value {
    shop().deleted(world, id, seconds_ahead)
}

/// `Promotion Continue`: there is work of a kind (`promote`, `delete`) left.
pub fn continued(world: &World, kind: &str) -> Value {
    shop().continued(world, kind)
}

/// Lets the minute pass after which what waits is due again.
pub async fn pass_minute(world: &World) {
    shop().pass_time(world).await;
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
    let state = shop().state(world, "promotion").await;
    assert_ne!(state, Value::Null, "there is a state");
    state
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

/// What was changed anywhere, the bucket and sent events included: `service Operation`, in order.
pub fn changes(world: &World) -> Vec<String> {
    let mut calls = world.proxy.calls();
    calls.retain(Call::changes_something);
    calls
        .iter()
        .map(|call| format!("{} {}", call.service, call.operation))
        .collect()
}

/// The detail-types of the events that were sent, in order.
pub fn sent(world: &World) -> Vec<String> {
    world
        .events()
        .into_iter()
        .map(|event| event.detail_type)
        .collect()
}

/// Compares some fields of an answer, report or event, perhaps of a case: `assert_says!(answer, {"status": "failed"}, "{case}")`.
macro_rules! assert_says {
    ($told:expr, $fields:tt) => {
        $crate::app::assert_fields(&$told, &serde_json::json!($fields), "")
    };
    ($told:expr, $fields:tt, $case:literal) => {
        $crate::app::assert_fields(&$told, &serde_json::json!($fields), &format!($case))
    };
}

pub(crate) use assert_says;

/// The message of an answer, report or event holds this part.
#[track_caller]
pub fn assert_tells(told: &Value, part: &str) {
    let message = told["message"].as_str().unwrap_or_default();
    assert!(message.contains(part), "`{part}` is not in: {told:#}");
}

/// What [`assert_says`] does.
#[track_caller]
pub fn assert_fields(told: &Value, fields: &Value, case: &str) {
    for (name, want) in fields.as_object().expect("fields by name") {
        assert_eq!(&told[name], want, "{case} {name}: {told:#}");
    }
}

/// These events and no others were sent, in this order.
#[track_caller]
pub fn assert_sent(world: &World, kinds: &[&str]) {
    assert_eq!(sent(world), kinds);
}

/// A map of owned pairs.
pub fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
