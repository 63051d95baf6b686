//! Services that are scaled between two numbers: target and policies stand in the App's stack, and the number is nobody else's.

use double::Fault;
use rig::world::World;
use serde_json::{Value, json};

use crate::app::{self, APP};
use crate::ingress::ENTRANCE;
use crate::stacks;

/// A convox.yml whose `web` has this `scale`.
fn with(scale: &str) -> String {
    format!("services:\n  web:\n    image: example/web:1\n    scale: {scale}\n")
}

const RANGE: &str = "{count: 2-10, targets: {cpu: 60}}";

/// The fewest and the most tasks of the target in the App's stack.
async fn target(world: &World) -> Option<[u64; 2]> {
    let template = stacks::template(world).await;
    let target = &template["Resources"]["WebScalableTarget"]["Properties"];
    let policy = &template["Resources"]["WebScalesByCpu"];
    assert_eq!(target.is_null(), policy.is_null(), "{template:#}");
    let number = |name: &str| target[name].as_u64();
    Some([number("MinCapacity")?, number("MaxCapacity")?])
}

async fn count(world: &World) -> i32 {
    app::service(world, "web").await.unwrap().desired_count()
}

#[tokio::test]
async fn a_new_service_is_scaled_once_it_stands() {
    let (world, function) = app::promoting_with(&with(RANGE), &[], &[]).await;
    let report = app::promoted(&world, &function, "R1", &[]).await;
    assert_eq!(target(&world).await, Some([2, 10]));
    assert_eq!(count(&world).await, 2);
    app::assert_says!(report["services"]["web"], {"changed": true, "oldTaskDefinition": null});
    // It was created once, and is waited for.
    assert_eq!(world.proxy.count("ecs", "CreateService"), 1);
    assert_eq!(world.proxy.count("ecs", "RegisterTaskDefinition"), 1);
    let state = app::state(&world).await;
    let applied = &state["applied"]["services"]["web"];
    assert_eq!(applied["count"], json!({"min": 2, "max": 10}));

    // Whatever it is scaled to is nobody's business.
    let web = app::update(&world, &app::ecs_service(&world, "web"));
    web.desired_count(8).send().await.unwrap();
    world.proxy.clear();
    app::write_manifest(&world, "R2", with(RANGE).replace("web:1", "web:2")).await;
    app::promoted(&world, &function, "R2", &[]).await;
    let calls = world.proxy.calls();
    let updates = calls
        .iter()
        .filter(|call| call.operation == "UpdateService");
    let counts: Vec<&Value> = updates.map(|call| &call.body["desiredCount"]).collect();
    assert_eq!(counts, [&Value::Null]);
    assert_eq!(count(&world).await, 8);
}

#[tokio::test]
async fn a_service_that_stands_gets_its_range_and_loses_it() {
    let (world, function) = app::promoting_with(&with("3"), &[], &[]).await;
    app::promoted(&world, &function, "R1", &[]).await;
    assert_eq!(target(&world).await, None);
    app::write_manifest(&world, "R2", with(RANGE)).await;
    app::promoted(&world, &function, "R2", &[]).await;
    assert_eq!(
        (target(&world).await, count(&world).await),
        (Some([2, 10]), 3)
    );

    app::write_manifest(&world, "R3", with("{count: 4-12, targets: {cpu: 60}}")).await;
    app::promoted(&world, &function, "R3", &[]).await;
    assert_eq!(
        (target(&world).await, count(&world).await),
        (Some([4, 12]), 3)
    );

    app::write_manifest(&world, "R4", with("5")).await;
    let report = app::promoted(&world, &function, "R4", &[]).await;
    app::assert_says!(report["services"]["web"], {"oldCount": 3, "newCount": 5});
    assert_eq!((target(&world).await, count(&world).await), (None, 5));
}

