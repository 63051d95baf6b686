//! Databases, caches and volumes of an App: linked by references, and their passwords nowhere but in their secrets.

use aws_sdk_ecs::types::Secret;
use rig::{World, agent};
use serde_json::{Value, json};

use super::{fresh, outputs, promoted, template};
use crate::app::{self, APP};

const MANIFEST: &str = "\
resources:
  main-db:
    type: postgres
    options: {storage: 20, encrypted: true}
  cache:
    type: redis
  files:
    type: efs
    options: {path: /uploads}
services:
  web:
    image: example/web:1
    environment: [KEY]
    resources: [main-db, cache, files]
    volumes: [files:/data]
  worker:
    image: example/worker:1
";

async fn references(world: &World, arn: &str) -> Vec<(String, String)> {
    let (definition, _) = app::definition(world, arn).await;
    let secrets = definition.container_definitions()[0].secrets().iter();
    let pair = |secret: &Secret| (secret.name().to_owned(), secret.value_from().to_owned());
    secrets.map(pair).collect()
}

/// The generated password of the database, as a task sees it.
async fn password(world: &World, arn: &str) -> String {
    let containers = agent::task_sees(world, arn).await.unwrap();
    let (_, variables) = containers.into_iter().next().unwrap();
    variables["MAIN_DB_PASS"].clone()
}

#[tokio::test]
async fn a_service_gets_the_variables_of_its_resources_as_references_on_both_deliveries() {
    for (delivery, secrets_manager_env) in [("SecretsManager", "Yes"), ("S3", "No")] {
        let world = app::world_with(MANIFEST, &[]).await;
        let promote = world.start("promote", &[("SECRETS_MANAGER_ENV", secrets_manager_env)]);
        let report = promoted(&world, &promote, "R1", MANIFEST).await;
        app::assert_says!(report, {"status": "promoted", "delivery": delivery});
        let outputs = outputs(&world).await;
        let web = report["services"]["web"]["newTaskDefinition"]
            .as_str()
            .unwrap();
        let references = references(&world, web).await;
        for name in ["URL", "USER", "PASS", "HOST", "PORT", "NAME"] {
            for resource in ["MAIN_DB", "CACHE"] {
                let variable = format!("{resource}_{name}");
                let found = references.iter().find(|(name, _)| *name == variable);
                let (_, from) = found.unwrap_or_else(|| panic!("{variable}: {references:?}"));
                let known = outputs
                    .values()
                    .any(|arn| *from == format!("{arn}:{name}::"));
                assert!(known, "{variable}: {from}");
            }
        }
        let containers = agent::task_sees(&world, web).await.unwrap();
        let seen = &containers.values().next().unwrap();
        let (host, port) = (&seen["MAIN_DB_HOST"], &seen["MAIN_DB_PORT"]);
        let pass = &seen["MAIN_DB_PASS"];
        let url = format!("postgres://app:{pass}@{host}:{port}/app");
        assert_eq!(seen["MAIN_DB_URL"], url);
        assert_eq!(pass.len(), 40);
        assert!(
            !seen.keys().any(|name| name.starts_with("FILES_")),
            "{seen:?}"
        );
        let worker = report["services"]["worker"]["newTaskDefinition"].as_str();
        let (worker, _) = app::definition(&world, worker.unwrap()).await;
        assert!(worker.container_definitions()[0].secrets().is_empty());
    }
}

#[tokio::test]
async fn a_volume_of_a_file_system_is_mounted_by_its_access_point() {
    let (world, promote) = fresh(MANIFEST).await;
    let report = promoted(&world, &promote, "R1", MANIFEST).await;
    let arn = report["services"]["web"]["newTaskDefinition"]
        .as_str()
        .unwrap();
    let (definition, _) = app::definition(&world, arn).await;
    let volume = &definition.volumes()[0];
    let efs = volume.efs_volume_configuration().unwrap();
    let outputs = outputs(&world).await;
    let is_output = |value: &str| outputs.values().any(|output| output == value);
    assert!(is_output(efs.file_system_id()));
    assert_eq!(efs.transit_encryption().unwrap().as_str(), "ENABLED");
    let authorization = efs.authorization_config().unwrap();
    assert!(is_output(authorization.access_point_id().unwrap()));
    let mount = &definition.container_definitions()[0].mount_points()[0];
    assert_eq!(
        (mount.source_volume(), mount.container_path()),
        (volume.name(), Some("/data"))
    );
}

#[tokio::test]
async fn a_variable_that_the_app_sets_itself_wins() {
    let manifest = MANIFEST.replace("environment: [KEY]", "environment: [KEY, MAIN_DB_URL]");
    let (world, promote) = fresh(&manifest).await;
    app::write_manifest(&world, "R1", manifest.as_str()).await;
    let variables = [("KEY", "R1"), ("MAIN_DB_URL", "postgres://elsewhere/own")];
    let report = app::promote(&world, &promote, "R1", &variables).await;
    let arn = report["services"]["web"]["newTaskDefinition"]
        .as_str()
        .unwrap();
    let containers = agent::task_sees(&world, arn).await.unwrap();
    let seen = containers.values().next().unwrap();
    assert_eq!(seen["MAIN_DB_URL"], "postgres://elsewhere/own");
    assert_eq!(seen["MAIN_DB_PASS"].len(), 40);
}

