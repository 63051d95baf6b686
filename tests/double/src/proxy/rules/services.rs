//! ECS services: which can be created, updated and described.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::super::answer::{self, Answer};
use super::super::forward::Upstream;
use super::super::incoming::Incoming;
use super::super::{Refusal, Shared};
use super::{
    array, balancing, gateways, invalid_parameter, launch, rebalancing, revisions, shifts, tags,
    text,
};

const NAME_MAX: usize = 255;
/// Source: ECS API reference, `CreateService`, `clientToken`.
const TOKEN_MAX: usize = 36;
const DESCRIBED_MAX: usize = 10;

/// The latest request for each ECS service, by name; the emulator knows no client token.
pub(in super::super) type Creations = HashMap<String, Value>;

/// Creates a service, unless the same request with the same token has already created it.
pub(super) async fn create(shared: &Shared, incoming: &Incoming) -> Result<Answer, Refusal> {
    // Held until the emulator has answered: a try that comes while the one before is still at work is its repetition.
    let mut creations = shared.creations.lock().await;
    if let Some(service) = check_creation(shared, incoming, &creations).await? {
        return Ok(answer::json(Ok(json!({"service": service}))));
    }
    // Noted first: should the emulator's answer get lost, the service is there all the same.
    let rebalanced = rebalancing::check_creation(&incoming.body)?;
    let name = text(&incoming.body, "serviceName");
    creations.insert(name.to_owned(), incoming.body.clone());
    let answer = shared.upstream.forward(incoming).await;
    shifts::keep(shared, &incoming.body, &Value::Null, &answer);
    gateways::keep(shared, (&incoming.body, true), &answer);
    Ok(rebalancing::keep(shared, rebalanced, answer))
}

/// Checks what the request says by itself first, then what it names; the service, where this repeats its creation.
async fn check_creation(
    shared: &Shared,
    incoming: &Incoming,
    creations: &Creations,
) -> Result<Option<Value>, Refusal> {
    let (upstream, body) = (&shared.upstream, &incoming.body);
    check_name(text(body, "serviceName"))?;
    check_token(text(body, "clientToken"), TOKEN_MAX)?;
    tags::check(body, "tags")?;
    check_count(body)?;
    check_percentages(body, &body["schedulingStrategy"])?;
    check_cluster(upstream, incoming).await?;
    if let Some(service) = check_is_free(shared, incoming, creations).await? {
        return Ok(Some(service));
    }
    let controller = text(&body["deploymentController"], "type");
    if body["taskDefinition"].is_null() && controller != "EXTERNAL" {
        return Err(invalid_parameter("TaskDefinition can not be blank."));
    }
    check_providers(upstream, incoming).await?;
    let definition = revisions::check(upstream, incoming).await?;
    launch::check(body, &definition)?;
    balancing::check(shared, body, &definition)?;
    shifts::check(shared, body, &body["deploymentConfiguration"], &Value::Null)?;
    gateways::check(shared, (body, ""), &definition)?;
    Ok(None)
}

