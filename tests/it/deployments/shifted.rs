//! Deployments for which ECS moves requests from one target group to another.

use aws_sdk_ecs::types::{DeploymentStrategy, LoadBalancer};
use double::Fault;
use rig::function::Function;
use rig::world::World;
use serde_json::{Value, json};

use super::configuration;
use crate::app;
use crate::ingress::{ENTRANCE, RULE, resources};
use crate::verdict::look;

const GROUP: &str = "AWS::ElasticLoadBalancingV2::TargetGroup";

/// `web`, deployed so, with more domains.
fn web(deployment: &str, more: &str) -> String {
    format!(
        "services:\n  web:\n    image: example/web:1\n    port: 3000\n    environment: [LOG]\n    deployment: {deployment}\n{more}"
    )
}

async fn promoting(manifest: &str) -> (World, Function) {
    app::promoting_with(manifest, &[], ENTRANCE).await
}

/// Another revision of `web`.
async fn moved(world: &World, function: &Function, release: &str) -> Value {
    app::promoted(world, function, release, &[("LOG", release)]).await
}

async fn attached(world: &World) -> LoadBalancer {
    let service = app::service(world, "web").await.expect("it is there");
    let balancers = service.load_balancers.unwrap_or_default();
    let [one] = <[LoadBalancer; 1]>::try_from(balancers).expect("it is attached once");
    one
}

/// The names of both target groups, sorted.
fn pair(balancer: &LoadBalancer) -> Vec<String> {
    let other = balancer.advanced_configuration();
    let other = other.and_then(|advanced| advanced.alternate_target_group_arn());
    let both = balancer.target_group_arn().into_iter().chain(other);
    let mut both: Vec<String> = both.map(str::to_owned).collect();
    both.sort();
    both
}

/// The weights of the rule that leads to `web`, by logical id of the target group.
async fn weights(world: &World) -> Value {
    let rules = resources(world, RULE).await;
    let [(_, rule)] = &rules[..] else {
        panic!("one rule: {rules:?}");
    };
    let action = &rule["Properties"]["Actions"][0];
    let groups = action["ForwardConfig"]["TargetGroups"].as_array();
    let of_group = |group: &Value| {
        let id = group["TargetGroupArn"]["Ref"].as_str().unwrap().to_owned();
        (id, group["Weight"].clone())
    };
    match groups {
        Some(groups) => groups.iter().map(of_group).collect(),
        None => json!({action["TargetGroupArn"]["Ref"].as_str().unwrap(): 1}),
    }
}

const FIRST: &str = "WebPublicHttpIpTargetGroup";
const SECOND: &str = "WebPublicHttpIpSecondTargetGroup";

#[tokio::test]
async fn each_strategy_is_told_with_what_ecs_moves_requests_by() {
    for (deployment, strategy, bake) in [
        (
            "{strategy: blueGreen, bake: 7}",
            DeploymentStrategy::BlueGreen,
            7,
        ),
        (
            "{strategy: canary, canary: {percent: 2.5, bake: 3}}",
            DeploymentStrategy::Canary,
            5,
        ),
        (
            "{strategy: linear, linear: {percent: 20, bake: 4}, alarms: [errors]}",
            DeploymentStrategy::Linear,
            5,
        ),
    ] {
        let (world, function) = promoting(&web(deployment, "")).await;
        moved(&world, &function, "R1").await;
        let told = configuration(&world, "web").await;
        assert_eq!(told.strategy(), Some(&strategy), "{deployment}");
        assert_eq!(told.bake_time_in_minutes(), Some(bake), "{deployment}");
        if let Some(canary) = told.canary_configuration() {
            assert_eq!(canary.canary_percent(), Some(2.5));
            assert_eq!(canary.canary_bake_time_in_minutes(), Some(3));
        }
        if let Some(linear) = told.linear_configuration() {
            assert_eq!(linear.step_percent(), Some(20.0));
            assert_eq!(linear.step_bake_time_in_minutes(), Some(4));
        }
        let breaker = told.deployment_circuit_breaker().unwrap();
        assert!(!breaker.enable(), "ECS has none for it");
        let balancer = attached(&world).await;
        assert_eq!(pair(&balancer).len(), 2, "{balancer:?}");
        let advanced = balancer.advanced_configuration().unwrap();
        let role = advanced.role_arn().unwrap();
        assert!(role.contains("DeploymentRole"), "{role}");
        let listener_rule = advanced.production_listener_rule().unwrap();
        assert!(listener_rule.contains("listener-rule"), "{listener_rule}");
        assert_eq!(weights(&world).await, json!({FIRST: 100, SECOND: 0}));

        world.proxy.clear();
        app::promoted(&world, &function, "R1", &[("LOG", "R1")]).await;
        assert_eq!(world.proxy.writes().len(), 0, "nothing changes");
        moved(&world, &function, "R2").await;
        assert_eq!(world.proxy.count("cloudformation", "UpdateStack"), 0);
        let after = attached(&world).await;
        assert_eq!(pair(&after), pair(&balancer), "ECS moves between them");
    }
}

