//! Which task definition revisions a service or a task may use.

use serde_json::{Value, json};

use super::super::Refusal;
use super::super::answer::{self, Answer};
use super::super::forward::Upstream;
use super::super::incoming::Incoming;
use super::client_exception;

/// A description by family alone is that of the newest `ACTIVE` revision.
///
/// Source: facts/aws.md 1.6 (ECS API reference, `DescribeTaskDefinition`); the emulator answers the newest of any status.
pub(super) async fn describe(upstream: &Upstream, incoming: &Incoming) -> Result<Answer, Refusal> {
    let named = incoming.body["taskDefinition"].as_str().unwrap_or_default();
    let name = named.rsplit('/').next().unwrap_or_default();
    if name.contains(':') {
        return Ok(upstream.forward(incoming).await);
    }
    let mut question = incoming.body.clone();
    loop {
        let found = upstream
            .ask(incoming, "DescribeTaskDefinition", &question)
            .await;
        let definition = &found["taskDefinition"];
        let revision = definition["revision"].as_u64().unwrap_or_default();
        match definition["status"].as_str() {
            Some("ACTIVE") => return Ok(answer::json(Ok(found))),
            Some(_) if revision > 1 => {
                question["taskDefinition"] = json!(format!("{name}:{}", revision - 1));
            }
            _ => return Err(client_exception("Unable to describe task definition.")),
        }
    }
}

/// The task definition that a call names, null when it names none; refuses one that is missing or `INACTIVE`.
///
/// Source: facts/aws.md 1.6 (no new `RunTask`, `CreateService` or `UpdateService` on an `INACTIVE` revision); the
/// emulator takes both (facts/toolchain.md 1.2).
pub(super) async fn check(upstream: &Upstream, incoming: &Incoming) -> Result<Value, Refusal> {
    let Some(named) = incoming.body["taskDefinition"].as_str() else {
        return Ok(Value::Null);
    };
    let question = json!({"taskDefinition": named});
    let mut answer = upstream
        .ask(incoming, "DescribeTaskDefinition", &question)
        .await;
    match answer["taskDefinition"]["status"].as_str() {
        Some("ACTIVE") => Ok(answer["taskDefinition"].take()),
        Some(_) => Err(client_exception("TaskDefinition is inactive")),
        None => Err(client_exception("Unable to describe task definition.")),
    }
}
