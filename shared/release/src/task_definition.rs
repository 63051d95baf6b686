//! A Service or Timer of a Release -> the task definition that ECS is told. Pure; sorted wherever order shows,
//! so that the same Release renders the same bytes.
//!
//! Sources: `convox/rack:provider/aws/formation/service.json.tmpl` and `timer.json.tmpl`; ECS API reference,
//! `RegisterTaskDefinition`.

mod definition;
mod fargate;
mod mounts;
mod ports;
mod render_error;
mod secrets;
mod variables;
mod wire;

use std::collections::BTreeMap;

use crate::app_stack::StackOutputs;
use environment::Environment;
use manifest::app_settings::Build;
use manifest::capacity::LaunchType;
use manifest::precedence::{EnvVersion, Generation};
use manifest::{Service, Timer};
use names::image_reference;
use names::{AppId, ReleaseId, SecretArn};

pub use definition::{
    AuthorizationConfig, ContainerDefinition, EfsVolumeConfiguration, Host, MountPoint,
    PortMapping, PortName, RuntimePlatform, TASK_DEFINITION_MAX_BYTES, TaskDefinition, Volume,
};
pub use render_error::{RenderError, RenderErrorInFile};
pub use secrets::{SecretOfApp, Secrets};

/// Files that a container may have open (`convox/rack:provider/aws/formation/service.json.tmpl`, `Ulimits`).
const OPEN_FILES: i32 = 1_024_000;
/// The label that names the version of the App's secret, where any variable is read from it.
const SECRET_VERSION_LABEL: &str = "convox.secret.version";
/// The label that names the Release.
const RELEASE_LABEL: &str = "convox.release";
/// The tag that names the Release.
const RELEASE_TAG: &str = "convox:release";
/// The longest time from TERM to KILL on Fargate (API reference, `ContainerDefinition`, `stopTimeout`).
const FARGATE_STOP_TIMEOUT_MAX: u32 = 120;

/// Where a container's declared variables come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvSource {
    /// ECS reads the secret, one JSON key per variable.
    SecretsManager {
        /// As Secrets Manager returned it.
        secret_arn: SecretArn,
        /// The version that holds this environment.
        version_id: String,
        /// Whether references name that version, or none.
        version: EnvVersion,
    },
    /// `convox-env` reads the object.
    S3 {
        /// `s3://bucket/key?versionId=…`.
        url: String,
        /// The key that opens envelopes, where the Rack has one.
        key_arn: Option<String>,
    },
}

impl EnvSource {
    /// The App's secret, where that delivers.
    #[must_use]
    pub fn secret_arn(&self) -> Option<&SecretArn> {
        match self {
            Self::SecretsManager { secret_arn, .. } => Some(secret_arn),
            Self::S3 { .. } => None,
        }
    }

    /// The version of the App's secret that references name, if they name one.
    #[must_use]
    pub fn pinned(&self) -> Option<&str> {
        match self {
            Self::SecretsManager {
                version_id,
                version: EnvVersion::Release,
                ..
            } => Some(version_id),
            Self::SecretsManager { .. } | Self::S3 { .. } => None,
        }
    }
}

/// What all definitions of a Release have in common.
pub struct Release<'a> {
    /// The App.
    pub id: &'a AppId,
    /// The Release.
    pub release: &'a ReleaseId,
    /// The App's generation, for the label.
    pub generation: Generation,
    /// What was built.
    pub build: &'a Build,
    /// The whole environment.
    pub environment: &'a Environment,
    /// The region, for `AWS_REGION` and the logs.
    pub region: &'a str,
    /// The Rack's image repository, if it has one.
    pub registry: Option<&'a str>,
    /// The addresses of Services, for links to them.
    pub addresses: &'a BTreeMap<String, String>,
    /// The host that links to others are made from, if the Rack has one.
    pub router_host: Option<&'a str>,
    /// The role that reads secrets, where the App's stack gives none.
    pub execution_role_arn: &'a str,
    /// The role of containers, where the App's stack gives none.
    pub task_role_arn: &'a str,
    /// What the App's stack gives: its own roles and log group, links to its resources, its volumes.
    pub stack: Option<&'a StackOutputs>,
    /// [`READONLY_ROOT`]. Convox forgets it for Timers; here it counts for them too.
    pub readonly_root: bool,
}

