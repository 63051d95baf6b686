//! Where the rules of listeners send requests: as the stack that has a rule wrote it last, or ECS, whichever was later.
//!
//! CloudFormation compares templates, so it writes a rule that changes there, and writes the one before where it goes back. Source:
//! CloudFormation user guide, "Update behaviors of stack resources".

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::{array, text};
use super::Shift;
use crate::stacks::rule_arn;

const LISTENER_RULE: &str = "AWS::ElasticLoadBalancingV2::ListenerRule";
/// Of all requests, in tenths of a percent.
const ALL: u32 = 1000;

/// The weights of target groups, by the ARN of the rule.
#[derive(Debug, Clone, Default)]
pub(in super::super::super) struct Weights {
    rules: BTreeMap<String, BTreeMap<String, u32>>,
}

impl Weights {
    /// The weights of a rule, by the ARN of the target group.
    pub(in super::super::super) fn of(&self, rule: &str) -> Option<&BTreeMap<String, u32>> {
        self.rules.get(rule)
    }

    /// A stack has come from one template to another; null is none.
    pub(in super::super::super) fn written(
        &mut self,
        (before, now): (&Value, &Value),
        outputs: &BTreeMap<String, String>,
    ) {
        for (id, _) in rules(before).filter(|(id, _)| now["Resources"][id.as_str()].is_null()) {
            self.rules.remove(&rule_arn(id));
        }
        for (id, rule) in rules(now).filter(|(id, rule)| before["Resources"][id.as_str()] != **rule)
        {
            self.rules.insert(rule_arn(id), of_rule(rule, outputs));
        }
    }

    /// A stack could not come from one template to another, and has gone back.
    pub(in super::super::super) fn written_back(
        &mut self,
        (before, tried): (&Value, &Value),
        outputs: &BTreeMap<String, String>,
    ) {
        let changed = rules(before).filter(|(id, rule)| tried["Resources"][id.as_str()] != **rule);
        for (id, rule) in changed {
            self.rules.insert(rule_arn(id), of_rule(rule, outputs));
        }
    }

    /// ECS moves a share of the requests to the new tasks.
    pub(super) fn share(&mut self, shift: &Shift, share: u32) {
        if let Some((other, rule)) = &shift.other {
            let [old, new] = lowest([ALL.saturating_sub(share), share]);
            let weights = [(shift.live.clone(), old), (other.clone(), new)];
            self.rules.insert(rule.clone(), BTreeMap::from(weights));
        }
    }

    /// All requests are for the tasks that had them.
    pub(super) fn settle(&mut self, shifts: &[Shift]) {
        for shift in shifts {
            self.share(shift, 0);
        }
    }

    /// The rules by which requests come to other target groups than these.
    pub(super) fn beside(&self, has_tasks: &BTreeSet<&str>) -> BTreeSet<String> {
        let leads_beside = |weights: &BTreeMap<String, u32>| {
            let mut weights = weights.iter();
            weights.any(|(group, weight)| *weight > 0 && !has_tasks.contains(group.as_str()))
        };
        let astray = self.rules.iter().filter(|(_, it)| leads_beside(it));
        astray.map(|(rule, _)| rule.clone()).collect()
    }
}

fn rules(template: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let resources = template["Resources"].as_object().into_iter().flatten();
    resources.filter(|(_, resource)| text(resource, "Type") == LISTENER_RULE)
}

fn of_rule(rule: &Value, outputs: &BTreeMap<String, String>) -> BTreeMap<String, u32> {
    let action = &rule["Properties"]["Actions"][0];
    let arn = |group: &Value| {
        let id = text(&group["TargetGroupArn"], "Ref");
        outputs.get(id).cloned().unwrap_or_else(|| id.to_owned())
    };
    let groups = array(&action["ForwardConfig"], "TargetGroups");
    if groups.is_empty() {
        return BTreeMap::from([(arn(action), 1)]);
    }
    let weight = |group: &Value| group["Weight"].as_u64().and_then(|it| it.try_into().ok());
    let groups = groups.iter();
    groups
        .map(|group| (arn(group), weight(group).unwrap_or(1)))
        .collect()
}

/// The same share in the smallest numbers; a load balancer takes up to 999.
fn lowest([one, other]: [u32; 2]) -> [u32; 2] {
    let (mut divisor, mut rest) = (one, other);
    while rest > 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    [one, other].map(|weight| weight.checked_div(divisor).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template(weights: [u32; 2], priority: u32) -> Value {
        let groups = [("One", weights[0]), ("Two", weights[1])];
        let groups =
            groups.map(|(id, weight)| json!({"TargetGroupArn": {"Ref": id}, "Weight": weight}));
        json!({"Resources": {"Rule": {"Type": LISTENER_RULE, "Properties": {
            "Priority": priority,
            "Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}],
        }}}})
    }

    #[test]
    fn the_last_who_wrote_a_rule_says_where_it_leads() {
        let outputs = ["One", "Two"].map(|id| (id.to_owned(), format!("arn:{id}")));
        let outputs = BTreeMap::from(outputs);
        let mut weights = Weights::default();
        let [first, moved, other] = [([100, 0], 1), ([100, 0], 2), ([0, 100], 1)]
            .map(|(weights, priority)| template(weights, priority));
        let shift = Shift {
            live: "arn:One".to_owned(),
            other: Some(("arn:Two".to_owned(), rule_arn("Rule"))),
        };
        let said = |weights: &Weights| {
            let of_rule = weights.of(&rule_arn("Rule")).cloned().unwrap_or_default();
            of_rule.into_values().collect::<Vec<u32>>()
        };
        weights.written((&Value::Null, &first), &outputs);
        assert_eq!(said(&weights), [100, 0]);
        weights.share(&shift, 25);
        assert_eq!(said(&weights), [39, 1]);
        weights.written((&first, &first), &outputs);
        assert_eq!(said(&weights), [39, 1], "nothing of it changed");
        weights.share(&shift, ALL);
        assert_eq!(said(&weights), [0, 1]);
        weights.written((&first, &moved), &outputs);
        assert_eq!(said(&weights), [100, 0], "all of it is written");
        weights.share(&shift, ALL);
        weights.written_back((&first, &moved), &outputs);
        assert_eq!(said(&weights), [100, 0], "also on the way back");
        weights.written((&first, &other), &outputs);
        assert_eq!(said(&weights), [0, 100]);
        assert!(weights.beside(&BTreeSet::from(["arn:Two"])).is_empty());
        let beside = weights.beside(&BTreeSet::from(["arn:One"]));
        assert_eq!(beside, BTreeSet::from([rule_arn("Rule")]));
        weights.written((&first, &json!({})), &outputs);
        assert_eq!(said(&weights), [0_u32; 0]);
    }
}
