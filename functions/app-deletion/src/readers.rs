//! ECS services of the cluster that are not the App's own, and may still need what a deletion takes away.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws::ecs::EcsService;
use lambda::unwanted::bounded;
use names::{AppId, SecretArn};

use crate::error::DeletionError;
use crate::shell::Shell;

/// ECS answers about 20 of these reads a second after a burst of 50, so thousands of definitions take several tries.
const LOOK_LIMIT: Duration = Duration::from_secs(75);
/// ECS services that are not the App's own, and what their definitions read.
#[derive(Debug, Default)]
pub struct Others {
    /// The ECS services.
    pub services: Vec<EcsService>,
    /// What their definitions read, by ARN; those of other Apps of the Rack are left out.
    pub read: BTreeMap<String, BTreeSet<String>>,
}

/// Looks at every ECS service of the cluster that has no name of this App.
///
/// # Errors
///
/// [`DeletionError`] for a call that failed, or where there was not enough time.
pub async fn others(shell: &Shell, id: &AppId) -> Result<Others, DeletionError> {
    let limit = LOOK_LIMIT.mul_f64(shell.config.time_scale);
    let looked = tokio::time::timeout(limit, look(shell, id)).await;
    looked.map_err(|_| DeletionError::ClusterTooLarge {
        cluster: shell.config.cluster.clone(),
        seconds: limit.as_secs(),
    })?
}

async fn look(shell: &Shell, id: &AppId) -> Result<Others, DeletionError> {
    let prefix = id.service_prefix();
    let mut names = shell.cluster.names_of_services("").await?;
    names.retain(|name| !name.starts_with(&prefix));
    let services = shell.cluster.services(&names).await?;
    let services: Vec<EcsService> = services.into_values().collect();
    let read = read(shell, id, &services).await?;
    Ok(Others { services, read })
}

/// What the definitions of these services read.
pub async fn read(
    shell: &Shell,
    id: &AppId,
    services: &[EcsService],
) -> Result<BTreeMap<String, BTreeSet<String>>, DeletionError> {
    let arns = services.iter().flat_map(|service| {
        let may_run = service.may_run.iter();
        may_run.filter(|arn| can_read(id, &service.tags, arn))
    });
    let arns: BTreeSet<String> = arns.cloned().collect();
    let known = &shell.known;
    let read = bounded(arns.into_iter().collect(), async |arn| {
        if let Some(read) = known.get(arn) {
            return Ok::<_, DeletionError>(Some(read));
        }
        let Some(definition) = shell.cluster.definition(arn).await? else {
            return Ok(None);
        };
        let references = definition.secret_references.iter();
        let read: BTreeSet<String> = references.map(|it| secret_of(it)).collect();
        known.put(arn, &read);
        Ok(Some(read))
    });
    read.await
}

/// Whether a definition can read the App's secret: those of other Apps cannot, since convox.yml cannot name it. A family can be
/// called like theirs by anybody, so the ECS service has to be theirs too.
fn can_read(id: &AppId, tags: &BTreeMap<String, String>, definition: &str) -> bool {
    let family = definition.rsplit('/').next().unwrap_or_default();
    let family = family.split(':').next().unwrap_or_default();
    match AppId::parse_service(&id.rack, family) {
        Some((of, _)) => of == *id || !of.owns(tags),
        None => true,
    }
}

/// The secret that a reference, `{arn}:{key}:{stage}:{version}`, names.
fn secret_of(reference: &str) -> String {
    let parts: Vec<&str> = reference.splitn(8, ':').take(7).collect();
    parts.join(":")
}

impl Others {
    /// The ECS services whose tasks read the secret.
    pub fn readers(&self, secret: &SecretArn) -> BTreeSet<String> {
        let reads = |arn: &String| {
            let read = self.read.get(arn);
            read.is_some_and(|read| read.iter().any(|reference| secret.is_named_by(reference)))
        };
        let services = self.services.iter();
        let reading = services.filter(|service| service.may_run.iter().any(reads));
        reading.map(|service| service.name.clone()).collect()
    }

    /// The ECS services that run a definition of the App.
    pub fn run_definitions_of(&self, id: &AppId) -> BTreeSet<String> {
        let is_of_app = |arn: &String| id.names_definition(arn);
        let services = self.services.iter();
        let running = services.filter(|service| service.may_run.iter().any(is_of_app));
        running.map(|service| service.name.clone()).collect()
    }

    /// Every revision that they may start tasks with.
    pub fn revisions(&self) -> BTreeSet<&str> {
        let services = self.services.iter();
        let revisions = services.flat_map(|service| &service.may_run);
        revisions.map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use names::{AppName, RackName};

    use super::*;

    #[test]
    fn only_definitions_of_other_apps_are_known_to_read_nothing_of_this_one() {
        let id = AppId {
            rack: RackName::new("r").unwrap(),
            app: AppName::new("shop").unwrap(),
        };
        let tags = |app: &str| {
            let rack = id.rack.clone();
            let app = AppName::new(app).unwrap();
            AppId { rack, app }.tags()
        };
        for (family, of, want) in [
            ("r_shop_web", "shop", true),
            ("r_other_web", "other", false),
            ("r_other_web", "third", true), // anybody can call a family so
            ("r2_other_web", "other", true),
            ("front", "other", true),
            ("r_other", "other", true),
        ] {
            let arn = format!("arn:aws:ecs:us-east-1:123456789012:task-definition/{family}:7");
            assert_eq!(can_read(&id, &tags(of), &arn), want, "{family}");
        }
    }

    #[test]
    fn many_keys_of_a_secret_are_one_secret() {
        let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:r/shop-AbCdEf";
        let pinned = ":KEY::0123456789abcdef0123456789abcdef";
        for end in ["", ":KEY::", ":KEY:AWSCURRENT:", "::AWSPREVIOUS:", pinned] {
            assert_eq!(secret_of(&format!("{arn}{end}")), arn, "{end}");
        }
    }
}
