//! Several Apps share the load balancers of one Rack.

mod listeners;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::app_stack::{
    Before, Ingress, Needs, PlacedRule, RackNeeds, StackInputs, attached, placed_rules, render,
};
use environment::Environment;
use manifest::{Manifest, OfRack};
use names::{AppId, AppName, RackName, ReleaseId};

const PUBLIC: &str = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/a/1/1";
const INTERNAL: &str = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/b/2/2";

fn entrance() -> Entrance {
    Entrance {
        domain: Some("apps.example.com".to_owned()),
        public: Some(PUBLIC.to_owned()),
        internal: Some(INTERNAL.to_owned()),
        security_groups: vec!["sg-lb".to_owned()],
        is_https: true,
        first_priority: 1,
    }
}

fn id(app: &str) -> AppId {
    AppId {
        rack: RackName::new("myrack").unwrap(),
        app: AppName::new(app).unwrap(),
    }
}

fn load(text: &str) -> Manifest {
    let (rack, none) = (OfRack { has_entrance: true }, Environment::default());
    manifest::load_in(rack, "convox.yml", text.as_bytes(), &none).unwrap()
}

fn routes(entrance: &Entrance, app: &str, text: &str) -> Routes {
    let manifest = load(text);
    let services = manifest.services.iter();
    let services: Vec<_> = services
        .map(|service| {
            let kind = service.agent.is_none().then_some(TargetKind::Ip);
            (service, kind)
        })
        .collect();
    Routes::of(entrance, &id(app), &services)
}

/// A Service, a side, and its hosts there.
type Reached = (String, Side, Vec<String>);

/// What is said of a convox.yml, and the hosts of each route.
fn read(entrance: &Entrance, text: &str) -> (Vec<String>, Vec<Reached>) {
    let routes = routes(entrance, "shop", text);
    let problems = routes.problems.iter().map(ToString::to_string);
    let said = problems.chain(routes.notices).collect();
    let hosts = |route: &Route| {
        let hosts = route.rules.iter().flat_map(|rule| &rule.hosts);
        let hosts = hosts.map(|host| host.name.clone()).collect();
        (route.service.to_string(), route.side, hosts)
    };
    (said, routes.list.iter().map(hosts).collect())
}

#[test]
fn a_service_with_a_port_has_a_host_of_the_rack_and_its_domains() {
    let (said, found) = read(
        &entrance(),
        "services: {web: {port: 3000, domain: 'WWW.example.com, *.example.org'}, worker: {}, \
         api: {port: 80, internal: true}, both: {port: 80, internalAndExternal: true}}",
    );
    let hosts = |of: &[&str]| of.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>();
    let own = |service: &str| hosts(&[&format!("{service}-shop.apps.example.com")]);
    assert_eq!(said, Vec::<String>::new());
    let of_web = hosts(&[
        "web-shop.apps.example.com",
        "www.example.com",
        "*.example.org",
    ]);
    let want = [
        ("web".to_owned(), Side::Public, of_web),
        ("api".to_owned(), Side::Internal, own("api")),
        ("both".to_owned(), Side::Public, own("both")),
        ("both".to_owned(), Side::Internal, own("both")),
    ];
    assert_eq!(found, want);
}

