//! Definitions with what the App's stack gives: roles, log group, variables of resources, file systems.

use std::collections::BTreeMap;

use aws::ecs::Cluster;
use manifest::capacity::LaunchType;
use release::app_stack::StackOutputs;
use release::task_definition::{self, Launch, Release, TaskDefinition};
use rig::World;

use super::{Inputs, deliveries, fixed_settings, registered, s3, secrets_manager};
use crate::snapshots::{Variant, assert_rendered};

/// What the environment sets and `web` declares wins, and so does a secret of its own.
const MANIFEST: &str = r#"
environment:
  - MAIN_DB_USER
resources:
  main-db:
    type: postgres
  queue:
    type: redis
  files:
    type: efs
services:
  web:
    image: example/web:1
    environment:
      - MAIN_DB_NAME=default
    links: [queue]
    policies: ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
    resources: [main-db, queue, files]
    secrets:
      MAIN_DB_PASS: arn:aws:secretsmanager:us-east-1:210987654321:secret:own-AbCdEf
    volumes: ["files:/srv/files", "files:/srv/again:ro", "queue:/never", "scratch:/scratch"]
  queue:
    image: example/queue:1
    volumes: ["files:/srv/files"]
timers:
  nightly:
    schedule: "0 3 * * ?"
    command: bin/nightly
    service: web
  weekly:
    schedule: "0 3 ? * SUN *"
    command: bin/weekly
    service: queue
    policies: ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
"#;
const ENVIRONMENT: &str =
    "MAIN_DB_USER=canary-0000000000000000-USER\nQUEUE_HOST=canary-0000000000000000-HOST\n";

fn outputs() -> StackOutputs {
    outputs_and(None)
}

fn outputs_and(more: Option<(String, String)>) -> StackOutputs {
    let secret = |name: &str| {
        format!(
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:myrack_shop/{name}/link-AbCdEf"
        )
    };
    let role = |name: &str| format!("arn:aws:iam::123456789012:role/convox/myrack/{name}");
    let outputs = [
        ("ExecutionRoleArn", role("execution")),
        ("TaskRoleArn", role("task")),
        ("WebServiceRoleArn", role("web")),
        // Of the Release before: `queue` and `nightly` name no policies any more.
        ("QueueServiceRoleArn", role("old")),
        ("NightlyTimerRoleArn", role("old")),
        ("WeeklyTimerRoleArn", role("weekly")),
        ("LogGroupName", "/convox/myrack/shop".to_owned()),
        ("MainDbXad134610LinkArn", secret("main-db")),
        ("QueueLinkArn", secret("queue")),
        ("FilesFileSystemId", "fs-0123456789abcdef0".to_owned()),
        ("FilesAccessPointId", "fsap-0123456789abcdef0".to_owned()),
    ];
    let outputs = outputs.map(|(name, value)| (name.to_owned(), value));
    StackOutputs::read(outputs.into_iter().chain(more).collect())
}

fn rendered(source: &task_definition::EnvSource) -> BTreeMap<String, TaskDefinition> {
    rendered_with(source, &outputs())
}

fn rendered_with(
    source: &task_definition::EnvSource,
    outputs: &StackOutputs,
) -> BTreeMap<String, TaskDefinition> {
    let inputs = Inputs::new("myrack", MANIFEST, ENVIRONMENT);
    let settings = fixed_settings();
    let release = Release {
        stack: Some(outputs),
        ..inputs.release(&settings, false)
    };
    let launch = Launch::rack_default(LaunchType::Fargate);
    let manifest = &inputs.manifest;
    let mut all = BTreeMap::new();
    for service in &manifest.services {
        let one = task_definition::service(&release, service, &launch, source).unwrap();
        all.insert(format!("services.{}", service.name), one);
        let one = task_definition::process(&release, service, &launch, source).unwrap();
        all.insert(format!("processes.{}", service.name), one);
    }
    for timer in &manifest.timers {
        let service = manifest.service(timer.service.as_str()).unwrap();
        let one = task_definition::timer(&release, timer, service, &launch, source).unwrap();
        all.insert(format!("timers.{}", timer.name), one);
    }
    all
}

#[test]
fn what_the_stack_gives_is_the_same_on_both_deliveries() {
    let (mut links, mut variants) = (Vec::new(), Vec::new());
    for (delivery, source) in deliveries() {
        let all = rendered(&source);
        variants.push(Variant::new(delivery, &all));
        for (name, definition) in &all {
            let container = &definition.container_definitions[0];
            let mut names = container.secrets.iter().map(|(name, _)| name);
            let twice = names.find(|name| container.environment.contains_key(*name));
            assert_eq!(twice, None, "{delivery} {name}");
            assert_eq!(container.awslogs["awslogs-group"], "/convox/myrack/shop");
            assert!(definition.execution_role_arn.ends_with("/execution"));
        }
        let secrets = &all["services.web"].container_definitions[0].secrets;
        let mut secrets = secrets.others.clone();
        secrets.retain(|_, from| from.contains("/link-"));
        links.push(secrets);
        for (name, role) in [
            ("services.web", "/web"),
            ("processes.web", "/web"),
            ("services.queue", "/task"),
            ("timers.nightly", "/task"),
            ("timers.weekly", "/weekly"),
        ] {
            assert!(
                all[name].task_role_arn.ends_with(role),
                "{name}: {}",
                all[name].task_role_arn
            );
        }
    }
    assert_rendered("what-the-stack-gives", &variants);
    assert_eq!(links[0], links[1]);
    let names: Vec<&str> = links[0].keys().map(String::as_str).collect();
    let main = [
        "MAIN_DB_HOST",
        "MAIN_DB_NAME",
        "MAIN_DB_PORT",
        "MAIN_DB_URL",
    ];
    let queue = [
        "QUEUE_HOST",
        "QUEUE_NAME",
        "QUEUE_PASS",
        "QUEUE_PORT",
        "QUEUE_URL",
        "QUEUE_USER",
    ];
    assert_eq!(names, [main.as_slice(), queue.as_slice()].concat());
}

#[tokio::test]
async fn ecs_has_the_file_system_as_rendered() {
    let world = World::new().await;
    let cluster = Cluster::new(&world.front_door(), &world.cluster);
    let definition = rendered(&s3("v1")).remove("services.web").unwrap();
    let arn = cluster.register(&definition).await.unwrap();
    let described = world.ecs.describe_task_definition().task_definition(arn);
    let described = described.send().await.unwrap();
    registered::assert_same(described.task_definition().unwrap(), &definition, "web");
}

#[test]
fn a_changed_url_changes_the_definitions_of_linked_services_and_no_others() {
    let with = |digest: Option<&str>| {
        let digest = digest.map(str::to_owned);
        let more = digest.map(|digest| ("MainDbXad134610UrlParameters".to_owned(), digest));
        rendered_with(&secrets_manager("v1"), &outputs_and(more))
    };
    let (without, before, after) = (with(None), with(Some("0a1b2c3d")), with(Some("4e5f6a7b")));
    for (name, definition) in &without {
        let digests = [definition, &before[name], &after[name]].map(TaskDefinition::digest);
        let linked = !name.contains("queue") && !name.contains("weekly");
        assert_eq!(
            digests[0] != digests[1] && digests[1] != digests[2],
            linked,
            "{name}"
        );
        assert_eq!(digests[0] == digests[2], !linked, "{name}");
        let labels = &before[name].container_definitions[0].docker_labels;
        let label = labels.get("convox.url.main-db").map(String::as_str);
        assert_eq!(label, linked.then_some("0a1b2c3d"), "{name}");
    }
}
