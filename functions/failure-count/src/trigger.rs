//! What can start failure-count, on the wire: EventBridge events, also as the body of SQS records.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use chrono::{DateTime, Utc};
use lambda::intake::{self, text};
use names::RackName;
use promotion::events::{EventType, SOURCE};
use promotion::launch_reason::Reason;
use serde_json::Value;

/// The requests that a Rack takes; each has its function.
const REQUESTS: [&str; 3] = [
    "Release Promote Requested",
    "App Deleted",
    "Process Run Requested",
];
/// Characters that are shown of what somebody else wrote.
const SHOWN_MAX: usize = 80;

/// One thing that a payload tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Trigger {
    /// An App has a new outcome. Only a hint: what counts stands in the state.
    Outcome {
        /// The Rack.
        rack: String,
        /// The App, unchecked.
        app: String,
    },
    /// A task could not read its secret.
    TaskFailed(StoppedTask),
    /// A deployment is complete.
    Deployed {
        /// The ECS service.
        service_arn: String,
        /// When.
        at: DateTime<Utc>,
        /// The event's id.
        event_id: String,
    },
    /// Somebody told this Rack, or another, what it has no ears for.
    Unheard(Unheard),
    /// Nothing for failure-count, and why.
    Ignored(String),
}

/// An event that nobody takes. Whoever sent it hears only that the bus took it.
#[derive(Debug, Clone, PartialEq)]
pub struct Unheard {
    /// The event's id.
    pub event_id: String,
    /// Its `detail-type`, as far as it can be shown.
    pub detail_type: String,
    /// Its `source`, as far as it can be shown.
    pub source: String,
    /// The Rack that it names, as far as it can be shown.
    pub rack: Option<String>,
}

impl Unheard {
    /// The message of the log that a Rack does not take it, and why. Racks can be neighbours in one account, so it is no warning.
    #[must_use]
    pub fn in_words(&self, rack: &RackName) -> String {
        let (event_id, detail_type, source) = (&self.event_id, &self.detail_type, &self.source);
        let is_request = REQUESTS.contains(&detail_type.as_str());
        let [promote, delete, run] = REQUESTS;
        let takes = format!("a Rack takes `{promote}`, `{delete}` and `{run}`");
        let why = match &self.rack {
            Some(named) if named == rack.as_str() && is_request => format!(
                "Rack {rack} does not take it: the Rack's parameter EventSources does not have \
                 `{source}`, or it came by another bus than the one that CommandBus names; whoever \
                 may invoke the function needs neither"
            ),
            Some(named) if named == rack.as_str() => {
                format!("Rack {rack} does not know it; {takes}")
            }
            Some(named) if is_request => format!(
                "it is for Rack `{named}`, and this is Rack {rack}; if there is no such Rack, \
                 nobody takes it"
            ),
            None if is_request => {
                format!("its detail has no `rack`, so nobody takes it; this is Rack {rack}")
            }
            Some(named) => format!(
                "it is for Rack `{named}`, this is Rack {rack}, and no Rack knows it; {takes}"
            ),
            None => format!(
                "its detail has no `rack`, and no Rack knows it; {takes}; this is Rack {rack}"
            ),
        };
        format!("the event `{detail_type}` of `{source}` ({event_id}): {why}")
    }
}

/// A task that stopped before it ran.
#[derive(Debug, Clone, PartialEq)]
pub struct StoppedTask {
    /// The ECS cluster.
    pub cluster_arn: String,
    /// The task.
    pub task_arn: String,
    /// The task definition that it was started from.
    pub task_definition_arn: String,
    /// Why; the agent's own words go no further, since a value can be quoted in them.
    pub reason: Reason,
    /// When.
    pub at: DateTime<Utc>,
    /// The event's id.
    pub event_id: String,
}

impl intake::Trigger for Trigger {
    fn read(payload: Value) -> Vec<Self> {
        if payload.get("detail-type").is_some() {
            return vec![intake::bridged(payload, bridged)];
        }
        vec![Self::ignored(
            "a payload of no known form; failure-count takes EventBridge events".to_owned(),
        )]
    }

    fn ignored(reason: String) -> Self {
        Self::Ignored(reason)
    }
}

fn bridged(event: &EventBridgeEvent<Value>) -> Option<Trigger> {
    let outcomes = [
        EventType::SecretWriteSucceeded,
        EventType::SecretWriteFailed,
        EventType::SecretWriteSkipped,
    ];
    match (event.detail_type.as_str(), event.source.as_str()) {
        (name, SOURCE) if outcomes.iter().any(|outcome| outcome.as_str() == name) => {
            Some(Trigger::Outcome {
                rack: text(&event.detail, "/rack")?,
                app: text(&event.detail, "/app")?,
            })
        }
        ("ECS Task State Change", "aws.ecs") => task(event),
        ("ECS Deployment State Change", "aws.ecs") => deployment(event),
        (_, source) if source.starts_with("aws.") => Some(intake::unused(event)),
        (name, SOURCE) if EventType::ALL.iter().any(|kind| kind.as_str() == name) => {
            Some(intake::unused(event))
        }
        _ => Some(Trigger::Unheard(unheard(event)?)),
    }
}

fn unheard(event: &EventBridgeEvent<Value>) -> Option<Unheard> {
    let shown = |text: &str| -> String {
        let printable = text.chars().filter(|c| !c.is_control());
        printable.take(SHOWN_MAX).collect()
    };
    Some(Unheard {
        event_id: event.id.clone()?,
        detail_type: shown(&event.detail_type),
        source: shown(&event.source),
        rack: text(&event.detail, "/rack").map(|rack| shown(&rack)),
    })
}

/// Of ECS's task events only the end of one that could not read its secret matters.
fn task(event: &EventBridgeEvent<Value>) -> Option<Trigger> {
    let detail = &event.detail;
    let status = text(detail, "/lastStatus")?;
    let code = text(detail, "/stopCode").unwrap_or_default();
    if (status.as_str(), code.as_str()) != ("STOPPED", "TaskFailedToStart") {
        return Some(Trigger::Ignored(format!(
            "a task whose state is `{status}`, not one that failed to start"
        )));
    }
    let words = text(detail, "/stoppedReason").unwrap_or_default();
    let Some(reason) = Reason::parse(&words) else {
        return Some(Trigger::Ignored(
            "a task that failed to start, and not for its secret".to_owned(),
        ));
    };
    let stopped_at = text(detail, "/stoppedAt");
    let stopped_at = stopped_at.and_then(|at| DateTime::parse_from_rfc3339(&at).ok());
    Some(Trigger::TaskFailed(StoppedTask {
        cluster_arn: text(detail, "/clusterArn")?,
        task_arn: text(detail, "/taskArn")?,
        task_definition_arn: text(detail, "/taskDefinitionArn")?,
        reason,
        at: stopped_at.map(|at| at.to_utc()).or(event.time)?,
        event_id: event.id.clone()?,
    }))
}

/// Of ECS's deployment events only the good end matters.
fn deployment(event: &EventBridgeEvent<Value>) -> Option<Trigger> {
    let name = text(&event.detail, "/eventName")?;
    if name != "SERVICE_DEPLOYMENT_COMPLETED" {
        return Some(Trigger::Ignored(format!(
            "the ECS deployment event `{name}`"
        )));
    }
    Some(Trigger::Deployed {
        service_arn: event.resources.as_ref()?.first()?.clone(),
        at: event.time?,
        event_id: event.id.clone()?,
    })
}
