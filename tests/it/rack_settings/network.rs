//! `SecurityGroups`, `Subnets` and `AssignPublicIp`.

use std::collections::BTreeSet;

use double::Fault;
use rig::World;
use serde_json::{Value, json};

use super::edit_state;
use crate::app::{self, APP};
use crate::stacks::outputs;
use crate::stacks::reach::{
    OWN, admitted, left_by_an_earlier_version, networks, put, put_service, set,
};

const MANIFEST: &str = "\
resources:
  main-db:
    type: postgres
services:
  web:
    image: example/web:1
    environment: [KEY]
    resources: [main-db]
timers:
  cleanup:
    schedule: \"0 3 * * ?\"
    command: bin/cleanup
    service: web
";
const YES: (&str, &str) = ("SECRETS_MANAGER_ENV", "Yes");
const OTHER: &[(&str, &str)] = &[
    YES,
    ("SECURITY_GROUPS", "sg-2"),
    ("ASSIGN_PUBLIC_IP", "ENABLED"),
];

/// Both in such groups, the App's own among them.
fn both(group: &str, public: &str) -> [(BTreeSet<String>, String); 2] {
    let one = (set(&[group, OWN]), public.to_owned());
    [one.clone(), one]
}

async fn promoted(world: &World, function: &rig::Function, release: &str) -> Value {
    app::promoted(world, function, release, &[("KEY", release)]).await
}

#[tokio::test]
async fn a_changed_network_reaches_services_and_timers_and_resources_let_in_what_they_did() {
    let world = app::world_with(MANIFEST, &[]).await;
    let before = world.start("promote", &[YES]);
    promoted(&world, &before, "R1").await;
    assert_eq!(networks(&world).await, both("sg-1", "DISABLED"));
    assert_eq!(admitted(&world).await, set(&[OWN]));

    let after = world.start("promote", OTHER);
    promoted(&world, &after, "R2").await;
    assert_eq!(networks(&world).await, both("sg-2", "ENABLED"));
    assert_eq!(admitted(&world).await, set(&[OWN]));
    world.proxy.clear();
    promoted(&world, &after, "R2").await;
    let changes = app::changes(&world);
    let other = ["s3 PutObject", "events PutEvents"];
    let moved = changes.iter().filter(|one| !other.contains(&one.as_str()));
    assert_eq!(moved.count(), 0, "nothing changed: {changes:?}");
}

#[tokio::test]
async fn what_ecs_went_back_to_keeps_its_way_to_the_database() {
    let world = app::world_with(MANIFEST, &[]).await;
    let before = world.start("promote", &[YES]);
    promoted(&world, &before, "R1").await;
    left_by_an_earlier_version(&world).await;
    let first = app::running(&world, "web").await;
    let after = world.start("promote", OTHER);
    promoted(&world, &after, "R2").await;
    put_service(&world, &["sg-1"], &first).await;

    world.inject(Fault::DENIED.on("ecs", "RegisterTaskDefinition").times(1));
    let answer = app::promote(&world, &after, "R3", &[("KEY", "R3")]).await;
    world.proxy.lift();
    assert_eq!(answer["errorType"], "AccessDeniedException", "{answer:#}");
    let alone = (set(&["sg-1"]), "DISABLED".to_owned());
    assert_eq!(networks(&world).await[0], alone);
    assert!(admitted(&world).await.contains("sg-1"), "tasks run there");
    promoted(&world, &after, "R4").await;
    assert_eq!(networks(&world).await, both("sg-2", "ENABLED"));
    promoted(&world, &after, "R5").await;
    assert_eq!(admitted(&world).await, set(&[OWN]));
}

#[tokio::test]
async fn a_network_without_groups_of_its_own_is_put_back_too() {
    let world = app::world_with(MANIFEST, &[]).await;
    let without = [YES, ("SECURITY_GROUPS", "")];
    let before = world.start("promote", &without);
    let web = MANIFEST.replace("    resources: [main-db]\n", "");
    let web = web.split_once("services:").unwrap().1.to_owned();
    world
        .put(&format!("apps/{APP}/convox.yml"), format!("services:{web}"))
        .await;
    promoted(&world, &before, "R1").await;
    let stood = networks(&world).await;
    let after = world.start("promote", OTHER);
    world.inject(Fault::DENIED.on("events", "PutTargets").times(1));
    let answer = app::promote(&world, &after, "R2", &[("KEY", "R2")]).await;
    world.proxy.lift();
    assert_eq!(answer["errorType"], "AccessDeniedException", "{answer:#}");
    assert_eq!(networks(&world).await, stood, "{answer:#}");
}

#[tokio::test]
async fn what_fails_is_back_in_the_network_that_it_was_in() {
    let world = app::world_with(MANIFEST, &[]).await;
    let before = world.start("promote", &[YES]);
    promoted(&world, &before, "R1").await;
    let after = world.start("promote", OTHER);
    for (release, service, operation) in [
        ("R2", "ecs", "RegisterTaskDefinition"),
        ("R3", "events", "PutTargets"),
    ] {
        world.inject(Fault::DENIED.on(service, operation).times(1));
        let answer = app::promote(&world, &after, release, &[("KEY", release)]).await;
        world.proxy.lift();
        assert_eq!(answer["errorType"], "AccessDeniedException", "{answer:#}");
        let networks = networks(&world).await;
        assert_eq!(networks, both("sg-1", "DISABLED"), "{operation}");
    }
}

