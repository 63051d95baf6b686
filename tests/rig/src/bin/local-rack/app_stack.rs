//! The App's own stack: there before anything of its first Release, gone with the App, and there again.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudformation::types::Stack;
use aws_sdk_ecs::types::TaskDefinition;

use crate::console::{check, fact};
use crate::shop::Shop;

/// What tasks and ECS services get of an App without resources whose `web` is reached.
const OUTPUTS: [&str; 5] = [
    "ExecutionRoleArn",
    "LogGroupName",
    "SecurityGroupId",
    "TaskRoleArn",
    "WebPublicHttpIpTargetGroup",
];
const OF_THE_RELEASE: [&str; 4] = [
    "CreateSecret",
    "RegisterTaskDefinition",
    "UpdateService",
    "PutRule",
];

/// Checks that it came before anything else of the first Release.
pub async fn came_first(shop: &Shop<'_>) {
    let made = standing(shop).await;
    show(&made);
    let outputs = outputs(&made);
    fact("its outputs", OUTPUTS.join(", "));
    check(
        outputs.keys().map(String::as_str).collect::<BTreeSet<_>>() == BTreeSet::from(OUTPUTS),
        "the App has a stack of its own, with its roles, log group and target group",
    );
    let states = shop.states().await;
    let waited = states
        .iter()
        .any(|state| state["desired"]["status"] == "waiting");
    check(
        waited,
        "the promote waited for it, and CloudFormation's event let it go on",
    );
    let calls = shop.rack.world().proxy.calls();
    let first = |names: &[&str]| {
        let mut calls = calls.iter();
        calls.position(|call| names.contains(&call.operation.as_str()))
    };
    let (created, rest) = (first(&["CreateStack"]), first(&OF_THE_RELEASE));
    check(
        created.is_some() && rest.is_some() && created < rest,
        "it was created before anything of the Release was written",
    );
}

/// Checks that tasks run with what it made.
pub async fn gives_roles(shop: &Shop<'_>, running: &[TaskDefinition]) {
    let given = outputs(&standing(shop).await);
    let own = ["ExecutionRoleArn", "TaskRoleArn", "LogGroupName"].map(|name| given.get(name));
    check(
        running.iter().all(|one| roles_and_log_group(one) == own),
        "all task definitions carry the App's own roles and log group",
    );
}

/// Checks that it went with the App.
pub async fn is_gone(shop: &Shop<'_>) {
    check(
        shop.stack().await.is_none(),
        "its stack is gone, the roles and the log group with it",
    );
}

/// Checks that there is one again, and not that which was there before.
pub async fn is_another(shop: &Shop<'_>, before: Option<&str>) {
    let made = standing(shop).await;
    show(&made);
    check(
        made.stack_id() != before,
        "the App has a new stack of its own",
    );
}

async fn standing(shop: &Shop<'_>) -> Stack {
    let stack = shop.stack().await;
    stack.expect("the App has a stack of its own")
}

fn show(stack: &Stack) {
    let name = stack.stack_name().unwrap_or_default();
    let status = stack.stack_status().map_or("", |status| status.as_str());
    fact("stack", format!("{name}, {status}"));
}

fn outputs(stack: &Stack) -> BTreeMap<String, String> {
    let outputs = stack.outputs().iter().cloned();
    let outputs = outputs.filter_map(|output| Some((output.output_key?, output.output_value?)));
    outputs.collect()
}

fn roles_and_log_group(definition: &TaskDefinition) -> [Option<&String>; 3] {
    let container = definition.container_definitions().first();
    let log = container.and_then(|container| container.log_configuration());
    let options = log.and_then(|log| log.options());
    [
        definition.execution_role_arn.as_ref(),
        definition.task_role_arn.as_ref(),
        options.and_then(|options| options.get("awslogs-group")),
    ]
}
