//! What people are told where there is a topic: of each event the sentence of docs/events.md, by one rule and no other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use double::Fault;
use double::iam::{self, Deployment};
use promotion::events::{Event, EventType, SOURCE};
use rig::{World, assert_absent, canary};
use serde_json::{Value, json};
use tokio::process::Command;

use super::{lint, repository};
use crate::app::{self, APP, YES};

const ACCOUNT: &str = "123456789012";
/// Another event says the same, or it is the Rack's own.
const NOTHING: &str = "";

/// The rules that people are told by, and what is resolved in them for a Rack.
fn rules(rack: &str, account: &str) -> BTreeMap<&'static str, Value> {
    let settings = [("AWS_ACCESS_KEY_ID", account), ("RACK", rack)];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let deployment = Deployment::of(&settings);
    let resources = iam::template()["Resources"].as_object().unwrap().iter();
    let telling = resources.filter(|(_, one)| one["Condition"] == "HasEventsTopic");
    let resolved = telling.map(|(id, rule)| {
        assert_eq!(rule["Type"], "AWS::Events::Rule", "{id}");
        let mut properties = rule["Properties"].clone();
        let pattern = deployment.resolved(&properties["EventPattern"]).unwrap();
        properties["EventPattern"] = pattern;
        (id.as_str(), properties)
    });
    resolved.collect()
}

/// What a target's transformer makes of an event, and the variables that the event does not have.
///
/// Source: EventBridge user guide, "Amazon EventBridge input transformation", common issues: nothing is escaped, and a variable
/// whose path does not exist is not in the output.
fn rendered(rule: &Value, event: &Value) -> (String, Vec<String>) {
    let transformer = &rule["Targets"][0]["InputTransformer"];
    let template = transformer["InputTemplate"].as_str().unwrap();
    assert!(template.len() <= 8192, "{template}");
    let text = template.strip_prefix('"').unwrap();
    let mut parts = text.strip_suffix('"').unwrap().split('<');
    let mut text = parts.next().unwrap().to_owned();
    let mut missing = Vec::new();
    let mut used = BTreeSet::new();
    for part in parts {
        let (name, rest) = part.split_once('>').unwrap();
        let path = transformer["InputPathsMap"][name].as_str();
        let path = path.unwrap_or_else(|| panic!("<{name}> has no path: {template}"));
        let pointer = path.strip_prefix('$').unwrap().replace('.', "/");
        match event.pointer(&pointer) {
            Some(Value::String(value)) => text.push_str(value),
            Some(other) => text.push_str(&other.to_string()),
            None => missing.push(name.to_owned()),
        }
        text.push_str(rest);
        used.insert(name);
    }
    let paths = transformer["InputPathsMap"].as_object().unwrap().keys();
    let paths: BTreeSet<&str> = paths.map(String::as_str).collect();
    assert_eq!(paths, used, "{template}");
    (text, missing)
}

/// An event of the functions, as EventBridge delivers it.
fn delivered(detail_type: &str, detail: &Value, account: &str) -> Value {
    json!({
        "version": "0", "id": "7bf73129-1428-4cd3-a780-95db273d1602", "detail-type": detail_type, "source": SOURCE,
        "account": account, "time": "2026-11-02T10:20:00Z", "region": "us-east-1", "resources": [], "detail": detail,
    })
}

/// The rules that let the event through, as the emulator's EventBridge says.
async fn passed_by(
    world: &World,
    rules: &BTreeMap<&'static str, Value>,
    event: &Value,
) -> Vec<&'static str> {
    let mut passed_by = Vec::new();
    for (rule, properties) in rules {
        let asked = world.eventbridge.test_event_pattern();
        let asked = asked.event_pattern(properties["EventPattern"].to_string());
        if asked
            .event(event.to_string())
            .send()
            .await
            .unwrap()
            .result()
        {
            passed_by.push(*rule);
        }
    }
    passed_by
}

/// An event as a function makes it, by what it has beside the names of Rack, App and request, and what people are told.
type Told = (
    EventType,
    &'static [(&'static str, &'static str)],
    &'static str,
);

