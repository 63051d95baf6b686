//! What an ECS service ties to container, port and volume of its tasks: ECS refuses a definition that lacks it. Pure.

use aws::ecs::Ties;
use names::error_type::ErrorType;
use release::entrance::Attachment;
use release::problem::UserError;
use release::task_definition::PortMapping;

/// A container as it will be.
pub(super) struct Container<'a> {
    /// The Service's name.
    pub(super) name: &'a str,
    /// The ports that it maps.
    pub(super) ports: &'a [PortMapping],
}

/// What an ECS service is tied to, and its tasks will not have.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unmet {
    /// A load balancer sends to another container or port.
    #[error("a load balancer of the ECS service `{ecs}` sends to {mismatch}")]
    LoadBalancer { ecs: String, mismatch: Mismatch },
    /// A service registry has another container or port.
    #[error("a service registry of the ECS service `{ecs}` names {mismatch}")]
    ServiceRegistry { ecs: String, mismatch: Mismatch },
    /// No port has the name that something goes by.
    #[error(
        "{what} of the ECS service `{ecs}` names the port `{port}`, and the container will have {ports}; give \
         `services.{service}` the port that had that name, with `port` or `nlb`: its name is kept"
    )]
    PortName {
        what: &'static str,
        ecs: String,
        port: String,
        ports: String,
        service: String,
    },
    /// A volume that is configured when a task is launched.
    #[error(
        "the ECS service `{ecs}` configures the volume `{volume}` when it launches a task, and nothing in convox.yml can mount \
         that; move it to a task definition without that volume (aws ecs update-service --service {ecs} --task-definition … \
         --volume-configurations '[]'), or name another for `{service}`"
    )]
    LaunchVolume {
        ecs: String,
        volume: String,
        service: String,
    },
}

/// The container and port that something is tied to, and those that there will be.
#[derive(Debug, thiserror::Error)]
#[error(
    "container `{container}` port {port}, and the container will be `{service}` with {ports}; {help}, or correct the \
     ECS service"
)]
pub(super) struct Mismatch {
    container: String,
    port: i32,
    service: String,
    ports: String,
    help: String,
}

impl UserError for Unmet {
    fn error_type(&self) -> ErrorType {
        match self {
            Self::LoadBalancer { .. } => ErrorType::LoadBalancerMismatch,
            Self::ServiceRegistry { .. } => ErrorType::ServiceRegistryMismatch,
            Self::PortName { .. } => ErrorType::PortNameMismatch,
            Self::LaunchVolume { .. } => ErrorType::LaunchVolume,
        }
    }
}

/// What the ECS service `ecs` is tied to and `container` will not have.
pub(super) fn unmet(
    ecs: &str,
    attachments: &[Attachment],
    ties: &Ties,
    container: &Container<'_>,
) -> Vec<Unmet> {
    let owned = || ecs.to_owned();
    let attachments = attachments.iter();
    let ports = attachments.map(|it| (it.container_name.clone(), it.container_port));
    let ports: Vec<(String, i32)> = ports.collect();
    let balancers = container.mismatches(&ports);
    let balancers = balancers.map(|mismatch| Unmet::LoadBalancer {
        ecs: owned(),
        mismatch,
    });
    let registries = container.mismatches(&ties.registries);
    let registries = registries.map(|mismatch| Unmet::ServiceRegistry {
        ecs: owned(),
        mismatch,
    });
    let names = ties.port_names.iter();
    let names = names.filter(|(_, name)| !container.has_port_named(name));
    let names = names.map(|(what, port)| Unmet::PortName {
        what,
        ecs: owned(),
        port: port.clone(),
        ports: container.shown(),
        service: container.name.to_owned(),
    });
    let volumes = ties.launch_volumes.iter();
    let volumes = volumes.map(|volume| Unmet::LaunchVolume {
        ecs: owned(),
        volume: volume.clone(),
        service: container.name.to_owned(),
    });
    balancers
        .chain(registries)
        .chain(names)
        .chain(volumes)
        .collect()
}

