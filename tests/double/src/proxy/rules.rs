//! The rules of AWS that the emulator lacks, one file per subject. Each names its source.

mod balancing;
mod commands;
mod draining;
mod event_rules;
mod events;
mod fargate;
mod gateways;
mod instances;
mod key_management;
mod launch;
mod rebalancing;
mod revisions;
mod rollouts;
mod schedule;
mod scheduler;
mod services;
mod shifts;
mod stacks;
mod tags;
mod task_definition;
mod tasks;

pub(super) use commands::Commands;
pub(super) use draining::Draining;
pub(super) use gateways::Gateways;
pub(super) use instances::instance;
pub(super) use rebalancing::Rebalancing;
pub(super) use rollouts::Rollouts;
pub(super) use services::Creations;
pub(super) use shifts::Shifts;
pub(super) use tasks::Runs;

use super::answer::{self, Answer};
use super::incoming::Incoming;
use super::{Refusal, Shared};

/// Answers a call as AWS would: refused by a rule, from our own model, or by the emulator.
pub(super) async fn answer(shared: &Shared, incoming: &Incoming) -> Answer {
    let answered = match incoming.service.as_str() {
        "secretsmanager" => {
            let mut secrets = shared.secrets.lock().unwrap();
            secrets
                .call(&incoming.operation, &incoming.body)
                .map(|body| answer::json(Ok(body)))
        }
        "ecs" => ecs(shared, incoming).await,
        "events" => eventbridge(shared, incoming).await,
        "cloudformation" => return stacks::answer(shared, incoming).await,
        "scheduler" => scheduler::answer(shared, incoming).await,
        "kms" => key_management::answer(shared, incoming).await,
        _ => Ok(shared.upstream.forward(incoming).await),
    };
    answered.unwrap_or_else(|refusal| answer::json(Err(refusal)))
}

async fn ecs(shared: &Shared, incoming: &Incoming) -> Result<Answer, Refusal> {
    let (upstream, body) = (&shared.upstream, &incoming.body);
    if let Some(answer) = rollouts::answered(shared, incoming) {
        return Ok(answer);
    }
    if let Some(answered) = gateways::answered(shared, incoming) {
        return answered;
    }
    if let Some(answer) = shifts::answered(shared, incoming) {
        return Ok(answer);
    }
    if let Some(answer) = commands::answered(shared, incoming) {
        return Ok(answer);
    }
    match incoming.operation.as_str() {
        "RegisterTaskDefinition" => task_definition::check(body)?,
        "CreateService" => return services::create(shared, incoming).await,
        "UpdateService" => return services::update(shared, incoming).await,
        "DescribeServices" => services::check_description(body)?,
        "ListContainerInstances" => return Ok(answer::json(Ok(instances::list(shared)))),
        "DescribeContainerInstances" => return instances::describe(shared, body),
        "DescribeTaskDefinition" => return revisions::describe(upstream, incoming).await,
        "RunTask" => return tasks::run(shared, incoming).await,
        "TagResource" => tags::check(body, "tags")?,
        _ => {}
    }
    let answer = upstream.forward(incoming).await;
    let answer = rebalancing::applied(shared, incoming, answer);
    let answer = rollouts::applied(shared, incoming, answer);
    let answer = shifts::applied(shared, incoming, answer);
    Ok(draining::applied(shared, incoming, answer))
}

async fn eventbridge(shared: &Shared, incoming: &Incoming) -> Result<Answer, Refusal> {
    let upstream = &shared.upstream;
    match incoming.operation.as_str() {
        "PutEvents" => return events::put_events(upstream, incoming).await,
        "PutRule" => return event_rules::put(upstream, incoming).await,
        "DeleteRule" => event_rules::check_deletion(upstream, incoming).await?,
        "PutTargets" => events::check_targets(upstream, incoming).await?,
        "ListTargetsByRule" | "RemoveTargets" => {
            event_rules::check_exists(upstream, incoming).await?;
        }
        "TagResource" => tags::check(&incoming.body, "Tags")?,
        _ => {}
    }
    Ok(upstream.forward(incoming).await)
}

fn client_exception(message: impl Into<String>) -> Refusal {
    Refusal::new("ClientException", message)
}

fn invalid_parameter(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidParameterException", message)
}

fn validation(message: impl Into<String>) -> Refusal {
    Refusal::new("ValidationException", message)
}

/// The same of a query protocol.
fn validation_error(message: impl Into<String>) -> Refusal {
    Refusal::new("ValidationError", message)
}

fn text<'a>(object: &'a serde_json::Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

fn array<'a>(object: &'a serde_json::Value, field: &str) -> &'a [serde_json::Value] {
    object[field].as_array().map_or(&[], Vec::as_slice)
}
