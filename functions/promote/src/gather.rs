//! All reads of a promote. What they find is plain data; what it means is `plan`'s.

mod agents;
mod around;
mod named;

use chrono::{DateTime, Utc};
use futures_util::future::{try_join, try_join3};
use shared::app_settings::{AppSettings, Build};
use shared::call_error::ErrorClass;
use shared::ecs::SeenCluster;
use shared::environment::ReadEnvironment;
use shared::manifest::{Manifest, Service};
use shared::names::{AppId, ReleaseId, keys};
use shared::precedence::{self, EnvDelivery};
use shared::promotion::{Allowed, Applied};
use shared::release::{ReadRelease, ReleaseObjects};
use shared::release_checks::Problem;
use shared::resources::Resources;
use shared::secrets::Look;
use shared::settings_bucket::Object;
use shared::stack_state::SeenStack;
use shared::stranded::Stranded;

use crate::error::PromoteError;
use crate::shell::Shell;

pub use agents::Agents;
pub use around::Around;
pub use named::Named;

/// The Release that is wanted.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// The App.
    pub id: &'a AppId,
    /// The Release.
    pub release: &'a ReleaseId,
    /// The S3 version of its environment.
    pub env_version_id: &'a str,
    /// What runs now.
    pub applied: Option<&'a Applied>,
    /// Whether an earlier attempt may have registered definitions that nobody wrote down.
    pub interrupted: bool,
    /// What may be taken away.
    pub allowed: Allowed,
}

/// Everything that a plan is made from.
pub struct Gathered {
    /// `app.json`.
    pub settings: AppSettings,
    /// `build.json`.
    pub build: Build,
    /// The environment and what its reader had to say.
    pub environment: ReadEnvironment,
    /// The bytes of its object.
    pub environment_bytes: usize,
    /// Whether it gives no variable and the applied Release has some.
    pub environment_emptied: bool,
    /// The version that tasks read: the applied one where the bytes are equal.
    pub env_version_id: String,
    /// The manifest.
    pub manifest: Manifest,
    /// Its resources.
    pub resources: Resources,
    /// What is wrong with the resources and params of convox.yml.
    pub problems: Vec<Problem>,
    /// Whether containers may not write to their own file system.
    pub readonly_root: bool,
    /// The manifest's bytes, where the Release has none of its own yet.
    pub manifest_to_copy: Option<Vec<u8>>,
    /// The cluster.
    pub cluster: SeenCluster,
    /// The App's ECS services that are in another cluster.
    pub stranded: Option<Stranded>,
    /// The App's own stack.
    pub stack: Option<SeenStack>,
    /// What runs.
    pub around: Around,
    /// When it was read.
    pub now: DateTime<Utc>,
}

/// Reads all that a promote of `wanted` depends on.
///
/// # Errors
///
/// [`PromoteError::Input`] for what the user has to mend, others for calls that failed.
pub async fn gather(shell: &Shell, wanted: &Wanted<'_>) -> Result<Gathered, PromoteError> {
    let (gathered, ()) = gather_beside(shell, wanted, async |_| ()).await?;
    Ok(gathered)
}

/// The same, and what stands in the secret, where the settings choose Secrets Manager: for a promote that is carried out.
///
/// # Errors
///
/// As [`gather`]. A secret that cannot be read is none: Secrets Manager never blocks a promote.
pub async fn gather_with_secret(
    shell: &Shell,
    wanted: &Wanted<'_>,
) -> Result<(Gathered, Option<Look>), PromoteError> {
    let secret = shell.secrets.of(wanted.id);
    gather_beside(shell, wanted, async |delivery| match delivery {
        EnvDelivery::SecretsManager => Some(secret.look().await),
        EnvDelivery::S3 => None,
    })
    .await
}

/// The rules that the state names are seen beside all else: they are known before convox.yml is read, and take two steps.
async fn gather_beside<T>(
    shell: &Shell,
    wanted: &Wanted<'_>,
    beside: impl AsyncFnOnce(EnvDelivery) -> T,
) -> Result<(Gathered, T), PromoteError> {
    let rest = Box::pin(gather_rest(shell, wanted, beside)); // large
    let rules = around::applied_rules(shell, wanted);
    let ((mut gathered, beside), rules) = try_join(rest, rules).await?;
    let Gathered {
        around, manifest, ..
    } = &mut gathered;
    around.complete(shell, wanted, manifest, rules).await?;
    Ok((gathered, beside))
}

