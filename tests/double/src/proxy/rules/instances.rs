//! The container instances of a cluster, which the emulator does not have.
//!
//! Source: ECS API reference, `ListContainerInstances`, `DescribeContainerInstances` (1 to 100 at once), `VersionInfo`.

use serde_json::{Value, json};

use super::super::answer::{self, Answer};
use super::super::{Refusal, Shared};
use super::{array, invalid_parameter, text};

const DESCRIBED_MAX: usize = 100;

/// A container instance as ECS describes it; the last part of its ARN serves as EC2's id.
pub(in super::super) fn instance(arn: &str, agent_version: &str) -> Value {
    json!({
        "containerInstanceArn": arn,
        "ec2InstanceId": arn.rsplit('/').next(),
        "status": "ACTIVE",
        "versionInfo": {"agentVersion": agent_version, "agentHash": "0123abc", "dockerVersion": "DockerVersion: 25.0.0"},
    })
}

pub(super) fn list(shared: &Shared) -> Value {
    let instances = shared.instances.lock().unwrap();
    let arns = instances
        .iter()
        .map(|instance| &instance["containerInstanceArn"]);
    json!({"containerInstanceArns": arns.collect::<Vec<_>>()})
}

pub(super) fn describe(shared: &Shared, body: &Value) -> Result<Answer, Refusal> {
    let named = array(body, "containerInstances");
    if !(1..=DESCRIBED_MAX).contains(&named.len()) {
        return Err(invalid_parameter(
            "Container instances must have 1 to 100 items.",
        ));
    }
    let instances = shared.instances.lock().unwrap();
    let is_named = |instance: &&Value| named.contains(&instance["containerInstanceArn"]);
    let found: Vec<&Value> = instances.iter().filter(is_named).collect();
    let is_known = |arn: &&Value| {
        found
            .iter()
            .any(|found| text(found, "containerInstanceArn") == **arn)
    };
    let missing = named.iter().filter(|arn| !is_known(arn));
    let missing: Vec<Value> = missing
        .map(|arn| json!({"arn": arn, "reason": "MISSING"}))
        .collect();
    Ok(answer::json(Ok(
        json!({"containerInstances": found, "failures": missing}),
    )))
}
