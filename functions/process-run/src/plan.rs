//! What will be registered and started, or why nothing can be. Pure.

use aws::ecs::override_characters;
use lambda::release_settings::ReleaseSettings;
use manifest::Service;
use manifest::capacity::Capacity;
use manifest::capacity::LaunchType;
use manifest::precedence::{self, EnvDelivery, EnvVersion, Level};
use names::error_type::ErrorCode;
use names::keys;
use release::app_stack::StackOutputs;
use release::exec_limits;
use release::named_arns::Namer;
use release::problem::ReleaseProblem;
use release::release_checks::{self, ReleaseNotice};
use release::task_definition::{
    self, EnvSource, Launch, Release, RenderError, TASK_DEFINITION_MAX_BYTES, TaskDefinition,
};
use release::timer_rule::Placement;

use crate::error::RunError;
use crate::gather::{Gathered, Secret};
use crate::problem::{RunProblem, Unusable};
use crate::request::RunRequest;

/// What the overrides of a task can take in all (ECS API reference, `RunTask`, `overrides`).
pub const OVERRIDES_MAX: usize = 8192;

/// What will be registered, if it is new, and how its task gets the environment.
pub struct Plan {
    /// The definition.
    pub definition: TaskDefinition,
    /// Where the task runs.
    pub placement: Placement,
    /// Whether people get into its container by ECS Exec.
    pub exec: bool,
    /// How the task gets the environment.
    pub delivery: EnvDelivery,
    /// Who decided that; kept on a fallback.
    pub decided_by: Level,
    /// Why it is S3 although Secrets Manager was wanted: a stable name.
    pub fallback: Option<ErrorCode>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Decides everything.
///
/// # Errors
///
/// [`RunError::Input`] with every problem at once.
pub fn plan(
    config: &ReleaseSettings,
    request: &RunRequest,
    gathered: &Gathered,
) -> Result<Plan, RunError> {
    let read = &gathered.read;
    let rack = &config.secrets_manager_env;
    let (decision, mut refused) = precedence::of_release(rack, &read.settings, &read.manifest);
    let rack = &config.secrets_manager_env_version;
    let (_, refused_version) = precedence::version_of_release(rack, &read.manifest);
    refused.extend(refused_version);
    let refused = refused.into_iter().map(ReleaseProblem::from);
    let mut problems: Vec<ReleaseProblem> = refused.collect();
    problems.extend(read.problems.iter().cloned());
    let Some(service) = read.manifest.service(request.service.as_str()) else {
        problems.push(no_service(request, gathered));
        return Err(RunError::Input(problems));
    };
    let launch_type = service
        .capacity
        .map_or(config.launch_type, Capacity::launch_type);
    let placement = placement(config, gathered, launch_type);
    problems.extend(checks(config, request, gathered, service, &placement));
    let release = release(config, request, gathered);
    let mut launch = Launch::rack_default(launch_type);
    launch
        .runtime_platform
        .clone_from(&gathered.runtime_platform);
    let render = |source: &EnvSource| task_definition::process(&release, service, &launch, source);
    let s3 = match render(&s3_source(config, request, gathered)) {
        Ok(definition) => definition,
        Err(err) => {
            problems.push(err.in_file(service).into());
            return Err(RunError::Input(problems));
        }
    };
    let mut plan = Plan {
        definition: s3,
        placement,
        exec: service.exec && !gathered.read.readonly_root,
        delivery: EnvDelivery::S3,
        decided_by: decision.decided_by,
        fallback: None,
        warnings: warnings(gathered),
    };
    let lost = release_checks::host_volumes(service, launch_type);
    plan.warnings.extend(lost.map(|notice| notice.to_string()));
    match through_secret(gathered, render) {
        Ok(Some(definition)) => {
            plan.definition = definition;
            plan.delivery = EnvDelivery::SecretsManager;
        }
        Ok(None) => {}
        Err(unusable) => {
            let warning = format!("Secrets Manager is not used for this process: {unusable}");
            plan.warnings.push(warning);
            plan.fallback = Some(unusable.error_type());
        }
    }
    if plan.delivery == EnvDelivery::S3 {
        let services = vec![service.name.to_string()];
        let reminder = ReleaseNotice::NeedsConvoxEnv { services };
        plan.warnings.push(reminder.to_string());
        problems.extend(beyond_s3_delivery(gathered, service, &plan.definition));
    }
    if problems.is_empty() {
        Ok(plan)
    } else {
        Err(RunError::Input(problems))
    }
}

/// Where the Service runs, but never on Fargate Spot: nobody starts a migration again that is cut off.
fn placement(config: &ReleaseSettings, gathered: &Gathered, launch_type: LaunchType) -> Placement {
    let own_group = gathered
        .stack
        .as_ref()
        .and_then(StackOutputs::security_group);
    let network = gathered.network.clone();
    let network = network.unwrap_or_else(|| config.network.with(own_group));
    Placement::on(launch_type.into(), &network)
}

/// What no container could be started with.
fn beyond_s3_delivery(
    gathered: &Gathered,
    service: &Service,
    definition: &TaskDefinition,
) -> Vec<ReleaseProblem> {
    let environment = &gathered.read.environment.environment;
    let name = service.name.as_str();
    let refused = exec_limits::too_large(name, service, environment, definition);
    let object = exec_limits::object_too_large(gathered.environment_bytes);
    let beyond = refused.into_iter().chain(object);
    too_large(definition, service)
        .into_iter()
        .chain(beyond.map(ReleaseProblem::from))
        .collect()
}

/// The definition that reads the secret; `None` where the settings chose S3.
fn through_secret(
    gathered: &Gathered,
    render: impl Fn(&EnvSource) -> Result<TaskDefinition, RenderError>,
) -> Result<Option<TaskDefinition>, Unusable<'_>> {
    let Some(source) = secret_source(gathered)? else {
        return Ok(None);
    };
    // Whatever cannot be rendered is no different with S3.
    let Ok(mut definition) = render(&source) else {
        return Ok(None);
    };
    let size = if is_labelled(gathered, &source) {
        definition.fit()
    } else {
        definition.size_bytes()
    };
    if size > TASK_DEFINITION_MAX_BYTES {
        return Err(Unusable::TooManyReferences { size });
    }
    Ok(Some(definition))
}

