//! What a promote would do, without a single write.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::app_stack::RemovedResource;
use shared::call_error::ErrorClass;
use shared::environment::{Environment, KeyChanges};
use shared::error_chain::Chain;
use shared::intake::Failure as _;
use shared::names::{AppId, ReleaseId, keys};
use shared::precedence::{EnvDelivery, Level};
use shared::promotion::{Allowed, Applied};
use shared::secrets::SECRET_MAX_BYTES;
use shared::state_store::StateStore;
use shared::task_definition::{EnvSource, TASK_DEFINITION_MAX_BYTES};

use crate::apply::Job;
use crate::error::PromoteError;
use crate::gather::{self, Gathered, Wanted};
use crate::plan::{self, Plan, Process, SecretStep};
use crate::report::Fallback;
use crate::shell::Shell;

/// Stands in for the request's id.
const REQUEST: &str = "dry-run";

/// The answer to a dry run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Planned {
    /// The Rack.
    pub rack: String,
    /// The App.
    pub app: String,
    /// The Release.
    pub release: String,
    /// Always `planned`.
    pub status: &'static str,
    /// Always true: nothing was written.
    pub dry_run: bool,
    /// The S3 version of the environment.
    pub env_version_id: String,
    /// How tasks would get it.
    pub delivery: EnvDelivery,
    /// Who decided that.
    pub decided_by: Level,
    /// Why Secrets Manager could not be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
    /// What changes against the applied Release, by name.
    pub keys: KeyChanges,
    /// What would become of the App's own stack: `ready`, `create`, `update`, `replace` or `wait`.
    pub stack: &'static str,
    /// By Service.
    pub services: BTreeMap<String, PlannedDefinition>,
    /// By Timer.
    pub timers: BTreeMap<String, PlannedDefinition>,
    /// ECS services and rules that would be removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    /// Resources that convox.yml no longer has, and what would become of their data.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed_resources: Vec<RemovedResource>,
    /// Sizes against the limits.
    pub sizes: Sizes,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Variables whose values would stand where convox.yml puts them.
    pub interpolated: Vec<String>,
}

/// What would become of one Service or Timer.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedDefinition {
    /// What it runs now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<String>,
    /// Whether a new one would be registered, or what runs it would be told anything else.
    pub changes: bool,
    /// Its size in bytes.
    pub bytes: usize,
}

/// Sizes in bytes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sizes {
    /// The environment as a secret.
    pub secret: usize,
    /// The largest key of the environment, and the bytes of its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest_key: Option<Largest>,
    /// What a secret holds.
    pub secret_max: usize,
    /// The largest task definition.
    pub task_definition: usize,
    /// Whose that is: `services.web`, `timers.nightly`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest_task_definition: Option<Largest>,
    /// What ECS takes.
    pub task_definition_max: usize,
}

/// What takes the most room.
#[derive(Debug, Serialize)]
pub struct Largest {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: usize,
}

/// Plans the promote of a Release as it stands.
///
/// # Errors
///
/// [`PromoteError`], the user's errors included.
pub async fn dry_run(
    shell: &Shell,
    id: &AppId,
    release: &ReleaseId,
    allowed: Allowed,
) -> Result<Planned, PromoteError> {
    let key = keys::environment(&id.app, release);
    let version = shell.bucket.version(&key, None).await?;
    let version = version.ok_or_else(|| {
        PromoteError::input(
            "ReleaseNotFound",
            format!("Release `{release}` has no environment: write `{key}`"),
        )
    })?;
    let state = StateStore::promotion(&shell.bucket, &id.app)
        .read()
        .await?
        .state;
    let applied = state.applied.as_ref();
    let wanted = Wanted {
        id,
        release,
        env_version_id: &version.id,
        applied,
        interrupted: false,
        allowed,
    };
    let gathered = gather::gather(shell, &wanted).await?;
    let before = environment_before(shell, id, applied).await?;
    let mut plan = plan::plan(&shell.config, &wanted, &gathered, REQUEST)?;
    let before = before.unwrap_or_else(|reason| {
        plan.warnings.push(format!(
            "which keys change is not known, so all are said to be added: {reason}"
        ));
        Environment::default()
    });
    answer(shell, &wanted, &gathered, &plan, &before)
}

/// The environment that runs, or why it cannot be read any more: a promote does without it.
async fn environment_before(
    shell: &Shell,
    id: &AppId,
    applied: Option<&Applied>,
) -> Result<Result<Environment, String>, PromoteError> {
    let Some(applied) = applied else {
        return Ok(Ok(Environment::default()));
    };
    let (release, env_version_id) = (&applied.release, applied.env_version_id.as_str());
    let wanted = Wanted {
        id,
        release,
        env_version_id,
        applied: None,
        interrupted: false,
        allowed: Allowed::default(),
    };
    match gather::environment(shell, &wanted).await {
        Ok(read) => Ok(Ok(read.environment)),
        Err(err) if err.class() == ErrorClass::Transient => Err(err),
        Err(err) => Ok(Err(Chain(&err).to_string())),
    }
}

