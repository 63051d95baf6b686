//! What an ECS service ties to container, port and volume of its tasks: ECS refuses a definition that lacks it. Pure.

use aws::ecs::Ties;
use names::error_type::ErrorType;
use release::release_checks::Problem;
use release::task_definition::PortMapping;

/// A container as it will be.
pub(super) struct Container<'a> {
    /// The Service's name.
    pub(super) name: &'a str,
    /// The ports that it maps.
    pub(super) ports: &'a [PortMapping],
}

/// What the ECS service `ecs` is tied to and `container` will not have.
pub(super) fn unmet(
    ecs: &str,
    load_balancers: &[(String, i32)],
    ties: &Ties,
    container: &Container<'_>,
) -> Vec<Problem> {
    let balancers = load_balancers.iter();
    let balancers = balancers.filter(|(name, port)| !container.maps(name, *port));
    let balancers = balancers.map(|(name, port)| {
        let what = format!("a load balancer of the ECS service `{ecs}` sends to");
        Problem::new(
            ErrorType::LoadBalancerMismatch,
            container.mismatch(&what, name, *port),
        )
    });
    let registries = ties.registries.iter();
    let registries = registries.filter(|(name, port)| !container.maps(name, *port));
    let registries = registries.map(|(name, port)| {
        let what = format!("a service registry of the ECS service `{ecs}` names");
        Problem::new(
            ErrorType::ServiceRegistryMismatch,
            container.mismatch(&what, name, *port),
        )
    });
    let names = ties.port_names.iter();
    let names = names.filter(|(_, name)| !container.has_port_named(name));
    let names = names.map(|(what, port)| {
        Problem::new(ErrorType::PortNameMismatch, format!(
            "{what} of the ECS service `{ecs}` names the port `{port}`, and the container will have {}; give `services.{}` the port \
             that had that name, with `port` or `nlb`: its name is kept",
            container.shown(), container.name
        ))
    });
    let volumes = ties.launch_volumes.iter().map(|volume| {
        Problem::new(ErrorType::LaunchVolume, format!(
            "the ECS service `{ecs}` configures the volume `{volume}` when it launches a task, and nothing in convox.yml can mount \
             that; move it to a task definition without that volume (aws ecs update-service --service {ecs} --task-definition … \
             --volume-configurations '[]'), or name another for `{}`",
            container.name
        ))
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

    fn mismatch(&self, what: &str, container: &str, port: i32) -> String {
        let (name, ports) = (self.name, self.shown());
        let help = if container == name {
            format!("set `services.{name}.port` to {port}, or add it to `services.{name}.nlb`")
        } else {
            format!("call the Service `{container}`")
        };
        format!(
            "{what} container `{container}` port {port}, and the container will be `{name}` with {ports}; {help}, or correct the \
             ECS service"
        )
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
            let problems = unmet("front", &balancers, &ties, &container);
            let got: Vec<_> = problems.iter().map(|problem| problem.error_type).collect();
            let types: Vec<_> = want.iter().map(|(error_type, _)| *error_type).collect();
            assert_eq!(got, types, "{balancers:?} {ties:?}");
            for (problem, (_, says)) in problems.iter().zip(want) {
                assert!(problem.message.contains(says), "{}", problem.message);
            }
        }
    }
}
