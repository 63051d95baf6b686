//! EventBridge: rules of the default bus, and events to it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::facts::{Facts, tags};
use super::{Need, Row, pass_role, text, unknown};
use crate::proxy::Call;

const OPERATION: &str = "SAR for EventBridge: the action of the operation's name, on the rule";
const LIST: &str = "SAR for EventBridge: ListRules has no resource type";
const TAG: &str = "SAR for EventBridge, PutRule: with tags also events:TagResource";
const PASS: &str =
    "SAR for EventBridge, PutRule and PutTargets: iam:PassRole to events.amazonaws.com";
const SEND: &str =
    "SAR for EventBridge, PutEvents: on the bus, with events:source and events:detail-type";
const RUN: &str = "ECS developer guide, \"Amazon ECS EventBridge IAM role\": ecs:RunTask on the task definition, iam:PassRole \
                   for its roles";
const TRUST: &str = "IAM user guide, \"The confused deputy problem\": aws:SourceAccount and aws:SourceArn of the resource";
const BUS: &str = "default";

pub(super) fn needs(facts: &Facts<'_>, call: &Call) -> Row {
    let body = &call.body;
    if ![BUS, ""].contains(&text(body, "EventBusName")) {
        return unknown(call);
    }
    match call.operation.as_str() {
        "DescribeRule" | "DeleteRule" => Ok(vec![on_rule(facts, call, "Name")]),
        "ListTargetsByRule" | "RemoveTargets" => Ok(vec![on_rule(facts, call, "Rule")]),
        "ListTagsForResource" => {
            let arn = text(body, "ResourceARN");
            Ok(vec![Need::new(
                "events:ListTagsForResource",
                arn,
                OPERATION,
            )])
        }
        "ListRules" => Ok(vec![Need::new("events:ListRules", "*", LIST)]),
        "PutRule" => Ok(put_rule(facts, call)),
        "PutTargets" => {
            let mut needs = vec![on_rule(facts, call, "Rule")];
            let targets = body["Targets"].as_array().into_iter().flatten();
            needs.extend(targets.filter_map(passed));
            Ok(needs)
        }
        "PutEvents" => Ok(events(facts, body)),
        _ => unknown(call),
    }
}

/// What EventBridge does with the role of an ECS target, once its rule fires.
#[must_use]
pub fn needs_of_target(facts: &Facts<'_>, target: &Value) -> Vec<Need> {
    let definition = text(&target["EcsParameters"], "TaskDefinitionArn");
    let run = Need::new("ecs:RunTask", definition, RUN).with("ecs:cluster", text(target, "Arn"));
    let roles = facts.roles(definition);
    let pass = |role: &String| pass_role(role, "ecs-tasks.amazonaws.com", RUN);
    let passed = [roles.execution, roles.task];
    let mut needs = vec![run];
    needs.extend(passed.iter().map(pass));
    needs
}

/// Taking a role, as a service does it for one of its resources.
#[must_use]
pub fn assumption(facts: &Facts, service: &str, resource: &str) -> Need {
    let need = Need::new("sts:AssumeRole", "*", TRUST).with("principal", service);
    let need = need.with("aws:SourceAccount", &facts.deployment.account);
    need.with("aws:SourceArn", resource)
}

fn on_rule(facts: &Facts<'_>, call: &Call, field: &str) -> Need {
    let rule = format!("rule/{}", text(&call.body, field));
    let action = format!("events:{}", call.operation);
    Need::new(&action, facts.deployment.arn("events", &rule), OPERATION)
}

fn put_rule(facts: &Facts<'_>, call: &Call) -> Vec<Need> {
    let put = on_rule(facts, call, "Name");
    let tags = tags(&call.body["Tags"], "Key", "Value");
    let mut needs = vec![put.clone().with_tags("aws:RequestTag", &tags)];
    if !tags.is_empty() {
        let tag = Need::new("events:TagResource", put.resource, TAG);
        needs.push(tag.with_tags("aws:RequestTag", &tags));
    }
    needs.extend(passed(&call.body));
    needs
}

fn passed(owner: &Value) -> Option<Need> {
    let role = owner["RoleArn"].as_str()?;
    Some(pass_role(role, "events.amazonaws.com", PASS))
}

/// One need for each kind of entry.
fn events(facts: &Facts<'_>, body: &Value) -> Vec<Need> {
    let bus = facts.deployment.arn("events", &format!("event-bus/{BUS}"));
    let entries = body["Entries"].as_array().into_iter().flatten();
    let kinds = entries.map(|entry| {
        let (source, kind) = (text(entry, "Source"), text(entry, "DetailType"));
        let need = Need::new("events:PutEvents", bus.clone(), SEND);
        let need = need
            .with("events:source", source)
            .with("events:detail-type", kind);
        ((source.to_owned(), kind.to_owned()), need)
    });
    kinds.collect::<BTreeMap<_, _>>().into_values().collect()
}
