//! Which task definition revisions a service or a task may use.

use serde_json::{Value, json};

use super::super::Refusal;
use super::super::forward::Upstream;
use super::super::incoming::Incoming;
use super::client_exception;

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
