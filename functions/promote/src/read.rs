//! All reads of a promote. What they find is plain data; what it means is `plan`'s.

mod agents;
mod named;
mod surroundings;

use std::collections::BTreeSet;

use aws::call_error::ErrorClass;
use aws::ecs::SeenCluster;
use aws::secrets::{self, SecretLook};
use aws::settings_bucket::Object;
use environment::Environment;
use futures_util::future::{try_join, try_join3, try_join4};
use lambda::intake::Failure as _;
use lambda::release::{RawRelease, ReadRelease, ReleaseError, ReleaseObjects};
use lambda::state_store::{Snapshot, StateStore};
use lambda::stranded::Stranded;
use lambda::work::RecordRead;
use manifest::precedence::EnvDelivery;
use names::error_chain::Chain;
use names::{AppId, ReleaseId, keys};
use promotion::{Applied, Record};
use release::entrance::Reservations;

use crate::error::PromoteError;
use crate::facts::{Facts, Wanted, decide_delivery, version_ids};
use crate::shell::Shell;

/// Reads all that a promote of `wanted` depends on, the secret included, where the settings choose Secrets Manager.
///
/// What the state names is read at once; only what convox.yml, app.json or the environment adds to that is read after them.
///
/// # Errors
///
/// [`PromoteError::Input`] for what the user has to mend, others for calls that failed. A secret that cannot be read is none:
/// Secrets Manager never blocks a promote.
pub async fn read_facts(shell: &Shell, wanted: &Wanted<'_>) -> Result<Facts, PromoteError> {
    let objects = ReleaseObjects {
        is_draft: wanted.is_draft,
        ..release_objects(shell, wanted.id, wanted.release, wanted.env_version_id)
    };
    // Each is large.
    let release = Box::pin(read_release(objects));
    let stack = Box::pin(async { Ok(shell.stacks.see(wanted.id).await?) });
    let before = Box::pin(environment_before(shell, wanted));
    let around = Box::pin(known_surroundings(shell, wanted));
    let look = Box::pin(async { Ok(early_look(shell, wanted).await) });
    let of_stack = try_join3(cluster(shell), stack, reservations(shell));
    let ((raw, release), (cluster, stack, reservations), before, (known, look)) =
        try_join4(release, of_stack, before, try_join(around, look)).await?;
    let Before {
        object: object_before,
        environment: before,
    } = before;
    let env_version_id = effective_version(wanted, &raw.environment, object_before.as_ref());
    let (settings, manifest) = (&release.settings, &release.manifest);
    let (decision, env_version, refused) = decide_delivery(&shell.config, settings, manifest);
    let record = known.record;
    let was_live = record.is_some();
    let record = record.filter(|record| record.env_version_id == env_version_id);
    let surroundings =
        surroundings::read(shell, wanted, &release, (known.standing, decision.delivery));
    let surroundings = Box::pin(surroundings); // large
    let environment = &release.environment.environment;
    let known_before = before.as_ref().and_then(|before| before.as_ref().ok());
    let version_ids = version_ids(
        &shell.config,
        wanted,
        &env_version_id,
        environment,
        known_before,
    );
    let secret = async {
        if decision.delivery == EnvDelivery::S3 {
            return Ok(None);
        }
        let secret = shell.secrets.of(wanted.id);
        let look = match look {
            Some(look) => look,
            None => secret.look(version_ids.get(..1).unwrap_or(&[])).await,
        };
        let value = environment.to_secret_string();
        Ok(Some(secret.see_value(look, &value, &version_ids).await))
    };
    let (surroundings, secret) = try_join(surroundings, secret).await?;
    Ok(Facts {
        release,
        environment_bytes: raw.environment.bytes.len(),
        record,
        was_live,
        applied_environment: before,
        env_version_id,
        decision,
        env_version,
        refused,
        cluster,
        stranded: known.stranded,
        stack,
        reservations,
        secret,
        version_ids,
        secret_key_arn: shell.config.secret_key_arn.clone(),
        surroundings,
        now: (shell.clock)(),
    })
}

/// The reservations of all Apps, where the Rack has load balancers.
async fn reservations(shell: &Shell) -> Result<Snapshot<Reservations>, PromoteError> {
    if shell.config.release.entrance.is_none() {
        return Ok(Snapshot::default());
    }
    let store = StateStore::reservations(&shell.bucket);
    Ok(store.read().await?)
}

async fn read_release(
    objects: ReleaseObjects<'_>,
) -> Result<(RawRelease, ReadRelease), PromoteError> {
    let raw = Box::pin(objects.raw()).await?; // large
    let release = Box::pin(objects.read(&raw)).await?; // large
    Ok((raw, release))
}

