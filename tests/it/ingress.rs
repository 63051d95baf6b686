//! Apps that are reached through the Rack's load balancers.

mod instances;

use double::Fault;
use rig::function::Function;
use rig::world::World;
use serde_json::{Value, json};

use crate::app::{self, APP};
use crate::stacks::stack_name;

pub const PUBLIC: &str =
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/public/0a1b2c3d4e5f6071/1";
pub const INTERNAL: &str =
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/internal/0a1b2c3d4e5f6072/2";
/// A Rack with two load balancers.
pub const ENTRANCE: &[(&str, &str)] = &[
    ("PUBLIC_LISTENER_ARN", PUBLIC),
    ("INTERNAL_LISTENER_ARN", INTERNAL),
    ("LOAD_BALANCER_SECURITY_GROUPS", "sg-0123456789abcdef1"),
    ("DOMAIN", "apps.example.com"),
];
const WEB: &str = "services:\n  web:\n    image: example/web:1\n    port: 3000\n    links: [api]\n    health: {path: /up, grace: 20}\n  \
                   api:\n    image: example/api:1\n    port: 4000\n    internal: true\n";

async fn promoting(manifest: &str, services: &[&str]) -> (World, Function) {
    app::promoting_with(manifest, services, ENTRANCE).await
}

/// What an ECS service is attached to: the name in each target group's ARN, and the port.
async fn attached(world: &World, service: &str) -> Vec<(String, i32)> {
    let service = app::service(world, service).await.expect("it is there");
    let balancers = service.load_balancers().iter();
    let attached = balancers.map(|balancer| {
        let arn = balancer.target_group_arn().unwrap();
        let name = arn.split('/').nth(1).unwrap().to_owned();
        (name, balancer.container_port().unwrap())
    });
    attached.collect()
}

/// What is reserved.
async fn reserved(world: &World) -> Value {
    let object = world.get("entrance.json").await;
    object.map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).unwrap())
}

/// The resources of a type in the App's stack, by logical id.
pub async fn resources(world: &World, kind: &str) -> Vec<(String, Value)> {
    let stack = stack_name(world);
    let read = world.cloudformation.get_template().stack_name(stack);
    let read = read.send().await.unwrap();
    let template: Value = serde_json::from_str(read.template_body().unwrap()).unwrap();
    let all = template["Resources"].as_object().unwrap().clone();
    let all = all.into_iter();
    all.filter(|(_, resource)| resource["Type"] == kind)
        .collect()
}

pub const RULE: &str = "AWS::ElasticLoadBalancingV2::ListenerRule";

#[tokio::test]
async fn services_with_a_port_are_attached_and_their_addresses_told() {
    let (world, function) = promoting(WEB, &[]).await;
    let plan_first = app::uploaded(&world, "R1", &[]).await;
    let plan = app::dry_run(&function, "R1").await;
    let address = json!(["https://web-shop.apps.example.com"]);
    assert_eq!(plan["services"]["web"]["addresses"], address, "{plan:#}");
    assert_eq!(reserved(&world).await, Value::Null, "a plan writes nothing");
    let report = function.answer(&plan_first).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    assert_eq!(
        report["services"]["web"]["addresses"], address,
        "{report:#}"
    );
    assert_eq!(
        report["warnings"].as_array().map(Vec::len),
        Some(1),
        "only that S3 delivers: {report:#}"
    );
    let [(_, port)] = attached(&world, "web").await[..] else {
        panic!("one target group");
    };
    assert_eq!(port, 3000);
    assert_eq!(attached(&world, "api").await.len(), 1);
    let web = app::service(&world, "web").await.unwrap();
    assert_eq!(web.health_check_grace_period_seconds(), Some(20));
    let all = reserved(&world).await;
    assert_eq!(
        all["hosts"],
        json!({"web-shop.apps.example.com": APP, "api-shop.apps.example.com": APP})
    );
    assert_eq!(
        (&all["public"]["1"]["app"], &all["internal"]["1"]["app"]),
        (&json!(APP), &json!(APP))
    );
    // A link is the address of what it links to.
    let definition = app::running(&world, "web").await;
    let sees = app::sees(&world, &definition).await;
    assert_eq!(sees["API_URL"], "https://api-shop.apps.example.com");
    world.proxy.clear();
    let again = app::promote(&world, &function, "R1", &[]).await;
    assert_eq!(
        (&again["status"], world.proxy.writes().len()),
        (&json!("promoted"), 0),
        "{again:#}"
    );
}