/// How a task is launched: the Rack's choice for Services of ours, the ECS service's for existing ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// Fargate or EC2.
    pub launch_type: LaunchType,
    /// `awsvpc`, `bridge` or `host`.
    pub network_mode: String,
    /// The machines that an existing ECS service runs on.
    pub runtime_platform: Option<RuntimePlatform>,
    /// The names that the ports of an existing ECS service have, by container port.
    pub port_names: BTreeMap<u16, PortName>,
}

impl Launch {
    /// The launch of everything that this Rack itself places.
    #[must_use]
    pub fn rack_default(launch_type: LaunchType) -> Self {
        let network_mode = match launch_type {
            LaunchType::Fargate => "awsvpc",
            LaunchType::Ec2 => "bridge",
        };
        Self {
            launch_type,
            network_mode: network_mode.to_owned(),
            runtime_platform: None,
            port_names: BTreeMap::new(),
        }
    }
}

/// All ports that the container of a Service maps.
#[must_use]
pub fn port_mappings(service: &Service, launch: &Launch) -> Vec<PortMapping> {
    ports::mappings(service, launch)
}

/// The image of a Service: `build.json` `images`, else `image:`, else `{Registry}:{service}.{build id}`.
///
/// # Errors
///
/// [`RenderError::NoImage`] when none of the three can be named, [`RenderError::InvalidImage`] where no registry can have the
/// one that is.
pub fn image(release: &Release<'_>, service: &Service) -> Result<String, RenderError> {
    let name = service.name.as_str();
    let some = |image: &&String| !image.is_empty();
    let of_build = release.build.images.get(name).filter(some);
    let named = of_build.map(|image| (image.clone(), format!("build.json (`images.{name}`)")));
    let written = || {
        let image = service.image.as_ref().filter(some)?;
        Some((
            image.clone(),
            format!("convox.yml (`services.{name}.image`)"),
        ))
    };
    let built = || {
        let (registry, id) = (release.registry?, release.build.id.as_deref()?);
        let from = format!("the Rack's Registry, `:{name}.` and the `id` of build.json");
        Some((format!("{registry}:{name}.{id}"), from))
    };
    let service = || name.to_owned();
    let (image, from) = named
        .or_else(written)
        .or_else(built)
        .ok_or_else(|| RenderError::NoImage { service: service() })?;
    image_reference::check(&image).map_err(|wrong| RenderError::InvalidImage {
        service: service(),
        from,
        wrong,
    })?;
    Ok(image)
}

/// The task definition of a Service.
///
/// # Errors
///
/// [`RenderError`], all of them known without AWS.
pub fn service(
    release: &Release<'_>,
    service: &Service,
    launch: &Launch,
    source: &EnvSource,
) -> Result<TaskDefinition, RenderError> {
    let mut container = container(release, service, "service", source)?;
    container.command.clone_from(&service.command);
    container.port_mappings = ports::mappings(service, launch);
    container.init_process_enabled = service.init;
    container.stop_timeout = Some(stop_timeout(service, launch));
    if launch.launch_type == LaunchType::Fargate && service.agent.is_some() {
        return Err(RenderError::FargateAgent {
            service: service.name.to_string(),
        });
    }
    task(
        release,
        release
            .id
            .service(&service.name)
            .map_err(RenderError::Name)?,
        service,
        launch,
        container,
    )
}

