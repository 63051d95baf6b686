//! What can start promote, on the wire: EventBridge events, S3 notification records, both also as the body of SQS
//! records, and a direct invocation.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use chrono::{DateTime, Utc};
use lambda::intake::{self, MemberError, text};
use promotion::events::{EventType, SOURCE};
use promotion::history::Asker;
use promotion::{Allowed, WorkKind};
use serde::Deserialize;
use serde_json::Value;

use crate::superseded::Superseded;

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
        /// The event's id, or that of S3's request.
        event_id: Option<String>,
        /// Who wrote it.
        asked_by: Asker,
    },
    /// Somebody asks for a Release by name.
    Requested {
        /// The Rack; none in a direct invocation, which is for this one.
        rack: Option<String>,
        /// The App, unchecked.
        app: String,
        /// The Release, unchecked.
        release: String,
        /// Whether resources may be replaced and whatever runs removed.
        allowed: Allowed,
        /// The event's id and time; none in a direct invocation.
        event: Option<(String, DateTime<Utc>)>,
        /// Who asks.
        asked_by: Asker,
    },
    /// A request that does not say what it has to.
    Incomplete {
        /// The Rack.
        rack: String,
        /// The App, as far as it can be shown.
        app: String,
        /// The Release, as far as it can be shown.
        release: String,
        /// The event's id.
        request_id: String,
        /// The member that it lacks, and what that has to be.
        problem: MemberError,
    },
    /// Work that another invocation left.
    Continue {
        /// The Rack.
        rack: String,
        /// The App.
        app: String,
        /// Whose work.
        kind: WorkKind,
    },
    /// The schedule's: look for work that nobody does.
    Reconcile {
        /// The Rack.
        rack: String,
        /// The App behind which to go on; none for a tick.
        after: Option<String>,
    },
    /// A request is superseded, and its Release's report is to say so.
    Superseded {
        /// The Rack.
        rack: String,
        /// The App, unchecked.
        app: String,
        /// The Release, unchecked.
        release: String,
        /// The request.
        superseded: Superseded,
    },
    /// A deployment of an ECS service came to an end, good or bad.
    DeploymentEnded {
        /// The ECS service.
        service_arn: String,
    },
    /// The schedule's: look at the Releases that are not known to be live.
    Look {
        /// The Rack.
        rack: String,
    },
    /// CloudFormation has something to say of a stack.
    StackChanged {
        /// The stack's ARN.
        stack_id: String,
    },
    /// The task of a release command stopped.
    CommandEnded {
        /// What its task says it was started by.
        started_by: String,
    },
    /// Somebody asks what a promote would do.
    DryRun {
        /// The App, unchecked.
        app: String,
        /// The Release, unchecked.
        release: String,
        /// Whether resources may be replaced and whatever runs removed.
        allowed: Allowed,
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
            Ok(direct) => direct.into(),
            Err(_) => Self::ignored(
                "a payload of no known form; a direct one is {\"app\", \"release\", \
                 \"allowReplacement\", \"allowRemoval\", \"dryRun\"}"
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
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are members of the payload, each by its name"
)]
struct Direct {
    app: String,
    release: String,
    #[serde(default)]
    allow_replacement: bool,
    #[serde(default)]
    allow_removal: bool,
    #[serde(default)]
    restart: bool,
    #[serde(default)]
    dry_run: bool,
}

impl From<Direct> for Trigger {
    fn from(direct: Direct) -> Self {
        let Direct { app, release, .. } = direct;
        let allowed = Allowed {
            replacement: direct.allow_replacement,
            removal: direct.allow_removal,
            restart: direct.restart,
        };
        if direct.dry_run {
            return Self::DryRun {
                app,
                release,
                allowed,
            };
        }
        Self::Requested {
            rack: None,
            app,
            release,
            allowed,
            event: None,
            asked_by: Asker::INVOKER,
        }
    }
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
        event_id: text(record, "/responseElements/x-amz-request-id"),
        asked_by: Asker::of_object(text(record, "/userIdentity/principalId")),
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
        "Object Created" if source == "aws.s3" => object_created(event),
        "Release Promote Requested" if !source.starts_with("aws.") => requested(event),
        _ if detail_type == EventType::PromotionContinue.as_str() && source == SOURCE => {
            continued(&event.detail)
        }
        "ECS Deployment State Change" if source == "aws.ecs" => deployment(event),
        "CloudFormation Stack Status Change" if source == "aws.cloudformation" => {
            text(&event.detail, "/stack-id").map(|stack_id| Trigger::StackChanged { stack_id })
        }
        "ECS Task State Change" if source == "aws.ecs" => task_stopped(&event.detail),
        _ if detail_type == EventType::PromotionReconcile.as_str() && source == SOURCE => {
            let after = text(&event.detail, "/after");
            text(&event.detail, "/rack").map(|rack| Trigger::Reconcile { rack, after })
        }
        _ if detail_type == EventType::VerdictLook.as_str() && source == SOURCE => {
            text(&event.detail, "/rack").map(|rack| Trigger::Look { rack })
        }
        _ if detail_type == EventType::ReleasePromoteSuperseded.as_str() && source == SOURCE => {
            superseded(&event.detail)
        }
        _ => Some(intake::unused(event)),
    }
}

