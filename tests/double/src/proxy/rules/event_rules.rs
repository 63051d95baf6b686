//! `EventBridge` rules: what `PutRule`, `DeleteRule` and the calls about targets do and refuse.

use serde_json::{Value, json};

use super::super::Refusal;
use super::super::answer::Answer;
use super::super::forward::Upstream;
use super::super::incoming::Incoming;
use super::{schedule, tags, text, validation};

/// Replaces the whole rule but not its tags; the emulator keeps what is left out and replaces the tags.
///
/// Source: facts/aws.md 4.3 ("omitted arguments become null"); `EventBridge` API reference, `PutRule` (tags are ignored
/// for an existing rule, `EventPattern` or `ScheduleExpression` is needed, `State` is `ENABLED` by default).
pub(super) async fn put(upstream: &Upstream, incoming: &Incoming) -> Result<Answer, Refusal> {
    let mut rule = incoming.body.clone();
    schedule::check_rule(&rule)?;
    tags::check(&rule, "Tags")?;
    let fires = ["EventPattern", "ScheduleExpression"];
    if fires.iter().all(|field| text(&rule, field).is_empty()) {
        return Err(validation(
            "Parameter(s) EventPattern or ScheduleExpression must be specified.",
        ));
    }
    for (field, default) in [("State", "ENABLED"), ("Description", ""), ("RoleArn", "")] {
        if rule[field].is_null() {
            rule[field] = json!(default);
        }
    }
    if exists(upstream, incoming, "Name").await {
        rule["Tags"].take();
    }
    let fields = rule.as_object_mut().into_iter();
    fields.for_each(|fields| fields.retain(|_, value| !value.is_null()));
    Ok(upstream.forward_with(incoming, &rule).await)
}

/// Source: `EventBridge` API reference, `DeleteRule` ("Before you can delete the rule, you must remove all targets");
/// the emulator deletes them with the rule.
pub(super) async fn check_deletion(
    upstream: &Upstream,
    incoming: &Incoming,
) -> Result<(), Refusal> {
    let question = question(incoming, "Name", "Rule");
    let answer = upstream.ask(incoming, "ListTargetsByRule", &question).await;
    match answer["Targets"].as_array() {
        Some(targets) if !targets.is_empty() => {
            Err(validation("Rule can't be deleted since it has targets."))
        }
        _ => Ok(()),
    }
}

/// Refuses targets of a rule that does not exist.
///
/// Source: `EventBridge` API reference, `ListTargetsByRule`, `PutTargets` and `RemoveTargets` (`ResourceNotFoundException`);
/// the emulator removes targets of a missing rule, and lists none.
pub(super) async fn check_exists(upstream: &Upstream, incoming: &Incoming) -> Result<(), Refusal> {
    if exists(upstream, incoming, "Rule").await {
        return Ok(());
    }
    let rule = text(&incoming.body, "Rule");
    let message = format!("Rule {rule} does not exist on EventBus {}.", bus(incoming));
    Err(Refusal::new("ResourceNotFoundException", message))
}

/// The question about a rule's targets: its name stands in `field` of the request, and in `asked` of the question.
pub(super) fn question(incoming: &Incoming, field: &str, asked: &str) -> Value {
    json!({asked: incoming.body[field], "EventBusName": bus(incoming)})
}

async fn exists(upstream: &Upstream, incoming: &Incoming, field: &str) -> bool {
    let question = question(incoming, field, "Name");
    let rule = upstream.ask(incoming, "DescribeRule", &question).await;
    !rule.is_null()
}

fn bus(incoming: &Incoming) -> &str {
    incoming.body["EventBusName"].as_str().unwrap_or("default")
}
