//! What was read before anything is decided: types, and no call. `read` fills them, `plan` decides by them.

use std::collections::{BTreeMap, BTreeSet};

use aws::ecs::{EcsService, Instance, Registered, SeenCluster, SeenDefinition};
use aws::event_rules::SeenRule;
use aws::secrets::StandingSecret;
use chrono::{DateTime, Utc};
use lambda::release::ReadRelease;
use lambda::stranded::Stranded;
use lambda::unwanted::Unwanted;
use manifest::app_settings::AppSettings;
use manifest::precedence::{self, Decision};
use manifest::{Manifest, Service};
use names::{AppId, NameError, ReleaseId};
use promotion::{Allowed, Applied, Definition};
use release::problem::ReleaseProblem;
use release::stack_state::SeenStack;

use crate::config::Config;

/// The Release that is wanted.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// The App.
    pub id: &'a AppId,
    /// The Release.
    pub release: &'a ReleaseId,
    /// The S3 version of its environment.
    pub env_version_id: &'a str,
    /// What runs now.
    pub applied: Option<&'a Applied>,
    /// Whether an earlier attempt may have registered definitions that nobody wrote down.
    pub interrupted: bool,
    /// What may be taken away.
    pub allowed: Allowed,
}

impl Wanted<'_> {
    /// Whether there may be more than somebody wrote down: who stopped half-way left something, or the state is lost.
    #[must_use]
    pub fn may_find_more(&self) -> bool {
        self.interrupted || self.applied.is_none()
    }
}

/// Everything that a plan is made from.
pub struct Facts {
    /// The Release as the settings bucket holds it.
    pub release: ReadRelease,
    /// The bytes of its environment's object.
    pub environment_bytes: usize,
    /// Whether it gives no variable and the applied Release has some.
    pub environment_emptied: bool,
    /// The version that tasks read: the applied one where the bytes are equal.
    pub env_version_id: String,
    /// The delivery that Rack, App and convox.yml choose: it decides what else is read.
    pub decision: Decision,
    /// Settings of it that cannot be read.
    pub refused: Vec<ReleaseProblem>,
    /// The cluster.
    pub cluster: SeenCluster,
    /// The App's ECS services that are in another cluster.
    pub stranded: Option<Stranded>,
    /// The App's own stack.
    pub stack: Option<SeenStack>,
    /// The App's secret, where the settings choose Secrets Manager.
    pub secret: Option<StandingSecret>,
    /// What runs.
    pub surroundings: Surroundings,
    /// When it was read.
    pub now: DateTime<Utc>,
}

/// What runs, and what nobody wants any more.
pub struct Surroundings {
    /// ECS services of the manifest's Services, by name.
    pub services: BTreeMap<String, EcsService>,
    /// ECS services that `app.json` names, or named.
    pub named: Named,
    /// Rules of the manifest's Timers, by name.
    pub rules: BTreeMap<String, SeenRule>,
    /// The newest revision of each family, where an earlier attempt may have left one.
    pub newest: BTreeMap<String, Registered>,
    /// Applied revisions that nothing can be started with any more.
    pub dead: BTreeSet<String>,
    /// What starts the tasks on the cluster's own instances.
    pub agents: Agents,
    /// What carries a name of this App and is not the manifest's.
    pub unwanted: Unwanted,
}

impl Surroundings {
    /// The applied revisions that do not run, where something else does or nothing: then a deletion stopped half-way, or
    /// somebody else was at work, and they may be dead.
    #[must_use]
    pub fn idle(&self, applied: &Applied) -> BTreeSet<String> {
        let serves = |known: &&Definition| {
            let service = self.services.get(&known.runs_as);
            service.is_some_and(|service| service.task_definition == known.arn)
        };
        let fires = |known: &&Definition| {
            let rule = self.rules.get(&known.runs_as);
            let target = rule.and_then(|rule| rule.target.as_ref());
            target.is_some_and(|target| target.task_definition == known.arn)
        };
        let idle = applied.services.values().filter(|known| !serves(known));
        let idle = idle.chain(applied.timers.values().filter(|known| !fires(known)));
        idle.map(|known| known.arn.clone()).collect()
    }
}

/// The delivery of a Release, and what of its settings cannot be read.
#[must_use]
pub fn decide_delivery(
    config: &Config,
    settings: &AppSettings,
    manifest: &Manifest,
) -> (Decision, Vec<ReleaseProblem>) {
    let rack = &config.release.secrets_manager_env;
    let (decision, refused) = precedence::of_release(rack, settings, manifest);
    let refused = refused.into_iter().map(ReleaseProblem::from);
    (decision, refused.collect())
}

/// ECS services that are, or were, lent to the App.
#[derive(Debug, Default)]
pub struct Named {
    /// What those that `app.json` names run, by ECS service.
    pub running: BTreeMap<String, SeenDefinition>,
    /// Those that it no longer names.
    pub former: Vec<EcsService>,
}

/// What is known of the ECS agents of the cluster's own instances.
pub enum Agents {
    /// Nothing depends on them.
    NotAsked,
    /// They could not be asked, which stops no promote.
    Unknown {
        /// Why.
        reason: String,
    },
    /// All instances of the cluster.
    Known(Vec<Instance>),
}

/// The name of the ECS service that a Service moves.
///
/// # Errors
///
/// [`NameError`] for a name that ECS would refuse.
pub fn ecs_service_name(
    id: &AppId,
    settings: &AppSettings,
    service: &Service,
) -> Result<String, NameError> {
    match settings.services.get(&service.name) {
        Some(existing) => Ok(existing.name.clone()),
        None => id.service(&service.name),
    }
}
