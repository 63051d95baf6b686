//! The `nlb` of Services: what of it is taken, and what an App's stack has of it.

use super::*;
use crate::app_stack::{listener_group_arn, nlb_name};
use crate::entrance::too_many_groups;

const NLB: &str = "AWS::ElasticLoadBalancingV2::LoadBalancer";
const LISTENER: &str = "AWS::ElasticLoadBalancingV2::Listener";
const GROUPS: &str = "AWS::EC2::SecurityGroup";
const CERTIFICATE: &str = "arn:aws:acm:us-east-1:123456789012:certificate/0";

fn read_in(places: &NetworkPlaces<'_>, text: &str, kind: TargetKind) -> NetworkListeners {
    let manifest = load(text);
    let services = manifest.services.iter();
    let services: Vec<_> = services.map(|service| (service, Some(kind))).collect();
    NetworkListeners::of(places, &services)
}

/// The listeners of a convox.yml where there is place for all.
pub(super) fn of(text: &str, kind: TargetKind) -> NetworkListeners {
    let subnets = ["subnet-b".to_owned(), "subnet-a".to_owned()];
    let places = NetworkPlaces {
        region: "us-east-1",
        has_vpc: true,
        public: &subnets,
        internal: &subnets,
    };
    read_in(&places, text, kind)
}

fn web(listeners: &str) -> String {
    format!("services: {{web: {{nlb: [{listeners}]}}}}")
}

fn said(listeners: &NetworkListeners) -> Vec<String> {
    let problems = listeners.problems.iter().map(ToString::to_string);
    problems.chain(listeners.notices.iter().cloned()).collect()
}

#[test]
fn a_listener_has_what_it_says_and_else_what_its_side_and_tasks_have() {
    let text = web(
        "{port: 5000}, {port: 5001, containerPort: 80, scheme: internal, cross_zone: true, \
                    preserve_client_ip: true, allow_cidr: [192.0.2.0/24]}",
    );
    let all = of(&text, TargetKind::Ip);
    assert_eq!(said(&all), Vec::<String>::new());
    let [first, second] = &all.list[..] else {
        panic!("two");
    };
    assert_eq!((first.side, second.side), (Side::Public, Side::Internal));
    assert_eq!((first.container_port, second.container_port), (5000, 80));
    assert_eq!(first.networks, ["0.0.0.0/0".to_owned()].into());
    assert_eq!(second.networks, ["192.0.2.0/24".to_owned()].into());
    assert_eq!((first.cross_zone, second.cross_zone), (None, Some(true)));
    let keeps = |listener: &NetworkListener| listener.preserves_client_ip;
    assert_eq!((keeps(first), keeps(second)), (false, true));
    let by_instance = of(&text, TargetKind::Instance);
    assert!(by_instance.list.iter().all(keeps));
    let inside = of(&web("{port: 1, scheme: internal}"), TargetKind::Ip);
    assert_eq!(
        inside.list[0].networks.len(),
        4,
        "what networks use among themselves"
    );
}

#[test]
fn listeners_without_a_place_are_told_once_and_left_out() {
    let some = ["subnet-a".to_owned()];
    let both = web("{port: 1}, {port: 2}, {port: 3, scheme: internal}");
    for (has_vpc, public, internal, left, says) in [
        (false, &some[..], &some[..], 0, "its parameter `Vpc`"),
        (true, &[], &some, 1, "its parameter `LoadBalancerSubnets`"),
        (true, &some, &[], 2, "its parameter `Subnets`"),
    ] {
        let places = NetworkPlaces {
            region: "us-east-1",
            has_vpc,
            public,
            internal,
        };
        let all = read_in(&places, &both, TargetKind::Ip);
        let said = said(&all);
        assert_eq!((all.list.len(), said.len()), (left, 1), "{said:?}");
        assert!(
            said[0].starts_with("line 1: `services.web.nlb` ") && said[0].contains(says),
            "{said:?}"
        );
    }
    let manifest = load(&both);
    let places = NetworkPlaces {
        region: "us-east-1",
        has_vpc: true,
        public: &some,
        internal: &some,
    };
    let others = NetworkListeners::of(&places, &[(&manifest.services[0], None)]);
    assert!(
        said(&others)[0].contains("has no effect"),
        "{:?}",
        said(&others)
    );
}

