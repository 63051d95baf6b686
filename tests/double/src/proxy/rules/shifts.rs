//! Deployments for which ECS moves requests from one target group to another: which a service can have, and where its tasks are then. The
//! emulator keeps what it is told and moves nothing.
//!
//! Source: ECS API reference, `DeploymentConfiguration`, `CanaryConfiguration`, `LinearConfiguration`, `AdvancedConfiguration`,
//! `DescribeServiceRevisions`; ECS developer guide, "Update the Amazon ECS deployment strategy", "Required resources for Amazon ECS
//! blue/green deployments"; where the tasks of a first deployment are: as users reported it (go-to-k/cdk-real-drift#1730). Messages are
//! ours.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::super::answer::{self, Answer};
use super::super::incoming::Incoming;
use super::super::{Refusal, Shared};
use super::{array, invalid_parameter, text};

const ROLLING: &str = "ROLLING";
const BAKE_MAX: f64 = 1440.0;

/// ECS services with two target groups for each attachment, by ARN.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Shifts {
    services: BTreeMap<String, Shifted>,
}

/// What ECS has moved, or moves, of one.
#[derive(Debug, Clone, Default)]
struct Shifted {
    groups: Vec<Shift>,
    /// The task definitions of its service revisions, the newest last.
    definitions: Vec<Value>,
    /// The alarms that went off, where ECS has gone back.
    taken_back: Option<Vec<String>>,
    /// Whether somebody has to say that it may go on.
    pauses: bool,
}

#[derive(Debug, Clone)]
struct Shift {
    live: Value,
    other: Value,
    rule: Value,
}

impl Shifts {
    /// ECS goes back with the newest deployment of a service, since these alarms went off.
    pub(in super::super) fn take_back(&mut self, service: &str, alarms: &[&str]) {
        let end = format!("/{service}");
        for (_, shifted) in self
            .services
            .iter_mut()
            .filter(|(arn, _)| arn.ends_with(&end))
        {
            shifted.taken_back = Some(alarms.iter().map(|name| (*name).to_owned()).collect());
            for shift in &mut shifted.groups {
                std::mem::swap(&mut shift.live, &mut shift.other);
            }
        }
    }
}

impl Shifted {
    fn newest(&self) -> usize {
        self.definitions.len()
    }

    fn deployment(&self, service_arn: &str, holds: bool) -> Value {
        let newest = self.newest();
        let status = match (&self.taken_back, self.pauses || holds) {
            (Some(_), _) => "ROLLBACK_SUCCESSFUL",
            (None, true) => "IN_PROGRESS",
            (None, false) => "SUCCESSFUL",
        };
        let before = json!({"arn": revision(service_arn, newest.saturating_sub(1))});
        let mut deployment = json!({
            "serviceDeploymentArn": deployment_arn(service_arn, newest),
            "serviceArn": service_arn,
            "createdAt": seconds(),
            "status": status,
            "targetServiceRevision": {"arn": revision(service_arn, newest)},
            "sourceServiceRevisions": [before],
            "alarms": {"triggeredAlarmNames": self.taken_back.clone().unwrap_or_default()},
        });
        if self.taken_back.is_some() {
            let began = seconds();
            deployment["rollback"] =
                json!({"serviceRevisionArn": before["arn"], "startedAt": began});
        }
        if self.pauses {
            deployment["lifecycleStage"] = json!("PRE_PRODUCTION_TRAFFIC_SHIFT");
            let hook =
                json!({"hookId": "hook-1", "targetType": "PAUSE", "status": "AWAITING_ACTION"});
            deployment["lifecycleHookDetails"] = json!([hook]);
        }
        deployment
    }
}

fn revision(service_arn: &str, place: usize) -> String {
    let arn = service_arn.replace(":service/", ":service-revision/");
    format!("{arn}/{place}")
}

fn deployment_arn(service_arn: &str, number: usize) -> String {
    let arn = service_arn.replace(":service/", ":service-deployment/");
    format!("{arn}/{number}")
}

fn seconds() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs())
}

fn strategy(configuration: &Value) -> &str {
    match text(configuration, "strategy") {
        "" => ROLLING,
        strategy => strategy,
    }
}

