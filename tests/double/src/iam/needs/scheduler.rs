//! EventBridge Scheduler: the schedules of the Rack's group.

use serde_json::Value;

use super::super::facts::Facts;
use super::{Need, Row, needs_of_target, pass_role, text, unknown};
use crate::proxy::Call;

const OPERATION: &str =
    "SAR for EventBridge Scheduler: the action of the operation's name, on the schedule";
const LIST: &str = "SAR for EventBridge Scheduler: ListSchedules has no resource type";
const PASS: &str = "Scheduler user guide, \"Identity and access management\": iam:PassRole to scheduler.amazonaws.com";
const SEND: &str = "Scheduler user guide, \"Configuring a dead-letter queue\": the execution role sends to the queue";

pub(super) fn needs(facts: &Facts<'_>, call: &Call) -> Row {
    let body = &call.body;
    match call.operation.as_str() {
        "GetSchedule" | "DeleteSchedule" => Ok(vec![on_schedule(facts, call)]),
        "CreateSchedule" | "UpdateSchedule" => {
            let role = text(&body["Target"], "RoleArn");
            let pass = pass_role(role, "scheduler.amazonaws.com", PASS);
            Ok(vec![on_schedule(facts, call), pass])
        }
        "ListSchedules" => Ok(vec![Need::new("scheduler:ListSchedules", "*", LIST)]),
        _ => unknown(call),
    }
}

/// What Scheduler does with the role of a schedule's target, when its time has come and where that fails.
#[must_use]
pub fn needs_of_schedule(facts: &Facts<'_>, target: &Value) -> Vec<Need> {
    let mut needs = needs_of_target(facts, target);
    let queue = text(&target["DeadLetterConfig"], "Arn");
    needs.push(Need::new("sqs:SendMessage", queue, SEND));
    needs
}

fn on_schedule(facts: &Facts<'_>, call: &Call) -> Need {
    let (group, name) = (text(&call.body, "GroupName"), text(&call.body, "Name"));
    let schedule = facts
        .deployment
        .arn("scheduler", &format!("schedule/{group}/{name}"));
    let action = format!("scheduler:{}", call.operation);
    Need::new(&action, schedule, OPERATION)
}
