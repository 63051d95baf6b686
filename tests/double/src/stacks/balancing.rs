//! Target groups, listeners and listener rules of all stacks of an account.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{StackTable, checks, text};

const TARGET_GROUP: &str = "AWS::ElasticLoadBalancingV2::TargetGroup";
const LISTENER: &str = "AWS::ElasticLoadBalancingV2::Listener";
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
        let mut leading = of_type(&template, LISTENER_RULE);
        leading.extend(of_type(&template, LISTENER));
        Some(leading.into_iter().any(|(_, rule)| names(rule, &id)))
    });
    found.next()
}

/// Why a rule or listener of a template is refused, beside the rules of the other stacks: its logical id and the reason.
pub(crate) fn refused(table: &StackTable, own: &str, template: &Value) -> Option<(String, String)> {
    let mut taken = BTreeMap::new();
    let others = table.stacks.iter();
    let others = others.filter(|stack| !stack.is_gone() && stack.id != own);
    for template in others.filter_map(|stack| checks::parsed(&stack.template)) {
        for (id, rule) in of_type(&template, LISTENER_RULE) {
            taken.insert(place(rule), id.clone());
        }
    }
    let rules = of_type(template, LISTENER_RULE).into_iter();
    let mut rules = rules.chain(of_type(template, LISTENER));
    let mut ports = BTreeSet::new();
    rules.find_map(|(id, rule)| {
        if rule["Conditions"].is_null() {
            let port = &rule["Port"];
            let of = rule["LoadBalancerArn"].to_string();
            let reason = format!(
                "A listener already exists on this port for this load balancer '{port}' (Service: ElasticLoadBalancingV2, Status Code: 400)"
            );
            let is_free = ports.insert((of, port.to_string()));
            return (!is_free).then(|| (id.clone(), reason));
        }
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

/// The resources of a type in a template, by logical id.
fn of_type<'t>(template: &'t Value, kind: &str) -> Vec<(&'t String, &'t Value)> {
    let resources = template["Resources"].as_object().into_iter().flatten();
    let such = resources.filter(|(_, resource)| resource["Type"] == kind);
    such.map(|(id, one)| (id, &one["Properties"])).collect()
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_load_balancer_has_one_listener_on_a_port() {
        let listener = |of: &str, port: u16| json!({"Type": LISTENER, "Properties": {"LoadBalancerArn": {"Ref": of}, "Port": port}});
        let table = StackTable::new("123456789012");
        for (other, is_refused) in [
            (listener("PublicNlb", 443), true),
            (listener("PublicNlb", 444), false),
            (listener("InternalNlb", 443), false),
        ] {
            let template = json!({"Resources": {"A": listener("PublicNlb", 443), "B": other}});
            let refused = refused(&table, "own", &template);
            let said = refused.map(|(id, why)| format!("{id}: {why}"));
            let want = is_refused.then_some("B: A listener already exists on this port");
            let says = said
                .as_deref()
                .map(|said| said.split(" for").next().unwrap());
            assert_eq!(says, want, "{said:?}");
        }
    }
}
