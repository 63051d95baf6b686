//! What the Rack's load balancers need of an App, as cfn-lint sees it.

use std::collections::BTreeSet;
use std::fs;

use environment::Environment;
use manifest::{OfRack, Service};
use release::app_stack::{Attached, Ingress};
use release::entrance::{
    Entrance, Half, NetworkListeners, NetworkPlaces, Pair, Reservations, Routes, TargetKind,
};
use rig::proof;
use serde_json::Value;
use tempfile::TempDir;

use super::Rack;
use super::lint::findings;

const SCHEMES: [&str; 4] = ["http", "https", "grpc", "secure-grpc"];

fn entrance() -> Entrance {
    let listener = |name: &str| {
        format!(
            "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/{name}/0a1b2c3d4e5f6071/0a1b2c3d4e5f6071"
        )
    };
    Entrance {
        domain: Some("apps.example.com".to_owned()),
        public: Some(listener("public")),
        internal: Some(listener("internal")),
        security_groups: vec![
            "sg-0123456789abcdef1".to_owned(),
            "sg-0123456789abcdef2".to_owned(),
        ],
        is_https: true,
        first_priority: 1,
    }
}

/// Services with each scheme, with few and many domains, on either side.
fn services(bits: usize) -> String {
    let bit = |n: usize| bits & (1 << n) != 0;
    let domains = if bit(0) { 12 } else { 0 };
    let domains: Vec<String> = (0..domains)
        .map(|n| format!("'{}{n}.example.org'", if n % 3 == 0 { "*.d" } else { "d" }))
        .collect();
    let scheme = SCHEMES[bits % SCHEMES.len()];
    format!(
        "services: {{web: {{port: '{scheme}:3000', domain: [{}], internal: {}, internalAndExternal: {}, sticky: {}, drain: {}, \
         health: {{path: '/up?a=1', interval: {}}}, nlb: [{}]}}, api: {{port: 4000}}}}",
        domains.join(", "),
        bit(1),
        bit(2),
        bit(3),
        if bit(4) { 3600 } else { 1 },
        if bit(4) { 300 } else { 5 },
        listeners(bits),
    )
}

/// Listeners on one side, on both or on none.
fn listeners(bits: usize) -> String {
    let bit = |n: usize| bits & (1 << n) != 0;
    let tls = "{port: 443, protocol: tls, containerPort: 8443, \
               certificate: 'arn:aws:acm:us-east-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef'}";
    let plain = format!(
        "{{port: 5000, scheme: internal, cross_zone: {}, preserve_client_ip: {}, allow_cidr: [192.0.2.0/24, 198.51.100.7/32]}}",
        bit(0),
        bit(3),
    );
    let both = [tls.to_owned(), plain];
    let some = both.iter().enumerate().filter(|(n, _)| bit(1 + n));
    let some: Vec<&str> = some.map(|(_, listener)| listener.as_str()).collect();
    some.join(", ")
}

/// The template of such an App; `kind` is where its tasks are found.
fn template(
    rack: &Rack,
    text: &str,
    (kind, pair): (TargetKind, Pair),
    attached: &Attached,
    before: Option<&Value>,
) -> Value {
    let (of_rack, none) = (OfRack { has_entrance: true }, Environment::default());
    let manifest = manifest::load_in(of_rack, "convox.yml", text.as_bytes(), &none).unwrap();
    let services = manifest.services.iter();
    let services: Vec<(&Service, Option<TargetKind>)> =
        services.map(|service| (service, Some(kind))).collect();
    let entrance = entrance();
    let mut routes = Routes::of(&entrance, &rack.id, &services);
    for route in &mut routes.list {
        route.pair = pair;
    }
    assert!(
        routes.problems.is_empty(),
        "{text}: {}",
        routes.problems.len()
    );
    let reserved = Reservations::default().reserve(&entrance, &rack.id.app, &routes);
    let reserved = reserved.unwrap();
    let subnets = &rack.subnets;
    let places = NetworkPlaces {
        region: "us-east-1",
        has_vpc: true,
        public: subnets,
        internal: subnets,
    };
    let listeners = NetworkListeners::of(&places, &services);
    assert!(listeners.problems.is_empty(), "{text}");
    let ingress = Ingress {
        listeners: &listeners,
        entrance: Some(&entrance),
        routes: &routes,
        reserved: &reserved,
        attached,
    };
    let rendered = rack.try_render_reached(&[], Some(ingress), before);
    rendered
        .map_err(|problems| problems.len())
        .unwrap()
        .template
}

/// The role by which ECS moves requests, of an App with two target groups for each route.
pub fn deployment_role() -> Value {
    let pair = Pair {
        live: Half::First,
        is_whole: true,
    };
    let (rack, none) = (Rack::new("myrack"), Attached::default());
    let template = template(&rack, &services(0), (TargetKind::Ip, pair), &none, None);
    template["Resources"]["DeploymentRole"].clone()
}

#[test]
fn cfn_lint_finds_nothing_in_what_load_balancers_need() {
    let (rack, folder) = (Rack::new("myrack"), TempDir::new().unwrap());
    let mut templates = 0;
    let mut keep = |template: &Value| {
        let file = folder.path().join(format!("{templates}.json"));
        fs::write(file, template.to_string()).unwrap();
        templates += 1;
    };
    for bits in (0..32).step_by(3) {
        for kind in [TargetKind::Ip, TargetKind::Instance] {
            let none = Attached::default();
            let first = template(&rack, &services(bits), (kind, Pair::NONE), &none, None);
            keep(&first);
            // Another scheme, while tasks of the one before are attached.
            let groups = first["Outputs"].as_object().unwrap().keys();
            let groups = groups.filter(|output| output.ends_with("TargetGroup"));
            let ports = BTreeSet::from([3000, 4000, 5000, 8443]);
            let attached = Attached {
                is_shifted: false,
                target_groups: groups.map(|id| (id.clone(), ports.clone())).collect(),
            };
            keep(&template(
                &rack,
                &services(bits + 1),
                (kind, Pair::NONE),
                &attached,
                Some(&first),
            ));
        }
    }
    for bits in (0..32).step_by(5) {
        // Between two target groups, then at rest in the second one.
        let whole = |live| Pair {
            live,
            is_whole: true,
        };
        let (text, none) = (services(bits), Attached::default());
        let kind = TargetKind::Ip;
        let first = template(&rack, &text, (kind, whole(Half::First)), &none, None);
        keep(&first);
        let shifted = Attached {
            is_shifted: true,
            ..none
        };
        let next = template(
            &rack,
            &text,
            (kind, whole(Half::Second)),
            &shifted,
            Some(&first),
        );
        keep(&next);
        let rest = Pair {
            live: Half::Second,
            is_whole: false,
        };
        keep(&template(&rack, &text, (kind, rest), &shifted, Some(&next)));
    }
    assert_eq!(
        findings(folder.path(), &["us-east-1", "eu-west-1"]),
        Vec::<String>::new()
    );
    proof::covered(&format!(
        "cfn-lint: {templates} templates of what load balancers need, no finding"
    ));
}
