//! All reads before anything is registered. What they find is plain data; what it means is `plan`'s.

use std::collections::BTreeMap;

use aws::secrets::{ReadableSecret, SecretError};
use futures_util::future::try_join;
use lambda::release::{ReadRelease, ReleaseObjects};
use lambda::state_store::StateStore;
use manifest::Service;
use manifest::precedence::{self, EnvDelivery, EnvVersion};
use names::{AppId, ReleaseId, keys};
use promotion::{Applied, Promotion, Work};
use release::app_stack::StackOutputs;
use release::entrance::{Entrance, Routes, TargetKind};
use release::task_definition::RuntimePlatform;
use release::timer_rule::Network;

use crate::error::RunError;
use crate::problem::RunProblem;
use crate::request::RunRequest;
use crate::shell::Shell;

/// Everything that a plan is made from.
pub struct Gathered {
    /// The Release: the one that was asked for, or the applied one.
    pub release: ReleaseId,
    /// The S3 version of its environment.
    pub env_version_id: String,
    /// The bytes of that object.
    pub environment_bytes: usize,
    /// What the Release says.
    pub read: ReadRelease,
    /// The addresses of Services, for links to them.
    pub addresses: BTreeMap<String, String>,
    /// What the App's own stack gives to tasks; `None` where there is no stack.
    pub stack: Option<StackOutputs>,
    /// The secret, where it can matter.
    pub secret: Secret,
    /// The machines that its image is built for, where an ECS service that `app.json` names says so.
    pub runtime_platform: Option<RuntimePlatform>,
    /// The network that the App was promoted in, where that is known: its resources let that in.
    pub network: Option<Network>,
}

/// What is known of the App's secret.
pub enum Secret {
    /// The settings chose S3.
    NotWanted,
    /// What was looked for, and what was found.
    Looked {
        /// The versions that may hold this environment.
        version_ids: Vec<String>,
        /// Which of them task definitions name.
        version: EnvVersion,
        /// What tasks can read.
        found: Result<ReadableSecret, SecretError>,
    },
}

/// Reads all that a process depends on.
///
/// # Errors
///
/// [`RunError::Input`] and [`RunError::Release`] for what the user has to mend, others for calls that failed.
pub async fn gather(shell: &Shell, request: &RunRequest) -> Result<Gathered, RunError> {
    let id = &request.id;
    let state = StateStore::promotion(&shell.bucket, &id.app).read().await?;
    let applied = applied(&request.id, state.state)?;
    let release = wanted(request, applied.as_ref())?;
    let network = applied.as_ref().and_then(|applied| applied.network.clone());
    let running = running(request, applied.as_ref());
    let of_this = applied.as_ref();
    let of_this = of_this.filter(|applied| applied.release == release);
    let env_version_id = match of_this {
        Some(applied) => applied.env_version_id.clone(),
        None => current_version(shell, id, &release).await?,
    };
    let objects = ReleaseObjects {
        bucket: &shell.bucket,
        data_keys: shell.data_keys.as_ref(),
        id,
        release: &release,
        env_version_id: &env_version_id,
        is_draft: false,
        rack: shell.config.of_rack(),
    };
    let raw = async { Ok::<_, RunError>(objects.raw().await?) };
    let outputs = async { Ok(shell.stacks.outputs(id).await?) };
    let (raw, outputs) = try_join(raw, outputs).await?;
    let read = objects.read(&raw).await?;
    let runtime_platform = platform(shell, request, &read, running).await?;
    let version_ids = version_ids((&release, &env_version_id), applied.as_ref());
    let secret = look(shell, id, &read, version_ids).await;
    let entrance = shell.config.entrance.as_ref();
    let addresses = entrance.map(|entrance| addresses(entrance, id, &read));
    Ok(Gathered {
        addresses: addresses.unwrap_or_default(),
        runtime_platform,
        release,
        env_version_id,
        environment_bytes: raw.environment.bytes.len(),
        read,
        stack: outputs.map(StackOutputs::read),
        secret,
        network,
    })
}

