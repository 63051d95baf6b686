//! `SecurityGroups`, `Subnets` and `AssignPublicIp`.

use std::collections::BTreeSet;

use aws_sdk_ecs::types::{AssignPublicIp, AwsVpcConfiguration, NetworkConfiguration};
use integration_tests::{Fault, World};
use serde_json::{Value, json};

use super::edit_state;
use crate::app::{self, APP};

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

/// The groups and the public address of the Service's and the Timer's tasks.
async fn networks(world: &World) -> [(Vec<String>, String); 2] {
    let services = world.ecs.describe_services().cluster(&world.cluster);
    let services = services.services(app::ecs_service(world, "web"));
    let services = services.send().await.unwrap();
    let service = services.services()[0].network_configuration().unwrap();
    let service = service.awsvpc_configuration().unwrap();
    let rule = app::rule(world, "cleanup");
    let targets = world.eventbridge.list_targets_by_rule().rule(rule);
    let targets = targets.send().await.unwrap();
    let task = targets.targets()[0].ecs_parameters().unwrap();
    let timer = task.network_configuration().unwrap();
    let timer = timer.awsvpc_configuration().unwrap();
    [
        (
            service.security_groups().to_vec(),
            service.assign_public_ip().unwrap().to_string(),
        ),
        (
            timer.security_groups().to_vec(),
            timer.assign_public_ip().unwrap().to_string(),
        ),
    ]
}

fn both(group: &str, public: &str) -> [(Vec<String>, String); 2] {
    let one = (vec![group.to_owned()], public.to_owned());
    [one.clone(), one]
}

/// The groups that the database lets in.
async fn admitted(world: &World) -> BTreeSet<String> {
    let template = crate::stacks::template(world).await;
    let resources = template["Resources"].as_object().unwrap().values();
    let groups = resources.filter(|one| one["Type"] == "AWS::EC2::SecurityGroup");
    let rules = groups.flat_map(|group| {
        let ingress = group["Properties"]["SecurityGroupIngress"].as_array();
        ingress.unwrap().clone()
    });
    rules
        .map(|rule| rule["SourceSecurityGroupId"].as_str().unwrap().to_owned())
        .collect()
}

async fn promoted(world: &World, function: &integration_tests::Function, release: &str) -> Value {
    let report = app::promote(world, function, release, &[("KEY", release)]).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    report
}

#[tokio::test]
async fn a_changed_network_reaches_services_and_timers_and_the_groups_before_stay_let_in_once() {
    let world = app::world_with(MANIFEST, &[]).await;
    let before = world.start("promote", &[YES]);
    promoted(&world, &before, "R1").await;
    assert_eq!(networks(&world).await, both("sg-1", "DISABLED"));
    assert_eq!(admitted(&world).await, BTreeSet::from(["sg-1".to_owned()]));

    let after = world.start("promote", OTHER);
    promoted(&world, &after, "R2").await;
    assert_eq!(networks(&world).await, both("sg-2", "ENABLED"));
    let either = BTreeSet::from(["sg-1", "sg-2"].map(str::to_owned));
    assert_eq!(admitted(&world).await, either, "tasks of R1 still run");

    promoted(&world, &after, "R3").await;
    assert_eq!(admitted(&world).await, BTreeSet::from(["sg-2".to_owned()]));
    world.proxy.clear();
    promoted(&world, &after, "R3").await;
    let changes = app::changes(&world);
    let other = ["s3 PutObject", "events PutEvents"];
    let moved = changes.iter().filter(|one| !other.contains(&one.as_str()));
    assert_eq!(moved.count(), 0, "nothing changed: {changes:?}");
}

/// ECS gives the service back its revision and its network of before.
async fn ecs_goes_back(world: &World, definition: &str) {
    let network = AwsVpcConfiguration::builder()
        .subnets("subnet-1")
        .security_groups("sg-1")
        .assign_public_ip(AssignPublicIp::Disabled)
        .build()
        .unwrap();
    let network = NetworkConfiguration::builder().awsvpc_configuration(network);
    let update = world.ecs.update_service().cluster(&world.cluster);
    let update = update.service(app::ecs_service(world, "web"));
    let update = update.task_definition(definition);
    let update = update.network_configuration(network.build());
    update.send().await.unwrap();
}

