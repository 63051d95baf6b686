//! All reads of a promote. What they find is plain data; what it means is `plan`'s.

mod agents;
mod named;
mod surroundings;

use aws::call_error::ErrorClass;
use aws::ecs::SeenCluster;
use aws::settings_bucket::Object;
use environment::ReadEnvironment;
use futures_util::future::{try_join, try_join3};
use lambda::intake::Failure as _;
use lambda::release::ReleaseObjects;
use lambda::stranded::Stranded;
use manifest::precedence::EnvDelivery;
use names::{AppId, ReleaseId, keys};
use promotion::Applied;

use crate::error::PromoteError;
use crate::facts::{Facts, Wanted, decide_delivery};
use crate::shell::Shell;

/// Reads all that a promote of `wanted` depends on, the secret included, where the settings choose Secrets Manager.
///
/// # Errors
///
/// [`PromoteError::Input`] for what the user has to mend, others for calls that failed. A secret that cannot be read is none:
/// Secrets Manager never blocks a promote.
pub async fn read_facts(shell: &Shell, wanted: &Wanted<'_>) -> Result<Facts, PromoteError> {
    let rest = Box::pin(read_all_but_applied_rules(shell, wanted)); // large
    // Known before convox.yml is read, and they take two steps.
    let rules = surroundings::applied_rules(shell, wanted);
    let (mut facts, rules) = try_join(rest, rules).await?;
    let (surroundings, manifest) = (&mut facts.surroundings, &facts.release.manifest);
    surroundings::complete(surroundings, shell, wanted, manifest, rules).await?;
    Ok(facts)
}

/// The secret is read with the last reads, when the delivery is known.
async fn read_all_but_applied_rules(
    shell: &Shell,
    wanted: &Wanted<'_>,
) -> Result<Facts, PromoteError> {
    let objects = release_objects(shell, wanted.id, wanted.release, wanted.env_version_id);
    // Each is large.
    let raw = Box::pin(async { Ok(objects.raw().await?) });
    let stack = Box::pin(async { Ok(shell.stacks.see(wanted.id).await?) });
    let (raw, cluster, stack) = try_join3(raw, cluster(shell), stack).await?;
    let read = Box::pin(async { Ok(objects.read(&raw).await?) });
    let (release, env_version_id) =
        try_join(read, effective_version(shell, wanted, &raw.environment)).await?;
    let (settings, manifest) = (&release.settings, &release.manifest);
    let (decision, refused) = decide_delivery(&shell.config, settings, manifest);
    let stranded = Stranded::find(&shell.cluster, wanted.id, wanted.applied).await?;
    let surroundings = surroundings::read(shell, wanted, &release, decision.delivery);
    let surroundings = Box::pin(surroundings); // large
    let secret = shell.secrets.of(wanted.id);
    let secret = async {
        Ok(match decision.delivery {
            EnvDelivery::SecretsManager => Some(secret.see_value().await),
            EnvDelivery::S3 => None,
        })
    };
    let (surroundings, secret) = try_join(surroundings, secret).await?;
    let environment_emptied = is_emptied(shell, wanted, &release.environment).await?;
    Ok(Facts {
        release,
        environment_bytes: raw.environment.bytes.len(),
        environment_emptied,
        env_version_id,
        decision,
        refused,
        cluster,
        stranded,
        stack,
        secret,
        surroundings,
        now: (shell.clock)(),
    })
}

/// The objects of a Release in the settings bucket, with that version of its environment.
pub fn release_objects<'a>(
    shell: &'a Shell,
    id: &'a AppId,
    release: &'a ReleaseId,
    env_version_id: &'a str,
) -> ReleaseObjects<'a> {
    ReleaseObjects {
        bucket: &shell.bucket,
        data_keys: shell.data_keys.as_ref(),
        id,
        release,
        env_version_id,
    }
}

/// The objects of the applied Release.
pub fn applied_objects<'a>(
    shell: &'a Shell,
    id: &'a AppId,
    applied: &'a Applied,
) -> ReleaseObjects<'a> {
    release_objects(shell, id, &applied.release, &applied.env_version_id)
}

async fn cluster(shell: &Shell) -> Result<SeenCluster, PromoteError> {
    let seen = shell.cluster.see().await?;
    seen.ok_or_else(|| PromoteError::ClusterMissing {
        cluster: shell.cluster.name().to_owned(),
    })
}

/// Whether `environment` gives no variable and the applied Release has some. That one is read again, since its object is
/// what it was delivered from; where it is gone it counts as one that has some, which the request can say is meant.
async fn is_emptied(
    shell: &Shell,
    wanted: &Wanted<'_>,
    environment: &ReadEnvironment,
) -> Result<bool, PromoteError> {
    let Some(applied) = wanted.applied else {
        return Ok(false);
    };
    if wanted.allowed.removal || !environment.environment.is_empty() {
        return Ok(false);
    }
    let before = applied_objects(shell, wanted.id, applied);
    // It is large, and seldom needed.
    match Box::pin(before.environment()).await {
        Ok(before) => Ok(!before.environment.is_empty()),
        Err(err) if err.class() == ErrorClass::Transient => Err(err.into()),
        Err(_) => Ok(true),
    }
}

/// A re-promote of equal bytes keeps the applied version, so that nothing is registered anew.
async fn effective_version(
    shell: &Shell,
    wanted: &Wanted<'_>,
    object: &Object,
) -> Result<String, PromoteError> {
    let own = wanted.env_version_id;
    let applied = wanted
        .applied
        .filter(|applied| applied.release == *wanted.release && applied.env_version_id != own);
    if let Some(applied) = applied {
        let key = keys::environment(&wanted.id.app, wanted.release);
        let before = shell
            .bucket
            .read_version(&key, &applied.env_version_id)
            .await?;
        if before.is_some_and(|before| before.bytes == object.bytes) {
            return Ok(applied.env_version_id.clone());
        }
    }
    Ok(own.to_owned())
}
