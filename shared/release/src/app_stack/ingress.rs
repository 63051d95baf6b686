//! What load balancers need of an App. Of the Rack's: a target group for each Service and side, and the listener rules that lead to
//! it; [`nlb`] has the App's own. Source: CloudFormation template reference, `AWS::ElasticLoadBalancingV2::TargetGroup` and `ListenerRule`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::logical_id::logical_id;
use super::network::OWN_GROUP;
use super::nlb;
use super::rendering::Rendering;
use super::strategies::group_ids;
use super::template::{named_ids, reference};
use crate::entrance::{
    Balancing, Entrance, Half, NetworkListeners, Reserved, Route, RouteRule, Routes, Side,
    TargetKind, TargetProtocol,
};
use names::{ServiceName, hash8};

pub(super) const TARGET_GROUP: &str = "AWS::ElasticLoadBalancingV2::TargetGroup";
pub(super) const LISTENER_RULE: &str = "AWS::ElasticLoadBalancingV2::ListenerRule";
/// ECS registers each task with the port that it has; this one is never used.
pub(super) const UNUSED_PORT: u16 = 80;
/// What counts as well: Convox's default for HTTP (`LoadBalancerSuccessCodes`); of gRPC, an answer or that nobody implements
/// what is asked.
const HTTP_CODES: &str = "200-399";
const GRPC_CODES: &str = "0,12";

/// What load balancers send to an App.
#[derive(Clone, Copy)]
pub struct Ingress<'a> {
    /// The Rack's load balancers, by which routes lead.
    pub entrance: Option<&'a Entrance>,
    /// What is reached.
    pub routes: &'a Routes,
    /// The priorities of its rules.
    pub reserved: &'a Reserved,
    /// What load balancers of the App's own send to it.
    pub listeners: &'a NetworkListeners,
    /// What ECS services of the App are attached to, by [`attached`].
    pub attached: &'a Attached,
}

/// What ECS services that stand are attached to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attached {
    /// Target groups by their logical ids, each with the ports of containers.
    pub target_groups: BTreeMap<String, BTreeSet<u16>>,
    /// Whether ECS moves requests for any of them.
    pub is_shifted: bool,
}

/// A listener rule as a template has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedRule {
    /// Its logical id.
    pub id: String,
    /// The side whose listener it is of.
    pub side: Side,
    /// Its priority.
    pub priority: u32,
    /// Its hosts.
    pub hosts: Vec<String>,
}

/// The logical id of a rule; `part` tells it from the others of its Service and side.
#[must_use]
pub fn rule_id(service: &ServiceName, side: Side, part: &str) -> String {
    logical_id(service.as_str(), &format!("{}Rule{part}", side.word()))
}

/// The logical id of the target group with the tasks of now. What cannot be changed of one is in its name, so that another one is made
/// beside it.
pub(super) fn target_group_id(route: &Route) -> String {
    half_id(route, route.pair.live)
}

/// The logical id of one of the two target groups of a route.
pub(super) fn half_id(route: &Route, half: Half) -> String {
    let kind = match route.kind {
        TargetKind::Ip => "Ip",
        TargetKind::Instance => "Instance",
    };
    let protocol = match route.protocol {
        TargetProtocol::Http => "Http",
        TargetProtocol::Https => "Https",
        TargetProtocol::Grpc => "Grpc",
        TargetProtocol::SecureGrpc => "SecureGrpc",
    };
    let half = match half {
        Half::First => "",
        Half::Second => "Second",
    };
    let kind = format!("{}{protocol}{kind}{half}TargetGroup", route.side.word());
    logical_id(route.service.as_str(), &kind)
}

/// What `balancing` of ECS services attaches them to, of a stack that gives `outputs`.
#[must_use]
pub fn attached<'b>(
    balancing: impl Iterator<Item = &'b Balancing>,
    outputs: &BTreeMap<String, String>,
) -> Attached {
    let mut all = Attached::default();
    for attachment in balancing.flat_map(|it| &it.attachments) {
        let groups = attachment.groups();
        let own = outputs
            .iter()
            .filter(|(_, arn)| groups.contains(&arn.as_str()));
        for (id, _) in own {
            all.is_shifted |= attachment.advanced.is_some();
            let ports = all.target_groups.entry(id.clone()).or_default();
            ports.extend(u16::try_from(attachment.container_port).ok());
        }
    }
    all
}