fn answer(
    shell: &Shell,
    wanted: &Wanted<'_>,
    gathered: &Gathered,
    plan: &Plan<'_>,
    before: &Environment,
) -> Result<Planned, PromoteError> {
    let environment = &gathered.environment.environment;
    let keys = before.changes_to(environment);
    let (delivery, fallback) = delivery(plan);
    let source = match delivery {
        EnvDelivery::S3 => plan::s3_source(&shell.config, wanted, gathered),
        EnvDelivery::SecretsManager => {
            plan::expected_source(wanted, gathered, environment == before)
        }
    };
    let planned = definitions(shell, wanted, gathered, plan, &source)?;
    let mut warnings = plan.warnings.clone();
    if let SecretStep::Impossible { message, .. } = &plan.secret {
        warnings.push(format!("Secrets Manager would not be used: {message}"));
    }
    let of_kind = |timers: bool| {
        let of_kind = planned
            .iter()
            .filter(|(process, _)| process.is_timer() == timers);
        of_kind
            .map(|(process, definition)| (process.name().to_owned(), definition.clone()))
            .collect()
    };
    Ok(Planned {
        rack: wanted.id.rack.to_string(),
        app: wanted.id.app.to_string(),
        release: wanted.release.to_string(),
        status: "planned",
        dry_run: true,
        env_version_id: gathered.env_version_id.clone(),
        delivery,
        decided_by: plan.decision.decided_by,
        fallback,
        keys,
        stack: plan.stack.step.name(),
        services: of_kind(false),
        timers: of_kind(true),
        removed: plan.removals.names(),
        removed_resources: plan.stack.removed.clone(),
        sizes: sizes(environment, &planned),
        warnings,
        interpolated: gathered.manifest.interpolated.iter().cloned().collect(),
    })
}

/// The delivery, and why it is not the wanted one.
fn delivery(plan: &Plan<'_>) -> (EnvDelivery, Option<Fallback>) {
    match &plan.secret {
        SecretStep::Write { .. } => (EnvDelivery::SecretsManager, None),
        SecretStep::Off => (EnvDelivery::S3, None),
        SecretStep::Impossible { error_type, .. } => {
            let error_type = (*error_type).to_owned();
            (EnvDelivery::S3, Some(Fallback { error_type }))
        }
    }
}

fn sizes(environment: &Environment, planned: &[(&Process<'_>, PlannedDefinition)]) -> Sizes {
    let definitions = planned.iter().map(|(process, definition)| Largest {
        name: process.path(),
        bytes: definition.bytes,
    });
    let largest = definitions.max_by_key(|definition| definition.bytes);
    let key = environment.largest().map(|(key, bytes)| Largest {
        name: key.to_string(),
        bytes,
    });
    Sizes {
        secret: environment.to_secret_string().len(),
        largest_key: key,
        secret_max: SECRET_MAX_BYTES,
        task_definition: largest.as_ref().map_or(0, |definition| definition.bytes),
        largest_task_definition: largest,
        task_definition_max: TASK_DEFINITION_MAX_BYTES,
    }
}

/// Each definition, and whether it differs from the applied one.
fn definitions<'a>(
    shell: &Shell,
    wanted: &Wanted<'_>,
    gathered: &Gathered,
    plan: &'a Plan<'a>,
    source: &EnvSource,
) -> Result<Vec<(&'a Process<'a>, PlannedDefinition)>, PromoteError> {
    let outputs = plan::outputs(gathered);
    let release = plan::release(&shell.config, wanted, gathered, &outputs);
    let job = Job {
        shell,
        wanted,
        gathered,
        plan,
        request_id: REQUEST,
    };
    let planned = plan.processes.iter().map(|process| {
        let definition =
            process.definition(&release, source, wanted.applied, &gathered.around.dead);
        let definition =
            definition.map_err(|err| PromoteError::input("Unrendered", err.to_string()))?;
        let known = wanted.applied.and_then(|applied| process.applied(applied));
        let known = known.map(|known| known.digest.as_str());
        let running = process.running();
        let stays = known == Some(definition.digest().as_str());
        let planned = PlannedDefinition {
            task_definition: running.map(str::to_owned),
            changes: !stays || job.differs(process, running.unwrap_or_default()),
            bytes: definition.size_bytes(),
        };
        Ok((process, planned))
    });
    planned.collect()
}
