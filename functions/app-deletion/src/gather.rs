//! All reads of a deletion. What they find is plain data; what it means is `plan`'s.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join4;
use shared::app_settings::AppSettings;
use shared::ecs::{EcsService, Registered};
use shared::error_chain::Chain;
use shared::leftovers::{Keep, Leftovers, bounded};
use shared::names::{AppId, keys};
use shared::promotion::Applied;
use shared::secrets::SecretSeen;
use shared::stack_state::SeenStack;
use shared::stranded::Stranded;

use crate::error::DeletionError;
use crate::shell::Shell;

/// What there is of an App.
#[derive(Debug)]
pub struct Gathered {
    /// ECS services and rules with its names.
    pub leftovers: Leftovers,
    /// ECS services that `app.json` names, or named when the App was promoted: somebody else's.
    pub lent: Vec<EcsService>,
    /// Its secret.
    pub secret: SecretSeen,
    /// Its own stack.
    pub stack: Option<SeenStack>,
    /// The task definitions that matter, by ARN: those of its own, and those that others run.
    pub definitions: BTreeMap<String, Registered>,
    /// What could not be read and does not stop a deletion.
    pub warnings: Vec<String>,
}

/// Reads all that a deletion of `id` depends on.
///
/// # Errors
///
/// [`DeletionError`] for a call that failed.
pub async fn gather(
    shell: &Shell,
    id: &AppId,
    applied: Option<&Applied>,
) -> Result<Gathered, DeletionError> {
    if let Some(stranded) = Stranded::find(&shell.cluster, id, applied).await? {
        let reason = stranded.says("delete the App again");
        return Err(DeletionError::ClusterChanged { reason });
    }
    let none = BTreeSet::new();
    let keep = Keep {
        services: &none,
        rules: &none,
    };
    // Each is large, and all of them are under way at once.
    let leftovers = Box::pin(async {
        Ok::<_, DeletionError>(Leftovers::find(shell.places(), id, applied, true, keep).await?)
    });
    let secret = Box::pin(async { Ok(shell.secrets.of(id).see().await?) });
    let stack = Box::pin(async { Ok(shell.stacks.see(id).await?) });
    let lent = Box::pin(lent(shell, id, applied));
    let (leftovers, secret, stack, (lent, warnings)) =
        try_join4(leftovers, secret, stack, lent).await?;
    let mut gathered = Gathered {
        leftovers,
        lent,
        secret,
        stack,
        definitions: BTreeMap::new(),
        warnings,
    };
    let arns: BTreeSet<String> = gathered
        .own_revisions(id, applied)
        .chain(gathered.readers(id).map(|(_, arn)| arn.to_owned()))
        .collect();
    let read = bounded(arns.into_iter().collect(), async |arn| {
        shell.cluster.definition(arn).await
    });
    gathered.definitions = read.await?;
    Ok(gathered)
}

impl Gathered {
    /// The revisions that the App's own ECS services and rules run, or ran when they were last written down.
    pub fn own_revisions(
        &self,
        id: &AppId,
        applied: Option<&Applied>,
    ) -> impl Iterator<Item = String> {
        let families = format!("/{}", id.service_prefix());
        let written = applied.into_iter().flat_map(|applied| {
            let definitions = applied.services.values().chain(applied.timers.values());
            definitions.map(|known| (&known.runs_as, known.arn.as_str()))
        });
        // What app.json's ECS services run stays: they may start tasks with it.
        let prefix = id.service_prefix();
        let written = written
            .filter(|(runs_as, _)| runs_as.starts_with(&prefix))
            .map(|(_, arn)| arn);
        let services = self.leftovers.own_services(id);
        let services = services.map(|service| service.task_definition.as_str());
        let targets = self
            .leftovers
            .own_rules(id)
            .filter_map(|(_, rule)| Some(rule.target.as_ref()?.task_definition.as_str()));
        let arns: BTreeSet<String> = written
            .chain(services)
            .chain(targets)
            .filter(|arn| arn.contains(&families))
            .map(str::to_owned)
            .collect();
        arns.into_iter()
    }

    /// ECS services that are not the App's own, and the revisions that they run.
    pub fn readers(&self, id: &AppId) -> impl Iterator<Item = (&str, &str)> {
        let untagged = self.leftovers.services.iter();
        let untagged = untagged.filter(|service| !id.owns(&service.tags));
        let others = untagged.chain(&self.lent);
        others.map(|service| (service.name.as_str(), service.task_definition.as_str()))
    }
}

/// The ECS services that `app.json` names now, and those that it named when the App was promoted.
async fn lent(
    shell: &Shell,
    id: &AppId,
    applied: Option<&Applied>,
) -> Result<(Vec<EcsService>, Vec<String>), DeletionError> {
    let key = keys::app_settings(&id.app);
    let mut warnings = Vec::new();
    let object = shell.bucket.read(&key).await?;
    let settings = object.map(|object| AppSettings::read(&key, &object.bytes));
    let settings = settings.transpose().unwrap_or_else(|err| {
        warnings.push(format!(
            "the ECS services in `{key}` are not known: {}",
            Chain(&err)
        ));
        None
    });
    let prefix = id.service_prefix();
    let now = settings.unwrap_or_default().services.into_values();
    let written = applied
        .into_iter()
        .flat_map(|applied| applied.services.values())
        .map(|known| known.runs_as.clone());
    let names: BTreeSet<String> = now
        .chain(written)
        .filter(|name| !name.starts_with(&prefix))
        .collect();
    let names: Vec<String> = names.into_iter().collect();
    let services = shell.cluster.services(&names).await?;
    Ok((services.into_values().collect(), warnings))
}
