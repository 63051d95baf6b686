//! Deployments for which ECS moves requests from one target group to another: which a service can have, where its tasks are then, and
//! where the rules of listeners send requests. The emulator keeps what it is told and moves nothing.
//!
//! Source: ECS API reference, `DescribeServiceRevisions`, `ServiceDeployment`, `ContinueServiceDeployment`; ECS developer guide,
//! "Application Load Balancer resources for blue/green, linear, and canary deployments"; where the tasks of a first deployment are: as
//! users reported it (go-to-k/cdk-real-drift#1730).

mod checks;
mod course;
mod weights;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::super::Shared;
use super::super::answer::{self, Answer};
use super::super::incoming::Incoming;
use super::{array, text};

pub(super) use checks::check;
use course::{Act, Course};
use weights::Weights;

const ROLLING: &str = "ROLLING";

/// ECS services that are attached to target groups, by ARN, and the listener rules that lead there.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Shifts {
    services: BTreeMap<String, Shifted>,
    pub(in super::super) weights: Weights,
}

/// What ECS has moved, or moves, of one.
#[derive(Debug, Clone, Default)]
struct Shifted {
    groups: Vec<Shift>,
    /// The task definitions of its service revisions, the newest last.
    definitions: Vec<Value>,
    /// How many revisions there were with the last that was successful, now and before the newest deployment; 0 where none was.
    successful: usize,
    before: usize,
    /// The alarms that went off, where ECS has gone back.
    taken_back: Option<Vec<String>>,
    /// What is left to do of the newest deployment.
    course: Course,
}

/// One attachment.
#[derive(Debug, Clone)]
struct Shift {
    /// The target group with the tasks that requests were for before the newest deployment, and are for after it.
    live: String,
    /// The one that requests move to, and the rule by which they do.
    other: Option<(String, String)>,
}

impl Shifts {
    /// ECS goes back with the newest deployment of a service, since these alarms went off.
    pub(in super::super) fn take_back(&mut self, service: &str, alarms: &[&str]) {
        for shifted in of_name(&mut self.services, service) {
            shifted.taken_back = Some(alarms.iter().map(|name| (*name).to_owned()).collect());
            if shifted.course.is_over() {
                shifted.swap();
            }
            shifted.course = Course::default();
            shifted.successful = shifted.before;
            self.weights.settle(&shifted.groups);
        }
    }

    /// Moves the next share of the requests of a service, whatever else holds deployments; false where it waits for somebody, or nothing
    /// is left to move.
    pub(in super::super) fn step(&mut self, service: &str) -> bool {
        let mut has_moved = false;
        for shifted in of_name(&mut self.services, service) {
            has_moved |= shifted.step(&mut self.weights);
        }
        has_moved
    }

    /// All deployments go as far as nobody has to say that they may.
    pub(in super::super) fn go_on(&mut self) {
        for shifted in self.services.values_mut() {
            while shifted.step(&mut self.weights) {}
        }
    }

    /// Whether ECS is at a deployment of the service of that ARN.
    fn moves(&self, service_arn: &str) -> bool {
        let shifted = self.services.get(service_arn);
        shifted.is_some_and(|shifted| !shifted.course.is_over())
    }

    /// The rules of listeners that send requests where no task of an ECS service at rest is.
    pub(in super::super) fn astray(&self) -> BTreeSet<String> {
        let shifts = self.services.values().flat_map(|shifted| {
            let groups = shifted.groups.iter();
            groups.map(move |shift| (shift, shifted.course.is_over()))
        });
        let mut has_tasks = BTreeSet::new();
        for (shift, is_at_rest) in shifts {
            has_tasks.insert(shift.live.as_str());
            let other = shift.other.as_ref().filter(|_| !is_at_rest);
            has_tasks.extend(other.map(|(group, _)| group.as_str()));
        }
        self.weights.beside(&has_tasks)
    }
}

fn of_name<'s>(
    services: &'s mut BTreeMap<String, Shifted>,
    name: &str,
) -> impl Iterator<Item = &'s mut Shifted> {
    let end = format!("/{name}");
    let of_name = services
        .iter_mut()
        .filter(move |(arn, _)| arn.ends_with(&end));
    of_name.map(|(_, shifted)| shifted)
}

