//! What a promote will write, or why it cannot: everything that can be known to fail is found here, before the first
//! write. Pure.

mod capacity;
mod checks;
mod commands;
mod copied;
mod count;
mod delivery;
mod deployment;
mod gateways;
mod handover;
mod ingress;
mod joined;
mod lost;
mod movement;
mod named_arns;
mod named_services;
mod network;
mod notice;
mod outage;
mod platform;
mod policies;
mod problem;
mod process;
mod removals;
mod revision;
mod scaling;
mod stack;
mod strategies;
mod ties;
mod versions;

use std::collections::{BTreeMap, BTreeSet};

use environment::{RESERVED_KEYS, SET_BY_ECS};
use lambda::unwanted::Removals;
use manifest::precedence::{self, Decision, EnvDelivery, EnvVersion};
use names::AppId;
use promotion::{MayStand, Was};
use release::release_checks::ReleaseNotice;
use release::timer_rule::Network;

use crate::config::Config;
use crate::error::PromoteError;
use crate::facts::{Facts, Wanted};

use delivery::{Rendered, SecretDraft, release, s3_source};
use notice::Notice;
use revision::Draft;

pub use commands::{
    CommandStep, command_steps, failed, next_command, others_at_work, runs, with_commands,
};
pub use delivery::{SecretImpossible, SecretPlan, SecretStep};
pub use ingress::IngressPlan;
pub(crate) use movement::is_disabled;
pub use movement::{Action, NewEcsService, ServiceMove, TimerPut, TimerStep};
pub use network::{network_of, of_app};
pub(crate) use problem::PlanProblem;
pub use process::{Process, Runs};
pub use revision::{Known, ProcessStep, Revision, RevisionKind, Route};
pub use stack::{StackPlan, outputs};
pub use versions::kept_after;

/// What will be written.
pub struct Plan<'a> {
    /// The delivery that is wanted, and the level that decided it.
    pub decision: Decision,
    /// The step that brings the App's own stack to what the Release needs.
    pub stack: StackPlan,
    /// The network of what is the App's own.
    pub network: Network,
    /// How it is reached.
    pub ingress: IngressPlan<'a>,
    /// Whether the secret is written, or why it is not.
    pub secret: SecretStep<'a>,
    /// The steps of Services and Timers where S3 delivers: in the secret's place, what this Release does not change keeps its
    /// version of the secret.
    pub s3: Route<'a>,
    /// The Services and then the Timers, each in the manifest's order.
    pub processes: Vec<Process<'a>>,
    /// What runs for Services and Timers that convox.yml no longer has.
    pub removals: Removals,
    /// An ECS service that is on its way out, whose name the Release needs.
    pub draining: Option<String>,
    /// A deployment of ECS that has to end before, in words.
    pub deploying: Option<String>,
    /// What the user should know although it does not stop the promote.
    pub warnings: Vec<String>,
}

impl Plan<'_> {
    /// What of the Release has to be looked for from now on.
    #[must_use]
    pub fn may_stand(&self, id: &AppId) -> MayStand {
        let processes = || self.processes.iter();
        MayStand {
            schedules: processes().any(|process| process.timezone().is_some()),
            connectors: processes().any(|process| !process.connectors(id).is_empty()),
        }
    }

    /// The revisions of before that Services and Timers are moved to.
    #[must_use]
    pub fn goes_back_to(&self) -> BTreeSet<String> {
        let through_secret = match &self.secret {
            SecretStep::Write(secret) => Some(&secret.route),
            _ => None,
        };
        let routes = through_secret.into_iter().chain([&self.s3]);
        let steps = routes.flat_map(|route| &route.steps);
        let reused = steps.filter_map(|step| match &step.revision {
            Revision::Reuse(known) if step.moves => Some(known.arn.clone()),
            _ => None,
        });
        reused.collect()
    }

    /// What of ECS services is changed that is their users' where convox.yml does not change, as it stands.
    #[must_use]
    pub fn changes(&self) -> BTreeMap<&str, Was> {
        let moves = self.s3.steps.iter().filter_map(|step| match &step.action {
            Action::Move(moved) => Some((moved.found.name.as_str(), moved.changes())),
            Action::Create(_) | Action::Put(_) => None,
        });
        moves.collect()
    }

    /// What the promote waits for before it changes anything of the Release, if it has to.
    #[must_use]
    pub fn waits_for(&self, id: &AppId) -> Option<PromoteError> {
        let service = self.draining.clone();
        let draining = service.map(|service| PromoteError::Draining { service });
        let reason = self.deploying.clone();
        let deploying = reason.map(|reason| PromoteError::DeploymentAtWork { reason });
        let waits = draining.or(deploying);
        waits.or_else(|| self.stack.waits(id))
    }
}

/// The warning that S3 delivers although Secrets Manager was wanted.
#[must_use]
pub fn not_used(reason: &str) -> String {
    Notice::SecretNotUsed { reason }.to_string()
}

/// The warning that the secret's version of the Release is not the current one, although tasks read it.
#[must_use]
pub fn not_current(reason: &str) -> String {
    Notice::NotCurrent { reason }.to_string()
}

/// The warning that a version that nothing starts with any more still has its label.
#[must_use]
pub fn not_forgotten(version_id: &str, reason: &str) -> String {
    Notice::NotForgotten { version_id, reason }.to_string()
}

