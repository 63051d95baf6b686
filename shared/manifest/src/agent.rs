//! `agent` of a Service: one container on every instance. Source: `convox/rack:pkg/manifest/yaml.go` (`ServiceAgent`).

use yaml::{NodeKind, Place, Reader, Scalar, integer};

const PORT: &str = "a port from 1 to 65535, alone or with `/tcp` or `/udp`";

/// A Service that runs once on every instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agent {
    /// The host's ports that it takes, in file order.
    pub ports: Vec<AgentPort>,
}

/// A port of the host and of the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentPort {
    /// The number, 1 or more.
    pub port: u16,
    /// `tcp` unless it says otherwise.
    pub protocol: Protocol,
}

/// What ECS calls `transportProtocol`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `tcp`.
    Tcp,
    /// `udp`.
    Udp,
}

impl Protocol {
    /// As ECS spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// Any mapping is an agent, as in Convox, even one that says `enabled: false`.
pub(super) fn read(reader: &mut Reader<'_>, place: Option<Place<'_>>) -> Option<Agent> {
    let place = place?;
    let NodeKind::Mapping(_) = place.node.kind else {
        let what = "`true`, `false`, or a mapping with `ports`";
        return reader
            .boolean(&place, what)
            .unwrap_or(false)
            .then(Agent::default);
    };
    let fields = reader.fields(&place, &["enabled", "ports"]);
    let off = fields
        .get("enabled")
        .filter(|enabled| enabled.scalar().and_then(Scalar::as_bool) == Some(false));
    if let Some(enabled) = off {
        let message = format!(
            "`{}` changes nothing: any mapping makes the Service an agent; write `agent: false` to \
             make it none",
            enabled.path
        );
        reader.warn(enabled.node.line, &message);
    }
    let ports = fields.get("ports").map(|place| ports(reader, &place));
    Some(Agent {
        ports: ports.unwrap_or_default(),
    })
}

fn ports(reader: &mut Reader<'_>, place: &Place<'_>) -> Vec<AgentPort> {
    let Some(items) = place.items() else {
        reader.wrong(place, "a list of ports such as `8125/udp`");
        return Vec::new();
    };
    let mut ports = Vec::new();
    for item in &items {
        match item.scalar().and_then(port) {
            Some(port) => ports.push(port),
            None => reader.wrong(item, PORT),
        }
    }
    ports
}

/// Convox leaves the protocol of a quoted number empty, which ECS takes for tcp.
fn port(scalar: &Scalar) -> Option<AgentPort> {
    let (number, protocol) = match scalar.text.split_once('/') {
        Some((number, protocol)) => (number.trim().parse().ok()?, protocol.trim()),
        None => (integer(scalar)?, "tcp"),
    };
    let protocol = match protocol.to_ascii_lowercase().as_str() {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        _ => return None,
    };
    let port = u16::try_from(number).ok().filter(|port| *port > 0)?;
    Some(AgentPort { port, protocol })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{refused, web};

    #[test]
    fn an_agent_is_a_flag_or_a_mapping_with_ports() {
        for (agent, want) in [
            ("true", Some("")),
            ("'yes'", Some("")),
            ("false", None),
            ("", None),
            ("{}", Some("")),
            ("{ports: }", Some("")),
            (
                "{ports: [5000/udp, 5001, 5002/tcp, '5003', 5004/UDP]}",
                Some("5000/udp 5001/tcp 5002/tcp 5003/tcp 5004/udp"),
            ),
        ] {
            let (service, _) = web(&format!("{{agent: {agent}}}"), "");
            let got = service.agent.map(|agent| {
                let ports = agent.ports.iter();
                let ports = ports.map(|port| format!("{}/{}", port.port, port.protocol.as_str()));
                ports.collect::<Vec<_>>().join(" ")
            });
            assert_eq!(got.as_deref(), want, "{agent}");
        }
    }

    #[test]
    fn an_agent_that_says_it_is_off_is_on_with_a_warning() {
        let (service, warnings) = web("{agent: {enabled: false}}", "");
        assert!(service.agent.is_some());
        assert!(
            warnings[0].contains("`services.web.agent.enabled` changes nothing"),
            "{warnings:?}"
        );
    }

    #[test]
    fn ports_that_no_host_has_are_refused() {
        for port in ["0", "65536", "x", "80/sctp", "80/", "~", "[80]"] {
            let error = refused(
                &format!("services: {{web: {{agent: {{ports: [{port}]}}}}}}"),
                "",
            );
            assert!(
                error.contains("`services.web.agent.ports[0]`"),
                "{port}: {error}"
            );
        }
    }
}