impl Shifted {
    fn newest(&self) -> usize {
        self.definitions.len()
    }

    /// Whether ECS moves requests for it.
    fn is_whole(&self) -> bool {
        self.groups.iter().any(|shift| shift.other.is_some())
    }

    fn swap(&mut self) {
        for shift in &mut self.groups {
            if let Some((other, _)) = &mut shift.other {
                std::mem::swap(&mut shift.live, other);
            }
        }
    }

    fn step(&mut self, weights: &mut Weights) -> bool {
        let Some(share) = self.course.step() else {
            return false;
        };
        for shift in &self.groups {
            weights.share(shift, share);
        }
        self.end_if_over();
        true
    }

    /// Once nothing is left to do, the tasks of now are where requests have moved.
    fn end_if_over(&mut self) {
        if self.course.is_over() {
            self.swap();
            self.successful = self.newest();
        }
    }

    /// The task definition that its tasks run; null where none was successful.
    fn runs(&self) -> &Value {
        let place = self.successful.checked_sub(1);
        let runs = place.and_then(|place| self.definitions.get(place));
        runs.unwrap_or(&Value::Null)
    }

    fn deployment(&self, service_arn: &str, holds: bool) -> Value {
        let newest = self.newest();
        let status = match (&self.taken_back, !self.course.is_over() || holds) {
            (Some(_), _) => "ROLLBACK_SUCCESSFUL",
            (None, true) => "IN_PROGRESS",
            (None, false) => "SUCCESSFUL",
        };
        let before = json!({"arn": revision(service_arn, self.before)});
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
        if let Some(Act::Pause(stage)) = self.course.next() {
            deployment["lifecycleStage"] = json!(stage);
            let hook = json!({
                "hookId": self.course.hook(),
                "targetType": "PAUSE",
                "status": "AWAITING_ACTION",
            });
            deployment["lifecycleHookDetails"] = json!([hook]);
        }
        deployment
    }

    /// Its service revisions, and in which target groups the tasks of each are.
    fn revisions(&self, service_arn: &str) -> Vec<Value> {
        let seen = (0..=self.newest()).map(|place| {
            let definition = place.checked_sub(1).and_then(|it| self.definitions.get(it));
            let comes = place == self.newest() && !self.course.is_over();
            let balancers = self.groups.iter().map(|shift| {
                let rule = shift.other.as_ref().map(|(_, rule)| rule);
                let other = shift.other.as_ref().map(|(group, _)| group);
                let group = other.filter(|_| comes).unwrap_or(&shift.live);
                json!({"targetGroupArn": group, "productionListenerRule": rule})
            });
            json!({
                "serviceRevisionArn": revision(service_arn, place),
                "serviceArn": service_arn,
                "taskDefinition": definition,
                "resolvedConfiguration": {"loadBalancers": balancers.collect::<Vec<_>>()},
            })
        });
        seen.collect()
    }

