//! What an ECS service ties to names and ports of its tasks: ECS refuses a definition that does not have them.

use std::collections::BTreeSet;

use aws_sdk_ecs::types::{Deployment, Service, ServiceConnectConfiguration, ServiceRegistry};

/// What an ECS service ties to its tasks, beside load balancers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ties {
    /// Container name and port that each registry of service discovery is given, where it is given one.
    pub registries: Vec<(String, i32)>,
    /// What refers to ports by name (Service Connect, VPC Lattice), and the names.
    pub port_names: BTreeSet<(&'static str, String)>,
    /// Volumes that are configured when a task is launched, by name.
    pub launch_volumes: Vec<String>,
}

impl Ties {
    pub(super) fn of(service: &Service) -> Self {
        let registries = service.service_registries().iter();
        // What it ties to its tasks else stands in its newest deployment (API reference, `Deployment`).
        let mut deployments = service.deployments().iter();
        let primary = deployments.find(|deployment| deployment.status() == Some("PRIMARY"));
        Self {
            registries: registries.filter_map(registered).collect(),
            port_names: primary.map(port_names).unwrap_or_default(),
            launch_volumes: primary.map(launch_volumes).unwrap_or_default(),
        }
    }
}

/// ECS holds a registry against a definition only where it names a container (API reference, `ServiceRegistry`).
fn registered(registry: &ServiceRegistry) -> Option<(String, i32)> {
    let container = registry.container_name()?.to_owned();
    Some((container, registry.container_port()?))
}

fn port_names(primary: &Deployment) -> BTreeSet<(&'static str, String)> {
    let connect = primary.service_connect_configuration();
    let connect = connect.filter(|connect| connect.enabled()).into_iter();
    let connect = connect.flat_map(ServiceConnectConfiguration::services);
    let connect = connect.map(|service| ("Service Connect", service.port_name().to_owned()));
    let lattice = primary.vpc_lattice_configurations().iter();
    let lattice = lattice.map(|target| ("VPC Lattice", target.port_name().to_owned()));
    connect.chain(lattice).collect()
}

fn launch_volumes(primary: &Deployment) -> Vec<String> {
    let volumes = primary.volume_configurations().iter();
    volumes.map(|volume| volume.name().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{
        ServiceConnectService, ServiceVolumeConfiguration, VpcLatticeConfiguration,
    };

    use super::*;

    fn deployment(status: &str, port: &str, volume: &str, enabled: bool) -> Deployment {
        let connected = ServiceConnectService::builder().port_name(port);
        let connect = ServiceConnectConfiguration::builder().enabled(enabled);
        let connect = connect.services(connected.build().unwrap());
        let lattice = VpcLatticeConfiguration::builder()
            .role_arn("arn")
            .target_group_arn("arn")
            .port_name(format!("{port}-lattice"));
        let volume = ServiceVolumeConfiguration::builder().name(volume);
        Deployment::builder()
            .status(status)
            .service_connect_configuration(connect.build())
            .vpc_lattice_configurations(lattice.build().unwrap())
            .volume_configurations(volume.build().unwrap())
            .build()
    }

    #[test]
    fn the_newest_deployment_says_what_is_tied_to_the_tasks() {
        let registry = |container: Option<&str>| {
            let registry = ServiceRegistry::builder().registry_arn("arn");
            let registry = registry.set_container_name(container.map(str::to_owned));
            registry.container_port(53).build()
        };
        let service = |enabled| {
            Service::builder()
                .service_registries(registry(Some("web")))
                .service_registries(registry(None))
                .deployments(deployment("ACTIVE", "old", "old", true))
                .deployments(deployment("PRIMARY", "http", "data", enabled))
                .build()
        };
        let connect = ("Service Connect", "http".to_owned());
        let lattice = ("VPC Lattice", "http-lattice".to_owned());
        for (enabled, port_names) in [
            (true, vec![connect, lattice.clone()]),
            (false, vec![lattice]),
        ] {
            let want = Ties {
                registries: vec![("web".to_owned(), 53)],
                port_names: port_names.into_iter().collect(),
                launch_volumes: vec!["data".to_owned()],
            };
            assert_eq!(Ties::of(&service(enabled)), want, "{enabled}");
        }
        assert_eq!(Ties::of(&Service::builder().build()), Ties::default());
    }
}
