//! Which deployments a service can have.
//!
//! Source: ECS API reference, `DeploymentConfiguration`, `CanaryConfiguration`, `LinearConfiguration`, `AdvancedConfiguration`; ECS
//! developer guide, "Update the Amazon ECS deployment strategy", "Required resources for Amazon ECS blue/green deployments". Messages
//! are ours.

use serde_json::Value;

use super::super::super::{Refusal, Shared};
use super::super::{array, invalid_parameter, text};
use super::{ROLLING, strategy};

const BAKE_MAX: f64 = 1440.0;

/// Checks how the tasks of a service are replaced; `stands` is how they were, null where it is created.
pub(in super::super) fn check(
    shared: &Shared,
    service: &Value,
    told: &Value,
    stands: &Value,
) -> Result<(), Refusal> {
    let configuration = if told.is_null() { stands } else { told };
    let strategy = strategy(configuration);
    let refused = |message: String| Err(invalid_parameter(message));
    let between = |value: &Value, least: f64, most: f64| {
        value.is_null()
            || value
                .as_f64()
                .is_some_and(|value| (least..=most).contains(&value))
    };
    let most = BAKE_MAX;
    let (canary, linear) = (
        &configuration["canaryConfiguration"],
        &configuration["linearConfiguration"],
    );
    if !between(&configuration["bakeTimeInMinutes"], 0.0, most)
        || !between(&canary["canaryBakeTimeInMinutes"], 0.0, most)
        || !between(&linear["stepBakeTimeInMinutes"], 0.0, most)
        || !between(&canary["canaryPercent"], 0.1, 100.0)
        || !between(&linear["stepPercent"], 3.0, 100.0)
    {
        return refused("A bake time or a percentage is out of range.".to_owned());
    }
    for (part, of) in [(canary, "CANARY"), (linear, "LINEAR")] {
        if !part.is_null() && strategy != of {
            return refused(format!("That configuration is of the strategy {of} alone."));
        }
    }
    let alarms = &configuration["alarms"];
    if alarms["enable"] == true && array(alarms, "alarmNames").is_empty() {
        return refused("Alarms are enabled, and none is named.".to_owned());
    }
    if strategy != ROLLING {
        check_shifted(service, configuration, strategy)?;
    }
    let before = self::strategy(stands);
    let is_moving = shared
        .shifts
        .lock()
        .unwrap()
        .moves(text(service, "serviceArn"));
    let is_deploying = is_moving || shared.rollouts.lock().unwrap().holds();
    if !stands.is_null() && before != strategy && is_deploying {
        return refused("A deployment is in progress, so the strategy stays.".to_owned());
    }
    Ok(())
}

fn check_shifted(service: &Value, configuration: &Value, strategy: &str) -> Result<(), Refusal> {
    let refused = |message: String| Err(invalid_parameter(message));
    if service["schedulingStrategy"] == "DAEMON" {
        return refused(format!("The strategy {strategy} is not for DAEMON."));
    }
    if strategy == "BLUE_GREEN" && configuration["bakeTimeInMinutes"].is_null() {
        return refused("bakeTimeInMinutes is required.".to_owned());
    }
    if configuration["deploymentCircuitBreaker"]["enable"] == true {
        return refused("The deployment circuit breaker is for ROLLING.".to_owned());
    }
    let balancers = array(service, "loadBalancers");
    let is_whole = |balancer: &Value| {
        let advanced = &balancer["advancedConfiguration"];
        let names = [
            "alternateTargetGroupArn",
            "productionListenerRule",
            "roleArn",
        ];
        names.iter().all(|name| !text(advanced, name).is_empty())
    };
    if balancers.is_empty() || !balancers.iter().all(is_whole) {
        return refused(format!(
            "The strategy {strategy} needs advancedConfiguration."
        ));
    }
    Ok(())
}