/// Whether the version that is read has the short label by which a large definition can name it.
fn is_labelled(gathered: &Gathered, source: &EnvSource) -> bool {
    let Secret::Looked {
        found: Ok(found), ..
    } = &gathered.secret
    else {
        return false;
    };
    let pinned = source.pinned();
    pinned.is_some_and(|version_id| found.stages.has_short_label(version_id))
}

/// The secret serves every Release whose version stands; where references name no version, only the one that is current.
fn secret_source(gathered: &Gathered) -> Result<Option<EnvSource>, Unusable<'_>> {
    let release = &gathered.release;
    let (version_ids, version, found) = match &gathered.secret {
        Secret::NotWanted => return Ok(None),
        Secret::Looked {
            found: Err(err), ..
        } => return Err(Unusable::Unread(err)),
        Secret::Looked {
            version_ids,
            version,
            found: Ok(found),
        } => (version_ids, *version, found),
    };
    let serves = |version_id: &&String| match version {
        EnvVersion::Release => found.stages.has(version_id),
        EnvVersion::Current => found.stages.current() == Some(version_id),
    };
    let version_id = version_ids.iter().find(serves);
    let version_id = version_id.ok_or(Unusable::HasNoVersion { release })?;
    Ok(Some(EnvSource::SecretsManager {
        secret_arn: found.arn.clone(),
        version_id: version_id.clone(),
        version,
    }))
}

/// The Release, as its definition sees it.
fn release<'a>(
    config: &'a ReleaseSettings,
    request: &'a RunRequest,
    gathered: &'a Gathered,
) -> Release<'a> {
    let read = &gathered.read;
    Release {
        id: &request.id,
        release: &gathered.release,
        generation: read.settings.generation,
        build: &read.build,
        environment: &read.environment.environment,
        region: &config.region,
        registry: config.registry.as_deref(),
        addresses: &gathered.addresses,
        router_host: config.router_host.as_deref(),
        execution_role_arn: &config.task_execution_role_arn,
        task_role_arn: &config.task_role_arn,
        stack: gathered.stack.as_ref(),
        readonly_root: read.readonly_root,
    }
}

