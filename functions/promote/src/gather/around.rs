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
use super::named::{self, Named};
use super::{Wanted, ecs_service_name};
use crate::error::PromoteError;
use crate::shell::Shell;

/// What runs.
pub struct Around {
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
    pub leftovers: Leftovers,
}

impl Around {
    /// Adds the rules that the state names and convox.yml has, and what of the applied Release is dead.
    pub(super) async fn complete(
        &mut self,
        shell: &Shell,
        wanted: &Wanted<'_>,
        manifest: &Manifest,
        applied_rules: BTreeMap<String, SeenRule>,
    ) -> Result<(), PromoteError> {
        let of_manifest = rules_of(wanted.id, manifest);
        let applied_rules = applied_rules.into_iter();
        self.rules
            .extend(applied_rules.filter(|(name, _)| of_manifest.contains(name)));
        self.dead = dead(shell, wanted.applied, &self.services, &self.rules).await?;
        Ok(())
    }
}

/// The rules that the state names, as they stand.
pub(super) async fn applied_rules(
    shell: &Shell,
    wanted: &Wanted<'_>,
) -> Result<BTreeMap<String, SeenRule>, PromoteError> {
    rules(shell, names_of_applied_rules(wanted)).await
}

fn names_of_applied_rules(wanted: &Wanted<'_>) -> BTreeSet<String> {
    let timers = wanted.applied.map(|applied| applied.timers.values());
    let names = timers.into_iter().flatten().map(|timer| &timer.runs_as);
    names.cloned().collect()
}

fn rules_of(id: &AppId, manifest: &Manifest) -> BTreeSet<String> {
    let timers = manifest.timers.iter();
    timers.map(|timer| id.rule(&timer.name)).collect()
}

async fn rules(
    shell: &Shell,
    names: BTreeSet<String>,
) -> Result<BTreeMap<String, SeenRule>, PromoteError> {
    let names = names.into_iter().collect();
    Ok(bounded(names, async |name| shell.rules.see(name).await).await?)
}

/// Looks at all that a promote can change, but for what [`Around::complete`] adds.
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
    let wanted_rules = rules_of(wanted.id, manifest);
    // What nobody wrote down can only be there if somebody stopped half-way, or the state is lost.
    let unknown = wanted.interrupted || wanted.applied.is_none();
    let families = if unknown {
        families(wanted.id, manifest)?
    } else {
        Vec::new()
    };

    let ecs = async {
        let former = named::former(wanted, &names);
        let all: Vec<String> = names.union(&former).cloned().collect();
        let mut services = shell.cluster.services(&all).await?;
        let former = former.iter().filter_map(|name| services.remove(name));
        let former = former.collect();
        let running = named::running(shell, settings, &services).await?;
        Ok::<_, PromoteError>((services, Named { running, former }))
    };
    let applied_rules = names_of_applied_rules(wanted);
    let new_rules = wanted_rules.difference(&applied_rules).cloned();
    let new_rules = rules(shell, new_rules.collect());
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
    let seen = try_join(new_rules, newest);
    let ((services, lent), (rules, newest), leftovers) = try_join3(ecs, seen, leftovers).await?;
    let agents = agents(shell, settings, manifest).await;
    Ok(Around {
        services,
        named: lent,
        rules,
        newest,
        dead: BTreeSet::new(),
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
