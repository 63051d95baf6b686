//! What the rules of the intake let through, and what promote makes of it.

use integration_tests::World;
use serde_json::{Value, json};

use super::{promote, referred, resources, rules_of};
use crate::app;

/// A piece of the template with the names of a World in place of its references.
fn resolved(world: &World, value: &Value) -> Value {
    match value {
        Value::Object(members) if members.contains_key("Fn::If") => {
            assert_eq!(members["Fn::If"][0], "RackIsStackName");
            world.rack.as_str().into()
        }
        Value::Object(members) if members.contains_key("Ref") => {
            assert_eq!(members["Ref"], "SettingsBucket");
            world.bucket.as_str().into()
        }
        Value::Object(members) if members.contains_key("Fn::Sub") => {
            substituted(world, members["Fn::Sub"][0].as_str().unwrap()).into()
        }
        Value::Object(members) => {
            let members = members.iter();
            members
                .map(|(name, value)| (name.clone(), resolved(world, value)))
                .collect()
        }
        Value::Array(values) => values.iter().map(|value| resolved(world, value)).collect(),
        other => other.clone(),
    }
}

fn substituted(world: &World, text: &str) -> String {
    let names = [
        ("AWS::Partition", "aws"),
        ("AWS::Region", "us-east-1"),
        ("AWS::AccountId", &world.account),
        ("ClusterName", &world.cluster),
        ("RackName", &world.rack),
    ];
    let text = names.iter().fold(text.to_owned(), |text, (name, value)| {
        text.replace(&format!("${{{name}}}"), value)
    });
    assert!(!text.contains("${"), "{text}");
    text
}

/// Whether a rule of the template lets the event through, as the emulator's EventBridge says.
async fn passes(world: &World, patterns: &[Value], event: &Value) -> bool {
    let mut passes = false;
    for pattern in patterns {
        let asked = world.eventbridge.test_event_pattern();
        let asked = asked
            .event_pattern(pattern.to_string())
            .event(event.to_string());
        passes |= asked.send().await.unwrap().result();
    }
    passes
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
    let resources = resources();
    let queue = referred(&promote(&resources).1["Queue"]);
    let rules = rules_of(&resources, queue).into_iter();
    let patterns: Vec<Value> = rules
        .filter_map(|rule| resources[rule]["Properties"].get("EventPattern"))
        .map(|pattern| resolved(&world, pattern))
        .collect();
    let function = world.start("promote", &[]);
    let version = world.put_env(app::APP, "R1", &[]).await;
    let (key, bucket) = ("/detail/object/key", "/detail/bucket/name");
    let s3 = |part, value| object(&world, &version, part, value);
    let ours = "secrets-manager-env";
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
        (s3("/source", "secrets-manager-env"), false),
        (s3("/detail-type", "Object Deleted"), false),
        (requested("ops", json!({})), true),
        (requested(ours, json!({})), true),
        (requested("aws.ops", json!({})), false),
        (requested("ops", json!({"rack": "another"})), false),
        (continued(ours, json!({"kind": "promote"})), true),
        (continued(ours, json!({"kind": "delete"})), false),
        (
            continued(ours, json!({"kind": "promote", "rack": "another"})),
            false,
        ),
        (continued(ours, json!({})), false),
        (continued("ops", json!({"kind": "promote"})), false), // design 2.3: this one is ours
        (event(&world, ours, "Release Promoted", &json!({})), false),
        (event(&world, ours, "App Deleted", &json!({})), false),
    ] {
        let passes = passes(&world, &patterns, &event).await;
        let answer = function.invoke(&event).await.answer();
        let accepted = answer["status"] != "ignored";
        if (passes, accepted) != (wanted, wanted) {
            wrong.push(format!(
                "wanted: {wanted}, passes: {passes}, accepted: {accepted}: {event}: {answer}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A schedule's message is not an event of EventBridge: it has what the template writes, and nothing else.
#[tokio::test]
async fn what_a_schedule_sends_is_answered_and_not_delivered_again() {
    let world = World::new().await;
    let resources = resources();
    let queue = referred(&promote(&resources).1["Queue"]);
    let function = world.start("promote", &[]);
    for rule in rules_of(&resources, queue) {
        for target in resources[rule]["Properties"]["Targets"].as_array().unwrap() {
            let Some(input) = target.get("Input") else {
                continue;
            };
            let body = resolved(&world, input);
            let message = json!({"Records": [{
                "messageId": "m1", "eventSource": "aws:sqs", "body": body, "attributes": {}, "messageAttributes": {},
            }]});
            let answer = function.invoke(&message).await.answer();
            assert_eq!(answer, json!({"batchItemFailures": []}), "{rule}: {body}");
        }
    }
}