/// Checks how the tasks of a service are replaced; `stands` is how they were, null where it is created.
pub(super) fn check(
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
    if !stands.is_null() && before != strategy && shared.rollouts.lock().unwrap().holds() {
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

/// Notes where the tasks of a service are once ECS has taken the call: `service` as it was told, `stands` as it was.
pub(super) fn keep(shared: &Shared, service: &Value, stands: &Value, answer: &Answer) {
    if !answer.status().is_success() {
        return;
    }
    let answered: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let arn = text(&answered["service"], "serviceArn").to_owned();
    let moves = strategy(&service["deploymentConfiguration"]) != ROLLING
        && answered["service"]["taskDefinition"] != stands["taskDefinition"];
    let balancers = array(service, "loadBalancers").iter();
    let told = balancers.filter(|balancer| balancer["advancedConfiguration"].is_object());
    let told = told.map(|balancer| {
        let advanced = &balancer["advancedConfiguration"];
        Shift {
            live: balancer["targetGroupArn"].clone(),
            other: advanced["alternateTargetGroupArn"].clone(),
            rule: advanced["productionListenerRule"].clone(),
        }
    });
    let told: Vec<Shift> = told.collect();
    let mut shifts = shared.shifts.lock().unwrap();
    let is_new = service["loadBalancers"] != stands["loadBalancers"];
    let mut now = shifts.services.remove(&arn).unwrap_or_default();
    if is_new {
        now.groups = told;
    }
    if now.groups.is_empty() {
        return;
    }
    if moves {
        let hooks = array(&service["deploymentConfiguration"], "lifecycleHooks");
        now.definitions
            .push(answered["service"]["taskDefinition"].clone());
        now.pauses = hooks.iter().any(|hook| hook["targetType"] == "PAUSE");
        now.taken_back = None;
        for shift in &mut now.groups {
            std::mem::swap(&mut shift.live, &mut shift.other);
        }
    }
    shifts.services.insert(arn, now);
}

/// The emulator's answer to `DescribeServices`, with a revision of each service that has two target groups.
pub(super) fn applied(shared: &Shared, incoming: &Incoming, answer: Answer) -> Answer {
    let shifts = shared.shifts.lock().unwrap();
    if incoming.operation != "DescribeServices"
        || !answer.status().is_success()
        || shifts.services.is_empty()
    {
        return answer;
    }
    let mut body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let services = body["services"].as_array_mut().into_iter().flatten();
    for service in services {
        let arn = text(service, "serviceArn").to_owned();
        if let Some(shifted) = shifts.services.get(&arn) {
            let revision = revision(&arn, shifted.newest());
            service["currentServiceRevisions"] = json!([{"arn": revision}]);
        }
    }
    answer::json(Ok(body))
}

/// What is asked of service revisions and deployments, which the emulator does not know; `None` for any other call.
pub(super) fn answered(shared: &Shared, incoming: &Incoming) -> Option<Answer> {
    let body = &incoming.body;
    let holds = shared.rollouts.lock().unwrap().holds();
    let mut shifts = shared.shifts.lock().unwrap();
    let all = || shifts.services.iter();
    let answered = match incoming.operation.as_str() {
        "DescribeServiceRevisions" => {
            let named = array(body, "serviceRevisionArns");
            let seen = all().flat_map(|(arn, shifted)| revisions(arn, shifted));
            let seen = seen.filter(|one| named.contains(&one["serviceRevisionArn"]));
            json!({"serviceRevisions": seen.collect::<Vec<_>>(), "failures": []})
        }
        "ListServiceDeployments" => {
            let name = text(body, "service").rsplit('/').next().unwrap_or_default();
            let end = format!("/{name}");
            let seen = all().filter(|(arn, shifted)| arn.ends_with(&end) && shifted.newest() > 0);
            let seen = seen.map(|(arn, shifted)| shifted.deployment(arn, holds));
            let wanted = array(body, "status");
            let seen = seen.filter(|it| wanted.is_empty() || wanted.contains(&it["status"]));
            json!({"serviceDeployments": seen.collect::<Vec<_>>()})
        }
        "DescribeServiceDeployments" => {
            let named = array(body, "serviceDeploymentArns");
            let seen = all().map(|(arn, shifted)| shifted.deployment(arn, holds));
            let seen = seen.filter(|it| named.contains(&it["serviceDeploymentArn"]));
            json!({"serviceDeployments": seen.collect::<Vec<_>>(), "failures": []})
        }
        "ContinueServiceDeployment" => {
            let named = text(body, "serviceDeploymentArn");
            for (arn, shifted) in &mut shifts.services {
                if deployment_arn(arn, shifted.newest()) == named {
                    shifted.pauses = false;
                }
            }
            json!({"serviceDeploymentArn": named})
        }
        _ => return None,
    };
    Some(answer::json(Ok(answered)))
}

fn revisions(arn: &str, shifted: &Shifted) -> Vec<Value> {
    let balancers = shifted
        .groups
        .iter()
        .map(|shift| json!({"targetGroupArn": shift.live, "productionListenerRule": shift.rule}));
    let resolved = json!({"loadBalancers": balancers.collect::<Vec<_>>()});
    let places = 0..=shifted.newest();
    let seen = places.map(|place| {
        let definition = place
            .checked_sub(1)
            .and_then(|it| shifted.definitions.get(it));
        json!({
            "serviceRevisionArn": revision(arn, place),
            "serviceArn": arn,
            "taskDefinition": definition,
            "resolvedConfiguration": resolved,
        })
    });
    seen.collect()
}