/// The listener rules of a template.
#[must_use]
pub fn placed_rules(template: &Value, entrance: &Entrance) -> Vec<PlacedRule> {
    let resources = template.get("Resources").and_then(Value::as_object);
    let all = resources.into_iter().flatten();
    let rule = |(id, resource): (&String, &Value)| {
        let properties = resource.get("Properties")?;
        let listener = properties.get("ListenerArn")?.as_str()?;
        let values = properties.pointer("/Conditions/0/HostHeaderConfig/Values")?;
        let hosts = values.as_array()?.iter();
        Some(PlacedRule {
            id: id.clone(),
            side: entrance.side_of(listener)?,
            priority: u32::try_from(properties.get("Priority")?.as_u64()?).ok()?,
            hosts: hosts
                .filter_map(|host| host.as_str().map(str::to_owned))
                .collect(),
        })
    };
    all.filter(|(_, resource)| is_of(resource, LISTENER_RULE))
        .filter_map(rule)
        .collect()
}

pub(super) fn is_of(resource: &Value, kind: &str) -> bool {
    resource.get("Type").and_then(Value::as_str) == Some(kind)
}

impl Rendering<'_> {
    /// Adds target groups, rules and what lets load balancers in, and keeps what ECS services are still attached to.
    pub(super) fn add_ingress(&mut self) {
        let Some(ingress) = self.inputs.ingress else {
            return;
        };
        if let Some(entrance) = ingress.entrance {
            for route in &ingress.routes.list {
                self.add_route(entrance, &ingress, route);
            }
            let mut routes = ingress.routes.list.iter();
            if routes.any(|route| route.kind == TargetKind::Ip) {
                self.admit_load_balancers(entrance, &ingress);
            }
        }
        self.add_listeners(ingress.listeners);
        self.keep_attached(&ingress);
        self.keep_connections(&ingress);
        self.add_deployment_role(&ingress);
    }

    /// Whether load balancers connect to tasks by their own addresses, so that the App needs a group of its own.
    pub(super) fn is_reached_by_address(&self) -> bool {
        let is_reached = |ingress: &Ingress<'_>| {
            let routes = ingress.routes.list.iter().map(|route| route.kind);
            let listeners = ingress.listeners.list.iter().map(|it| it.kind);
            routes.chain(listeners).any(|kind| kind == TargetKind::Ip)
        };
        self.inputs.ingress.as_ref().is_some_and(is_reached)
    }

    fn add_route(&mut self, entrance: &Entrance, ingress: &Ingress<'_>, route: &Route) {
        let id = target_group_id(route);
        for id in group_ids(route) {
            let properties = self.target_group(route);
            self.template.add(&id, TARGET_GROUP, properties);
            self.template.output(&id, reference(&id));
        }
        let Some(listener) = entrance.listener(route.side) else {
            return;
        };
        let former = self.former_groups(ingress, route, &id);
        for rule in &route.rules {
            let rule_id = rule_id(&route.service, route.side, &rule.part);
            let Some(priority) = ingress.reserved.priorities.get(&rule_id) else {
                continue; // all are reserved before anything is rendered
            };
            let properties = json!({
                "ListenerArn": listener,
                "Priority": priority,
                "Conditions": [host_condition(rule)],
                "Actions": [forward(&id, &former)],
            });
            let properties = self.with_weights(route, &rule_id, properties);
            self.template.add(&rule_id, LISTENER_RULE, properties);
        }
    }

    fn target_group(&self, route: &Route) -> Value {
        let (protocol, version) = match route.protocol {
            TargetProtocol::Http => ("HTTP", "HTTP1"),
            TargetProtocol::Https => ("HTTPS", "HTTP1"),
            TargetProtocol::Grpc => ("HTTP", "GRPC"),
            TargetProtocol::SecureGrpc => ("HTTPS", "GRPC"),
        };
        let matcher = if route.protocol.is_grpc() {
            json!({"GrpcCode": GRPC_CODES})
        } else {
            json!({"HttpCode": HTTP_CODES})
        };
        json!({
            "HealthCheckEnabled": true,
            "HealthCheckIntervalSeconds": route.health.interval,
            "HealthCheckPath": route.health.path,
            "HealthCheckProtocol": protocol,
            "HealthCheckTimeoutSeconds": route.health.timeout,
            "HealthyThresholdCount": 2,
            "Matcher": matcher,
            "Port": UNUSED_PORT,
            "Protocol": protocol,
            "ProtocolVersion": version,
            "Tags": self.template.tags(),
            "TargetGroupAttributes": [
                attribute("deregistration_delay.timeout_seconds", route.drain.to_string()),
                attribute("stickiness.enabled", route.sticky.to_string()),
                attribute("stickiness.type", "lb_cookie"),
            ],
            "TargetType": target_type(route.kind),
            "UnhealthyThresholdCount": 2,
            "VpcId": self.inputs.vpc_id.unwrap_or_default(),
        })
    }

    /// The target groups of before to which an ECS service is attached that this route replaces: a group that no rule names takes
    /// no tasks, so that ECS would replace those that run.
    fn former_groups(&self, ingress: &Ingress<'_>, route: &Route, id: &str) -> Vec<String> {
        let attached = ingress.attached.target_groups.keys();
        let begins = logical_id(route.service.as_str(), route.side.word());
        let own = group_ids(route);
        let former = attached.filter(|other| {
            *other != id
                && !own.contains(other)
                && other.starts_with(&begins)
                && self.before.has(other)
        });
        former.cloned().collect()
    }

    /// Lets the load balancers connect to the App's tasks, also to those that still run.
    fn admit_load_balancers(&mut self, entrance: &Entrance, ingress: &Ingress<'_>) {
        let by_address = ingress.routes.list.iter();
        let by_address = by_address.filter(|route| route.kind == TargetKind::Ip);
        let mut ports: BTreeSet<u16> = by_address.map(|route| route.port).collect();
        ports.extend(self.attached_ports(ingress, |protocol| protocol != Some(nlb::PROTOCOL)));
        for port in ports {
            for group in &entrance.security_groups {
                let id = format!("LoadBalancerIngress{}{port}", hash8(group));
                self.admit_into(OWN_GROUP, port, &id, &json!(group));
            }
        }
    }

    /// The ports of containers that are attached to target groups of such a protocol.
    pub(super) fn attached_ports(
        &self,
        ingress: &Ingress<'_>,
        is_such: impl Fn(Option<&str>) -> bool,
    ) -> BTreeSet<u16> {
        let groups = ingress.attached.target_groups.iter();
        let groups = groups.filter(|(id, _)| is_such(self.before.text(id, "Protocol").as_deref()));
        groups.flat_map(|(_, ports)| ports).copied().collect()
    }

    /// Keeps the target groups of before to which ECS services are attached, with the rules and listeners that lead to them: they
    /// go with the next update after those services were moved or removed.
    fn keep_attached(&mut self, ingress: &Ingress<'_>) {
        let before = self.before;
        for id in ingress.attached.target_groups.keys() {
            if self.template.has(id) || !before.has(id) {
                continue;
            }
            let leads_there = |resource: &Value| {
                let leads = is_of(resource, LISTENER_RULE) || is_of(resource, nlb::LISTENER);
                leads && named_ids(resource).contains(id)
            };
            let rules = before.resources.iter();
            let rules = rules.filter(|(_, resource)| leads_there(resource));
            let is_led_to = self.template.names(id);
            self.keep_resource(id);
            if let Some(output) = before.outputs.get(id) {
                self.template.insert_output(id, output.clone());
            }
            if !is_led_to {
                rules.for_each(|(rule, _)| self.keep_resource(rule));
            }
        }
    }
}

pub(super) fn attribute(key: &str, value: impl Into<String>) -> Value {
    json!({"Key": key, "Value": value.into()})
}

pub(super) fn target_type(kind: TargetKind) -> &'static str {
    match kind {
        TargetKind::Ip => "ip",
        TargetKind::Instance => "instance",
    }
}

fn host_condition(rule: &RouteRule) -> Value {
    let hosts = rule.hosts.iter().map(|host| host.name.as_str());
    json!({
        "Field": "host-header",
        "HostHeaderConfig": {"Values": hosts.collect::<Vec<_>>()},
    })
}

/// Sends everything to one target group, and nothing to those of before.
fn forward(id: &str, former: &[String]) -> Value {
    if former.is_empty() {
        return json!({"Type": "forward", "TargetGroupArn": reference(id)});
    }
    let tuple = |id: &str, weight: u8| json!({"TargetGroupArn": reference(id), "Weight": weight});
    let former = former.iter().map(|id| tuple(id, 0));
    let groups: Vec<Value> = [tuple(id, 1)].into_iter().chain(former).collect();
    json!({"Type": "forward", "ForwardConfig": {"TargetGroups": groups}})
}