#[tokio::test]
async fn what_ecs_went_back_to_keeps_its_way_to_the_database() {
    let world = app::world_with(MANIFEST, &[]).await;
    let before = world.start("promote", &[YES]);
    promoted(&world, &before, "R1").await;
    let first = app::running(&world, "web").await;
    let after = world.start("promote", OTHER);
    promoted(&world, &after, "R2").await;
    ecs_goes_back(&world, &first).await;

    world
        .proxy
        .inject(denied().on("ecs", "RegisterTaskDefinition").times(1));
    let answer = app::promote(&world, &after, "R3", &[("KEY", "R3")]).await;
    world.proxy.lift();
    assert_eq!(answer["errorType"], "AccessDeniedException", "{answer:#}");
    assert_eq!(networks(&world).await[0], both("sg-1", "DISABLED")[0]);
    assert!(admitted(&world).await.contains("sg-1"), "tasks run there");
    promoted(&world, &after, "R4").await;
    assert_eq!(networks(&world).await, both("sg-2", "ENABLED"));
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
    world
        .proxy
        .inject(denied().on("events", "PutTargets").times(1));
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
        world.proxy.inject(denied().on(service, operation).times(1));
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
    world
        .proxy
        .inject(denied().on("events", "PutTargets").times(1));
    let answer = app::promote(&world, &after, "R2", &[("KEY", "R2")]).await;
    world.proxy.lift();
    assert_eq!(answer["errorType"], "AccessDeniedException", "{answer:#}");
    assert_eq!(networks(&world).await, both("sg-1", "DISABLED"));
    promoted(&world, &after, "R3").await;
    assert_eq!(networks(&world).await, both("sg-2", "ENABLED"));
    let either = BTreeSet::from(["sg-1", "sg-2"].map(str::to_owned));
    assert_eq!(admitted(&world).await, either);
}

#[tokio::test]
async fn a_process_runs_in_the_network_that_its_app_was_promoted_in() {
    let world = app::world_with(MANIFEST, &[]).await;
    let promote = world.start("promote", &[YES]);
    promoted(&world, &promote, "R1").await;
    let run = world.start("process-run", OTHER);
    let process = json!({"app": APP, "service": "web", "command": "env"});
    let answer = run.invoke(&process).await.answer();
    assert_eq!(answer["status"], "started", "{answer:#}");
    let calls = world.proxy.calls();
    let started = calls.iter().find(|call| call.operation == "RunTask");
    let network = &started.unwrap().body["networkConfiguration"]["awsvpcConfiguration"];
    assert_eq!(network["securityGroups"], json!(["sg-1"]), "{network}");
}

#[tokio::test]
async fn an_ecs_service_of_app_json_keeps_its_network_and_the_user_is_told_that_it_is_shut_out() {
    let world = app::world_with(MANIFEST, &[]).await;
    let named = json!({"services": {"web": "legacy"}}).to_string();
    world.put(&format!("apps/{APP}/app.json"), named).await;
    world.create_ecs_service("legacy", &[]).await;
    let before = world.start("promote", &[YES]);
    let report = promoted(&world, &before, "R1").await;
    let shut_out = |report: &Value| report["warnings"].to_string().contains("do not let in");
    assert!(!shut_out(&report), "{report:#}");
    let after = world.start("promote", OTHER);
    let report = promoted(&world, &after, "R2").await;
    assert!(shut_out(&report), "{report:#}");
    let services = world.ecs.describe_services().cluster(&world.cluster);
    let services = services.services("legacy").send().await.unwrap();
    let network = services.services()[0].network_configuration().unwrap();
    let groups = network.awsvpc_configuration().unwrap().security_groups();
    assert_eq!(groups, ["sg-1"]);
}

fn denied() -> Fault {
    Fault::Error {
        status: 400,
        code: "AccessDeniedException",
    }
}
