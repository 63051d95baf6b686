//! All reads of a deletion. What they find is plain data; what it means is `plan`'s.

use std::collections::{BTreeMap, BTreeSet};

use aws::ecs::{EcsService, Registered};
use aws::secrets::SecretSeen;
use futures_util::future::try_join4;
use lambda::stranded::Stranded;
use lambda::unwanted::{Keep, Unwanted, bounded};
use names::AppId;
use promotion::Applied;
use release::stack_state::SeenStack;

use crate::error::DeletionError;
use crate::readers::{self, Others, others};
use crate::shell::Shell;

/// What there is of an App.
#[derive(Debug)]
pub struct Gathered {
    /// ECS services and rules with its names.
    pub unwanted: Unwanted,
    /// ECS services that are not the App's own.
    pub others: Others,
    /// Its secret.
    pub secret: SecretSeen,
    /// Its own stack.
    pub stack: Option<SeenStack>,
    /// Its own task definitions, by ARN.
    pub definitions: BTreeMap<String, Registered>,
}

/// Reads all that a deletion of `id` depends on; `schedules` may stand.
///
/// # Errors
///
/// [`DeletionError`] for a call that failed.
pub async fn gather(
    shell: &Shell,
    id: &AppId,
    applied: Option<&Applied>,
    schedules: bool,
) -> Result<Gathered, DeletionError> {
    if let Some(stranded) = Stranded::find(&shell.cluster, id, applied).await? {
        let changed = stranded.until("delete the App again");
        return Err(DeletionError::ClusterChanged(changed));
    }
    let none = BTreeSet::new();
    let keep = Keep {
        services: &none,
        rules: &none,
        schedules,
    };
    // Each is large, and all of them are under way at once.
    let unwanted = Box::pin(async {
        Ok::<_, DeletionError>(Unwanted::find(shell.places(), id, applied, true, keep).await?)
    });
    let secret = Box::pin(async { Ok(shell.secrets.of(id).see().await?) });
    let stack = Box::pin(async { Ok(shell.stacks.see(id).await?) });
    let others = Box::pin(others(shell, id));
    let (unwanted, secret, stack, others) = try_join4(unwanted, secret, stack, others).await?;
    let mut gathered = Gathered {
        unwanted,
        others,
        secret,
        stack,
        definitions: BTreeMap::new(),
    };
    gathered.add_untagged(shell, id).await?;
    let arns: BTreeSet<String> = gathered.own_revisions(id, applied).collect();
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
        let services = self.unwanted.own_services(id);
        let services = services.map(|service| service.task_definition.as_str());
        let rules = self.unwanted.own_rules(id);
        let schedules = self.unwanted.own_schedules(id);
        let targets = rules
            .filter_map(|(_, rule)| rule.target.as_ref())
            .chain(schedules.filter_map(|(_, schedule)| schedule.target()))
            .map(|target| target.task_definition.as_str());
        let arns: BTreeSet<String> = written
            .chain(services)
            .chain(targets)
            .filter(|arn| arn.contains(&families))
            .map(str::to_owned)
            .collect();
        arns.into_iter()
    }

    /// Those with a name of this App and without its tags are somebody else's too.
    async fn add_untagged(&mut self, shell: &Shell, id: &AppId) -> Result<(), DeletionError> {
        let untagged = self.unwanted.services.iter();
        let untagged = untagged.filter(|service| !id.owns(&service.tags));
        let untagged: Vec<EcsService> = untagged.cloned().collect();
        let read = readers::read(shell, id, &untagged).await?;
        self.others.read.extend(read);
        self.others.services.extend(untagged);
        Ok(())
    }
}
