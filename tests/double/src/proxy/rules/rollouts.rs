//! Deployments of ECS services that are complete or take their time, and tasks of services that stopped: the emulator's go by its
//! clock, and it runs no container that could stop.
//!
//! Source: ECS API reference, `Deployment` (`rolloutState`), `ListTasks` (`serviceName`, `desiredStatus`), `Task`.

use serde_json::{Value, json};

use super::super::Shared;
use super::super::answer::{self, Answer};
use super::super::incoming::Incoming;
use super::{array, text};

/// What the test makes of deployments.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Rollouts {
    holds: bool,
    /// Tasks that stopped, each with the ECS service that it was of.
    stopped: Vec<(String, Value)>,
}

impl Rollouts {
    pub(in super::super) fn hold(&mut self) {
        self.holds = true;
    }

    /// Whether deployments take their time.
    pub(super) fn holds(&self) -> bool {
        self.holds
    }

    pub(in super::super) fn end(&mut self) {
        self.holds = false;
    }

    pub(in super::super) fn stop(&mut self, service: &str, task: Value) {
        self.stopped.push((service.to_owned(), task));
    }
}

/// The tasks that stopped, where those are asked for; `None` for any other call.
pub(super) fn answered(shared: &Shared, incoming: &Incoming) -> Option<Answer> {
    let rollouts = shared.rollouts.lock().unwrap();
    let body = &incoming.body;
    let arns = |tasks: &[&Value]| -> Vec<Value> {
        tasks.iter().map(|task| task["taskArn"].clone()).collect()
    };
    let tasks: Vec<&Value> = match incoming.operation.as_str() {
        "ListTasks" if text(body, "desiredStatus") == "STOPPED" => {
            let service = text(body, "serviceName");
            let of_service = rollouts.stopped.iter().filter(|(name, _)| name == service);
            of_service.map(|(_, task)| task).collect()
        }
        "DescribeTasks" => {
            let named = array(body, "tasks");
            let stopped = rollouts.stopped.iter().map(|(_, task)| task);
            stopped
                .filter(|task| named.contains(&task["taskArn"]))
                .collect()
        }
        _ => return None,
    };
    match incoming.operation.as_str() {
        "ListTasks" => Some(answer::json(Ok(json!({"taskArns": arns(&tasks)})))),
        _ if tasks.is_empty() => None,
        _ => Some(answer::json(Ok(json!({"tasks": tasks, "failures": []})))),
    }
}

/// The emulator's answer, with deployments that are complete, or take their time, as the test wants it: the emulator's own go by
/// its clock.
pub(super) fn applied(shared: &Shared, incoming: &Incoming, answer: Answer) -> Answer {
    let holds = shared.rollouts.lock().unwrap().holds;
    if incoming.operation != "DescribeServices" || !answer.status().is_success() {
        return answer;
    }
    let state = if holds { "IN_PROGRESS" } else { "COMPLETED" };
    let mut body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let services = body["services"].as_array_mut().into_iter().flatten();
    for service in services {
        let deployments = service["deployments"].as_array_mut().into_iter().flatten();
        for deployment in deployments.filter(|it| it["status"] == "PRIMARY") {
            deployment["rolloutState"] = json!(state);
        }
    }
    answer::json(Ok(body))
}
