//! Release commands: their tasks end when the test wants it, since the emulator runs no container that could.
//!
//! The exit code is the number behind the last `exit ` of the command, else 0. Source: ECS API reference, `Task` (`stopCode`,
//! `stoppedReason`), `ListTasks` (`startedBy`: tasks that run); developer guide, "Task state change events".

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::super::Shared;
use super::super::answer::{self, Answer};
use super::super::incoming::Incoming;
use super::{array, text};
use crate::clock;
use crate::stacks::End;

/// What `startedBy` of a release command has between Rack and App.
const MARK: &str = "/release/";

/// The tasks of release commands.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Commands {
    holds: bool,
    /// Why the next ones do not start.
    failing: Option<String>,
    /// Oldest first, as `DescribeTasks` shows them, and when each was started.
    tasks: Vec<(DateTime<Utc>, Value)>,
    /// The ARNs of those that it shows no more.
    forgotten: Vec<Value>,
}

impl Commands {
    pub(in super::super) fn hold(&mut self) {
        self.holds = true;
    }

    pub(in super::super) fn fail(&mut self, reason: Option<&str>) {
        self.failing = reason.map(str::to_owned);
    }

    /// Forgets how they ended, as ECS does after an hour.
    pub(in super::super) fn forget(&mut self) {
        let stopped = self.tasks().into_iter();
        let stopped = stopped.filter(|task| task["lastStatus"] == "STOPPED");
        self.forgotten
            .extend(stopped.map(|task| task["taskArn"].clone()));
    }

    /// Notes a task that was started, if it is one.
    pub(super) fn started(&mut self, task: &Value) {
        if text(task, "startedBy").contains(MARK) {
            self.tasks.push((clock::now(), task.clone()));
        }
    }

    pub(in super::super) fn tasks(&self) -> Vec<Value> {
        self.tasks.iter().map(|(_, task)| task.clone()).collect()
    }

    /// Ends those that are as old and not held.
    pub(in super::super) fn end_unheld(&mut self, age: Duration) -> Vec<End> {
        if self.holds {
            Vec::new()
        } else {
            self.end(age)
        }
    }

    /// Ends all; later ones are not held.
    pub(in super::super) fn end_all(&mut self) -> Vec<End> {
        self.holds = false;
        self.end(Duration::ZERO)
    }

    fn end(&mut self, age: Duration) -> Vec<End> {
        let age = TimeDelta::from_std(age).unwrap_or_default();
        let (now, failing) = (clock::now(), self.failing.clone());
        let tasks = self.tasks.iter_mut();
        let running =
            tasks.filter(|(at, task)| task["lastStatus"] != "STOPPED" && *at + age <= now);
        let ends = running.map(|(_, task)| {
            stop(task, failing.as_deref());
            let app = text(task, "startedBy").split(MARK).nth(1);
            let app = app.and_then(|rest| rest.split('/').next());
            End {
                app: app.map(str::to_owned),
                event: event(task),
            }
        });
        ends.collect()
    }
}

fn stop(task: &mut Value, failing: Option<&str>) {
    let overridden = &task["overrides"]["containerOverrides"][0];
    let command = array(overridden, "command").last();
    let command = command.and_then(Value::as_str).unwrap_or_default();
    let code = command.rsplit_once("exit ").map_or("0", |(_, code)| code);
    let code: i32 = code.trim().parse().unwrap_or_default();
    let mut container = json!({"name": overridden["name"], "lastStatus": "STOPPED"});
    if failing.is_none() {
        container["exitCode"] = json!(code);
    }
    let stop_code = match failing {
        None => "EssentialContainerExited",
        Some(_) => "TaskFailedToStart",
    };
    task["containers"] = json!([container]);
    task["lastStatus"] = json!("STOPPED");
    task["desiredStatus"] = json!("STOPPED");
    task["stopCode"] = json!(stop_code);
    task["stoppedReason"] = json!(failing.unwrap_or("Essential container in task exited"));
}

/// As `EventBridge` has it.
fn event(task: &Value) -> Value {
    let arn = text(task, "taskArn");
    let mut parts = arn.split(':').skip(3);
    let (region, account) = (parts.next(), parts.next());
    let time = clock::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let members = [
        "taskArn",
        "clusterArn",
        "taskDefinitionArn",
        "lastStatus",
        "desiredStatus",
        "startedBy",
        "stopCode",
        "stoppedReason",
        "containers",
        "overrides",
    ];
    let detail: serde_json::Map<String, Value> = members
        .iter()
        .map(|name| ((*name).to_owned(), task[*name].clone()))
        .collect();
    json!({
        "version": "0", "id": format!("ended-{}", arn.rsplit('/').next().unwrap_or_default()),
        "detail-type": "ECS Task State Change", "source": "aws.ecs", "account": account, "time": time,
        "region": region, "resources": [arn], "detail": detail,
    })
}

/// What the double itself knows of these tasks; `None` for any other call.
pub(super) fn answered(shared: &Shared, incoming: &Incoming) -> Option<Answer> {
    let commands = shared.commands.lock().unwrap();
    let (body, tasks) = (&incoming.body, commands.tasks.iter().map(|(_, task)| task));
    match incoming.operation.as_str() {
        "ListTasks" if text(body, "startedBy").contains(MARK) => {
            let of_this = tasks.filter(|task| task["startedBy"] == body["startedBy"]);
            let running = of_this.filter(|task| task["desiredStatus"] != "STOPPED");
            let arns: Vec<&Value> = running.map(|task| &task["taskArn"]).collect();
            Some(answer::json(Ok(json!({"taskArns": arns}))))
        }
        "DescribeTasks" => {
            let named = array(body, "tasks");
            let known: Vec<&Value> = tasks
                .filter(|task| named.contains(&task["taskArn"]))
                .collect();
            let is_all = !known.is_empty() && known.len() == named.len();
            let is_shown = |task: &&&Value| !commands.forgotten.contains(&task["taskArn"]);
            let shown: Vec<&&Value> = known.iter().filter(is_shown).collect();
            is_all.then(|| answer::json(Ok(json!({"tasks": shown, "failures": []}))))
        }
        _ => None,
    }
}
