//! What carries a name of an App and is not wanted: ECS services and rules, found by what is applied and by name.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use aws::call_error::CallError;
use aws::ecs::{Cluster, EcsService};
use aws::event_rules::{EventRules, SeenRule};
use names::AppId;
use promotion::{Applied, Definition};

/// Reads of ECS and EventBridge that are under way at once; ECS answers a burst of 50 (API throttling, "Task definition read actions").
const READS_AT_ONCE: usize = 32;

/// ECS services and rules with a name of an App that nobody asked for; their tags say whose they are.
#[derive(Debug, Default)]
pub struct Unwanted {
    /// ECS services.
    pub services: Vec<EcsService>,
    /// Rules, by name.
    pub rules: BTreeMap<String, SeenRule>,
}

/// What of the unwanted is the App's own, by its tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removals {
    /// ECS services that are not on their way out already.
    pub services: Vec<String>,
    /// Rules.
    pub rules: Vec<String>,
}

/// Names that are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Keep<'a> {
    /// ECS services.
    pub services: &'a BTreeSet<String>,
    /// Rules.
    pub rules: &'a BTreeSet<String>,
}

/// Where to look.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The rules of Timers.
    pub rules: &'a EventRules,
}

impl Unwanted {
    /// Finds what carries a name of this App and is not to be kept: what is applied and, if that may not be all
    /// (`unknown`), what is there.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn find(
        places: Places<'_>,
        id: &AppId,
        applied: Option<&Applied>,
        unknown: bool,
        keep: Keep<'_>,
    ) -> Result<Self, CallError> {
        let (mut services, mut rules) = (BTreeSet::new(), BTreeSet::new());
        if let Some(applied) = applied {
            services.extend(run_by(&applied.services));
            rules.extend(run_by(&applied.timers));
        }
        if unknown {
            let (prefix, rule_prefix) = (id.service_prefix(), id.rule_prefix());
            let found = places.cluster.names_of_services(&prefix);
            let (found, named) = try_join(found, places.rules.names(&rule_prefix)).await?;
            services.extend(found);
            rules.extend(named);
        }
        // An ECS service that app.json named never carries a name of ours, and is never removed.
        services
            .retain(|name| name.starts_with(&id.service_prefix()) && !keep.services.contains(name));
        rules.retain(|name| !keep.rules.contains(name));
        let services: Vec<String> = services.into_iter().collect();
        let rules = bounded(rules.into_iter().collect(), async |name| {
            places.rules.see(name).await
        });
        let (services, rules) = try_join(places.cluster.services(&services), rules).await?;
        Ok(Self {
            services: services.into_values().collect(),
            rules,
        })
    }

    /// The ECS services that carry the App's tags.
    pub fn own_services(&self, id: &AppId) -> impl Iterator<Item = &EcsService> {
        self.services
            .iter()
            .filter(|service| id.owns(&service.tags))
    }

    /// The rules that carry the App's tags, by name.
    pub fn own_rules(&self, id: &AppId) -> impl Iterator<Item = (&String, &SeenRule)> {
        self.rules.iter().filter(|(_, rule)| id.owns(&rule.tags))
    }
}

impl Removals {
    /// What of `unwanted` carries the App's tags and is not on its way out already.
    #[must_use]
    pub fn of(id: &AppId, unwanted: &Unwanted) -> Self {
        let services = unwanted.own_services(id);
        let services = services.filter(|service| !service.is_draining());
        let rules = unwanted.own_rules(id);
        Self {
            services: services.map(|service| service.name.clone()).collect(),
            rules: rules.map(|(name, _)| name.clone()).collect(),
        }
    }

    /// All names, ECS services first.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.services.iter().chain(&self.rules).cloned().collect()
    }
}

/// Looks each name up, a few at a time; what is not there is left out.
///
/// # Errors
///
/// The first that `look` meets.
pub async fn bounded<T, E>(
    names: Vec<String>,
    look: impl AsyncFn(&String) -> Result<Option<T>, E>,
) -> Result<BTreeMap<String, T>, E> {
    let look = &look;
    let found: Vec<_> = stream::iter(names)
        .map(async |name| Ok::<_, E>(look(&name).await?.map(|found| (name, found))))
        .buffer_unordered(READS_AT_ONCE)
        .try_collect()
        .await?;
    Ok(found.into_iter().flatten().collect())
}

fn run_by(definitions: &BTreeMap<String, Definition>) -> impl Iterator<Item = String> {
    definitions
        .values()
        .map(|definition| definition.runs_as.clone())
}
