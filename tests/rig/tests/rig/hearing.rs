//! A function hears of the ends of stack operations as a rule and a queue would tell it.

use rig::{Function, Invocation, World};
use serde_json::{Value, json};

use super::function::bootstrap;

const COMPLETE: &str = "heard CREATE_COMPLETE";

fn start(world: &World, folder: &tempfile::TempDir) -> Function {
    let function = Function::start_program(&bootstrap(folder), &world.settings(&[]), 5);
    function.hearing(world.proxy.stack_ear("promote"))
}

fn waiting(app: &str) -> Value {
    json!({"answer": {"status": "waiting", "app": app}})
}

/// Creates the stack of an App; answers its ARN.
async fn create(world: &World, app: &str) -> String {
    let tag = aws_sdk_cloudformation::types::Tag::builder();
    let password = json!({
        "Type": "AWS::SecretsManager::Secret",
        "Properties": {"Name": format!("rack_{app}_password"), "GenerateSecretString": {"PasswordLength": 40}},
    });
    let body = json!({"Resources": {"Password": password}});
    let create = world.cloudformation.create_stack();
    let create = create.stack_name(format!("rack-{app}-1a2b3c4d"));
    let create = create.tags(tag.key("convox:app").value(app).build());
    let created = create.template_body(body.to_string()).send().await;
    created.unwrap().stack_id.unwrap()
}

fn count(function: &Function, text: &str) -> usize {
    function.output().matches(text).count()
}

#[tokio::test]
async fn the_answer_to_the_end_takes_the_place_of_waiting_and_of_nothing_else() {
    let (world, folder) = (World::new().await, tempfile::tempdir().unwrap());
    let function = start(&world, &folder);
    let stack = create(&world, "shop").await;
    let answer = function.invoke(&waiting("shop")).await.answer();
    let heard = json!({"status": "CREATE_COMPLETE", "stack": stack});
    assert_eq!(answer, heard);
    let again = function.invoke(&waiting("shop")).await.answer();
    assert_eq!(again["status"], "waiting", "there is nothing more to hear");

    create(&world, "blog").await;
    let answer = function.invoke(&waiting("shop")).await.answer();
    assert_eq!(answer["status"], "waiting", "that was of another App");
    create(&world, "wiki").await;
    let queued = json!({"batchItemFailures": []});
    let answer = function.invoke(&json!({"answer": queued})).await.answer();
    assert_eq!(answer, queued);
    assert_eq!(count(&function, COMPLETE), 3, "it heard of all");
}

#[tokio::test]
async fn what_is_held_is_the_tests_to_end_and_to_deliver() {
    let (world, folder) = (World::new().await, tempfile::tempdir().unwrap());
    let function = start(&world, &folder);
    world.proxy.hold_stacks();
    create(&world, "shop").await;
    let answer = function.invoke(&waiting("shop")).await.answer();
    assert_eq!(answer["status"], "waiting");
    let ends = world.proxy.end_stacks();
    let answer = function.invoke(&waiting("shop")).await.answer();
    assert_eq!(answer["status"], "waiting");
    assert_eq!(count(&function, COMPLETE), 0);
    for _ in 0..2 {
        let answer = function.invoke(&ends[0]).await.answer();
        assert_eq!(answer["status"], "CREATE_COMPLETE");
    }
}

#[tokio::test]
async fn what_failed_or_was_killed_is_delivered_again() {
    let (world, folder) = (World::new().await, tempfile::tempdir().unwrap());
    let function = start(&world, &folder);
    create(&world, "shop").await;
    for (next, error) in [
        (json!({"error": "ReadState"}), "ReadState"),
        (json!({"exit": 1}), "Runtime.ExitError"),
    ] {
        let mut event = waiting("shop");
        event["next"] = next;
        let failed = function.invoke(&event).await;
        let is_it = matches!(&failed, Invocation::Error { error_type, .. } if error_type == error);
        assert!(is_it, "{failed:?}");
    }
    let alone = function.invoke_alone(&waiting("shop")).await.answer();
    assert_eq!(alone["status"], "waiting");
    let answer = function.invoke(&waiting("shop")).await.answer();
    assert_eq!(answer["status"], "CREATE_COMPLETE");
    assert_eq!(count(&function, COMPLETE), 1);
}

#[tokio::test]
async fn an_end_is_delivered_to_one_copy_and_to_every_kind_of_function() {
    let (world, folder) = (World::new().await, tempfile::tempdir().unwrap());
    let copies = [start(&world, &folder), start(&world, &folder)];
    let other = Function::start_program(&bootstrap(&folder), &world.settings(&[]), 5);
    let other = other.hearing(world.proxy.stack_ear("app-deletion"));
    let stacks = [create(&world, "shop").await, create(&world, "blog").await];
    let (shop, blog) = (waiting("shop"), waiting("blog"));
    let answers = tokio::join!(copies[0].invoke(&shop), copies[1].invoke(&blog));
    for (answer, stack) in [(answers.0, &stacks[0]), (answers.1, &stacks[1])] {
        assert_eq!(answer.answer()["stack"], stack.as_str());
    }
    let _ = other
        .invoke(&json!({"answer": {"status": "idle"}}))
        .await
        .answer();
    let heard = |function| count(function, COMPLETE);
    assert_eq!(heard(&copies[0]) + heard(&copies[1]), 2);
    assert_eq!(heard(&other), 2);
}
