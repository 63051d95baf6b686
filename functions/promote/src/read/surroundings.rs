//! What runs: ECS services, rules, revisions that an earlier attempt may have left, and what nobody wants any more.

use std::collections::{BTreeMap, BTreeSet};

use aws::event_rules::SeenRule;
use futures_util::future::{try_join, try_join3};
use lambda::release::ReadRelease;
use lambda::unwanted::{Keep, Unwanted, bounded};
use manifest::Manifest;
use manifest::precedence::EnvDelivery;
use names::AppId;
use promotion::{Applied, Record};

use super::agents::agents;
use super::named;
use crate::error::PromoteError;
use crate::facts::{Named, Surroundings, Wanted, ecs_service_name};
use crate::shell::Shell;

/// Adds the rules that the state names and convox.yml has, and what of the applied Release is dead.
pub(super) async fn complete(
    surroundings: &mut Surroundings,
    shell: &Shell,
    wanted: &Wanted<'_>,
    (manifest, delivery): (&Manifest, EnvDelivery),
    applied_rules: BTreeMap<String, SeenRule>,
) -> Result<(), PromoteError> {
    let of_manifest = rules_of(wanted.id, manifest);
    let applied_rules = applied_rules.into_iter();
    let applied_rules = applied_rules.filter(|(name, _)| of_manifest.contains(name));
    surroundings.rules.extend(applied_rules);
    let dead = dead(shell, wanted.applied, surroundings);
    let elsewhere = elsewhere(shell, wanted, delivery, surroundings);
    let (dead, elsewhere) = try_join(dead, elsewhere).await?;
    surroundings.dead.extend(dead);
    surroundings.elsewhere = elsewhere;
    Ok(())
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

/// Reads all that a promote can change, but for what [`complete`] adds.
pub(super) async fn read(
    shell: &Shell,
    wanted: &Wanted<'_>,
    (release, record): (&ReadRelease, Option<&Record>),
    delivery: EnvDelivery,
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
    let unwanted = Unwanted::find(shell.places(), wanted.id, wanted.applied, unknown, keep);
    let unwanted = async { Ok(unwanted.await?) };
    let newest = async { Ok(newest.await?) };
    let dead = not_active(shell, record.map(|record| not_run(wanted, record)));
    let seen = try_join3(new_rules, newest, dead);
    let ((services, lent), (rules, newest, dead), unwanted) =
        try_join3(ecs, seen, unwanted).await?;
    let agents = agents(shell, manifest, delivery).await;
    Ok(Surroundings {
        services,
        named: lent,
        rules,
        newest,
        dead,
        elsewhere: BTreeSet::new(),
        agents,
        unwanted,
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