#[test]
fn what_no_load_balancer_takes_is_said_with_its_place() {
    let public = Entrance {
        internal: None,
        domain: None,
        is_https: false,
        ..entrance()
    };
    for (service, says) in [
        ("{port: 80}", "is not reached: it has no `domain`"),
        ("{domain: a.b}", "is reached by no load balancer"),
        (
            "{port: 80, domain: a.b, agent: true}",
            "is reached by no load balancer",
        ),
        (
            "{port: 80, internal: true}",
            "the Rack has no internal load balancer",
        ),
        (
            "{port: 80, domain: localhost}",
            "`services.web.domain[0]` has no `.` inside",
        ),
        (
            "{port: 'tcp:80', domain: a.b}",
            "`services.web.port` has a scheme",
        ),
        ("{port: 'grpc:80', domain: a.b}", "speaks gRPC"),
        ("{port: 80, domain: a.b, health: up}", "begins with `/`"),
        (
            "{port: 80, domain: a.b, health: {interval: 3}}",
            "asked every 3 seconds: use 5 to 300",
        ),
        (
            "{port: 80, domain: a.b, health: {timeout: 7}}",
            "has 7 seconds to answer: use 2 to 120",
        ),
        (
            "{port: 80, domain: a.b, drain: 3601}",
            "more than the 3600 seconds",
        ),
    ] {
        let (said, _) = read(&public, &format!("services: {{web: {service}}}"));
        assert_eq!(said.len(), 1, "{service}: {said:?}");
        assert!(said[0].contains(says), "{service}: {said:?}");
    }
    let two = "services: {web: {port: 80, domain: '*.a.b'}, api: {port: 80, domain: c.a.b}}";
    let (said, _) = read(&public, two);
    assert!(
        said[0].contains("`services.api.domain` has a host that `services.web` has too"),
        "{said:?}"
    );
    for pattern in [
        "*.apps.example.com",
        "*.example.com",
        "web-????.apps.example.com",
        "*.com",
    ] {
        let text = format!("services: {{web: {{port: 80, domain: '{pattern}'}}}}");
        let (said, _) = read(&entrance(), &text);
        assert!(
            said[0].contains("matches names of the Rack's own domain"),
            "{pattern}: {said:?}"
        );
    }
    let exact = "services: {web: {port: 80, domain: shop.apps.example.com}}";
    assert_eq!(read(&entrance(), exact).0, Vec::<String>::new());
    let long = format!("services: {{{}: {{port: 80}}}}", "a".repeat(59));
    let (said, _) = read(&entrance(), &long);
    assert!(
        said[0].contains("has 64 characters, and DNS takes 63"),
        "{said:?}"
    );
}

#[test]
fn an_interval_of_minutes_has_a_timeout_that_a_target_group_takes() {
    let routes = routes(
        &entrance(),
        "shop",
        "services: {web: {port: 80, health: {interval: 300}}}",
    );
    assert!(routes.problems.is_empty());
    assert_eq!(routes.list[0].health.timeout, 120);
}

/// An App's stack: the template that stands, and what its ECS services are attached to.
#[derive(Default)]
struct Standing {
    template: Option<Value>,
    balancing: Vec<Balancing>,
}

impl Standing {
    fn outputs(&self) -> BTreeMap<String, String> {
        let outputs = self.template.as_ref().map(|it| it["Outputs"].clone());
        let outputs = outputs.unwrap_or_default();
        let outputs = outputs.as_object().cloned().unwrap_or_default();
        outputs
            .keys()
            .map(|id| (id.clone(), format!("arn:{id}")))
            .collect()
    }

    /// What a promote does with the stack, and with what is reserved.
    fn promote(
        &mut self,
        entrance: &Entrance,
        app: &str,
        text: &str,
        all: &mut Reservations,
    ) -> Result<(), Vec<Unreservable>> {
        let (id, routes) = (id(app), routes(entrance, app, text));
        let reserved = all.reserve(entrance, &id.app, &routes)?;
        all.clone_from(&reserved.all);
        let listeners = listeners::of(text, TargetKind::Ip);
        self.render(entrance, &id, (&routes, &reserved, &listeners));
        Ok(())
    }

    fn render(
        &mut self,
        entrance: &Entrance,
        id: &AppId,
        what: (&Routes, &Reserved, &NetworkListeners),
    ) {
        let rendered = self.try_render(entrance, id, what);
        self.template = Some(rendered.map_err(|_| "rendered").unwrap());
    }

    fn try_render(
        &self,
        entrance: &Entrance,
        id: &AppId,
        (routes, reserved, listeners): (&Routes, &Reserved, &NetworkListeners),
    ) -> Result<Value, Vec<yaml::Problem>> {
        let attached = attached(self.balancing.iter(), &self.outputs());
        let none = BTreeSet::new();
        let inputs = StackInputs {
            id,
            release: &ReleaseId::new("R1").unwrap(),
            request_id: "request",
            needs: &Needs::default(),
            keep: &none,
            boundary_arn: "arn:aws:iam::123456789012:policy/boundary",
            settings_bucket: "bucket",
            unversioned_reads: false,
            environment_key_arn: None,
            secret_key_arn: None,
            log_retention_days: 30,
            subnets: &[],
            vpc_id: Some("vpc-1"),
            security_groups: &[],
            let_in: &none,
            before_settings: &RackNeeds::default(),
            mounted_by_role: true,
            ingress: Some(Ingress {
                entrance: Some(entrance),
                routes,
                reserved,
                listeners,
                attached: &attached,
            }),
            scaled: &[],
            allow_replacement: false,
        };
        let before = self.template.as_ref().map(Before::read);
        let rendered = render(&inputs, &[], before.as_ref());
        rendered.map(|rendered| rendered.template)
    }

