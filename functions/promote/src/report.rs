//! What a promote did: the answer, `report.json` and the event say the same.

use std::collections::{BTreeMap, BTreeSet};

use environment::KeyChanges;
use lambda::answer::AnswerStatus;
use manifest::DeploymentChange;
use manifest::precedence::{Decision, EnvDelivery, Level};
use names::bounds;
use names::error_type::ErrorCode;
use names::{AppId, ReleaseId};
use promotion::events::{Event, EventType};
use promotion::verdict::{self, Verdict};
use promotion::{Outcome, OutcomeResult};
use release::app_stack::RemovedResource;
use release::entrance::{Access, Connector};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::apply::{Done, Move};
use crate::commands::RanCommand;
use crate::error::PromoteError;
use crate::plan::RevisionKind;
use crate::progress::Step;

/// The report of one promote.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The Rack.
    pub rack: String,
    /// The App.
    pub app: String,
    /// The Release.
    pub release: String,
    /// The request.
    pub request_id: String,
    /// Promoted, failed, waiting or superseded.
    pub status: AnswerStatus,
    /// Why it failed, as a stable name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_type: Option<ErrorCode>,
    /// Why it failed, what it waits for or why it is superseded, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The newer request that came before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<String>,
    /// The S3 version of the environment.
    pub env_version_id: String,
    /// How tasks get it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<EnvDelivery>,
    /// Who decided that; kept on a fallback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<Level>,
    /// Why it is delivered through S3 although Secrets Manager was wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
    /// The secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_arn: Option<String>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_version_id: Option<String>,
    /// By Service.
    pub services: BTreeMap<String, Moved>,
    /// By Timer.
    pub timers: BTreeMap<String, Moved>,
    /// The release commands that were started for it, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub release_commands: Vec<RanCommand>,
    /// The Releases that can be gone back to without a write of a value.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub kept_releases: BTreeSet<String>,
    /// ECS services, rules and schedules that convox.yml no longer has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    /// Resources that convox.yml no longer has, and what became of their data.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed_resources: Vec<RemovedResource>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Variables whose values stand where convox.yml put them.
    pub interpolated: Vec<String>,
    /// What was done, and how long it took.
    pub steps: Vec<Step>,
    /// What became of it after that; none until it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

/// Why Secrets Manager is not used.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fallback {
    /// A stable name of the reason.
    pub error_type: ErrorCode,
}

/// What became of one Service or Timer.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Moved {
    /// The ECS service, the rule or the schedule.
    pub runs_as: String,
    /// The task definition that it ran before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_task_definition: Option<String>,
    /// The task definition that it runs now.
    pub new_task_definition: String,
    /// Whether the two differ, or what runs them was told anything else: a schedule, how tasks are replaced, what they run on, how many.
    pub changed: bool,
    /// The time zone of a Timer that a schedule of EventBridge Scheduler runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// What ran a Timer before where the other kind does now: `rule` or `schedule`.
    #[serde(rename = "movedFrom", skip_serializing_if = "Option::is_none")]
    pub came_from: Option<&'static str>,
    /// How many tasks it was to run, where that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_count: Option<u32>,
    /// How many it is to run now, where that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_count: Option<u32>,
    /// What of the deployments of its ECS service changed, setting by setting.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deployment: Vec<DeploymentChange>,
    /// Where that task definition comes from.
    pub revision: RevisionKind,
    /// The Release that it is of: the one in which it last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// The version of the secret that its references name, if they name one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_version_id: Option<String>,
    /// The addresses under which it is reached, its own in the Rack's domain first; `${NAME}` in place of values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Which gateways of the cluster reach it: `PUBLIC`, `PRIVATE`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub gateways: BTreeSet<Access>,
}

impl Report {
    /// The report of a request that is not applied yet.
    #[must_use]
    pub fn new(id: &AppId, release: &ReleaseId, request_id: &str, env_version_id: &str) -> Self {
        Self {
            rack: id.rack.to_string(),
            app: id.app.to_string(),
            release: release.to_string(),
            request_id: request_id.to_owned(),
            status: AnswerStatus::Failed,
            error_type: None,
            message: None,
            superseded_by: None,
            env_version_id: env_version_id.to_owned(),
            delivery: None,
            decided_by: None,
            fallback: None,
            secret_arn: None,
            secret_version_id: None,
            services: BTreeMap::new(),
            timers: BTreeMap::new(),
            release_commands: Vec::new(),
            kept_releases: BTreeSet::new(),
            removed: Vec::new(),
            removed_resources: Vec::new(),
            warnings: Vec::new(),
            interpolated: Vec::new(),
            steps: Vec::new(),
            verdict: None,
        }
    }

    /// Adds what is known once there is a plan.
    pub fn planned(&mut self, decision: Decision, interpolated: impl Iterator<Item = String>) {
        self.decided_by = Some(decision.decided_by);
        self.interpolated = interpolated.collect();
    }

    /// Adds what the attempt had to say, at most so much that the event can carry it.
    pub fn warn(&mut self, warnings: Vec<String>) {
        self.warnings = bounds::warnings(warnings);
    }

