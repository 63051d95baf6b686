//! ECS Gateways: which of them services of the cluster can use, and what attaches a service to them. The emulator knows none of it.
//!
//! Source: ECS API reference, `CreateService` and `UpdateService` (`gatewayConnectors`), `GatewayConnector`,
//! `ListGatewayClusterAssociations`, `DescribeGateway`, `ListServiceDeployments`, `DescribeServiceRevisions`; ECS developer guide, "Connect
//! Amazon ECS services to a gateway", "Troubleshoot a gateway" (what is refused). Messages are ours.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::super::answer::{self, Answer};
use super::super::incoming::Incoming;
use super::super::{Refusal, Shared};
use super::{array, client_exception, invalid_parameter, shifts, text};

/// Revisions and deployments are numbered from here on: those of services for which ECS moves requests have numbers of their own.
const FIRST: usize = 9_000;

/// The gateways of the account, and the revisions of services that were ever attached to one, by ARN.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Gateways {
    associated: Vec<Gateway>,
    services: BTreeMap<String, Vec<Revision>>,
}

#[derive(Debug, Clone)]
struct Gateway {
    arn: String,
    access: &'static str,
    subnets: Vec<String>,
}

#[derive(Debug, Clone)]
struct Revision {
    definition: Value,
    connectors: Value,
    /// Whether ECS has gone back from it.
    is_taken_back: bool,
}

impl Gateways {
    /// Associates a gateway with the cluster that such people reach (`PUBLIC`, `PRIVATE`), in these subnets.
    pub(in super::super) fn associate(
        &mut self,
        account: &str,
        access: &'static str,
        subnets: &[&str],
    ) {
        let region = crate::REGION;
        let name = access.to_lowercase();
        let arn = format!("arn:aws:ecs:{region}:{account}:gateway/{name}");
        if !self.associated.iter().any(|gateway| gateway.arn == arn) {
            let subnets = subnets.iter().map(|&subnet| subnet.to_owned()).collect();
            self.associated.push(Gateway {
                arn,
                access,
                subnets,
            });
        }
    }

    pub(in super::super) fn dissociate_all(&mut self) {
        self.associated.clear();
    }

    /// ECS goes back with the newest deployment of a service.
    pub(in super::super) fn take_back(&mut self, service: &str) {
        let end = format!("/{service}");
        let services = self.services.iter_mut();
        for (_, revisions) in services.filter(|(arn, _)| arn.ends_with(&end)) {
            if let Some(newest) = revisions.last_mut() {
                newest.is_taken_back = true;
            }
        }
    }

    /// What attaches a service.
    fn connectors(&self, arn: &str) -> Value {
        let revisions = self.services.get(arn);
        let standing = revisions.and_then(|all| all.iter().rev().find(|one| !one.is_taken_back));
        standing.map_or(Value::Null, |revision| revision.connectors.clone())
    }
}

/// Checks what is to attach a service that is created or updated by `told`, and runs `definition` then.
pub(super) fn check(
    shared: &Shared,
    (told, arn): (&Value, &str),
    definition: &Value,
) -> Result<(), Refusal> {
    let is_told = !told["gatewayConnectors"].is_null();
    let all = connectors(shared, told, arn);
    let all = array_of(&all);
    let gateways = shared.gateways.lock().unwrap();
    let refused = |message: &str| Err(invalid_parameter(message));
    if all.len() > 1 {
        return refused("A service can have at most one gateway connector.");
    }
    let Some(connector) = all.first() else {
        return Ok(());
    };
    // The one that stands, which had what it needs.
    if definition.is_null() {
        return Ok(());
    }
    if definition["networkMode"] != "awsvpc" {
        return refused("Gateway connectors need the network mode awsvpc.");
    }
    let containers = array(definition, "containerDefinitions").iter();
    let ports = containers.flat_map(|container| array(container, "portMappings"));
    let name = text(connector, "portName");
    if name.is_empty() || !ports.clone().any(|port| port["name"] == name) {
        return refused("No container of the task definition has a port of that name.");
    }
    if !is_told {
        return Ok(());
    }
    if gateways.associated.is_empty() {
        return refused("No gateway is associated with the cluster.");
    }
    let wanted = array(&connector["filters"], "accessTypes");
    let fits = |gateway: &&Gateway| wanted.is_empty() || wanted.contains(&json!(gateway.access));
    if !gateways.associated.iter().any(|gateway| fits(&gateway)) {
        return refused("None of the gateways of the cluster has such an access type.");
    }
    Ok(())
}

/// What attaches a service that is updated by `told`.
pub(super) fn connectors(shared: &Shared, told: &Value, arn: &str) -> Value {
    match &told["gatewayConnectors"] {
        Value::Null => shared.gateways.lock().unwrap().connectors(arn),
        told => told.clone(),
    }
}

/// Notes what attaches a service once ECS has taken the call by which it was `told`; one that is created has no history.
pub(super) fn keep(shared: &Shared, (told, is_new): (&Value, bool), answer: &Answer) {
    if !answer.status().is_success() {
        return;
    }
    let answered: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let arn = text(&answered["service"], "serviceArn").to_owned();
    if is_new {
        shared.gateways.lock().unwrap().services.remove(&arn);
    }
    let connectors = connectors(shared, told, &arn);
    let mut gateways = shared.gateways.lock().unwrap();
    let is_told = !array(told, "gatewayConnectors").is_empty();
    if !is_told && !gateways.services.contains_key(&arn) {
        return;
    }
    let definition = answered["service"]["taskDefinition"].clone();
    gateways.services.entry(arn).or_default().push(Revision {
        definition,
        connectors,
        is_taken_back: false,
    });
}

