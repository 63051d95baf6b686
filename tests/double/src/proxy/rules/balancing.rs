//! What an ECS service registers its tasks with: which target groups it can have, and which ports.
//!
//! Source: ECS API reference, `CreateService` and `UpdateService`, `loadBalancers`, `healthCheckGracePeriodSeconds`; messages: as
//! reported by users (aws/containers-roadmap#1206, hashicorp/terraform-provider-aws#3495, aws/copilot-cli#1948).

use serde_json::Value;

use super::super::{Refusal, Shared};
use super::{array, invalid_parameter, text};
use crate::stacks;

/// Source: ECS developer guide, "Register multiple target groups with a service".
const TARGET_GROUPS_MAX: usize = 5;

/// Checks what a service is attached to as `service` says, where it runs `definition`; null is one that is not named.
pub(super) fn check(shared: &Shared, service: &Value, definition: &Value) -> Result<(), Refusal> {
    let balancers = array(service, "loadBalancers");
    let grace = service["healthCheckGracePeriodSeconds"].as_i64();
    let is_checked = !balancers.is_empty() || !array(service, "gatewayConnectors").is_empty();
    if !is_checked && grace.is_some_and(|seconds| seconds > 0) {
        return Err(invalid_parameter(
            "Health check grace period is only valid for services configured to use load balancers",
        ));
    }
    if balancers.len() > TARGET_GROUPS_MAX {
        return Err(invalid_parameter(format!(
            "load balancers can have at most {TARGET_GROUPS_MAX} items."
        )));
    }
    let of_groups = balancers.iter();
    let of_groups = of_groups.filter(|balancer| !balancer["targetGroupArn"].is_null());
    for balancer in of_groups {
        check_group(shared, text(balancer, "targetGroupArn"))?;
        check_port(balancer, definition)?;
    }
    Ok(())
}

fn check_group(shared: &Shared, arn: &str) -> Result<(), Refusal> {
    let table = shared.stacks.lock().unwrap();
    match stacks::is_led_to(&table, arn) {
        Some(false) => Err(invalid_parameter(format!(
            "The target group with targetGroupArn {arn} does not have an associated load balancer."
        ))),
        _ => Ok(()),
    }
}

fn check_port(balancer: &Value, definition: &Value) -> Result<(), Refusal> {
    let containers = array(definition, "containerDefinitions");
    if containers.is_empty() {
        return Ok(());
    }
    let (name, port) = (text(balancer, "containerName"), &balancer["containerPort"]);
    let Some(container) = containers
        .iter()
        .find(|container| container["name"] == name)
    else {
        return Err(invalid_parameter(format!(
            "The container {name} does not exist in the task definition."
        )));
    };
    let mut ports = array(container, "portMappings").iter();
    if ports.any(|mapping| mapping["containerPort"] == *port) {
        return Ok(());
    }
    Err(invalid_parameter(format!(
        "The container {name} did not have a container port {port} defined."
    )))
}
