//! What the rules let through, and what promote makes of it.

use std::collections::BTreeMap;

use double::iam::{self, Deployment};
use promotion::events::EventType;
use rig::{World, events};
use serde_json::{Value, json};

use super::functions::{functions, named, rules_of};
use crate::app;

const OURS: &str = "secrets-manager-env";

/// A piece of the template as it is in a World.
fn resolved(world: &World, value: &Value) -> Value {
    let deployment = Deployment::of(&world.settings(&[]));
    let resolved = deployment.resolved(value);
    resolved.unwrap_or_else(|err| panic!("{err}"))
}

/// The patterns of the rules that feed a function, by logical id; a schedule has none.
fn patterns(world: &World, function: &str) -> BTreeMap<&'static str, Value> {
    patterns_with(world, &[], function)
}

/// The same with some parameters different.
fn patterns_with(
    world: &World,
    different: &[(&str, &str)],
    function: &str,
) -> BTreeMap<&'static str, Value> {
    let deployment = Deployment::of(&world.settings(different));
    let rules = rules_of(named(function).queue()).into_keys();
    let patterns = rules.filter_map(|rule| {
        let properties = &iam::template()["Resources"][rule]["Properties"];
        let pattern = properties.get("EventPattern")?;
        let pattern = deployment.resolved(pattern);
        Some((rule, pattern.unwrap_or_else(|err| panic!("{err}"))))
    });
    patterns.collect()
}

/// The rules that let the event through, as the emulator's EventBridge says.
async fn passed_by(
    world: &World,
    patterns: &BTreeMap<&'static str, Value>,
    event: &Value,
) -> Vec<&'static str> {
    let mut passed_by = Vec::new();
    for (rule, pattern) in patterns {
        let asked = world.eventbridge.test_event_pattern();
        let asked = asked
            .event_pattern(pattern.to_string())
            .event(event.to_string());
        if asked.send().await.unwrap().result() {
            passed_by.push(*rule);
        }
    }
    passed_by
}

fn event(world: &World, source: &str, detail_type: &str, detail: &Value) -> Value {
    let mut full = json!({"rack": world.rack, "app": app::APP, "release": "R1"});
    for (name, value) in detail.as_object().unwrap() {
        full[name] = value.clone();
    }
    json!({
        "version": "0", "id": "7bf73129-1428-4cd3-a780-95db273d1602", "detail-type": detail_type, "source": source,
        "account": world.account, "time": "2026-11-02T10:20:00Z", "region": "us-east-1", "resources": [],
        "detail": full,
    })
}

/// S3's event about an object, with one part of it different.
fn object(world: &World, version: &str, part: &str, value: &str) -> Value {
    let mut event = app::written(world, "R1", version);
    *event.pointer_mut(part).unwrap() = value.into();
    event
}

