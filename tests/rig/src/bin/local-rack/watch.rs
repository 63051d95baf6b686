//! What the Rack says: a rule of our own that brings its events to a queue, as any listener would have them.

use std::time::Duration;

use aws_sdk_eventbridge::types::Target;
use double::REGION;
use rig::World;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::console::wait_for;
use crate::unsigned;

const NAME: &str = "what-the-rack-says";
const EVENT_LIMIT: Duration = Duration::from_secs(20);
/// The longest there is: a message is shown once, and deleting it is not needed.
const SHOWN_AGAIN_AFTER_S: &str = "43200";

/// Events from the moment of [`Watch::start`] on, in the order in which they came.
#[derive(Debug)]
pub struct Watch<'w> {
    world: &'w World,
    /// The queue.
    pub url: String,
    seen: Mutex<Vec<Value>>,
}

impl<'w> Watch<'w> {
    /// Makes rule and queue.
    ///
    /// # Panics
    ///
    /// When AWS refuses them.
    pub async fn start(world: &'w World) -> Self {
        let attributes = json!({"VisibilityTimeout": SHOWN_AGAIN_AFTER_S});
        let queue = json!({"QueueName": NAME, "Attributes": attributes});
        let made = unsigned::json(world, "sqs", "AmazonSQS.CreateQueue", &queue).await;
        let url = made["QueueUrl"].as_str().expect("a queue has an address");
        // On AWS, the queue also needs a policy that lets EventBridge send to it.
        let rule = world.eventbridge.put_rule().name(NAME);
        let pattern = json!({"source": ["secrets-manager-env"]});
        let rule = rule.event_pattern(pattern.to_string()).send().await;
        rule.expect("cannot make a rule");
        let arn = format!("arn:aws:sqs:{REGION}:{}:{NAME}", world.account);
        let target = Target::builder().id("queue").arn(arn).build();
        let targets = world.eventbridge.put_targets().rule(NAME);
        let targets = targets.targets(target.expect("a target has an id and an ARN"));
        targets.send().await.expect("cannot give a rule its target");
        Self {
            world,
            url: url.to_owned(),
            seen: Mutex::default(),
        }
    }

    /// The command that shows what the Rack has said since it was last run.
    pub fn command(&self) -> String {
        command(&self.url)
    }

    /// Takes what the command has printed for seen.
    ///
    /// # Panics
    ///
    /// When that is no event.
    pub async fn saw(&self, printed: &str) {
        let events = printed.lines().filter(|line| line.starts_with('{'));
        let events =
            events.map(|line| serde_json::from_str::<Value>(line).expect("an event is JSON"));
        self.seen.lock().await.extend(events);
    }

    /// The details of the events of this type that have these members.
    pub async fn all(&self, detail_type: &str, members: &[(&str, Value)]) -> Vec<Value> {
        self.receive().await;
        let seen = self.seen.lock().await;
        let of_type = seen
            .iter()
            .filter(|event| event["detail-type"] == detail_type);
        let details = of_type.map(|event| event["detail"].clone());
        let fits = |detail: &Value| members.iter().all(|(name, value)| detail[*name] == *value);
        details.filter(fits).collect()
    }

    /// The newest of them, once there is one.
    pub async fn wait_for(&self, detail_type: &str, members: &[(&str, Value)]) -> Value {
        let what = format!("an event `{detail_type}`");
        let newest = async || self.all(detail_type, members).await.pop();
        wait_for(&what, EVENT_LIMIT, newest).await
    }

    /// All events as they came.
    pub async fn texts(&self) -> String {
        self.receive().await;
        let seen = self.seen.lock().await;
        seen.iter().map(Value::to_string).collect()
    }

    async fn receive(&self) {
        let request = json!({"QueueUrl": self.url, "MaxNumberOfMessages": 10});
        loop {
            let operation = "AmazonSQS.ReceiveMessage";
            let received = unsigned::json(self.world, "sqs", operation, &request).await;
            let messages = received["Messages"].as_array().cloned().unwrap_or_default();
            if messages.is_empty() {
                return;
            }
            let bodies = messages
                .iter()
                .filter_map(|message| message["Body"].as_str());
            let events =
                bodies.map(|body| serde_json::from_str::<Value>(body).expect("an event is JSON"));
            self.seen.lock().await.extend(events);
        }
    }
}

/// Ten at a time, each once.
pub fn command(queue: &str) -> String {
    format!(
        "aws sqs receive-message --queue-url {queue} \
         --max-number-of-messages 10 --wait-time-seconds 2 \
         --query 'Messages[].[Body]' --output text"
    )
}