#[tokio::test]
async fn a_rule_that_changes_goes_on_to_lead_to_the_tasks_of_now() {
    let said = "{strategy: blueGreen}";
    let (world, function) = promoting(&web(said, "")).await;
    moved(&world, &function, "R1").await;
    // ECS has moved everything to the second one by now.
    let more = web(said, "    domain: www.example.com\n");
    app::write_manifest(&world, "R2", more).await;
    world.proxy.clear();
    moved(&world, &function, "R2").await;
    assert_eq!(weights(&world).await, json!({FIRST: 0, SECOND: 100}));
    let updates = world.proxy.count("cloudformation", "UpdateStack");
    assert_eq!(updates, 2, "weights first, so that a rollback has them too");
    // And back: the first one has the tasks.
    app::write_manifest(&world, "R3", web(said, "")).await;
    moved(&world, &function, "R3").await;
    assert_eq!(weights(&world).await, json!({FIRST: 100, SECOND: 0}));
}

#[tokio::test]
async fn a_service_that_stands_comes_to_a_strategy_with_two_promotes_and_back() {
    let rolling = web("{minimum: 50}", "");
    let (world, function) = promoting(&rolling).await;
    moved(&world, &function, "R1").await;
    assert_eq!(pair(&attached(&world).await).len(), 1);
    assert_eq!(weights(&world).await, json!({FIRST: 1}));
    let strategy = async || {
        let told = configuration(&world, "web").await;
        told.strategy()
            .cloned()
            .unwrap_or(DeploymentStrategy::Rolling)
    };
    for release in ["R2", "R3"] {
        app::write_manifest(&world, release, web("{strategy: canary}", "")).await;
    }
    let report = moved(&world, &function, "R2").await;
    assert_eq!(strategy().await, DeploymentStrategy::Rolling, "{report:#}");
    assert!(
        report.to_string().contains("the next one is `canary`"),
        "{report:#}"
    );
    assert_eq!(pair(&attached(&world).await).len(), 2);
    assert_eq!(weights(&world).await, json!({FIRST: 100, SECOND: 0}));
    let report = moved(&world, &function, "R3").await;
    assert_eq!(strategy().await, DeploymentStrategy::Canary);
    let told = &report["services"]["web"]["deployment"];
    let first = json!({"setting": "strategy", "old": "rolling", "new": "canary"});
    assert_eq!(told[0], first, "{report:#}");

    // The second group has the tasks now.
    for release in ["R4", "R5", "R6"] {
        app::write_manifest(&world, release, rolling.as_str()).await;
    }
    moved(&world, &function, "R4").await;
    assert_eq!(strategy().await, DeploymentStrategy::Rolling);
    assert_eq!(pair(&attached(&world).await).len(), 2, "as they are");
    moved(&world, &function, "R5").await;
    let one = pair(&attached(&world).await);
    assert_eq!(one.len(), 1, "{one:?}");
    moved(&world, &function, "R6").await;
    assert_eq!(pair(&attached(&world).await), one, "it stays there");
    assert_eq!(weights(&world).await, json!({SECOND: 1}));
    let groups = resources(&world, GROUP).await;
    let left: Vec<&str> = groups.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(left, [SECOND]);
    let roles = resources(&world, "AWS::IAM::Role").await;
    assert!(
        roles.iter().all(|(id, _)| id != "DeploymentRole"),
        "{roles:?}"
    );
    world.proxy.clear();
    app::promoted(&world, &function, "R6", &[("LOG", "R6")]).await;
    assert_eq!(world.proxy.writes().len(), 0, "it is at rest");
}

#[tokio::test]
async fn what_ecs_moves_no_requests_for_is_refused_before_anything_is_written() {
    let many =
        "    domain: a.example.com, b.example.com, c.example.com, d.example.com, e.example.com\n";
    for (settings, more, says) in [
        (&[][..], "", "no load balancer of the Rack sends"),
        (ENTRANCE, many, "one listener rule"),
        (
            ENTRANCE,
            "    domain: '*.example.org'\n",
            "one listener rule",
        ),
        (
            ENTRANCE,
            "    scale: {count: 1-3, targets: {requests: 5}}\n",
            "`scale.targets.requests`",
        ),
    ] {
        let rolling = web("{minimum: 50}", "");
        let (world, function) = app::promoting_with(&rolling, &[], settings).await;
        moved(&world, &function, "R1").await;
        app::write_manifest(&world, "R2", web("{strategy: linear}", more)).await;
        world.proxy.clear();
        let report = app::promote(&world, &function, "R2", &[("LOG", "1")]).await;
        app::assert_says!(report, {"status": "failed", "errorType": "InvalidDeployment"});
        let message = report["message"].as_str().unwrap();
        assert!(message.contains(says), "{message}");
        assert_eq!(world.proxy.count("cloudformation", "UpdateStack"), 0);
        let warnings = report["warnings"].to_string();
        assert!(!warnings.contains("is deployed rolling"), "{warnings}");
    }
}

