//! Tasks that could not read their secret: a warning for each Release and cause, until a deployment completes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::events::{Event, EventType};
use crate::launch_reason::{Cause, Reason};
use crate::names::AppId;

/// The code of a warning about tasks.
pub const SECRET_LAUNCH_FAILING: &str = "SecretLaunchFailing";
/// Warnings of one App that are remembered, and tasks of one warning: enough to tell a duplicate.
const WARNINGS_MAX: usize = 32;
const TASKS_MAX: usize = 100;

/// A task that stopped because it could not read its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchFailure {
    /// The task's ARN.
    pub task: String,
    /// The revision's ARN.
    pub task_definition: String,
    /// The revision's family.
    pub family: String,
    /// The Release that the revision was registered for.
    pub release: String,
    /// Why.
    pub reason: Reason,
    /// When it stopped.
    pub at: DateTime<Utc>,
}

/// What is known of one App's tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Launches {
    /// Warnings that stand.
    #[serde(default)]
    warnings: Vec<Warning>,
    /// When a deployment of a family was last complete: what stopped before is no news.
    #[serde(default)]
    completed: BTreeMap<String, DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Warning {
    release: String,
    cause: Cause,
    families: BTreeSet<String>,
    tasks: BTreeSet<String>,
    last_at: DateTime<Utc>,
}

impl Launches {
    /// Notes a failure; the first of its Release and cause is a warning.
    pub(super) fn failed(
        &mut self,
        id: &AppId,
        failure: &LaunchFailure,
        request_id: &str,
    ) -> Option<Event> {
        let completed = self.completed.get(&failure.family);
        if completed.is_some_and(|completed| failure.at <= *completed) {
            return None;
        }
        let same = |warning: &&mut Warning| {
            warning.release == failure.release && warning.cause == failure.reason.cause
        };
        if let Some(warning) = self.warnings.iter_mut().find(same) {
            warning.note(failure);
            return None;
        }
        let mut warning = Warning {
            release: failure.release.clone(),
            cause: failure.reason.cause,
            families: BTreeSet::new(),
            tasks: BTreeSet::new(),
            last_at: failure.at,
        };
        warning.note(failure);
        self.warnings.push(warning);
        let surplus = self.warnings.len().saturating_sub(WARNINGS_MAX);
        self.warnings.drain(..surplus);
        Some(warn(id, failure, request_id))
    }

    /// A deployment of `family` is complete: what it failed with before is over. A Timer has no deployments, so those of
    /// the App's Services stand for it.
    pub(super) fn completed(
        &mut self,
        id: &AppId,
        family: &str,
        at: DateTime<Utc>,
        request_id: &str,
    ) -> Vec<Event> {
        let before = self.completed.entry(family.to_owned()).or_insert(at);
        *before = at.max(*before);
        let timers = id.timer_prefix();
        let over = |warning: &mut Warning| {
            if warning.last_at <= at {
                warning
                    .families
                    .retain(|failed| failed != family && !failed.starts_with(&timers));
            }
            warning.families.is_empty()
        };
        let cleared = self.warnings.extract_if(.., over);
        cleared
            .map(|warning| warning.cleared(id, request_id))
            .collect()
    }

    /// The App is deleted: nothing of it starts any more.
    pub(super) fn forget(&mut self, id: &AppId, request_id: &str) -> Vec<Event> {
        let launches = std::mem::take(self);
        let warnings = launches.warnings.iter();
        warnings
            .map(|warning| warning.cleared(id, request_id))
            .collect()
    }
}

impl Warning {
    fn note(&mut self, failure: &LaunchFailure) {
        self.families.insert(failure.family.clone());
        self.last_at = self.last_at.max(failure.at);
        if self.tasks.len() < TASKS_MAX {
            self.tasks.insert(failure.task.clone());
        }
    }

    fn cleared(&self, id: &AppId, request_id: &str) -> Event {
        let fields = [
            ("code", SECRET_LAUNCH_FAILING.into()),
            ("consecutiveFailures", self.tasks.len().into()),
            ("release", self.release.as_str().into()),
            ("cause", self.cause.as_str().into()),
        ];
        Event::new(EventType::RackWarningCleared, id, request_id, fields)
    }
}

fn warn(id: &AppId, failure: &LaunchFailure, request_id: &str) -> Event {
    let LaunchFailure {
        release,
        task_definition,
        reason,
        ..
    } = failure;
    let definition = task_definition
        .rsplit('/')
        .next()
        .unwrap_or(task_definition);
    let message = format!(
        "a task of {definition}, Release {release}, could not start: {}. {}",
        reason.in_words(&id.secret()),
        reason.cause.fix()
    );
    let fields = [
        ("code", SECRET_LAUNCH_FAILING.into()),
        ("consecutiveFailures", 1.into()),
        ("release", release.as_str().into()),
        ("taskDefinition", task_definition.as_str().into()),
        ("key", reason.key.clone().map_or(Value::Null, Value::from)),
        ("cause", reason.cause.as_str().into()),
        ("message", message.into()),
    ];
    Event::new(EventType::RackWarning, id, request_id, fields)
}