#[tokio::test]
async fn a_service_that_stands_is_attached_without_being_made_anew_and_detached_again() {
    let (world, before) = app::promoting_with(WEB, &[], &[]).await;
    app::promoted(&world, &before, "R1", &[]).await;
    let created = app::service(&world, "web")
        .await
        .unwrap()
        .created_at()
        .copied();
    let function = world.start("promote", ENTRANCE);
    app::promoted(&world, &function, "R2", &[]).await;
    assert_eq!(attached(&world, "web").await.len(), 1);
    // Another port, and an unhealthy attempt to promote it: what was attached comes back.
    app::write_manifest(&world, "R3", WEB.replace("3000", "3001")).await;
    app::promoted(&world, &function, "R3", &[]).await;
    assert_eq!(attached(&world, "web").await[0].1, 3001);
    let without = WEB.replace("    port: 3000\n", "");
    app::write_manifest(&world, "R4", without.as_str()).await;
    app::promoted(&world, &function, "R4", &[]).await;
    assert_eq!(attached(&world, "web").await, []);
    let service = app::service(&world, "web").await.unwrap();
    assert_eq!(service.created_at().copied(), created, "it is the same one");
    app::write_manifest(&world, "R5", without).await;
    app::promoted(&world, &function, "R5", &[]).await;
    let rules = resources(&world, RULE).await;
    let left: Vec<&str> = rules.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(left, ["ApiInternalRule0"]);
    let all = reserved(&world).await;
    assert_eq!(all["hosts"], json!({"api-shop.apps.example.com": APP}));
}

#[tokio::test]
async fn a_failed_promote_attaches_to_what_was_before() {
    let two = format!("{WEB}  last:\n    image: example/last:1\n");
    let (world, function) = promoting(&two, &[]).await;
    app::promoted(&world, &function, "R1", &[]).await;
    let before = attached(&world, "web").await;
    // What goes is removed last.
    app::write_manifest(&world, "R2", WEB.replace("3000", "3001")).await;
    world.inject(Fault::DENIED.on("ecs", "DeleteService"));
    let report = app::promote(&world, &function, "R2", &[]).await;
    assert_eq!(report["status"], "failed", "{report:#}");
    assert_eq!(attached(&world, "web").await, before);
}

/// A container without a port cannot be attached, so the way back has to detach it.
#[tokio::test]
async fn a_failed_promote_detaches_what_it_attached() {
    let without = WEB.replace("    port: 3000\n", "");
    let timer = "timers:\n  one: {schedule: '0 3 * * ?', command: c, service: web}\n";
    let (world, function) = promoting(&without, &[]).await;
    app::promoted(&world, &function, "R1", &[]).await;
    let running = app::running(&world, "web").await;
    app::write_manifest(&world, "R2", format!("{WEB}{timer}")).await;
    world.inject(Fault::DENIED.on("events", "PutRule").times(1));
    let report = app::promote(&world, &function, "R2", &[]).await;
    assert_eq!(report["status"], "failed", "{report:#}");
    app::assert_tells(&report, "what was changed is back at Release R1");
    assert_eq!(app::running(&world, "web").await, running);
    assert_eq!(attached(&world, "web").await, []);
}

#[tokio::test]
async fn a_domain_of_another_app_is_refused_before_anything_is_written() {
    let (world, function) = promoting(WEB, &[]).await;
    let held = json!({"hosts": {"www.example.com": "blog"}});
    world.put("entrance.json", held.to_string()).await;
    let manifest = WEB.replace("    port: 3000\n", "    port: 3000\n    domain: ${HOST}\n");
    app::write_manifest(&world, "R1", manifest).await;
    world.proxy.clear();
    let report = app::promote(&world, &function, "R1", &[("HOST", "www.example.com")]).await;
    app::assert_says!(report, {"status": "failed", "errorType": "HostTaken"});
    let message = report["message"].as_str().unwrap();
    assert!(
        message.contains("`services.web` has the host `${HOST}`, and the App `blog` has it"),
        "{message}"
    );
    assert!(
        !report.to_string().contains("www.example.com"),
        "{report:#}"
    );
    assert_eq!(world.proxy.count("cloudformation", "CreateStack"), 0);
}

#[tokio::test]
async fn a_deleted_app_gives_its_hosts_back() {
    let (world, function) = promoting(WEB, &[]).await;
    app::promoted(&world, &function, "R1", &[]).await;
    let deletion = world.start("app-deletion", ENTRANCE);
    let event = app::deleted(&world, "delete-1", 60);
    let answer = deletion.answer(&event).await;
    assert_eq!(answer["status"], "deleted", "{answer:#}");
    let nothing = json!({"hosts": {}, "public": {}, "internal": {}});
    assert_eq!(reserved(&world).await, nothing);
}

