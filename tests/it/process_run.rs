//! `convox run` as an event: one task of a Service for each request, with the environment of its Release.

mod again;
mod delivery;
mod refusals;

use aws_sdk_ecs::types::{Task, TaskField};
use rig::events::queued;
use rig::{App, Function, World, assert_absent, canary};
use serde_json::{Value, json};

use crate::app::{self, APP, YES};

/// `Process Run Requested` of the Service `web`, sent now; `more` is added to its detail.
pub fn requested(world: &World, id: &str, more: &Value) -> Value {
    requested_before(world, id, 0, more)
}

/// The same, sent so many minutes ago.
fn requested_before(world: &World, id: &str, minutes: i64, more: &Value) -> Value {
    App::named(APP).run(world, id, -60 * minutes, more)
}

/// A World with an App whose Release R1 is live, and its process-run.
async fn live(settings: &[(&str, &str)]) -> (World, Function) {
    let world = app::world_with(app::MANIFEST, &[]).await;
    let promote = world.start("promote", settings);
    app::promoted(&world, &promote, "R1", &[("DATABASE_URL", "first")]).await;
    let run = world.start("process-run", settings);
    world.proxy.clear();
    (world, run)
}

/// Asks for a process of R1 or of another Release; the answer.
async fn run(world: &World, function: &Function, id: &str, more: Value) -> Value {
    let event = requested(world, id, &more);
    function.answer(&event).await
}

/// All tasks of the cluster.
async fn tasks(world: &World) -> Vec<Task> {
    let listed = world.ecs.list_tasks().cluster(&world.cluster).send().await;
    let arns = listed.unwrap().task_arns.unwrap_or_default();
    let ours = arns.into_iter().collect::<Vec<_>>();
    if ours.is_empty() {
        return Vec::new();
    }
    let described = world.ecs.describe_tasks().cluster(&world.cluster);
    let described = described.set_tasks(Some(ours)).include(TaskField::Tags);
    let tasks = described.send().await.unwrap().tasks.unwrap_or_default();
    let is_ours = |task: &Task| {
        let family = task.task_definition_arn().unwrap_or_default();
        family.contains("_run_")
    };
    tasks.into_iter().filter(is_ours).collect()
}

/// The detail of the one event that was sent, and its kind.
fn told(world: &World) -> (String, Value) {
    let mut events = world.events();
    assert_eq!(events.len(), 1, "{events:#?}");
    let event = events.remove(0);
    assert_eq!(event.source, "secrets-manager-env");
    (event.detail_type, event.detail)
}

#[tokio::test]
async fn a_process_runs_the_applied_release_as_its_service_does_but_with_its_own_command() {
    let (world, function) = live(YES).await;
    let answer = run(
        &world,
        &function,
        "e1",
        json!({"command": "bin/migrate \"all\""}),
    )
    .await;
    assert_eq!(answer["status"], "started", "{answer:#}");
    let arn = answer["taskDefinition"].as_str().unwrap();
    assert!(
        arn.contains(&format!("/{}_{APP}_run_web:1", world.rack)),
        "{arn}"
    );
    let tasks = tasks(&world).await;
    assert_eq!(tasks.len(), 1);
    let task = &tasks[0];
    assert_eq!(answer["taskArn"], task.task_arn().unwrap());
    assert_eq!(task.task_definition_arn(), Some(arn));
    assert_eq!(task.started_by(), Some("convox/shop"));
    let tags = task
        .tags()
        .iter()
        .map(|tag| (tag.key().unwrap(), tag.value().unwrap()));
    let tags = app::pairs::<0>([])
        .into_iter()
        .chain(tags.map(|(k, v)| (k.to_owned(), v.to_owned())));
    let want = app::pairs([
        ("convox:rack", world.rack.as_str()),
        ("convox:app", APP),
        ("convox:release", "R1"),
        ("convox:delivery", "SecretsManager"),
    ]);
    assert_eq!(tags.collect::<std::collections::BTreeMap<_, _>>(), want);

    let calls = world.proxy.calls();
    let sent = calls
        .iter()
        .find(|call| call.operation == "RunTask")
        .unwrap();
    let overridden = &sent.body["overrides"]["containerOverrides"];
    assert_eq!(
        *overridden,
        json!([{"name": "web", "command": ["sh", "-c", "bin/migrate \"all\""]}])
    );
    assert_eq!(sent.body["propagateTags"], "TASK_DEFINITION");
    assert_eq!(sent.body["launchType"], "FARGATE");
    assert_eq!(sent.body["count"], 1);

    let seen = app::sees(&world, arn).await;
    let service = app::sees(&world, &app::running(&world, "web").await).await;
    assert_eq!(seen, service);
    assert_eq!(seen["DATABASE_URL"], "first");
}

#[tokio::test]
async fn the_definition_is_the_services_without_its_ports() {
    let (world, function) = live(YES).await;
    let answer = run(&world, &function, "e1", json!({"service": "web"})).await;
    let (one_off, tags) = app::definition(&world, answer["taskDefinition"].as_str().unwrap()).await;
    let (service, _) = app::definition(&world, &app::running(&world, "web").await).await;
    assert_eq!(tags["convox:release"], "R1");
    let container = |of: &aws_sdk_ecs::types::TaskDefinition| of.container_definitions()[0].clone();
    let (mut one_off_container, mut of_service) = (container(&one_off), container(&service));
    assert!(one_off_container.port_mappings().is_empty());
    assert!(!of_service.port_mappings().is_empty());
    of_service.port_mappings = one_off_container.port_mappings.clone();
    let labels = one_off_container.docker_labels.as_mut().unwrap();
    assert_eq!(labels["convox.process.type"], "process");
    labels.insert("convox.process.type".to_owned(), "service".to_owned());
    let logs = one_off_container.log_configuration.as_ref().unwrap();
    let prefix = &logs.options().unwrap()["awslogs-stream-prefix"];
    assert_eq!(prefix, "shop/process");
    of_service.log_configuration = one_off_container.log_configuration.clone();
    assert_eq!(one_off_container, of_service);
    assert_eq!(one_off.execution_role_arn(), service.execution_role_arn());
    assert_eq!(one_off.task_role_arn(), service.task_role_arn());
    assert_eq!(
        (one_off.cpu(), one_off.memory()),
        (service.cpu(), service.memory())
    );
}

