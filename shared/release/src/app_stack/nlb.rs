//! The Network Load Balancers of an App: one for each side, with a listener and a target group for each `nlb` of its Services, and
//! a security group of its own. Source: CloudFormation template reference, `AWS::ElasticLoadBalancingV2::LoadBalancer`, `Listener`
//! and `TargetGroup`; Network Load Balancer user guide, "Security groups" and "Target group attributes".

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::ingress::{Ingress, TARGET_GROUP, UNUSED_PORT, attribute, target_type};
use super::logical_id::logical_id;
use super::needs::{DYNAMIC, dynamic};
use super::network::OWN_GROUP;
use super::rendering::Rendering;
use super::template::{get_att, reference, set};
use crate::entrance::{NetworkListener, NetworkListeners, Side, TargetKind};
use names::hash8;

const LOAD_BALANCER: &str = "AWS::ElasticLoadBalancingV2::LoadBalancer";
pub(super) const LISTENER: &str = "AWS::ElasticLoadBalancingV2::Listener";
/// What is spoken with tasks; a listener may end TLS before.
pub(super) const PROTOCOL: &str = "TCP";
/// That of the Rack's own listeners.
const SSL_POLICY: &str = "ELBSecurityPolicy-TLS13-1-2-2021-06";

/// The ARN of a listener's target group, by what the App's stack gives.
#[must_use]
pub fn listener_group_arn<'o>(
    outputs: &'o BTreeMap<String, String>,
    listener: &NetworkListener,
) -> Option<&'o String> {
    outputs.get(&target_group_id(listener))
}

/// The name in DNS of the load balancer of a side, by what the App's stack gives.
#[must_use]
pub fn nlb_name(outputs: &BTreeMap<String, String>, side: Side) -> Option<&String> {
    outputs.get(&name_output(side))
}

/// What cannot be changed of a target group is in its name. No route's begins so.
fn target_group_id(listener: &NetworkListener) -> String {
    let kind = match listener.kind {
        TargetKind::Ip => "Ip",
        TargetKind::Instance => "Instance",
    };
    let (side, port) = (listener.side.word(), listener.port);
    let kind = format!("Nlb{side}{port}{kind}TargetGroup");
    logical_id(listener.service.as_str(), &kind)
}

fn load_balancer_id(side: Side) -> String {
    format!("{}Nlb", side.word())
}

/// A load balancer has one listener on a port, whichever Service that is of.
fn listener_id(side: Side, port: &str) -> String {
    format!("{}NlbListener{port}", side.word())
}

fn group_id(side: Side) -> String {
    format!("{}NlbSecurityGroup", side.word())
}

/// What ids of rules begin with that let clients in; a port follows, and what tells networks apart.
fn clients(side: Side) -> String {
    format!("{}NlbIngress", side.word())
}

/// What ids of rules begin with that let the load balancer in where tasks are; the container's port follows.
fn tasks(side: Side) -> String {
    format!("{}NlbTasks", side.word())
}

fn name_output(side: Side) -> String {
    format!("{}NlbName", side.word())
}