#[tokio::test]
async fn another_strategy_waits_for_a_deployment_that_ecs_is_at() {
    let (world, function) = promoting(&web("{strategy: blueGreen}", "")).await;
    moved(&world, &function, "R1").await;
    app::write_manifest(&world, "R2", web("{}", "")).await;
    world.proxy.hold_rollouts();
    let report = app::promote(&world, &function, "R2", &[("LOG", "R2")]).await;
    assert_eq!(report["status"], "waiting", "{report:#}");
    let message = report["message"].as_str().unwrap();
    assert!(message.contains("takes another strategy"), "{message}");
    world.proxy.end_rollouts();
    app::pass_minute(&world).await;
    let report = function.answer(&app::continued(&world, "promote")).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
}

#[tokio::test]
async fn a_failed_promote_leaves_strategy_and_groups_as_they_were() {
    let last = "  last:\n    image: example/last:1\n";
    let (world, function) = promoting(&web("{minimum: 50}", last)).await;
    moved(&world, &function, "R1").await;
    let before = (attached(&world).await, app::running(&world, "web").await);
    app::write_manifest(&world, "R2", web("{strategy: canary}", "")).await;
    world.inject(Fault::DENIED.on("ecs", "DeleteService"));
    let report = app::promote(&world, &function, "R2", &[("LOG", "R2")]).await;
    assert_eq!(report["status"], "failed", "{report:#}");
    let after = (attached(&world).await, app::running(&world, "web").await);
    assert_eq!(after, before, "{report:#}");
}

#[tokio::test]
async fn a_release_is_live_when_ecs_says_so_and_rolled_back_by_its_alarm() {
    let said = "{strategy: blueGreen, alarms: [errors]}";
    let (world, function) = promoting(&web(said, "")).await;
    world.proxy.hold_rollouts();
    moved(&world, &function, "R1").await;
    look(&world, &function).await;
    let verdict = async |release: &str| {
        let report = app::report(&world, release).await.unwrap();
        report["verdict"].clone()
    };
    assert_eq!(verdict("R1").await, Value::Null, "it bakes");
    world.proxy.end_rollouts();
    look(&world, &function).await;
    assert_eq!(verdict("R1").await["status"], "live");
    moved(&world, &function, "R2").await;
    let web = app::ecs_service(&world, "web");
    world.proxy.take_back(&web, &["errors"]);
    look(&world, &function).await;
    let told = verdict("R2").await;
    assert_eq!(
        (&told["status"], &told["cause"]),
        (&json!("rolledBack"), &json!("Alarm"))
    );
    let message = told["message"].as_str().unwrap();
    assert!(message.contains("the alarm `errors` went off"), "{message}");
}

/// The Release of the tasks that requests come to.
async fn runs(world: &World) -> String {
    let service = app::service(world, "web").await.unwrap();
    let [current] = service.current_service_revisions() else {
        panic!("ECS is at rest: {service:?}");
    };
    let asked = world.ecs.describe_service_revisions();
    let asked = asked.service_revision_arns(current.arn().unwrap());
    let described = asked.send().await.unwrap();
    let definition = described.service_revisions()[0].task_definition().unwrap();
    app::sees(world, definition).await["LOG"].clone()
}

/// Where ECS goes back it makes no new service revision, and nobody says what the service then says that it was told.
#[tokio::test]
async fn what_ecs_has_gone_back_from_is_deployed_when_it_is_promoted_again() {
    let said = "{strategy: blueGreen, alarms: [errors]}";
    let (world, function) = promoting(&web(said, "")).await;
    let web = app::ecs_service(&world, "web");
    for release in ["R1", "R2"] {
        moved(&world, &function, release).await;
        assert_eq!(runs(&world).await, release);
    }
    for (asked, looks) in [("R2", true), ("R2", false), ("R1", false)] {
        world.proxy.take_back(&web, &["errors"]);
        assert_eq!(runs(&world).await, "R1");
        if looks {
            look(&world, &function).await;
        }
        let id = format!("{asked}-{looks}");
        let seconds = 5 * (1 + i64::from(!looks)) + i64::from(asked == "R1");
        let report = app::asked(&world, &function, asked, &id, seconds).await;
        assert_eq!(report["status"], "promoted", "{report:#}");
        assert_eq!(runs(&world).await, asked, "{report:#}");
    }
    assert!(world.proxy.astray().is_empty());
}
