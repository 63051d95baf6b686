//! Tasks that could not read their secret: a warning for each Release and cause, until a deployment completes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::events::{Event, EventType};
use crate::launch_reason::{Cause, Reason};
use names::AppId;

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
    /// Whether the revision names secrets beside the App's, which a reason does not always tell apart.
    pub reads_others: bool,
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
    /// When a task of each family last failed.
    families: BTreeMap<String, DateTime<Utc>>,
    tasks: BTreeSet<String>,
}

impl Launches {
    /// Notes a failure; the first of its Release and cause is a warning.
    pub(super) fn failed(
        &mut self,
        id: &AppId,
        failure: &LaunchFailure,
        request_id: &str,
    ) -> Option<Event> {
        if is_over(&self.completed, id, &failure.family, failure.at) {
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
            families: BTreeMap::new(),
            tasks: BTreeSet::new(),
        };
        warning.note(failure);
        self.warnings.push(warning);
        let surplus = self.warnings.len().saturating_sub(WARNINGS_MAX);
        self.warnings.drain(..surplus);
        Some(warn(id, failure, request_id))
    }

    /// A deployment of `family` is complete: what it failed with before is over.
    pub(super) fn completed(
        &mut self,
        id: &AppId,
        family: &str,
        at: DateTime<Utc>,
        request_id: &str,
    ) -> Vec<Event> {
        let before = self.completed.entry(family.to_owned()).or_insert(at);
        *before = at.max(*before);
        let completed = &self.completed;
        let over = |warning: &mut Warning| {
            let families = &mut warning.families;
            families.retain(|failed, at| !is_over(completed, id, failed, *at));
            families.is_empty()
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
        let family = failure.family.clone();
        let last = self.families.entry(family).or_insert(failure.at);
        *last = failure.at.max(*last);
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

/// Whether a deployment that was complete later shows that tasks of `family` can read their secret again. Timers and
/// one-off processes have no deployments, so those of the App's Services stand for them.
fn is_over(
    completed: &BTreeMap<String, DateTime<Utc>>,
    id: &AppId,
    family: &str,
    at: DateTime<Utc>,
) -> bool {
    let deploys = AppId::parse_service(&id.rack, family).is_some();
    let last = if deploys {
        completed.get(family)
    } else {
        completed.values().max()
    };
    last.is_some_and(|last| at <= *last)
}

fn warn(id: &AppId, failure: &LaunchFailure, request_id: &str) -> Event {
    let LaunchFailure {
        release,
        task_definition,
        reason,
        reads_others,
        ..
    } = failure;
    let definition = task_definition
        .rsplit('/')
        .next()
        .unwrap_or(task_definition);
    let others = if *reads_others {
        ". It can also be another secret, since `secrets` of convox.yml names some: the stopped \
         task's reason in ECS tells"
    } else {
        ""
    };
    let message = format!(
        "a task of {definition}, Release {release}, could not start: {}. {}{others}",
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
