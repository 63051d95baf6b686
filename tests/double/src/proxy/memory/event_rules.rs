//! `EventBridge`: the rules of the default bus and their targets. Events are taken, and go nowhere.

use serde_json::{Value, json};

use super::super::Refusal;
use super::{Outcome, State, page, text, unknown};

const TAG_NAMES: [&str; 4] = ["ResourceARN", "Tags", "Key", "TagKeys"];
const TOKEN: [&str; 2] = ["NextToken", "NextToken"];

#[derive(Debug, Clone)]
pub(super) struct Rule {
    rule: Value,
    targets: Vec<Value>,
}

pub(super) fn answer(state: &mut State, operation: &str, body: &Value) -> Outcome {
    match operation {
        "PutEvents" => Ok(put_events(state, body)),
        "PutRule" => Ok(put(state, body)),
        "DescribeRule" => Ok(find(state, text(body, "Name"))?.rule.clone()),
        "ListRules" => Ok(list(state, body)),
        "DeleteRule" => {
            let arn = state.arn("events", &format!("rule/{}", text(body, "Name")));
            state.rules.remove(text(body, "Name"));
            state.tags.remove(&arn);
            Ok(json!({}))
        }
        "PutTargets" => put_targets(state, body),
        "ListTargetsByRule" => {
            let rule = find(state, text(body, "Rule"))?;
            Ok(page(&rule.targets, body, "Limit", "Targets", TOKEN))
        }
        "RemoveTargets" => {
            let gone = body["Ids"].as_array().cloned().unwrap_or_default();
            let rule = find(state, text(body, "Rule"))?;
            rule.targets.retain(|target| !gone.contains(&target["Id"]));
            Ok(json!({"FailedEntryCount": 0, "FailedEntries": []}))
        }
        "TagResource" | "UntagResource" | "ListTagsForResource" => {
            state.tagged(operation, body, TAG_NAMES)
        }
        other => unknown("events", other),
    }
}

fn put_events(state: &mut State, body: &Value) -> Value {
    let count = body["Entries"].as_array().map_or(0, Vec::len);
    let entries: Vec<Value> = (0..count).map(|_| json!({"EventId": state.id()})).collect();
    json!({"FailedEntryCount": 0, "Entries": entries})
}

fn put(state: &mut State, body: &Value) -> Value {
    let name = text(body, "Name");
    let arn = state.arn("events", &format!("rule/{name}"));
    let mut rule = body.clone();
    if let Some(members) = rule.as_object_mut() {
        if let Some(Value::Array(tags)) = members.remove("Tags") {
            state.tags.insert(arn.clone(), tags);
        }
        members.retain(|_, value| *value != "");
        members.insert("Arn".to_owned(), json!(arn));
        members.insert("EventBusName".to_owned(), json!("default"));
    }
    let targets = state.rules.remove(name).map(|old| old.targets);
    let targets = targets.unwrap_or_default();
    state.rules.insert(name.to_owned(), Rule { rule, targets });
    json!({"RuleArn": arn})
}

fn put_targets(state: &mut State, body: &Value) -> Outcome {
    let rule = find(state, text(body, "Rule"))?;
    for target in body["Targets"].as_array().into_iter().flatten() {
        rule.targets.retain(|old| old["Id"] != target["Id"]);
        rule.targets.push(target.clone());
    }
    Ok(json!({"FailedEntryCount": 0, "FailedEntries": []}))
}

fn list(state: &State, body: &Value) -> Value {
    let prefix = text(body, "NamePrefix");
    let rules = state
        .rules
        .iter()
        .filter(|(name, _)| name.starts_with(prefix));
    let rules: Vec<Value> = rules.map(|(_, rule)| rule.rule.clone()).collect();
    page(&rules, body, "Limit", "Rules", TOKEN)
}

fn find<'s>(state: &'s mut State, name: &str) -> Result<&'s mut Rule, Refusal> {
    state.rules.get_mut(name).ok_or_else(|| {
        let message = format!("Rule {name} does not exist on EventBus default.");
        Refusal::new("ResourceNotFoundException", message)
    })
}