const TOLD: [Told; 24] = [
    (
        EventType::ReleasePromoted,
        &[("release", "R2"), ("status", "promoted")],
        "Release R2 of App shop on Rack myrack is promoted: ECS has taken it.",
    ),
    (
        EventType::ReleasePromoteFailed,
        &[
            ("release", "R2"),
            ("errorType", "MissingVariables"),
            ("message", "the environment has no `DATABASE_URL`"),
        ],
        "Release R2 of App shop on Rack myrack is not promoted: the environment has no `DATABASE_URL` (MissingVariables)",
    ),
    (
        EventType::ReleasePromoteWaiting,
        &[
            ("release", "R2"),
            ("message", "the stack myrack-shop-1a2b3c4d is being updated"),
        ],
        "Release R2 of App shop on Rack myrack waits: the stack myrack-shop-1a2b3c4d is being updated",
    ),
    (
        EventType::ReleasePromoteSuperseded,
        &[
            ("release", "R2"),
            (
                "message",
                "Release R2 is not promoted for this request: the newer promote of R3 came before it was done",
            ),
        ],
        "App shop on Rack myrack: Release R2 is not promoted for this request: the newer promote of R3 came before it was done",
    ),
    (
        EventType::SecretWriteFailed,
        &[("release", "R2"), ("errorType", "AccessDeniedException")],
        "The secret of App shop on Rack myrack could not be written for Release R2, so S3 delivers its environment. Reason: AccessDeniedException",
    ),
    // The same once more.
    (
        EventType::SecretWriteFailed,
        &[("errorType", "AccessDeniedException")],
        NOTHING,
    ),
    (
        EventType::SecretWriteSucceeded,
        &[("release", "R2")],
        NOTHING,
    ),
    (EventType::SecretWriteSkipped, &[("release", "R2")], NOTHING),
    (
        EventType::ReleaseLive,
        &[("release", "R2")],
        "Release R2 of App shop on Rack myrack is live.",
    ),
    (
        EventType::ReleaseRolledBack,
        &[
            ("release", "R2"),
            (
                "message",
                "Service `web`: ECS rolled it back; its tasks failed their health check",
            ),
        ],
        "Release R2 of App shop on Rack myrack is rolled back by ECS. Service `web`: ECS rolled it back; its tasks failed their health check",
    ),
    (
        EventType::ReleaseStuck,
        &[
            ("release", "R2"),
            (
                "message",
                "Service `web`: it is not live; there is no capacity to run its tasks on",
            ),
        ],
        "Release R2 of App shop on Rack myrack is stuck, neither live nor rolled back. Service `web`: it is not live; there is no capacity to run its tasks on",
    ),
    (
        EventType::RackWarning,
        &[
            ("code", "SecretWriteFailing"),
            (
                "message",
                "the secret `myrack/shop` could not be written for 3 promotes in a row",
            ),
        ],
        "Warning SecretWriteFailing about App shop on Rack myrack: the secret `myrack/shop` could not be written for 3 promotes in a row",
    ),
    (
        EventType::RackWarningCleared,
        &[("code", "SecretWriteFailing")],
        "Warning SecretWriteFailing about App shop on Rack myrack is over.",
    ),
    (
        EventType::AppSecretDeletionScheduled,
        &[("deletionDate", "2026-12-30T10:20:00Z")],
        "The secret of the deleted App shop on Rack myrack can be restored until 2026-12-30T10:20:00Z.",
    ),
    (
        EventType::AppSecretDeletionScheduled,
        &[],
        "The secret of the deleted App shop on Rack myrack is going to be deleted; Secrets Manager says when.",
    ),
    (
        EventType::AppDeletionWaiting,
        &[("message", "myrack_shop_web is draining")],
        "The deletion of App shop on Rack myrack waits: myrack_shop_web is draining",
    ),
    (
        EventType::AppDeletionSuperseded,
        &[(
            "message",
            "the App shop is not deleted for this request: a newer deletion came before it was done",
        )],
        "App shop on Rack myrack: the App shop is not deleted for this request: a newer deletion came before it was done",
    ),
    (
        EventType::AppDeletionCompleted,
        &[],
        "App shop on Rack myrack is deleted.",
    ),
    (
        EventType::AppDeletionFailed,
        &[
            ("errorType", "AppNotFound"),
            ("message", "nothing is known of it"),
        ],
        "App shop on Rack myrack is not deleted, or not all of it: nothing is known of it (AppNotFound)",
    ),
    (
        EventType::ProcessStarted,
        &[
            ("release", "R2"),
            ("service", "web"),
            ("taskArn", "arn:aws:ecs:us-east-1:123456789012:task/blue/1"),
        ],
        "A one-off process of App shop on Rack myrack runs: Service web, task arn:aws:ecs:us-east-1:123456789012:task/blue/1, Release R2",
    ),
    (
        EventType::ProcessFailed,
        &[
            ("service", "web"),
            ("errorType", "ServiceNotFound"),
            ("message", "the Service is unknown"),
        ],
        "A one-off process of App shop on Rack myrack is not started: the Service is unknown (ServiceNotFound)",
    ),
    (
        EventType::PromotionContinue,
        &[("kind", "promote")],
        NOTHING,
    ),
    (EventType::PromotionReconcile, &[("after", "shop")], NOTHING),
    (EventType::VerdictLook, &[], NOTHING),
];

