//! ECS: clusters and task definitions; services and tasks are beside.

use serde_json::{Value, json};

use super::super::Refusal;
use super::{Outcome, State, page, services, tasks, text, unknown};
use crate::clock;

const TAG_NAMES: [&str; 4] = ["resourceArn", "tags", "key", "tagKeys"];

pub(super) fn answer(state: &mut State, operation: &str, body: &Value) -> Outcome {
    match operation {
        "CreateCluster" => {
            state.clusters.push(text(body, "clusterName").to_owned());
            Ok(json!({"cluster": cluster(state, text(body, "clusterName"))}))
        }
        "DescribeClusters" => Ok(describe_clusters(state, body)),
        "RegisterTaskDefinition" => register(state, body),
        "DescribeTaskDefinition" => describe(state, body),
        "DeregisterTaskDefinition" => deregister(state, body),
        "ListTaskDefinitions" => Ok(list(state, body)),
        "CreateService" => services::create(state, body),
        "UpdateService" => services::update(state, body),
        "DeleteService" => services::delete(state, body),
        "DescribeServices" => Ok(services::describe(state, body)),
        "ListServices" => Ok(services::list(state, body)),
        "RunTask" => tasks::run(state, body),
        "ListTasks" => Ok(tasks::list(state, body)),
        "DescribeTasks" => Ok(tasks::describe(state, body)),
        "TagResource" | "UntagResource" | "ListTagsForResource" => {
            state.tagged(operation, body, TAG_NAMES)
        }
        other => unknown("ecs", other),
    }
}

/// The name in a name or ARN of a cluster.
pub(super) fn cluster_name(body: &Value) -> String {
    let named = body["cluster"].as_str().unwrap_or("default");
    named.rsplit('/').next().unwrap_or_default().to_owned()
}

pub(super) fn cluster(state: &State, name: &str) -> Value {
    let arn = state.arn("ecs", &format!("cluster/{name}"));
    json!({"clusterArn": arn, "clusterName": name, "status": "ACTIVE", "capacityProviders": []})
}

fn describe_clusters(state: &State, body: &Value) -> Value {
    let named = body["clusters"].as_array().into_iter().flatten();
    let named: Vec<&str> = named.filter_map(Value::as_str).collect();
    let named = named
        .iter()
        .map(|name| name.rsplit('/').next().unwrap_or_default());
    let (known, missing): (Vec<&str>, Vec<&str>) =
        named.partition(|name| state.clusters.iter().any(|known| known == name));
    let known: Vec<Value> = known.into_iter().map(|name| cluster(state, name)).collect();
    let missing: Vec<Value> = missing
        .into_iter()
        .map(|name| json!({"arn": state.arn("ecs", &format!("cluster/{name}")), "reason": "MISSING"}))
        .collect();
    json!({"clusters": known, "failures": missing})
}

#[expect(clippy::unnecessary_wraps, reason = "as every operation's")]
fn register(state: &mut State, body: &Value) -> Outcome {
    let family = text(body, "family");
    let of_family = state
        .definitions
        .iter()
        .filter(|one| one["family"] == family);
    let revision = of_family.count() + 1;
    let arn = state.arn("ecs", &format!("task-definition/{family}:{revision}"));
    let mut definition = body.clone();
    let tags = definition["tags"].take();
    if let Some(members) = definition.as_object_mut() {
        members.remove("tags");
    }
    definition["taskDefinitionArn"] = json!(arn);
    definition["revision"] = json!(revision);
    definition["status"] = json!("ACTIVE");
    definition["registeredAt"] = json!(seconds());
    let containers = definition["containerDefinitions"].as_array_mut();
    for container in containers.into_iter().flatten() {
        for (field, default) in [("cpu", json!(0)), ("essential", json!(true))] {
            if container[field].is_null() {
                container[field] = default;
            }
        }
    }
    for field in ["volumes", "placementConstraints"] {
        if definition[field].is_null() {
            definition[field] = json!([]);
        }
    }
    if let Some(tags) = tags.as_array() {
        state.tags.insert(arn, tags.clone());
    }
    state.definitions.push(definition.clone());
    Ok(json!({"taskDefinition": definition, "tags": tags}))
}

/// Where the definition is that a family, `family:revision` or an ARN names.
pub(super) fn position(state: &State, named: &str) -> Option<usize> {
    let name = named.rsplit('/').next().unwrap_or_default();
    let is = |one: &Value| match name.split_once(':') {
        Some((family, revision)) => {
            one["family"] == family && one["revision"].as_u64() == revision.parse().ok()
        }
        None => one["family"] == name,
    };
    state.definitions.iter().rposition(is)
}

fn describe(state: &State, body: &Value) -> Outcome {
    let place = position(state, text(body, "taskDefinition"));
    let place = place.ok_or_else(|| missing(body))?;
    let definition = &state.definitions[place];
    let tags = state.tags.get(text(definition, "taskDefinitionArn"));
    Ok(json!({"taskDefinition": definition, "tags": tags.cloned().unwrap_or_default()}))
}

fn deregister(state: &mut State, body: &Value) -> Outcome {
    let place = position(state, text(body, "taskDefinition"));
    let place = place.ok_or_else(|| missing(body))?;
    let definition = &mut state.definitions[place];
    definition["status"] = json!("INACTIVE");
    definition["deregisteredAt"] = json!(seconds());
    Ok(json!({"taskDefinition": definition}))
}

fn missing(body: &Value) -> Refusal {
    let named = text(body, "taskDefinition");
    Refusal::new(
        "ClientException",
        format!("Unable to describe task definition: {named}"),
    )
}

fn list(state: &State, body: &Value) -> Value {
    let status = body["status"].as_str().unwrap_or("ACTIVE");
    let fits = |one: &&Value| {
        one["status"] == status && text(one, "family").starts_with(text(body, "familyPrefix"))
    };
    let found = state.definitions.iter().filter(fits);
    let mut arns: Vec<Value> = found.map(|one| one["taskDefinitionArn"].clone()).collect();
    if body["sort"] == "DESC" {
        arns.reverse();
    }
    page(
        &arns,
        body,
        "maxResults",
        "taskDefinitionArns",
        ["nextToken", "nextToken"],
    )
}

/// ECS's form of now.
pub(super) fn seconds() -> i64 {
    clock::now().timestamp()
}
