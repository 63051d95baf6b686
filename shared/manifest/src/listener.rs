//! `nlb` of a Service: listeners of a Network Load Balancer. Source: `convox/rack:pkg/manifest/validate.go`.

use std::collections::BTreeMap;

use super::{certificate, cidr};
use yaml::{NodeKind, Place, Reader, Scalar, integer};

/// A listener of a Network Load Balancer.
#[derive(Clone, PartialEq, Eq)]
pub struct Listener {
    /// The port it listens on, 1 or more.
    pub port: u16,
    /// What a message may show of that: `${NAME}` in place.
    pub shown: String,
    /// `tcp` unless it says otherwise.
    pub protocol: ListenerProtocol,
    /// The container's port: that of the listener unless it says otherwise.
    pub container_port: u16,
    /// `public` unless it says otherwise.
    pub scheme: Scheme,
    /// The ARN of an ACM or IAM server certificate; with `tls` only, and always there.
    pub certificate: Option<String>,
    /// `cross_zone`, where it is said.
    pub cross_zone: Option<bool>,
    /// The IPv4 networks that may connect, in file order; none means all.
    pub allow_cidr: Vec<String>,
    /// `preserve_client_ip`, where it is said.
    pub preserve_client_ip: Option<bool>,
}

/// What a [`Listener`] speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenerProtocol {
    /// `tcp`.
    Tcp,
    /// `tls`, which ends at the load balancer.
    Tls,
}

/// Who reaches a [`Listener`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// The internet.
    Public,
    /// The Rack's own network.
    Internal,
}

const PORT: &str = "a port from 1 to 65535";
/// The members of a listener.
pub(super) const KEYS: [&str; 8] = [
    "allow_cidr",
    "certificate",
    "containerPort",
    "cross_zone",
    "port",
    "preserve_client_ip",
    "protocol",
    "scheme",
];

/// Reads the listeners of one Service.
pub(super) fn read(reader: &mut Reader<'_>, place: Option<Place<'_>>) -> Vec<Listener> {
    let Some(place) = place else {
        return Vec::new();
    };
    let Some(items) = place.items() else {
        reader.wrong(&place, "a list of listeners, each with a `port`");
        return Vec::new();
    };
    let mut listeners = Vec::new();
    let mut ports = Ports::default();
    for item in &items {
        if let Some(listener) = listener(reader, item) {
            ports.take(reader, item, &listener);
            listeners.push(listener);
        }
    }
    listeners
}

fn listener(reader: &mut Reader<'_>, place: &Place<'_>) -> Option<Listener> {
    let NodeKind::Mapping(_) = place.node.kind else {
        reader.wrong(place, "a mapping with a `port`");
        return None;
    };
    let fields = reader.fields(place, &KEYS);
    let Some(port) = fields.get("port") else {
        let at = (place.node.line, place.node.column);
        reader.lacks(&fields, at, "port", format!("use {PORT}"));
        return None;
    };
    let number = port_number(reader, &port);
    let scalar = port.scalar();
    let interpolated = scalar.filter(|scalar| scalar.is_interpolated());
    let interpolated = interpolated.map(Scalar::shown);
    // 0 counts as absent, as in Convox.
    let container = fields
        .get("containerPort")
        .filter(|place| place.scalar().and_then(integer) != Some(0));
    let container_port = match &container {
        Some(place) => port_number(reader, place),
        None => number,
    };
    let protocols = [
        ("tcp", ListenerProtocol::Tcp),
        ("tls", ListenerProtocol::Tls),
    ];
    let schemes = [("public", Scheme::Public), ("internal", Scheme::Internal)];
    let protocol = one_of(reader, fields.get("protocol"), protocols);
    let certificate = protocol.and_then(|protocol| {
        let is_tls = protocol == ListenerProtocol::Tls;
        certificate::read(reader, place, &fields, is_tls)
    });
    Some(Listener {
        scheme: one_of(reader, fields.get("scheme"), schemes)?,
        cross_zone: reader.optional_flag(fields.get("cross_zone")),
        allow_cidr: cidr::read(reader, fields.get("allow_cidr")),
        preserve_client_ip: reader.optional_flag(fields.get("preserve_client_ip")),
        shown: interpolated.unwrap_or_else(|| number.unwrap_or_default().to_string()),
        port: number?,
        container_port: container_port?,
        protocol: protocol?,
        certificate: certificate?,
    })
}

