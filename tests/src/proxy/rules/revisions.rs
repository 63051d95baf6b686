//! Which task definition revisions a service or a task may use.

use serde_json::json;

use super::super::Refusal;
use super::super::forward::Upstream;
use super::super::incoming::Incoming;
use super::client_exception;

/// Refuses a revision that does not exist or is `INACTIVE`.
///
/// Source: facts/aws.md 1.6 (no new `RunTask`, `CreateService` or `UpdateService` on an `INACTIVE` revision); the
/// emulator takes both (facts/toolchain.md 1.2).
pub(super) async fn check(upstream: &Upstream, incoming: &Incoming) -> Result<(), Refusal> {
    let Some(named) = incoming.body["taskDefinition"].as_str() else {
        return Ok(());
    };
    let question = json!({"taskDefinition": named});
    let answer = upstream
        .ask(incoming, "DescribeTaskDefinition", &question)
        .await;
    match answer["taskDefinition"]["status"].as_str() {
        Some("ACTIVE") => Ok(()),
        Some(_) => Err(client_exception("TaskDefinition is inactive")),
        None => Err(client_exception("Unable to describe task definition.")),
    }
}
