//! What was read before anything is decided: types, and no call. `read` fills them, `plan` decides by them.

use std::collections::{BTreeMap, BTreeSet};

use aws::ecs::{
    AtGateways, EcsService, Instance, Registered, SeenCluster, SeenDefinition, SeenGateway,
};
use aws::event_rules::SeenRule;
use aws::schedules::SeenSchedule;
use aws::secrets::{self, StandingSecret};
use chrono::{DateTime, Utc};
use environment::{Environment, KeyChanges};
use lambda::release::ReadRelease;
use lambda::state_store::Snapshot;
use lambda::stranded::Stranded;
use lambda::unwanted::Unwanted;
use lambda::work::RecordRead;
use manifest::app_settings::AppSettings;
use manifest::precedence::{self, Decision, EnvVersion};
use manifest::{Manifest, Service};
use names::{AppId, NameError, ReleaseId, keys};
use promotion::{Allowed, Applied, Definition, MayStand, Record};
use release::entrance::Reservations;
use release::problem::ReleaseProblem;
use release::stack_state::SeenStack;
use release::timer_rule::TimerTarget;

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
    /// Whether that is a draft; only a dry run plans one.
    pub is_draft: bool,
    /// What runs now.
    pub applied: Option<&'a Applied>,
    /// What the Release ran when it was live before, where that was read with the state.
    pub record: &'a RecordRead,
    /// Whether an earlier attempt may have registered definitions that nobody wrote down.
    pub interrupted: bool,
    /// What may be taken away.
    pub allowed: Allowed,
    /// What has to be looked for.
    pub may_stand: MayStand,
}

impl Wanted<'_> {
    /// The object that its environment is in.
    #[must_use]
    pub fn environment_key(&self) -> String {
        let key = if self.is_draft {
            keys::draft
        } else {
            keys::environment
        };
        key(&self.id.app, self.release)
    }

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
    /// The revisions of the Release when it was live before, with this very environment.
    pub record: Option<Record>,
    /// Whether there is a record of the Release, whatever its environment was then, and another one is applied.
    pub was_live: bool,
    /// The applied Release's environment, or why nobody can read it any more; `None` where nothing is applied.
    pub applied_environment: Option<Result<Environment, String>>,
    /// The version that tasks read: the applied one where the bytes are equal.
    pub env_version_id: String,
    /// The delivery that Rack, App and convox.yml choose: it decides what else is read.
    pub decision: Decision,
    /// Which version of the secret references name.
    pub env_version: EnvVersion,
    /// Settings of it that cannot be read.
    pub refused: Vec<ReleaseProblem>,
    /// The cluster.
    pub cluster: SeenCluster,
    /// The App's ECS services that are in another cluster.
    pub stranded: Option<Stranded>,
    /// The App's own stack.
    pub stack: Option<SeenStack>,
    /// Which App has which hosts and rule priorities; none where the Rack has no load balancer.
    pub reservations: Snapshot<Reservations>,
    /// The App's secret, where the settings choose Secrets Manager.
    pub secret: Option<StandingSecret>,
    /// The customer key of secrets, if there is one.
    pub secret_key_arn: Option<String>,
    /// The ids that the version of it with this environment can have, in the order in which they are tried.
    pub version_ids: Vec<String>,
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
    /// Schedules of the manifest's Timers, by name; none where none can stand.
    pub schedules: BTreeMap<String, SeenSchedule>,
    /// The newest revision of each family, where an earlier attempt may have left one.
    pub newest: BTreeMap<String, Registered>,
    /// Applied and recorded revisions that nothing can be started with any more.
    pub dead: BTreeSet<String>,
    /// What the revisions refer to that may run and are not applied: ECS went back to them, or an attempt died.
    pub elsewhere: BTreeSet<String>,
    /// The ARNs of the target groups with the tasks of now, of ECS services of the App's own that ECS moves requests for.
    pub live_groups: BTreeSet<String>,
    /// The gateways that services of the cluster can use; none where convox.yml asks for none.
    pub gateways: Vec<SeenGateway>,
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
            let target = self.timer_target(known);
            target.is_some_and(|target| target.task_definition == known.arn)
        };
        let idle = applied.services.values().filter(|known| !serves(known));
        let idle = idle.chain(applied.timers.values().filter(|known| !fires(known)));
        idle.map(|known| known.arn.clone()).collect()
    }
}

impl Surroundings {
    /// Whether what attaches ECS services to gateways is looked at: some may be, or convox.yml wants one to be. Where the state is lost,
    /// what runs says whether it may.
    #[must_use]
    pub fn looks_at_connectors(&self, wanted: &Wanted<'_>, manifest: &Manifest) -> bool {
        let may_be = |service: &EcsService| {
            let mut newest = self.newest.values();
            let runs = newest.find(|newest| newest.arn == service.task_definition);
            wanted.id.owns(&service.tags) && runs.is_none_or(|runs| runs.has_gateway_port)
        };
        let is_lost = wanted.applied.is_none();
        wanted.may_stand.connectors
            || manifest.services.iter().any(|service| service.gateway)
            || is_lost && self.services.values().any(may_be)
    }

