//! What runs: ECS services, rules, revisions that an earlier attempt may have left, and what nobody wants any more.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{try_join, try_join3};
use shared::app_settings::AppSettings;
use shared::ecs::{EcsService, Registered};
use shared::event_rules::SeenRule;
use shared::leftovers::{Keep, Leftovers, bounded};
use shared::manifest::Manifest;
use shared::names::AppId;
use shared::promotion::{Applied, Definition};

use super::agents::{Agents, agents};
use super::{Wanted, ecs_service_name};
use crate::error::PromoteError;
use crate::shell::Shell;

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
    /// Applied revisions that nothing can be started with any more.
    pub dead: BTreeSet<String>,
    /// What starts the tasks on the cluster's own instances.
    pub agents: Agents,
    /// What carries a name of this App and is not the manifest's.
    pub leftovers: Leftovers,
}

/// The rules that the state names, as they stand. They are known before convox.yml is read, and take two steps.
pub(super) async fn applied_rules(
    shell: &Shell,
    wanted: &Wanted<'_>,
) -> Result<Rules, PromoteError> {
    let timers = wanted.applied.map(|applied| applied.timers.values());
    let names = timers.into_iter().flatten().map(|timer| &timer.runs_as);
    let asked: BTreeSet<String> = names.cloned().collect();
    let seen = rules(shell, asked.iter().cloned().collect()).await?;
    Ok(Rules { asked, seen })
}

/// Rules that were asked for, and those of them that are there.
pub(super) struct Rules {
    asked: BTreeSet<String>,
    seen: BTreeMap<String, SeenRule>,
}

async fn rules(
    shell: &Shell,
    names: Vec<String>,
) -> Result<BTreeMap<String, SeenRule>, PromoteError> {
    Ok(bounded(names, async |name| shell.rules.see(name).await).await?)
}

/// Looks at all that a promote can change; `applied_rules` are seen already.
pub(super) async fn look(
    shell: &Shell,
    wanted: &Wanted<'_>,
    settings: &AppSettings,
    manifest: &Manifest,
    applied_rules: Rules,
) -> Result<Around, PromoteError> {
    let names = manifest
        .services
        .iter()
        .map(|service| ecs_service_name(wanted.id, settings, service));
    let names = names.collect::<Result<BTreeSet<String>, _>>()?;
    let wanted_rules: BTreeSet<String> = manifest
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
    let others = wanted_rules.difference(&applied_rules.asked).cloned();
    let others = rules(shell, others.collect());
    let newest = bounded(families, async |family| {
        shell.cluster.definition(family).await
    });
    let keep = Keep {
        services: &names,
        rules: &wanted_rules,
    };
    let leftovers = Leftovers::find(shell.places(), wanted.id, wanted.applied, unknown, keep);
    let leftovers = async { Ok(leftovers.await?) };
    let newest = async { Ok(newest.await?) };
    let seen = try_join(others, newest);
    let ((services, network_modes), (others, newest), leftovers) =
        try_join3(ecs, seen, leftovers).await?;
    let mut rules = applied_rules.seen;
    rules.retain(|name, _| wanted_rules.contains(name));
    rules.extend(others);
    let agents = agents(shell, settings, manifest).await;
    let dead = dead(shell, wanted.applied, &services, &rules).await?;
    Ok(Around {
        services,
        network_modes,
        rules,
        newest,
        dead,
        agents,
        leftovers,
    })
}

/// Applied revisions that were deregistered. Only where something else runs than what is written down: then a deletion
/// stopped half-way, or somebody else was at work.
async fn dead(
    shell: &Shell,
    applied: Option<&Applied>,
    services: &BTreeMap<String, EcsService>,
    rules: &BTreeMap<String, SeenRule>,
) -> Result<BTreeSet<String>, PromoteError> {
    let Some(applied) = applied else {
        return Ok(BTreeSet::new());
    };
    let serves = |known: &&Definition| {
        let service = services.get(&known.runs_as);
        service.is_some_and(|service| service.task_definition == known.arn)
    };
    let fires = |known: &&Definition| {
        let target = rules
            .get(&known.runs_as)
            .and_then(|rule| rule.target.as_ref());
        target.is_some_and(|target| target.task_definition == known.arn)
    };
    let idle = applied.services.values().filter(|known| !serves(known));
    let idle = idle.chain(applied.timers.values().filter(|known| !fires(known)));
    let arns: BTreeSet<String> = idle.map(|known| known.arn.clone()).collect();
    let found = bounded(arns.iter().cloned().collect(), async |arn| {
        shell.cluster.definition(arn).await
    })
    .await?;
    let is_alive = |arn: &String| found.get(arn).is_some_and(|found| found.is_active);
    Ok(arns.into_iter().filter(|arn| !is_alive(arn)).collect())
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
