//! Apps that are reached through the Rack's load balancers.

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
/// How often the two invocations of that promote look at its ECS services before they change any.
const LOOKS: usize = 4;
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
async fn resources(world: &World, kind: &str) -> Vec<(String, Value)> {
    let stack = stack_name(world);
    let read = world.cloudformation.get_template().stack_name(stack);
    let read = read.send().await.unwrap();
    let template: Value = serde_json::from_str(read.template_body().unwrap()).unwrap();
    let all = template["Resources"].as_object().unwrap().clone();
    let all = all.into_iter();
    all.filter(|(_, resource)| resource["Type"] == kind)
        .collect()
}

const RULE: &str = "AWS::ElasticLoadBalancingV2::ListenerRule";

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

/// A promote attached it, failed, and could not look at what it had changed.
#[tokio::test]
async fn what_a_failed_promote_could_not_detach_the_next_one_does() {
    let without = WEB.replace("    port: 3000\n", "");
    let two = format!("{without}  last:\n    image: example/last:1\n");
    let (world, function) = promoting(&two, &[]).await;
    app::promoted(&world, &function, "R1", &[]).await;
    app::write_manifest(&world, "R2", WEB).await;
    world.inject(Fault::DENIED.on("ecs", "DeleteService"));
    let hidden = Fault::DENIED.on("ecs", "DescribeServices").after(LOOKS);
    world.inject(hidden);
    let report = app::promote(&world, &function, "R2", &[]).await;
    assert_eq!(report["status"], "failed", "{report:#}");
    world.proxy.lift();
    assert_eq!(attached(&world, "web").await.len(), 1, "{report:#}");
    let report = app::asked(&world, &function, "R1", "again", 60).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    assert_eq!(attached(&world, "web").await, []);
}