    /// Notes how ECS services are attached to gateways, by name.
    pub fn attach(&mut self, mut at_gateways: BTreeMap<String, AtGateways>) {
        let services = self.services.values_mut();
        for service in services.chain(&mut self.unwanted.services) {
            if let Some(at) = at_gateways.remove(&service.name) {
                service.at_gateways = at;
            }
        }
    }

    /// The task that the rule or the schedule of an applied Timer starts, where that is the manifest's too.
    #[must_use]
    pub fn timer_target(&self, known: &Definition) -> Option<&TimerTarget> {
        let name = &known.runs_as;
        if known.timezone.is_some() {
            return self.schedules.get(name)?.target();
        }
        self.rules.get(name)?.target.as_ref()
    }

    /// The tasks that all rules and schedules of the App start, wanted or not.
    pub fn timer_targets(&self) -> impl Iterator<Item = &TimerTarget> {
        let rules = self.rules.values().filter_map(|rule| rule.target.as_ref());
        let schedules = self.schedules.values().filter_map(SeenSchedule::target);
        rules.chain(schedules).chain(self.unwanted.timer_targets())
    }
}

impl Facts {
    /// The applied Release's environment, where there is one that can be read.
    #[must_use]
    pub fn before(&self) -> Option<&Environment> {
        self.applied_environment.as_ref()?.as_ref().ok()
    }

    /// Which keys differ from those of the applied Release; `None` where that cannot be read any more.
    #[must_use]
    pub fn key_changes(&self) -> Option<KeyChanges> {
        let none = Environment::default();
        let before = match &self.applied_environment {
            None => &none,
            Some(before) => before.as_ref().ok()?,
        };
        Some(before.changes_to(&self.release.environment.environment))
    }

    /// Whether the environment gives no variable and the applied Release has some. One that cannot be read any more counts as
    /// one that has some, which the request can say is meant.
    #[must_use]
    pub fn is_emptied(&self, wanted: &Wanted<'_>) -> bool {
        wanted.applied.is_some()
            && !wanted.allowed.removal
            && self.release.environment.environment.is_empty()
            && self.before().is_none_or(|before| !before.is_empty())
    }
}

impl Surroundings {
    /// The App's revisions that may run, by what stands, and are not applied.
    #[must_use]
    pub fn not_applied(&self, wanted: &Wanted<'_>) -> Vec<String> {
        let applied = wanted.applied.into_iter().flat_map(Applied::definitions);
        let applied: BTreeSet<&String> = applied.map(|known| &known.arn).collect();
        let services = self.services.values().chain(&self.unwanted.services);
        let of_services = services.flat_map(|service| {
            let others = service.may_run.iter();
            others.chain([&service.task_definition])
        });
        let of_timers = self.timer_targets().map(|target| &target.task_definition);
        let all: BTreeSet<&String> = of_services.chain(of_timers).collect();
        let others = all.difference(&applied);
        let ours = others.filter(|arn| wanted.id.names_definition(arn));
        ours.map(|arn| (*arn).clone()).collect()
    }
}

/// What the settings of Rack, App and convox.yml choose, and what of them cannot be read.
#[must_use]
pub fn decide_delivery(
    config: &Config,
    settings: &AppSettings,
    manifest: &Manifest,
) -> (Decision, EnvVersion, Vec<ReleaseProblem>) {
    let config = &config.release;
    let (decision, mut refused) =
        precedence::of_release(&config.secrets_manager_env, settings, manifest);
    let rack = &config.secrets_manager_env_version;
    let (env_version, refused_version) = precedence::version_of_release(rack, manifest);
    refused.extend(refused_version);
    let refused = refused.into_iter().map(ReleaseProblem::from);
    (decision, env_version, refused.collect())
}

/// The ids that the version of the secret with `environment` can have: that of the applied Release where the bytes are equal,
/// whatever the Release is called, since every new one costs a version, its label, and a restart of all that reads it.
#[must_use]
pub fn version_ids(
    config: &Config,
    wanted: &Wanted<'_>,
    env_version_id: &str,
    environment: &Environment,
    before: Option<&Environment>,
) -> Vec<String> {
    let key_arn = config.secret_key_arn.as_deref();
    let own = secrets::ids(wanted.id, wanted.release, env_version_id, key_arn);
    let applied = wanted.applied.filter(|applied| {
        let secret = applied.secret.as_ref();
        secret.is_some_and(|secret| !applied.is_under_another_key(&secret.version_id, key_arn))
    });
    let applied = applied.and_then(|applied| applied.secret.as_ref());
    let equal = before.filter(|before| before.to_secret_string() == environment.to_secret_string());
    let applied = applied.filter(|_| equal.is_some());
    let applied = applied.map(|applied| applied.version_id.clone());
    let mut ids = own;
    if let Some(applied) = applied {
        ids.retain(|id| *id != applied);
        ids.insert(0, applied);
    }
    ids
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
