//! What scales ECS services: cfn-lint finds nothing in it, and convox.yml's words become those of Application Auto Scaling.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::lint::findings;
use super::{Rack, load};

/// The template of an App whose one Service has this `scale`.
fn rendered(scale: &str) -> Result<Value, String> {
    let text = format!("services:\n  web:\n    image: i\n    scale: {scale}\n");
    let rack = Rack {
        scaled: load(&text, &[("Q", "{{resolve:ssm:q}}")]).services,
        ..Rack::new("myrack")
    };
    let rendered = rack.try_render(&[], None);
    let said = |problems: Vec<yaml::Problem>| {
        let said = problems.iter().map(ToString::to_string);
        said.collect::<Vec<_>>().join("; ")
    };
    rendered.map(|rendered| rendered.template).map_err(said)
}

const ALL: &str = "{count: 2-10, cooldown: {up: 30, down: 300}, targets: {cpu: 60, memory: 75, requests: 100, \
                   custom: {AWS/SQS/Visible: {aggregate: max, value: 2.5, dimensions: {QueueName: q}}, Own/x: {value: 7}}}}";

#[test]
fn cfn_lint_finds_nothing_in_what_scales() {
    let folder = TempDir::new().unwrap();
    for (number, scale) in [
        ALL,
        "{count: 0-1, targets: {memory: 1}}",
        "{count: 1-5000, targets: {custom: {A/b: {value: 0.1, aggregate: sum}}}}",
    ]
    .into_iter()
    .enumerate()
    {
        let file = folder.path().join(format!("{number}.json"));
        fs::write(file, rendered(scale).unwrap().to_string()).unwrap();
    }
    let found = findings(folder.path(), &["us-east-1", "cn-north-1"]);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_range_becomes_a_target_and_each_of_its_targets_a_policy() {
    let template = rendered(ALL).unwrap();
    let resources = template["Resources"].as_object().unwrap();
    let target = &resources["WebScalableTarget"]["Properties"];
    assert_eq!(
        target,
        &json!({"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount",
            "ResourceId": "service/apps/myrack_shop_web", "MinCapacity": 2, "MaxCapacity": 10})
    );
    let cpu = &resources["WebScalesByCpu"]["Properties"];
    assert_eq!(
        cpu["TargetTrackingScalingPolicyConfiguration"],
        json!({"PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
            "TargetValue": 60, "ScaleOutCooldown": 30, "ScaleInCooldown": 300})
    );
    let policies = resources
        .values()
        .filter(|one| one["Type"] == "AWS::ApplicationAutoScaling::ScalingPolicy");
    let policies: Vec<&Value> = policies.collect();
    // Requests are counted where a load balancer sends some.
    assert_eq!(policies.len(), 4, "{template:#}");
    let custom = policies.iter().find_map(|policy| {
        let of = &policy["Properties"]["TargetTrackingScalingPolicyConfiguration"];
        (of["TargetValue"] == 2.5).then_some(of)
    });
    assert_eq!(
        custom.unwrap()["CustomizedMetricSpecification"],
        json!({"Namespace": "AWS/SQS", "MetricName": "Visible", "Statistic": "Maximum",
            "Dimensions": [{"Name": "QueueName", "Value": "q"}]})
    );
}

#[test]
fn what_cloudformation_would_refuse_is_found_before() {
    for (custom, want) in [
        ("{Visible: {value: 1}}", "without a namespace"),
        ("{A/b: {value: 0}}", "not more than 0"),
        ("{A/b: {value: 1, aggregate: p99}}", "`aggregate`"),
        ("{A/b: {value: 1, dimensions: {Q: '${Q}'}}}", "`{{`"),
    ] {
        let scale = format!("{{count: 1-3, targets: {{custom: {custom}}}}}");
        let said = rendered(&scale).unwrap_err();
        assert!(said.contains(want), "{custom}: {said}");
        assert!(!said.contains("resolve:ssm"), "{said}");
    }
}