#[tokio::test]
async fn a_state_that_knows_no_network_is_no_error_and_what_fails_is_back_where_it_stood() {
    let world = app::world_with(MANIFEST, &[]).await;
    let before = world.start("promote", &[YES]);
    promoted(&world, &before, "R1").await;
    edit_state(&world, |state| {
        let applied = state["applied"].as_object_mut().unwrap();
        applied.remove("network").unwrap();
        applied.remove("cluster").unwrap();
        let stack = applied["stack"].as_object_mut().unwrap();
        stack.remove("rack").unwrap();
    })
    .await;
    let after = world.start("promote", OTHER);
    world.inject(Fault::DENIED.on("events", "PutTargets").times(1));
    let answer = app::promote(&world, &after, "R2", &[("KEY", "R2")]).await;
    world.proxy.lift();
    assert_eq!(answer["errorType"], "AccessDeniedException", "{answer:#}");
    assert_eq!(networks(&world).await, both("sg-1", "DISABLED"));
    promoted(&world, &after, "R3").await;
    assert_eq!(networks(&world).await, both("sg-2", "ENABLED"));
    assert_eq!(admitted(&world).await, set(&[OWN]));
}

/// That a process starts in the Rack's first group and the App's own.
async fn assert_process_joins(world: &World, settings: &[(&str, &str)]) {
    let run = world.start("process-run", settings);
    let process = json!({"app": APP, "service": "web", "command": "env"});
    let answer = run.answer(&process).await;
    assert_eq!(answer["status"], "started", "{answer:#}");
    let calls = world.proxy.calls();
    let started = calls.iter().find(|call| call.operation == "RunTask");
    let network = &started.unwrap().body["networkConfiguration"]["awsvpcConfiguration"];
    let own = &outputs(world).await["SecurityGroupId"];
    assert_eq!(network["securityGroups"], json!(["sg-1", own]), "{network}");
}

#[tokio::test]
async fn a_process_runs_in_the_network_that_its_app_was_promoted_in() {
    let world = app::world_with(MANIFEST, &[]).await;
    let promote = world.start("promote", &[YES]);
    promoted(&world, &promote, "R1").await;
    assert_process_joins(&world, OTHER).await;
}

#[tokio::test]
async fn a_process_of_an_app_without_a_network_of_its_own_is_in_the_apps_own_group() {
    let manifest = MANIFEST.split_once("timers:").unwrap().0;
    let world = app::world_with(manifest, &[]).await;
    let named = json!({"services": {"web": "legacy"}}).to_string();
    world.put(&format!("apps/{APP}/app.json"), named).await;
    app::lend(&world, "legacy", APP).await;
    let promote = world.start("promote", &[YES]);
    promoted(&world, &promote, "R1").await;
    let state = app::state(&world).await;
    assert!(state["applied"]["network"].is_null(), "only others' runs");
    assert_process_joins(&world, &[YES]).await;
}

#[tokio::test]
async fn an_ecs_service_of_app_json_keeps_its_network_and_is_let_in_by_the_group_that_it_shares() {
    let world = app::world_with(MANIFEST, &[]).await;
    let named = json!({"services": {"web": "legacy"}}).to_string();
    world.put(&format!("apps/{APP}/app.json"), named).await;
    app::lend(&world, "legacy", APP).await;
    let before = world.start("promote", &[YES]);
    let report = promoted(&world, &before, "R1").await;
    let warns = |report: &Value, of: &str| report["warnings"].to_string().contains(of);
    let (shares, shut_out) = ("and with that tasks of other Apps", "do not let in");
    assert!(
        warns(&report, shares) && !warns(&report, shut_out),
        "{report:#}"
    );
    assert_eq!(admitted(&world).await, set(&["sg-1", OWN]));
    let groups = legacy(&world).await;
    assert_eq!(groups, ["sg-1"]);

    let own = outputs(&world).await["SecurityGroupId"].clone();
    let definition = report["services"]["web"]["newTaskDefinition"]
        .as_str()
        .unwrap();
    put(&world, "legacy", &["sg-1", &own], definition).await;
    for (release, want) in [("R2", vec!["sg-1", OWN]), ("R3", vec![OWN])] {
        let report = promoted(&world, &before, release).await;
        assert!(
            !warns(&report, shares) && !warns(&report, shut_out),
            "{report:#}"
        );
        assert_eq!(admitted(&world).await, set(&want), "{release}");
    }
    assert_eq!(legacy(&world).await, ["sg-1", &own]);

    put(&world, "legacy", &["sg-1"], definition).await;
    let other = world.start("promote", OTHER);
    let report = promoted(&world, &other, "R4").await;
    assert!(
        !warns(&report, shares) && warns(&report, shut_out),
        "{report:#}"
    );
    assert!(warns(&report, &own), "{report:#}");
}

/// The groups of the ECS service that app.json names.
async fn legacy(world: &World) -> Vec<String> {
    let service = app::standing(world, "legacy").await.unwrap();
    let network = service.network_configuration().unwrap();
    let groups = network.awsvpc_configuration().unwrap().security_groups();
    groups.to_vec()
}
