//! What runs: ECS services, rules, revisions that an earlier attempt may have left, and what nobody wants any more.

use std::collections::{BTreeMap, BTreeSet};

use aws::ecs::{AtGateways, EcsService, SeenGateway};
use aws::event_rules::SeenRule;
use aws::schedules::SeenSchedule;
use futures_util::future::{try_join, try_join3, try_join4};
use lambda::release::ReadRelease;
use lambda::unwanted::{Keep, Unwanted, bounded};
use manifest::Manifest;
use manifest::app_settings::AppSettings;
use manifest::precedence::EnvDelivery;
use names::AppId;
use promotion::{Applied, Definition, Record};

use super::agents::agents;
use super::named;
use crate::error::PromoteError;
use crate::facts::{Named, Surroundings, Wanted, ecs_service_name};
use crate::shell::Shell;

/// What stands of all that the state names.
#[derive(Default)]
pub(super) struct Standing {
    services: BTreeMap<String, EcsService>,
    rules: BTreeMap<String, SeenRule>,
    /// Recorded revisions that nothing can be started with any more.
    pub(super) dead: BTreeSet<String>,
}

/// Reads the ECS services and the rules that the state names.
pub(super) async fn of_applied(
    shell: &Shell,
    wanted: &Wanted<'_>,
) -> Result<Standing, PromoteError> {
    let Some(applied) = wanted.applied else {
        return Ok(Standing::default());
    };
    let services: Vec<String> = names_of(&applied.services).into_iter().collect();
    let services = shell.cluster.services(&services);
    let timers = applied.timers.values();
    let timers = timers.map(|known| (known.runs_as.clone(), known.arn.clone()));
    let (prefix, timers, own) = (wanted.id.rule_prefix(), timers.collect(), wanted.id.tags());
    let rules = shell.rules.see_known(&prefix, &timers, &own);
    let (services, rules) = try_join(services, rules).await?;
    Ok(Standing {
        services,
        rules,
        ..Standing::default()
    })
}

/// The recorded revisions that nothing can be started with any more.
pub(super) async fn dead_of_record(
    shell: &Shell,
    wanted: &Wanted<'_>,
    record: Option<&Record>,
) -> Result<BTreeSet<String>, PromoteError> {
    not_active(shell, record.map(|record| not_run(wanted, record))).await
}

/// Whether schedules have to be looked at: some may stand, or the Release wants one.
fn has_schedules(shell: &Shell, wanted: &Wanted<'_>, manifest: &Manifest) -> bool {
    let mut timers = manifest.timers.iter();
    wanted.may_stand.schedules
        || timers.any(|timer| timer.timezone.is_some() || shell.config.timers_on_scheduler)
}

/// The schedules of these names.
async fn schedules(
    shell: &Shell,
    names: BTreeSet<String>,
) -> Result<BTreeMap<String, SeenSchedule>, PromoteError> {
    let names = names.into_iter().collect();
    Ok(bounded(names, async |name| shell.schedules.see(name).await).await?)
}

