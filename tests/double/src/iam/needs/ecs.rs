//! ECS: services by `cluster/name`, task definitions by `family:revision`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::deployment::Deployment;
use super::super::facts::{Facts, tags};
use super::{Need, Row, pass_role, text, unknown};
use crate::proxy::Call;

const OPERATION: &str = "SAR for ECS: the action of the operation's name, on what it names";
const NO_RESOURCE: &str = "SAR for ECS: ListServices, DescribeTaskDefinition and DeregisterTaskDefinition have no resource type, ListTasks none \
                           but instances, the lists the key ecs:cluster";
const OF_SERVICES: &str = "SAR for ECS: both resource types; ECS developer guide, permissions required for viewing service deployments, whose \
                           policy names both";
const TAG: &str = "SAR for ECS, CreateService, RegisterTaskDefinition and RunTask: with tags also ecs:TagResource, with ecs:CreateAction";
const PASS: &str = "SAR for ECS: RegisterTaskDefinition, CreateService, UpdateService and RunTask pass the task definition's roles to \
                    ecs-tasks.amazonaws.com";
const TASKS: &str = "ecs-tasks.amazonaws.com";
const SERVICES: &str = "ecs.amazonaws.com";

pub(super) fn needs(facts: &Facts<'_>, call: &Call) -> Row {
    let body = &call.body;
    match call.operation.as_str() {
        "DescribeClusters" => Ok(clusters(facts, body)),
        "DescribeServices" => {
            let names = body["services"].as_array().into_iter().flatten();
            let names = names.filter_map(Value::as_str);
            Ok(names.map(|name| on_service(facts, call, name)).collect())
        }
        "ListServices" | "ListTasks" => {
            let action = format!("ecs:{}", call.operation);
            let need = Need::new(&action, "*", NO_RESOURCE);
            Ok(vec![need.with("ecs:cluster", cluster(facts, body))])
        }
        "ListContainerInstances" => {
            let on = cluster(facts, body);
            Ok(vec![Need::new("ecs:ListContainerInstances", on, OPERATION)])
        }
        "DescribeContainerInstances" => {
            let arns = body["containerInstances"].as_array().into_iter().flatten();
            let arns = arns.filter_map(Value::as_str);
            let need = |arn| Need::new("ecs:DescribeContainerInstances", arn, OPERATION);
            Ok(arns
                .map(|arn| need(arn).with("ecs:cluster", cluster(facts, body)))
                .collect())
        }
        "CreateService" => Ok(creation(facts, call)),
        "UpdateService" => {
            let mut needs = vec![on_service(facts, call, text(body, "service"))];
            needs.extend(passed_by_definition(facts, body));
            needs.extend(passed_to_move_requests(body));
            Ok(needs)
        }
        "DescribeServiceDeployments" => Ok(of_services(call, &body["serviceDeploymentArns"])),
        "DescribeServiceRevisions" => Ok(of_services(call, &body["serviceRevisionArns"])),
        "ContinueServiceDeployment" => {
            let named = Value::from(vec![body["serviceDeploymentArn"].clone()]);
            Ok(of_services(call, &named))
        }
        "ListServiceDeployments" | "DeleteService" => {
            Ok(vec![on_service(facts, call, text(body, "service"))])
        }
        "ListGatewayClusterAssociations" => {
            let (action, on) = ("ecs:ListGatewayClusterAssociations", cluster(facts, body));
            Ok(vec![Need::new(action, on, OPERATION)])
        }
        "DescribeGateway" => {
            let gateway = text(body, "gateway");
            Ok(vec![Need::new("ecs:DescribeGateway", gateway, OPERATION)])
        }
        "RegisterTaskDefinition" => Ok(registration(facts, call)),
        "RunTask" => Ok(run(facts, call)),
        "DescribeTasks" => {
            let arns = body["tasks"].as_array().into_iter().flatten();
            let arns = arns.filter_map(Value::as_str);
            let need = |arn| Need::new("ecs:DescribeTasks", arn, OPERATION);
            Ok(arns
                .map(|arn| need(arn).with("ecs:cluster", cluster(facts, body)))
                .collect())
        }
        "DescribeTaskDefinition" | "DeregisterTaskDefinition" => {
            let action = format!("ecs:{}", call.operation);
            Ok(vec![Need::new(&action, "*", NO_RESOURCE)])
        }
        _ => unknown(call),
    }
}

/// Of each deployment or revision that is named, and of the service that it is of.
fn of_services(call: &Call, arns: &Value) -> Vec<Need> {
    let action = format!("ecs:{}", call.operation);
    let arns = arns.as_array().into_iter().flatten();
    let arns = arns.filter_map(Value::as_str);
    let both = arns.flat_map(|arn| {
        let (of_service, _) = arn.rsplit_once('/').unwrap_or((arn, ""));
        let kinds = [":service-deployment/", ":service-revision/"];
        let service = kinds.iter().fold(of_service.to_owned(), |arn, kind| {
            arn.replace(kind, ":service/")
        });
        [arn.to_owned(), service]
    });
    let both: BTreeSet<String> = both.collect();
    let need = |arn| Need::new(&action, arn, OF_SERVICES);
    both.into_iter().map(need).collect()
}

