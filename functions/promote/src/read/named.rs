//! The ECS services that `app.json` names, or named when the App was promoted: what they run is somebody else's to begin with.

use std::collections::{BTreeMap, BTreeSet};

use aws::ecs::{EcsService, SeenDefinition};
use lambda::unwanted::bounded;
use manifest::app_settings::AppSettings;

use crate::error::PromoteError;
use crate::facts::Wanted;
use crate::shell::Shell;

/// The names of ECS services that the applied Release was moved on and that are not `wanted` any more; never one of ours.
pub(super) fn former(wanted: &Wanted<'_>, names: &BTreeSet<String>) -> BTreeSet<String> {
    let prefix = wanted.id.service_prefix();
    let applied = wanted.applied.into_iter();
    let applied = applied.flat_map(|applied| applied.services.values());
    let run_by = applied.map(|known| &known.runs_as);
    run_by
        .filter(|name| !name.starts_with(&prefix) && !names.contains(*name))
        .cloned()
        .collect()
}

/// Reads the definitions that `app.json`'s ECS services run.
pub(super) async fn running(
    shell: &Shell,
    settings: &AppSettings,
    services: &BTreeMap<String, EcsService>,
) -> Result<BTreeMap<String, SeenDefinition>, PromoteError> {
    let named = settings.services.values();
    let named = named.filter_map(|named| services.get(&named.name));
    // One that ECS does not deploy itself has none of its own; plan refuses it.
    let named = named.filter(|service| !service.task_definition.is_empty());
    let named: BTreeMap<&str, &str> = named
        .map(|service| (service.name.as_str(), service.task_definition.as_str()))
        .collect();
    let arns: BTreeSet<String> = named.values().map(|arn| (*arn).to_owned()).collect();
    let found = bounded(arns.into_iter().collect(), async |arn| {
        shell.cluster.whole_definition(arn).await
    })
    .await?;
    let named = named.into_iter();
    Ok(named
        .filter_map(|(name, arn)| Some((name.to_owned(), found.get(arn)?.clone())))
        .collect())
}