impl Container<'_> {
    fn maps(&self, container: &str, port: i32) -> bool {
        let mut ports = self.ports.iter();
        container == self.name && ports.any(|own| i32::from(own.container_port) == port)
    }

    fn has_port_named(&self, name: &str) -> bool {
        let mut named = self.ports.iter().filter_map(|port| port.named.as_ref());
        named.any(|named| named.name == name)
    }

    fn mismatches(&self, tied: &[(String, i32)]) -> impl Iterator<Item = Mismatch> {
        let unmet = tied.iter();
        let unmet = unmet.filter(|(container, port)| !self.maps(container, *port));
        unmet.map(|(container, port)| self.mismatch(container, *port))
    }

    fn mismatch(&self, container: &str, port: i32) -> Mismatch {
        let name = self.name;
        let help = if container == name {
            format!("set `services.{name}.port` to {port}, or add it to `services.{name}.nlb`")
        } else {
            format!("call the Service `{container}`")
        };
        Mismatch {
            container: container.to_owned(),
            port,
            service: name.to_owned(),
            ports: self.shown(),
            help,
        }
    }

    fn shown(&self) -> String {
        let numbers = self
            .ports
            .iter()
            .map(|port| port.container_port.to_string());
        let numbers: Vec<String> = numbers.collect();
        match numbers.as_slice() {
            [] => "no port".to_owned(),
            [one] => format!("port {one}"),
            several => format!("ports {}", several.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use release::task_definition::PortName;

    use super::*;

    fn attachment((container_name, container_port): &(String, i32)) -> Attachment {
        Attachment {
            target_group_arn: None,
            container_name: container_name.clone(),
            container_port: *container_port,
            advanced: None,
        }
    }

    fn port(container_port: u16, name: Option<&str>) -> PortMapping {
        PortMapping {
            container_port,
            host_port: None,
            protocol: "tcp",
            named: name.map(|name| PortName {
                name: name.to_owned(),
                app_protocol: None,
            }),
        }
    }

    fn of(container: &str, port: i32) -> Vec<(String, i32)> {
        vec![(container.to_owned(), port)]
    }

    #[test]
    fn whatever_is_tied_to_the_container_has_to_be_met() {
        let two = [port(3000, Some("http")), port(9000, None)];
        let registry = |container: &str, port| Ties {
            registries: of(container, port),
            ..Ties::default()
        };
        let names = |name: &str| Ties {
            port_names: [("Service Connect", name.to_owned())].into(),
            ..Ties::default()
        };
        let volume = Ties {
            launch_volumes: vec!["data".to_owned()],
            ..Ties::default()
        };
        for (ports, balancers, ties, want) in [
            (
                &two[..],
                [of("web", 3000), of("web", 9000)].concat(),
                Ties::default(),
                vec![],
            ),
            (
                &two,
                of("web", 80),
                Ties::default(),
                vec![(
                    ErrorType::LoadBalancerMismatch,
                    "ports 3000, 9000; set `services.web.port` to 80",
                )],
            ),
            (
                &two,
                of("api", 3000),
                Ties::default(),
                vec![(ErrorType::LoadBalancerMismatch, "call the Service `api`")],
            ),
            (
                &[],
                of("web", 80),
                Ties::default(),
                vec![(ErrorType::LoadBalancerMismatch, "no port")],
            ),
            (&two, vec![], registry("web", 9000), vec![]),
            (
                &two,
                vec![],
                registry("api", 9000),
                vec![(
                    ErrorType::ServiceRegistryMismatch,
                    "names container `api` port 9000",
                )],
            ),
            (&two, vec![], names("http"), vec![]),
            (
                &two,
                vec![],
                names("grpc"),
                vec![(
                    ErrorType::PortNameMismatch,
                    "Service Connect of the ECS service `front` names the port `grpc`",
                )],
            ),
            (
                &two,
                vec![],
                volume,
                vec![(ErrorType::LaunchVolume, "the volume `data`")],
            ),
        ] {
            let container = Container { name: "web", ports };
            let attached: Vec<Attachment> = balancers.iter().map(attachment).collect();
            let problems = unmet("front", &attached, &ties, &container);
            let got: Vec<_> = problems.iter().map(UserError::error_type).collect();
            let types: Vec<_> = want.iter().map(|(error_type, _)| *error_type).collect();
            assert_eq!(got, types, "{balancers:?} {ties:?}");
            for (problem, (_, says)) in problems.iter().zip(want) {
                let message = problem.to_string();
                assert!(message.contains(says), "{message}");
            }
        }
    }
}
