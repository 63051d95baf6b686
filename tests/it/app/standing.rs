//! What stands in ECS and EventBridge for the App, and edits of it past the functions.

use std::collections::BTreeMap;

use aws_sdk_ecs::operation::update_service::builders::UpdateServiceFluentBuilder;
use aws_sdk_ecs::types::{Service, ServiceField, TaskDefinition, TaskDefinitionField};
use aws_sdk_eventbridge::operation::describe_rule::DescribeRuleOutput;
use rig::{World, agent};

use super::{APP, ecs_service, rule};

/// The tags by which the functions know what is the App's.
const TAGS: [&str; 2] = ["convox:rack", "convox:app"];

/// All revisions that were registered for the App.
pub async fn registered(world: &World) -> Vec<String> {
    let listed = world.ecs.list_task_definitions().send().await.unwrap();
    let mut arns = listed.task_definition_arns.unwrap_or_default();
    arns.retain(|arn| arn.contains(&format!("{}_{APP}_", world.rack)));
    arns
}

/// What ECS knows of an active ECS service and its tags, by its name.
pub async fn standing(world: &World, name: &str) -> Option<Service> {
    let described = world.ecs.describe_services().cluster(&world.cluster);
    let described = described.services(name).include(ServiceField::Tags);
    let services = described.send().await.unwrap().services;
    let mut services = services.unwrap_or_default().into_iter();
    services.find(|service| service.status() == Some("ACTIVE"))
}

/// The same of the ECS service of a Service.
pub async fn service(world: &World, service: &str) -> Option<Service> {
    standing(world, &ecs_service(world, service)).await
}

/// Somebody's update of the ECS service called `name`, to be sent.
pub fn update(world: &World, name: &str) -> UpdateServiceFluentBuilder {
    let update = world.ecs.update_service().cluster(&world.cluster);
    update.service(name)
}

/// Takes the App's tags from the ECS service called `name`.
pub async fn untag_service(world: &World, name: &str) {
    let service = standing(world, name).await.expect("the ECS service stands");
    let untag = world.ecs.untag_resource().set_tag_keys(Some(tag_keys()));
    let untag = untag.resource_arn(service.service_arn().unwrap());
    untag.send().await.unwrap();
}

/// What EventBridge knows of a Timer's rule.
pub async fn described_rule(world: &World, timer: &str) -> Option<DescribeRuleOutput> {
    let described = world.eventbridge.describe_rule();
    described.name(rule(world, timer)).send().await.ok()
}

/// Takes the App's tags from a Timer's rule.
pub async fn untag_rule(world: &World, timer: &str) {
    let rule = described_rule(world, timer).await.expect("the rule stands");
    let untag = world
        .eventbridge
        .untag_resource()
        .set_tag_keys(Some(tag_keys()));
    untag
        .resource_arn(rule.arn().unwrap())
        .send()
        .await
        .unwrap();
}

fn tag_keys() -> Vec<String> {
    TAGS.map(str::to_owned).to_vec()
}

/// The task definition that a Service's ECS service runs.
pub async fn running(world: &World, service: &str) -> String {
    let name = ecs_service(world, service);
    let described = world.ecs.describe_services().cluster(&world.cluster);
    let described = described.services(&name).send().await.unwrap();
    let service = &described.services()[0];
    assert_ne!(service.status(), Some("INACTIVE"), "{name} is gone");
    service.task_definition().unwrap().to_owned()
}

/// The task definition that a Timer's rule starts.
pub async fn scheduled(world: &World, timer: &str) -> String {
    let targets = world.eventbridge.list_targets_by_rule();
    let targets = targets.rule(rule(world, timer)).send().await.unwrap();
    targets.targets()[0]
        .ecs_parameters()
        .unwrap()
        .task_definition_arn()
        .to_owned()
}

/// The variables that the one container of a task sees, without those that every container has.
pub async fn sees(world: &World, task_definition: &str) -> BTreeMap<String, String> {
    let containers = agent::task_sees(world, task_definition)
        .await
        .expect("the task starts");
    let (_, mut variables) = containers.into_iter().next().expect("one container");
    for name in ["APP", "AWS_REGION", "BUILD", "RACK", "RELEASE", "SERVICE"] {
        variables.remove(name);
    }
    for name in [
        "CONVOX_ENV_KEY",
        "CONVOX_ENV_REGION",
        "CONVOX_ENV_URL",
        "CONVOX_ENV_VARS",
    ] {
        variables.remove(name);
    }
    variables
}

/// What ECS knows of a task definition, and its tags.
pub async fn definition(world: &World, arn: &str) -> (TaskDefinition, BTreeMap<String, String>) {
    let request = world.ecs.describe_task_definition().task_definition(arn);
    let answer = request.include(TaskDefinitionField::Tags).send().await;
    let answer = answer.expect("the task definition is registered");
    let tags = answer.tags().iter();
    let tags = tags.filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())));
    let tags = tags.collect();
    (answer.task_definition.expect("ECS answers it"), tags)
}