/// The addresses that a promote of the Release gives its Services.
fn addresses(entrance: &Entrance, id: &AppId, read: &ReadRelease) -> BTreeMap<String, String> {
    let is_reached = |service: &&Service| {
        service.agent.is_none() && !read.settings.services.contains_key(&service.name)
    };
    // Where its tasks are found is nothing to its address.
    let services = read.manifest.services.iter().filter(is_reached);
    let services: Vec<(&Service, Option<TargetKind>)> = services
        .map(|service| (service, Some(TargetKind::Ip)))
        .collect();
    Routes::of(entrance, id, &services).links(entrance)
}

/// The revision that the Service runs.
fn running(request: &RunRequest, applied: Option<&Applied>) -> Option<String> {
    let services = &applied?.services;
    Some(services.get(request.service.as_str())?.arn.clone())
}

/// The machines of the ECS service that `app.json` names for the Service: its image is built for those.
async fn platform(
    shell: &Shell,
    request: &RunRequest,
    read: &ReadRelease,
    running: Option<String>,
) -> Result<Option<RuntimePlatform>, RunError> {
    let is_named = read.settings.services.contains_key(&request.service);
    let Some(arn) = running.filter(|_| is_named) else {
        return Ok(None);
    };
    let definition = shell.cluster.whole_definition(&arn).await?;
    Ok(definition.and_then(|definition| definition.runtime_platform))
}

/// What runs, unless the App is deleted or on its way out.
fn applied(id: &AppId, state: Promotion) -> Result<Option<Applied>, RunError> {
    let deleted = |work: &Work| *work == Work::Delete;
    if state.desired.is_some_and(|desired| deleted(&desired.work)) {
        let app = id.app.clone();
        return Err(RunProblem::AppDeleted { app }.into());
    }
    Ok(state.applied)
}

fn wanted(request: &RunRequest, applied: Option<&Applied>) -> Result<ReleaseId, RunError> {
    let named = request.release.as_ref();
    let release = named.or_else(|| applied.map(|applied| &applied.release));
    release.cloned().ok_or_else(|| {
        let app = request.id.app.clone();
        RunProblem::NoRelease { app }.into()
    })
}

async fn current_version(
    shell: &Shell,
    id: &AppId,
    release: &ReleaseId,
) -> Result<String, RunError> {
    let key = keys::environment(&id.app, release);
    let version = shell.bucket.version(&key, None).await?;
    let version = version.ok_or_else(|| RunProblem::ReleaseNotFound {
        app: id.app.clone(),
        release: release.clone(),
        key,
    })?;
    Ok(version.id)
}

/// The versions of the secret that hold a version of a Release's environment: the one that the applied Release was delivered
/// with, and those that were made of it.
fn version_ids(
    (release, env_version_id): (&ReleaseId, &str),
    applied: Option<&Applied>,
) -> Vec<String> {
    let is_applied = |applied: &&Applied| {
        applied.release == *release && applied.env_version_id == env_version_id
    };
    let secret = applied.filter(is_applied);
    let secret = secret.and_then(|applied| applied.secret.as_ref());
    let applied_id = secret.map(|secret| secret.version_id.clone());
    let recorded = applied.into_iter().flat_map(|applied| &applied.versions);
    let recorded = recorded.filter(|version| {
        version.release.as_ref() == Some(release)
            && version.env_version_id.as_deref() == Some(env_version_id)
    });
    let recorded = recorded.map(|version| version.id.clone());
    applied_id.into_iter().chain(recorded).collect()
}

/// Looks at the secret where the settings want it.
async fn look(shell: &Shell, id: &AppId, read: &ReadRelease, version_ids: Vec<String>) -> Secret {
    let config = &shell.config;
    let (rack, manifest) = (&config.secrets_manager_env, &read.manifest);
    let (decision, _) = precedence::of_release(rack, &read.settings, manifest);
    if decision.delivery == EnvDelivery::S3 {
        return Secret::NotWanted;
    }
    let rack = &config.secrets_manager_env_version;
    let (version, _) = precedence::version_of_release(rack, manifest);
    Secret::Looked {
        version_ids,
        version,
        found: shell.secrets.of(id).readable().await,
    }
}
