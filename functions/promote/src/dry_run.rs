//! What a promote would do, without a single write.

use std::collections::{BTreeMap, BTreeSet};

use aws::secrets::SECRET_MAX_BYTES;
use environment::{Environment, KeyChanges};
use lambda::answer::AnswerStatus;
use lambda::state_store::StateStore;
use lambda::work::RecordRead;
use manifest::DeploymentChange;
use manifest::precedence::{EnvDelivery, Level};
use names::error_chain::Chain;
use names::error_type::ErrorCode;
use names::{AppId, ReleaseId, keys};
use promotion::{Allowed, Applied};
use release::app_stack::RemovedResource;
use release::entrance::{Access, Connector};
use release::task_definition::{EnvSource, TASK_DEFINITION_MAX_BYTES};
use serde::Serialize;

use crate::edge::Edge;
use crate::error::PromoteError;
use crate::facts::{Facts, Wanted};
use crate::plan::{self, Plan, PlanProblem, Process, ProcessStep, RevisionKind, Route, SecretStep};
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
    /// Always [`AnswerStatus::Planned`].
    pub status: AnswerStatus,
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
    /// What the promote would wait for before anything else, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// By Service.
    pub services: BTreeMap<String, PlannedDefinition>,
    /// By Timer.
    pub timers: BTreeMap<String, PlannedDefinition>,
    /// The Services whose release commands would run before anything moves, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub release_commands: Vec<String>,
    /// The Releases that can be gone back to without a write of a value, as it stands.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub kept_releases: BTreeSet<String>,
    /// ECS services, rules and schedules that would be removed.
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
    /// The task definition that it runs now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<String>,
    /// Whether a new one would be registered, or what runs it would be told anything else.
    pub changes: bool,
    /// The time zone of a Timer that a schedule of EventBridge Scheduler would run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// What runs a Timer now and would go, once the other kind stands: `rule` or `schedule`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moves_from: Option<&'static str>,
    /// How many tasks it is to run, where that would change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_count: Option<u32>,
    /// How many it would be to run then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_count: Option<u32>,
    /// What of the deployments of its ECS service would change, setting by setting.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deployment: Vec<DeploymentChange>,
    /// Where the task definition would come from that it runs then.
    pub revision: RevisionKind,
    /// Its size in bytes.
    pub bytes: usize,
    /// The addresses under which it would be reached; `${NAME}` in place of values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Which gateways of the cluster would reach it: `PUBLIC`, `PRIVATE`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub gateways: BTreeSet<Access>,
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
    let written = shell.bucket.version(&key, None).await?;
    let is_draft = written.is_none();
    let version = if is_draft {
        let draft = keys::draft(&id.app, release);
        shell.bucket.version(&draft, None).await?
    } else {
        written
    };
    let version = version.ok_or_else(|| {
        let key = &key;
        PromoteError::input(PlanProblem::ReleaseNotFound { release, key })
    })?;
    let environment = PlannedEnvironment {
        version_id: &version.id,
        is_draft,
    };
    Box::pin(planned(shell, id, release, environment, allowed)).await // large
}

/// The environment that a dry run plans.
#[derive(Debug, Clone, Copy)]
pub struct PlannedEnvironment<'a> {
    /// Its S3 version.
    pub version_id: &'a str,
    /// Whether it is a draft.
    pub is_draft: bool,
}

/// Plans the promote of a Release with that environment.
///
/// # Errors
///
/// As [`dry_run`].
pub async fn planned<E: Edge>(
    edge: &E,
    id: &AppId,
    release: &ReleaseId,
    environment: PlannedEnvironment<'_>,
    allowed: Allowed,
) -> Result<Planned, PromoteError> {
    let store = StateStore::promotion(edge.objects(), &id.app);
    let state = store.read().await?.state;
    let applied = state.applied.as_ref();
    let wanted = Wanted {
        id,
        release,
        env_version_id: environment.version_id,
        is_draft: environment.is_draft,
        applied,
        record: &RecordRead::NotYet,
        interrupted: state.may_have_left_changes(),
        allowed,
        may_stand: state.may_stand,
    };
    let facts = edge.facts(&wanted).await?;
    let mut plan = plan::plan(edge.config(), &wanted, &facts, REQUEST)?;
    if let Some(Err(reason)) = &facts.applied_environment {
        plan.warnings.push(format!(
            "which keys change is not known, so all are said to be added: {reason}"
        ));
    }
    let none = Environment::default();
    let before = facts.before().unwrap_or(&none);
    Ok(answer(&wanted, &facts, before, &plan))
}