/// `beside` runs with the last reads, when the delivery is known.
async fn gather_rest<T>(
    shell: &Shell,
    wanted: &Wanted<'_>,
    beside: impl AsyncFnOnce(EnvDelivery) -> T,
) -> Result<(Gathered, T), PromoteError> {
    let objects = objects(shell, wanted);
    // Each is large.
    let raw = Box::pin(async { Ok(objects.raw().await?) });
    let stack = Box::pin(async { Ok(shell.stacks.see(wanted.id).await?) });
    let (raw, cluster, stack) = try_join3(raw, cluster(shell), stack).await?;
    let read = Box::pin(async { Ok(objects.read(&raw).await?) });
    let (read, env_version_id) =
        try_join(read, effective_version(shell, wanted, &raw.environment)).await?;
    let ReadRelease {
        settings,
        build,
        environment,
        manifest,
        resources,
        problems,
        readonly_root,
        manifest_to_copy,
    } = read;
    let rack = &shell.config.secrets_manager_env;
    let (decision, _) = precedence::of_release(rack, &settings, &manifest);
    let stranded = Stranded::find(&shell.cluster, wanted.id, wanted.applied).await?;
    let around = Box::pin(around::look(shell, wanted, &settings, &manifest));
    let beside = async { Ok(beside(decision.delivery).await) };
    let (around, beside) = try_join(around, beside).await?;
    let environment_emptied = is_emptied(shell, wanted, &environment).await?;
    let gathered = Gathered {
        settings,
        build,
        environment,
        environment_bytes: raw.environment.bytes.len(),
        environment_emptied,
        env_version_id,
        manifest,
        resources,
        problems,
        readonly_root,
        manifest_to_copy,
        cluster,
        stranded,
        stack,
        around,
        now: (shell.clock)(),
    };
    Ok((gathered, beside))
}

/// The ECS service that a Service moves.
///
/// # Errors
///
/// A name that ECS would refuse.
pub fn ecs_service_name(
    id: &AppId,
    settings: &AppSettings,
    service: &Service,
) -> Result<String, PromoteError> {
    match settings.services.get(&service.name) {
        Some(existing) => Ok(existing.name.clone()),
        None => Ok(id.service(&service.name)?),
    }
}

fn objects<'a>(shell: &'a Shell, wanted: &Wanted<'a>) -> ReleaseObjects<'a> {
    ReleaseObjects {
        bucket: &shell.bucket,
        data_keys: shell.data_keys.as_ref(),
        id: wanted.id,
        release: wanted.release,
        env_version_id: wanted.env_version_id,
    }
}

async fn cluster(shell: &Shell) -> Result<SeenCluster, PromoteError> {
    let seen = shell.cluster.see().await?;
    seen.ok_or_else(|| PromoteError::ClusterMissing {
        cluster: shell.cluster.name().to_owned(),
    })
}

/// The environment of a Release alone.
///
/// # Errors
///
/// As [`gather`].
pub async fn environment(
    shell: &Shell,
    wanted: &Wanted<'_>,
) -> Result<ReadEnvironment, PromoteError> {
    // It is large, and seldom needed.
    Ok(Box::pin(objects(shell, wanted).environment()).await?)
}

/// The manifest of a Release alone.
///
/// # Errors
///
/// As [`gather`].
pub async fn manifest(shell: &Shell, wanted: &Wanted<'_>) -> Result<Manifest, PromoteError> {
    // It is large, and seldom needed.
    Box::pin(async {
        let objects = objects(shell, wanted);
        let raw = objects.raw().await?;
        Ok(objects.read(&raw).await?.manifest)
    })
    .await
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
    let before = ReleaseObjects {
        bucket: &shell.bucket,
        data_keys: shell.data_keys.as_ref(),
        id: wanted.id,
        release: &applied.release,
        env_version_id: &applied.env_version_id,
    };
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