    /// Adds what was applied.
    pub fn done(&mut self, done: &Done, outcome: Option<&Outcome>) {
        self.status = AnswerStatus::Promoted;
        self.delivery = Some(done.applied.delivery);
        self.env_version_id.clone_from(&done.applied.env_version_id);
        self.fallback = outcome
            .filter(|outcome| outcome.result == OutcomeResult::Failed)
            .and_then(|outcome| outcome.error_type.clone())
            .map(|error_type| Fallback { error_type });
        self.secret_arn = done
            .applied
            .secret
            .as_ref()
            .map(|secret| secret.arn.to_string());
        self.secret_version_id = done
            .applied
            .secret
            .as_ref()
            .map(|secret| secret.version_id.clone());
        let of_kind = |timers| {
            done.moves
                .iter()
                .filter(move |moved| moved.is_timer == timers)
                .map(moved)
                .collect()
        };
        (self.services, self.timers) = (of_kind(false), of_kind(true));
        self.kept_releases = done.applied.kept_releases();
        self.removed = done.removed.names();
        self.removed_resources.clone_from(&done.removed_resources);
    }

    /// Adds why it failed.
    pub fn failed(&mut self, error_type: ErrorCode, message: String) {
        self.error_type = Some(error_type);
        self.message = Some(message);
    }

    /// Adds what it waits for.
    pub fn waits(&mut self, reason: &str) {
        self.status = AnswerStatus::Waiting;
        self.message = Some(reason.to_owned());
    }

    /// Adds which newer request came before it.
    pub fn superseded(&mut self, by: String, message: String) {
        self.status = AnswerStatus::Superseded;
        self.superseded_by = Some(by);
        self.message = Some(message);
    }

    /// As an object for people.
    ///
    /// # Errors
    ///
    /// As [`Report::answer`].
    pub fn text(&self) -> Result<String, PromoteError> {
        // In the order of names, in which it is written again with its verdict.
        let report = serde_json::to_value(self).map_err(PromoteError::Report)?;
        serde_json::to_string_pretty(&report).map_err(PromoteError::Report)
    }

    /// Whether a report that was written says that this request waits.
    #[must_use]
    pub fn says_waiting(report: &Value, request_id: &str) -> bool {
        AnswerStatus::of(report) == Some(AnswerStatus::Waiting) && Self::is_of(report, request_id)
    }

    /// Whether a report that was written is of a request that came to nothing yet, or never will.
    #[must_use]
    pub fn says_nothing_was_done(report: &Value) -> bool {
        let status = AnswerStatus::of(report);
        status.is_some_and(|status| {
            matches!(status, AnswerStatus::Waiting | AnswerStatus::Superseded)
        })
    }

    /// The answer that says the same.
    ///
    /// # Errors
    ///
    /// [`PromoteError::Report`], which a struct of named fields never meets.
    pub fn answer(&self) -> Result<Value, PromoteError> {
        serde_json::to_value(self).map_err(PromoteError::Report)
    }

    /// Whether a report that was written is of this request.
    #[must_use]
    pub fn is_of(report: &Value, request_id: &str) -> bool {
        report.get("requestId").and_then(Value::as_str) == Some(request_id)
    }

    /// The same for the history, with the keys that changed, at most so many that it stays readable.
    #[must_use]
    pub fn details(&self, keys: Option<&KeyChanges>) -> Map<String, Value> {
        let mut details = self.members();
        if let Some(keys) = keys {
            let [added, changed, removed] =
                [&keys.added, &keys.changed, &keys.removed].map(|names| bounds::names(names));
            let keys = json!({"added": added, "changed": changed, "removed": removed});
            details.insert("keys".to_owned(), keys);
        }
        details
    }

    fn members(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(members)) => members,
            _ => Map::new(), // a struct of named fields is always an object
        }
    }

    /// The events that tell it: how it ended, and its verdict where that is known.
    #[must_use]
    pub fn events(&self, id: &AppId, release: &ReleaseId) -> Vec<Event> {
        let verdict = self.verdict.as_ref();
        let told = verdict.and_then(|it| verdict::event(id, (release, &self.request_id), it));
        [self.event()].into_iter().chain(told).collect()
    }

    /// The event that says the same.
    #[must_use]
    pub fn event(&self) -> Event {
        let kind = match self.status {
            AnswerStatus::Promoted => EventType::ReleasePromoted,
            AnswerStatus::Waiting => EventType::ReleasePromoteWaiting,
            _ => EventType::ReleasePromoteFailed,
        };
        Event::of(kind, self.members())
    }
}

fn moved(moved: &Move) -> (String, Moved) {
    let report = Moved {
        runs_as: moved.new.runs_as.clone(),
        old_task_definition: moved.old.clone(),
        new_task_definition: moved.new.arn.clone(),
        changed: moved.changed,
        timezone: moved.new.timezone.clone(),
        came_from: moved.came_from,
        old_count: moved.counts.map(|(old, _)| old),
        new_count: moved.counts.map(|(_, new)| new),
        deployment: moved.deployment.clone(),
        revision: moved.revision,
        release: moved.new.release.as_ref().map(ReleaseId::to_string),
        secret_version_id: moved.new.secret_version_id.clone(),
        addresses: moved.addresses.clone(),
        gateways: Connector::access_of(&moved.new.connectors),
    };
    (moved.name.clone(), report)
}
