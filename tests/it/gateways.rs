//! Apps whose Services ECS Gateways of the cluster reach, in the place of load balancers.

use std::collections::BTreeSet;

use aws_sdk_ecs::types::{ContainerDefinition, GatewayConnector, ServiceRevision};
use double::Fault;
use rig::function::Function;
use rig::world::{SUBNETS, World};
use serde_json::{Value, json};

use crate::app;
use crate::ingress::ENTRANCE;
use crate::rack::Desk;
use crate::verdict;

const WEB: &str =
    "services:\n  web:\n    image: example/web:1\n    port: 3000\n    environment: [LOG]\n";
/// The same, reached by gateways.
const REACHED: &str = "services:\n  web:\n    image: example/web:1\n    port: 3000\n    environment: [LOG]\n    gateway: true\n    \
                       health: {path: /up, interval: 10, timeout: 4, grace: 60}\n";
/// The calls by which gateways, and what attaches services to them, are looked at.
const LOOKS: [&str; 4] = [
    "DescribeGateway",
    "DescribeServiceRevisions",
    "ListGatewayClusterAssociations",
    "ListServiceDeployments",
];

/// A Rack whose cluster has such gateways.
async fn promoting(manifest: &str, access: &[&'static str]) -> (World, Function) {
    let (world, function) = app::promoting_with(manifest, &[], &[]).await;
    for access in access {
        world.proxy.associate_gateway(access, &SUBNETS);
    }
    (world, function)
}

async fn promoted(world: &World, function: &Function, release: &str, manifest: &str) -> Value {
    app::write_manifest(world, release, manifest).await;
    app::promoted(world, function, release, &[("LOG", "info")]).await
}

/// The newest revision of a Service's ECS service, of one that was ever attached.
async fn revision(world: &World, service: &str) -> ServiceRevision {
    let name = app::ecs_service(world, service);
    let listed = world.ecs.list_service_deployments().cluster(&world.cluster);
    let listed = listed.service(name).send().await.unwrap();
    let newest = listed
        .service_deployments()
        .last()
        .expect("it was attached");
    let arn = newest.target_service_revision_arn().unwrap();
    let described = world.ecs.describe_service_revisions();
    let described = described.service_revision_arns(arn).send().await.unwrap();
    described.service_revisions.unwrap().remove(0)
}

async fn connectors(world: &World) -> Vec<GatewayConnector> {
    revision(world, "web").await.gateway_connectors.unwrap()
}

/// Who reaches the Service, and the path that its tasks are asked for.
async fn reached(world: &World) -> Vec<(Vec<String>, String)> {
    let connectors = connectors(world).await;
    let reached = connectors.iter().map(|connector| {
        let access = connector.filters().unwrap().access_types().iter();
        let access = access.map(|access| access.as_str().to_owned());
        let path = connector.health_check().unwrap().health_check_path();
        (access.collect(), path.unwrap().to_owned())
    });
    reached.collect()
}

fn public(path: &str) -> Vec<(Vec<String>, String)> {
    vec![(vec!["PUBLIC".to_owned()], path.to_owned())]
}

/// The names of the ports of what runs.
async fn port_names(world: &World) -> Vec<String> {
    let revision = app::running(world, "web").await;
    let (definition, _) = app::definition(world, &revision).await;
    let containers = definition.container_definitions().iter();
    let ports = containers.flat_map(ContainerDefinition::port_mappings);
    let names = ports.filter_map(|port| port.name().map(str::to_owned));
    names.collect()
}

#[track_caller]
fn assert_warns(report: &Value, part: &str) {
    let warnings = report["warnings"].as_array().into_iter().flatten();
    let mut warnings = warnings.filter_map(Value::as_str);
    assert!(warnings.any(|it| it.contains(part)), "{part}: {report:#}");
}

fn looks(world: &World) -> usize {
    let looks = LOOKS.iter();
    looks.map(|call| world.proxy.count("ecs", call)).sum()
}

#[tokio::test]
async fn a_service_is_attached_as_convox_yml_says_and_an_unchanged_promote_changes_nothing() {
    let (world, function) = promoting(REACHED, &["PUBLIC", "PRIVATE"]).await;
    let event = app::uploaded(&world, "R1", &[("LOG", "info")]).await;
    let plan = app::dry_run(&function, "R1").await;
    assert_eq!(
        plan["services"]["web"]["gateways"],
        json!(["PUBLIC"]),
        "{plan:#}"
    );
    assert_eq!(world.proxy.writes().len(), 0, "a plan writes nothing");
    let report = function.answer(&event).await;
    app::assert_says!(report, {"status": "promoted"}, "it is attached");
    assert_eq!(report["services"]["web"]["gateways"], json!(["PUBLIC"]));
    assert_eq!(reached(&world).await, public("/up"));
    let [connector] = &connectors(&world).await[..] else {
        panic!("a service has one at most");
    };
    let health = connector.health_check().unwrap();
    let seconds = [
        health.health_check_interval_seconds(),
        health.health_check_timeout_seconds(),
        app::service(&world, "web")
            .await
            .unwrap()
            .health_check_grace_period_seconds,
    ];
    assert_eq!(seconds, [10, 4, 60].map(Some));
    assert_eq!(port_names(&world).await, [connector.port_name()]);

    world.proxy.clear();
    let again = app::promoted(&world, &function, "R1", &[("LOG", "info")]).await;
    assert_eq!(world.proxy.writes().len(), 0, "nothing changes");
    assert_eq!(looks(&world), 5, "two gateways, one service");
    let name = app::ecs_service(&world, "web").replace('_', "-");
    let address = format!("https://{name}.public.gateway.example");
    assert_eq!(
        again["services"]["web"]["addresses"],
        json!([address]),
        "{again:#}"
    );
    // ECS gives the address once the service stands, so the tool asks for it.
    let desk = Desk::around(world, function);
    let status = desk.text(&["status"]).await;
    assert!(status.contains(&address), "{status}");
}

#[tokio::test]
async fn a_service_moves_from_the_load_balancer_to_a_gateway_and_back() {
    let (world, function) = app::promoting_with(WEB, &[], ENTRANCE).await;
    world.proxy.associate_gateway("PUBLIC", &SUBNETS);
    let balancers = async || {
        let web = app::service(&world, "web").await.unwrap();
        web.load_balancers().len()
    };
    promoted(&world, &function, "R1", WEB).await;
    assert_eq!(balancers().await, 1);
    assert_eq!(looks(&world), 0, "no App without a gateway asks for one");
    let report = promoted(&world, &function, "R2", REACHED).await;
    assert_eq!(
        (balancers().await, reached(&world).await),
        (0, public("/up"))
    );
    assert_eq!(
        report["services"]["web"].get("addresses"),
        None,
        "{report:#}"
    );
    let updates = world.proxy.count("ecs", "UpdateService");
    assert_eq!(updates, 1, "both in one deployment");

    world.proxy.clear();
    let other = REACHED.replace("/up", "/well");
    promoted(&world, &function, "R3", &other).await;
    assert_eq!(reached(&world).await, public("/well"));
    assert_eq!(world.proxy.count("ecs", "RegisterTaskDefinition"), 0);

    let report = promoted(&world, &function, "R4", WEB).await;
    assert_warns(&report, "leaves the gateways that reach it");
    assert_eq!((balancers().await, reached(&world).await), (1, vec![]));
    assert_eq!(port_names(&world).await, Vec::<String>::new());
    world.proxy.clear();
    promoted(&world, &function, "R5", WEB).await;
    assert_ne!(looks(&world), 0, "until it is live, ECS may go back");
    verdict::look(&world, &function).await;
    promoted(&world, &function, "R6", WEB).await;
    world.proxy.clear();
    promoted(&world, &function, "R7", WEB).await;
    assert_eq!(looks(&world), 0, "what left is looked for no more");
}

#[tokio::test]
async fn a_service_comes_from_another_strategy_to_a_gateway_at_once() {
    let shifted = format!("{WEB}    deployment: {{strategy: canary}}\n");
    let (world, function) = app::promoting_with(&shifted, &[], ENTRANCE).await;
    world.proxy.associate_gateway("PUBLIC", &SUBNETS);
    promoted(&world, &function, "R1", &shifted).await;
    let report = promoted(&world, &function, "R2", REACHED).await;
    assert_eq!(reached(&world).await, public("/up"));
    let warnings = report["warnings"].to_string();
    assert!(!warnings.contains("second target group"), "{warnings}");
}

#[tokio::test]
async fn what_no_gateway_takes_is_refused_before_anything_is_written() {
    let private = REACHED.replace("gateway: true", "gateway: true\n    internal: true");
    let both = REACHED.replace(
        "gateway: true",
        "gateway: true\n    internalAndExternal: true",
    );
    let shifted = format!("{REACHED}    deployment: {{strategy: blueGreen}}\n");
    let on_instances = format!("params: {{FargateServices: 'No'}}\n{REACHED}");
    let linked = format!("{REACHED}  api: {{image: a, links: [web]}}\n");
    let short = REACHED.replace("interval: 10", "interval: 2");
    for (manifest, access, error_type, says) in [
        (
            REACHED,
            &[][..],
            "NoGateway",
            "ListGatewayClusterAssociations, ACTIVE); associate one: aws ecs associate-gateway-with-cluster --cluster",
        ),
        (
            REACHED,
            &["PRIVATE"],
            "NoGateway",
            "is PUBLIC; associate one",
        ),
        (&private, &["PUBLIC"], "NoGateway", "is PRIVATE; associate"),
        (&both, &[], "NoGateway", "no gateway is associated"),
        (
            &on_instances,
            &["PUBLIC"],
            "NoGateway",
            "let it run on Fargate",
        ),
        (
            &shifted,
            &["PUBLIC"],
            "InvalidDeployment",
            "a gateway reaches",
        ),
        (
            &linked,
            &["PUBLIC"],
            "UnknownLink",
            "`web` is reached through a gateway",
        ),
        (
            &short,
            &["PUBLIC"],
            "InvalidManifest",
            "is asked every 2 seconds",
        ),
        (&short, &["PUBLIC"], "InvalidManifest", "convox.yml:7:35"),
    ] {
        let settings = if manifest == on_instances {
            &[("ROUTER_HOST", ""), ("LAUNCH_TYPE", "EC2")][..]
        } else {
            &[("ROUTER_HOST", "")]
        };
        let (world, function) = app::promoting_with(manifest, &[], settings).await;
        for access in access {
            world.proxy.associate_gateway(access, &SUBNETS);
        }
        let report = app::promote(&world, &function, "R1", &[("LOG", "info")]).await;
        let case = format!("{access:?} {manifest}");
        app::assert_says!(report, {"status": "failed", "errorType": error_type}, "{case}");
        let message = report["message"].as_str().unwrap();
        assert!(message.contains(says), "{case}: {message}");
        let warnings = report["warnings"].to_string();
        assert!(!warnings.contains("has no effect"), "{case}: {warnings}");
        assert_eq!(world.proxy.writes().len(), 0, "{case}");
    }
    let (world, function) = promoting(&both, &["PUBLIC"]).await;
    let report = app::promoted(&world, &function, "R1", &[("LOG", "info")]).await;
    assert_warns(&report, "is PRIVATE, so it is not reached that way");
    assert_eq!(
        report["services"]["web"]["gateways"],
        json!(["PUBLIC", "PRIVATE"])
    );
}

#[tokio::test]
async fn a_gateway_in_subnets_without_tasks_is_warned_of_where_a_service_comes_to_it() {
    let [first, second] = SUBNETS;
    for (public, is_warned) in [
        (&[first, second, "subnet-0000000a"][..], false),
        (&["subnet-0000000a", "subnet-0000000b"], true),
        (&[first, "subnet-0000000a"], true),
        (&[], true),
    ] {
        let (world, function) = promoting(REACHED, &[]).await;
        world.proxy.associate_gateway("PUBLIC", public);
        world.proxy.associate_gateway("PRIVATE", &SUBNETS); // for others
        let event = app::uploaded(&world, "R1", &[("LOG", "info")]).await;
        let plan = app::dry_run(&function, "R1").await;
        let report = function.answer(&event).await;
        for answer in [&plan, &report] {
            let warnings = answer["warnings"].to_string();
            let all: BTreeSet<&str> = public.iter().chain(&SUBNETS).copied().collect();
            let all: Vec<&str> = all.into_iter().collect();
            let says = format!("aws ec2 describe-subnets --subnet-ids {} ", all.join(" "));
            assert_eq!(warnings.contains(&says), is_warned, "{public:?}");
            assert_eq!(warnings.contains("gateway/public"), is_warned);
            assert!(!warnings.contains("gateway/private"), "{warnings}");
        }
        let again = app::promoted(&world, &function, "R1", &[("LOG", "info")]).await;
        let warnings = again["warnings"].to_string();
        assert!(!warnings.contains("describe-subnets"), "{warnings}");
    }
}

#[tokio::test]
async fn of_two_gateways_the_one_in_other_subnets_is_named() {
    let both = format!("{REACHED}    internalAndExternal: true\n");
    let (world, function) = promoting(&both, &["PUBLIC"]).await;
    let private = "subnet-0000000a";
    world.proxy.associate_gateway("PRIVATE", &[private]);
    let report = app::promoted(&world, &function, "R1", &[("LOG", "info")]).await;
    let warnings = report["warnings"].to_string();
    assert!(
        warnings.contains("gateway/private and the tasks"),
        "{warnings}"
    );
    assert!(!warnings.contains("gateway/public"), "{warnings}");
}

#[tokio::test]
async fn an_ecs_service_that_app_json_names_keeps_what_reaches_it() {
    let (world, function) = promoting(REACHED, &["PUBLIC"]).await;
    app::lend(&world, "legacy", app::APP).await;
    let named = json!({"services": {"web": "legacy"}}).to_string();
    world
        .put(&format!("apps/{}/app.json", app::APP), named)
        .await;
    let report = app::promoted(&world, &function, "R1", &[("LOG", "info")]).await;
    assert_warns(&report, "`services.web.gateway` has no effect");
    let update = world.proxy.writes().into_iter();
    let mut update = update.filter(|call| call.operation == "UpdateService");
    assert_eq!(update.next().unwrap().body.get("gatewayConnectors"), None);
}

#[tokio::test]
async fn a_promote_that_fails_puts_back_what_attached_the_service() {
    let timer = "timers:\n  one: {schedule: '0 3 * * ?', command: c, service: web}\n";
    let other = REACHED.replace("/up", "/well");
    for (before, after, stood) in [
        (WEB, REACHED, vec![]),
        (REACHED, WEB, public("/up")),
        (REACHED, &other, public("/up")),
    ] {
        let (world, function) = promoting(before, &["PUBLIC"]).await;
        promoted(&world, &function, "R1", before).await;
        let running = app::running(&world, "web").await;
        world.inject(Fault::DENIED.on("events", "PutRule").times(1));
        app::write_manifest(&world, "R2", format!("{after}{timer}")).await;
        let report = app::promote(&world, &function, "R2", &[("LOG", "info")]).await;
        app::assert_says!(report, {"status": "failed"}, "{after}");
        app::assert_tells(&report, "back at Release R1");
        assert_eq!(reached(&world).await, stood, "{after}");
        assert_eq!(app::running(&world, "web").await, running, "{after}");
        // Nothing is left that a later promote would find.
        world.proxy.clear();
        promoted(&world, &function, "R3", before).await;
        assert_eq!(world.proxy.count("ecs", "UpdateService"), 0, "{after}");
    }
}

#[tokio::test]
async fn a_promote_that_fails_puts_a_service_back_from_load_balancers() {
    let timer = "timers:\n  one: {schedule: '0 3 * * ?', command: c, service: web}\n";
    let (world, gateway) = promoting(REACHED, &["PUBLIC"]).await;
    promoted(&world, &gateway, "R1", REACHED).await;
    let function = world.start("promote", ENTRANCE);
    app::write_manifest(&world, "R2", format!("{WEB}{timer}")).await;
    world.inject(Fault::DENIED.on("events", "PutRule").times(1));
    let report = app::promote(&world, &function, "R2", &[("LOG", "info")]).await;
    app::assert_says!(report, {"status": "failed"});
    app::assert_tells(&report, "back at Release R1");
    assert_eq!(reached(&world).await, public("/up"));
    let web = app::service(&world, "web").await.unwrap();
    assert_eq!(web.load_balancers(), [], "it is at the gateway alone");
}

#[tokio::test]
async fn what_ecs_or_somebody_else_changed_is_seen_in_the_newest_revision() {
    let (world, function) = promoting(WEB, &["PUBLIC"]).await;
    promoted(&world, &function, "R1", WEB).await;
    promoted(&world, &function, "R2", REACHED).await;
    let by_hand = GatewayConnector::builder().port_name("gateway").build();
    let update = app::update(&world, &app::ecs_service(&world, "web"));
    update
        .gateway_connectors(by_hand.unwrap())
        .send()
        .await
        .unwrap();
    promoted(&world, &function, "R3", REACHED).await;
    assert_eq!(reached(&world).await, public("/up"));
    // ECS goes back from what attaches it.
    let other = REACHED.replace("/up", "/well");
    promoted(&world, &function, "R4", &other).await;
    let web = app::ecs_service(&world, "web");
    world.proxy.take_back_at_gateways(&web);
    promoted(&world, &function, "R5", &other).await;
    assert_eq!(
        reached(&world).await,
        public("/well"),
        "it is told once more"
    );
    // And nobody knows any more that it was attached.
    world
        .put(
            "apps/shop/state/promotion.json",
            "{\"desired\": null, \"applied\": null, \"lease\": null, \"outcomes\": []}",
        )
        .await;
    promoted(&world, &function, "R6", WEB).await;
    assert_eq!(reached(&world).await, vec![]);
}