/// The task definition of one-off processes of a Service: the Service without its ports. The command of one process is an
/// override of its task, so a new command needs no new revision (ECS registers one a second).
///
/// # Errors
///
/// [`RenderError`], all of them known without AWS.
pub fn process(
    release: &Release<'_>,
    service: &Service,
    launch: &Launch,
    source: &EnvSource,
) -> Result<TaskDefinition, RenderError> {
    let mut container = container(release, service, "process", source)?;
    container.command.clone_from(&service.command);
    container.init_process_enabled = service.init;
    container.stop_timeout = Some(stop_timeout(service, launch));
    task(
        release,
        release.id.run(&service.name).map_err(RenderError::Name)?,
        service,
        launch,
        container,
    )
}

/// The task definition of a Timer: the Service that it names, with the Timer's command and without ports.
///
/// # Errors
///
/// [`RenderError`], all of them known without AWS.
pub fn timer(
    release: &Release<'_>,
    timer: &Timer,
    service: &Service,
    launch: &Launch,
    source: &EnvSource,
) -> Result<TaskDefinition, RenderError> {
    let mut container = container(release, service, "timer", source)?;
    container.name = timer.name.to_string();
    container.command = ["sh", "-c", &timer.command].map(str::to_owned).to_vec();
    let family = release.id.timer(&timer.name).map_err(RenderError::Name)?;
    let mut definition = task(release, family, service, launch, container)?;
    let own = |stack: &'_ StackOutputs| match timer.policies.as_slice() {
        [] => stack.task_role().map(str::to_owned),
        _ => stack.role_of_timer(&timer.name).map(str::to_owned),
    };
    if let Some(role) = release.stack.and_then(own) {
        definition.task_role_arn = role;
    }
    Ok(definition)
}

/// The variables that name this Release and its build in definitions that `source` delivers to. A user's own of these names is no
/// name of a build.
#[must_use]
pub fn naming_variables(release: &Release<'_>, source: &EnvSource) -> Vec<&'static str> {
    let build = release.build;
    let names = [
        ("RELEASE", true),
        ("BUILD", build.id.is_some()),
        ("BUILD_DESCRIPTION", build.description.is_some()),
        ("BUILD_GIT_SHA", build.git_sha.is_some()),
        ("CONVOX_ENV_URL", matches!(source, EnvSource::S3 { .. })),
    ];
    let set = names.into_iter().filter(|(_, is_set)| *is_set);
    set.map(|(name, _)| name).collect()
}

fn container(
    release: &Release<'_>,
    service: &Service,
    process_type: &str,
    source: &EnvSource,
) -> Result<ContainerDefinition, RenderError> {
    let variables = variables::variables(release, service, source);
    let mut docker_labels = labels(release, process_type);
    if let (EnvSource::SecretsManager { version_id, .. }, true) =
        (source, variables.secrets.of_app.is_some())
    {
        // A changed secret changes the definition, so ECS redeploys by itself.
        docker_labels.insert(SECRET_VERSION_LABEL.to_owned(), version_id.clone());
    }
    for (resource, digest) in changed_urls(release, service) {
        // The URL stands in a secret that ECS reads under the same name, so nothing else of the definition shows its change.
        docker_labels.insert(format!("convox.url.{resource}"), digest.to_owned());
    }
    Ok(ContainerDefinition {
        name: service.name.to_string(),
        image: image(release, service)?,
        cpu: saturated(service.scale.cpu),
        memory: saturated(service.scale.memory),
        essential: true,
        command: Vec::new(),
        environment: variables.environment,
        environment_files: environment_files(service),
        secrets: variables.secrets,
        docker_labels,
        port_mappings: Vec::new(),
        mount_points: mounts::points(release, service),
        readonly_root_filesystem: release.readonly_root,
        stop_timeout: None,
        open_files: OPEN_FILES,
        init_process_enabled: false,
        privileged: service.privileged,
        awslogs: awslogs(release, process_type),
    })
}

/// The resources of a Service whose URL convox.yml adds to, each with what changes with that.
fn changed_urls<'a>(
    release: &Release<'a>,
    service: &'a Service,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let stack = release.stack;
    let digest = move |name: &'a String| Some((name.as_str(), stack?.url_parameters(name)?));
    service.resources.iter().filter_map(digest)
}