    /// Those that have tasks now.
    fn current(&self, service_arn: &str) -> Vec<Value> {
        // Where ECS has gone back none is made anew: that which was successful before has them.
        let comes = Some(self.newest()).filter(|_| !self.course.is_over());
        let stays = Some(self.successful).filter(|place| *place > 0 || comes.is_none());
        let places = stays.into_iter().chain(comes);
        let arns = places.map(|place| json!({"arn": revision(service_arn, place)}));
        arns.collect()
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

/// Where a service is attached as it was told.
fn told(service: &Value) -> Vec<Shift> {
    let owned = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let balancers = array(service, "loadBalancers").iter();
    let told = balancers.map(|balancer| {
        let advanced = &balancer["advancedConfiguration"];
        let other = owned(&advanced["alternateTargetGroupArn"]);
        let other = (other, owned(&advanced["productionListenerRule"]));
        Shift {
            live: owned(&balancer["targetGroupArn"]),
            other: Some(other).filter(|_| advanced.is_object()),
        }
    });
    told.collect()
}

/// The same, whichever of two has the tasks of now.
fn pairs(shifts: &[Shift]) -> BTreeSet<(BTreeSet<&str>, Option<&str>)> {
    let pairs = shifts.iter().map(|shift| {
        let other = shift.other.as_ref();
        let both = other
            .map(|(group, _)| group)
            .into_iter()
            .chain([&shift.live]);
        let rule = other.map(|(_, rule)| rule.as_str());
        (both.map(String::as_str).collect(), rule)
    });
    pairs.collect()
}

/// Notes where the tasks of a service are once ECS has taken the call: `service` as it was told, `stands` as it was.
pub(super) fn keep(shared: &Shared, service: &Value, stands: &Value, answer: &Answer) {
    if !answer.status().is_success() {
        return;
    }
    let answered: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let arn = text(&answered["service"], "serviceArn").to_owned();
    let configuration = &service["deploymentConfiguration"];
    let holds = shared.rollouts.lock().unwrap().holds();
    let mut shifts = shared.shifts.lock().unwrap();
    let shifts = &mut *shifts;
    let before = shifts.services.remove(&arn);
    // One that is created has nothing of one before of its name.
    let mut now = before.filter(|_| !stands.is_null()).unwrap_or_default();
    let told = told(service);
    if pairs(&now.groups) != pairs(&told) {
        now.groups = told;
    }
    if now.groups.is_empty() {
        return;
    }
    let definition = &answered["service"]["taskDefinition"];
    if now.is_whole() && definition != now.runs() {
        now.definitions.push(definition.clone());
        now.before = now.successful;
        now.taken_back = None;
        if strategy(configuration) == ROLLING {
            now.successful = now.newest();
        } else {
            now.course = Course::of(configuration, stands.is_null());
            while !holds && now.step(&mut shifts.weights) {}
        }
    }
    shifts.services.insert(arn, now);
}

/// The emulator's answer to `DescribeServices`, with the revisions of each service that has two target groups.
pub(super) fn applied(shared: &Shared, incoming: &Incoming, answer: Answer) -> Answer {
    let shifts = shared.shifts.lock().unwrap();
    if incoming.operation != "DescribeServices"
        || !answer.status().is_success()
        || !shifts.services.values().any(Shifted::is_whole)
    {
        return answer;
    }
    let mut body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let services = body["services"].as_array_mut().into_iter().flatten();
    for service in services {
        let arn = text(service, "serviceArn").to_owned();
        if let Some(shifted) = shifts.services.get(&arn).filter(|it| it.is_whole()) {
            service["currentServiceRevisions"] = json!(shifted.current(&arn));
        }
    }
    answer::json(Ok(body))
}

/// Whether ECS moves requests for a service, or did.
pub(super) fn knows(shared: &Shared, arn: &str) -> bool {
    let shifts = shared.shifts.lock().unwrap();
    shifts.services.get(arn).is_some_and(Shifted::is_whole)
}

/// What is asked of service revisions and deployments, which the emulator does not know; `None` for any other call.
pub(super) fn answered(shared: &Shared, incoming: &Incoming) -> Option<Answer> {
    let body = &incoming.body;
    let holds = shared.rollouts.lock().unwrap().holds();
    let mut shifts = shared.shifts.lock().unwrap();
    let all = || shifts.services.iter().filter(|(_, it)| it.is_whole());
    let answered = match incoming.operation.as_str() {
        "DescribeServiceRevisions" => {
            let named = array(body, "serviceRevisionArns");
            let seen = all().flat_map(|(arn, shifted)| shifted.revisions(arn));
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
            let Shifts { services, weights } = &mut *shifts;
            for (arn, shifted) in services {
                let hook = text(body, "hookId");
                if deployment_arn(arn, shifted.newest()) == named && shifted.course.goes_on(hook) {
                    shifted.end_if_over();
                    while !holds && shifted.step(weights) {}
                }
            }
            json!({"serviceDeploymentArn": named})
        }
        _ => return None,
    };
    Some(answer::json(Ok(answered)))
}
