//! `CloudFormation`: what a stack looks like is ours, what an operation does is the emulator's.

mod effect;
mod limits;
mod scaling;
mod secrets;

use serde_json::Value;

use super::super::answer::{self, Answer};
use super::super::incoming::Incoming;
use super::super::{Refusal, Shared, xml};
use super::text;
use crate::stacks::{self, Begun, Effect};

/// A stack that nobody created here, a Rack's own for example, is the emulator's alone.
pub(super) async fn answer(shared: &Shared, incoming: &Incoming) -> Answer {
    let (operation, body) = (incoming.operation.as_str(), &incoming.body);
    let name = text(body, "StackName");
    let known = shared.stacks.lock().unwrap().knows(name);
    let outcome = match operation {
        "CreateStack" if body["TemplateURL"].is_null() => begin(shared, operation, body).await,
        "UpdateStack" | "DeleteStack" if known => begin(shared, operation, body).await,
        "DescribeStacks" if known || name.is_empty() => {
            shared.stacks.lock().unwrap().describe(body)
        }
        "DescribeStackEvents" if known => shared.stacks.lock().unwrap().describe_events(body),
        // One that is gone has a template only by its ARN; the emulator finds it by name.
        "GetTemplate" if known || had(shared, name) => shared.stacks.lock().unwrap().template(body),
        _ => return shared.upstream.forward(incoming).await,
    };
    answer::query(operation, outcome)
}

/// Whether a stack of that name was deleted.
fn had(shared: &Shared, name: &str) -> bool {
    shared.stacks.lock().unwrap().had(name)
}

async fn begin(shared: &Shared, operation: &str, body: &Value) -> Result<String, Refusal> {
    let begun = {
        let mut stacks = shared.stacks.lock().unwrap();
        match operation {
            "CreateStack" => stacks.create(body)?,
            "UpdateStack" => stacks.update(body)?,
            _ => stacks.delete(body)?,
        }
    };
    let id = match begun {
        Begun::Already { id } => id,
        Begun::Now {
            id, fails: true, ..
        } => {
            write_rules(shared, (operation, &id), body, None);
            id
        }
        Begun::Now { id, number, .. } => {
            let effect = take_effect(shared, operation, &id, body).await;
            if let Ok(effect) = &effect {
                write_rules(shared, (operation, &id), body, Some(effect));
            }
            let mut stacks = shared.stacks.lock().unwrap();
            match effect {
                Ok(effect) => stacks.has_effect(&id, number, effect),
                Err(refusal) => {
                    stacks.withdraw(&id);
                    return Err(refusal);
                }
            }
            id
        }
    };
    Ok(match operation {
        "DeleteStack" => String::new(),
        _ => xml::element("StackId", &id),
    })
}

/// What the operation makes of the rules of listeners: where it fails, those that it has changed are written back.
fn write_rules(
    shared: &Shared,
    (operation, id): (&str, &str),
    body: &Value,
    effect: Option<&Effect>,
) {
    let (before, standing) = shared.stacks.lock().unwrap().stands(id);
    let now = serde_json::from_str(text(body, "TemplateBody")).unwrap_or_default();
    let weights = &mut shared.shifts.lock().unwrap().weights;
    let done = effect.filter(|effect| effect.failure.is_none());
    match (operation, done) {
        ("CreateStack", Some(effect)) => weights.written((&Value::Null, &now), &effect.outputs),
        ("UpdateStack", Some(effect)) => weights.written((&before, &now), &effect.outputs),
        ("UpdateStack", None) => weights.written_back((&before, &now), &standing),
        ("DeleteStack", Some(effect)) => weights.written((&before, &Value::Null), &effect.outputs),
        _ => {}
    }
}

async fn take_effect(
    shared: &Shared,
    operation: &str,
    id: &str,
    body: &Value,
) -> Result<Effect, Refusal> {
    let name = id.rsplit('/').nth(1).unwrap_or_default();
    let before = match operation {
        "UpdateStack" => shared.stacks.lock().unwrap().standing_template(id),
        _ => Value::Null,
    };
    if let Some(effect) = limits::exceeded(body, &before) {
        return Ok(effect);
    }
    let template: Value = serde_json::from_str(text(body, "TemplateBody")).unwrap_or_default();
    let refused = stacks::refused(&shared.stacks.lock().unwrap(), id, &template);
    if let Some((rule, reason)) = refused {
        let kind = text(&template["Resources"][&rule], "Type").to_owned();
        return Ok(Effect::failed(rule, kind, reason));
    }
    if let Some(effect) = scaling::refused(shared, body, &before).await {
        return Ok(effect);
    }
    if let Some(memory) = shared.upstream.memory() {
        return Ok(memory.stack(operation, name, body));
    }
    let stacks = shared.upstream.emulated_stacks();
    let stacks = stacks.expect("what is not in memory is in the emulator");
    let effect = effect::take(stacks, operation, name, body).await?;
    let secrets = secrets::of(shared, stacks, name).await;
    let mut store = shared.secrets.lock().unwrap();
    store.adopt(name, secrets);
    Ok(effect)
}