#[tokio::test]
async fn two_apps_at_the_same_moment_have_priorities_of_their_own() {
    let (world, function) = promoting(WEB, &[]).await;
    let other = world.start("promote", ENTRANCE);
    world.put("apps/blog/convox.yml", WEB).await;
    let (shop, blog) = (
        app::promote(&world, &function, "R1", &[]),
        app::promote_app(&world, &other, "blog", "R1", "KEY=1\n"),
    );
    let (shop, blog) = tokio::join!(shop, blog);
    assert_eq!(
        (&shop["status"], &blog["status"]),
        (&json!("promoted"), &json!("promoted"))
    );
    let all = reserved(&world).await;
    let of = |side: &str| all[side].as_object().unwrap().len();
    assert_eq!(
        (
            of("public"),
            of("internal"),
            all["hosts"].as_object().unwrap().len()
        ),
        (2, 2, 4)
    );
}

/// A promote attached it, failed, and could not put it back.
#[tokio::test]
async fn what_a_failed_promote_could_not_detach_the_next_one_does() {
    let without = WEB.replace("    port: 3000\n", "");
    let two = format!("{without}  last:\n    image: example/last:1\n");
    let (world, function) = promoting(&two, &[]).await;
    app::promoted(&world, &function, "R1", &[]).await;
    app::write_manifest(&world, "R2", WEB).await;
    world.inject(Fault::DENIED.on("ecs", "DeleteService"));
    // It moves to the new Release, and not back.
    world.inject(Fault::DENIED.on("ecs", "UpdateService").after(1));
    let report = app::promote(&world, &function, "R2", &[]).await;
    assert_eq!(report["status"], "failed", "{report:#}");
    app::assert_tells(&report, "could not be moved back");
    world.proxy.lift();
    assert_eq!(attached(&world, "web").await.len(), 1, "{report:#}");
    let report = app::asked(&world, &function, "R1", "again", 60).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    assert_eq!(attached(&world, "web").await, []);
}

/// Where the load balancers of Apps can stand.
pub const PUBLIC_SUBNETS: (&str, &str) =
    ("LOAD_BALANCER_SUBNETS", "subnet-00000001,subnet-00000002");
pub const STREAMS: &str = "services:\n  web:\n    image: example/web:1\n    port: 3000\n    nlb:\n      - {port: 5000, allow_cidr: \
                           [192.0.2.0/24]}\n      - {port: 5001, containerPort: 6001, scheme: internal}\n  \
                           api:\n    image: example/api:1\n";
const NLB: &str = "AWS::ElasticLoadBalancingV2::LoadBalancer";
const LISTENER: &str = "AWS::ElasticLoadBalancingV2::Listener";
const INGRESS: &str = "AWS::EC2::SecurityGroupIngress";

/// What of the App's stack belongs to its own load balancers: how many of each kind.
async fn own(world: &World) -> [usize; 2] {
    let count = async |kind| resources(world, kind).await.len();
    [count(NLB).await, count(LISTENER).await]
}

#[tokio::test]
async fn listeners_of_nlb_are_made_attached_and_told_and_go_with_the_promote_after() {
    let settings = [PUBLIC_SUBNETS];
    let (world, function) = app::promoting_with(STREAMS, &[], &settings).await;
    let first = app::promote(&world, &function, "R1", &[]).await;
    assert_eq!(first["status"], "promoted", "{first:#}");
    let addresses = first["services"]["web"]["addresses"].as_array().unwrap();
    let addresses: Vec<&str> = addresses.iter().map(|it| it.as_str().unwrap()).collect();
    assert!(
        addresses.len() == 2
            && addresses[0].starts_with("tcp://")
            && addresses[0].ends_with(".amazonaws.com:5000")
            && addresses[1].ends_with(".amazonaws.com:5001"),
        "{addresses:?}"
    );
    let mut ports: Vec<i32> = attached(&world, "web")
        .await
        .into_iter()
        .map(|(_, port)| port)
        .collect();
    ports.sort_unstable();
    assert_eq!(ports, [5000, 6001], "{first:#}");
    assert_eq!(own(&world).await, [2, 2]);
    let rules = resources(&world, INGRESS).await;
    let networks: Vec<&str> = rules
        .iter()
        .filter_map(|(_, rule)| rule["Properties"]["CidrIp"].as_str())
        .collect();
    assert!(
        networks.contains(&"192.0.2.0/24") && networks.len() == 5,
        "{networks:?}"
    );
    let plan = app::dry_run(&function, "R1").await;
    assert_eq!(
        plan["services"]["web"]["addresses"],
        first["services"]["web"]["addresses"]
    );
    world.proxy.clear();
    let again = app::promote(&world, &function, "R1", &[]).await;
    assert_eq!(
        (&again["status"], world.proxy.writes().len()),
        (&json!("promoted"), 0),
        "{again:#}"
    );
    // Detached with the promote that takes it out; what it was attached to goes with the next one.
    let without = "services:\n  web:\n    image: example/web:1\n    port: 3000\n  api:\n    image: example/api:1\n";
    app::write_manifest(&world, "R2", without).await;
    app::promoted(&world, &function, "R2", &[]).await;
    assert_eq!(attached(&world, "web").await, []);
    assert_eq!(
        own(&world).await,
        [2, 2],
        "what tasks of before are attached to"
    );
    app::write_manifest(&world, "R3", without).await;
    app::promoted(&world, &function, "R3", &[]).await;
    assert_eq!(own(&world).await, [0, 0]);
    assert_eq!(resources(&world, INGRESS).await, []);
}

