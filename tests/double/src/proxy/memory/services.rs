//! ECS services; their tasks run as soon as they are wanted.

use serde_json::{Value, json};

use super::super::Refusal;
use super::containers::{cluster, cluster_name, position, seconds};
use super::{Outcome, State, page, text};

/// What a service has that its creation does not name.
const DEFAULTS: [(&str, &str); 12] = [
    ("capacityProviderStrategy", "null"),
    ("networkConfiguration", "{}"),
    ("loadBalancers", "[]"),
    ("serviceRegistries", "[]"),
    ("healthCheckGracePeriodSeconds", "0"),
    ("schedulingStrategy", "\"REPLICA\""),
    ("deploymentController", "{\"type\":\"ECS\"}"),
    (
        "deploymentConfiguration",
        "{\"maximumPercent\":200,\"minimumHealthyPercent\":100,\"deploymentCircuitBreaker\":{\"enable\":false,\"rollback\":false}}",
    ),
    ("enableECSManagedTags", "false"),
    ("propagateTags", "\"NONE\""),
    ("enableExecuteCommand", "false"),
    ("tags", "[]"),
];
/// What an update changes.
const UPDATED: [&str; 9] = [
    "capacityProviderStrategy",
    "deploymentConfiguration",
    "desiredCount",
    "enableExecuteCommand",
    "healthCheckGracePeriodSeconds",
    "loadBalancers",
    "networkConfiguration",
    "platformVersion",
    "taskDefinition",
];

#[expect(clippy::unnecessary_wraps, reason = "as every operation's")]
pub(super) fn create(state: &mut State, body: &Value) -> Outcome {
    let (cluster_name, name) = (cluster_name(body), text(body, "serviceName"));
    let arn = state.arn("ecs", &format!("service/{cluster_name}/{name}"));
    let mut service = body.clone();
    if let Some(members) = service.as_object_mut() {
        members.retain(|field, _| !["cluster", "clientToken"].contains(&field.as_str()));
    }
    for (field, default) in DEFAULTS {
        if service[field].is_null() {
            service[field] = serde_json::from_str(default).expect("the defaults are JSON");
        }
    }
    if service["launchType"].is_null() && service["capacityProviderStrategy"].is_null() {
        service["launchType"] = json!("EC2");
    }
    service["serviceArn"] = json!(arn);
    service["clusterArn"] = cluster(state, &cluster_name)["clusterArn"].take();
    service["status"] = json!("ACTIVE");
    service["createdAt"] = json!(seconds());
    service["taskDefinition"] = definition(state, text(body, "taskDefinition"));
    if let Some(tags) = service["tags"].as_array() {
        state.tags.insert(arn.clone(), tags.clone());
    }
    deploy(state, &mut service);
    state
        .services
        .retain(|old| old["serviceArn"] != arn.as_str());
    state.services.push(service.clone());
    Ok(json!({"service": service}))
}

/// The ARN of what names a definition.
fn definition(state: &State, named: &str) -> Value {
    let place = position(state, named);
    place.map_or(json!(named), |place| {
        state.definitions[place]["taskDefinitionArn"].clone()
    })
}

/// Its tasks are those of its definition at once.
fn deploy(state: &mut State, service: &mut Value) {
    let (id, now) = (state.id(), seconds());
    service["runningCount"] = service["desiredCount"].clone();
    service["pendingCount"] = json!(0);
    service["deployments"] = json!([{
        "id": format!("ecs-svc/{id}"),
        "status": "PRIMARY",
        "taskDefinition": service["taskDefinition"],
        "desiredCount": service["desiredCount"],
        "runningCount": service["desiredCount"],
        "pendingCount": 0,
        "failedTasks": 0,
        "createdAt": now,
        "updatedAt": now,
        "rolloutState": "COMPLETED",
    }]);
}

fn find(state: &State, body: &Value, named: &str) -> Option<usize> {
    let name = named.rsplit('/').next().unwrap_or_default();
    let arn = state.arn("ecs", &format!("service/{}/{name}", cluster_name(body)));
    let mut services = state.services.iter();
    services.position(|service| service["serviceArn"] == arn.as_str())
}

fn found(state: &State, body: &Value) -> Result<usize, Refusal> {
    let place = find(state, body, text(body, "service"));
    place.ok_or_else(|| Refusal::new("ServiceNotFoundException", "Service not found."))
}

pub(super) fn update(state: &mut State, body: &Value) -> Outcome {
    let place = found(state, body)?;
    let mut service = state.services[place].clone();
    for field in UPDATED {
        if !body[field].is_null() {
            service[field] = body[field].clone();
        }
    }
    if let Some(strategy) = body["capacityProviderStrategy"].as_array() {
        // An empty strategy moves the service back to a launch type.
        let launch_type = if strategy.is_empty() {
            json!("EC2")
        } else {
            Value::Null
        };
        service["launchType"] = launch_type;
    }
    service["taskDefinition"] = definition(state, text(&service, "taskDefinition"));
    deploy(state, &mut service);
    state.services[place] = service.clone();
    Ok(json!({"service": service}))
}

pub(super) fn delete(state: &mut State, body: &Value) -> Outcome {
    let place = found(state, body)?;
    let service = &mut state.services[place];
    if body["force"] != true && service["desiredCount"] != 0 {
        let message = "The service cannot be stopped while it is scaled above 0.";
        return Err(Refusal::new("InvalidParameterException", message));
    }
    service["status"] = json!("INACTIVE");
    service["desiredCount"] = json!(0);
    service["runningCount"] = json!(0);
    Ok(json!({"service": service}))
}

pub(super) fn describe(state: &State, body: &Value) -> Value {
    let tagged = body["include"]
        .as_array()
        .is_some_and(|include| include.contains(&json!("TAGS")));
    let (mut services, mut failures) = (Vec::new(), Vec::new());
    for named in body["services"].as_array().into_iter().flatten() {
        let named = named.as_str().unwrap_or_default();
        let Some(place) = find(state, body, named) else {
            failures.push(json!({"arn": named, "reason": "MISSING"}));
            continue;
        };
        let mut service = state.services[place].clone();
        if tagged {
            let tags = state.tags.get(text(&service, "serviceArn"));
            service["tags"] = json!(tags.cloned().unwrap_or_default());
        }
        services.push(service);
    }
    json!({"services": services, "failures": failures})
}

pub(super) fn list(state: &State, body: &Value) -> Value {
    let cluster = cluster(state, &cluster_name(body));
    let fits = |service: &&Value| {
        let same = |field: &str| body[field].is_null() || body[field] == service[field];
        service["clusterArn"] == cluster["clusterArn"]
            && service["status"] == "ACTIVE"
            && same("launchType")
            && same("schedulingStrategy")
    };
    let services = state.services.iter().filter(fits);
    let arns: Vec<Value> = services
        .map(|service| service["serviceArn"].clone())
        .collect();
    page(
        &arns,
        body,
        "maxResults",
        "serviceArns",
        ["nextToken", "nextToken"],
    )
}