/// Source: facts/aws.md 1.7 (`ServiceNotFoundException`, `ServiceNotActiveException`), 1.6 (the revision); ECS API
/// reference, `UpdateService`. The emulator updates an `INACTIVE` service.
pub(super) async fn update(shared: &Shared, incoming: &Incoming) -> Result<Answer, Refusal> {
    let (upstream, body) = (&shared.upstream, &incoming.body);
    check_cluster(upstream, incoming).await?;
    let service = described(shared, incoming, text(body, "service")).await;
    match text(&service, "status") {
        "ACTIVE" => {}
        "" => {
            let code = "ServiceNotFoundException";
            return Err(Refusal::new(code, "Service not found."));
        }
        _ => {
            let code = "ServiceNotActiveException";
            return Err(Refusal::new(code, "Service was not ACTIVE."));
        }
    }
    check_controller(body, &service)?;
    check_percentages(body, &service["schedulingStrategy"])?;
    let rebalanced = rebalancing::check_update(body, &service)?;
    check_providers(upstream, incoming).await?;
    let definition = revisions::check(upstream, incoming).await?;
    let mut launched = service.clone();
    for field in [
        "deploymentConfiguration",
        "networkConfiguration",
        "capacityProviderStrategy",
        "enableExecuteCommand",
        "loadBalancers",
    ] {
        if !body[field].is_null() {
            launched[field] = body[field].clone();
        }
    }
    launch::check(&launched, &definition)?;
    let arn = text(&service, "serviceArn");
    launched["gatewayConnectors"] = gateways::connectors(shared, body, arn);
    if !body["healthCheckGracePeriodSeconds"].is_null() {
        launched["healthCheckGracePeriodSeconds"] = body["healthCheckGracePeriodSeconds"].clone();
    } else if array(&launched, "loadBalancers").is_empty() {
        launched["healthCheckGracePeriodSeconds"] = Value::Null;
    }
    balancing::check(shared, &launched, &definition)?;
    let told = &body["deploymentConfiguration"];
    shifts::check(shared, &launched, told, &service["deploymentConfiguration"])?;
    gateways::check(shared, (body, arn), &definition)?;
    let answer = shared.upstream.forward(incoming).await;
    shifts::keep(shared, &launched, &service, &answer);
    gateways::keep(shared, (body, false), &answer);
    Ok(rebalancing::keep(shared, rebalanced, answer))
}

/// Source: ECS API reference, `CreateService`, `capacityProviderStrategy` (not beside a launch type; each provider must be
/// associated with the cluster, those of Fargate too).
async fn check_providers(upstream: &Upstream, incoming: &Incoming) -> Result<(), Refusal> {
    let body = &incoming.body;
    let strategy = array(body, "capacityProviderStrategy");
    if strategy.is_empty() {
        return Ok(());
    }
    if !body["launchType"].is_null() {
        let message =
            "Specifying both a launch type and capacity provider strategy is not supported.";
        return Err(invalid_parameter(message));
    }
    let question = json!({"clusters": [body["cluster"].as_str().unwrap_or("default")]});
    let answer = upstream.ask(incoming, "DescribeClusters", &question).await;
    let associated = array(&answer["clusters"][0], "capacityProviders");
    for provider in strategy.iter().map(|item| &item["capacityProvider"]) {
        if !associated.contains(provider) {
            let provider = provider.as_str().unwrap_or_default();
            return Err(invalid_parameter(format!(
                "The capacity provider {provider} is not associated with the cluster."
            )));
        }
    }
    Ok(())
}

/// Source: facts/aws.md 1.7 (`CODE_DEPLOY` and `EXTERNAL` move task definitions their own way); message: as reported.
fn check_controller(update: &Value, service: &Value) -> Result<(), Refusal> {
    let controller = text(&service["deploymentController"], "type");
    if update["taskDefinition"].is_null() || !["CODE_DEPLOY", "EXTERNAL"].contains(&controller) {
        return Ok(());
    }
    Err(invalid_parameter(format!(
        "Unable to update task definition on services with a {controller} deployment controller."
    )))
}

/// Source: ECS API reference, `DescribeServices`, `services`: "up to 10 services to describe in a single operation".
pub(super) fn check_description(body: &Value) -> Result<(), Refusal> {
    match array(body, "services").len() {
        0 => Err(invalid_parameter("Services cannot be empty.")),
        1..=DESCRIBED_MAX => Ok(()),
        _ => Err(invalid_parameter(
            "At most 10 services can be described at once.",
        )),
    }
}

