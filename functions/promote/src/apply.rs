//! All writes of a promote, in order: manifest copy, stack, secret, task definitions, services and rules, removals. Each can
//! be repeated.

mod definitions;
mod moves;
mod source;
mod stack;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use shared::app_stack::{RemovedResource, StackNeeds};
use shared::leftovers::Removals;
use shared::names::keys;
use shared::precedence::EnvDelivery;
use shared::promotion::{Applied, Definition, Outcome, OutcomeResult, SecretVersion};
use shared::secrets::Look;
use shared::settings_bucket::Replaced;
use shared::task_definition::{EnvSource, LaunchType};

use crate::error::PromoteError;
use crate::gather::{Gathered, Wanted};
use crate::plan::Plan;
use crate::report::Step;
use crate::shell::Shell;

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
    /// What became of the secret.
    pub outcome: Option<Outcome>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// What a request may have changed, and so has to put back.
#[derive(Debug, Default)]
pub struct Touched {
    /// The secret.
    pub secret: bool,
    /// ECS services.
    pub services: BTreeSet<String>,
    /// Rules.
    pub rules: BTreeSet<String>,
}

/// A promote that is applied.
#[derive(Debug)]
pub struct Done {
    /// What runs now.
    pub applied: Applied,
    /// What each process ran before, and whether that changed; in the plan's order.
    pub moves: Vec<Move>,
    /// What was removed.
    pub removed: Removals,
    /// Resources that were removed.
    pub removed_resources: Vec<RemovedResource>,
}

/// What became of one Service or Timer.
#[derive(Debug, Clone)]
pub struct Move {
    /// Its name.
    pub name: String,
    /// Whether it is a Timer.
    pub is_timer: bool,
    /// The revision that ran before.
    pub old: Option<String>,
    /// The revision that runs now, and who runs it.
    pub new: Definition,
    /// Whether what runs it was told anything else.
    pub changed: bool,
}

/// What is applied.
pub struct Job<'a> {
    /// The clients.
    pub shell: &'a Shell,
    /// The Release.
    pub wanted: &'a Wanted<'a>,
    /// What was read.
    pub gathered: &'a Gathered,
    /// What was decided.
    pub plan: &'a Plan<'a>,
    /// The request.
    pub request_id: &'a str,
}

/// Applies the plan; `look` is what stood in the secret.
///
/// # Errors
///
/// [`PromoteError`] for the first write that failed; `progress` says what was written until then.
pub async fn apply(
    job: &Job<'_>,
    look: Option<Look>,
    progress: &mut Progress,
) -> Result<Done, PromoteError> {
    job.copy_manifest().await?;
    let started = Instant::now();
    let settled = job.settle_stack(progress).await;
    progress.step("stack", started);
    settled?;
    let started = Instant::now();
    let source = job.settle_source(look, progress).await;
    progress.step("secret", started);
    let started = Instant::now();
    let definitions = job.register(&source, progress).await;
    progress.step("taskDefinitions", started);
    let definitions = definitions?;
    job.move_all(&definitions, progress).await?;
    let started = Instant::now();
    let removed = job.remove(progress).await;
    progress.step("removals", started);
    removed?;
    Ok(job.done(&source, definitions, progress))
}

impl Progress {
    /// The progress of an attempt; its log lines carry the names.
    #[must_use]
    pub fn new(wanted: &Wanted<'_>, request_id: &str) -> Self {
        let names = [wanted.id.app.as_str(), wanted.release.as_str(), request_id];
        Self {
            names: names.map(str::to_owned),
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

impl Job<'_> {
    /// The first write: a rollback sees the manifest that ran.
    async fn copy_manifest(&self) -> Result<(), PromoteError> {
        let Some(bytes) = &self.gathered.manifest_to_copy else {
            return Ok(());
        };
        let key = keys::release_manifest(&self.wanted.id.app, self.wanted.release);
        match self.shell.bucket.replace(&key, bytes.clone(), None).await? {
            Replaced::Yes(_) => Ok(()),
            Replaced::No => Err(PromoteError::ManifestRace { key }),
        }
    }

    fn done(&self, source: &EnvSource, definitions: Vec<Definition>, progress: &Progress) -> Done {
        let (delivery, secret) = match source {
            EnvSource::S3 { .. } => (EnvDelivery::S3, None),
            EnvSource::SecretsManager {
                secret_arn,
                version_id,
            } => {
                let secret = SecretVersion {
                    arn: secret_arn.clone(),
                    version_id: version_id.clone(),
                };
                (EnvDelivery::SecretsManager, Some(secret))
            }
        };
        let moves: Vec<Move> = self
            .plan
            .processes
            .iter()
            .zip(definitions)
            .map(|(process, new)| Move {
                name: process.name().to_owned(),
                is_timer: process.is_timer(),
                old: process.running().map(str::to_owned),
                changed: self.differs(process, &new.arn),
                new,
            })
            .collect();
        let of_kind = |timers| {
            let of_kind = moves.iter().filter(|moved| moved.is_timer == timers);
            of_kind
                .map(|moved| (moved.name.clone(), moved.new.clone()))
                .collect()
        };
        let applied = Applied {
            release: self.wanted.release.clone(),
            request_id: self.request_id.to_owned(),
            env_version_id: self.gathered.env_version_id.clone(),
            delivery,
            secret,
            services: of_kind(false),
            timers: of_kind(true),
            stack: Some(self.needs(progress)),
            cluster: Some(self.gathered.cluster.arn.clone()),
            network: self
                .has_network()
                .then(|| self.shell.config.network.clone()),
        };
        let removed = self.plan.removals.clone();
        Done {
            applied,
            moves,
            removed,
            removed_resources: self.plan.stack.removed.clone(),
        }
    }

    /// What the Release needs of the App's stack. A secret that could not be written may still be encrypted with a key of before.
    fn needs(&self, progress: &Progress) -> StackNeeds {
        let mut needs = self.plan.stack.needs.clone();
        let outcome = progress.outcome.as_ref();
        let failed = outcome.is_some_and(|outcome| outcome.result == OutcomeResult::Failed);
        if let Some(rack) = needs.rack.as_mut().filter(|_| failed) {
            rack.secret_keys.clone_from(&self.plan.stack.secret_keys);
        }
        needs
    }

    /// Whether anything of the App's own runs in the Rack's network.
    fn has_network(&self) -> bool {
        let mut processes = self.plan.processes.iter();
        processes.any(|process| {
            self.own_capacity(process)
                .is_some_and(|capacity| capacity.launch_type() == LaunchType::Fargate)
        })
    }
}