/// The event of a row, as EventBridge delivers it.
fn event_of((kind, fields, _): &Told) -> Value {
    let mut event = Event::named(*kind, "myrack", APP, "request-1", []);
    let fields = fields.iter();
    let fields = fields.map(|(name, value)| ((*name).to_owned(), Value::from(*value)));
    event.detail.extend(fields);
    delivered(&event.detail_type, &Value::Object(event.detail), ACCOUNT)
}

#[test]
fn every_kind_of_event_has_its_sentence_or_says_that_it_has_none() {
    for kind in EventType::ALL {
        let rows = TOLD.iter().filter(|(of, _, _)| *of == kind);
        assert_ne!(rows.count(), 0, "{}", kind.as_str());
    }
}

#[tokio::test]
async fn of_every_event_people_are_told_the_sentence_of_the_page_or_nothing() {
    let world = World::new().await;
    let rules = rules("myrack", ACCOUNT);
    let page = fs::read_to_string(repository().join("docs/events.md")).unwrap();
    let mut used = BTreeSet::new();
    for row in &TOLD {
        let (event, sentence) = (event_of(row), row.2);
        let passed_by = passed_by(&world, &rules, &event).await;
        if sentence == NOTHING {
            assert_eq!(passed_by, [""; 0], "{event}");
            let name = format!("`{}`", row.0.as_str());
            assert!(page.contains(&name), "docs/events.md leaves out {name}");
            continue;
        }
        assert_eq!(passed_by.len(), 1, "{passed_by:?}: {event}");
        let told = rendered(&rules[passed_by[0]], &event);
        assert_eq!(told, (sentence.to_owned(), Vec::new()), "{event}");
        let rows = page.lines().filter(|line| line.starts_with("| "));
        let rows = rows.filter(|row| row.contains(&format!("`{sentence}`")));
        assert_eq!(rows.count(), 1, "a row of docs/events.md: {sentence}");
        used.extend(passed_by);
        for (part, of_others) in [
            ("/source", "rack"),
            ("/account", "210987654321"),
            ("/detail/rack", "rack-of-others"),
        ] {
            let mut other = event.clone();
            *other.pointer_mut(part).unwrap() = of_others.into();
            let passed_by = self::passed_by(&world, &rules, &other).await;
            assert_eq!(passed_by, [""; 0], "{part}: {other}");
        }
    }
    let all: BTreeSet<&str> = rules.keys().copied().collect();
    assert_eq!(used, all, "each rule tells something");
}

#[test]
fn the_rules_listen_where_the_functions_speak_and_send_to_the_topic_that_was_given() {
    let page = fs::read_to_string(repository().join("docs/events.md")).unwrap();
    let rules = rules("myrack", ACCOUNT);
    assert!(page.contains(&format!("costs {} rules", rules.len())));
    for (rule, properties) in rules {
        assert_eq!(properties["EventBusName"], Value::Null, "{rule}");
        let targets = properties["Targets"].as_array().unwrap();
        assert_eq!(targets.len(), 1, "{rule}");
        assert_eq!(
            targets[0]["Arn"],
            json!({"Ref": "EventsTopicArn"}),
            "{rule}"
        );
        assert_eq!(
            targets[0]["RoleArn"],
            Value::Null,
            "{rule}: the topic's policy decides"
        );
    }
}

