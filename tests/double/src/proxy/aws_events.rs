//! Events of AWS itself, brought to the emulator's rules.
//!
//! Nobody may put an event of an `aws.` source, and the emulator keeps to that. So its rules are asked one by one, and
//! the queues behind those that let the event through get it, as EventBridge would send it.

use serde_json::{Value, json};

use super::forward::Upstream;

/// Sends an event to the queues of all rules that let it through.
pub(super) async fn send(upstream: &Upstream, event: &Value) {
    let account = event["account"].as_str().unwrap_or_default();
    let ask = async |operation: &str, question: Value| {
        let target = format!("AWSEvents.{operation}");
        upstream.call(account, "events", &target, &question).await
    };
    let rules = ask("ListRules", json!({})).await;
    for rule in rules["Rules"].as_array().into_iter().flatten() {
        let pattern = &rule["EventPattern"];
        if !pattern.is_string() || rule["State"] == "DISABLED" {
            continue;
        }
        let question = json!({"EventPattern": pattern, "Event": event.to_string()});
        if ask("TestEventPattern", question).await["Result"] != true {
            continue;
        }
        let targets = ask("ListTargetsByRule", json!({"Rule": rule["Name"]})).await;
        for target in targets["Targets"].as_array().into_iter().flatten() {
            let arn = target["Arn"].as_str().unwrap_or_default();
            if let Some(queue) = queue(arn) {
                let message = json!({
                    "QueueUrl": upstream.address(&queue),
                    "MessageBody": event.to_string(),
                });
                let target = "AmazonSQS.SendMessage";
                upstream.call(account, "sqs", target, &message).await;
            }
        }
    }
}

/// The path of a queue: `/123456789012/name` of `arn:aws:sqs:us-east-1:123456789012:name`.
fn queue(arn: &str) -> Option<String> {
    let mut parts = arn.splitn(6, ':').skip(2);
    let (service, account, name) = (parts.next()?, parts.nth(1)?, parts.next()?);
    (service == "sqs").then(|| format!("/{account}/{name}"))
}
