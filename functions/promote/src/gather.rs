//! All reads of a promote. What they find is plain data; what it means is `plan`'s.

mod agents;
mod around;

use futures_util::future::{try_join, try_join_all};
use shared::app_settings::{AppSettings, Build};
use shared::ecs::SeenCluster;
use shared::environment::{self, EnvironmentObject, ReadEnvironment};
use shared::manifest::{self, Manifest, Service};
use shared::names::{AppId, ReleaseId, keys};
use shared::promotion::Applied;
use shared::settings_bucket::Object;
use shared::task_definition::READONLY_ROOT;

use crate::error::PromoteError;
use crate::shell::Shell;

pub use agents::Agents;
pub use around::Around;

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
}

/// Everything that a plan is made from.
pub struct Gathered {
    /// `app.json`.
    pub settings: AppSettings,
    /// `build.json`.
    pub build: Build,
    /// The environment and what its reader had to say.
    pub environment: ReadEnvironment,
    /// The version that tasks read: the applied one where the bytes are equal.
    pub env_version_id: String,
    /// The manifest.
    pub manifest: Manifest,
    /// Whether containers may not write to their own file system.
    pub readonly_root: bool,
    /// The manifest's bytes, where the Release has none of its own yet.
    pub manifest_to_copy: Option<Vec<u8>>,
    /// The cluster.
    pub cluster: SeenCluster,
    /// What runs.
    pub around: Around,
}

/// The objects of a Release.
struct Objects {
    environment: Object,
    settings: Option<Object>,
    build: Option<Object>,
    manifest: Option<Object>,
    app_manifest: Option<Object>,
}

/// Reads all that a promote of `wanted` depends on.
///
/// # Errors
///
/// [`PromoteError::Input`] for what the user has to mend, others for calls that failed.
pub async fn gather(shell: &Shell, wanted: &Wanted<'_>) -> Result<Gathered, PromoteError> {
    let (objects, cluster) = try_join(objects(shell, wanted), cluster(shell)).await?;
    let app = &wanted.id.app;
    let settings = read_or_default(
        objects.settings,
        &keys::app_settings(app),
        AppSettings::read,
    )?;
    let build = read_or_default(
        objects.build,
        &keys::build(app, wanted.release),
        Build::read,
    )?;
    let (environment, env_version_id) = try_join(
        open_environment(shell, wanted, &objects.environment),
        effective_version(shell, wanted, &objects.environment),
    )
    .await?;
    let (file, manifest_object, copy) = match (objects.manifest, objects.app_manifest) {
        (Some(own), _) => (keys::release_manifest(app, wanted.release), own, false),
        (None, Some(of_app)) => (keys::app_manifest(app), of_app, true),
        (None, None) => return Err(no_manifest(wanted)),
    };
    let manifest = manifest::load(&file, &manifest_object.bytes, &environment.environment)?;
    let readonly_root = readonly_root(&file, &manifest)?;
    let around = around::look(shell, wanted, &settings, &manifest).await?;
    Ok(Gathered {
        readonly_root,
        settings,
        build,
        environment,
        env_version_id,
        manifest,
        manifest_to_copy: copy.then_some(manifest_object.bytes),
        cluster,
        around,
    })
}

fn readonly_root(file: &str, manifest: &Manifest) -> Result<bool, PromoteError> {
    let Some(param) = manifest.params.get(READONLY_ROOT) else {
        return Ok(false);
    };
    match param.value.as_str() {
        "Yes" => Ok(true),
        "No" => Ok(false),
        _ => Err(PromoteError::input(
            "InvalidParameter",
            format!(
                "{file}:{}: `params.{READONLY_ROOT}` is `{}`; it is `Yes` or `No`",
                param.line, param.shown
            ),
        )),
    }
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
        Some(existing) => Ok(existing.clone()),
        None => Ok(id.service(&service.name)?),
    }
}

async fn objects(shell: &Shell, wanted: &Wanted<'_>) -> Result<Objects, PromoteError> {
    let (app, release) = (&wanted.id.app, wanted.release);
    let others = [
        keys::app_settings(app),
        keys::build(app, release),
        keys::release_manifest(app, release),
        keys::app_manifest(app),
    ];
    let others = try_join_all(
        others
            .iter()
            .map(async |key| Ok(shell.bucket.read(key).await?)),
    );
    let (environment, others) = try_join(environment_bytes(shell, wanted), others).await?;
    let mut others = others.into_iter();
    let mut next = || others.next().flatten();
    Ok(Objects {
        environment,
        settings: next(),
        build: next(),
        manifest: next(),
        app_manifest: next(),
    })
}

async fn cluster(shell: &Shell) -> Result<SeenCluster, PromoteError> {
    let seen = shell.cluster.see().await?;
    seen.ok_or_else(|| PromoteError::ClusterMissing {
        cluster: shell.cluster.name().to_owned(),
    })
}

fn read_or_default<T: Default, E>(
    object: Option<Object>,
    file: &str,
    read: impl Fn(&str, &[u8]) -> Result<T, E>,
) -> Result<T, PromoteError>
where
    PromoteError: From<E>,
{
    Ok(object
        .map(|object| read(file, &object.bytes))
        .transpose()?
        .unwrap_or_default())
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
    let object = environment_bytes(shell, wanted).await?;
    open_environment(shell, wanted, &object).await
}

async fn environment_bytes(shell: &Shell, wanted: &Wanted<'_>) -> Result<Object, PromoteError> {
    let key = keys::environment(&wanted.id.app, wanted.release);
    let object = shell
        .bucket
        .read_version(&key, wanted.env_version_id)
        .await?;
    object.ok_or_else(|| {
        let object = environment_object(shell, wanted);
        PromoteError::input(
            "EnvironmentGone",
            format!("the environment {object} is gone; write it again"),
        )
    })
}

async fn open_environment(
    shell: &Shell,
    wanted: &Wanted<'_>,
    object: &Object,
) -> Result<ReadEnvironment, PromoteError> {
    let at = environment_object(shell, wanted);
    let envelope = match environment::read(&object.bytes) {
        Ok(EnvironmentObject::Plain(environment)) => return Ok(environment),
        Ok(EnvironmentObject::Sealed(envelope)) => envelope,
        Err(err) => return Err(PromoteError::environment(&at, &err)),
    };
    let Some(data_keys) = &shell.data_keys else {
        let message = format!(
            "the environment {at} is an envelope and this Rack has no environment key; set EnvironmentKeyArn, or \
             write the environment in plain form"
        );
        return Err(PromoteError::input("EnvironmentKeyMissing", message));
    };
    let opened = data_keys.open(envelope.encrypted_data_key()).await;
    let data_key = opened.map_err(|source| PromoteError::Envelope {
        object: at.clone(),
        source,
    })?;
    envelope
        .open(&data_key)
        .map_err(|err| PromoteError::environment(&at, &err))
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

fn environment_object(shell: &Shell, wanted: &Wanted<'_>) -> String {
    let key = keys::environment(&wanted.id.app, wanted.release);
    format!(
        "s3://{}/{key} (version {})",
        shell.bucket.name(),
        wanted.env_version_id
    )
}

fn no_manifest(wanted: &Wanted<'_>) -> PromoteError {
    let (app, release) = (&wanted.id.app, wanted.release);
    let (own, of_app) = (
        keys::release_manifest(app, release),
        keys::app_manifest(app),
    );
    PromoteError::input(
        "ManifestMissing",
        format!("there is no manifest: write `{own}`, or `{of_app}` for all Releases"),
    )
}
