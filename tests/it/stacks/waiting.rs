//! CloudFormation takes minutes: the Release waits, the next function goes on.

use serde_json::json;

use super::{WEB, fresh, outputs, promoted, stack_writes, upload};
use crate::app;

#[tokio::test]
async fn a_release_waits_for_its_stack_and_goes_on_when_that_is_there() {
    let (world, promote) = fresh(WEB).await;
    world.proxy.hold_stacks();
    let answer = upload(&world, &promote, "R1", WEB).await;
    assert_eq!(answer["status"], "waiting", "{answer:#}");
    let writes = world.proxy.writes().into_iter();
    let writes: Vec<String> = writes.map(|call| call.operation).collect();
    assert_eq!(writes, ["CreateStack"], "nothing else yet");
    let begin = &world.proxy.stack_events()[0]; // in progress: too early
    let later = promote.invoke_alone(begin).await.answer();
    assert_eq!(later["status"], "waiting", "{later:#}");

    let end = &world.proxy.end_stacks()[0];
    let report = promote.invoke_alone(end).await.answer();
    assert_eq!(report["status"], "promoted", "{report:#}");
    assert!(report["requestId"].is_string(), "{report:#}");
    for waits in [answer, later] {
        assert_eq!(waits["requestId"], report["requestId"], "{waits:#}");
    }
    let arn = report["services"]["web"]["newTaskDefinition"]
        .as_str()
        .unwrap();
    let (definition, _) = app::definition(&world, arn).await;
    let outputs = outputs(&world).await;
    assert_eq!(
        definition.execution_role_arn(),
        Some(outputs["ExecutionRoleArn"].as_str())
    );
    assert_eq!(
        definition.task_role_arn(),
        Some(outputs["TaskRoleArn"].as_str())
    );
    let logs = definition.container_definitions()[0].log_configuration();
    let options = logs.unwrap().options().unwrap();
    assert_eq!(options["awslogs-group"], outputs["LogGroupName"]);

    world.proxy.clear();
    for event in [end, begin] {
        let answer = promote.invoke_alone(event).await.answer(); // twice, and out of order
        assert_eq!(answer["status"], "idle", "{answer:#}");
    }
    assert_eq!(app::changes(&world), Vec::<String>::new());
}

#[tokio::test]
async fn an_event_that_never_comes_is_made_up_for_by_the_schedule() {
    let (world, promote) = fresh(WEB).await;
    world.proxy.hold_stacks();
    upload(&world, &promote, "R1", WEB).await;
    let _lost = world.proxy.end_stacks();
    app::pass_minute(&world).await;
    let more = app::continued(&world, "promote");
    let report = promote.invoke_alone(&more).await.answer();
    assert_eq!(report["status"], "promoted", "{report:#}");
}

#[tokio::test]
async fn a_newer_request_waits_its_turn_and_the_older_one_never_runs() {
    let (world, promote) = fresh(WEB).await;
    world.proxy.hold_stacks();
    upload(&world, &promote, "R1", WEB).await;
    let answer = upload(&world, &promote, "R2", WEB).await;
    assert_eq!(answer["status"], "waiting", "{answer:#}");
    assert_eq!(stack_writes(&world), ["CreateStack"]);
    let end = &world.proxy.end_stacks()[0];
    let report = promote.invoke_alone(end).await.answer();
    app::assert_says!(report, {"status": "promoted", "release": "R2"});
    // Until promote hears the event that says so, its report is what it was.
    let report = app::report(&world, "R1").await.unwrap();
    assert_eq!(report["status"], "waiting", "{report:#}");
    app::assert_sent(
        &world,
        &[
            "Release Promote Superseded",
            "Release Promoted",
            "Secret Write Succeeded",
        ],
    );
}

#[tokio::test]
async fn a_stack_that_is_as_it_should_be_is_left_alone() {
    let (world, promote) = fresh(WEB).await;
    promoted(&world, &promote, "R1", WEB).await;
    world.proxy.clear();
    let version = world.put_env(app::APP, "R2", &[("KEY", "two")]).await;
    let event = app::written(&world, "R2", &version);
    let report = promote.invoke_alone(&event).await.answer();
    assert_eq!(report["status"], "promoted", "{report:#}");
    assert_eq!(stack_writes(&world), Vec::<String>::new());
}

#[tokio::test]
async fn a_stack_that_fails_fails_the_release_with_its_reason_and_what_ran_keeps_running() {
    const REASON: &str = "the policy has no room";
    let (world, promote) = fresh(WEB).await;
    promoted(&world, &promote, "R1", WEB).await;
    let (ran, secret) = (
        app::running(&world, "web").await,
        app::current_secret(&world).await,
    );
    let manifest = WEB.replace(
        "environment:",
        "policies: [arn:aws:iam::aws:policy/ReadOnlyAccess], environment:",
    );
    world.proxy.fail_stacks(REASON);
    let report = promoted(&world, &promote, "R2", &manifest).await;
    assert_eq!(report["errorType"], "StackFailed", "{report:#}");
    app::assert_tells(&report, REASON);
    assert_eq!(app::running(&world, "web").await, ran);
    assert_eq!(app::current_secret(&world).await, secret);

    let report = promoted(&world, &promote, "R3", &manifest).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
}

#[tokio::test]
async fn a_stack_that_never_came_up_is_replaced_by_the_next_request() {
    let (world, promote) = fresh(WEB).await;
    world.proxy.fail_stacks("no more roles");
    let report = promoted(&world, &promote, "R1", WEB).await;
    assert_eq!(report["errorType"], "StackFailed", "{report:#}");
    assert!(app::registered(&world).await.is_empty());
    let report = promoted(&world, &promote, "R2", WEB).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    assert_eq!(
        stack_writes(&world),
        ["CreateStack", "DeleteStack", "CreateStack"]
    );
}

#[tokio::test]
async fn a_stack_of_somebody_else_is_left_alone() {
    let (world, promote) = fresh(WEB).await;
    let theirs = json!({"Resources": {"Log": {"Type": "AWS::Logs::LogGroup"}}});
    let create = world.cloudformation.create_stack();
    let create = create.stack_name(super::stack_name(&world));
    create
        .template_body(theirs.to_string())
        .send()
        .await
        .unwrap();
    let _ = world.proxy.end_stacks();
    world.proxy.clear();
    let report = promoted(&world, &promote, "R1", WEB).await;
    assert_eq!(report["errorType"], "StackNotOurs", "{report:#}");
    assert_eq!(stack_writes(&world), Vec::<String>::new());
}