#[test]
fn what_no_network_load_balancer_takes_is_said_with_its_place() {
    let many = |count: u16, more: &str| {
        let all = (1..=count).map(|port| format!("{{port: {port}{more}}}"));
        web(&all.collect::<Vec<_>>().join(", "))
    };
    let elsewhere = CERTIFICATE.replace("us-east-1", "eu-west-1");
    let tls = |certificate: &str| {
        web(&format!(
            "{{port: 1, protocol: tls, certificate: '{certificate}'}}"
        ))
    };
    for (text, says) in [
        (
            many(51, ""),
            "`services.web.nlb[50]` is one more than the 50",
        ),
        (
            many(16, ", scheme: internal"),
            "`services.web.nlb[15]` lets in one network more than the 60",
        ),
        (
            tls(&elsewhere),
            "`services.web.nlb[0].certificate` is of another region",
        ),
        (
            "services: {web: {nlb: [{port: 1}], health: {interval: 3}}}".to_owned(),
            "`services.web.health.interval` is asked every 3 seconds",
        ),
        (
            "services: {web: {nlb: [{port: 1}], drain: 3601}}".to_owned(),
            "`services.web.drain` is more than the 3600",
        ),
    ] {
        let said = said(&of(&text, TargetKind::Ip));
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains(says), "{says}: {said:?}");
    }
    for text in [
        many(50, ""),
        many(15, ", scheme: internal"),
        tls(CERTIFICATE),
        tls("arn:aws:iam::123456789012:server-certificate/a"),
    ] {
        assert_eq!(said(&of(&text, TargetKind::Ip)), Vec::<String>::new());
    }
    let manifest = load("services: {web: {port: 80}}");
    let wrong = |own, others| too_many_groups(&manifest.services[0], own, others).is_some();
    assert_eq!(
        [wrong(5, 0), wrong(5, 1), wrong(6, 0), wrong(0, 6)],
        [false, true, true, false]
    );
}

/// Renders an App that no load balancer of the Rack sends to.
fn rendered(standing: &mut Standing, text: &str, kind: TargetKind) {
    let (entrance, reserved) = (entrance(), Reserved::default());
    let listeners = of(text, kind);
    let routes = Routes::default();
    standing.render(&entrance, &id("shop"), (&routes, &reserved, &listeners));
}

fn properties<'t>(standing: &'t Standing, id: &str) -> &'t Value {
    &standing.template.as_ref().unwrap()["Resources"][id]["Properties"]
}

#[test]
fn each_side_has_one_load_balancer_whose_listeners_lead_to_groups_of_their_own() {
    let mut shop = Standing::default();
    let text = format!(
        "services: {{web: {{nlb: [{{port: 443, protocol: tls, certificate: '{CERTIFICATE}', containerPort: 8443}}, {{port: 5000}}]}}, \
         api: {{nlb: [{{port: 6000, scheme: internal}}]}}}}"
    );
    rendered(&mut shop, &text, TargetKind::Ip);
    assert_eq!(shop.ids(NLB), ["InternalNlb", "PublicNlb"]);
    let public = properties(&shop, "PublicNlb");
    assert_eq!(public["Scheme"], "internet-facing");
    assert_eq!(public["Subnets"], json!(["subnet-a", "subnet-b"]));
    let listeners = [
        "InternalNlbListener6000",
        "PublicNlbListener443",
        "PublicNlbListener5000",
    ];
    assert_eq!(shop.ids(LISTENER), listeners);
    let tls = properties(&shop, "PublicNlbListener443");
    assert_eq!(tls["Protocol"], "TLS");
    assert_eq!(
        tls["Certificates"],
        json!([{"CertificateArn": CERTIFICATE}])
    );
    let group = json!({"Ref": "WebNlbPublic443IpTargetGroup"});
    assert_eq!(tls["DefaultActions"][0]["TargetGroupArn"], group);
    let plain = properties(&shop, "PublicNlbListener5000");
    assert_eq!(
        (&plain["Protocol"], &plain["SslPolicy"]),
        (&json!("TCP"), &Value::Null)
    );
    // Clients are let in by the load balancer's group, and that one by the App's.
    let admitted = |id: &str| {
        let rule = properties(&shop, id);
        (
            rule["GroupId"]["Fn::GetAtt"][0].clone(),
            rule["FromPort"].clone(),
        )
    };
    let tasks = shop
        .ids(INGRESS)
        .into_iter()
        .filter(|id| id.contains("Tasks"));
    let tasks: Vec<_> = tasks.map(|id| admitted(&id)).collect();
    let own = |port: u16| (json!("SecurityGroup"), json!(port));
    assert_eq!(tasks, [own(6000), own(5000), own(8443)]);
    assert_eq!(
        shop.ids(GROUPS),
        [
            "InternalNlbSecurityGroup",
            "PublicNlbSecurityGroup",
            "SecurityGroup"
        ]
    );
    let outputs = shop.outputs();
    let all = of(&text, TargetKind::Ip);
    assert!(
        all.list
            .iter()
            .all(|it| listener_group_arn(&outputs, it).is_some())
    );
    let mut addresses = Addresses::new();
    all.add_addresses(|side| nlb_name(&outputs, side), &mut addresses);
    let of_web = &addresses[&ServiceName::new("web").unwrap()];
    assert_eq!(
        of_web,
        &[
            "tls://arn:PublicNlbName:443",
            "tcp://arn:PublicNlbName:5000"
        ]
    );
    // Tasks on instances have no groups.
    let mut on_instances = Standing::default();
    rendered(&mut on_instances, &text, TargetKind::Instance);
    let target = properties(&on_instances, "WebNlbPublic443InstanceTargetGroup");
    assert_eq!(target["TargetType"], "instance");
    assert!(
        !on_instances
            .ids(GROUPS)
            .contains(&"SecurityGroup".to_owned())
    );
    assert!(
        !on_instances
            .ids(INGRESS)
            .iter()
            .any(|id| id.contains("Tasks"))
    );
}

