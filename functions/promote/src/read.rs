//! All reads of a promote. What they find is plain data; what it means is `plan`'s.

mod agents;
mod named;
mod surroundings;

use aws::call_error::ErrorClass;
use aws::ecs::SeenCluster;
use aws::settings_bucket::Object;
use environment::Environment;
use futures_util::future::{try_join, try_join4};
use lambda::intake::Failure as _;
use lambda::release::ReleaseObjects;
use lambda::stranded::Stranded;
use manifest::precedence::EnvDelivery;
use names::error_chain::Chain;
use names::{AppId, ReleaseId, keys};
use promotion::{Applied, Record};

use crate::error::PromoteError;
use crate::facts::{Facts, Wanted, decide_delivery, version_ids};
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
    let delivery = facts.decision.delivery;
    surroundings::complete(surroundings, shell, wanted, (manifest, delivery), rules).await?;
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
    let before = Box::pin(environment_before(shell, wanted));
    let known = try_join(before, record(shell, wanted));
    let (raw, cluster, stack, known) = try_join4(raw, cluster(shell), stack, known).await?;
    let (before, record) = known;
    let read = Box::pin(async { Ok(objects.read(&raw).await?) });
    let (release, env_version_id) =
        try_join(read, effective_version(shell, wanted, &raw.environment)).await?;
    let (settings, manifest) = (&release.settings, &release.manifest);
    let (decision, env_version, refused) = decide_delivery(&shell.config, settings, manifest);
    let stranded = Stranded::find(&shell.cluster, wanted.id, wanted.applied).await?;
    let record = record.filter(|record| record.env_version_id == env_version_id);
    let read = (&release, record.as_ref());
    let surroundings = surroundings::read(shell, wanted, read, decision.delivery);
    let surroundings = Box::pin(surroundings); // large
    let secret = shell.secrets.of(wanted.id);
    let environment = &release.environment.environment;
    let known = before.as_ref().and_then(|before| before.as_ref().ok());
    let version_ids = version_ids(&shell.config, wanted, &env_version_id, environment, known);
    let secret = async {
        if decision.delivery == EnvDelivery::S3 {
            return Ok(None);
        }
        let value = environment.to_secret_string();
        Ok(Some(secret.see_value(&value, &version_ids).await))
    };
    let (surroundings, secret) = try_join(surroundings, secret).await?;
    Ok(Facts {
        release,
        environment_bytes: raw.environment.bytes.len(),
        record,
        applied_environment: before,
        env_version_id,
        decision,
        env_version,
        refused,
        cluster,
        stranded,
        stack,
        secret,
        version_ids,
        secret_key_arn: shell.config.secret_key_arn.clone(),
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

/// The record of the Release, where the App is applied: after a deletion its revisions are gone. One that nobody can read is
/// none, since it only spares work.
async fn record(shell: &Shell, wanted: &Wanted<'_>) -> Result<Option<Record>, PromoteError> {
    if wanted
        .applied
        .is_none_or(|applied| applied.release == *wanted.release)
    {
        return Ok(None);
    }
    let key = keys::record(&wanted.id.app, wanted.release);
    match shell.bucket.read(&key).await {
        Ok(object) => Ok(object.and_then(|object| serde_json::from_slice(&object.bytes).ok())),
        Err(err) if err.class() == ErrorClass::Transient => Err(err.into()),
        Err(_) => Ok(None),
    }
}

/// The environment of the applied Release, from the object that it was delivered from. What keeps it from being read for good
/// stops no promote: nothing is kept then, and more is restarted than had to be.
async fn environment_before(
    shell: &Shell,
    wanted: &Wanted<'_>,
) -> Result<Option<Result<Environment, String>>, PromoteError> {
    let Some(applied) = wanted.applied else {
        return Ok(None);
    };
    match applied_objects(shell, wanted.id, applied)
        .environment()
        .await
    {
        Ok(before) => Ok(Some(Ok(before.environment))),
        Err(err) if err.class() == ErrorClass::Transient => Err(err.into()),
        Err(err) => Ok(Some(Err(Chain(&PromoteError::from(err)).to_string()))),
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
