//! All writes of a promote, in order: the stack; manifest copy, secret and task definitions; release commands; services, rules
//! and the labels of the secret; removals. Each can be repeated.

mod commands;
mod moves;
mod perform;
mod register;
mod source;
mod stack;

use std::collections::BTreeSet;
use std::time::Instant;

use aws::secrets::Written;
use aws::settings_bucket::Replaced;
use chrono::{DateTime, Utc};
use futures_util::future::join;
use lambda::state_store::StateObjects as _;
use lambda::unwanted::Removals;
use manifest::capacity::LaunchType;
use manifest::precedence::EnvDelivery;
use manifest::{DeploymentChange, Service};
use names::error_chain::Chain;
use names::keys;
use promotion::verdict::{Moved, Watch};
use promotion::{Applied, Definition, KeptVersion, OutcomeResult, SecretVersion};
use release::app_stack::{RemovedResource, StackNeeds};
use release::stack_state::SeenStack;
use release::task_definition::EnvSource;

use crate::edge::Edge;
use crate::error::PromoteError;
use crate::facts::{Facts, Wanted};
use crate::plan::{self, Plan, Process, RevisionKind, SecretStep};
use crate::progress::Progress;
use crate::reservations;
use source::{Settled, timed};

pub use perform::{Executor, Run};

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
    /// What ran a Timer before where the other kind does now.
    pub came_from: Option<&'static str>,
    /// How many tasks it was and is to run, where that changed.
    pub counts: Option<(u32, u32)>,
    /// What of its deployments changed.
    pub deployment: Vec<DeploymentChange>,
    /// Whether it is to have tasks that run all the time.
    pub has_tasks: bool,
    /// Where the revision comes from.
    pub revision: RevisionKind,
    /// The addresses under which it is reached, as they may be shown.
    pub addresses: Vec<String>,
}

impl Done {
    /// Notes what of the Release has to be waited for, since `began`: its request has that record.
    pub fn watch(&mut self, before: Option<&Applied>, record: String, began: DateTime<Utc>) {
        let services = self.moves.iter().filter(|moved| !moved.is_timer);
        let services = services.map(|moved| Moved {
            name: &moved.name,
            changed: moved.changed,
            has_tasks: moved.has_tasks,
            before: moved.old.as_deref(),
        });
        self.applied.watch = Watch::of(services, before, record, began);
    }
}

/// What is applied.
pub struct Job<'a, E> {
    /// AWS.
    pub edge: &'a E,
    /// The Release.
    pub wanted: &'a Wanted<'a>,
    /// What was read.
    pub facts: &'a Facts,
    /// What was decided.
    pub plan: &'a Plan<'a>,
    /// The Service whose release command is to be started before anything moves.
    pub command: Option<&'a Service>,
    /// The request.
    pub request_id: &'a str,
    /// When Lambda ends the invocation.
    pub ends_at: DateTime<Utc>,
}

/// Executes the plan.
///
/// # Errors
///
/// [`PromoteError`] for the first write that failed; `progress` says what was written until then.
pub async fn apply<E: Edge>(
    job: &Job<'_, E>,
    progress: &mut Progress,
) -> Result<Done, PromoteError> {
    let is_ready = job.plan.stack.is_ready();
    if !is_ready {
        let (copied, (settled, took)) =
            join(job.copy_manifest(), timed(job.settle_stack(progress))).await;
        progress.took("stack", took);
        copied?;
        settled?;
    }
    // No task sees any of it before a service or a rule names it, and each can be repeated.
    let copied = async {
        if is_ready {
            return job.copy_manifest().await;
        }
        Ok(())
    };
    let (copied, settled) = join(copied, job.settle(progress)).await;
    copied?;
    let settled = settled?;
    if let Some(service) = job.command {
        return Err(job.run_command(service, &settled, progress).await);
    }
    let (route, definitions) = (&settled.route, &settled.definitions);
    let by_label = match &job.plan.secret {
        SecretStep::Write(secret) => secret.by_label,
        _ => false,
    };
    let written = settled.written.as_ref();
    let kept = plan::kept_after(job.wanted, job.facts, (definitions, by_label), written);
    // Tasks read their version by its id, and nothing is started with what is forgotten.
    let labels = async {
        let current = job.make_current(&settled).await;
        let left = job.forget(&kept.forgotten, written).await;
        (current, left)
    };
    let (moved, (current, left)) = join(job.move_all(route, definitions, progress), labels).await;
    if let Some((current, took)) = current {
        progress.took("secret", took);
        job.note_current(current, progress);
    }
    let mut versions = kept.versions;
    if let Some(left) = left {
        progress.warnings.push(left.warning);
        versions.extend(left.versions);
    }
    moved?;
    job.scale(progress).await?;
    let started = Instant::now();
    let removed = job.remove(progress).await;
    progress.step("removals", started);
    removed?;
    reservations::give_back(job).await?;
    Ok(job.done(settled, versions, progress))
}

