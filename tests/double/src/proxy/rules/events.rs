//! What `EventBridge` refuses in events and in targets.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::Refusal;
use super::super::answer::{self, Answer};
use super::super::forward::Upstream;
use super::super::incoming::Incoming;
use super::{array, event_rules, text, validation};

const ENTRIES_MAX: usize = 10;
const SIZE_MAX: usize = 256 * 1024;
const TARGETS_MAX: usize = 5;
const TARGET_INPUT_MAX: usize = 8192;

/// Answers `PutEvents`: each entry is accepted or not on its own, with status 200.
///
/// Source: facts/aws.md 4.1.
pub(super) async fn put_events(
    upstream: &Upstream,
    incoming: &Incoming,
) -> Result<Answer, Refusal> {
    let entries = array(&incoming.body, "Entries");
    check_entries(entries)?;
    let refused: Vec<Option<Value>> = entries.iter().map(refusal_of).collect();
    let good: Vec<&Value> = entries
        .iter()
        .zip(&refused)
        .filter_map(|(entry, refused)| refused.is_none().then_some(entry))
        .collect();
    if good.len() == entries.len() {
        return Ok(upstream.forward(incoming).await);
    }
    let mut accepted = Vec::new();
    if !good.is_empty() {
        let answer = upstream
            .forward_with(incoming, &json!({"Entries": good}))
            .await;
        let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        accepted = body["Entries"].as_array().cloned().unwrap_or_default();
    }
    Ok(answer::json(Ok(merge(refused, accepted))))
}

/// Source: facts/aws.md 4.1 (1 to 10 entries, under 256 KiB).
fn check_entries(entries: &[Value]) -> Result<(), Refusal> {
    if entries.is_empty() || entries.len() > ENTRIES_MAX {
        let message = format!(
            "1 validation error detected: Value at 'entries' failed to satisfy constraint: \
             Member must have length between 1 and {ENTRIES_MAX}, not {}",
            entries.len()
        );
        return Err(validation(message));
    }
    let fields = ["Source", "DetailType", "Detail"];
    let size: usize = entries
        .iter()
        .flat_map(|entry| fields.map(|field| entry[field].as_str().unwrap_or_default().len()))
        .sum();
    if size >= SIZE_MAX {
        return Err(validation(
            "Total size of the entries in the request is over the limit.",
        ));
    }
    Ok(())
}

/// Source: facts/aws.md 4.1 (required fields, `Detail` a JSON object, no source that starts with `aws.`).
fn refusal_of(entry: &Value) -> Option<Value> {
    let text = |field: &str| entry[field].as_str().unwrap_or_default();
    let refuse =
        |code: &str, message: &str| Some(json!({"ErrorCode": code, "ErrorMessage": message}));
    if text("Source").starts_with("aws.") {
        return refuse(
            "NotAuthorizedForSourceException",
            "Not authorized for the source.",
        );
    }
    for field in ["Source", "DetailType", "Detail"] {
        if text(field).is_empty() {
            let message =
                format!("Parameter {field} is not valid. Reason: {field} is a required argument.");
            return refuse("InvalidArgument", &message);
        }
    }
    if text("DetailType").len() > 128 {
        return refuse("InvalidArgument", "Parameter DetailType is not valid.");
    }
    match serde_json::from_str(text("Detail")) {
        Ok(Value::Object(_)) => None,
        _ => refuse("MalformedDetail", "Detail is malformed."),
    }
}

fn merge(refused: Vec<Option<Value>>, accepted: Vec<Value>) -> Value {
    let mut accepted = accepted.into_iter();
    let entries: Vec<Value> = refused
        .into_iter()
        .map(|refused| refused.or_else(|| accepted.next()).unwrap_or_default())
        .collect();
    let failed = entries
        .iter()
        .filter(|entry| entry["ErrorCode"].is_string());
    json!({"FailedEntryCount": failed.count(), "Entries": entries})
}

/// Source: facts/aws.md 4.2 (5 targets per rule, ids, `Input` at most 8192) and 4.3 (ECS parameters).
pub(super) async fn check_targets(upstream: &Upstream, incoming: &Incoming) -> Result<(), Refusal> {
    let targets = array(&incoming.body, "Targets");
    targets.iter().try_for_each(check_target)?;
    event_rules::check_exists(upstream, incoming).await?;
    let question = event_rules::question(incoming, "Rule", "Rule");
    let answer = upstream.ask(incoming, "ListTargetsByRule", &question).await;
    let all = array(&answer, "Targets").iter().chain(targets);
    let ids: BTreeSet<&str> = all.map(|target| text(target, "Id")).collect();
    if ids.len() > TARGETS_MAX {
        let message = "The requested resource exceeds the maximum number allowed.";
        return Err(Refusal::new("LimitExceededException", message));
    }
    Ok(())
}

fn check_target(target: &Value) -> Result<(), Refusal> {
    super::schedule::check_id("Id", text(target, "Id"))?;
    if text(target, "Input").len() > TARGET_INPUT_MAX {
        return Err(validation(
            "Parameter Input is not valid: it is longer than 8192 characters.",
        ));
    }
    let ecs = &target["EcsParameters"];
    if ecs.is_null() {
        return Ok(());
    }
    if text(ecs, "TaskDefinitionArn").is_empty() {
        return Err(validation("Parameter TaskDefinitionArn is required."));
    }
    if ecs["LaunchType"] == "FARGATE" && ecs["NetworkConfiguration"].is_null() {
        return Err(validation(
            "Parameter NetworkConfiguration must be specified for launch type FARGATE.",
        ));
    }
    check_role(target)
}

/// Source: `EventBridge` user guide, "Permissions for targets" (ECS tasks are started with the target's role).
fn check_role(target: &Value) -> Result<(), Refusal> {
    if text(target, "RoleArn").is_empty() {
        let message = format!("RoleArn is required for target {}.", text(target, "Arn"));
        return Err(validation(message));
    }
    Ok(())
}