fn clusters(facts: &Facts<'_>, body: &Value) -> Vec<Need> {
    let clusters = body["clusters"].as_array().into_iter().flatten();
    let arns = clusters
        .filter_map(Value::as_str)
        .map(|name| cluster_arn(facts, name));
    arns.map(|arn| Need::new("ecs:DescribeClusters", arn, OPERATION))
        .collect()
}

fn cluster(facts: &Facts<'_>, body: &Value) -> String {
    cluster_arn(facts, body["cluster"].as_str().unwrap_or("default"))
}

fn cluster_arn(facts: &Facts<'_>, name_or_arn: &str) -> String {
    let name = Deployment::cluster_name(name_or_arn);
    facts.deployment.arn("ecs", &format!("cluster/{name}"))
}

/// The call's own action on a service of its cluster; what is there brings its tags.
fn on_service(facts: &Facts<'_>, call: &Call, name: &str) -> Need {
    let cluster = cluster(facts, &call.body);
    let of_cluster = Deployment::cluster_name(&cluster);
    let name = name.rsplit('/').next().unwrap_or(name);
    let arn = facts
        .deployment
        .arn("ecs", &format!("service/{of_cluster}/{name}"));
    let need = Need::new(&format!("ecs:{}", call.operation), arn, OPERATION);
    let need = need.with_tags("aws:ResourceTag", &facts.service_tags(name));
    need.with("ecs:cluster", cluster)
}

fn creation(facts: &Facts<'_>, call: &Call) -> Vec<Need> {
    let tags = tags(&call.body["tags"], "key", "value");
    let create = on_service(facts, call, text(&call.body, "serviceName"));
    let create = create.with_tags("aws:RequestTag", &tags);
    let mut needs = vec![create.clone()];
    if !tags.is_empty() {
        let tag = Need::new("ecs:TagResource", create.resource, TAG);
        let tag = tag.with_tags("aws:RequestTag", &tags);
        needs.push(tag.with("ecs:CreateAction", "CreateService"));
    }
    needs.extend(passed_by_definition(facts, &call.body));
    needs.extend(passed_to_move_requests(&call.body));
    needs
}

/// The roles by which ECS changes listener rules.
fn passed_to_move_requests(body: &Value) -> Vec<Need> {
    let balancers = body["loadBalancers"].as_array().into_iter().flatten();
    let roles = balancers.filter_map(|it| it["advancedConfiguration"]["roleArn"].as_str());
    let roles: std::collections::BTreeSet<&str> = roles.collect();
    roles
        .into_iter()
        .map(|role| pass_role(role, SERVICES, PASS))
        .collect()
}

/// A task, by the definition that it runs; a task that was not started has no name of its own.
fn run(facts: &Facts<'_>, call: &Call) -> Vec<Need> {
    let body = &call.body;
    let of_cluster = cluster(facts, body);
    let run = Need::new("ecs:RunTask", text(body, "taskDefinition"), OPERATION);
    let tags = tags(&body["tags"], "key", "value");
    let run = run.with_tags("aws:RequestTag", &tags);
    let mut needs = vec![run.with("ecs:cluster", of_cluster.clone())];
    if !tags.is_empty() {
        let any = format!("task/{}/any", Deployment::cluster_name(&of_cluster));
        let any = facts.deployment.arn("ecs", &any);
        let task = call.answer["tasks"][0]["taskArn"].as_str().unwrap_or(&any);
        let tag = Need::new("ecs:TagResource", task, TAG).with_tags("aws:RequestTag", &tags);
        needs.push(tag.with("ecs:CreateAction", "RunTask"));
    }
    needs.extend(passed_by_definition(facts, body));
    needs
}

fn passed_by_definition(facts: &Facts<'_>, body: &Value) -> Vec<Need> {
    let Some(definition) = body["taskDefinition"].as_str() else {
        return Vec::new();
    };
    let roles = facts.roles(definition);
    let roles = [roles.execution, roles.task];
    roles
        .iter()
        .map(|role| pass_role(role, TASKS, PASS))
        .collect()
}

fn registration(facts: &Facts<'_>, call: &Call) -> Vec<Need> {
    let body = &call.body;
    let revision = call.answer["taskDefinition"]["revision"]
        .as_u64()
        .unwrap_or(1);
    let revision = format!("task-definition/{}:{revision}", text(body, "family"));
    let arn = facts.deployment.arn("ecs", &revision);
    let tags = tags(&body["tags"], "key", "value");
    let register = Need::new("ecs:RegisterTaskDefinition", arn.clone(), OPERATION);
    let mut needs = vec![register.with_tags("aws:RequestTag", &tags)];
    if !tags.is_empty() {
        let tag = Need::new("ecs:TagResource", arn, TAG).with_tags("aws:RequestTag", &tags);
        needs.push(tag.with("ecs:CreateAction", "RegisterTaskDefinition"));
    }
    let roles = ["executionRoleArn", "taskRoleArn"].into_iter();
    let roles = roles.filter_map(|name| body[name].as_str());
    needs.extend(roles.map(|role| pass_role(role, TASKS, PASS)));
    needs
}
