//! What can start process-run, on the wire: an EventBridge event, also as the body of an SQS record, and a direct
//! invocation.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use chrono::{DateTime, Utc};
use lambda::intake::{self, text};
use serde_json::Value;

/// The members of a direct invocation; an event's detail has `rack` too.
const MEMBERS: [&str; 4] = ["app", "service", "release", "command"];

/// One thing that a payload asks for. A command can hold a secret, so there is no `Debug`.
pub enum Trigger {
    /// Somebody asks for a process.
    Requested(Requested),
    /// Nothing for process-run, and why.
    Ignored(String),
}

/// A request, unchecked.
pub struct Requested {
    /// The Rack; none in a direct invocation, which is for this one.
    pub rack: Option<String>,
    /// The event's id and time; none in a direct invocation.
    pub event: Option<(String, DateTime<Utc>)>,
    /// The members by name; each should be a text.
    pub detail: Value,
}

impl intake::Trigger for Trigger {
    fn read(payload: Value) -> Vec<Self> {
        if payload.get("detail-type").is_some() {
            return vec![intake::bridged(payload, bridged)];
        }
        let members = payload.as_object();
        let known = |name: &String| MEMBERS.contains(&name.as_str());
        let direct = members
            .is_some_and(|members| members.contains_key("service") && members.keys().all(known));
        vec![if direct {
            Self::Requested(Requested {
                rack: None,
                event: None,
                detail: payload,
            })
        } else {
            Self::ignored(
                "a payload of no known form; a direct one is {\"app\", \"service\", \"release\", \
                 \"command\"}"
                    .to_owned(),
            )
        }]
    }

    fn ignored(reason: String) -> Self {
        Self::Ignored(reason)
    }
}

fn bridged(event: &EventBridgeEvent<Value>) -> Option<Trigger> {
    let (detail_type, source) = (event.detail_type.as_str(), event.source.as_str());
    match detail_type {
        "Process Run Requested" if !source.starts_with("aws.") => {
            Some(Trigger::Requested(Requested {
                rack: Some(text(&event.detail, "/rack")?),
                event: Some((event.id.clone()?, event.time?)),
                detail: event.detail.clone(),
            }))
        }
        _ => Some(intake::unused(event)),
    }
}