    /// Moves its ECS services, as the plan of the routes says.
    fn attach(&mut self, groups: &[(&str, i32)]) {
        let attachment = |(group, port): &(&str, i32)| Attachment {
            target_group_arn: Some(format!("arn:{group}")),
            container_name: "web".to_owned(),
            container_port: *port,
            advanced: None,
        };
        self.balancing = vec![Balancing {
            attachments: groups.iter().map(attachment).collect(),
            grace: 5,
        }];
    }

    fn rules(&self, entrance: &Entrance) -> Vec<PlacedRule> {
        self.template
            .as_ref()
            .map_or_else(Vec::new, |template| placed_rules(template, entrance))
    }

    fn ids(&self, kind: &str) -> Vec<String> {
        let template = self.template.as_ref().unwrap();
        let all = template["Resources"].as_object().unwrap().iter();
        let of_kind = all.filter(|(_, resource)| resource["Type"] == kind);
        of_kind.map(|(id, _)| id.clone()).collect()
    }
}

const GROUP: &str = "AWS::ElasticLoadBalancingV2::TargetGroup";
const RULE: &str = "AWS::ElasticLoadBalancingV2::ListenerRule";
const INGRESS: &str = "AWS::EC2::SecurityGroupIngress";

#[test]
fn what_ecs_services_are_attached_to_stays_until_they_are_moved() {
    let (entrance, mut all) = (entrance(), Reservations::default());
    let mut shop = Standing::default();
    let mut promote = |shop: &mut Standing, text: &str| {
        shop.promote(&entrance, "shop", text, &mut all).unwrap();
    };
    promote(&mut shop, "services: {web: {port: 3000}}");
    assert_eq!(shop.ids(GROUP), ["WebPublicHttpIpTargetGroup"]);
    assert_eq!(shop.ids(INGRESS).len(), 1);
    shop.attach(&[("WebPublicHttpIpTargetGroup", 3000)]);
    // Another protocol has another group: the one before stays in the rule, without requests.
    promote(&mut shop, "services: {web: {port: 'https:3001'}}");
    let groups = ["WebPublicHttpIpTargetGroup", "WebPublicHttpsIpTargetGroup"];
    assert_eq!(shop.ids(GROUP), groups);
    assert_eq!(shop.ids(INGRESS).len(), 2, "also for tasks that still run");
    let template = shop.template.clone().unwrap();
    let action = &template["Resources"]["WebPublicRule0"]["Properties"]["Actions"][0];
    let weights = action["ForwardConfig"]["TargetGroups"].as_array().unwrap();
    assert_eq!(weights[0]["TargetGroupArn"], json!({"Ref": groups[1]}));
    assert_eq!(
        (&weights[0]["Weight"], &weights[1]["Weight"]),
        (&json!(1), &json!(0))
    );
    shop.attach(&[("WebPublicHttpsIpTargetGroup", 3001)]);
    promote(&mut shop, "services: {web: {port: 'https:3001'}}");
    assert_eq!(shop.ids(GROUP), [groups[1]]);
    assert_eq!(shop.ids(INGRESS).len(), 1);
    // A Service that goes is attached until it is gone.
    promote(&mut shop, "services: {worker: {}}");
    assert_eq!((shop.ids(GROUP).len(), shop.ids(RULE).len()), (1, 1));
    shop.balancing.clear();
    promote(&mut shop, "services: {worker: {}}");
    assert_eq!((shop.ids(GROUP).len(), shop.ids(RULE).len()), (0, 0));
    assert_eq!(
        shop.ids("AWS::EC2::SecurityGroup"),
        ["SecurityGroup"],
        "tasks are in it"
    );
}

#[test]
fn what_lets_load_balancers_in_is_nothing_that_resources_let_in() {
    let (entrance, mut all, mut shop) = (entrance(), Reservations::default(), Standing::default());
    let text = "services: {web: {port: 3000}}";
    shop.promote(&entrance, "shop", text, &mut all).unwrap();
    let before = Before::read(shop.template.as_ref().unwrap());
    assert!(before.of_settings().security_groups.is_empty());
}