#[test]
fn the_templates_of_the_page_have_no_finding() {
    let page = fs::read_to_string(repository().join("docs/events.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let blocks = page.split("```yaml\n").skip(1).enumerate();
    let files = blocks.map(|(number, block)| {
        let file = folder.path().join(format!("{number}.yaml"));
        fs::write(&file, block.split("```").next().unwrap()).unwrap();
        file
    });
    let files: Vec<_> = files.collect();
    assert_eq!(files.len(), 4, "topic, chat, webhook, queue");
    let (said, found) = lint::lint(&files.iter().map(AsRef::as_ref).collect::<Vec<_>>());
    assert!(!found, "{said}");
}

/// The rules of this World's Rack, with a topic and a queue behind it.
fn stack(rules: &BTreeMap<&'static str, Value>) -> String {
    let mut resources = json!({
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "told"}},
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "told"}},
        "Subscription": {"Type": "AWS::SNS::Subscription", "Properties": {
            "TopicArn": {"Ref": "Topic"}, "Protocol": "sqs", "Endpoint": {"Fn::GetAtt": ["Queue", "Arn"]},
            "RawMessageDelivery": true,
        }},
    });
    for (rule, properties) in rules {
        let mut properties = properties.clone();
        properties["Targets"][0]["Arn"] = json!({"Ref": "Topic"});
        resources[*rule] = json!({"Type": "AWS::Events::Rule", "Properties": properties});
    }
    json!({"Resources": resources}).to_string()
}

/// What stands in the queue, each once, until there is as much as is waited for.
async fn received(world: &World, wanted: usize) -> BTreeSet<String> {
    let mut received = BTreeSet::new();
    let config = world.past_the_proxy();
    let endpoint = config.endpoint_url().unwrap().to_owned();
    let queue = format!("{endpoint}/{}/told", world.account);
    for _ in 0..30 {
        if received.len() >= wanted {
            break;
        }
        let mut command = Command::new(repository().join(".venv/emulator/bin/aws"));
        command.args(["sqs", "receive-message", "--max-number-of-messages", "10"]);
        command.args(["--wait-time-seconds", "2", "--output", "json"]);
        command.args(["--queue-url", &queue, "--endpoint-url", &endpoint]);
        command.env("AWS_ACCESS_KEY_ID", &world.account);
        command.env("AWS_SECRET_ACCESS_KEY", "not-a-secret");
        command
            .env("AWS_DEFAULT_REGION", double::REGION)
            .env("AWS_PAGER", "");
        let output = command.output().await.unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let Ok(answer) = serde_json::from_slice::<Value>(&output.stdout) else {
            continue; // nothing came within the time
        };
        let messages = answer["Messages"].as_array().unwrap().iter();
        received.extend(messages.map(|one| one["Body"].as_str().unwrap().to_owned()));
    }
    received
}

