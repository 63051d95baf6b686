//! Network Load Balancers: their listeners as templates have them, and the connections through them.
//!
//! Source: API reference of Elastic Load Balancing, `CreateLoadBalancer`, `CreateListener`, `CreateTargetGroup`; user guide for
//! Network Load Balancers, "Target group attributes".

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as Unheard};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use super::board::Board;
use super::rules::{Properties, Refused, Rendered};

pub(super) const LISTENER: &str = "AWS::ElasticLoadBalancingV2::Listener";
pub(super) const LOAD_BALANCER: &str = "AWS::ElasticLoadBalancingV2::LoadBalancer";
pub(super) const PROTOCOL: &str = "TCP";

/// A listener of a Network Load Balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Its logical id.
    pub id: String,
    /// That of its load balancer.
    pub load_balancer: String,
    /// Its port.
    pub port: u16,
    /// The logical id of the group that it sends to.
    pub group: String,
}

/// What listeners of one template would not be taken for; `network` are its load balancers.
pub(super) fn check(rendered: &Rendered, network: &[String]) -> Result<(), Refused> {
    for stream in &rendered.streams {
        let group = rendered.groups.get(&stream.group);
        let mut others = rendered.streams.iter();
        let twin = others.find(|other| {
            let place = |one: &Stream| (one.load_balancer.clone(), one.port);
            other.id != stream.id && place(other) == place(stream)
        });
        let why = if !network.contains(&stream.load_balancer) {
            format!("there is no load balancer {}", stream.load_balancer)
        } else if !group.is_some_and(|group| group.is_stream) {
            format!("there is no target group {} of TCP", stream.group)
        } else if let Some(twin) = twin {
            format!("{} has the same port", twin.id)
        } else {
            continue;
        };
        return Err(Refused(format!("{}: {why}", stream.id)));
    }
    Ok(())
}

/// Whether a group of TCP takes this value of an attribute.
pub(super) fn has_attribute(key: &str, value: &str) -> bool {
    let is_flag = ["true", "false"].contains(&value);
    match key {
        "load_balancing.cross_zone.enabled" => {
            is_flag || value == "use_load_balancer_configuration"
        }
        "preserve_client_ip.enabled" => is_flag,
        _ => false,
    }
}

impl Properties<'_> {
    pub(super) fn check_stream_group(&self) -> Result<(), Refused> {
        for name in ["HealthCheckPath", "Matcher", "ProtocolVersion"] {
            if !self.all[name].is_null() && self.text("HealthCheckProtocol", PROTOCOL) == PROTOCOL {
                return self.refuse(format!("{name} is nothing of TCP"));
            }
        }
        Ok(())
    }

    /// The logical id of a load balancer.
    pub(super) fn network_load_balancer(&self) -> Result<String, Refused> {
        self.nothing_but(&["Scheme", "SecurityGroups", "Subnets", "Tags", "Type"])?;
        let is_some = |name: &str| self.all[name].as_array().is_some_and(|all| !all.is_empty());
        if self.text("Type", "application") != "network" {
            return self.refuse("no other load balancers stand in the stacks of Apps");
        }
        if !["internal", "internet-facing"].contains(&self.text("Scheme", "internet-facing")) {
            return self.refuse("Scheme is internal or internet-facing");
        }
        // One that is made without groups never gets any.
        if !is_some("Subnets") || !is_some("SecurityGroups") {
            return self.refuse("Subnets and SecurityGroups are missing");
        }
        Ok(self.id.to_owned())
    }

    pub(super) fn stream(&self) -> Result<Stream, Refused> {
        self.nothing_but(&[
            "Certificates",
            "DefaultActions",
            "LoadBalancerArn",
            "Port",
            "Protocol",
            "SslPolicy",
            "Tags",
        ])?;
        let certificates = self.all["Certificates"].as_array().map_or(0, Vec::len);
        match (self.text("Protocol", ""), certificates) {
            ("TLS", 1) => {}
            (PROTOCOL, 0) if self.all["SslPolicy"].is_null() => {}
            (protocol, count) => {
                return self.refuse(format!("no {protocol} with {count} certificates"));
            }
        }
        let named = |value: &serde_json::Value| value["Ref"].as_str().map(str::to_owned);
        let action = &self.all["DefaultActions"][0];
        let (Some(load_balancer), Some(group), "forward") = (
            named(&self.all["LoadBalancerArn"]),
            named(&action["TargetGroupArn"]),
            action["Type"].as_str().unwrap_or_default(),
        ) else {
            return self.refuse("it forwards to no target group of this stack, or is nowhere");
        };
        let port = self.number("Port", 0, 1..=65_535)?;
        Ok(Stream {
            id: self.id.to_owned(),
            load_balancer,
            port: u16::try_from(port).unwrap_or_default(),
            group,
        })
    }
}

/// A stack, a load balancer of it, and a port of that.
type Place = (String, String, u16);

/// The listeners that are heard.
#[derive(Debug, Default)]
pub(super) struct Streams(BTreeMap<Place, Heard>);

