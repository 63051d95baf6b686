//! What an attempt has done so far: what is told of it, and what has to be put back where it fails.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use aws::secrets::Written;
use environment::KeyChanges;
use promotion::release_commands::ReleaseCommand;
use promotion::{Applied, MayStand, Outcome};
use serde::Serialize;

use crate::facts::Wanted;

/// What an attempt did so far, also where it ended in an error.
#[derive(Debug, Default)]
pub struct Progress {
    /// App, Release and request.
    names: [String; 3],
    /// Finished steps and how long they took.
    pub steps: Vec<Step>,
    /// What may have been written outside the bucket, in words.
    pub wrote: Vec<String>,
    /// Whether ECS services or rules may have been created.
    pub created: bool,
    /// What of the applied Release may have been changed.
    pub touched: Touched,
    /// The applied Release with what stood in its place when this request began, where that is something else.
    pub applied: Option<Applied>,
    /// What has to be looked for.
    pub may_stand: MayStand,
    /// What became of the secret.
    pub outcome: Option<Outcome>,
    /// The version of the secret that holds the environment, where there is one.
    pub written: Option<Written>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// What differs from the applied Release's environment, by name, where both could be read.
    pub keys: Option<KeyChanges>,
    /// What is known of release commands, those of other requests included.
    pub commands: Vec<ReleaseCommand>,
    /// Whether there is a record of the Release, with this version of its environment.
    pub goes_back: bool,
}

/// What a request may have changed, and so has to put back.
#[derive(Debug, Default)]
pub struct Touched {
    /// The secret.
    pub secret: bool,
    /// ECS services.
    pub services: BTreeSet<String>,
    /// Rules and schedules of Timers.
    pub rules: BTreeSet<String>,
}

/// A finished step.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Its name.
    pub name: &'static str,
    /// How long it took.
    pub duration_ms: u64,
}

impl Step {
    /// A step that took `duration`.
    #[must_use]
    pub fn new(name: &'static str, duration: Duration) -> Self {
        Self {
            name,
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl Progress {
    /// The progress of an attempt; its log lines carry the names.
    #[must_use]
    pub fn new(wanted: &Wanted<'_>, request_id: &str) -> Self {
        let names = [wanted.id.app.as_str(), wanted.release.as_str(), request_id];
        Self {
            names: names.map(str::to_owned),
            may_stand: wanted.may_stand,
            ..Self::default()
        }
    }

    /// Notes that a step is over, whatever came of it.
    pub fn step(&mut self, name: &'static str, started: Instant) {
        self.took(name, started.elapsed());
    }

    /// The same of a step that others ran beside.
    pub fn took(&mut self, name: &'static str, duration: Duration) {
        let step = Step::new(name, duration);
        let [app, release, request] = &self.names;
        tracing::info!(
            app.name = app,
            release.id = release,
            request.id = request,
            step = name,
            duration_ms = step.duration_ms,
            "step `{name}` of Release {release} of App {app} is over"
        );
        self.steps.push(step);
    }
}
