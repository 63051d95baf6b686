//! What can start app-deletion, on the wire: EventBridge events, also as the body of SQS records, and a direct invocation.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use chrono::{DateTime, Utc};
use lambda::intake::{self, MemberError, text};
use promotion::WorkKind;
use promotion::events::{EventType, SOURCE};
use promotion::history::Asker;
use serde::Deserialize;
use serde_json::Value;

/// One thing that a payload asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Trigger {
    /// An App is deleted.
    Deleted {
        /// The Rack; none in a direct invocation, which is for this one.
        rack: Option<String>,
        /// The App, unchecked.
        app: String,
        /// The event's id and time; none in a direct invocation.
        event: Option<(String, DateTime<Utc>)>,
        /// Who asks.
        asked_by: Asker,
    },
    /// A request that does not say what it has to.
    Incomplete {
        /// The Rack.
        rack: String,
        /// The event's id.
        request_id: String,
        /// The member that it lacks, and what that has to be.
        problem: MemberError,
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
        vec![match serde_json::from_value::<Direct>(payload) {
            Ok(Direct { app, delete: true }) => Self::Deleted {
                rack: None,
                app,
                event: None,
                asked_by: Asker::INVOKER,
            },
            _ => Self::ignored(
                r#"a payload of no known form; a direct one is {"app": "...", "delete": true}"#
                    .to_owned(),
            ),
        }]
    }

    fn ignored(reason: String) -> Self {
        Self::Ignored(reason)
    }
}

/// A deletion takes databases with it, so a payload says in so many words that it is meant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Direct {
    app: String,
    delete: bool,
}

fn bridged(event: &EventBridgeEvent<Value>) -> Option<Trigger> {
    let (detail_type, source) = (event.detail_type.as_str(), event.source.as_str());
    let (rack, app) = (text(&event.detail, "/rack"), text(&event.detail, "/app"));
    match detail_type {
        "App Deleted" if !source.starts_with("aws.") => {
            let (rack, request_id) = (rack?, event.id.clone()?);
            Some(match intake::required_text(&event.detail, "app") {
                Ok(app) => Trigger::Deleted {
                    rack: Some(rack),
                    app: app.to_owned(),
                    event: Some((request_id, event.time?)),
                    asked_by: Asker::of_event(&event.source, event.account.as_deref()),
                },
                Err(problem) => Trigger::Incomplete {
                    rack,
                    request_id,
                    problem,
                },
            })
        }
        _ if detail_type == EventType::PromotionContinue.as_str() && source == SOURCE => {
            let kind = text(&event.detail, "/kind")?;
            match WorkKind::deserialize(event.detail.get("kind")?) {
                Ok(WorkKind::Delete) => Some(Trigger::Continue {
                    rack: rack?,
                    app: app?,
                }),
                _ => Some(Trigger::Ignored(format!("work of the kind `{kind}`"))),
            }
        }
        "CloudFormation Stack Status Change" if source == "aws.cloudformation" => {
            text(&event.detail, "/stack-id").map(|stack_id| Trigger::StackChanged { stack_id })
        }
        _ => Some(intake::unused(event)),
    }
}