fn object_created(event: &EventBridgeEvent<Value>) -> Option<Trigger> {
    let detail = &event.detail;
    Some(Trigger::ObjectWritten {
        bucket: text(detail, "/bucket/name")?,
        key: text(detail, "/object/key")?,
        version_id: text(detail, "/object/version-id").filter(|id| !id.is_empty()),
        sequencer: text(detail, "/object/sequencer").unwrap_or_default(),
        event_id: event.id.clone(),
        asked_by: Asker::of_object(text(detail, "/requester")),
    })
}

fn requested(event: &EventBridgeEvent<Value>) -> Option<Trigger> {
    // Only the JSON `true` says so: a text that means something else must not remove anything.
    let says = |name: &str| event.detail.get(name) == Some(&Value::Bool(true));
    let (detail, request_id) = (&event.detail, event.id.clone()?);
    let rack = text(detail, "/rack")?;
    let app = intake::required_text(detail, "app");
    let names = app.and_then(|app| Ok((app, intake::required_text(detail, "release")?)));
    let (app, release) = match names {
        Ok(names) => names,
        Err(problem) => {
            return Some(Trigger::Incomplete {
                rack,
                app: intake::shown_text(detail, "app"),
                release: intake::shown_text(detail, "release"),
                request_id,
                problem,
            });
        }
    };
    Some(Trigger::Requested {
        rack: Some(rack),
        app: app.to_owned(),
        release: release.to_owned(),
        allowed: Allowed {
            replacement: says("allowReplacement"),
            removal: says("allowRemoval"),
            restart: says("restart"),
        },
        event: Some((request_id, event.time?)),
        asked_by: Asker::of_event(&event.source, event.account.as_deref()),
    })
}

/// Of ECS's deployment events only the ends matter, and ECS itself says what it runs then.
fn deployment(event: &EventBridgeEvent<Value>) -> Option<Trigger> {
    let name = text(&event.detail, "/eventName")?;
    if !["SERVICE_DEPLOYMENT_COMPLETED", "SERVICE_DEPLOYMENT_FAILED"].contains(&name.as_str()) {
        return Some(Trigger::Ignored(format!(
            "the ECS deployment event `{name}`"
        )));
    }
    Some(Trigger::DeploymentEnded {
        service_arn: event.resources.as_ref()?.first()?.clone(),
    })
}

/// Of the states of a task only its end matters, and ECS itself says how that was.
fn task_stopped(detail: &Value) -> Option<Trigger> {
    let status = text(detail, "/lastStatus")?;
    if status != "STOPPED" {
        return Some(Trigger::Ignored(format!("a task that is {status}")));
    }
    let started_by = text(detail, "/startedBy").unwrap_or_default();
    Some(Trigger::CommandEnded { started_by })
}

fn continued(detail: &Value) -> Option<Trigger> {
    let kind = serde_json::from_value(detail.get("kind")?.clone()).ok()?;
    Some(Trigger::Continue {
        rack: text(detail, "/rack")?,
        app: text(detail, "/app")?,
        kind,
    })
}

fn superseded(detail: &Value) -> Option<Trigger> {
    Some(Trigger::Superseded {
        rack: text(detail, "/rack")?,
        app: text(detail, "/app")?,
        release: text(detail, "/release")?,
        superseded: Superseded {
            request_id: text(detail, "/requestId")?,
            env_version_id: text(detail, "/envVersionId")?,
            by: text(detail, "/supersededBy")?,
            message: text(detail, "/message")?,
        },
    })
}

#[cfg(test)]
mod tests {
    use lambda::intake::Trigger as _;
    use serde_json::json;

    use super::*;

    fn allowed(payload: Value) -> Vec<Allowed> {
        let triggers = Trigger::read(payload).into_iter();
        let allowed = triggers.filter_map(|trigger| match trigger {
            Trigger::Requested { allowed, .. } | Trigger::DryRun { allowed, .. } => Some(allowed),
            _ => None,
        });
        allowed.collect()
    }

    #[test]
    fn a_request_allows_what_it_says_with_true_and_nothing_else() {
        let yes = |replacement, removal| {
            vec![Allowed {
                replacement,
                removal,
                restart: false,
            }]
        };
        let restarted = vec![Allowed {
            restart: true,
            ..Allowed::default()
        }];
        for (extra, want) in [
            (json!({}), yes(false, false)),
            (json!({"allowReplacement": true}), yes(true, false)),
            (json!({"allowRemoval": true}), yes(false, true)),
            (
                json!({"allowRemoval": true, "allowReplacement": true}),
                yes(true, true),
            ),
            (json!({"restart": true}), restarted),
            (json!({"allowRemoval": false}), yes(false, false)),
            (json!({"allowRemoval": "true"}), yes(false, false)),
        ] {
            let mut detail = json!({"rack": "r", "app": "shop", "release": "R1"});
            let members = extra.as_object().unwrap().clone();
            detail.as_object_mut().unwrap().extend(members.clone());
            let event = json!({
                "id": "1", "detail-type": "Release Promote Requested", "source": "me", "time": "2026-01-01T00:00:00Z",
                "detail": detail, "account": "123456789012", "region": "us-east-1", "resources": [], "version": "0",
            });
            assert_eq!(allowed(event), want, "{extra}");
            if extra["allowRemoval"].is_string() {
                continue; // a direct payload with that is of no known form
            }
            for dry_run in [false, true] {
                let mut direct = json!({"app": "shop", "release": "R1", "dryRun": dry_run});
                direct.as_object_mut().unwrap().extend(members.clone());
                assert_eq!(allowed(direct), want, "{extra}, dryRun {dry_run}");
            }
        }
    }
}
