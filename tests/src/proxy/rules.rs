//! The rules of AWS that the emulator lacks, one file per subject. Each names its source.

mod events;
mod fargate;
mod key_management;
mod revisions;
mod schedule;
mod task_definition;

use super::answer::{self, Answer};
use super::incoming::Incoming;
use super::{Refusal, Shared};

/// Answers a call as AWS would: refused by a rule, from our own model, or by the emulator.
pub(super) async fn answer(shared: &Shared, incoming: &Incoming) -> Answer {
    let upstream = &shared.upstream;
    let body = &incoming.body;
    let checked = match (incoming.service.as_str(), incoming.operation.as_str()) {
        ("secretsmanager", operation) => {
            return answer::json(shared.secrets.lock().unwrap().call(operation, body));
        }
        ("events", "PutEvents") => return events::put_events(upstream, incoming).await,
        ("kms", _) => return key_management::answer(shared, incoming).await,
        ("ecs", "RegisterTaskDefinition") => task_definition::check(body),
        ("ecs", "CreateService" | "UpdateService" | "RunTask") => {
            revisions::check(upstream, incoming).await
        }
        ("events", "PutRule") => schedule::check_rule(body),
        ("events", "PutTargets") => events::check_targets(upstream, incoming).await,
        _ => Ok(()),
    };
    match checked {
        Ok(()) => upstream.forward(incoming).await,
        Err(refusal) => answer::json(Err(refusal)),
    }
}

fn client_exception(message: impl Into<String>) -> Refusal {
    Refusal::new("ClientException", message)
}

fn validation(message: impl Into<String>) -> Refusal {
    Refusal::new("ValidationException", message)
}
