//! What runs: ECS services, rules, revisions that an earlier attempt may have left, and what nobody wants any more.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{try_join, try_join3};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use shared::app_settings::AppSettings;
use shared::ecs::{EcsService, Registered};
use shared::event_rules::SeenRule;
use shared::manifest::Manifest;
use shared::names::AppId;
use shared::promotion::{Applied, Definition};

use super::{Wanted, ecs_service_name};
use crate::error::PromoteError;
use crate::shell::Shell;

/// Reads of ECS and EventBridge that are under way at once.
const READS_AT_ONCE: usize = 8;

/// What runs.
pub struct Around {
    /// ECS services of the manifest's Services, by name.
    pub services: BTreeMap<String, EcsService>,
    /// Network modes of the definitions that `app.json`'s ECS services run, by ECS service.
    pub network_modes: BTreeMap<String, String>,
    /// Rules of the manifest's Timers, by name.
    pub rules: BTreeMap<String, SeenRule>,
    /// The newest revision of each family, where an earlier attempt may have left one.
    pub newest: BTreeMap<String, Registered>,
    /// What carries a name of this App and is not the manifest's.
    pub leftovers: Leftovers,
}

/// ECS services and rules with a name of this App that nobody asked for; their tags say whose they are.
#[derive(Default)]
pub struct Leftovers {
    /// ECS services.
    pub services: Vec<EcsService>,
    /// Rules, by name.
    pub rules: BTreeMap<String, SeenRule>,
}

/// Looks at all that a promote can change.
pub(super) async fn look(
    shell: &Shell,
    wanted: &Wanted<'_>,
    settings: &AppSettings,
    manifest: &Manifest,
) -> Result<Around, PromoteError> {
    let names = manifest
        .services
        .iter()
        .map(|service| ecs_service_name(wanted.id, settings, service));
    let names = names.collect::<Result<BTreeSet<String>, _>>()?;
    let rules: BTreeSet<String> = manifest
        .timers
        .iter()
        .map(|timer| wanted.id.rule(&timer.name))
        .collect();
    // What nobody wrote down can only be there if somebody stopped half-way, or the state is lost.
    let unknown = wanted.interrupted || wanted.applied.is_none();
    let families = if unknown {
        families(wanted.id, manifest)?
    } else {
        Vec::new()
    };

    let ecs = async {
        let names: Vec<String> = names.iter().cloned().collect();
        let services = shell.cluster.services(&names).await?;
        let modes = network_modes(shell, settings, &services).await?;
        Ok::<_, PromoteError>((services, modes))
    };
    let seen = bounded(rules.iter().cloned().collect(), async |name| {
        shell.rules.see(name).await
    });
    let newest = bounded(families, async |family| {
        shell.cluster.definition(family).await
    });
    let keep = Keep {
        services: &names,
        rules: &rules,
    };
    let leftovers = leftovers(shell, wanted.id, wanted.applied, unknown, keep);
    let ((services, network_modes), (rules, newest), leftovers) =
        try_join3(ecs, try_join(seen, newest), leftovers).await?;
    Ok(Around {
        services,
        network_modes,
        rules,
        newest,
        leftovers,
    })
}

/// Names that are wanted.
#[derive(Clone, Copy)]
pub struct Keep<'a> {
    /// ECS services.
    pub services: &'a BTreeSet<String>,
    /// Rules.
    pub rules: &'a BTreeSet<String>,
}

/// What carries a name of this App and is not to be kept: what is applied and, if that may not be all, what is there.
///
/// # Errors
///
/// [`PromoteError`] when a call fails.
pub async fn leftovers(
    shell: &Shell,
    id: &AppId,
    applied: Option<&Applied>,
    unknown: bool,
    keep: Keep<'_>,
) -> Result<Leftovers, PromoteError> {
    let (mut services, mut rules) = (BTreeSet::new(), BTreeSet::new());
    if let Some(applied) = applied {
        services.extend(run_by(&applied.services));
        rules.extend(run_by(&applied.timers));
    }
    if unknown {
        let (prefix, rule_prefix) = (id.service_prefix(), id.rule_prefix());
        let found = shell.cluster.names_of_services(&prefix);
        let (found, named) = try_join(found, shell.rules.names(&rule_prefix)).await?;
        services.extend(found);
        rules.extend(named);
    }
    // An ECS service that app.json named never carries a name of ours, and is never removed.
    services.retain(|name| name.starts_with(&id.service_prefix()) && !keep.services.contains(name));
    rules.retain(|name| !keep.rules.contains(name));
    let services: Vec<String> = services.into_iter().collect();
    let rules = bounded(rules.into_iter().collect(), async |name| {
        shell.rules.see(name).await
    });
    let services = async { Ok::<_, PromoteError>(shell.cluster.services(&services).await?) };
    let (services, rules) = try_join(services, rules).await?;
    Ok(Leftovers {
        services: services.into_values().collect(),
        rules,
    })
}

fn run_by(definitions: &BTreeMap<String, Definition>) -> impl Iterator<Item = String> {
    definitions
        .values()
        .map(|definition| definition.runs_as.clone())
}

fn families(id: &AppId, manifest: &Manifest) -> Result<Vec<String>, PromoteError> {
    let services = manifest
        .services
        .iter()
        .map(|service| Ok(id.service(&service.name)?));
    let timers = manifest
        .timers
        .iter()
        .map(|timer| Ok(id.timer(&timer.name)?));
    services.chain(timers).collect()
}

/// ECS services of `app.json` keep their network mode, which only their running definition states.
async fn network_modes(
    shell: &Shell,
    settings: &AppSettings,
    services: &BTreeMap<String, EcsService>,
) -> Result<BTreeMap<String, String>, PromoteError> {
    let existing = settings
        .services
        .values()
        .filter_map(|name| services.get(name));
    let bridged = existing
        .filter(|service| !service.awsvpc)
        .map(|service| service.task_definition.clone());
    let modes = bounded(bridged.collect(), async |arn| {
        shell.cluster.definition(arn).await
    })
    .await?;
    let of = |service: &EcsService| match modes.get(&service.task_definition) {
        Some(definition) => definition.network_mode.clone(),
        None => "awsvpc".to_owned(),
    };
    Ok(services
        .values()
        .map(|service| (service.name.clone(), of(service)))
        .collect())
}

/// Looks each name up, a few at a time; what is not there is left out.
async fn bounded<T, E>(
    names: Vec<String>,
    look: impl AsyncFn(&String) -> Result<Option<T>, E>,
) -> Result<BTreeMap<String, T>, PromoteError>
where
    PromoteError: From<E>,
{
    let look = &look;
    let found: Vec<_> = stream::iter(names)
        .map(async |name| Ok::<_, PromoteError>(look(&name).await?.map(|found| (name, found))))
        .buffer_unordered(READS_AT_ONCE)
        .try_collect()
        .await?;
    Ok(found.into_iter().flatten().collect())
}
