//! ECS Exec: whose containers people get into, and who lets them.

use double::Fault;
use rig::App;
use rig::world::World;
use serde_json::{Value, json};

use crate::app::{self, APP};
use crate::stacks;

const WITHOUT: &str =
    "services:\n  web:\n    image: example/web:1\n  worker:\n    image: example/worker:1\n";
const WITH: &str = "services:\n  web:\n    image: example/web:1\n    exec: true\n  worker:\n    image: example/worker:1\n";
const ACTIONS: [&str; 4] = [
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
];

/// How often the two invocations of such a promote look at ECS services before they change any.
const LOOKS: usize = 3;

async fn is_on(world: &World, service: &str) -> bool {
    let service = app::service(world, service).await.unwrap();
    service.enable_execute_command()
}

/// The body of the last call of an operation of ECS.
fn last(world: &World, operation: &str) -> Value {
    let mut calls = world.proxy.calls();
    calls.retain(|call| call.operation == operation);
    calls.pop().unwrap().body
}

/// The actions on Systems Manager that the App's task role has.
async fn opened(world: &World) -> Vec<String> {
    let template = stacks::template(world).await;
    let policies = &template["Resources"]["TaskRole"]["Properties"]["Policies"];
    let statements = policies[0]["PolicyDocument"]["Statement"].as_array();
    let enter = statements.unwrap().iter();
    let enter = enter.filter(|statement| statement["Sid"] == "LetPeopleIn");
    let actions = enter.flat_map(|statement| statement["Action"].as_array().unwrap());
    actions
        .map(|action| action.as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn exec_switches_it_on_for_its_service_alone_and_off_where_it_is_gone() {
    let (world, function) = app::promoting_with(WITHOUT, &[], &[]).await;
    app::promoted(&world, &function, "R1", &[]).await;
    assert_eq!(opened(&world).await, [""; 0]);
    app::write_manifest(&world, "R2", WITH).await;
    app::promoted(&world, &function, "R2", &[]).await;
    let on = [is_on(&world, "web").await, is_on(&world, "worker").await];
    assert_eq!(on, [true, false]);
    assert_eq!(opened(&world).await, ACTIONS);
    let update = last(&world, "UpdateService");
    let said = ["enableExecuteCommand", "forceNewDeployment"].map(|field| &update[field]);
    assert_eq!(said, [true, true], "tasks that run get it too");

    // Whoever switched it on by hand where convox.yml says nothing keeps that.
    let worker = app::update(&world, &app::ecs_service(&world, "worker"));
    worker.enable_execute_command(true).send().await.unwrap();
    let report = app::asked(&world, &function, "R1", "back", 2).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    let on = [is_on(&world, "web").await, is_on(&world, "worker").await];
    assert_eq!(on, [false, true]);
}

#[tokio::test]
async fn a_service_that_is_created_has_it_from_the_start() {
    let (world, function) = app::promoting_with(WITH, &[], &[]).await;
    app::promoted(&world, &function, "R1", &[]).await;
    let on = [is_on(&world, "web").await, is_on(&world, "worker").await];
    assert_eq!(on, [true, false]);
    assert_eq!(opened(&world).await, ACTIONS);
}

#[tokio::test]
async fn a_failed_promote_puts_it_back() {
    let (world, function) = app::promoting_with(WITHOUT, &[], &[]).await;
    app::promoted(&world, &function, "R1", &[]).await;
    let timer = "timers:\n  one:\n    schedule: 0 3 * * ?\n    command: c\n    service: web\n";
    app::write_manifest(&world, "R2", format!("{WITH}{timer}")).await;
    world.inject(Fault::DENIED.on("events", "PutRule").times(1));
    let report = app::promote(&world, &function, "R2", &[]).await;
    assert_eq!(report["status"], "failed", "{report:#}");
    app::assert_tells(&report, "what was changed is back at Release R1");
    assert_eq!(last(&world, "UpdateService")["enableExecuteCommand"], false);
    assert!(!is_on(&world, "web").await, "{report:#}");
}

/// A promote switched it on, failed, and could not look at what it had changed.
#[tokio::test]
async fn what_a_failed_promote_could_not_put_back_the_next_one_does() {
    let (world, function) = app::promoting_with(WITHOUT, &[], &[]).await;
    app::promoted(&world, &function, "R1", &[]).await;
    let gone = WITH.replace("  worker:\n    image: example/worker:1\n", "");
    app::write_manifest(&world, "R2", gone).await;
    // What goes is removed last; then what was changed is looked at.
    world.inject(Fault::DENIED.on("ecs", "DeleteService"));
    world.inject(Fault::DENIED.on("ecs", "DescribeServices").after(LOOKS));
    let report = app::promote(&world, &function, "R2", &[]).await;
    assert_eq!(report["status"], "failed", "{report:#}");
    world.proxy.lift();
    assert!(is_on(&world, "web").await, "{report:#}");
    let report = app::asked(&world, &function, "R1", "again", 60).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    assert!(!is_on(&world, "web").await, "{report:#}");
}

#[tokio::test]
async fn it_is_refused_where_nothing_can_be_written_in_the_container() {
    let manifest = format!("{WITH}params:\n  EnableContainerReadonlyRootFilesystem: Yes\n");
    let (world, function) = app::promoting_with(&manifest, &[], &[]).await;
    let report = app::promote(&world, &function, "R1", &[]).await;
    assert_eq!(report["errorType"], "InvalidManifest", "{report:#}");
    let message = report["message"].as_str().unwrap();
    assert!(message.contains("services.web.exec"), "{message}");
    assert!(app::service(&world, "web").await.is_none());
}

#[tokio::test]
async fn a_one_off_of_the_service_has_it_too() {
    let (world, function) = app::promoting_with(WITH, &[], &[]).await;
    app::promoted(&world, &function, "R1", &[]).await;
    let run = world.start("process-run", &[]);
    for (service, want) in [("web", json!(true)), ("worker", Value::Null)] {
        let event = App::named(APP).run(&world, service, 0, &json!({"service": service}));
        let answer = run.answer(&event).await;
        assert_eq!(answer["status"], "started", "{answer:#}");
        assert_eq!(last(&world, "RunTask")["enableExecuteCommand"], want);
    }
}