fn environment_files(service: &Service) -> Vec<String> {
    let files = service.deliveries.environment_files.iter();
    files.map(|own| own.file.as_str().to_owned()).collect()
}

fn task(
    release: &Release<'_>,
    family: String,
    service: &Service,
    launch: &Launch,
    container: ContainerDefinition,
) -> Result<TaskDefinition, RenderError> {
    let (cpu, memory) = (service.scale.cpu, service.scale.memory);
    let fargate = launch.launch_type == LaunchType::Fargate;
    if fargate {
        fargate::check(service.name.as_str(), cpu, memory)?;
        if service.privileged {
            return Err(RenderError::FargatePrivileged {
                service: service.name.to_string(),
            });
        }
    }
    Ok(TaskDefinition {
        family,
        task_role_arn: task_role(release, service).to_owned(),
        execution_role_arn: release
            .stack
            .and_then(StackOutputs::execution_role)
            .unwrap_or(release.execution_role_arn)
            .to_owned(),
        network_mode: launch.network_mode.clone(),
        container_definitions: vec![container],
        volumes: mounts::volumes(release, service, launch),
        requires_compatibilities: vec![if fargate { "FARGATE" } else { "EC2" }.to_owned()],
        cpu: fargate.then(|| cpu.to_string()),
        memory: fargate.then(|| memory.to_string()),
        runtime_platform: launch.runtime_platform.clone(),
        tags: tags(release, service),
    })
}

/// A role of its own only where `policies` still stand: one that the stack has for the Release before will go.
fn task_role<'a>(release: &Release<'a>, service: &Service) -> &'a str {
    let of_stack = release
        .stack
        .and_then(|stack| match service.policies.as_slice() {
            [] => stack.task_role(),
            _ => stack.role_of_service(&service.name),
        });
    of_stack.unwrap_or(release.task_role_arn)
}

/// Whether Fargate is asked for a size that is larger than all that are known here: ECS says whether it has it.
#[must_use]
pub fn is_beyond_fargate(service: &Service, launch: &Launch) -> bool {
    let scale = &service.scale;
    launch.launch_type == LaunchType::Fargate && fargate::is_beyond(scale.cpu, scale.memory)
}

fn stop_timeout(service: &Service, launch: &Launch) -> i32 {
    let seconds = match launch.launch_type {
        LaunchType::Fargate => service.termination_grace.min(FARGATE_STOP_TIMEOUT_MAX),
        LaunchType::Ec2 => service.termination_grace,
    };
    saturated(seconds)
}

fn labels(release: &Release<'_>, process_type: &str) -> BTreeMap<String, String> {
    let generation = match release.generation {
        Generation::One => "1",
        Generation::Two => "2",
    };
    pairs([
        ("convox.app", release.id.app.as_str()),
        ("convox.generation", generation),
        ("convox.process.type", process_type),
        (RELEASE_LABEL, release.release.as_str()),
    ])
}

fn awslogs(release: &Release<'_>, process_type: &str) -> BTreeMap<String, String> {
    let of_rack = release.id.rack.log_group();
    let of_stack = release.stack.and_then(StackOutputs::log_group);
    pairs([
        ("awslogs-group", of_stack.unwrap_or(&of_rack)),
        ("awslogs-region", release.region),
        (
            "awslogs-stream-prefix",
            &release.id.log_stream_prefix(process_type),
        ),
    ])
}

/// Those of the Service, but for the ones that say whose it is.
fn tags(release: &Release<'_>, service: &Service) -> BTreeMap<String, String> {
    let mut tags = service.tags.clone();
    tags.extend(release.id.tags());
    tags.insert(RELEASE_TAG.to_owned(), release.release.to_string());
    tags
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn saturated(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