#[tokio::test]
async fn what_the_functions_say_comes_through_the_topic_as_sentences_without_a_value() {
    let (world, promote) = app::promoting(YES).await;
    let rules = rules(&world.rack, &world.account);
    let client = aws_sdk_cloudformation::Client::new(&world.past_the_proxy());
    let create = client.create_stack().stack_name("told");
    create.template_body(stack(&rules)).send().await.unwrap();

    let value = canary::value("DATABASE_URL");
    let variables = [("DATABASE_URL", value.as_str())];
    app::promote(&world, &promote, "R1", &variables).await;
    world.inject(Fault::DENIED.on("secretsmanager", "PutSecretValue"));
    let other = canary::value("OTHER");
    let more = [("DATABASE_URL", value.as_str()), ("OTHER", &other)];
    app::promote(&world, &promote, "R2", &more).await;
    world.proxy.lift();
    let answer = app::promote(&world, &promote, "R3", &[("OTHER", &value)]).await;
    assert_eq!(answer["errorType"], "MissingVariables", "{answer:#}");
    let process = world.start("process-run", YES);
    let run = crate::process_run::requested(&world, "run-1", &json!({"command": "true"}));
    assert_eq!(process.answer(&run).await["status"], "started");
    let deleter = world.start("app-deletion", &[]);
    let older = deleter
        .answer(&app::deleted(&world, "deletion-0", -600))
        .await;
    assert_eq!(older["status"], "superseded");
    let ends = deleter.answer(&app::deleted(&world, "deletion-1", 5)).await;
    assert_eq!(ends["status"], "deleted", "{ends:#}");

    let mut told = BTreeSet::new();
    for event in world.all_events() {
        assert_eq!(event.source, SOURCE);
        let event = delivered(&event.detail_type, &event.detail, &world.account);
        for rule in passed_by(&world, &rules, &event).await {
            let (text, missing) = rendered(&rules[rule], &event);
            assert_eq!(missing, [""; 0], "{rule}: {event}");
            told.insert(format!("\"{text}\""));
        }
    }
    let on = format!("App shop on Rack {}", world.rack);
    for part in [
        format!("Release R1 of {on} is promoted"),
        format!("The secret of {on} could not be written for Release R2, so S3"),
        format!("Release R3 of {on} is not promoted: "),
        format!("A one-off process of {on} runs: Service "),
        format!("{on}: the App shop is not deleted for this request"),
        format!("{on} is deleted."),
        format!("The secret of the deleted {on} can be restored until "),
    ] {
        assert!(
            told.iter().any(|text| text.contains(&part)),
            "{part}: {told:#?}"
        );
    }
    assert_eq!(received(&world, told.len()).await, told);
    let texts: Vec<&str> = told.iter().map(String::as_str).collect();
    assert_absent(&texts);
}

/// The block of the page that has this in it, as SAM's own reader reads it.
fn block_with(part: &str) -> Value {
    const PRINT: &str = "import json, sys; from samcli.yamlhelper import yaml_parse; \
                         print(json.dumps(yaml_parse(sys.argv[1])))";
    let page = fs::read_to_string(repository().join("docs/events.md")).unwrap();
    let blocks = page.split("```yaml\n").skip(1);
    let mut blocks = blocks.map(|block| block.split("```").next().unwrap());
    let block = blocks.find(|block| block.contains(part)).unwrap();
    let python = repository().join(".venv/sam/bin/python3");
    let output = std::process::Command::new(python)
        .args(["-c", PRINT, block])
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn the_rule_to_chat_makes_what_chat_takes_of_a_message_with_quotes() {
    let world = World::new().await;
    let block = block_with("AWS::Chatbot::SlackChannelConfiguration");
    let mut rule = block["Resources"]["Rule"]["Properties"].clone();
    rule["EventPattern"]["account"] = json!([world.account]);
    rule["EventPattern"]["detail"]["rack"] = json!([world.rack]);
    let client = aws_sdk_cloudformation::Client::new(&world.past_the_proxy());
    let create = client.create_stack().stack_name("told");
    let rules = BTreeMap::from([("Rule", rule)]);
    create.template_body(stack(&rules)).send().await.unwrap();

    let message = "line 3 says \"prot: 8080\"\nand that is no key";
    let detail = json!({"rack": world.rack, "app": APP, "release": "R2", "message": message});
    let event = aws_sdk_eventbridge::types::PutEventsRequestEntry::builder();
    let event = event
        .source(SOURCE)
        .detail_type("Release Promote Failed")
        .detail(detail.to_string());
    let put = world.eventbridge.put_events().entries(event.build());
    put.send().await.unwrap();
    let received = received(&world, 1).await;
    let object: Value = serde_json::from_str(received.first().unwrap()).unwrap();
    let title = format!("Release Promote Failed: App shop on Rack {}", world.rack);
    let content = json!({"textType": "client-markdown", "title": title, "description": message});
    assert_eq!(
        object,
        json!({"version": "1.0", "source": "custom", "content": content})
    );
}