fn s3_source(config: &ReleaseSettings, request: &RunRequest, gathered: &Gathered) -> EnvSource {
    let key = keys::environment(&request.id.app, &gathered.release);
    let (bucket, version) = (&config.bucket, &gathered.env_version_id);
    EnvSource::S3 {
        url: format!("s3://{bucket}/{key}?versionId={version}"),
        key_arn: config.environment_key_arn.clone(),
    }
}

/// What promote refuses too. Only this Service's: another one that lacks a variable does not run.
fn checks(
    config: &ReleaseSettings,
    request: &RunRequest,
    gathered: &Gathered,
    service: &Service,
    placement: &Placement,
) -> Vec<ReleaseProblem> {
    let (manifest, environment) = (&gathered.read.manifest, &gathered.read.environment);
    let mut missing = manifest.missing_variables(&environment.environment);
    missing.retain(|name, _| name == service.name.as_str());
    let role = config.task_execution_role_arn.split(':');
    let account = role.clone().nth(4).unwrap_or_default();
    let mut problems = Vec::new();
    let missing = release_checks::missing_variables(missing, environment);
    let unknown_link = release_checks::unknown_link(manifest, service);
    let faults = missing.into_iter().chain(unknown_link);
    problems.extend(faults.map(ReleaseProblem::from));
    let namer = Namer {
        id: &request.id,
        account,
        settings_bucket: &config.bucket,
        allowed: &config.allowed_arns,
    };
    let refused = namer.problems(service).into_iter();
    problems.extend(refused.map(ReleaseProblem::from));
    problems.extend(not_deployed(gathered, service));
    if matches!(placement, Placement::Fargate { network, .. } if network.subnets.is_empty()) {
        problems.push(RunProblem::NoSubnets.into());
    }
    problems.extend(request.command.as_deref().and_then(|command| {
        let size = override_characters(service.name.as_str(), command);
        (size > OVERRIDES_MAX).then(|| RunProblem::CommandTooLong { size }.into())
    }));
    problems
}

/// Resources that the Service names and a promote has not deployed yet.
fn not_deployed(gathered: &Gathered, service: &Service) -> Option<ReleaseProblem> {
    let resources = gathered.read.resources.list.iter();
    let named = resources.filter(|resource| service.resources.contains(&resource.name));
    let stack = gathered.stack.as_ref();
    let missing = named.filter(|resource| !stack.is_some_and(|stack| stack.has(resource)));
    let missing: Vec<String> = missing.map(|it| format!("`{}`", it.shown)).collect();
    (!missing.is_empty()).then(|| {
        let not_deployed = RunProblem::NotDeployed {
            service: service.name.clone(),
            missing,
            release: gathered.release.clone(),
        };
        not_deployed.into()
    })
}

fn no_service(request: &RunRequest, gathered: &Gathered) -> ReleaseProblem {
    let services = gathered.read.manifest.services.iter();
    let no_service = RunProblem::NoService {
        release: gathered.release.clone(),
        service: request.service.clone(),
        services: services.map(|service| service.name.to_string()).collect(),
    };
    no_service.into()
}

fn too_large(definition: &TaskDefinition, service: &Service) -> Option<ReleaseProblem> {
    let size = definition.size_bytes();
    (size > TASK_DEFINITION_MAX_BYTES).then(|| {
        let service = service.name.clone();
        RunProblem::TaskDefinitionTooLarge { service, size }.into()
    })
}

/// The warnings of whatever read the Release: they are said of a process that is started, and of one that is not.
#[must_use]
pub fn warnings(gathered: &Gathered) -> Vec<String> {
    let read = &gathered.read;
    let warnings = read.environment.warnings.iter();
    let warnings = warnings.chain(&read.manifest.warnings);
    warnings.chain(&read.settings.warnings).cloned().collect()
}
