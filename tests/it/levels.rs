//! `SecretsManagerEnv` at its three levels, alone and together: who decides, what the report says, what containers get.

use std::collections::BTreeSet;

use rig::{World, canary};
use serde_json::Value;

use crate::app::{self, YES};

const NO: &[(&str, &str)] = &[("SECRETS_MANAGER_ENV", "No")];
const S3_VARIABLES: [&str; 3] = ["CONVOX_ENV_KEY", "CONVOX_ENV_URL", "CONVOX_ENV_VARS"];

const SECRETS_MANAGER: &str = "SecretsManager";
const S3: &str = "S3";
const APP_YES: Option<&str> = Some(r#"{"params": {"SecretsManagerEnv": "Yes"}}"#);
const APP_NO: Option<&str> = Some(r#"{"params": {"SecretsManagerEnv": "No"}}"#);
const GEN1: Option<&str> = Some(r#"{"generation": "1"}"#);
const GEN1_YES: Option<&str> =
    Some(r#"{"generation": "1", "params": {"SecretsManagerEnv": "Yes"}}"#);
const GEN2_YES: Option<&str> =
    Some(r#"{"generation": "2", "params": {"SecretsManagerEnv": "Yes"}}"#);

/// Rack, `app.json`, `params:` as written; delivery and level that must come of it.
type Row = (
    &'static str,
    Option<&'static str>,
    Option<&'static str>,
    &'static str,
    &'static str,
);

const ROWS: [Row; 20] = [
    ("No", None, None, S3, "Rack"),
    ("Yes", None, None, SECRETS_MANAGER, "Rack"),
    ("", None, None, S3, "Rack"), // an unset variable is `No`
    ("No", Some("{}"), None, S3, "Rack"),
    ("No", APP_YES, None, SECRETS_MANAGER, "App"),
    ("Yes", APP_YES, None, SECRETS_MANAGER, "App"),
    ("No", GEN2_YES, None, SECRETS_MANAGER, "App"),
    ("Yes", APP_NO, None, SECRETS_MANAGER, "Rack"), // an App's No is not an opt-out
    ("No", APP_NO, None, S3, "Rack"),
    ("No", None, Some("Yes"), SECRETS_MANAGER, "convox.yml"),
    ("No", APP_NO, Some("\"Yes\""), SECRETS_MANAGER, "convox.yml"),
    ("Yes", APP_YES, Some("'Yes'"), SECRETS_MANAGER, "convox.yml"),
    ("Yes", None, Some("No"), S3, "convox.yml"), // unquoted, YAML 1.1 would make this a boolean
    ("Yes", APP_YES, Some("No"), S3, "convox.yml"),
    ("Yes", APP_NO, Some("\"No\""), S3, "convox.yml"),
    ("No", APP_YES, Some("'No'"), S3, "convox.yml"),
    ("Yes", GEN1, None, S3, "Generation"),
    ("No", GEN1, None, S3, "Generation"),
    ("Yes", GEN1_YES, Some("Yes"), S3, "Generation"),
    ("No", GEN1_YES, Some("No"), S3, "Generation"),
];

/// A Service that reads the whole environment and one that reads none, and a Timer.
fn manifest(param: Option<&str>) -> String {
    let params = param.map_or_else(String::new, |value| {
        format!("params:\n  SecretsManagerEnv: {value}\n")
    });
    format!(
        "{params}{}",
        r#"
services:
  web:
    image: example/web:1
    environment: ["*", "GREETING=hello"]
  idle:
    image: example/idle:1
timers:
  nightly: {schedule: "0 3 * * *", command: bin/nightly, service: web}
"#
    )
}

fn detail(world: &World, app: &str, detail_type: &str) -> Option<Value> {
    let mut events = world.events().into_iter();
    let event = events.find(|event| event.detail_type == detail_type && event.detail["app"] == app);
    event.map(|event| event.detail)
}

/// Names of the plain variables, names of the references.
async fn names(world: &World, arn: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (definition, _) = app::definition(world, arn).await;
    let container = &definition.container_definitions()[0];
    let plain = container
        .environment()
        .iter()
        .map(|pair| pair.name().unwrap().to_owned());
    let references = container
        .secrets()
        .iter()
        .map(|secret| secret.name().to_owned());
    (plain.collect(), references.collect())
}

fn arn<'r>(report: &'r Value, kind: &str, name: &str) -> &'r str {
    report[kind][name]["newTaskDefinition"]
        .as_str()
        .unwrap_or_else(|| panic!("{kind}.{name} of {report:#}"))
}

/// The `CONVOX_ENV_*` among `names`.
fn of_s3(names: &BTreeSet<String>) -> Vec<&str> {
    let names = names.iter().map(String::as_str);
    names
        .filter(|name| name.starts_with("CONVOX_ENV_"))
        .collect()
}

/// Every container of a promoted App has what its delivery needs and nothing of the other one.
async fn assert_one_delivery(world: &World, report: &Value, delivery: &str, at: &str) {
    for (kind, name, reads) in [
        ("services", "web", true),
        ("services", "idle", false),
        ("timers", "nightly", true),
    ] {
        let (plain, references) = names(world, arn(report, kind, name)).await;
        let at = format!("{at}, {name}");
        if delivery == S3 {
            assert_eq!(of_s3(&plain), S3_VARIABLES, "{at}");
            assert_eq!(references.len(), 0, "{at}: {references:?}");
        } else {
            assert_eq!(of_s3(&plain), [""; 0], "{at}");
            assert_eq!(of_s3(&references), [""; 0], "{at}");
            assert_eq!(references.contains("TOKEN"), reads, "{at}: {references:?}");
        }
        assert!(
            plain.is_disjoint(&references),
            "{at}: {plain:?} {references:?}"
        );
    }
}

#[tokio::test]
async fn the_level_that_decides_is_reported_and_its_delivery_is_the_only_one() {
    let world = World::new().await;
    let racks = [
        ("Yes", world.start("promote", YES)),
        ("No", world.start("promote", NO)),
        ("", world.start("promote", &[("SECRETS_MANAGER_ENV", "")])),
    ];
    let token = canary::value("TOKEN");
    let mut outputs = Vec::new();
    for (index, (rack, app_json, param, delivery, decided_by)) in ROWS.into_iter().enumerate() {
        let at = format!("rack={rack} app.json={app_json:?} param={param:?}");
        let (_, function) = racks.iter().find(|(name, _)| *name == rack).unwrap();
        let name = format!("app-{index}");
        let key = |file: &str| format!("apps/{name}/{file}");
        world.put(&key("convox.yml"), manifest(param)).await;
        if let Some(settings) = app_json {
            world.put(&key("app.json"), settings).await;
        }
        let environment = format!("TOKEN={token}\n");
        let report = app::promote_app(&world, function, &name, "R1", environment).await;
        assert_eq!(report["status"], "promoted", "{at}: {report:#}");
        let promoted = detail(&world, &name, "Release Promoted").expect(&at);
        for says in [&report, &promoted] {
            app::assert_says!(says, {"delivery": delivery, "decidedBy": decided_by}, "{at}");
            assert_eq!(says["fallback"], Value::Null, "{at}");
            assert_eq!(says["secretArn"].is_string(), delivery != S3, "{at}");
            let no = "app.json sets `SecretsManagerEnv` to `No`, which has no effect";
            let said = says["warnings"].to_string().contains(no);
            assert_eq!(said, app_json == APP_NO && delivery != S3, "{at}");
        }
        let secret_event = if delivery == S3 {
            "Secret Write Skipped"
        } else {
            "Secret Write Succeeded"
        };
        let secret_event = detail(&world, &name, secret_event).expect(&at);
        assert_eq!(secret_event["release"], "R1", "{at}");
        assert_one_delivery(&world, &report, delivery, &at).await;
        outputs.push(report.to_string());
    }
    outputs.extend(racks.iter().map(|(_, function)| function.output()));
    outputs.push(format!("{:?}", world.events()));
    canary::assert_absent(&outputs);
}

#[tokio::test]
async fn a_generation_1_app_never_touches_secrets_manager() {
    let world = World::new().await;
    let function = world.start("promote", YES);
    world
        .put("apps/old/convox.yml", manifest(Some("Yes")))
        .await;
    world
        .put("apps/old/app.json", GEN1_YES.unwrap_or_default())
        .await;
    let report = app::promote_app(&world, &function, "old", "R1", "TOKEN=t").await;
    assert_eq!(report["decidedBy"], "Generation", "{report:#}");
    let calls = world.proxy.calls();
    let secrets = calls.iter().filter(|call| call.service == "secretsmanager");
    assert_eq!(secrets.count(), 0);
    let (definition, _) = app::definition(&world, arn(&report, "services", "web")).await;
    let labels = definition.container_definitions()[0].docker_labels();
    assert_eq!(labels.unwrap()["convox.generation"], "1");
}

#[tokio::test]
async fn a_rack_without_an_environment_key_gives_containers_none() {
    let world = World::new().await;
    let function = world.start("promote", &[("ENVIRONMENT_KEY_ARN", "")]);
    world.put("apps/shop/convox.yml", manifest(None)).await;
    let report = app::promote_app(&world, &function, "shop", "R1", "TOKEN=t").await;
    let (plain, _) = names(&world, arn(&report, "services", "web")).await;
    // Without a key there is no ARN to take the region from.
    let without_key = ["CONVOX_ENV_REGION", "CONVOX_ENV_URL", "CONVOX_ENV_VARS"];
    assert_eq!(of_s3(&plain), without_key);
    let seen = app::sees(&world, arn(&report, "services", "web")).await;
    assert_eq!(seen, app::pairs([("TOKEN", "t"), ("GREETING", "hello")]));
}

/// The switch of S3 delivery is the system's own: convox.yml can set neither it nor its companions.
#[tokio::test]
async fn a_default_cannot_bring_convox_env_variables_into_secrets_manager_delivery() {
    let world = World::new().await;
    let function = world.start("promote", YES);
    let manifest = r#"
services:
  web:
    image: example/web:1
    environment: ["TOKEN", "CONVOX_ENV_URL=s3://other/env", "CONVOX_ENV_VARS=*", "CONVOX_ENV_KEY=k"]
"#;
    world.put("apps/shop/convox.yml", manifest).await;
    let report = app::promote_app(&world, &function, "shop", "R1", "TOKEN=t").await;
    if report["status"] == "promoted" {
        let (plain, _) = names(&world, arn(&report, "services", "web")).await;
        assert_eq!(of_s3(&plain), [""; 0], "{report:#}");
    } else {
        let message = report["message"].to_string();
        assert!(message.contains("CONVOX_ENV_URL"), "{report:#}");
    }
}

#[tokio::test]
async fn a_changed_setting_changes_nothing_that_runs_until_the_next_promote() {
    let world = app::world_with(&manifest(None), &["web", "idle"]).await;
    let (no, yes) = (world.start("promote", NO), world.start("promote", YES));
    let version = world.put_env(app::APP, "R1", &[("TOKEN", "t")]).await;
    let event = app::written(&world, "R1", &version);
    let first = app::deliver(&no, &event).await.answer();
    app::assert_says!(first, {"delivery": "S3", "decidedBy": "Rack"});
    let runs = app::running(&world, "web").await;

    // All three levels change, and everything that is no new request is delivered.
    world
        .put("apps/shop/app.json", APP_YES.unwrap_or_default())
        .await;
    world
        .put("apps/shop/convox.yml", manifest(Some("Yes")))
        .await;
    let mut settings_written = event.clone();
    settings_written["detail"]["object"]["key"] = "apps/shop/app.json".into();
    let continued = app::continued(&world, "promote");
    for event in [&event, &settings_written, &continued] {
        world.proxy.clear();
        let answer = app::deliver(&yes, event).await.answer();
        assert_eq!(world.proxy.writes().len(), 0, "{answer:#}");
    }
    assert_eq!(app::running(&world, "web").await, runs);
    assert_eq!(app::report(&world, "R1").await.unwrap(), first);

    // The next promote of a Release that has its own convox.yml follows the App, of a new one the manifest.
    let again = app::promote(&world, &no, "R1", &[("TOKEN", "t")]).await;
    app::assert_says!(again, {"delivery": "SecretsManager", "decidedBy": "App"});
    assert_ne!(app::running(&world, "web").await, runs);
    let next = app::promote(&world, &no, "R2", &[("TOKEN", "t")]).await;
    app::assert_says!(next, {"delivery": "SecretsManager", "decidedBy": "convox.yml"});
    // And back.
    world
        .put("apps/shop/convox.yml", manifest(Some("No")))
        .await;
    let back = app::promote(&world, &yes, "R3", &[("TOKEN", "t")]).await;
    app::assert_says!(back, {"delivery": "S3", "decidedBy": "convox.yml"});
    assert_one_delivery(&world, &back, S3, "back").await;
}