fn answer(wanted: &Wanted<'_>, facts: &Facts, before: &Environment, plan: &Plan<'_>) -> Planned {
    let environment = &facts.release.environment.environment;
    let keys = before.changes_to(environment);
    let (route, not_used) = route(plan);
    let delivery = match route.source {
        EnvSource::S3 { .. } => EnvDelivery::S3,
        EnvSource::SecretsManager { .. } => EnvDelivery::SecretsManager,
    };
    let mut warnings = plan.warnings.clone();
    let fallback = not_used.map(|(error_type, reason)| {
        warnings.push(plan::not_used(&reason));
        Fallback { error_type }
    });
    if delivery == EnvDelivery::S3 {
        warnings.extend(plan.s3_reminder());
    }
    let processes = plan.processes.iter().zip(&route.steps);
    let planned = processes.map(|(process, step)| {
        (
            process,
            planned_definition(plan, process, (step, wanted.id)),
        )
    });
    let planned: Vec<(&Process<'_>, PlannedDefinition)> = planned.collect();
    let of_kind = |timers: bool| {
        let of_kind = planned
            .iter()
            .filter(|(process, _)| process.is_timer() == timers);
        of_kind
            .map(|(process, definition)| (process.name().to_owned(), definition.clone()))
            .collect()
    };
    Planned {
        rack: wanted.id.rack.to_string(),
        app: wanted.id.app.to_string(),
        release: wanted.release.to_string(),
        status: AnswerStatus::Planned,
        dry_run: true,
        env_version_id: facts.env_version_id.clone(),
        delivery,
        decided_by: plan.decision.decided_by,
        fallback,
        keys,
        stack: plan.stack.name(),
        waits_for: plan.waits_for(wanted.id).map(|waits| waits.to_string()),
        services: of_kind(false),
        timers: of_kind(true),
        release_commands: plan::with_commands(wanted, facts)
            .into_iter()
            .map(|service| service.name.to_string())
            .collect(),
        kept_releases: wanted
            .applied
            .map(Applied::kept_releases)
            .unwrap_or_default(),
        removed: plan.removals.names(),
        removed_resources: plan.stack.removed.clone(),
        sizes: sizes(environment, &planned),
        warnings,
        interpolated: facts
            .release
            .manifest
            .interpolated
            .iter()
            .cloned()
            .collect(),
    }
}

/// The route of the delivery that a promote would expect, and why that is not Secrets Manager although it is wanted: the
/// error's type, and the reason.
fn route<'p>(plan: &'p Plan<'_>) -> (&'p Route<'p>, Option<(ErrorCode, String)>) {
    let not_used = match &plan.secret {
        SecretStep::Write(secret) => return (&secret.route, None),
        SecretStep::Off => None,
        SecretStep::Impossible(why) => Some((why.error_type().into(), why.to_string())),
        SecretStep::Unreadable(err) => Some((err.error_type(), Chain(err).to_string())),
    };
    (&plan.s3, not_used)
}

fn planned_definition(
    plan: &Plan<'_>,
    process: &Process<'_>,
    (step, id): (&ProcessStep<'_>, &AppId),
) -> PlannedDefinition {
    PlannedDefinition {
        task_definition: process.running().map(str::to_owned),
        changes: step.moves,
        timezone: process.timezone().map(str::to_owned),
        moves_from: step.action.moves_from(),
        old_count: step.action.counts().map(|(old, _)| old),
        new_count: step.action.counts().map(|(_, new)| new),
        deployment: step.action.deployment(),
        revision: step.revision.kind(),
        bytes: step.definition.size_bytes(),
        addresses: plan.ingress.addresses(process),
        gateways: Connector::access_of(&process.connectors(id)),
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