fn names_of(definitions: &BTreeMap<String, Definition>) -> BTreeSet<String> {
    let names = definitions.values().map(|known| &known.runs_as);
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

/// Reads all that a promote can change, but for what `standing` has of it.
pub(super) async fn read(
    shell: &Shell,
    wanted: &Wanted<'_>,
    release: &ReadRelease,
    (standing, delivery): (Standing, EnvDelivery),
) -> Result<Surroundings, PromoteError> {
    let (settings, manifest) = (&release.settings, &release.manifest);
    let names = manifest
        .services
        .iter()
        .map(|service| ecs_service_name(wanted.id, settings, service));
    // A name that ECS would refuse is nothing's, and plan says so with whatever else is wrong.
    let names: BTreeSet<String> = names.filter_map(Result::ok).collect();
    let wanted_rules = rules_of(wanted.id, manifest);
    let unknown = wanted.may_find_more();
    let families = if unknown {
        families(wanted.id, manifest)
    } else {
        Vec::new()
    };

    let ecs = services(shell, wanted, (settings, &names), &standing);
    let (of_applied, keep) = (wanted.applied, (&names, &wanted_rules));
    let applied_rules = of_applied.map(|applied| names_of(&applied.timers));
    let applied_rules = applied_rules.unwrap_or_default();
    let new_rules = wanted_rules.difference(&applied_rules);
    let new_rules = rules(shell, new_rules.cloned().collect());
    let newest = bounded(families, async |family| {
        shell.cluster.definition(family).await
    });
    let newest = async { Ok(newest.await?) };
    let of_scheduler = has_schedules(shell, wanted, manifest);
    let asked = if of_scheduler {
        wanted_rules.clone()
    } else {
        BTreeSet::new()
    };
    let timers = try_join3(
        new_rules,
        schedules(shell, asked),
        gateways(shell, manifest),
    );
    let unwanted = unwanted(shell, wanted, (keep, of_scheduler), &standing);
    let ((mut services, lent), (new_rules, schedules, gateways), newest, unwanted) =
        Box::pin(try_join4(ecs, timers, newest, unwanted)).await?; // large
    let live_groups = live_groups(shell, wanted.id, &mut services).await?;
    let agents = agents(shell, manifest, delivery).await;
    let of_applied = standing.rules.into_iter();
    let mut rules: BTreeMap<String, SeenRule> = of_applied
        .filter(|(name, _)| wanted_rules.contains(name))
        .collect();
    rules.extend(new_rules);
    let mut surroundings = Surroundings {
        services,
        named: lent,
        rules,
        schedules,
        newest,
        dead: standing.dead,
        elsewhere: BTreeSet::new(),
        live_groups,
        gateways,
        agents,
        unwanted,
    };
    let dead = dead(shell, wanted.applied, &surroundings);
    let elsewhere = elsewhere(shell, wanted, delivery, &surroundings);
    let at_gateways = at_gateways(shell, wanted, manifest, &surroundings);
    let (dead, elsewhere, at_gateways) = try_join3(dead, elsewhere, at_gateways).await?;
    surroundings.dead.extend(dead);
    surroundings.elsewhere = elsewhere;
    surroundings.attach(at_gateways);
    Ok(surroundings)
}

/// The gateways of the cluster, where convox.yml asks for one.
async fn gateways(shell: &Shell, manifest: &Manifest) -> Result<Vec<SeenGateway>, PromoteError> {
    if !manifest.services.iter().any(|service| service.gateway) {
        return Ok(Vec::new());
    }
    Ok(shell.cluster.gateways().await?)
}

/// How ECS services of ours are attached to gateways, where any may be.
async fn at_gateways(
    shell: &Shell,
    wanted: &Wanted<'_>,
    manifest: &Manifest,
    surroundings: &Surroundings,
) -> Result<BTreeMap<String, AtGateways>, PromoteError> {
    if !surroundings.looks_at_connectors(wanted, manifest) {
        return Ok(BTreeMap::new());
    }
    let services = surroundings.services.values();
    let all = services.chain(&surroundings.unwanted.services);
    let own = all.filter(|it| wanted.id.owns(&it.tags) && !it.is_draining());
    let own: Vec<&EcsService> = own.collect();
    Ok(shell.cluster.at_gateways(&own).await?)
}

/// The target groups that tasks are in, of ECS services of ours that ECS moves requests for; such a service says from then on what its
/// tasks run.
async fn live_groups(
    shell: &Shell,
    id: &AppId,
    services: &mut BTreeMap<String, EcsService>,
) -> Result<BTreeSet<String>, PromoteError> {
    let shifted = services.values_mut().filter(|service| {
        let shifts = service.balancing.is_shifted();
        shifts && id.owns(&service.tags)
    });
    let shifted: Vec<&mut EcsService> = shifted.collect();
    let revisions = shifted.iter().flat_map(|service| service.revisions.clone());
    let revisions: Vec<String> = revisions.collect();
    let seen = shell.cluster.revisions(&revisions).await?;
    shell.cluster.correct(shifted, &seen).await?;
    Ok(seen.groups)
}

/// The ECS services of convox.yml's Services, and those that app.json names or named.
async fn services(
    shell: &Shell,
    wanted: &Wanted<'_>,
    (settings, names): (&AppSettings, &BTreeSet<String>),
    standing: &Standing,
) -> Result<(BTreeMap<String, EcsService>, Named), PromoteError> {
    let former = named::former(wanted, names);
    let applied = wanted.applied.map(|applied| names_of(&applied.services));
    let applied = applied.unwrap_or_default();
    let all: BTreeSet<&String> = names.union(&former).collect();
    let unread = all.iter().filter(|name| !applied.contains(**name));
    let unread: Vec<String> = unread.map(|name| (*name).clone()).collect();
    let mut services = shell.cluster.services(&unread).await?;
    let read = standing.services.iter();
    let read = read.filter(|(name, _)| all.contains(name));
    services.extend(read.map(|(name, service)| (name.clone(), service.clone())));
    let former = former.iter().filter_map(|name| services.remove(name));
    let former = former.collect();
    let running = named::running(shell, settings, &services).await?;
    Ok((services, Named { running, former }))
}

/// What of the App's nobody wants any more: what the state names, and whatever is there where that may not be all.
async fn unwanted(
    shell: &Shell,
    wanted: &Wanted<'_>,
    ((services, rules), of_scheduler): ((&BTreeSet<String>, &BTreeSet<String>), bool),
    standing: &Standing,
) -> Result<Unwanted, PromoteError> {
    if wanted.may_find_more() {
        let keep = Keep {
            services,
            rules,
            schedules: of_scheduler,
        };
        return Ok(Unwanted::find(shell.places(), wanted.id, wanted.applied, true, keep).await?);
    }
    let prefix = wanted.id.service_prefix();
    let is_left = |name: &str| name.starts_with(&prefix) && !services.contains(name);
    let left = standing.services.values();
    let left = left.filter(|service| is_left(&service.name));
    let left_rules = standing.rules.keys();
    let left_rules = left_rules.filter(|name| !rules.contains(*name));
    // Only what carries our tags is removed.
    let left_rules = self::rules(shell, left_rules.cloned().collect());
    let timers = wanted.applied.into_iter().flat_map(|it| it.timers.values());
    let timers = timers.map(|known| &known.runs_as);
    let timers = timers.filter(|name| of_scheduler && !rules.contains(*name));
    let left_schedules = schedules(shell, timers.cloned().collect());
    let (left_rules, left_schedules) = try_join(left_rules, left_schedules).await?;
    Ok(Unwanted {
        services: left.cloned().collect(),
        rules: left_rules,
        schedules: left_schedules,
    })
}

/// Applied revisions that were deregistered.
async fn dead(
    shell: &Shell,
    applied: Option<&Applied>,
    surroundings: &Surroundings,
) -> Result<BTreeSet<String>, PromoteError> {
    not_active(shell, applied.map(|applied| surroundings.idle(applied))).await
}

/// Those of the revisions that nothing can be started with any more.
async fn not_active(
    shell: &Shell,
    revisions: Option<BTreeSet<String>>,
) -> Result<BTreeSet<String>, PromoteError> {
    let revisions = revisions.unwrap_or_default();
    let found = bounded(revisions.iter().cloned().collect(), async |arn| {
        shell.cluster.definition(arn).await
    })
    .await?;
    let is_alive = |arn: &String| found.get(arn).is_some_and(|found| found.is_active);
    Ok(revisions.into_iter().filter(|arn| !is_alive(arn)).collect())
}

/// The recorded revisions that are not applied, and so may have been deregistered by anybody.
fn not_run(wanted: &Wanted<'_>, record: &Record) -> BTreeSet<String> {
    let applied = wanted.applied.into_iter().flat_map(Applied::definitions);
    let applied: BTreeSet<&String> = applied.map(|known| &known.arn).collect();
    let recorded = record.services.values().chain(record.timers.values());
    let recorded = recorded.map(|known| &known.arn);
    recorded
        .filter(|arn| !applied.contains(arn))
        .cloned()
        .collect()
}

/// What the revisions refer to that may run and are not applied, where the secret is written: it keeps the versions that they
/// name.
async fn elsewhere(
    shell: &Shell,
    wanted: &Wanted<'_>,
    delivery: EnvDelivery,
    surroundings: &Surroundings,
) -> Result<BTreeSet<String>, PromoteError> {
    if delivery == EnvDelivery::S3 {
        return Ok(BTreeSet::new());
    }
    let revisions = surroundings.not_applied(wanted);
    let found = bounded(revisions, async |arn| shell.cluster.definition(arn).await).await?;
    let references = found.into_values().map(|found| found.secret_references);
    Ok(references.flatten().collect())
}

fn families(id: &AppId, manifest: &Manifest) -> Vec<String> {
    let services = manifest.services.iter();
    let services = services.map(|service| id.service(&service.name));
    let timers = manifest.timers.iter().map(|timer| id.timer(&timer.name));
    services.chain(timers).filter_map(Result::ok).collect()
}