/// Versions of the secret that could not be forgotten.
struct NotForgotten {
    versions: Vec<KeptVersion>,
    warning: String,
}

impl<E: Edge> Job<'_, E> {
    /// Among the first writes: a rollback sees the manifest that ran.
    async fn copy_manifest(&self) -> Result<(), PromoteError> {
        let Some(bytes) = &self.facts.release.manifest_to_copy else {
            return Ok(());
        };
        let key = keys::release_manifest(&self.wanted.id.app, self.wanted.release);
        match self
            .edge
            .objects()
            .replace(&key, bytes.clone(), None)
            .await?
        {
            Replaced::Yes(_) => Ok(()),
            Replaced::No => Err(PromoteError::ManifestRace { key }),
        }
    }

    fn done(&self, settled: Settled<'_>, versions: Vec<KeptVersion>, progress: &Progress) -> Done {
        let Settled {
            route, definitions, ..
        } = settled;
        let (delivery, secret) = match &route.source {
            EnvSource::S3 { .. } => (EnvDelivery::S3, None),
            EnvSource::SecretsManager {
                secret_arn,
                version_id,
                ..
            } => {
                let secret = SecretVersion {
                    arn: secret_arn.clone(),
                    version_id: version_id.clone(),
                };
                (EnvDelivery::SecretsManager, Some(secret))
            }
        };
        let processes = self.plan.processes.iter().zip(&route.steps);
        let moves: Vec<Move> = processes
            .zip(definitions)
            .map(|((process, step), new)| Move {
                name: process.name().to_owned(),
                is_timer: process.is_timer(),
                old: self.ran_before(process, &new),
                changed: step.moves || self.was_moved_before(process, &new),
                came_from: step.action.moves_from(),
                counts: step.action.counts(),
                deployment: step.action.deployment(),
                has_tasks: match step.action.counts() {
                    Some((_, count)) => count > 0,
                    None => process.has_tasks(),
                },
                revision: step.revision.kind(),
                addresses: self.plan.ingress.addresses(process),
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
            env_version_id: self.facts.env_version_id.clone(),
            delivery,
            secret,
            services: of_kind(false),
            timers: of_kind(true),
            versions,
            going_back_to: BTreeSet::new(),
            stack: Some(self.needs(progress)),
            cluster: Some(self.facts.cluster.arn.clone()),
            network: self.has_network().then(|| self.plan.network.clone()),
            stack_digest: self.facts.stack.as_ref().map(SeenStack::digest),
            watch: None,
        };
        let removed = self.plan.removals.clone();
        Done {
            applied,
            moves,
            removed,
            removed_resources: self.plan.stack.removed.clone(),
        }
    }

    /// Whether an attempt before this one may have moved it to `new`: it runs that already, and nothing applied does.
    fn was_moved_before(&self, process: &Process<'_>, new: &Definition) -> bool {
        let applied = self.wanted.applied.and_then(|it| process.applied(it));
        let is_applied = applied.is_some_and(|applied| applied.arn == new.arn);
        self.wanted.interrupted && !is_applied && process.running() == Some(&new.arn)
    }

    /// What it ran before the request.
    fn ran_before(&self, process: &Process<'_>, new: &Definition) -> Option<String> {
        if self.was_moved_before(process, new) {
            let applied = self.wanted.applied.and_then(|it| process.applied(it));
            return applied.map(|applied| applied.arn.clone());
        }
        process.running().map(str::to_owned)
    }

    /// Forgets versions of the secret. What could not be forgotten is kept: there are more then.
    async fn forget(
        &self,
        forgotten: &[String],
        written: Option<&Written>,
    ) -> Option<NotForgotten> {
        let arn = &written?.arn;
        let standing = self.facts.secret.as_ref();
        let stages = standing.and_then(|standing| standing.stages());
        for (place, version_id) in forgotten.iter().enumerate() {
            let has_short_label = stages.is_some_and(|stages| stages.has_short_label(version_id));
            let call = self
                .edge
                .forget(self.wanted.id, arn, version_id, has_short_label);
            let Err(err) = call.await else {
                continue;
            };
            // The others are left too: each call may take all the time that Secrets Manager has.
            let left: BTreeSet<&String> = forgotten.iter().skip(place).collect();
            let applied = self.wanted.applied.into_iter();
            let recorded = applied.flat_map(|applied| &applied.versions);
            let stay = recorded.filter(|version| left.contains(&version.id));
            return Some(NotForgotten {
                versions: stay.cloned().collect(),
                warning: plan::not_forgotten(version_id, &Chain(&err).to_string()),
            });
        }
        None
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

    /// Whether anything of the App's own runs in a network.
    fn has_network(&self) -> bool {
        let mut processes = self.plan.processes.iter();
        processes.any(|process| {
            let own = process.own_capacity(self.wanted.id);
            own.is_some_and(|capacity| capacity.launch_type() == LaunchType::Fargate)
        })
    }
}