/// What stands of all that the state and the record name.
struct Known {
    stranded: Option<Stranded>,
    record: Option<Record>,
    standing: surroundings::Standing,
}

async fn known_surroundings(shell: &Shell, wanted: &Wanted<'_>) -> Result<Known, PromoteError> {
    let stranded = async { Ok(Stranded::find(&shell.cluster, wanted.id, wanted.applied).await?) };
    let recorded = async {
        let record = recorded(shell, wanted).await?;
        let dead = surroundings::dead_of_record(shell, wanted, record.as_ref()).await?;
        Ok((record, dead))
    };
    let applied = surroundings::of_applied(shell, wanted);
    let (stranded, (record, dead), mut standing) = try_join3(stranded, recorded, applied).await?;
    standing.dead = dead;
    Ok(Known {
        stranded,
        record,
        standing,
    })
}

/// The secret, where the applied Release is delivered by one: the version that this Release would have, and the applied one,
/// which it has where the values are equal.
async fn early_look(shell: &Shell, wanted: &Wanted<'_>) -> Option<SecretLook> {
    let applied = wanted.applied?.secret.as_ref()?;
    let key_arn = shell.config.secret_key_arn.as_deref();
    let own = secrets::ids(wanted.id, wanted.release, wanted.env_version_id, key_arn);
    let own = own.into_iter().take(1);
    let ids: BTreeSet<String> = own.chain([applied.version_id.clone()]).collect();
    let ids: Vec<String> = ids.into_iter().collect();
    Some(shell.secrets.of(wanted.id).look(&ids).await)
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
        is_draft: false,
        rack: shell.config.release.of_rack(),
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

/// The record of the Release, where the App is applied: after a deletion its revisions are gone.
async fn recorded(shell: &Shell, wanted: &Wanted<'_>) -> Result<Option<Record>, PromoteError> {
    let applied = wanted.applied.map(|applied| &applied.release);
    if applied.is_none_or(|applied| applied == wanted.release) {
        return Ok(None);
    }
    let record = match wanted.record {
        RecordRead::Known(record) => record.clone(),
        RecordRead::NotYet => record(shell, wanted.id, wanted.release).await?,
    };
    Ok(record.map(|record| *record))
}

/// What a Release ran when it was live before. What nobody can read is nothing, since it only spares work.
///
/// # Errors
///
/// [`PromoteError`] of the transient class, when the call fails.
pub async fn record(
    shell: &Shell,
    id: &AppId,
    release: &ReleaseId,
) -> Result<Option<Box<Record>>, PromoteError> {
    match shell.bucket.read(&keys::record(&id.app, release)).await {
        Ok(object) => Ok(object.and_then(|object| serde_json::from_slice(&object.bytes).ok())),
        Err(err) if err.class() == ErrorClass::Transient => Err(err.into()),
        Err(_) => Ok(None),
    }
}

/// The applied Release's environment.
#[derive(Default)]
struct Before {
    /// The object that it was delivered from.
    object: Option<Object>,
    /// What that says, or why nobody can read it any more; `None` where nothing is applied.
    environment: Option<Result<Environment, String>>,
}

/// What keeps the environment of before from being read for good stops no promote: nothing is kept then, and more is restarted
/// than had to be.
async fn environment_before(shell: &Shell, wanted: &Wanted<'_>) -> Result<Before, PromoteError> {
    let Some(applied) = wanted.applied else {
        return Ok(Before::default());
    };
    let unreadable = |err: ReleaseError| match err.class() {
        ErrorClass::Transient => Err(PromoteError::from(err)),
        ErrorClass::Permanent => Ok(Some(Err(Chain(&PromoteError::from(err)).to_string()))),
    };
    let objects = applied_objects(shell, wanted.id, applied);
    let object = match objects.environment_bytes().await {
        Ok(object) => object,
        Err(err) => {
            return Ok(Before {
                object: None,
                environment: unreadable(err)?,
            });
        }
    };
    let environment = match objects.open(&object).await {
        Ok(before) => Some(Ok(before.environment)),
        Err(err) => unreadable(err)?,
    };
    Ok(Before {
        object: Some(object),
        environment,
    })
}

/// A re-promote of equal bytes keeps the applied version, so that nothing is registered anew.
fn effective_version(wanted: &Wanted<'_>, object: &Object, before: Option<&Object>) -> String {
    let applied = wanted
        .applied
        .filter(|applied| applied.release == *wanted.release);
    let is_equal = before.is_some_and(|before| before.bytes == object.bytes);
    let applied = applied.filter(|_| is_equal);
    applied
        .map_or(wanted.env_version_id, |applied| &applied.env_version_id)
        .to_owned()
}
