//! Whether a task definition can be launched as a service or a task asks: network, launch type and ECS Exec.

use serde_json::Value;

use super::super::Refusal;
use super::{array, fargate, invalid_parameter, text};

const SUBNETS_MAX: usize = 16;
const GROUPS_MAX: usize = 5;

/// Checks `request` (a `CreateService`, a `RunTask`, or an updated service) against its task definition.
pub(super) fn check(request: &Value, definition: &Value) -> Result<(), Refusal> {
    if definition.is_null() {
        return Ok(()); // it changes nothing about its task definition
    }
    check_exec(request, definition)?;
    let on_fargate = is_on_fargate(request);
    check_launch_type(on_fargate, definition)?;
    let network = &request["networkConfiguration"]["awsvpcConfiguration"];
    check_network_mode(definition, network)?;
    check_network(network, on_fargate)
}

/// Source: ECS developer guide, "Troubleshoot Amazon ECS Exec issues" and what ECS answers, as users reported it (a task role is
/// needed); for `RunTask` the same.
fn check_exec(request: &Value, definition: &Value) -> Result<(), Refusal> {
    if request["enableExecuteCommand"] == true && text(definition, "taskRoleArn").is_empty() {
        return Err(invalid_parameter(
            "The service couldn't be created because a valid taskRoleArn is not being used. Specify a valid task role in your \
             task definition and try again.",
        ));
    }
    Ok(())
}

/// Source: ECS API reference, `CreateService`, `launchType` and `capacityProviderStrategy` (`FARGATE`, `FARGATE_SPOT`).
fn is_on_fargate(request: &Value) -> bool {
    let providers = array(request, "capacityProviderStrategy").iter();
    let mut providers = providers.map(|item| text(item, "capacityProvider"));
    text(request, "launchType") == "FARGATE" || providers.any(|name| name.starts_with("FARGATE"))
}

/// Source: ECS API reference, `TaskDefinition.compatibilities` (validated when it is registered); message: as reported.
fn check_launch_type(on_fargate: bool, definition: &Value) -> Result<(), Refusal> {
    let fits = text(definition, "networkMode") == "awsvpc"
        && fargate::exists(text(definition, "cpu"), text(definition, "memory"));
    if on_fargate && !fits {
        return Err(invalid_parameter(
            "Task definition does not support launch_type FARGATE.",
        ));
    }
    Ok(())
}

/// Source: ECS API reference, `CreateService`, `networkConfiguration` (required for the network mode `awsvpc`, not
/// supported for the others); messages: as reported.
fn check_network_mode(definition: &Value, network: &Value) -> Result<(), Refusal> {
    match (text(definition, "networkMode"), network.is_null()) {
        ("awsvpc", true) => Err(invalid_parameter(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        )),
        ("awsvpc", false) | (_, true) => Ok(()),
        (_, false) => Err(invalid_parameter(
            "Network Configuration is not valid for the given networkMode of this task definition.",
        )),
    }
}

/// Source: ECS API reference, `AwsVpcConfiguration` (1 to 16 subnets, at most 5 groups), and "Allocate a network
/// interface for an Amazon ECS task" (no public address with the EC2 launch type).
fn check_network(network: &Value, on_fargate: bool) -> Result<(), Refusal> {
    if network.is_null() {
        return Ok(());
    }
    let subnets = array(network, "subnets").len();
    if !(1..=SUBNETS_MAX).contains(&subnets) {
        let message = format!("subnets can have 1 to {SUBNETS_MAX} items, not {subnets}.");
        return Err(invalid_parameter(message));
    }
    let groups = array(network, "securityGroups").len();
    if groups > GROUPS_MAX {
        let message = format!("securityGroups can have at most {GROUPS_MAX} items, not {groups}.");
        return Err(invalid_parameter(message));
    }
    if text(network, "assignPublicIp") == "ENABLED" && !on_fargate {
        return Err(invalid_parameter(
            "Assign public IP is not supported for this launch type.",
        ));
    }
    Ok(())
}