/// Source: facts/aws.md 1.7 (`ClusterNotFoundException`); the emulator creates a cluster that is missing.
pub(super) async fn check_cluster(upstream: &Upstream, incoming: &Incoming) -> Result<(), Refusal> {
    let cluster = incoming.body["cluster"].as_str().unwrap_or("default");
    let question = json!({"clusters": [cluster]});
    let answer = upstream.ask(incoming, "DescribeClusters", &question).await;
    if answer["clusters"][0]["status"] == "ACTIVE" {
        return Ok(());
    }
    let code = "ClusterNotFoundException";
    Err(Refusal::new(code, "Cluster not found."))
}

/// Source: ECS API reference, `CreateService`, `serviceName` (255 letters, numbers, underscores and hyphens).
fn check_name(name: &str) -> Result<(), Refusal> {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(valid) {
        return Ok(());
    }
    Err(invalid_parameter("Invalid service name."))
}

/// Source: ECS API reference, `CreateService`, `desiredCount` (required with the scheduling strategy `REPLICA`).
fn check_count(body: &Value) -> Result<(), Refusal> {
    match body["desiredCount"].as_i64() {
        Some(0..) => Ok(()),
        None if body["schedulingStrategy"] == "DAEMON" => Ok(()),
        None => Err(invalid_parameter("desiredCount can not be empty.")),
        Some(_) => Err(invalid_parameter("desiredCount can not be negative.")),
    }
}

/// Source: what ECS answers, as users reported it (hashicorp/terraform-provider-aws#4825 and #6316; aws/aws-cdk#2209).
fn check_percentages(body: &Value, strategy: &Value) -> Result<(), Refusal> {
    let deployment = &body["deploymentConfiguration"];
    let percent = |field: &str| deployment[field].as_i64();
    let (minimum, maximum) = (percent("minimumHealthyPercent"), percent("maximumPercent"));
    if strategy == "DAEMON" && maximum.is_some_and(|maximum| maximum > 100) {
        return Err(invalid_parameter(
            "The daemon scheduling strategy does not support values above 100 for maximumPercent on a deployment configuration. \
             Change the maximumPercent value to 100, and try again",
        ));
    }
    if minimum
        .zip(maximum)
        .is_some_and(|(minimum, maximum)| minimum >= 100 && maximum <= 100)
    {
        return Err(invalid_parameter(
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.",
        ));
    }
    Ok(())
}

/// A `clientToken` of ASCII characters from 33 to 126.
pub(super) fn check_token(token: &str, length_max: usize) -> Result<(), Refusal> {
    if token.len() <= length_max && token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(invalid_parameter("The client token is not valid."))
}

/// Refuses a name that is taken; the service that has it, where this is its own creation once more.
///
/// Source: ECS API reference, `DeleteService` (a new service of the name of one that is `ACTIVE` or `DRAINING` is an
/// error), `CreateService` (`InvalidParameterException`), "Ensuring idempotency" (`clientToken`: the same token and
/// parameters succeed again). Messages: as reported by users of both.
async fn check_is_free(
    shared: &Shared,
    incoming: &Incoming,
    creations: &Creations,
) -> Result<Option<Value>, Refusal> {
    let body = &incoming.body;
    let service = described(shared, incoming, text(body, "serviceName")).await;
    let repeats =
        !body["clientToken"].is_null() && creations.get(text(body, "serviceName")) == Some(body);
    match text(&service, "status") {
        "ACTIVE" if repeats => Ok(Some(service)),
        "ACTIVE" => Err(invalid_parameter("Creation of service was not idempotent.")),
        "DRAINING" => Err(invalid_parameter(
            "Unable to Start a service that is still Draining.",
        )),
        _ => Ok(None),
    }
}

/// The service as AWS would show it; null where there is none.
async fn described(shared: &Shared, incoming: &Incoming, name: &str) -> Value {
    let question = json!({"cluster": incoming.body["cluster"], "services": [name]});
    let upstream = &shared.upstream;
    let answer = upstream.ask(incoming, "DescribeServices", &question).await;
    let mut service = answer["services"][0].clone();
    shared.draining.lock().unwrap().apply(&mut service);
    shared.rebalancing.lock().unwrap().apply(&mut service);
    service
}
