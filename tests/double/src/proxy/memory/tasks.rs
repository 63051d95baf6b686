//! One-off tasks: each runs at once, and goes on running.

use serde_json::{Value, json};

use super::super::Refusal;
use super::containers::{cluster, cluster_name, position, seconds};
use super::{Outcome, State, page, text};

pub(super) fn run(state: &mut State, body: &Value) -> Outcome {
    let named = text(body, "taskDefinition");
    let place = position(state, named).ok_or_else(|| {
        let message = format!("Unable to find task definition: {named}");
        Refusal::new("ClientException", message)
    })?;
    let (cluster_name, id) = (cluster_name(body), state.id());
    let arn = state.arn("ecs", &format!("task/{cluster_name}/{id}"));
    let overrides = &body["overrides"];
    let task = json!({
        "taskArn": arn,
        "clusterArn": cluster(state, &cluster_name)["clusterArn"],
        "taskDefinitionArn": state.definitions[place]["taskDefinitionArn"],
        "overrides": if overrides.is_null() { json!({"containerOverrides": []}) } else { overrides.clone() },
        "lastStatus": "RUNNING",
        "desiredStatus": "RUNNING",
        "launchType": body["launchType"],
        "group": body["group"],
        "startedBy": body["startedBy"],
        "createdAt": seconds(),
        "tags": body["tags"],
    });
    if let Some(tags) = body["tags"].as_array() {
        state.tags.insert(arn, tags.clone());
    }
    state.tasks.push(task.clone());
    Ok(json!({"tasks": [task], "failures": []}))
}

pub(super) fn list(state: &State, body: &Value) -> Value {
    let cluster = cluster(state, &cluster_name(body));
    let fits = |task: &&Value| {
        let started_by = &body["startedBy"];
        task["clusterArn"] == cluster["clusterArn"]
            && (started_by.is_null() || task["startedBy"] == *started_by)
    };
    let tasks = state.tasks.iter().filter(fits);
    let arns: Vec<Value> = tasks.map(|task| task["taskArn"].clone()).collect();
    page(
        &arns,
        body,
        "maxResults",
        "taskArns",
        ["nextToken", "nextToken"],
    )
}

pub(super) fn describe(state: &State, body: &Value) -> Value {
    let named = body["tasks"].as_array().cloned().unwrap_or_default();
    let tasks = state
        .tasks
        .iter()
        .filter(|task| named.contains(&task["taskArn"]));
    let tasks: Vec<&Value> = tasks.collect();
    let missing = named
        .iter()
        .filter(|arn| tasks.iter().all(|task| task["taskArn"] != **arn));
    let missing: Vec<Value> = missing
        .map(|arn| json!({"arn": arn, "reason": "MISSING"}))
        .collect();
    json!({"tasks": tasks, "failures": missing})
}