fn port_number(reader: &mut Reader<'_>, place: &Place<'_>) -> Option<u16> {
    let number = place.scalar().and_then(integer);
    let port = number.and_then(|number| u16::try_from(number).ok());
    let port = port.filter(|port| *port > 0);
    if port.is_none() {
        reader.wrong(place, PORT);
    }
    port
}

/// The first of the two where nothing is said. Case does not count.
fn one_of<T: Copy>(
    reader: &mut Reader<'_>,
    place: Option<Place<'_>>,
    allowed: [(&str, T); 2],
) -> Option<T> {
    let [(first, default), (second, _)] = allowed;
    let Some(place) = place else {
        return Some(default);
    };
    let text = place
        .scalar()
        .map(|scalar| scalar.text.trim().to_ascii_lowercase());
    let value = match text.as_deref() {
        Some("") => Some(default),
        Some(text) => allowed
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, value)| *value),
        None => None,
    };
    if value.is_none() {
        reader.wrong(&place, &format!("`{first}` or `{second}`"));
    }
    value
}

/// The ports of one Service's listeners, and the path of the listener that has each.
#[derive(Default)]
struct Ports {
    ports: BTreeMap<u16, (String, u16)>,
    container_ports: BTreeMap<u16, String>,
}

impl Ports {
    /// Notes a listener whose port or container port another one has.
    fn take(&mut self, reader: &mut Reader<'_>, item: &Place<'_>, listener: &Listener) {
        let (port, container_port) = (listener.port, listener.container_port);
        if let Some((path, before)) = self.ports.get(&port) {
            let message = if *before == container_port {
                format!("has the port of `{path}`: one of them is enough")
            } else {
                format!("has the port of `{path}`, but another `containerPort`")
            };
            reader.problem(item, message);
        } else if let Some(path) = self.container_ports.get(&container_port) {
            let message =
                format!("has the `containerPort` of `{path}`, which one listener can have");
            reader.problem(item, message);
        } else {
            let path = item.path.clone();
            self.ports.insert(port, (path.clone(), container_port));
            self.container_ports.insert(container_port, path);
        }
    }
}

/// The ports of the listeners of all Services, and which Service has each.
#[derive(Default)]
pub(super) struct Taken(BTreeMap<u16, String>);

impl Taken {
    /// Notes ports that another Service has too; `shown` is what a message may call the Service at `place`.
    pub(super) fn take(
        &mut self,
        reader: &mut Reader<'_>,
        place: &Place<'_>,
        shown: &str,
        listeners: &[Listener],
    ) {
        let nlb = place.entries().iter().find(|entry| entry.key.text == "nlb");
        let at = nlb.map_or((1, 1), |entry| (entry.line, entry.column));
        for (index, listener) in listeners.iter().enumerate() {
            let owner = self
                .0
                .entry(listener.port)
                .or_insert_with(|| shown.to_owned());
            if owner != shown {
                let message = format!(
                    "has in `nlb[{index}]` a port that the Service `{owner}` has too: all Services \
                     share the load balancer"
                );
                reader.problem_at(at, &place.path, message);
            }
        }
    }
}

