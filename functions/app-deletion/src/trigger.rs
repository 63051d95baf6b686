//! What can start app-deletion, on the wire: EventBridge events, also as the body of SQS records.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use chrono::{DateTime, Utc};
use serde_json::Value;
use shared::events::{EventType, SOURCE};
use shared::intake::{self, text};

/// One thing that a payload asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Trigger {
    /// An App is deleted.
    Deleted {
        /// The Rack.
        rack: String,
        /// The App, unchecked.
        app: String,
        /// The event's id.
        event_id: String,
        /// The event's time.
        time: DateTime<Utc>,
    },
    /// Work that another invocation left.
    Continue {
        /// The Rack.
        rack: String,
        /// The App, unchecked.
        app: String,
    },
    /// CloudFormation has something to say of a stack.
    StackChanged {
        /// The stack's ARN.
        stack_id: String,
    },
    /// Nothing for app-deletion, and why.
    Ignored(String),
}

impl intake::Trigger for Trigger {
    fn read(payload: Value) -> Vec<Self> {
        if payload.get("detail-type").is_some() {
            return vec![intake::bridged(payload, bridged)];
        }
        vec![Self::ignored(
            "a payload of no known form; app-deletion takes EventBridge events".to_owned(),
        )]
    }

    fn ignored(reason: String) -> Self {
        Self::Ignored(reason)
    }
}

fn bridged(event: &EventBridgeEvent<Value>) -> Option<Trigger> {
    let (detail_type, source) = (event.detail_type.as_str(), event.source.as_str());
    let (rack, app) = (text(&event.detail, "/rack"), text(&event.detail, "/app"));
    match detail_type {
        "App Deleted" if !source.starts_with("aws.") => Some(Trigger::Deleted {
            rack: rack?,
            app: app?,
            event_id: event.id.clone()?,
            time: event.time?,
        }),
        _ if detail_type == EventType::PromotionContinue.as_str() && source == SOURCE => {
            match text(&event.detail, "/kind")?.as_str() {
                "delete" => Some(Trigger::Continue {
                    rack: rack?,
                    app: app?,
                }),
                kind => Some(Trigger::Ignored(format!("work of the kind `{kind}`"))),
            }
        }
        "CloudFormation Stack Status Change" if source == "aws.cloudformation" => {
            text(&event.detail, "/stack-id").map(|stack_id| Trigger::StackChanged { stack_id })
        }
        _ => Some(intake::unused(event)),
    }
}
