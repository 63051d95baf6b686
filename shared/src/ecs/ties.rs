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