#[test]
fn a_host_is_given_back_once_no_rule_has_it() {
    let (entrance, mut all) = (entrance(), Reservations::default());
    let (mut shop, mut blog) = (Standing::default(), Standing::default());
    let with = "services: {web: {port: 80, domain: www.example.net}}";
    shop.promote(&entrance, "shop", with, &mut all).unwrap();
    let held = blog.promote(&entrance, "blog", with, &mut all).unwrap_err();
    let said = held[0].to_string();
    assert!(
        said.contains("`services.web` has the host `www.example.net`, and the App `shop` has it"),
        "{said}"
    );
    let pattern = with.replace("www", "'*").replace(".net", ".net'");
    let held = blog.promote(&entrance, "blog", &pattern, &mut all);
    assert_eq!(held.unwrap_err().len(), 1, "a pattern matches it");
    shop.promote(&entrance, "shop", "services: {web: {port: 80}}", &mut all)
        .unwrap();
    all = all.settled(&id("shop").app, &shop.rules(&entrance));
    blog.promote(&entrance, "blog", with, &mut all).unwrap();
    let gone = all
        .settled(&id("blog").app, &[])
        .settled(&id("shop").app, &[]);
    assert_eq!(gone, Reservations::default());
}

#[test]
fn a_listener_without_room_is_said_before_anything_is_written() {
    let (entrance, mut all) = (entrance(), Reservations::default());
    for app in 0..RULES_MAX {
        let app = format!("app{app}");
        let mut standing = Standing::default();
        let text = "services: {web: {port: 80}}";
        standing.promote(&entrance, &app, text, &mut all).unwrap();
    }
    let text = "services: {web: {port: 80}}";
    let full = Standing::default().promote(&entrance, "last", text, &mut all);
    assert_eq!(full.unwrap_err(), [Unreservable::Full { side: "public" }]);
    let inside = "services: {web: {port: 80, internal: true}}";
    let inside = Standing::default().promote(&entrance, "last", inside, &mut all);
    assert!(inside.is_ok(), "the other load balancer has room");
}

/// The Services of one App: whether each is internal, and its domains.
fn manifests() -> impl Strategy<Value = String> {
    let domain = prop::sample::select(vec![
        "a.example.net",
        "b.example.net",
        "*.example.net",
        "c.example.org",
        "?.example.org",
        "d.e",
    ]);
    let domains = prop::collection::btree_set(domain, 0..4);
    let service = (any::<bool>(), domains).prop_map(|(internal, domains)| {
        let domains: Vec<String> = domains.iter().map(|it| format!("'{it}'")).collect();
        format!(
            "{{port: 80, internal: {internal}, domain: [{}]}}",
            domains.join(", ")
        )
    });
    let services = prop::collection::btree_map("[a-c]", service, 0..3);
    services.prop_map(|services| {
        let services = services
            .iter()
            .map(|(name, body)| format!("{name}: {body}"));
        format!("services: {{{}}}", services.collect::<Vec<_>>().join(", "))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_request_is_matched_by_rules_of_two_apps(
        promotes in prop::collection::vec((0..3_usize, manifests()), 1..12),
    ) {
        let (entrance, mut all) = (entrance(), Reservations::default());
        let mut apps = [Standing::default(), Standing::default(), Standing::default()];
        for (app, text) in &promotes {
            let name = format!("app{app}");
            let before = apps[*app].rules(&entrance);
            let reads = routes(&entrance, &name, text);
            if !reads.problems.is_empty() || apps[*app].promote(&entrance, &name, text, &mut all).is_err() {
                continue;
            }
            all = all.settled(&id(&name).app, &apps[*app].rules(&entrance));
            // What was given stays.
            for rule in apps[*app].rules(&entrance) {
                let same = before.iter().find(|it| it.id == rule.id && it.side == rule.side);
                prop_assert!(same.is_none_or(|it| it.priority == rule.priority));
            }
        }
        let rules: Vec<(usize, PlacedRule)> = apps
            .iter()
            .enumerate()
            .flat_map(|(app, standing)| standing.rules(&entrance).into_iter().map(move |it| (app, it)))
            .collect();
        for (n, (app, rule)) in rules.iter().enumerate() {
            for (other_app, other) in &rules[n + 1..] {
                if rule.side == other.side {
                    prop_assert!(rule.priority != other.priority);
                }
                let mut pairs = rule.hosts.iter().flat_map(|one| other.hosts.iter().map(move |it| (one, it)));
                let is_shared = pairs.any(|(one, it)| hosts::overlap(one, it));
                prop_assert!(app == other_app || !is_shared, "{rule:?} {other:?}");
            }
        }
    }
}
