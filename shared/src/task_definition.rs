//! A Service or Timer of a Release -> the task definition that ECS is told. Pure; sorted wherever order shows,
//! so that the same Release renders the same bytes.
//!
//! Sources: `convox/rack:provider/aws/formation/service.json.tmpl` and `timer.json.tmpl`; ECS API reference,
//! `RegisterTaskDefinition`.

mod fargate;
mod mounts;
mod ports;
mod variables;
mod wire;

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::app_settings::Build;
use crate::environment::Environment;
use crate::manifest::{Service, Timer};
use crate::names::{AppId, NameError, ReleaseId, SecretArn, hex};
use crate::precedence::Generation;

/// Files that a container may have open (`convox/rack:provider/aws/formation/service.json.tmpl`, `Ulimits`).
const OPEN_FILES: i32 = 1_024_000;
/// The longest time from TERM to KILL on Fargate (API reference, `ContainerDefinition`, `stopTimeout`).
const FARGATE_STOP_TIMEOUT_MAX: u32 = 120;
/// The param that keeps containers from writing to their own file system (Convox app parameter of that name).
pub const READONLY_ROOT: &str = "EnableContainerReadonlyRootFilesystem";

/// ECS refuses larger task definitions (service quotas, "Task definition size").
pub const TASK_DEFINITION_MAX_BYTES: usize = 65_536;

/// What `RegisterTaskDefinition` is sent, in ECS's own names.
///
/// It can hold values that convox.yml itself interpolates, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskDefinition {
    /// The family.
    pub family: String,
    /// The role of the App's own code.
    pub task_role_arn: String,
    /// The role that pulls images and reads secrets.
    pub execution_role_arn: String,
    /// `awsvpc`, `bridge` or `host`.
    pub network_mode: String,
    /// One container: the Service's or the Timer's.
    pub container_definitions: Vec<ContainerDefinition>,
    /// What of the host the container mounts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
    /// `FARGATE` or `EC2`.
    pub requires_compatibilities: Vec<String>,
    /// CPU units of the task; Fargate only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// MiB of the task; Fargate only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    /// The Service's own, `convox:rack`, `convox:app` and `convox:release`.
    #[serde(serialize_with = "wire::tags")]
    pub tags: BTreeMap<String, String>,
}

/// One container, in ECS's own names.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are ECS's own, each by its name"
)]
pub struct ContainerDefinition {
    /// The Service's or the Timer's name.
    pub name: String,
    /// The image.
    pub image: String,
    /// CPU units.
    pub cpu: i32,
    /// Hard limit in MiB.
    pub memory: i32,
    /// Always true: it is the only container.
    pub essential: bool,
    /// Empty = the image's own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Plain variables, by name.
    #[serde(serialize_with = "wire::environment")]
    pub environment: BTreeMap<String, String>,
    /// ARNs of S3 objects whose lines are variables too, weaker than both lists.
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "wire::environment_files"
    )]
    pub environment_files: Vec<String>,
    /// References, by the variable's name; never a name of `environment`.
    #[serde(serialize_with = "wire::secrets")]
    pub secrets: BTreeMap<String, String>,
    /// Labels of the container.
    pub docker_labels: BTreeMap<String, String>,
    /// Ports that others can reach.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub port_mappings: Vec<PortMapping>,
    /// Where the volumes of the task are mounted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mount_points: Vec<MountPoint>,
    /// Whether the container cannot write to its own file system.
    pub readonly_root_filesystem: bool,
    /// Seconds from TERM to KILL; `None` = ECS's 30.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_timeout: Option<i32>,
    /// How many files it may have open.
    #[serde(rename = "ulimits", serialize_with = "wire::ulimits")]
    pub open_files: i32,
    /// Whether an init process reaps zombies.
    #[serde(rename = "linuxParameters", serialize_with = "wire::linux_parameters")]
    pub init_process_enabled: bool,
    /// Whether the container has the host's powers.
    pub privileged: bool,
    /// Options of the `awslogs` driver.
    #[serde(
        rename = "logConfiguration",
        serialize_with = "wire::log_configuration"
    )]
    pub awslogs: BTreeMap<String, String>,
}

/// A port of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PortMapping {
    /// The container's.
    pub container_port: u16,
    /// The host's; `None` is ECS's choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_port: Option<u16>,
    /// `tcp` or `udp`.
    pub protocol: &'static str,
}

/// A volume of a task. Its path can be interpolated, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    /// `volume-0`, `volume-1` …
    pub name: String,
    /// Where it is on the host.
    pub host: Host,
}

/// A place on the host. Its path can be interpolated, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Host {
    /// The path; `None` is a folder that ends with the task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_path: Option<String>,
}

/// Where a volume is mounted. It can be interpolated, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MountPoint {
    /// The volume.
    pub source_volume: String,
    /// The path in the container.
    pub container_path: String,
    /// Whether the container may only read it.
    pub read_only: bool,
}

