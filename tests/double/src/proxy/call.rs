//! What the proxy remembers of a call.

use std::fmt;
use std::time::Instant;

use serde_json::Value;

/// One call through the front door.
#[derive(Debug, Clone)]
pub struct Call {
    /// The service in the signature: `secretsmanager`, `ecs`, `events`, `scheduler`, `s3`, `kms`, `cloudformation`.
    pub service: String,
    /// The operation: `PutSecretValue`.
    pub operation: String,
    /// Who made it: the name in [`CALLER`](crate::CALLER), or nothing.
    pub caller: String,
    /// Path and query; for S3 `/bucket/key?...`.
    pub path: String,
    /// The body where it is JSON or a form, else null.
    pub body: Value,
    /// The status answered; none while there is no answer, and where the fault was to give none.
    pub status: Option<u16>,
    /// The answer's body where it is JSON, else null; of `CloudFormation`, the stack as it stood before the call: `StackId`,
    /// `Tags`.
    pub answer: Value,
    /// When it came.
    pub began: Instant,
    /// When it was answered.
    pub ended: Option<Instant>,
}

/// An event that was sent through `PutEvents`.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The sender.
    pub source: String,
    /// Its kind.
    pub detail_type: String,
    /// Its content.
    pub detail: Value,
}

impl Call {
    /// Whether the operation changes Secrets Manager, ECS, EventBridge rules or stacks.
    #[must_use]
    pub fn is_write(&self) -> bool {
        let reads = ["BatchGet", "Describe", "Get", "List", "Test"];
        [
            "secretsmanager",
            "ecs",
            "events",
            "scheduler",
            "cloudformation",
        ]
        .contains(&self.service.as_str())
            && self.operation != "PutEvents"
            && !reads.iter().any(|read| self.operation.starts_with(read))
    }

    /// Whether the operation changes anything at all, the bucket and sent events included.
    #[must_use]
    pub fn changes_something(&self) -> bool {
        let reads = ["BatchGet", "Decrypt", "Describe", "Get", "Head", "List"];
        !reads.iter().any(|read| self.operation.starts_with(read))
    }

    pub(super) fn accepted_events(&self) -> Vec<Event> {
        if (self.service.as_str(), self.operation.as_str()) != ("events", "PutEvents") {
            return Vec::new();
        }
        let entries = self.body["Entries"].as_array().into_iter().flatten();
        let results = self.answer["Entries"].as_array().into_iter().flatten();
        entries
            .zip(results)
            .filter(|(_, result)| result["EventId"].is_string())
            .map(|(entry, _)| Event::of(entry))
            .collect()
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.service, self.operation)
    }
}

impl Event {
    fn of(entry: &Value) -> Self {
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        Self {
            source: text("Source"),
            detail_type: text("DetailType"),
            detail: serde_json::from_str(&text("Detail")).expect("the rules let only JSON pass"),
        }
    }
}
