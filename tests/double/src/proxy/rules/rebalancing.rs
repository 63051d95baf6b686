//! Availability Zone rebalancing: what excludes it, and what a service has; the emulator does not know it.
//!
//! Source: ECS API reference, `CreateService` and `UpdateService`, `availabilityZoneRebalancing` (a creation that says nothing
//! has it where that is possible, an update keeps what stands); ECS developer guide, "Balancing an Amazon ECS service across
//! Availability Zones". Messages: as reported by users (hashicorp/terraform-provider-aws#43577, aws/aws-cdk#32263).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::answer::{self, Answer};
use super::super::incoming::Incoming;
use super::super::{Refusal, Shared};
use super::{array, invalid_parameter, text};

const ENABLED: &str = "ENABLED";
const DISABLED: &str = "DISABLED";

/// `ENABLED` or `DISABLED` of each ECS service, by ARN; what is not here never had a value.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Rebalancing {
    services: BTreeMap<String, &'static str>,
}

impl Rebalancing {
    /// Shows a service with what it has.
    pub(super) fn apply(&self, service: &mut Value) {
        let stands = self.services.get(text(service, "serviceArn"));
        if service.is_object() {
            service["availabilityZoneRebalancing"] = json!(stands.copied().unwrap_or(DISABLED));
        }
    }
}

/// What a creation asks for, or gets.
pub(super) fn check_creation(body: &Value) -> Result<&'static str, Refusal> {
    let excluded = exclusion(body, &body["deploymentConfiguration"]);
    match (asked(body)?, excluded) {
        (Some(ENABLED), Some(by)) => Err(refused(by)),
        (Some(value), _) => Ok(value),
        (None, Some(_)) => Ok(DISABLED),
        (None, None) => Ok(ENABLED),
    }
}

/// What a standing service, as it is described, has after an update.
pub(super) fn check_update(body: &Value, service: &Value) -> Result<&'static str, Refusal> {
    let mut configuration = service["deploymentConfiguration"].clone();
    if !body["deploymentConfiguration"]["maximumPercent"].is_null() {
        configuration["maximumPercent"] = body["deploymentConfiguration"]["maximumPercent"].clone();
    }
    let stands = text(service, "availabilityZoneRebalancing");
    let stands = if stands == ENABLED { ENABLED } else { DISABLED };
    let value = asked(body)?.unwrap_or(stands);
    match exclusion(service, &configuration).filter(|_| value == ENABLED) {
        Some(by) => Err(refused(by)),
        None => Ok(value),
    }
}

/// Keeps what a service has, once ECS has taken the call.
pub(super) fn keep(shared: &Shared, value: &'static str, answer: Answer) -> Answer {
    if !answer.status().is_success() {
        return answer;
    }
    let mut body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let arn = text(&body["service"], "serviceArn").to_owned();
    let mut rebalancing = shared.rebalancing.lock().unwrap();
    rebalancing.services.insert(arn, value);
    rebalancing.apply(&mut body["service"]);
    answer::json(Ok(body))
}

/// The emulator's answer to `DescribeServices`, with what each has.
pub(super) fn applied(shared: &Shared, incoming: &Incoming, answer: Answer) -> Answer {
    if incoming.operation != "DescribeServices" || !answer.status().is_success() {
        return answer;
    }
    let mut body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let rebalancing = shared.rebalancing.lock().unwrap();
    let services = body["services"].as_array_mut().into_iter().flatten();
    services.for_each(|service| rebalancing.apply(service));
    answer::json(Ok(body))
}

fn asked(body: &Value) -> Result<Option<&'static str>, Refusal> {
    match text(body, "availabilityZoneRebalancing") {
        "" => Ok(None),
        ENABLED => Ok(Some(ENABLED)),
        DISABLED => Ok(Some(DISABLED)),
        _ => Err(invalid_parameter(
            "availabilityZoneRebalancing must be ENABLED or DISABLED.",
        )),
    }
}

/// What of a service excludes it.
fn exclusion(service: &Value, configuration: &Value) -> Option<&'static str> {
    let maximum = configuration["maximumPercent"].as_i64();
    let classic = |balancer: &Value| !text(balancer, "loadBalancerName").is_empty();
    if service["schedulingStrategy"] == "DAEMON" {
        return Some("the DAEMON scheduling strategy");
    }
    if maximum.is_some_and(|maximum| maximum <= 100) {
        return Some("a maximumPercent of 100 or less");
    }
    let classic = array(service, "loadBalancers").iter().any(classic);
    classic.then_some("a Classic Load Balancer")
}

fn refused(by: &str) -> Refusal {
    invalid_parameter(format!(
        "Availability Zone rebalancing does not support {by}."
    ))
}
