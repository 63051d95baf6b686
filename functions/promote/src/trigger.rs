//! What can start promote, on the wire: EventBridge events, S3 notification records, both also as the body of SQS
//! records, and a direct invocation.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use shared::events::{EventType, SOURCE};
use shared::intake::{self, text};
use shared::promotion::Kind;

/// One thing that a payload asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Trigger {
    /// An object was written; only environment objects matter.
    ObjectWritten {
        /// The bucket.
        bucket: String,
        /// The decoded key.
        key: String,
        /// The S3 version-id, where the event has one.
        version_id: Option<String>,
        /// S3's sequencer; empty where the event has none.
        sequencer: String,
    },
    /// Somebody asks for a Release by name.
    Requested {
        /// The Rack; none in a direct invocation, which is for this one.
        rack: Option<String>,
        /// The App, unchecked.
        app: String,
        /// The Release, unchecked.
        release: String,
        /// Whether resources may be replaced.
        allow_replacement: bool,
        /// The event's id and time; none in a direct invocation.
        event: Option<(String, DateTime<Utc>)>,
    },
    /// Work that another invocation left.
    Continue {
        /// The Rack.
        rack: String,
        /// The App.
        app: String,
        /// Whose work.
        kind: Kind,
    },
    /// The schedule's: look for work that nobody does.
    Reconcile {
        /// The Rack.
        rack: String,
    },
    /// ECS gave up a deployment and goes back to the task definition before.
    DeploymentFailed {
        /// The ECS service.
        service_arn: String,
        /// ECS's reason.
        reason: String,
        /// The event's id.
        event_id: String,
    },
    /// CloudFormation has something to say of a stack.
    StackChanged {
        /// The stack's ARN.
        stack_id: String,
    },
    /// Somebody asks what a promote would do.
    DryRun {
        /// The App, unchecked.
        app: String,
        /// The Release, unchecked.
        release: String,
        /// Whether resources may be replaced.
        allow_replacement: bool,
    },
    /// Nothing for promote, and why.
    Ignored(String),
}

impl intake::Trigger for Trigger {
    fn read(payload: Value) -> Vec<Self> {
        if let Some(records) = payload.get("Records").and_then(Value::as_array) {
            return records.iter().map(notified).collect();
        }
        if payload.get("detail-type").is_some() {
            return vec![intake::bridged(payload, bridged)];
        }
        if payload.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") {
            return vec![Self::ignored("S3's test event".to_owned())];
        }
        vec![match serde_json::from_value::<Direct>(payload) {
            Ok(Direct {
                app,
                release,
                allow_replacement,
                dry_run: true,
            }) => Self::DryRun {
                app,
                release,
                allow_replacement,
            },
            Ok(Direct {
                app,
                release,
                allow_replacement,
                dry_run: false,
            }) => Self::Requested {
                rack: None,
                app,
                release,
                allow_replacement,
                event: None,
            },
            Err(_) => Self::ignored(
                r#"a payload of no known form; a direct one is {"app", "release", "allowReplacement", "dryRun"}"#
                    .to_owned(),
            ),
        }]
    }

    fn ignored(reason: String) -> Self {
        Self::Ignored(reason)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Direct {
    app: String,
    release: String,
    #[serde(default)]
    allow_replacement: bool,
    #[serde(default)]
    dry_run: bool,
}

fn notified(record: &Value) -> Trigger {
    let name = text(record, "/eventName").unwrap_or_default();
    if !name.starts_with("ObjectCreated:") {
        return Trigger::Ignored(format!("the S3 notification `{name}`"));
    }
    Trigger::ObjectWritten {
        bucket: text(record, "/s3/bucket/name").unwrap_or_default(),
        key: form_decoded(&text(record, "/s3/object/key").unwrap_or_default()),
        version_id: text(record, "/s3/object/versionId").filter(|id| !id.is_empty()),
        sequencer: text(record, "/s3/object/sequencer").unwrap_or_default(),
    }
}

/// Keys of direct notifications are form-encoded, keys of EventBridge events are not (S3 user guide, "Event message
/// structure").
fn form_decoded(key: &str) -> String {
    let spaced = key.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced)
        .decode_utf8_lossy()
        .into_owned()
}

fn bridged(event: &EventBridgeEvent<Value>) -> Option<Trigger> {
    let (detail_type, source) = (event.detail_type.as_str(), event.source.as_str());
    match detail_type {
        "Object Created" if source == "aws.s3" => object_created(&event.detail),
        "Release Promote Requested" if !source.starts_with("aws.") => requested(event),
        _ if detail_type == EventType::PromotionContinue.as_str() && source == SOURCE => {
            continued(&event.detail)
        }
        "ECS Deployment State Change" if source == "aws.ecs" => deployment(event),
        "CloudFormation Stack Status Change" if source == "aws.cloudformation" => {
            text(&event.detail, "/stack-id").map(|stack_id| Trigger::StackChanged { stack_id })
        }
        _ if detail_type == EventType::PromotionReconcile.as_str() && source == SOURCE => {
            text(&event.detail, "/rack").map(|rack| Trigger::Reconcile { rack })
        }
        _ => Some(intake::unused(event)),
    }
}

fn object_created(detail: &Value) -> Option<Trigger> {
    Some(Trigger::ObjectWritten {
        bucket: text(detail, "/bucket/name")?,
        key: text(detail, "/object/key")?,
        version_id: text(detail, "/object/version-id").filter(|id| !id.is_empty()),
        sequencer: text(detail, "/object/sequencer").unwrap_or_default(),
    })
}

fn requested(event: &EventBridgeEvent<Value>) -> Option<Trigger> {
    Some(Trigger::Requested {
        rack: Some(text(&event.detail, "/rack")?),
        app: text(&event.detail, "/app")?,
        release: text(&event.detail, "/release")?,
        allow_replacement: event.detail.get("allowReplacement") == Some(&Value::Bool(true)),
        event: Some((event.id.clone()?, event.time?)),
    })
}

/// Of ECS's deployment events only the failure matters.
fn deployment(event: &EventBridgeEvent<Value>) -> Option<Trigger> {
    let name = text(&event.detail, "/eventName")?;
    if name != "SERVICE_DEPLOYMENT_FAILED" {
        return Some(Trigger::Ignored(format!(
            "the ECS deployment event `{name}`"
        )));
    }
    Some(Trigger::DeploymentFailed {
        service_arn: event.resources.as_ref()?.first()?.clone(),
        reason: text(&event.detail, "/reason").unwrap_or_default(),
        event_id: event.id.clone()?,
    })
}

fn continued(detail: &Value) -> Option<Trigger> {
    let kind = serde_json::from_value(detail.get("kind")?.clone()).ok()?;
    Some(Trigger::Continue {
        rack: text(detail, "/rack")?,
        app: text(detail, "/app")?,
        kind,
    })
}