#[tokio::test]
async fn the_rules_let_through_what_promote_accepts_and_nothing_else() {
    let world = World::new().await;
    let patterns = patterns(&world, "promote");
    let function = world.start("promote", &[]);
    let version = world.put_env(app::APP, "R1", &[]).await;
    let (key, bucket) = ("/detail/object/key", "/detail/bucket/name");
    let s3 = |part, value| object(&world, &version, part, value);
    let requested = |source, detail| event(&world, source, "Release Promote Requested", &detail);
    let continued = |source, detail| event(&world, source, "Promotion Continue", &detail);
    let mut wrong = Vec::new();
    for (event, wanted) in [
        (app::written(&world, "R1", &version), true),
        (s3(key, "apps/shop/releases/R 1/env"), true), // ends in `Release Promote Failed`
        (s3(key, "apps/shop/app.json"), false),
        (s3(key, "apps/shop/releases/R1/convox.yml"), false),
        (s3(key, "apps/shop/releases/R1/report.json"), false),
        (s3(key, "apps/shop/state/promotion.json"), false),
        (s3(key, "apps/shop/releases/env"), false),
        (s3(key, "other/apps/shop/releases/R1/env"), false),
        (s3(bucket, "another-bucket"), false),
        (s3("/source", OURS), false),
        (s3("/detail-type", "Object Deleted"), false),
        (requested("rack", json!({})), true),
        (requested("aws.ops", json!({})), false),
        (requested("rack", json!({"rack": "another"})), false),
        (continued(OURS, json!({"kind": "promote"})), true),
        (continued(OURS, json!({"kind": "delete"})), false),
        (
            continued(OURS, json!({"kind": "promote", "rack": "another"})),
            false,
        ),
        (continued(OURS, json!({})), false),
        (continued("ops", json!({"kind": "promote"})), false), // design 2.3: this one is ours
        (event(&world, OURS, "Release Promoted", &json!({})), false),
        (event(&world, OURS, "App Deleted", &json!({})), false),
    ] {
        let passes = !passed_by(&world, &patterns, &event).await.is_empty();
        let answer = function.answer(&event).await;
        let accepted = answer["status"] != "ignored";
        if (passes, accepted) != (wanted, wanted) {
            wrong.push(format!(
                "wanted: {wanted}, passes: {passes}, accepted: {accepted}: {event}: {answer}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A request of each function that takes requests.
const REQUESTS: [(&str, &str); 3] = [
    ("promote", "Release Promote Requested"),
    ("app-deletion", "App Deleted"),
    ("process-run", "Process Run Requested"),
];

#[tokio::test]
async fn only_the_sources_that_the_rack_listens_to_and_its_own_account_command_an_app() {
    let world = World::new().await;
    let sources = [("EVENT_SOURCES", "rack,ops.*,ci")];
    let patterns = |function: &str| patterns_with(&world, &sources, function);
    let stray = patterns("failure-count");
    for (function, kind) in REQUESTS {
        let patterns = patterns(function);
        for (source, heard) in [
            ("rack", true),
            ("ci", true),
            ("ops.*", true),
            ("ops.deploy", false),
            ("shop.checkout", false),
            ("Rack", false),
            (OURS, false),
        ] {
            let event = event(&world, source, kind, &json!({}));
            let passed = !passed_by(&world, &patterns, &event).await.is_empty();
            assert_eq!(passed, heard, "{function} {source}");
            let noted = passed_by(&world, &stray, &event).await;
            let want = if heard {
                "RequestOnAnotherBusRule"
            } else {
                "RequestOfNoSourceRule"
            };
            assert_eq!(noted, [want], "{kind} of {source}");
        }
    }
}

#[tokio::test]
async fn no_rule_hears_another_account() {
    let world = World::new().await;
    for function in functions() {
        let patterns = patterns(&world, &function.name);
        for (sample, mut event) in bridged(&world, &function.name) {
            event["account"] = "210987654321".into();
            let passed = passed_by(&world, &patterns, &event).await;
            assert_eq!(passed, [""; 0], "{} {sample}", function.name);
        }
    }
}

#[test]
fn what_commands_an_app_comes_by_the_bus_of_the_rack_or_by_none() {
    let rules = &iam::template()["Resources"];
    let deployed = |bus: &str| {
        let settings = [("COMMAND_BUS".to_owned(), bus.to_owned())];
        let deployment = Deployment::of(&settings);
        move |rule: &str, property: &str| {
            let value = deployment.resolved(&rules[rule]["Properties"][property]);
            value.unwrap_or_else(|err| panic!("{err}"))
        }
    };
    for (bus, listens_on, commands, elsewhere) in [
        ("default", "default", "ENABLED", "DISABLED"),
        ("rack-commands", "rack-commands", "ENABLED", "ENABLED"),
        ("none", "default", "DISABLED", "ENABLED"),
    ] {
        let of = deployed(bus);
        for rule in [
            "PromoteRequestedRule",
            "AppDeletedRule",
            "ProcessRunRequestedRule",
        ] {
            assert_eq!(of(rule, "EventBusName"), listens_on, "{rule} {bus}");
            assert_eq!(of(rule, "State"), commands, "{rule} {bus}");
        }
        let rule = "RequestOnAnotherBusRule";
        assert_eq!(of(rule, "State"), elsewhere, "{rule} {bus}");
        // AWS itself and the functions speak on the default one.
        assert_eq!(of(rule, "EventBusName"), Value::Null);
        for rule in [
            "EnvironmentWrittenRule",
            "PromotionContinueRule",
            "SecretOutcomeRule",
        ] {
            assert_eq!(of(rule, "EventBusName"), Value::Null, "{rule} {bus}");
            assert_eq!(of(rule, "State"), Value::Null, "{rule} {bus}");
        }
    }
}

#[tokio::test]
async fn what_a_rack_asks_and_says_is_an_event_of_some_kind_and_no_request_of_another_rack() {
    let world = World::new().await;
    let patterns = patterns(&world, "failure-count");
    let said = EventType::ALL.iter().map(|kind| kind.as_str());
    let asked = [
        "Release Promote Requested",
        "App Deleted",
        "Process Run Requested",
    ];
    for kind in said.chain(asked) {
        let event = event(&world, "rack", kind, &json!({}));
        let passed_by = passed_by(&world, &patterns, &event).await;
        let stray = [
            "EventOfNoKindRule",
            "EventOfNoKindNorRackRule",
            "RequestOfNoRackRule",
            "RequestOfNoSourceRule",
        ];
        let stray: Vec<_> = passed_by
            .iter()
            .filter(|rule| stray.contains(rule))
            .collect();
        assert!(stray.is_empty(), "{kind}: {stray:?}");
    }
    for (source, kind, detail, rule) in [
        (
            "ops",
            "Release Promote Request",
            json!({}),
            Some("EventOfNoKindRule"),
        ),
        ("aws.ops", "Release Promote Request", json!({}), None),
        (
            "ops",
            "Release Promote Request",
            json!({"rack": "another"}),
            None, // everybody else's events are none of the Rack's
        ),
        (
            "rack",
            "Release Promote Request",
            json!({"rack": "another"}),
            Some("EventOfNoKindNorRackRule"),
        ),
        (
            "rack",
            "Apps Deleted",
            json!({"rack": null}),
            Some("EventOfNoKindNorRackRule"),
        ),
        (
            OURS,
            "Secret Write Failed",
            json!({"rack": "another"}),
            None,
        ),
        (
            "ops",
            "App Deleted",
            json!({"rack": "another"}),
            Some("RequestOfNoRackRule"),
        ),
        (
            "ops",
            "Process Run Requested",
            json!({"rack": null}),
            Some("RequestOfNoRackRule"),
        ),
        ("aws.ops", "App Deleted", json!({"rack": "another"}), None),
    ] {
        let event = event(&world, source, kind, &detail);
        let passed_by = passed_by(&world, &patterns, &event).await;
        let want: Vec<&str> = rule.into_iter().collect();
        assert_eq!(passed_by, want, "{event}");
    }
    let mut without = event(&world, "ops", "App Deleted", &json!({}));
    without["detail"].as_object_mut().unwrap().remove("rack");
    let passed_by = passed_by(&world, &patterns, &without).await;
    assert_eq!(passed_by, ["RequestOfNoRackRule"], "{without}");
    without["source"] = "rack".into();
    without["detail-type"] = "Apps Deleted".into();
    let passed_by = self::passed_by(&world, &patterns, &without).await;
    assert_eq!(passed_by, ["EventOfNoKindNorRackRule"], "{without}");
}

/// A schedule's message is not an event of EventBridge: it has what the template writes, and nothing else.
#[tokio::test]
async fn what_a_schedule_sends_is_answered_and_not_delivered_again() {
    let world = World::new().await;
    let function = world.start("promote", &[]);
    let mut inputs = 0;
    for (rule, target) in rules_of(named("promote").queue()) {
        let Some(input) = target.get("Input") else {
            continue;
        };
        let body = resolved(&world, input);
        let answer = function.answer(&events::queued(&body)).await;
        assert_eq!(answer, json!({"batchItemFailures": []}), "{rule}: {body}");
        inputs += 1;
    }
    assert_eq!(inputs, 2, "the tick, and the look");
}

/// The sample events of a function that EventBridge itself delivers: no schedule's, no queue's, no direct ones.
fn bridged(world: &World, function: &str) -> BTreeMap<String, Value> {
    let names = events::samples(function).into_iter();
    let samples = names.map(|name| {
        (
            name.clone(),
            events::sample(world, &format!("{function}-{name}")),
        )
    });
    samples
        .filter(|(_, event)| event["id"].is_string())
        .collect()
}

#[tokio::test]
async fn the_rules_let_through_the_sample_events_and_none_of_another_rack_or_cluster() {
    let world = World::new().await;
    for function in functions() {
        let name = &function.name;
        let patterns = patterns(&world, name);
        let mut used = Vec::new();
        for (sample, event) in bridged(&world, name) {
            let passed_by_rules = passed_by(&world, &patterns, &event).await;
            assert_eq!(passed_by_rules.len(), 1, "{name} {sample}: {event:#}");
            used.extend(passed_by_rules);
            let text = event.to_string();
            for (ours, theirs) in [
                (&world.rack, "rack-of-others"),
                (&world.cluster, "cluster-of-others"),
                (&world.bucket, "bucket-of-others"),
            ] {
                let other = text.replace(ours.as_str(), theirs);
                if other != text {
                    let other = serde_json::from_str(&other).unwrap();
                    let mut passed_by = passed_by(&world, &patterns, &other).await;
                    // These two are there for what names another Rack.
                    passed_by.retain(|rule| {
                        !["RequestOfNoRackRule", "EventOfNoKindNorRackRule"].contains(rule)
                    });
                    assert_eq!(passed_by, [""; 0], "{name} {sample} of {theirs}");
                }
            }
        }
        used.sort_unstable();
        used.dedup();
        let rules: Vec<&str> = patterns.keys().copied().collect();
        assert_eq!(used, rules, "each rule of {name} has a sample");
    }
}

/// A sample with one part of it different.
fn different(world: &World, sample: (&str, &str), part: &str, value: &str) -> Value {
    let (function, name) = sample;
    let mut event = events::sample(world, &format!("{function}-{name}"));
    *event.pointer_mut(part).unwrap() = value.into();
    event
}

#[tokio::test]
async fn what_is_not_for_the_other_functions_stays_outside() {
    let world = World::new().await;
    let (deleted, continues) = (("app-deletion", "deleted"), ("app-deletion", "continue"));
    let written = ("failure-count", "secret-write-failed");
    let task = ("failure-count", "task-failed-to-start");
    let completed = ("failure-count", "deployment-completed");
    let run = ("process-run", "requested");
    let stack = ("app-deletion", "app-stack-changed");
    let status = "/detail/status-details/status";
    for (sample, part, value, wanted) in [
        (run, "/source", OURS, false),
        (run, "/source", "aws.ecs", false),
        (run, "/detail-type", "Process Started", false),
        (deleted, "/source", OURS, false),
        (deleted, "/source", "aws.ecs", false),
        (deleted, "/detail-type", "App Created", false),
        (continues, "/source", "shop.deployments", false),
        (continues, "/detail/kind", "promote", false),
        (stack, "/source", OURS, false),
        (
            stack,
            "/detail-type",
            "CloudFormation Drift Detection Status Change",
            false,
        ),
        (stack, status, "DELETE_FAILED", true),
        (stack, status, "DELETE_IN_PROGRESS", false),
        (stack, status, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", false),
        (written, "/source", "shop.deployments", false),
        (written, "/detail-type", "Release Promoted", false),
        (written, "/detail-type", "Rack Warning", false),
        (task, "/source", OURS, false),
        (task, "/detail/lastStatus", "DEPROVISIONING", false),
        (task, "/detail/stopCode", "EssentialContainerExited", false),
        (
            completed,
            "/detail/eventName",
            "SERVICE_DEPLOYMENT_IN_PROGRESS",
            false,
        ),
        (
            completed,
            "/detail/eventName",
            "SERVICE_DEPLOYMENT_FAILED",
            false,
        ),
    ] {
        let event = different(&world, sample, part, value);
        let patterns = patterns(&world, sample.0);
        let passed_by = passed_by(&world, &patterns, &event).await;
        assert_eq!(!passed_by.is_empty(), wanted, "{sample:?} {part} {value}");
    }
}