#[test]
fn what_tasks_of_before_are_attached_to_stays_with_all_that_leads_there() {
    let mut shop = Standing::default();
    let two = web("{port: 5000, containerPort: 80, allow_cidr: [192.0.2.0/24]}, {port: 5001}");
    rendered(&mut shop, &two, TargetKind::Ip);
    let whole = shop.template.clone();
    shop.attach(&[
        ("WebNlbPublic5000IpTargetGroup", 80),
        ("WebNlbPublic5001IpTargetGroup", 5001),
    ]);
    rendered(&mut shop, "services: {web: {}}", TargetKind::Ip);
    let resources = |template: &Option<Value>| template.as_ref().unwrap()["Resources"].clone();
    assert_eq!(
        resources(&shop.template),
        resources(&whole),
        "nothing of it goes yet"
    );
    // A port that came meanwhile, and other networks of one that stays.
    let other = web("{port: 5001, allow_cidr: [198.51.100.0/24]}, {port: 5002}");
    rendered(&mut shop, &other, TargetKind::Ip);
    let ports = [
        "PublicNlbListener5000",
        "PublicNlbListener5001",
        "PublicNlbListener5002",
    ];
    assert_eq!(shop.ids(LISTENER), ports);
    let networks = shop.ids(INGRESS).into_iter();
    let networks =
        networks.filter_map(|id| properties(&shop, &id)["CidrIp"].as_str().map(str::to_owned));
    assert_eq!(
        networks.collect::<BTreeSet<_>>(),
        ["192.0.2.0/24", "198.51.100.0/24", "0.0.0.0/0"]
            .map(str::to_owned)
            .into()
    );
    assert_eq!(
        shop.ids(INGRESS).len(),
        6,
        "three for clients, three for tasks"
    );
    shop.attach(&[
        ("WebNlbPublic5001IpTargetGroup", 5001),
        ("WebNlbPublic5002IpTargetGroup", 5002),
    ]);
    rendered(&mut shop, &other, TargetKind::Ip);
    assert_eq!((shop.ids(LISTENER).len(), shop.ids(INGRESS).len()), (2, 4));
    shop.balancing.clear();
    rendered(&mut shop, "services: {web: {}}", TargetKind::Ip);
    assert_eq!(shop.ids(NLB), Vec::<String>::new());
    assert_eq!(shop.ids(GROUPS), ["SecurityGroup"], "tasks are in it");
    assert_eq!(shop.ids(INGRESS), Vec::<String>::new());
}

#[test]
fn what_the_racks_load_balancers_reach_is_not_what_the_apps_own_do() {
    let (entrance, mut all, mut shop) = (entrance(), Reservations::default(), Standing::default());
    let text = "services: {web: {port: 3000, nlb: [{port: 5000}]}}";
    shop.promote(&entrance, "shop", text, &mut all).unwrap();
    shop.attach(&[
        ("WebPublicHttpIpTargetGroup", 3000),
        ("WebNlbPublic5000IpTargetGroup", 5000),
    ]);
    let before = shop.template.clone();
    shop.promote(&entrance, "shop", text, &mut all).unwrap();
    assert_eq!(shop.template, before);
    let of_rack = shop.ids(INGRESS).into_iter();
    let of_rack: Vec<String> = of_rack
        .filter(|id| id.starts_with("LoadBalancerIngress"))
        .collect();
    assert_eq!(of_rack.len(), 1, "{of_rack:?}");
    assert!(of_rack[0].ends_with("3000"));
    let before = Before::read(shop.template.as_ref().unwrap());
    assert!(before.of_settings().security_groups.is_empty());
}

#[test]
fn a_certificate_that_cloudformation_would_resolve_is_refused() {
    let text = web(
        "{port: 1, protocol: tls, certificate: 'arn:aws:acm:us-east-1:123456789012:certificate/{{resolve:ssm:x}}'}",
    );
    let all = of(&text, TargetKind::Ip);
    let reserved = Reserved::default();
    let rendered = Standing::default().try_render(
        &entrance(),
        &id("shop"),
        (&Routes::default(), &reserved, &all),
    );
    let problems = rendered.err().unwrap();
    assert!(
        problems[0]
            .to_string()
            .contains("`services.web.nlb[0].certificate` holds `{{`")
    );
}