#[tokio::test]
async fn a_failed_promote_attaches_to_the_listeners_of_before() {
    let two = format!("{STREAMS}  last:\n    image: example/last:1\n");
    let (world, function) = app::promoting_with(&two, &[], &[PUBLIC_SUBNETS]).await;
    app::promoted(&world, &function, "R1", &[]).await;
    let before = attached(&world, "web").await;
    assert_eq!(before.len(), 2);
    let other = STREAMS.replace("port: 5001,", "port: 5002,");
    app::write_manifest(&world, "R2", other).await;
    world.inject(Fault::DENIED.on("ecs", "DeleteService"));
    let report = app::promote(&world, &function, "R2", &[]).await;
    assert_eq!(report["status"], "failed", "{report:#}");
    assert_eq!(attached(&world, "web").await, before);
}

#[tokio::test]
async fn listeners_that_cannot_be_are_found_in_the_plan() {
    let (world, function) = app::promoting_with(STREAMS, &[], ENTRANCE).await;
    let plan = |manifest: String| {
        let (world, function) = (&world, &function);
        async move {
            app::write_manifest(world, "R1", manifest).await;
            world.put_env(APP, "R1", &[]).await;
            app::dry_run(function, "R1").await
        }
    };
    let said = plan(STREAMS.to_owned()).await;
    let warnings = said["warnings"].to_string();
    assert!(
        warnings.contains("`services.web.nlb` is not reached from the internet")
            && warnings.contains("`LoadBalancerSubnets`"),
        "{said:#}"
    );
    let listeners = |count: u32, more: &str| {
        let listeners =
            (1..=count).map(|n| format!("      - {{port: {n}, scheme: internal{more}}}\n"));
        let listeners: String = listeners.collect();
        format!(
            "services:\n  web:\n    image: example/web:1\n    port: 3000\n    nlb:\n{listeners}"
        )
    };
    let elsewhere =
        "protocol: tls, certificate: 'arn:aws:acm:eu-west-1:123456789012:certificate/0'";
    let one = ", allow_cidr: [192.0.2.0/24]";
    for (manifest, says) in [
        (listeners(5, ""), "is to be attached to 6 target groups"),
        (listeners(51, one), "is one more than the 50 listeners"),
        (listeners(16, ""), "lets in one network more than the 60"),
        (
            listeners(1, &format!(", {elsewhere}")),
            "is of another region than the load balancer",
        ),
    ] {
        let said = plan(manifest).await;
        assert_eq!(said["errorType"], "InvalidManifest", "{said:#}");
        assert!(
            said["message"].as_str().unwrap().contains(says),
            "{says}: {said:#}"
        );
    }
    let host = "services:\n  web:\n    image: example/web:1\n    port: 3000\n    domain: www.example.c0m\n";
    let said = plan(host.to_owned()).await;
    assert!(
        said["message"]
            .as_str()
            .unwrap()
            .contains("something else than letters behind"),
        "{said:#}"
    );
}

/// A load balancer has one listener on a port: it goes over, and what it led to is let go of.
#[tokio::test]
async fn a_port_of_nlb_goes_over_to_the_service_that_has_it_from_now_on() {
    let (world, function) = app::promoting_with(STREAMS, &[], &[PUBLIC_SUBNETS]).await;
    app::promoted(&world, &function, "R1", &[]).await;
    let renamed = STREAMS.replace("  web:", "  front:");
    app::write_manifest(&world, "R2", renamed.as_str()).await;
    let report = app::promote(&world, &function, "R2", &[]).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    assert_eq!(attached(&world, "front").await.len(), 2);
    let listeners = resources(&world, LISTENER).await;
    let leads = |(_, listener): &(String, Value)| {
        let action = &listener["Properties"]["DefaultActions"][0];
        let group = action["TargetGroupArn"]["Ref"].as_str().unwrap();
        group.starts_with("FrontNlb")
    };
    assert!(listeners.len() == 2 && listeners.iter().all(leads));
    app::write_manifest(&world, "R3", renamed).await;
    app::promoted(&world, &function, "R3", &[]).await;
    let groups = resources(&world, "AWS::ElasticLoadBalancingV2::TargetGroup").await;
    assert_eq!(groups.len(), 2, "those of `web` are gone");
}