/// Where a container's declared variables come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvSource {
    /// ECS reads the secret, one JSON key per variable.
    SecretsManager {
        /// As Secrets Manager returned it.
        secret_arn: SecretArn,
        /// The version that holds this environment.
        version_id: String,
    },
    /// `convox-env` reads the object.
    S3 {
        /// `s3://bucket/key?versionId=…`.
        url: String,
        /// The key that opens envelopes, where the Rack has one.
        key_arn: Option<String>,
    },
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
    /// The host that links are made from, if the Rack has one.
    pub router_host: Option<&'a str>,
    /// The role that reads secrets.
    pub execution_role_arn: &'a str,
    /// The App's role.
    pub task_role_arn: &'a str,
    /// [`READONLY_ROOT`]. Convox forgets it for Timers; here it counts for them too.
    pub readonly_root: bool,
}

/// What runs the tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaunchType {
    /// AWS's machines.
    Fargate,
    /// The cluster's own instances.
    Ec2,
}

/// How a task is launched: the Rack's choice for Services of ours, the ECS service's for existing ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// Fargate or EC2.
    pub launch_type: LaunchType,
    /// `awsvpc`, `bridge` or `host`.
    pub network_mode: String,
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
        }
    }
}

/// Why a Service or Timer cannot become a task definition: the user's to mend.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// No image can be named.
    #[error(
        "no image for Service `{service}`: name it in build.json (`images.{service}`), in convox.yml \
         (`services.{service}.image`), or set the Rack's Registry and build.json's `id` for `{{Registry}}:{service}.{{id}}`"
    )]
    NoImage {
        /// The Service.
        service: String,
    },
    /// Fargate has no such size.
    #[error(
        "Service `{service}`: Fargate has no size of cpu {cpu} with memory {memory}: {allowed} (`services.{service}.scale`)"
    )]
    FargateSize {
        /// The Service.
        service: String,
        /// CPU units asked for.
        cpu: u32,
        /// MiB asked for.
        memory: u32,
        /// The sizes there are.
        allowed: String,
    },
    /// Fargate refuses privileged containers.
    #[error(
        "Service `{service}`: Fargate cannot run privileged containers; remove `services.{service}.privileged` or use EC2"
    )]
    FargatePrivileged {
        /// The Service.
        service: String,
    },
    /// Fargate has no instances that an agent could run on, one on each.
    #[error(
        "Service `{service}`: Fargate has no instances for an agent to run on; remove `services.{service}.agent` or use EC2"
    )]
    FargateAgent {
        /// The Service.
        service: String,
    },
    /// A name that ECS would refuse.
    #[error(transparent)]
    Name(#[from] NameError),
}

/// The image of a Service: `build.json` `images`, else `image:`, else `{Registry}:{service}.{build id}`.
///
/// # Errors
///
/// [`RenderError::NoImage`] when none of the three can be named.
pub fn image(release: &Release<'_>, service: &Service) -> Result<String, RenderError> {
    let name = service.name.as_str();
    let named = release
        .build
        .images
        .get(name)
        .cloned()
        .or_else(|| service.image.clone());
    let built = || {
        Some(format!(
            "{}:{name}.{}",
            release.registry?,
            release.build.id.as_deref()?
        ))
    };
    named
        .filter(|image| !image.is_empty())
        .or_else(built)
        .ok_or_else(|| RenderError::NoImage {
            service: name.to_owned(),
        })
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
        release.id.service(&service.name)?,
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
    task(
        release,
        release.id.timer(&timer.name)?,
        service,
        launch,
        container,
    )
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
        (source, variables.reads_secret_of_app)
    {
        // A changed secret changes the definition, so ECS redeploys by itself.
        docker_labels.insert("convox.secret.version".to_owned(), version_id.clone());
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
        mount_points: mounts::points(service),
        readonly_root_filesystem: release.readonly_root,
        stop_timeout: None,
        open_files: OPEN_FILES,
        init_process_enabled: false,
        privileged: service.privileged,
        awslogs: awslogs(release, process_type),
    })
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
        task_role_arn: release.task_role_arn.to_owned(),
        execution_role_arn: release.execution_role_arn.to_owned(),
        network_mode: launch.network_mode.clone(),
        container_definitions: vec![container],
        volumes: mounts::volumes(release.id, service, launch),
        requires_compatibilities: vec![if fargate { "FARGATE" } else { "EC2" }.to_owned()],
        cpu: fargate.then(|| cpu.to_string()),
        memory: fargate.then(|| memory.to_string()),
        tags: tags(release, service),
    })
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
        ("convox.release", release.release.as_str()),
    ])
}

fn awslogs(release: &Release<'_>, process_type: &str) -> BTreeMap<String, String> {
    pairs([
        ("awslogs-group", release.id.rack.log_group().as_str()),
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
    tags.insert("convox:release".to_owned(), release.release.to_string());
    tags
}

impl TaskDefinition {
    /// What two registrations that mean the same have in common: 64 hexadecimal digits over all that is rendered.
    ///
    /// Revisions are immutable, so an ARN whose digest is known never has to be read back and compared, whatever
    /// defaults ECS adds and in whatever order it lists them.
    #[must_use]
    pub fn digest(&self) -> String {
        hex(Sha256::digest(self.json()))
    }

    /// The size that ECS counts, in bytes of compact JSON.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.json().len()
    }

    fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default() // strings and numbers only: cannot fail
    }
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