impl Rendering<'_> {
    /// Adds the App's own load balancers.
    pub(super) fn add_listeners(&mut self, listeners: &NetworkListeners) {
        for side in Side::ALL {
            let of_side = listeners.list.iter().filter(|it| it.side == side);
            let of_side: Vec<&NetworkListener> = of_side.collect();
            if of_side.is_empty() {
                continue;
            }
            self.add_load_balancer(listeners, side);
            for listener in of_side {
                self.add_listener(listener);
                self.admit_clients(listener);
            }
        }
    }

    fn add_load_balancer(&mut self, listeners: &NetworkListeners, side: Side) {
        let (id, group) = (load_balancer_id(side), group_id(side));
        let tags = self.template.tags();
        let properties = json!({
            "GroupDescription": format!("The {} Network Load Balancer of the App", side.word()),
            "Tags": tags,
            "VpcId": self.inputs.vpc_id.unwrap_or_default(),
        });
        self.template
            .add(&group, "AWS::EC2::SecurityGroup", properties);
        let properties = json!({
            "Scheme": match side {
                Side::Public => "internet-facing",
                Side::Internal => "internal",
            },
            "SecurityGroups": [get_att(&group, "GroupId")],
            "Subnets": listeners.subnets.get(&side),
            "Tags": tags,
            "Type": "network",
        });
        self.template.add(&id, LOAD_BALANCER, properties);
        self.template
            .output(&name_output(side), get_att(&id, "DNSName"));
        let group_output = format!("{group}Id");
        self.template
            .output(&group_output, get_att(&group, "GroupId"));
    }

    fn add_listener(&mut self, listener: &NetworkListener) {
        let group = target_group_id(listener);
        let properties = self.group_of_listener(listener);
        self.template.add(&group, TARGET_GROUP, properties);
        self.template.output(&group, reference(&group));
        let mut properties = json!({
            "DefaultActions": [{"Type": "forward", "TargetGroupArn": reference(&group)}],
            "LoadBalancerArn": reference(&load_balancer_id(listener.side)),
            "Port": listener.port,
            "Protocol": if listener.certificate.is_some() { "TLS" } else { PROTOCOL },
            "Tags": self.template.tags(),
        });
        if let Some(certificate) = &listener.certificate {
            if certificate.contains(DYNAMIC) {
                let path = format!("{}.certificate", listener.path);
                self.problems.push(dynamic(listener.line, path));
            }
            let certificates = json!([{"CertificateArn": certificate}]);
            set(&mut properties, "Certificates", certificates);
            set(&mut properties, "SslPolicy", SSL_POLICY.into());
        }
        let id = listener_id(listener.side, &listener.port.to_string());
        self.template.add(&id, LISTENER, properties);
    }

    /// All attributes are said: one that is said no more would stay as it was.
    fn group_of_listener(&self, listener: &NetworkListener) -> Value {
        let cross_zone = match listener.cross_zone {
            Some(true) => "true",
            Some(false) => "false",
            None => "use_load_balancer_configuration",
        };
        json!({
            "HealthCheckEnabled": true,
            "HealthCheckIntervalSeconds": listener.interval,
            "HealthCheckProtocol": PROTOCOL,
            "HealthCheckTimeoutSeconds": listener.timeout,
            "HealthyThresholdCount": 2,
            "Port": UNUSED_PORT,
            "Protocol": PROTOCOL,
            "Tags": self.template.tags(),
            "TargetGroupAttributes": [
                attribute("deregistration_delay.timeout_seconds", listener.drain.to_string()),
                attribute("load_balancing.cross_zone.enabled", cross_zone),
                attribute("preserve_client_ip.enabled", listener.preserves_client_ip.to_string()),
            ],
            "TargetType": target_type(listener.kind),
            "UnhealthyThresholdCount": 2,
            "VpcId": self.inputs.vpc_id.unwrap_or_default(),
        })
    }

    /// Lets clients connect to the load balancer, and that one to tasks that have addresses of their own.
    fn admit_clients(&mut self, listener: &NetworkListener) {
        let (side, port) = (listener.side, listener.port);
        let group = get_att(&group_id(side), "GroupId");
        for network in &listener.networks {
            let id = format!("{}{port}X{}", clients(side), hash8(network));
            let properties = json!({
                "CidrIp": network,
                "FromPort": port,
                "GroupId": group,
                "IpProtocol": "tcp",
                "ToPort": port,
            });
            self.template
                .add(&id, "AWS::EC2::SecurityGroupIngress", properties);
        }
        if listener.kind == TargetKind::Ip {
            let port = listener.container_port;
            let id = format!("{}{port}", tasks(side));
            self.admit_into(OWN_GROUP, port, &id, &group);
        }
    }

    /// Keeps who may connect to listeners of before that are kept, and what lets load balancers in where tasks of before run.
    pub(super) fn keep_connections(&mut self, ingress: &Ingress<'_>) {
        let before = self.before;
        let ports = self.attached_ports(ingress, |protocol| protocol == Some(PROTOCOL));
        for side in Side::ALL {
            if !self.template.has(&group_id(side)) {
                continue;
            }
            for id in before.resources.keys() {
                let is_wanted = |port: &str| {
                    let mut wanted = ingress.listeners.list.iter();
                    wanted.any(|it| it.side == side && it.port.to_string() == port)
                };
                let of_listener = |rest: &str| {
                    rest.split_once('X').is_some_and(|(port, _)| {
                        self.template.has(&listener_id(side, port)) && !is_wanted(port)
                    })
                };
                let of_tasks = |port: &str| port.parse().is_ok_and(|port| ports.contains(&port));
                let is_kept = id.strip_prefix(&clients(side)).is_some_and(of_listener)
                    || id.strip_prefix(&tasks(side)).is_some_and(of_tasks);
                if is_kept {
                    self.keep_resource(id);
                }
            }
        }
    }
}
