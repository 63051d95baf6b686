//! The same request once more: nothing is started twice, and what is said stays true.

use double::Fault;
use rig::{Invocation, World};
use serde_json::{Value, json};

use super::{YES, live, queued, requested, requested_before, run, tasks, told};
use crate::app::{self, APP};

fn error(status: u16, code: &'static str) -> Fault {
    Fault::Error { status, code }
}

#[tokio::test]
async fn a_redelivery_starts_nothing_and_answers_the_same() {
    let (world, function) = live(YES).await;
    let event = requested(&world, "e1", &json!({"command": "ls"}));
    let first = function.answer(&event).await;
    let second = function.answer(&event).await;
    assert_eq!(first, second);
    assert_eq!(tasks(&world).await.len(), 1);
    let events = world.events();
    assert_eq!(events.len(), 2);
    assert_eq!(
        events[0], events[1],
        "a consumer knows the duplicate by its requestId"
    );
}

#[tokio::test]
async fn an_answer_of_ecs_that_was_lost_is_no_second_task() {
    let (world, function) = live(YES).await;
    world.inject(Fault::LostAnswer.on("ecs", "RunTask").times(1));
    let answer = run(&world, &function, "e1", json!({})).await;
    assert_eq!(answer["status"], "started", "{answer:#}");
    assert_eq!(tasks(&world).await.len(), 1);
    assert!(
        world.proxy.count("ecs", "RunTask") > 1,
        "it was tried again"
    );
}

#[tokio::test]
async fn an_event_that_could_not_be_sent_is_sent_by_the_redelivery() {
    let (world, function) = live(YES).await;
    let event = queued(&requested(&world, "e1", &json!({})));
    world.inject(error(500, "InternalException").on("events", "PutEvents"));
    let answer = function.answer(&event).await;
    assert_eq!(
        answer,
        json!({"batchItemFailures": [{"itemIdentifier": "message-1"}]})
    );
    world.proxy.lift();
    let answer = function.answer(&event).await;
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(told(&world).0, "Process Started");
    assert_eq!(tasks(&world).await.len(), 1);
}

/// What came of a request whose event was lost, delivered again after `between`.
async fn after(between: impl AsyncFnOnce(&World)) -> (World, Value, Value) {
    let (world, function) = live(YES).await;
    let event = requested(&world, "e1", &json!({"command": "ls"}));
    world.inject(error(500, "InternalException").on("events", "PutEvents"));
    let ended = function.invoke(&event).await;
    assert!(matches!(ended, Invocation::Error { .. }), "{ended:?}");
    world.proxy.lift();
    let first = tasks(&world).await.remove(0);
    between(&world).await;
    world.proxy.clear();
    let answer = function.answer(&event).await;
    let of_task =
        json!({"taskArn": first.task_arn(), "taskDefinition": first.task_definition_arn()});
    assert_eq!(tasks(&world).await.len(), 1, "nothing is started twice");
    (world, answer, of_task)
}

#[tokio::test]
async fn a_promote_between_two_deliveries_starts_no_second_task_and_the_first_is_told() {
    let (world, answer, of_task) = after(async |world| {
        let promote = world.start("promote", YES);
        app::promoted(world, &promote, "R2", &[("DATABASE_URL", "second")]).await;
    })
    .await;
    let (kind, detail) = told(&world);
    assert_eq!(
        (answer["status"].as_str(), kind.as_str()),
        (Some("started"), "Process Started")
    );
    for said in [&answer, &detail] {
        assert_eq!(said["taskArn"], of_task["taskArn"], "{said:#}");
        assert_eq!(
            said["taskDefinition"], of_task["taskDefinition"],
            "{said:#}"
        );
        app::assert_says!(said, {"release": "R1", "delivery": "SecretsManager"});
        assert_eq!(said["decidedBy"], Value::Null, "nobody knows any more");
    }
    let warning = answer["warnings"][0].as_str().unwrap();
    assert!(
        warning.contains("an earlier delivery of this request"),
        "{warning}"
    );
}

#[tokio::test]
async fn a_delivery_that_changed_between_two_deliveries_starts_no_second_task() {
    let (_, answer, of_task) = after(async |world| {
        let delete = world
            .secrets_manager
            .delete_secret()
            .secret_id(app::secret(world));
        delete.recovery_window_in_days(30).send().await.unwrap();
    })
    .await;
    assert_eq!(answer["taskArn"], of_task["taskArn"], "{answer:#}");
    assert_eq!(
        answer["delivery"], "SecretsManager",
        "the task that runs has it: {answer:#}"
    );
    assert_eq!(answer["fallback"], Value::Null, "{answer:#}");
}

#[tokio::test]
async fn requests_of_two_apps_with_one_id_are_two() {
    let (world, function) = live(YES).await;
    world
        .put("apps/other/convox.yml", "services:\n  web:\n    image: i\n")
        .await;
    world.put_env("other", "R1", &[]).await;
    for app in [APP, "other"] {
        let answer = run(
            &world,
            &function,
            "e1",
            json!({"app": app, "release": "R1"}),
        )
        .await;
        assert_eq!(answer["status"], "started", "{answer:#}");
    }
    assert_eq!(tasks(&world).await.len(), 2);
}

#[tokio::test]
async fn want_of_room_is_tried_again_and_told_when_it_lasts() {
    let (world, function) = live(YES).await;
    for reason in [
        "RESOURCE:MEMORY",
        "AGENT",
        "Capacity is unavailable at this time.",
    ] {
        world.proxy.refuse_tasks(Some(reason));
        let event = queued(&requested_before(&world, reason, 14, &json!({})));
        let answer = function.answer(&event).await;
        assert_eq!(
            answer,
            json!({"batchItemFailures": [{"itemIdentifier": "message-1"}]}),
            "{reason}"
        );
        assert_eq!(world.events(), [], "{reason}");
    }
    let event = requested_before(&world, "late", 15, &json!({}));
    let answer = function.answer(&event).await;
    app::assert_says!(answer, {"status": "failed", "errorType": "NoRoom"});
    let (kind, detail) = told(&world);
    assert_eq!(kind, "Process Failed");
    assert!(
        detail["message"]
            .as_str()
            .unwrap()
            .contains("Capacity is unavailable"),
        "{detail:#}"
    );

    world.proxy.refuse_tasks(None);
    let answer = run(&world, &function, "later", json!({})).await;
    assert_eq!(answer["status"], "started", "{answer:#}");
    assert_eq!(tasks(&world).await.len(), 1);
}

#[tokio::test]
async fn an_old_request_starts_nothing_since_ecs_may_have_forgotten_its_task() {
    let (world, function) = live(YES).await;
    let event = requested_before(&world, "old", 45, &json!({}));
    let answer = function.answer(&event).await;
    assert_eq!(answer["errorType"], "RequestExpired", "{answer:#}");
    assert!(tasks(&world).await.is_empty());
    assert_eq!(told(&world).0, "Process Failed");
}

#[tokio::test]
async fn a_revision_that_was_deregistered_is_registered_anew() {
    let (world, function) = live(YES).await;
    let first = run(&world, &function, "e1", json!({})).await;
    let deregister = world.ecs.deregister_task_definition();
    let arn = first["taskDefinition"].as_str().unwrap();
    deregister.task_definition(arn).send().await.unwrap();
    let second = run(&world, &function, "e2", json!({})).await;
    assert_eq!(second["status"], "started", "{second:#}");
    assert_ne!(second["taskDefinition"], first["taskDefinition"]);
}
