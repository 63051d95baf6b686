//! All reads of a promote. What they find is plain data; what it means is `plan`'s.

use std::collections::BTreeMap;

use futures_util::future::{try_join, try_join_all};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use shared::app_settings::{AppSettings, Build};
use shared::ecs::{EcsService, Registered};
use shared::environment::{self, EnvironmentObject, ReadEnvironment};
use shared::event_rules::SeenRule;
use shared::manifest::{self, Manifest, Service};
use shared::names::{AppId, ReleaseId, keys};
use shared::promotion::Applied;
use shared::settings_bucket::Object;

use crate::error::PromoteError;
use crate::shell::Shell;

/// Reads of ECS and EventBridge that are under way at once.
const READS_AT_ONCE: usize = 8;

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
    /// The manifest's bytes, where the Release has none of its own yet.
    pub manifest_to_copy: Option<Vec<u8>>,
    /// The cluster.
    pub cluster_arn: String,
    /// ECS services by name.
    pub ecs_services: BTreeMap<String, EcsService>,
    /// Network modes of the definitions that `app.json`'s ECS services run, by ECS service.
    pub network_modes: BTreeMap<String, String>,
    /// Rules by name.
    pub rules: BTreeMap<String, SeenRule>,
    /// The newest revision of each family, where an earlier attempt may have left one.
    pub newest: BTreeMap<String, Registered>,
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
    let (objects, cluster_arn) = try_join(objects(shell, wanted), cluster_arn(shell)).await?;
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
    let mut gathered = Gathered {
        settings,
        build,
        environment,
        env_version_id,
        manifest,
        manifest_to_copy: copy.then_some(manifest_object.bytes),
        cluster_arn,
        ecs_services: BTreeMap::new(),
        network_modes: BTreeMap::new(),
        rules: BTreeMap::new(),
        newest: BTreeMap::new(),
    };
    look_around(shell, wanted, &mut gathered).await?;
    Ok(gathered)
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

async fn cluster_arn(shell: &Shell) -> Result<String, PromoteError> {
    let arn = shell.cluster.arn().await?;
    arn.ok_or_else(|| PromoteError::ClusterMissing {
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

/// What runs: ECS services, rules, and revisions that an earlier attempt may have left.
async fn look_around(
    shell: &Shell,
    wanted: &Wanted<'_>,
    gathered: &mut Gathered,
) -> Result<(), PromoteError> {
    let services = &gathered.manifest.services;
    let names: Result<Vec<String>, _> = services
        .iter()
        .map(|service| ecs_service_name(wanted.id, &gathered.settings, service))
        .collect();
    let names = names?;
    let rules: Vec<String> = gathered
        .manifest
        .timers
        .iter()
        .map(|timer| wanted.id.rule(&timer.name))
        .collect();
    let families = if wanted.interrupted || wanted.applied.is_none() {
        families(wanted.id, gathered)?
    } else {
        Vec::new()
    };

    let ecs = async {
        let services = shell.cluster.services(&names).await?;
        let modes = network_modes(shell, &gathered.settings, &services).await?;
        Ok::<_, PromoteError>((services, modes))
    };
    let rules = bounded(rules, async |name| shell.rules.see(name).await);
    let newest = bounded(families, async |family| {
        shell.cluster.definition(family).await
    });
    let ((services, modes), (rules, newest)) = try_join(ecs, try_join(rules, newest)).await?;
    (gathered.ecs_services, gathered.network_modes) = (services, modes);
    (gathered.rules, gathered.newest) = (rules, newest);
    Ok(())
}

fn families(id: &AppId, gathered: &Gathered) -> Result<Vec<String>, PromoteError> {
    let services = gathered
        .manifest
        .services
        .iter()
        .map(|service| Ok(id.service(&service.name)?));
    let timers = gathered
        .manifest
        .timers
        .iter()
        .map(|timer| Ok(id.timer(&timer.name)?));
    services.chain(timers).collect()
}

/// ECS services of `app.json` keep their network mode, which only their running definition states.
async fn network_modes(
    shell: &Shell,
    settings: &AppSettings,
    services: &BTreeMap<String, EcsService>,
) -> Result<BTreeMap<String, String>, PromoteError> {
    let existing = settings
        .services
        .values()
        .filter_map(|name| services.get(name));
    let bridged = existing
        .filter(|service| !service.awsvpc)
        .map(|service| service.task_definition.clone());
    let modes = bounded(bridged.collect(), async |arn| {
        shell.cluster.definition(arn).await
    })
    .await?;
    let of = |service: &EcsService| match modes.get(&service.task_definition) {
        Some(definition) => definition.network_mode.clone(),
        None => "awsvpc".to_owned(),
    };
    Ok(services
        .values()
        .map(|service| (service.name.clone(), of(service)))
        .collect())
}

/// Looks each name up, a few at a time; what is not there is left out.
async fn bounded<T, E>(
    names: Vec<String>,
    look: impl AsyncFn(&String) -> Result<Option<T>, E>,
) -> Result<BTreeMap<String, T>, PromoteError>
where
    PromoteError: From<E>,
{
    let look = &look;
    let found: Vec<_> = stream::iter(names)
        .map(async |name| Ok::<_, PromoteError>(look(&name).await?.map(|found| (name, found))))
        .buffer_unordered(READS_AT_ONCE)
        .try_collect()
        .await?;
    Ok(found.into_iter().flatten().collect())
}
