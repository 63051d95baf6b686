//! Target groups and listener rules of all stacks of an account.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{StackTable, checks, text};

const TARGET_GROUP: &str = "AWS::ElasticLoadBalancingV2::TargetGroup";
const LISTENER_RULE: &str = "AWS::ElasticLoadBalancingV2::ListenerRule";
/// Source: Application Load Balancer user guide, "Quotas", condition values per rule.
const VALUES_MAX: usize = 5;

/// Whether something leads to the target group of that ARN; none where no stack knows it.
pub(crate) fn is_led_to(table: &StackTable, arn: &str) -> Option<bool> {
    let stacks = table.stacks.iter().filter(|stack| !stack.is_gone());
    let mut found = stacks.filter_map(|stack| {
        let mut outputs = stack.outputs.iter();
        let (output, _) = outputs.find(|(_, value)| *value == arn)?;
        let template = checks::parsed(&stack.template)?;
        let id = text(&template["Outputs"][output]["Value"], "Ref").to_owned();
        if template["Resources"][&id]["Type"] != TARGET_GROUP {
            return None;
        }
        let rules = rules(&template);
        Some(rules.into_iter().any(|(_, rule)| names(rule, &id)))
    });
    found.next()
}

/// Why a rule of a template is refused, beside the rules of the other stacks: its logical id and the reason.
pub(crate) fn refused(table: &StackTable, own: &str, template: &Value) -> Option<(String, String)> {
    let mut taken = BTreeMap::new();
    let others = table.stacks.iter();
    let others = others.filter(|stack| !stack.is_gone() && stack.id != own);
    for template in others.filter_map(|stack| checks::parsed(&stack.template)) {
        for (id, rule) in rules(&template) {
            taken.insert(place(rule), id.clone());
        }
    }
    rules(template).into_iter().find_map(|(id, rule)| {
        let (listener, priority) = place(rule);
        if taken.insert((listener, priority), id.clone()).is_some() {
            let reason = format!(
                "Priority '{priority}' is currently in use (Service: ElasticLoadBalancingV2, Status Code: 400)"
            );
            return Some((id.clone(), reason));
        }
        let values = rule["Conditions"].as_array().into_iter().flatten();
        let values = values.map(|one| {
            let values = one["HostHeaderConfig"]["Values"].as_array();
            values.map_or(0, Vec::len)
        });
        let reason = "A rule can only have '5' condition values (Service: ElasticLoadBalancingV2, Status Code: 400)";
        (values.sum::<usize>() > VALUES_MAX).then(|| (id.clone(), reason.to_owned()))
    })
}

/// The rules of a template, by logical id.
fn rules(template: &Value) -> Vec<(&String, &Value)> {
    let resources = template["Resources"].as_object().into_iter().flatten();
    let rules = resources.filter(|(_, resource)| resource["Type"] == LISTENER_RULE);
    rules.map(|(id, rule)| (id, &rule["Properties"])).collect()
}

fn place(rule: &Value) -> (String, u64) {
    let priority = rule["Priority"].as_u64().unwrap_or_default();
    (text(rule, "ListenerArn").to_owned(), priority)
}

/// Whether a part of a template names a resource.
fn names(part: &Value, id: &str) -> bool {
    match part {
        Value::Array(items) => items.iter().any(|item| names(item, id)),
        Value::Object(members) => members
            .iter()
            .any(|(key, value)| (key == "Ref" && value == id) || names(value, id)),
        _ => false,
    }
}