impl Plan<'_> {
    /// The warning of a delivery through S3, with the Services whose images have to know it: not those that keep a version of the
    /// secret. `None` where those are all.
    #[must_use]
    pub fn s3_reminder(&self) -> Option<String> {
        let steps = self.processes.iter().zip(&self.s3.steps);
        let through_s3 = steps.filter(|(_, step)| !step.keeps_a_version());
        let mut services: Vec<String> = Vec::new();
        for (process, _) in through_s3 {
            let name = process.service.name.to_string();
            if !services.contains(&name) {
                services.push(name);
            }
        }
        let is_needed = !services.is_empty();
        is_needed.then(|| ReleaseNotice::NeedsConvoxEnv { services }.to_string())
    }
}

/// Decides everything.
///
/// # Errors
///
/// [`PromoteError::Input`] with every problem at once.
pub fn plan<'a>(
    config: &'a Config,
    wanted: &Wanted<'a>,
    facts: &'a Facts,
    request_id: &str,
) -> Result<Plan<'a>, PromoteError> {
    let mut checks = checks::Checks::of_release(config, wanted, facts);
    let services = checks.services(config, wanted, facts);
    let timers = checks.timers(config, wanted, facts);
    let processes: Vec<Process<'a>> = services.into_iter().chain(timers).collect();
    checks.gateways(config, (wanted, facts), &processes);
    let ingress = checks.ingress(config, wanted, facts, &processes);
    let stack = checks.stack(config, wanted, facts, (&processes, &ingress, request_id));
    checks.still(
        (wanted, facts),
        (&processes, &ingress.routes),
        stack.as_ref(),
    );
    let (outputs, links) = (outputs(facts), ingress.links());
    checks.links(config, facts, &links);
    let release = release(config, wanted, facts, (&outputs, &links));
    let network = stack.as_ref().map_or_else(
        || network::of_app(config, facts),
        |stack| stack.network(config, facts),
    );
    let draft = Draft {
        config,
        wanted,
        facts,
        processes: &processes,
        release: &release,
        network: &network,
        ingress: &ingress,
    };
    let (mut s3, through_s3) = checks.route(&draft, s3_source(config, wanted, facts));
    let SecretDraft {
        step: secret,
        kept,
        rendered: through_secret,
    } = checks.secret(&draft);
    if through_secret.is_some() {
        draft.keep(&mut s3, kept);
        checks.outage(facts, &through_s3);
    } else {
        checks.size(&through_s3);
        checks.start(&draft, &s3);
    }
    checks.platforms(config, &through_s3);
    checks.lost_definitions(wanted, facts, &processes, &release);
    let rendered = through_secret.as_deref().unwrap_or(&through_s3);
    let warnings = warnings(&draft, rendered);
    let (draining, deploying) = (checks.draining.take(), checks.deploying.take());
    let (warnings, stack) = checks.into_result(stack, warnings)?;
    let removals = Removals::of(wanted.id, &facts.surroundings.unwanted);
    Ok(Plan {
        decision: facts.decision,
        stack,
        network,
        ingress,
        secret,
        s3,
        processes,
        removals,
        draining,
        deploying,
        warnings,
    })
}

/// What the user should know: of what was read first, then of what was decided.
fn warnings(draft: &Draft<'_, '_>, rendered: &[Rendered<'_>]) -> Vec<String> {
    let Draft {
        config,
        wanted,
        facts,
        processes,
        ..
    } = *draft;
    let mut warnings = warnings_of_release(facts);
    warnings.extend(network::warnings(config, wanted, facts, processes));
    warnings.extend(precedence::ignored_no(
        &facts.release.settings,
        facts.decision,
    ));
    warnings.extend(removals::warnings(wanted, facts));
    warnings.extend(named_services::left_behind(wanted, facts));
    warnings.extend(platform::warnings(config, facts, rendered));
    warnings.extend(removed_keys(facts));
    warnings
}

/// The keys that revisions of before would look for in vain: where references name no version, they read the secret as it is now.
fn removed_keys(facts: &Facts) -> Vec<String> {
    let is_current = facts.decision.delivery == EnvDelivery::SecretsManager
        && facts.env_version == EnvVersion::Current;
    let Some(before) = facts.before().filter(|_| is_current) else {
        return Vec::new();
    };
    let removed = before
        .changes_to(&facts.release.environment.environment)
        .removed;
    let warning = |key: &String| {
        let services = facts.release.manifest.services.iter();
        let services = services.filter(|service| service.declares(key));
        let services: Vec<&str> = services.map(|service| service.name.as_str()).collect();
        let names = services.join(", ");
        (!services.is_empty()).then(|| Notice::KeyRemoved { key, names: &names }.to_string())
    };
    removed.iter().filter_map(warning).collect()
}

fn warnings_of_release(facts: &Facts) -> Vec<String> {
    let mut warnings = facts.release.environment.warnings.clone();
    warnings.extend(facts.release.manifest.warnings.iter().cloned());
    warnings.extend(facts.release.settings.warnings.iter().cloned());
    warnings.extend(facts.release.resources.notices.iter().cloned());
    for service in &facts.release.manifest.services {
        let without_effect = RESERVED_KEYS.iter().chain([&SET_BY_ECS]);
        for name in without_effect.filter(|name| service.has_default(name)) {
            let service = &service.name;
            warnings.push(Notice::ReservedDefault { service, name }.to_string());
        }
    }
    let known: BTreeMap<_, _> = facts
        .release
        .manifest
        .services
        .iter()
        .map(|service| (&service.name, service))
        .collect();
    for service in facts
        .release
        .settings
        .services
        .keys()
        .filter(|name| !known.contains_key(name))
    {
        warnings.push(Notice::NamedForNobody { service }.to_string());
    }
    warnings
}