#[derive(Debug)]
struct Heard {
    address: SocketAddr,
    serving: AbortHandle,
}

impl Drop for Heard {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Streams {
    /// From now on the stack has these listeners, and no others.
    pub(super) fn follow(&mut self, board: &Arc<Board>, stack: &str, streams: &[Stream]) {
        let place = |stream: &Stream| {
            let load_balancer = stream.load_balancer.clone();
            (stack.to_owned(), load_balancer, stream.port)
        };
        let wanted: Vec<Place> = streams.iter().map(place).collect();
        self.0
            .retain(|place, _| place.0 != stack || wanted.contains(place));
        for place in wanted {
            let heard = || heard(Arc::clone(board), place.clone());
            self.0.entry(place.clone()).or_insert_with(heard);
        }
    }

    pub(super) fn address(
        &self,
        stack: &str,
        load_balancer: &str,
        port: u16,
    ) -> Option<SocketAddr> {
        let place = (stack.to_owned(), load_balancer.to_owned(), port);
        Some(self.0.get(&place)?.address)
    }
}

fn heard(board: Arc<Board>, place: Place) -> Heard {
    let listener = Unheard::bind((Ipv4Addr::LOCALHOST, 0)).expect("the loopback has a free port");
    let address = listener.local_addr().expect("a listener has an address");
    listener.set_nonblocking(true).expect("it can be asked");
    let listener = TcpListener::from_std(listener).expect("it is not blocking");
    let serving = tokio::spawn(accept(listener, board, place)).abort_handle();
    Heard { address, serving }
}

/// Connections that no target can have end at once.
async fn accept(listener: TcpListener, board: Arc<Board>, (stack, load_balancer, port): Place) {
    while let Ok((mut client, _)) = listener.accept().await {
        let Some(target) = board.connection(&stack, &load_balancer, port) else {
            continue;
        };
        tokio::spawn(async move {
            if let Ok(mut target) = TcpStream::connect(target).await {
                let _ = tokio::io::copy_bidirectional(&mut client, &mut target).await; // either may go
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::load_balancer::rules::read;

    fn template(resource: &str, name: &str, value: Value) -> Value {
        let mut all = json!({
            "Nlb": {"Type": LOAD_BALANCER, "Properties": {
                "Type": "network", "Scheme": "internal", "Subnets": ["subnet-1"], "SecurityGroups": ["sg-1"],
            }},
            "Listener": {"Type": LISTENER, "Properties": {
                "LoadBalancerArn": {"Ref": "Nlb"}, "Port": 5000, "Protocol": "TCP",
                "DefaultActions": [{"Type": "forward", "TargetGroupArn": {"Ref": "Group"}}],
            }},
            "Group": {"Type": "AWS::ElasticLoadBalancingV2::TargetGroup", "Properties": {
                "Protocol": "TCP", "Port": 80, "TargetType": "ip", "VpcId": "vpc-1",
            }},
        });
        all[resource]["Properties"][name] = value;
        json!({"Resources": all})
    }

    #[test]
    fn what_a_network_load_balancer_does_not_take_is_refused_by_name() {
        let whole = template("Nlb", "Scheme", json!("internet-facing"));
        assert_eq!(read(&whole).unwrap().streams[0].port, 5000);
        let attribute = |key: &str, value: &str| json!([{"Key": key, "Value": value}]);
        for (resource, name, value, says) in [
            (
                "Nlb",
                "Type",
                json!("application"),
                "no other load balancers",
            ),
            (
                "Nlb",
                "SecurityGroups",
                json!([]),
                "SecurityGroups are missing",
            ),
            (
                "Listener",
                "Protocol",
                json!("TLS"),
                "no TLS with 0 certificates",
            ),
            ("Listener", "Protocol", json!("HTTP"), "no HTTP with 0"),
            ("Listener", "Port", json!(0), "Port is between"),
            (
                "Listener",
                "LoadBalancerArn",
                json!({"Ref": "Other"}),
                "no load balancer Other",
            ),
            (
                "Listener",
                "DefaultActions",
                json!([]),
                "forwards to no target group",
            ),
            (
                "Group",
                "Protocol",
                json!("HTTP"),
                "no target group Group of TCP",
            ),
            (
                "Group",
                "HealthCheckPath",
                json!("/"),
                "HealthCheckPath is nothing of TCP",
            ),
            (
                "Group",
                "TargetGroupAttributes",
                attribute("stickiness.type", "lb_cookie"),
                "no attribute stickiness.type of a TCP group",
            ),
            (
                "Group",
                "TargetGroupAttributes",
                attribute("preserve_client_ip.enabled", "yes"),
                "no attribute preserve_client_ip.enabled",
            ),
        ] {
            let Refused(why) = read(&template(resource, name, value)).unwrap_err();
            assert!(why.contains(says), "{says}: {why}");
        }
        let mut twice = whole;
        twice["Resources"]["Twin"] = twice["Resources"]["Listener"].clone();
        let Refused(why) = read(&twice).unwrap_err();
        assert!(why.contains("has the same port"), "{why}");
    }
}
