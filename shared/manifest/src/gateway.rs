//! `gateway` of a Service: an ECS Gateway of the cluster reaches it in the place of load balancers. Convox has no such key.
//!
//! Source: ECS API reference, `GatewayConnector`; ECS developer guide, "Connect Amazon ECS services to a gateway".

use super::service::Service;
use yaml::{Fields, Reader};

/// What of load balancers a gateway does too, and `domain`, which is refused; `drain` and `sticky` are the gateway's own affair.
pub(super) const KEYS: [&str; 4] = ["domain", "health", "internal", "internalAndExternal"];

/// Notes what of a Service with a gateway excludes one.
pub(super) fn refuse(reader: &mut Reader<'_>, fields: &Fields<'_>, service: &Service) {
    let port = service.port.as_ref();
    let speaks_else = port.is_some_and(|port| !port.scheme.eq_ignore_ascii_case("http"));
    let excluded = [
        (
            !service.domains.is_empty(),
            "domain",
            "a gateway gives the Service a host of its own: leave out one of the two",
        ),
        (
            !service.nlb.is_empty(),
            "nlb",
            "a gateway takes the place of load balancers: leave out one of the two",
        ),
        (
            service.agent.is_some(),
            "agent",
            "an agent runs on every instance, and gateways send to tasks on Fargate",
        ),
        (
            speaks_else,
            "port",
            "a gateway is told nothing of TLS or gRPC in tasks: use `http`",
        ),
    ];
    for (is_so, key, help) in excluded {
        if let Some(place) = fields.get(key).filter(|_| is_so) {
            reader.problem_with_help(&place, "stands beside `gateway`", help);
        }
    }
    if let Some(place) = fields.get("gateway").filter(|_| port.is_none()) {
        let help = "write the port that the container listens on";
        reader.problem_with_help(&place, "stands without a `port`", help);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{refused, web};

    #[test]
    fn a_gateway_needs_a_port_and_uses_what_load_balancers_do_of_it() {
        let (service, warnings) = web(
            "{gateway: true, port: 3000, health: /up, internal: true, internalAndExternal: false}",
            "",
        );
        assert!(service.gateway && service.internal);
        assert_eq!(warnings, Vec::<String>::new());
        let (service, warnings) = web("{gateway: yes, port: 3000, sticky: true, drain: 5}", "");
        assert!(service.gateway);
        let want =
            "convox.yml: read, but has no effect: `services.web.drain`, `services.web.sticky`";
        assert_eq!(warnings, [want]);
        for off in ["{port: 3000}", "{gateway: false}", "{gateway: }"] {
            assert!(!web(off, "").0.gateway, "{off}");
        }
    }

    #[test]
    fn what_excludes_a_gateway_is_refused_with_what_to_do() {
        for (beside, want) in [
            ("", "gateway` stands without a `port`: write the port"),
            ("port: 0", "gateway` stands without a `port`"),
            (
                "port: 80, domain: www.example.com",
                "domain` stands beside `gateway`: a gateway gives",
            ),
            (
                "port: 80, nlb: [{port: 5000}]",
                "nlb` stands beside `gateway`: a gateway takes the place",
            ),
            ("port: 80, agent: true", "agent` stands beside `gateway`"),
            ("port: 'https:80'", "port` stands beside `gateway`"),
            ("port: {port: 80, scheme: grpc}", "use `http`"),
        ] {
            let error = refused(
                &format!("services: {{web: {{gateway: true, {beside}}}}}"),
                "",
            );
            assert_eq!(error.lines().count(), 1, "{beside}: {error}");
            assert!(error.contains(want), "{beside}: {error}");
        }
        let error = refused("services: {web: {gateway: maybe, port: 80}}", "");
        assert!(error.contains("use `true` or `false`"), "{error}");
    }
}
