//! What an undo looks at before anything is decided. What is read for good or not at all is plain data.

use std::collections::{BTreeMap, BTreeSet};

use aws::call_error::{CallError, ErrorClass};
use aws::ecs::{EcsService, SeenCluster, is_same_cluster};
use aws::event_rules::SeenRule;
use aws::schedules::SeenSchedule;
use aws::secrets::{ReadableSecret, SecretError};
use futures_util::{StreamExt as _, stream};
use lambda::intake::Failure as _;
use lambda::unwanted::{Keep, Unwanted};
use manifest::Manifest;
use promotion::Definition;
use release::stack_state::SeenStack;
use release::timer_rule::TimerTarget;

use super::Case;
use crate::config::Config;
use crate::edge::Edge;
use crate::error::PromoteError;

/// Looks under way at once.
const LOOKS_AT_ONCE: usize = 8;

/// What a call saw, or why it never will.
pub(super) type Look<T> = Result<T, CallError>;

/// What stands.
pub(super) struct Seen {
    /// The secret, where a version of it may have to be put back; an error where tasks cannot read it.
    pub(super) secret: Option<Result<ReadableSecret, SecretError>>,
    /// The ECS services in question that exist, by name; none where they are in another cluster.
    pub(super) services: Look<BTreeMap<String, EcsService>>,
    /// The manifest of the applied Release, where one of them is gone.
    pub(super) manifest: Option<Result<Manifest, PromoteError>>,
    /// The rules in question, by name.
    pub(super) rules: BTreeMap<String, Look<Option<SeenRule>>>,
    /// The schedules in question, by name; none where none can stand.
    pub(super) schedules: BTreeMap<String, Look<Option<SeenSchedule>>>,
    /// Whether the revisions that rules and schedules go back to can still be started, by name: of those that start another one, where a
    /// deletion may have deregistered it.
    pub(super) active: BTreeMap<String, Look<bool>>,
    /// The cluster, where nobody wrote down in which one a rule starts its tasks.
    pub(super) cluster: Option<Look<Option<SeenCluster>>>,
    /// What may have been created, where anything was.
    pub(super) unwanted: Option<Look<Unwanted>>,
    /// The App's stack, where it may have been changed.
    pub(super) stack: Option<Look<Option<SeenStack>>>,
}

impl<'a> Case<'a> {
    /// The cluster that the ECS services are in, where it is not the Rack's any more.
    pub(super) fn elsewhere(&self, config: &Config) -> Option<&'a str> {
        let former = self.applied.cluster.as_deref();
        former.filter(|former| !is_same_cluster(&config.release.cluster, former))
    }
}

/// Reads it.
///
/// # Errors
///
/// [`PromoteError`] of the transient class.
pub(super) async fn read<E: Edge>(edge: &E, case: &Case<'_>) -> Result<Seen, PromoteError> {
    let secret = if case.names_the_secret() {
        Some(edge.readable_secret(case.id).await)
    } else {
        None
    };
    let services = services(edge, case).await?;
    let is_gone = |known: &Definition| {
        let seen = services.as_ref().ok();
        seen.is_some_and(|seen| !seen.contains_key(&known.runs_as))
    };
    let here = case.elsewhere(edge.config()).is_none();
    let gone = here && case.services().iter().any(|(_, known)| is_gone(known));
    let manifest = if gone {
        Some(manifest(edge, case).await?)
    } else {
        None
    };
    let names = case.timers().into_iter();
    let names = names.map(|(_, known)| (known.runs_as.clone(), known.runs_as.clone()));
    let names: Vec<(String, String)> = names.collect();
    let asked = if case.may_stand.schedules {
        names.clone()
    } else {
        Vec::new()
    };
    let rules = looks(names, async |name| edge.rule(name).await).await?;
    let schedules = looks(asked, async |name| edge.schedule(name).await).await?;
    let timers = Timers {
        rules: &rules,
        schedules: &schedules,
    };
    let active = active(edge, case, timers).await?;
    let mut known = case.timers().into_iter();
    let lacks_target = known.any(|(_, known)| timers.lacks_target(known));
    let cluster = if case.applied.cluster.is_none() && lacks_target {
        Some(kept(edge.cluster().await)?)
    } else {
        None
    };
    let unwanted = if case.created {
        Some(unwanted(edge, case).await?)
    } else {
        None
    };
    let stack = if case.interrupted && case.applied.stack_digest.is_some() {
        Some(kept(edge.stack(case.id).await)?)
    } else {
        None
    };
    Ok(Seen {
        secret,
        services,
        manifest,
        rules,
        schedules,
        active,
        cluster,
        unwanted,
        stack,
    })
}

/// What failed for good is kept.
fn kept<T>(look: Look<T>) -> Result<Look<T>, PromoteError> {
    match look {
        Err(err) if err.class() == ErrorClass::Transient => Err(err.into()),
        look => Ok(look),
    }
}

