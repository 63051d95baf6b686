//! What is not for failure-count is ignored with a logged reason.

use rig::World;
use rig::events::{self, queued};
use serde_json::{Value, json};

use super::launches::{NO_KEY, completed, register, stopped};
use super::{deliver, failures, hint, put_rows, start};
use crate::app::{self, APP};

fn with(mut event: Value, pointer: &str, value: Value) -> Value {
    *event.pointer_mut(pointer).unwrap() = value;
    event
}

/// Events, and why they are ignored.
type Cases = Vec<(Value, &'static str)>;

fn hints(world: &World) -> Cases {
    let with = |pointer, value: Value| with(hint(world, APP, 3), pointer, value);
    vec![
        (
            with("/detail/rack", "other".into()),
            "an event of Rack `other`",
        ),
        (with("/detail/app", "My App".into()), "`My App`"),
        (
            with("/detail/app", "unknown".into()),
            "`unknown`, which has no promotion.json",
        ),
        (
            with("/source", "shop.deployments".into()),
            "`Secret Write Failed` of `shop.deployments`",
        ),
        (
            with("/detail-type", "Release Promoted".into()),
            "the event `Release Promoted`",
        ),
        (
            with("/detail", json!({"rack": world.rack})),
            "detail is incomplete",
        ),
        (json!({"app": APP}), "a payload of no known form"),
        (json!(null), "a payload of no known form"),
    ]
}

fn tasks(world: &World, task: &Value) -> Cases {
    let with = |pointer, value: Value| with(task.clone(), pointer, value);
    let detail = |name: &str| task["detail"][name].as_str().unwrap();
    let cluster = detail("clusterArn").replace(&world.cluster, "other");
    let definition = detail("taskDefinitionArn");
    let another = definition.replace(&format!("/{}_", world.rack), "/other_");
    let gone = definition.replace("_web:", "_gone:");
    vec![
        (
            with("/source", "shop.deployments".into()),
            "of `shop.deployments`",
        ),
        (
            with("/detail/lastStatus", "RUNNING".into()),
            "whose state is `RUNNING`",
        ),
        (
            with("/detail/stopCode", "EssentialContainerExited".into()),
            "not one that failed to start",
        ),
        (
            with("/detail/stoppedReason", "CannotPullContainerError".into()),
            "not for its secret",
        ),
        (
            with("/detail/clusterArn", cluster.into()),
            "which is not this Rack's",
        ),
        (
            with("/detail/taskDefinitionArn", another.into()),
            "other_shop_web:1`, which is not this Rack's",
        ),
        (
            with("/detail/taskDefinitionArn", gone.into()),
            "which is gone",
        ),
        (with("/detail/taskArn", Value::Null), "detail is incomplete"),
    ]
}

fn deployments(world: &World, deployment: &Value) -> Cases {
    let with = |pointer, value: Value| with(deployment.clone(), pointer, value);
    let service = deployment["resources"][0].as_str().unwrap();
    let cluster = service.replace(&world.cluster, "other");
    let rack = service.replace(&format!("/{}_", world.rack), "/other_");
    vec![
        (
            with("/detail/eventName", "SERVICE_DEPLOYMENT_FAILED".into()),
            "`SERVICE_DEPLOYMENT_FAILED`",
        ),
        (
            with("/resources/0", cluster.into()),
            "which is not this Rack's",
        ),
        (
            with("/resources/0", rack.into()),
            "which is not this Rack's",
        ),
        (with("/resources", json!([])), "detail is incomplete"),
    ]
}

#[tokio::test]
async fn what_is_not_for_this_rack_or_function_is_ignored_with_a_logged_reason() {
    let world = World::new().await;
    let function = start(&world);
    put_rows(&world, APP, "fff").await;
    let definition = register(&world, APP, "R1", &world.rack).await;
    let task = stopped(&world, &definition, "event-1", 0, NO_KEY);
    let deployment = completed(&world, APP, "web", "event-2", 0);
    let cases = [
        hints(&world),
        tasks(&world, &task),
        deployments(&world, &deployment),
    ];
    for (event, reason) in cases.concat() {
        let answer = deliver(&function, &event).await;
        assert_eq!(answer["status"], "ignored", "{event}: {answer}");
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains(reason), "`{reason}` is not in: {message}");
        let logged = format!("ignored: {}", message.replace('"', "\\\""));
        assert!(function.output().contains(&logged), "not logged: {logged}");
        let answer = deliver(&function, &queued(&event)).await;
        assert_eq!(answer, json!({"batchItemFailures": []}), "{event}");
    }
    assert_eq!(app::changes(&world), Vec::<String>::new());
    assert_eq!(failures(&world, APP).await, None);
    // As they were, all of them are taken.
    for event in [hint(&world, APP, 3), task, deployment] {
        let answer = deliver(&function, &event).await;
        assert_eq!(answer["status"], "counted", "{event}: {answer}");
    }
}

#[tokio::test]
async fn a_task_definition_without_the_tags_of_an_app_is_nobodys() {
    let world = World::new().await;
    let function = start(&world);
    put_rows(&world, APP, "o").await;
    for (release, rack) in [("R1", "other"), ("not a release", world.rack.as_str())] {
        let definition = register(&world, APP, release, rack).await;
        let event = stopped(&world, &definition, "event-1", 0, NO_KEY);
        let answer = deliver(&function, &event).await;
        assert_eq!(answer["status"], "ignored", "{answer}");
        app::assert_tells(&answer, "whose tags are not those of an App of this Rack");
    }
    assert_eq!(app::changes(&world), Vec::<String>::new());
}

#[tokio::test]
async fn every_sample_event_can_be_read_and_counts() {
    let world = World::new().await;
    let function = start(&world);
    put_rows(&world, APP, "fff").await;
    for n in 1..=7 {
        let definition = register(&world, APP, "R1", &world.rack).await;
        assert!(definition.ends_with(&format!(":{n}")), "{definition}"); // the samples' task is of the seventh
    }
    let mut names = events::samples("failure-count");
    // What nobody takes has no count.
    names.retain(|name| !name.contains("-of-no-") && !name.contains("-on-another-bus"));
    assert!(names.len() >= 10, "{names:?}");
    for name in names {
        let event = events::sample(&world, &format!("failure-count-{name}"));
        let answer = deliver(&function, &event).await;
        if name.starts_with("sqs-") {
            assert_eq!(answer, json!({"batchItemFailures": []}), "{name}");
        } else {
            assert_eq!(answer["status"], "counted", "{name}: {answer}");
        }
    }
    let output = function.output();
    assert!(!output.contains("ignored: "), "{output}");
}
