//! What attaches an ECS service to the ECS Gateways of its cluster, in the place of load balancers. Pure.
//!
//! Source: ECS API reference, `GatewayConnector`, `GatewayConnectorHealthCheck`, `GatewayConnectorFilters`; ECS developer guide,
//! "Connect Amazon ECS services to a gateway", "Troubleshoot a gateway".

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{routes, times};
use crate::task_definition::PortName;
use manifest::Service;
use yaml::Problem;

/// What the port of a container is called that gateways send to; of a task definition, so of one Service alone.
const PORT_NAME: &str = "gateway";

/// Who reaches a gateway, as ECS spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Access {
    /// The internet.
    Public,
    /// The network that it stands in.
    Private,
}

/// What attaches an ECS service to every gateway of its cluster that such people reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connector {
    /// The port of the container, by name.
    pub port_name: String,
    /// Who is to reach it.
    pub access_types: BTreeSet<Access>,
    /// The path that tasks are asked for.
    pub path: String,
    /// How many seconds are between two questions.
    pub interval: u32,
    /// How many seconds an answer takes at most.
    pub timeout: u32,
    /// How many seconds after the start of a task its answers do not count; of the ECS service itself.
    pub grace: u32,
}

impl Access {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Public, Self::Private];

    /// How ECS spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "PUBLIC",
            Self::Private => "PRIVATE",
        }
    }

    /// What is spelled so.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|access| access.name() == name)
    }
}

impl Connector {
    /// That of a Service with a gateway.
    #[must_use]
    pub fn of(service: &Service) -> Self {
        let health = &service.health;
        let access: &[Access] = match (service.internal_and_external, service.internal) {
            (true, _) => &Access::ALL,
            (false, true) => &[Access::Private],
            (false, false) => &[Access::Public],
        };
        Self {
            port_name: PORT_NAME.to_owned(),
            access_types: access.iter().copied().collect(),
            path: health.path.clone(),
            interval: health.interval,
            timeout: times::timeout(health),
            grace: health.grace,
        }
    }

    /// Who reaches what these attach.
    #[must_use]
    pub fn access_of(connectors: &[Self]) -> BTreeSet<Access> {
        let access = connectors.iter().flat_map(|it| &it.access_types);
        access.copied().collect()
    }

    /// How the task definition has to call the port.
    #[must_use]
    pub fn port() -> PortName {
        PortName {
            name: PORT_NAME.to_owned(),
            app_protocol: None,
        }
    }

    /// Whether that is the name of such a port.
    #[must_use]
    pub fn is_called(port: &str) -> bool {
        port == PORT_NAME
    }

    /// What of such a Service no target group takes, which is what a gateway makes.
    #[must_use]
    pub fn problems(service: &Service) -> Vec<Problem> {
        let path = routes::wrong_path(service).map(|wrong| (".health", wrong));
        // How long connections have to end in is the gateway's own affair.
        let times = times::wrong(service).into_iter();
        let times = times.filter(|(part, _)| *part != ".drain");
        path.into_iter()
            .chain(times)
            .map(|(part, wrong)| routes::problem(service, part, wrong.to_string()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use environment::Environment;
    use serde_json::json;

    use super::*;

    fn service(keys: &str) -> Service {
        let text = format!("services: {{web: {{gateway: true, port: 3000{keys}}}}}");
        let manifest = manifest::load("convox.yml", text.as_bytes(), &Environment::default());
        manifest.unwrap().services.remove(0)
    }

    #[test]
    fn who_reaches_a_service_is_always_said() {
        for (keys, want) in [
            ("", &[Access::Public][..]),
            (", internal: true", &[Access::Private]),
            (", internalAndExternal: true", &Access::ALL),
        ] {
            let connector = Connector::of(&service(keys));
            let access: Vec<Access> = connector.access_types.into_iter().collect();
            assert_eq!(access, want, "{keys}");
        }
        for access in Access::ALL {
            assert_eq!(Access::of(access.name()), Some(access));
            assert_eq!(json!(access), access.name(), "as it is written down");
        }
        assert_eq!(Access::of("ANYTHING"), None);
    }

    #[test]
    fn health_is_asked_as_load_balancers_ask_it() {
        let web = service(", health: {path: /up, interval: 10, timeout: 4, grace: 60}");
        let connector = Connector::of(&web);
        let times = (connector.interval, connector.timeout, connector.grace);
        assert_eq!((connector.path.as_str(), times), ("/up", (10, 4, 60)));
        assert_eq!(Connector::port().name, connector.port_name);
        assert!(Connector::problems(&web).is_empty());
        let written = serde_json::to_value(&connector).unwrap();
        assert_eq!(
            serde_json::from_value::<Connector>(written).unwrap(),
            connector
        );
        for (keys, part) in [
            (", health: up", "services.web.health"),
            (", health: {interval: 1}", "services.web.health.interval"),
            (", health: {timeout: 9}", "services.web.health.timeout"),
            (", drain: 9999", ""),
        ] {
            let problems = Connector::problems(&service(keys));
            let paths: Vec<&str> = problems.iter().map(|it| it.path.as_str()).collect();
            let want: Vec<&str> = Some(part)
                .filter(|part| !part.is_empty())
                .into_iter()
                .collect();
            assert_eq!(paths, want, "{keys}");
        }
    }
}
