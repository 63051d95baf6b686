//! How Apps are reached: the Rack's load balancers, what of an App they send requests to, and under which hosts. Pure.

mod connector;
mod hosts;
mod listeners;
mod pairs;
mod reservations;
mod routes;
mod times;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use names::ServiceName;

pub use connector::{Access, Connector};
pub use listeners::{NetworkListener, NetworkListeners, NetworkPlaces, too_many_groups};
pub use pairs::{Advanced, Half, Pair};
pub use reservations::{RULES_MAX, Reservations, Reserved, Unreservable};
pub use routes::{Host, Route, RouteRule, Routes, TargetKind, TargetProtocol};

/// The Rack's load balancers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entrance {
    /// The domain whose names Services have; none: they have their own domains only.
    pub domain: Option<String>,
    /// The listener of the load balancer on the internet.
    pub public: Option<String>,
    /// The listener of the one inside of the network.
    pub internal: Option<String>,
    /// The groups that their requests come from.
    pub security_groups: Vec<String>,
    /// Whether the listeners speak HTTPS.
    pub is_https: bool,
    /// The first priority that rules may have.
    pub first_priority: u32,
}

/// Who reaches a load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The internet.
    Public,
    /// The network that the Rack is in.
    Internal,
}

impl Side {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Public, Self::Internal];

    /// How logical ids begin what is of that side.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Public => "Public",
            Self::Internal => "Internal",
        }
    }
}

impl Entrance {
    /// The listener of a side, where the Rack has one.
    #[must_use]
    pub fn listener(&self, side: Side) -> Option<&str> {
        match side {
            Side::Public => self.public.as_deref(),
            Side::Internal => self.internal.as_deref(),
        }
    }

    /// The side of a listener of the Rack.
    #[must_use]
    pub fn side_of(&self, listener_arn: &str) -> Option<Side> {
        let mut sides = Side::ALL.into_iter();
        sides.find(|side| self.listener(*side) == Some(listener_arn))
    }

    /// The address under which a host is reached.
    #[must_use]
    pub fn url(&self, host: &str) -> String {
        let scheme = if self.is_https { "https" } else { "http" };
        format!("{scheme}://{host}")
    }
}

/// The addresses of Services, the first one of each being what links to it are.
pub type Addresses = BTreeMap<ServiceName, Vec<String>>;

/// What an ECS service registers the addresses of its tasks with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// The target group; none for what is no target group of today's load balancers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_group_arn: Option<String>,
    /// The container whose port it is.
    pub container_name: String,
    /// The port in that container.
    pub container_port: i32,
    /// What ECS moves requests by, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advanced: Option<Advanced>,
}

/// How an ECS service is tied to load balancers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Balancing {
    /// What it registers its tasks with.
    pub attachments: Vec<Attachment>,
    /// How many seconds after the start of a task its health checks do not count; 0 where nothing checks it.
    #[serde(default)]
    pub grace: u32,
}
