//! Tasks that cannot read their secret.

use aws_sdk_ecs::types::{Compatibility, ContainerDefinition, NetworkMode, Secret, Tag};
use chrono::{DateTime, SecondsFormat, TimeDelta};
use double::proxy::Event;
use rig::{World, canary};
use serde_json::{Value, json};

use super::{
    YES, assert_counted, bridged, deliver, failures, hint, key, put_rows, rows, start, told,
};
use crate::app::{self, APP};

/// What the agent says before its own reason.
const FARGATE: &str = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval \
                       failed: unable to retrieve secret from asm: service call has been retried 1 time(s): retrieved \
                       secret from Secrets Manager ";

/// The agent's reason for a key that is not there.
pub const NO_KEY: &str = "did not contain json key DATABASE_URL";

fn at(seconds: i64) -> String {
    let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let at = start + TimeDelta::seconds(seconds);
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Registers a revision of a Service `web` that reads `DATABASE_URL` from the App's secret; its ARN.
pub async fn register(world: &World, app: &str, release: &str, rack: &str) -> String {
    let secret = format!(
        "arn:aws:secretsmanager:us-east-1:{}:secret:{rack}/{app}-AbCdEf",
        world.account
    );
    let secret = Secret::builder()
        .name("DATABASE_URL")
        .value_from(format!("{secret}:DATABASE_URL::"));
    let container = ContainerDefinition::builder()
        .name("web")
        .image("example/web:1")
        .secrets(secret.build().unwrap())
        .build();
    let tags = [
        ("convox:rack", rack),
        ("convox:app", app),
        ("convox:release", release),
    ];
    let tags = tags.map(|(key, value)| Tag::builder().key(key).value(value).build());
    let registered = world
        .ecs
        .register_task_definition()
        .family(format!("{}_{app}_web", world.rack))
        .requires_compatibilities(Compatibility::Fargate)
        .network_mode(NetworkMode::Awsvpc)
        .cpu("256")
        .memory("512")
        .execution_role_arn(format!("arn:aws:iam::{}:role/execution", world.account))
        .container_definitions(container)
        .set_tags(Some(tags.to_vec()))
        .send()
        .await
        .unwrap();
    registered
        .task_definition
        .unwrap()
        .task_definition_arn
        .unwrap()
}

/// ECS's event about a task that stopped so many seconds after the start of time; `id` is the event's, and the task's.
pub fn stopped(
    world: &World,
    task_definition: &str,
    id: &str,
    seconds: i64,
    reason: &str,
) -> Value {
    let arn = |rest: &str| format!("arn:aws:ecs:us-east-1:{}:{rest}", world.account);
    let task = arn(&format!("task/{}/{id}", world.cluster));
    let detail = json!({
        "clusterArn": arn(&format!("cluster/{}", world.cluster)), "taskArn": task, "taskDefinitionArn": task_definition,
        "lastStatus": "STOPPED", "desiredStatus": "STOPPED", "stopCode": "TaskFailedToStart",
        "stoppedReason": format!("{FARGATE}{reason}"), "stoppedAt": at(seconds), "group": "service:web", "version": 5,
    });
    let mut event = bridged("ECS Task State Change", "aws.ecs", id, &detail);
    event["resources"] = json!([task]);
    event
}

/// ECS's event about a deployment that was complete so many seconds after the start of time.
pub fn completed(world: &World, app: &str, service: &str, id: &str, seconds: i64) -> Value {
    let name = format!("{}_{app}_{service}", world.rack);
    let detail = json!({
        "eventType": "INFO", "eventName": "SERVICE_DEPLOYMENT_COMPLETED", "deploymentId": "ecs-svc/1", "updatedAt": at(seconds),
        "reason": "ECS deployment ecs-svc/1 completed.",
    });
    let mut event = bridged("ECS Deployment State Change", "aws.ecs", id, &detail);
    let arn = format!(
        "arn:aws:ecs:us-east-1:{}:service/{}/{name}",
        world.account, world.cluster
    );
    event["resources"] = json!([arn]);
    event["time"] = at(seconds).into();
    event
}

/// A World with a Release that was promoted, and the task definition that its `web` runs.
async fn live() -> (World, String) {
    let (world, promote) = app::promoting(YES).await;
    let report = app::promote(&world, &promote, "R1", &[("DATABASE_URL", "u")]).await;
    assert_eq!(report["delivery"], "SecretsManager", "{report:#}");
    world.proxy.clear();
    let web = app::running(&world, "web").await;
    (world, web)
}

#[tokio::test]
async fn a_launch_failure_names_task_definition_key_cause_and_fix_and_no_word_of_the_reason() {
    let (world, web) = live().await;
    let function = start(&world);
    let canary = canary::value("REASON");
    let newer = register(&world, APP, "R2", &world.rack).await;
    for (id, definition, reason) in [
        ("key", &web, format!("{NO_KEY}: {canary}")),
        ("malformed", &web, format!("is not JSON: {canary}")),
        // Whatever that is, the task definition refers to no such key.
        (
            "no-key",
            &newer,
            format!("did not contain json key {canary}"),
        ),
    ] {
        let answer = deliver(&function, &stopped(&world, definition, id, 0, &reason)).await;
        assert_eq!(answer["status"], "counted", "{id}: {answer}");
    }
    let events: Vec<Event> = world.events();
    let revision = web.rsplit('/').next().unwrap();
    assert_eq!(told(&world, APP), ["W1 key", "W1 malformed", "W1 no-key"]);
    let detail = &events[0].detail;
    let message = format!(
        "a task of {revision}, Release R1, could not start: the secret `{}` has no key `DATABASE_URL`. Promote a Release \
         whose environment has the key, or take it out of the Service's environment",
        app::secret(&world)
    );
    assert_eq!(
        detail,
        &json!({
            "rack": world.rack, "app": APP, "requestId": "key", "code": "SecretLaunchFailing", "consecutiveFailures": 1,
            "release": "R1", "taskDefinition": web, "key": "DATABASE_URL", "cause": "KeyMissing", "message": message,
        })
    );
    let last = &events[2].detail;
    app::assert_says!(last, {"cause": "KeyMissing", "key": null});
    let counter = failures(&world, APP).await.unwrap().to_string();
    canary::assert_absent(&[function.output(), counter, format!("{events:?}")]);
}

#[tokio::test]
async fn a_launch_failure_warns_once_for_each_release_and_cause_and_is_no_failed_write() {
    let world = World::new().await;
    let function = start(&world);
    put_rows(&world, APP, "ff").await;
    let (first, second) = (
        register(&world, APP, "R1", &world.rack).await,
        register(&world, APP, "R2", &world.rack).await,
    );
    for (definition, id, reason) in [
        (&first, "task-1", NO_KEY),
        (&first, "task-1", NO_KEY), // delivered again
        (&first, "task-2", NO_KEY),
        (
            &first,
            "task-3",
            "AccessDeniedException: User is not authorized to perform: it",
        ),
        (&second, "task-4", NO_KEY),
        (&second, "task-5", NO_KEY),
    ] {
        deliver(&function, &stopped(&world, definition, id, 0, reason)).await;
    }
    assert_eq!(told(&world, APP), ["W1 task-1", "W1 task-3", "W1 task-4"]);
    let told_of = world.events().into_iter();
    let told_of = told_of.map(|event| json!([event.detail["release"], event.detail["cause"]]));
    let all = [
        json!(["R1", "KeyMissing"]),
        json!(["R1", "AccessDenied"]),
        json!(["R2", "KeyMissing"]),
    ];
    assert_eq!(told_of.collect::<Vec<_>>(), all);
    assert_counted(&world, APP, 2, 2, "the rows were counted by the way").await;
}

#[tokio::test]
async fn a_complete_deployment_clears_the_launch_failures_before_it() {
    let world = World::new().await;
    let function = start(&world);
    put_rows(&world, APP, "fff").await;
    let definition = register(&world, APP, "R1", &world.rack).await;
    let stop = |id: &str, seconds| stopped(&world, &definition, id, seconds, NO_KEY);
    for (event, want) in [
        (stop("task-1", 10), &["W3 request-3", "W1 task-1"][..]),
        (stop("task-2", 20), &[]),
        (completed(&world, APP, "web", "older", 15), &[]),
        (completed(&world, APP, "worker", "another", 30), &[]),
        (completed(&world, APP, "web", "newer", 30), &["C2 newer"]),
        (completed(&world, APP, "web", "newer", 30), &[]),
        (stop("task-3", 29), &[]), // heard of too late
        (stop("task-2", 20), &[]), // delivered again
        (stop("task-4", 40), &["W1 task-4"]),
    ] {
        world.proxy.clear();
        let answer = deliver(&function, &event).await;
        assert_eq!(answer["status"], "counted", "{event}: {answer}");
        assert_eq!(told(&world, APP), want, "{event}");
    }
    assert_counted(&world, APP, 3, 3, "the write counter is another").await;
}

#[tokio::test]
async fn a_deleted_app_has_no_launch_failures() {
    let world = World::new().await;
    let function = start(&world);
    put_rows(&world, APP, "o").await;
    let definition = register(&world, APP, "R1", &world.rack).await;
    let stop = |id| stopped(&world, &definition, id, 10, NO_KEY);
    deliver(&function, &stop("task-1")).await;
    let desired = json!({
        "kind": "delete", "requestedAt": at(0), "requestId": "request-2", "order": {"key": ""}, "interrupted": false,
        "status": "done", "deadline": at(0),
    });
    let state = json!({"desired": desired, "outcomes": rows(1, "od")});
    world.put(&key(APP, "promotion"), state.to_string()).await;
    for event in [hint(&world, APP, 2), stop("task-1"), stop("task-2")] {
        let answer = deliver(&function, &event).await;
        assert_eq!(answer["status"], "counted", "{answer}");
    }
    assert_eq!(told(&world, APP), ["W1 task-1", "C1 request-2"]);
}

#[tokio::test]
async fn news_of_an_app_without_a_state_write_nothing() {
    let world = World::new().await;
    let function = start(&world);
    let definition = register(&world, APP, "R1", &world.rack).await;
    for event in [
        hint(&world, APP, 1),
        stopped(&world, &definition, "task-1", 0, NO_KEY),
        completed(&world, APP, "web", "deployment", 0),
    ] {
        let answer = deliver(&function, &event).await;
        assert_eq!(answer["status"], "ignored", "{answer}");
    }
    assert_eq!(app::changes(&world), Vec::<String>::new());
}