#[tokio::test]
async fn answer_and_event_say_the_same() {
    let (world, function) = live(YES).await;
    let answer = run(&world, &function, "e1", json!({"command": "ls"})).await;
    let (kind, detail) = told(&world);
    assert_eq!(kind, "Process Started");
    app::assert_says!(answer, {"delivery": "SecretsManager", "decidedBy": "Rack"});
    for name in [
        "rack",
        "app",
        "requestId",
        "service",
        "release",
        "taskArn",
        "taskDefinition",
        "delivery",
        "decidedBy",
    ] {
        assert!(answer[name].is_string(), "{name}: {answer:#}");
        assert_eq!(answer[name], detail[name], "{name}");
    }
    assert_eq!(answer["requestId"], "e1");
    let output = function.output();
    let metric = output
        .lines()
        .find(|line| line.contains("\"_aws\""))
        .unwrap();
    assert!(metric.contains("\"ProcessRuns\":1"), "{metric}");
    assert!(metric.contains("\"ProcessRunFailures\":0"), "{metric}");
    assert_eq!(detail["fallback"], Value::Null);
}

#[tokio::test]
async fn another_command_needs_no_new_revision() {
    let (world, function) = live(YES).await;
    let first = run(&world, &function, "e1", json!({"command": "ls"})).await;
    let second = run(&world, &function, "e2", json!({"command": "pwd"})).await;
    let third = run(&world, &function, "e3", json!({})).await;
    for answer in [&second, &third] {
        assert_eq!(
            answer["taskDefinition"], first["taskDefinition"],
            "{answer:#}"
        );
    }
    assert_eq!(world.proxy.count("ecs", "RegisterTaskDefinition"), 1);
    assert_eq!(tasks(&world).await.len(), 3);
    let calls = world.proxy.calls();
    let last = calls
        .iter()
        .rfind(|call| call.operation == "RunTask")
        .unwrap();
    assert_eq!(
        last.body["overrides"],
        Value::Null,
        "the Service's own command"
    );
}

#[tokio::test]
async fn instances_run_a_process_of_an_agent_too() {
    let manifest = "services:\n  web:\n    image: i\n    agent: true\n    port: 80\n";
    let world = app::world_with(manifest, &[]).await;
    world.put_env(APP, "R1", &[]).await;
    for (launch_type, network_mode) in [("EC2", "bridge"), ("FARGATE", "awsvpc")] {
        let function = world.start("process-run", &[("LAUNCH_TYPE", launch_type)]);
        let answer = run(&world, &function, launch_type, json!({"release": "R1"})).await;
        assert_eq!(answer["status"], "started", "{answer:#}");
        let (definition, _) =
            app::definition(&world, answer["taskDefinition"].as_str().unwrap()).await;
        assert_eq!(definition.network_mode().unwrap().as_str(), network_mode);
    }
}

#[tokio::test]
async fn a_direct_invocation_and_a_queued_event_start_a_process_too() {
    let (world, function) = live(YES).await;
    let direct = json!({"app": APP, "service": "worker", "command": "ls"});
    let answer = function.answer(&direct).await;
    app::assert_says!(answer, {"status": "started", "service": "worker"});
    let answer = function
        .invoke(&queued(&requested(&world, "e1", &json!({}))))
        .await;
    assert_eq!(answer.answer(), json!({"batchItemFailures": []}));
    assert_eq!(tasks(&world).await.len(), 2);
}

#[tokio::test]
async fn neither_values_nor_commands_get_out() {
    let (world, promote) = app::promoting_with(app::MANIFEST, &[], YES).await;
    let function = world.start("process-run", YES);
    let secret = canary::value("DATABASE_URL");
    app::promoted(&world, &promote, "R1", &[("DATABASE_URL", &secret)]).await;
    let command = canary::value("COMMAND");
    let long = command.repeat(400);
    let mut answers = Vec::new();
    for (id, more) in [
        ("e1", json!({"command": command})),
        ("e2", json!({"command": long})),
        ("e3", json!({"command": [command]})),
        ("e4", json!({"command": command, "service": "other"})),
        ("e5", json!({"command": format!("{command}\0")})),
        ("e6", json!({"command": command, "release": {"a": command}})),
    ] {
        answers.push(run(&world, &function, id, more).await.to_string());
    }
    // The same refusal from ECS itself, which quotes the request.
    let refused = double::Fault::Error {
        status: 400,
        code: "InvalidParameterException",
    };
    world.inject(refused.on("ecs", "RunTask"));
    answers.push(
        run(&world, &function, "e7", json!({"command": command}))
            .await
            .to_string(),
    );
    assert_eq!(
        answers
            .iter()
            .filter(|answer| answer.contains("\"failed\""))
            .count(),
        6
    );
    assert_absent(&answers);
    let events = world
        .events()
        .into_iter()
        .map(|event| event.detail.to_string());
    assert_absent(&events.collect::<Vec<_>>());
    assert_absent(&[function.output()]);
    let registered = world.proxy.calls().into_iter();
    let registered = registered.filter(|call| call.operation == "RegisterTaskDefinition");
    assert_absent(
        &registered
            .map(|call| call.body.to_string())
            .collect::<Vec<_>>(),
    );
}