/// Whether an agent can have listeners: it cannot.
pub(super) fn refuse_agent(
    reader: &mut Reader<'_>,
    agent: Option<&Place<'_>>,
    listeners: &[Listener],
) {
    if let Some(agent) = agent.filter(|_| !listeners.is_empty()) {
        let help = "an agent runs on every instance and has none";
        reader.problem_with_help(agent, "stands beside `nlb` listeners", help);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{loaded, refused, web};
    use super::*;

    const ACM: &str = "arn:aws:acm:us-east-1:123456789012:certificate/0";

    #[test]
    fn listeners_have_their_defaults() {
        let listener = &web("{nlb: [{port: 8443}]}", "").0.nlb[0];
        assert_eq!((listener.port, listener.container_port), (8443, 8443));
        assert_eq!(
            (listener.protocol, listener.scheme),
            (ListenerProtocol::Tcp, Scheme::Public)
        );
        assert!(listener.certificate.is_none() && listener.allow_cidr.is_empty());
        assert_eq!(
            (listener.cross_zone, listener.preserve_client_ip),
            (None, None)
        );
        assert!(web("{nlb: }", "").0.nlb.is_empty() && web("{nlb: []}", "").0.nlb.is_empty());
    }

    #[test]
    fn listeners_have_all_their_keys() {
        let body = format!(
            "{{nlb: [{{port: '443', protocol: TLS, containerPort: 8080, scheme: Internal, certificate: '{ACM}', \
             cross_zone: yes, preserve_client_ip: false, allow_cidr: [10.0.0.0/8, 192.168.1.1/32]}}]}}"
        );
        let listener = &web(&body, "").0.nlb[0];
        assert_eq!((listener.port, listener.container_port), (443, 8080));
        assert_eq!(
            (listener.protocol, listener.scheme),
            (ListenerProtocol::Tls, Scheme::Internal)
        );
        assert_eq!(listener.certificate.as_deref(), Some(ACM));
        assert_eq!(listener.allow_cidr, ["10.0.0.0/8", "192.168.1.1/32"]);
        assert_eq!(
            (listener.cross_zone, listener.preserve_client_ip),
            (Some(true), Some(false))
        );
    }

    #[test]
    fn listeners_that_no_load_balancer_has_are_refused() {
        for (nlb, want) in [
            ("{port: 1}", "is a mapping: use a list of listeners"),
            ("[443]", "is `443`: use a mapping with a `port`"),
            ("[{protocol: tcp}]", "has no `port`"),
            (
                "[{port: 0}]",
                "nlb[0].port` is `0`: use a port from 1 to 65535",
            ),
            ("[{port: 65536}]", "is `65536`: use a port"),
            (
                "[{port: 1, containerPort: 70000}]",
                "containerPort` is `70000`: use a port",
            ),
            (
                "[{port: 1, protocol: udp, certificate: x}]",
                "protocol` is `udp`: use `tcp` or `tls`",
            ),
            (
                "[{port: 1, scheme: private}]",
                "scheme` is `private`: use `public` or `internal`",
            ),
            ("[{port: 1, protocol: tls}]", "has no `certificate`"),
            (
                "[{port: 1, protocol: tls, certificate: my-cert}]",
                "certificate` is `my-cert`: use the full ARN",
            ),
            (
                "[{port: 1, certificate: my-cert}]",
                "certificate` is for `protocol: tls` only",
            ),
            (
                "[{port: 1}, {port: 1}]",
                "nlb[1]` has the port of `services.web.nlb[0]`: one",
            ),
            (
                "[{port: 1}, {port: 1, containerPort: 2}]",
                "has the port of `services.web.nlb[0]`, but another",
            ),
            (
                "[{port: 1, containerPort: 3}, {port: 2, containerPort: 3}]",
                "has the `containerPort` of `services.web.nlb[0]`",
            ),
            (
                "[{port: 1, cross_zone: maybe}]",
                "cross_zone` is `maybe`: use `true` or `false`",
            ),
        ] {
            let error = refused(&format!("services: {{web: {{nlb: {nlb}}}}}"), "");
            assert_eq!(error.lines().count(), 1, "{nlb}: {error}");
            assert!(error.contains(want), "{nlb}: {error}");
        }
        let error = refused("services: {web: {agent: true, nlb: [{port: 1}]}}", "");
        assert!(
            error.contains("`services.web.agent` stands beside `nlb` listeners"),
            "{error}"
        );
        let two = "services: {web: {nlb: [{port: 1}, {port: 2}]}, api: {nlb: [{port: 2}]}}";
        assert!(
            refused(two, "")
                .contains("`services.api` has in `nlb[0]` a port that the Service `web` has too")
        );
        let apart = two.replace("[{port: 2}]", "[{port: 3}]");
        assert_eq!(loaded(&apart, "").services[1].nlb[0].port, 3);
    }
}
