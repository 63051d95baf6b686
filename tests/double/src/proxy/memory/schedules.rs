//! `EventBridge` Scheduler: groups and the schedules in them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::Refusal;
use super::{Outcome, State, page, text, unknown};

const TOKEN: [&str; 2] = ["NextToken", "NextToken"];

/// All of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Schedules {
    groups: BTreeSet<String>,
    /// By group and name.
    schedules: BTreeMap<(String, String), Value>,
}

pub(super) fn answer(state: &mut State, operation: &str, body: &Value) -> Outcome {
    let name = text(body, "Name").to_owned();
    let group = body["GroupName"].as_str().unwrap_or("default").to_owned();
    let all = &mut state.schedules;
    let key = (group.clone(), name.clone());
    let missing = || {
        let message = format!("Schedule {name} does not exist.");
        Refusal::new("ResourceNotFoundException", message)
    };
    match operation {
        "CreateScheduleGroup" => {
            all.groups.insert(name.clone());
            let arn = state.arn("scheduler", &format!("schedule-group/{name}"));
            Ok(json!({"ScheduleGroupArn": arn}))
        }
        "CreateSchedule" if all.schedules.contains_key(&key) => {
            let message = format!("Schedule {name} already exists.");
            Err(Refusal::new("ConflictException", message))
        }
        "CreateSchedule" if group != "default" && !all.groups.contains(&group) => {
            let message = format!("Schedule group {group} does not exist.");
            Err(Refusal::new("ResourceNotFoundException", message))
        }
        "UpdateSchedule" if !all.schedules.contains_key(&key) => Err(missing()),
        "CreateSchedule" | "UpdateSchedule" => {
            let arn = state.arn("scheduler", &format!("schedule/{group}/{name}"));
            let mut schedule = body.clone();
            schedule["Arn"] = json!(arn);
            schedule["GroupName"] = json!(group);
            state.schedules.schedules.insert(key, schedule);
            Ok(json!({"ScheduleArn": arn}))
        }
        "GetSchedule" => all.schedules.get(&key).cloned().ok_or_else(missing),
        "DeleteSchedule" => {
            let gone = all.schedules.remove(&key);
            gone.map(|_| json!({})).ok_or_else(missing)
        }
        "ListSchedules" => {
            let prefix = text(body, "NamePrefix");
            let listed = all.schedules.iter();
            let listed = listed.filter(|((of, name), _)| *of == group && name.starts_with(prefix));
            let listed: Vec<Value> = listed
                .map(|((of, name), _)| json!({"Name": name, "GroupName": of}))
                .collect();
            Ok(page(&listed, body, "MaxResults", "Schedules", TOKEN))
        }
        other => unknown("scheduler", other),
    }
}
