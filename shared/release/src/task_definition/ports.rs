//! The ports of a Service's container. Source: `convox/rack:provider/aws/formation/service.json.tmpl`, `PortMappings`.

use super::{Launch, PortMapping};
use manifest::{Protocol, Service};

/// The main port, an agent's ports on the host, and the container ports of listeners that are others.
pub(super) fn mappings(service: &Service, launch: &Launch) -> Vec<PortMapping> {
    let main = service.port.iter().map(|port| PortMapping {
        container_port: port.port,
        host_port: None,
        protocol: Protocol::Tcp.as_str(),
        named: None,
    });
    let mut mappings: Vec<PortMapping> = main.collect();
    let agent = service.agent.iter().flat_map(|agent| &agent.ports);
    // With a network interface of its own a container's port is the host's already.
    let host = |port| (launch.network_mode == "bridge").then_some(port);
    let agent = agent.map(|port| PortMapping {
        container_port: port.port,
        host_port: host(port.port),
        protocol: port.protocol.as_str(),
        named: None,
    });
    let listeners = service.nlb.iter().map(|listener| PortMapping {
        container_port: listener.container_port,
        host_port: None,
        protocol: Protocol::Tcp.as_str(),
        named: None,
    });
    for mapping in agent.chain(listeners) {
        let same = |known: &PortMapping| {
            (known.container_port, known.protocol) == (mapping.container_port, mapping.protocol)
        };
        if !mappings.iter().any(same) {
            mappings.push(mapping);
        }
    }
    let tcp = mappings
        .iter_mut()
        .filter(|mapping| mapping.protocol == Protocol::Tcp.as_str());
    for mapping in tcp {
        mapping.named = launch.port_names.get(&mapping.container_port).cloned();
    }
    mappings
}