/// What is asked of gateways, and of revisions and deployments of services that were attached to one; `None` for any other call.
pub(super) fn answered(shared: &Shared, incoming: &Incoming) -> Option<Result<Answer, Refusal>> {
    let body = &incoming.body;
    let holds = shared.rollouts.lock().unwrap().holds();
    let gateways = shared.gateways.lock().unwrap();
    let answered = match incoming.operation.as_str() {
        "ListGatewayClusterAssociations" => gateways.associations(body),
        "DescribeGateway" => {
            let named = text(body, "gateway");
            let mut all = gateways.associated.iter();
            let Some(gateway) = all.find(|gateway| gateway.arn == named) else {
                return Some(Err(client_exception("Gateway not found.")));
            };
            let Gateway {
                arn,
                access,
                subnets,
            } = gateway;
            let balancers = json!({"networkConfiguration": {"subnets": subnets}});
            json!({"gateway": {"gatewayArn": arn, "accessType": access, "status": "ACTIVE",
                "configuration": {"hostSharedAlb": balancers}}})
        }
        "ListServiceDeployments" => {
            let name = text(body, "service").rsplit('/').next().unwrap_or_default();
            let end = format!("/{name}");
            let mut all = gateways.services.iter();
            let (arn, revisions) = all.find(|(arn, _)| arn.ends_with(&end))?;
            if shifts::knows(shared, arn) {
                return None;
            }
            let wanted = array(body, "status");
            let briefs =
                (1..=revisions.len()).map(|number| deployment(arn, revisions, (number, holds)));
            let briefs = briefs.filter(|it| wanted.is_empty() || wanted.contains(&it["status"]));
            json!({"serviceDeployments": briefs.collect::<Vec<_>>()})
        }
        "DescribeServiceDeployments" => {
            let named = array(body, "serviceDeploymentArns");
            let all = gateways.services.iter().flat_map(|(arn, revisions)| {
                let numbers = 1..=revisions.len();
                numbers.map(move |number| deployment(arn, revisions, (number, holds)))
            });
            let all = all.filter(|it| named.contains(&it["serviceDeploymentArn"]));
            let all: Vec<Value> = all.collect();
            if all.is_empty() {
                return None;
            }
            json!({"serviceDeployments": all, "failures": []})
        }
        "DescribeServiceRevisions" => {
            let named = array(body, "serviceRevisionArns");
            let all = gateways.services.iter();
            let all = all.flat_map(|(arn, revisions)| gateways.revisions(arn, revisions));
            let all = all.filter(|it| named.contains(&it["serviceRevisionArn"]));
            let all: Vec<Value> = all.collect();
            if all.is_empty() {
                return None;
            }
            json!({"serviceRevisions": all, "failures": []})
        }
        _ => return None,
    };
    Some(Ok(answer::json(Ok(answered))))
}

impl Gateways {
    fn associations(&self, body: &Value) -> Value {
        let wanted = array(body, "status");
        let is_wanted = wanted.is_empty() || wanted.contains(&json!("ACTIVE"));
        let all = self.associated.iter().filter(|_| is_wanted);
        let all = all.map(|gateway| json!({"gatewayArn": gateway.arn, "status": "ACTIVE"}));
        json!({"gatewayClusterAssociations": all.collect::<Vec<_>>()})
    }

    fn revisions(&self, arn: &str, revisions: &[Revision]) -> Vec<Value> {
        let all = revisions.iter().zip(1..);
        let seen = all.map(|(revision, number)| {
            let connectors = array_of(&revision.connectors).iter();
            let access = connectors.flat_map(|it| array(&it["filters"], "accessTypes"));
            let access: Vec<&Value> = access.collect();
            let reached = self.associated.iter();
            let reached = reached.filter(|gateway| access.contains(&&json!(gateway.access)));
            let name = arn.rsplit('/').next().unwrap_or_default().replace('_', "-");
            let connections = reached.map(|gateway| {
                let kind = gateway.access.to_lowercase();
                let url = format!("https://{name}.{kind}.gateway.example");
                json!({"gatewayArn": gateway.arn, "accessType": gateway.access, "serviceUrl": url})
            });
            let managed = json!({"gatewayConnections": connections.collect::<Vec<_>>()});
            json!({
                "serviceRevisionArn": revision_arn(arn, number),
                "serviceArn": arn,
                "taskDefinition": revision.definition,
                "gatewayConnectors": revision.connectors,
                "ecsManagedResources": managed,
            })
        });
        seen.collect()
    }
}

fn array_of(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn revision_arn(service_arn: &str, number: usize) -> String {
    let arn = service_arn.replace(":service/", ":service-revision/");
    format!("{arn}/{}", FIRST + number)
}

fn deployment(arn: &str, revisions: &[Revision], (number, holds): (usize, bool)) -> Value {
    let is_newest = number == revisions.len();
    let revision = &revisions[number - 1];
    let status = match (revision.is_taken_back, is_newest && holds) {
        (true, _) => "ROLLBACK_SUCCESSFUL",
        (false, true) => "IN_PROGRESS",
        (false, false) => "SUCCESSFUL",
    };
    let target = revision_arn(arn, number);
    let of = arn.replace(":service/", ":service-deployment/");
    // In the order in which they came, within one second too.
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    let at: Value = serde_json::from_str(&format!("{seconds}.{number:03}")).unwrap();
    json!({
        "serviceDeploymentArn": format!("{of}/{}", FIRST + number),
        "serviceArn": arn,
        "createdAt": at,
        "status": status,
        "targetServiceRevisionArn": target,
        "targetServiceRevision": {"arn": target},
    })
}
