//! What carries a name of an App and is not wanted: ECS services, rules and schedules, found by what is applied and by name.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{try_join, try_join3};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use aws::call_error::CallError;
use aws::ecs::{Cluster, EcsService};
use aws::event_rules::{EventRules, SeenRule};
use aws::schedules::{Schedules, SeenSchedule};
use names::AppId;
use promotion::{Applied, Definition};
use release::timer_rule::TimerTarget;

/// Reads of ECS and EventBridge that are under way at once; ECS answers a burst of 50 (API throttling, "Task definition read actions").
const READS_AT_ONCE: usize = 32;

/// ECS services, rules and schedules with a name of an App that nobody asked for; they say whose they are.
#[derive(Debug, Default)]
pub struct Unwanted {
    /// ECS services.
    pub services: Vec<EcsService>,
    /// Rules, by name.
    pub rules: BTreeMap<String, SeenRule>,
    /// Schedules, by name; none where none can stand.
    pub schedules: BTreeMap<String, SeenSchedule>,
}

/// What of the unwanted is the App's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removals {
    /// ECS services that are not on their way out already.
    pub services: Vec<String>,
    /// Rules.
    pub rules: Vec<String>,
    /// Schedules.
    pub schedules: Vec<String>,
}

/// Names that are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Keep<'a> {
    /// ECS services.
    pub services: &'a BTreeSet<String>,
    /// Rules, or schedules, of Timers.
    pub rules: &'a BTreeSet<String>,
    /// Whether schedules may stand, so that they are looked for.
    pub schedules: bool,
}

/// Where to look.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The rules of Timers.
    pub rules: &'a EventRules,
    /// The schedules of Timers.
    pub schedules: &'a Schedules,
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
        let mut schedules = if keep.schedules {
            rules.clone()
        } else {
            BTreeSet::new()
        };
        if unknown {
            let (prefix, rule_prefix) = (id.service_prefix(), id.rule_prefix());
            let found = places.cluster.names_of_services(&prefix);
            let of_scheduler = async {
                if keep.schedules {
                    return places.schedules.names(&rule_prefix).await;
                }
                Ok(Vec::new())
            };
            let named = places.rules.names(&rule_prefix);
            let (found, named, more) = try_join3(found, named, of_scheduler).await?;
            services.extend(found);
            rules.extend(named);
            schedules.extend(more);
        }
        // An ECS service that app.json named never carries a name of ours, and is never removed.
        services
            .retain(|name| name.starts_with(&id.service_prefix()) && !keep.services.contains(name));
        rules.retain(|name| !keep.rules.contains(name));
        schedules.retain(|name| !keep.rules.contains(name));
        let services: Vec<String> = services.into_iter().collect();
        let rules = bounded(rules.into_iter().collect(), async |name| {
            places.rules.see(name).await
        });
        let schedules = bounded(schedules.into_iter().collect(), async |name| {
            places.schedules.see(name).await
        });
        let timers = try_join(rules, schedules);
        let (services, (rules, schedules)) =
            try_join(places.cluster.services(&services), timers).await?;
        Ok(Self {
            services: services.into_values().collect(),
            rules,
            schedules,
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

    /// The schedules that say that they are the App's, by name.
    pub fn own_schedules(&self, id: &AppId) -> impl Iterator<Item = (&String, &SeenSchedule)> {
        let schedules = self.schedules.iter();
        schedules.filter(|(_, schedule)| schedule.is_of(id))
    }

    /// The tasks that its rules and schedules start.
    pub fn timer_targets(&self) -> impl Iterator<Item = &TimerTarget> {
        let rules = self.rules.values().filter_map(|rule| rule.target.as_ref());
        let schedules = self.schedules.values();
        rules.chain(schedules.filter_map(SeenSchedule::target))
    }
}

impl Removals {
    /// What of `unwanted` carries the App's tags and is not on its way out already.
    #[must_use]
    pub fn of(id: &AppId, unwanted: &Unwanted) -> Self {
        let services = unwanted.own_services(id);
        let services = services.filter(|service| !service.is_draining());
        let rules = unwanted.own_rules(id);
        let schedules = unwanted.own_schedules(id);
        Self {
            services: services.map(|service| service.name.clone()).collect(),
            rules: rules.map(|(name, _)| name.clone()).collect(),
            schedules: schedules.map(|(name, _)| name.clone()).collect(),
        }
    }

    /// All names, ECS services first.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let timers = self.rules.iter().chain(&self.schedules);
        self.services.iter().chain(timers).cloned().collect()
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