#[tokio::test]
async fn what_scales_goes_with_its_service_and_a_range_needs_targets() {
    let manifest = with(RANGE) + "  api:\n    image: example/api:1\n    scale: 1-3\n";
    let (world, function) = app::promoting_with(&manifest, &[], &[]).await;
    let report = app::promoted(&world, &function, "R1", &[]).await;
    let warnings = report["warnings"].to_string();
    assert!(
        warnings.contains("`services.api.scale` is a range without `targets`"),
        "{warnings}"
    );
    assert_eq!(
        app::service(&world, "api").await.unwrap().desired_count(),
        1
    );
    let only = "services:\n  api:\n    image: example/api:1\n";
    app::write_manifest(&world, "R2", only).await;
    app::promoted(&world, &function, "R2", &[]).await;
    assert_eq!(target(&world).await, None);
    assert!(app::service(&world, "web").await.is_none());

    let plan = {
        app::write_manifest(&world, "R3", with(RANGE)).await;
        world.put_env(APP, "R3", &[]).await;
        app::dry_run(&function, "R3").await
    };
    assert_eq!(plan["stack"], "update", "{plan:#}");
}

#[tokio::test]
async fn requests_are_counted_where_a_load_balancer_sends_them_to_the_service() {
    const SCALE: &str = "{count: 2-10, targets: {requests: 200}}";
    let manifest = with(SCALE) + "    port: 3000\n";
    let (world, function) = app::promoting_with(&manifest, &[], ENTRANCE).await;
    let report = app::promoted(&world, &function, "R1", &[]).await;
    let says = "`services.web.scale.targets.requests` has no effect";
    assert!(!report["warnings"].to_string().contains(says), "{report:#}");
    let resources = stacks::template(&world).await["Resources"].clone();
    let policy = &resources["WebScalesByRequests"];
    let configuration = &policy["Properties"]["TargetTrackingScalingPolicyConfiguration"];
    assert_eq!(configuration["TargetValue"], 200, "{resources:#}");
    let metric = &configuration["PredefinedMetricSpecification"];
    assert_eq!(metric["PredefinedMetricType"], "ALBRequestCountPerTarget");
    // Application Auto Scaling takes the load balancer's name with the group's, and only of a group that has a rule.
    let group = json!({"Fn::GetAtt": ["WebPublicHttpIpTargetGroup", "TargetGroupFullName"]});
    let label = json!({"Fn::Join": ["/", ["app/public/0a1b2c3d4e5f6071", group]]});
    assert_eq!(metric["ResourceLabel"], label);
    let rules = policy["DependsOn"].as_array().unwrap();
    let kind = |rule: &Value| resources[rule.as_str().unwrap()]["Type"].clone();
    let kinds: Vec<Value> = rules.iter().map(kind).collect();
    assert_eq!(kinds, ["AWS::ElasticLoadBalancingV2::ListenerRule"]);

    // Nothing sends to it any more: the policy goes, and somebody has to know.
    app::write_manifest(&world, "R2", with(SCALE)).await;
    let report = app::promoted(&world, &function, "R2", &[]).await;
    assert!(report["warnings"].to_string().contains(says), "{report:#}");
    let resources = stacks::template(&world).await["Resources"].clone();
    assert_eq!(resources["WebScalesByRequests"], Value::Null);
}

#[tokio::test]
async fn a_first_promote_whose_scaling_cannot_be_made_fails_and_says_so() {
    let (world, function) = app::promoting_with(&with("3"), &[], &[]).await;
    app::promoted(&world, &function, "R1", &[]).await;
    let more = with("3") + "  api:\n    image: example/api:1\n    scale: " + RANGE + "\n";
    app::write_manifest(&world, "R2", more).await;
    world.inject(Fault::DENIED.on("cloudformation", "UpdateStack").times(1));
    let report = app::promote(&world, &function, "R2", &[]).await;
    assert_eq!(report["status"], "failed", "{report:#}");
    app::assert_tells(&report, "what was changed is back at Release R1");
    assert!(app::service(&world, "api").await.is_none());
}