async fn services<E: Edge>(
    edge: &E,
    case: &Case<'_>,
) -> Result<Look<BTreeMap<String, EcsService>>, PromoteError> {
    let names = case.services().into_iter();
    let names: Vec<String> = names.map(|(_, known)| known.runs_as.clone()).collect();
    if names.is_empty() || case.elsewhere(edge.config()).is_some() {
        return Ok(Ok(BTreeMap::new()));
    }
    let services = match kept(edge.services(&names).await)? {
        Ok(services) if case.may_stand.connectors => kept(attached(edge, case, services).await)?,
        services => services,
    };
    Ok(services)
}

/// The same, with how those of ours are attached to gateways.
async fn attached<E: Edge>(
    edge: &E,
    case: &Case<'_>,
    mut services: BTreeMap<String, EcsService>,
) -> Look<BTreeMap<String, EcsService>> {
    let own = services.values().filter(|it| case.id.owns(&it.tags));
    let own: Vec<&EcsService> = own.collect();
    for (name, at_gateways) in edge.at_gateways(&own).await? {
        if let Some(service) = services.get_mut(&name) {
            service.at_gateways = at_gateways;
        }
    }
    Ok(services)
}

async fn active<E: Edge>(
    edge: &E,
    case: &Case<'_>,
    seen: Timers<'_>,
) -> Result<BTreeMap<String, Look<bool>>, PromoteError> {
    if !case.interrupted {
        return Ok(BTreeMap::new());
    }
    let starts_another = |known: &&Definition| {
        let target = seen.target(known);
        target.is_none_or(|target| target.task_definition != original(known))
    };
    let timers = case.timers().into_iter().map(|(_, known)| known);
    let others = timers.filter(starts_another);
    let revisions = others.map(|known| (known.runs_as.clone(), original(known).to_owned()));
    looks(revisions.collect(), async |revision| {
        edge.is_active(revision).await
    })
    .await
}

/// What may run Timers, as it was seen.
#[derive(Clone, Copy)]
struct Timers<'s> {
    rules: &'s BTreeMap<String, Look<Option<SeenRule>>>,
    schedules: &'s BTreeMap<String, Look<Option<SeenSchedule>>>,
}

impl<'s> Timers<'s> {
    /// What the rule or the schedule starts that an applied Timer has.
    fn target(self, known: &Definition) -> Option<&'s TimerTarget> {
        let name = &known.runs_as;
        if known.timezone.is_some() {
            let schedule = self.schedules.get(name)?.as_ref().ok()?;
            return schedule.as_ref()?.target();
        }
        let rule = self.rules.get(name)?.as_ref().ok()?;
        rule.as_ref()?.target.as_ref()
    }

    /// Whether it starts nothing, as far as it could be read.
    fn lacks_target(self, known: &Definition) -> bool {
        let name = &known.runs_as;
        let is_unread = if known.timezone.is_some() {
            self.schedules.get(name).is_some_and(Result::is_err)
        } else {
            self.rules.get(name).is_some_and(Result::is_err)
        };
        !is_unread && self.target(known).is_none()
    }
}

/// Looks at the subject of each of these names, some at once.
async fn looks<T>(
    subjects: Vec<(String, String)>,
    look: impl AsyncFn(&String) -> Look<T>,
) -> Result<BTreeMap<String, Look<T>>, PromoteError> {
    let look = &look;
    let looks = stream::iter(subjects)
        .map(async |(name, subject)| (name, look(&subject).await))
        .buffered(LOOKS_AT_ONCE);
    let looks: Vec<(String, Look<T>)> = looks.collect().await;
    let looks = looks.into_iter();
    looks.map(|(name, seen)| Ok((name, kept(seen)?))).collect()
}

/// The revision that something goes back to.
pub(super) fn original(known: &Definition) -> &str {
    let stands = known.stands.as_ref();
    stands.map_or(&known.arn, |stands| &stands.arn)
}

/// The manifest of the applied Release.
async fn manifest<E: Edge>(
    edge: &E,
    case: &Case<'_>,
) -> Result<Result<Manifest, PromoteError>, PromoteError> {
    // It is large, and seldom needed.
    let read = Box::pin(edge.applied_release(case.id, case.applied)).await;
    match read.map_err(PromoteError::from) {
        Err(err) if err.class() == ErrorClass::Transient => Err(err),
        read => Ok(read.map(|read| read.manifest)),
    }
}

async fn unwanted<E: Edge>(edge: &E, case: &Case<'_>) -> Result<Look<Unwanted>, PromoteError> {
    let names = |known: &BTreeMap<String, Definition>| -> BTreeSet<String> {
        known.values().map(|known| known.runs_as.clone()).collect()
    };
    let (services, rules) = (names(&case.applied.services), names(&case.applied.timers));
    let keep = Keep {
        services: &services,
        rules: &rules,
        schedules: case.may_stand.schedules,
    };
    kept(edge.unwanted(case.id, keep).await)
}