#[tokio::test]
async fn the_generated_password_is_nowhere_but_in_its_secrets() {
    let (world, promote) = fresh(MANIFEST).await;
    let report = promoted(&world, &promote, "R1", MANIFEST).await;
    let arn = report["services"]["web"]["newTaskDefinition"]
        .as_str()
        .unwrap();
    let password = password(&world, arn).await;
    let run = world.start("process-run", &[("SECRETS_MANAGER_ENV", "Yes")]);
    let process = run
        .answer(&json!({"app": APP, "service": "web", "command": "env"}))
        .await;
    let (definition, _) = app::definition(&world, arn).await;
    let state = app::state(&world).await;
    let calls = world.proxy.calls();
    let by_functions: Vec<Value> = calls
        .iter()
        .flat_map(|call| [call.body.clone(), call.answer.clone()])
        .collect();
    for (place, text) in [
        ("the report", report.to_string()),
        ("the answer to a process", process.to_string()),
        ("the state", state.to_string()),
        ("the template", template(&world).await.to_string()),
        ("the outputs", format!("{:?}", outputs(&world).await)),
        ("the task definition", format!("{definition:?}")),
        ("the events", format!("{:?}", world.events())),
        ("the log", promote.output()),
        ("the log of process-run", run.output()),
        (
            "what the functions asked and were answered",
            json!(by_functions).to_string(),
        ),
    ] {
        assert!(!text.contains(&password), "the password is in {place}");
    }
}

#[tokio::test]
async fn a_process_gets_what_its_service_gets() {
    let (world, promote) = fresh(MANIFEST).await;
    promoted(&world, &promote, "R1", MANIFEST).await;
    let run = world.start("process-run", &[("SECRETS_MANAGER_ENV", "Yes")]);
    let answer = run
        .answer(&json!({"app": APP, "service": "web", "command": "env"}))
        .await;
    let arn = answer["taskDefinition"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer:#}"));
    let references = references(&world, arn).await;
    assert!(
        references.iter().any(|(name, _)| name == "MAIN_DB_URL"),
        "{references:?}"
    );
    let (definition, _) = app::definition(&world, arn).await;
    let role = outputs(&world).await["ExecutionRoleArn"].clone();
    assert_eq!(definition.execution_role_arn(), Some(role.as_str()));
    assert!(definition.volumes()[0].efs_volume_configuration().is_some());
}

#[tokio::test]
async fn a_resource_that_no_promote_has_deployed_is_said_before_a_process_starts() {
    let plain = "services: {web: {image: example/web:1, environment: [KEY]}}\n";
    let (world, promote) = fresh(plain).await;
    promoted(&world, &promote, "R1", plain).await;
    app::write_manifest(&world, "R2", MANIFEST).await;
    world.put_env(APP, "R2", &[("KEY", "R2")]).await;
    let run = world.start("process-run", &[]);
    let answer = run
        .answer(&json!({"app": APP, "service": "web", "release": "R2"}))
        .await;
    assert_eq!(answer["errorType"], "ResourceNotDeployed", "{answer:#}");
}

#[tokio::test]
async fn an_option_that_replaces_a_database_needs_a_request_that_allows_it() {
    let (world, promote) = fresh(MANIFEST).await;
    promoted(&world, &promote, "R1", MANIFEST).await;
    let manifest = MANIFEST.replace("encrypted: true", "encrypted: false");
    let report = promoted(&world, &promote, "R2", &manifest).await;
    assert_eq!(report["errorType"], "InvalidManifest", "{report:#}");
    app::assert_tells(&report, "allowReplacement");
    let mut request = app::requested(&world, "R2", "allowed", 5);
    request["detail"]["allowReplacement"] = json!(true);
    let report = promote.answer(&request).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    let warnings = report["warnings"].to_string();
    let said =
        "is replaced by a new, empty one with this Release; running tasks keep the variables";
    assert!(warnings.contains(said), "{warnings}");
}

#[tokio::test]
async fn a_resource_that_goes_is_named_before_and_when_its_data_go() {
    let (world, promote) = fresh(MANIFEST).await;
    promoted(&world, &promote, "R1", MANIFEST).await;
    let without = "services: {web: {image: example/web:1, environment: [KEY]}}\n";
    let misspelt = MANIFEST.replace("resources:\n  main-db:", "resource:\n  main-db:");
    assert_ne!(misspelt, MANIFEST);
    let report = promoted(&world, &promote, "R2", &misspelt).await;
    let message = report["message"].as_str().unwrap_or_default();
    assert!(message.contains("did you mean `resources`?"), "{report:#}");

    let report = promoted(&world, &promote, "R3", without).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    assert!(report["removedResources"].is_null(), "{report:#}");
    let next = "`resources.main-db` is not there any more: tasks of the Release before may still use it, so the next promote";
    assert!(report["warnings"].to_string().contains(next), "{report:#}");

    app::write_manifest(&world, "R4", without).await;
    world.put_env(APP, "R4", &[("KEY", "R4")]).await;
    let plan = app::dry_run(&promote, "R4").await;
    let report = promoted(&world, &promote, "R4", without).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    let gone = json!({"name": "main-db", "data": "finalSnapshot"});
    for told in [&plan, &report] {
        let removed = told["removedResources"].as_array();
        assert!(
            removed.is_some_and(|removed| removed.contains(&gone)),
            "{told:#}"
        );
    }
}
