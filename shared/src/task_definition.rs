//! A Service or Timer of a Release -> the task definition that ECS is told. Pure; sorted wherever order shows,
//! so that the same Release renders the same bytes.
//!
//! Sources: `convox/rack:provider/aws/formation/service.json.tmpl` and `timer.json.tmpl`; ECS API reference,
//! `RegisterTaskDefinition`.

mod fargate;
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
    /// `FARGATE` or `EC2`.
    pub requires_compatibilities: Vec<String>,
    /// CPU units of the task; Fargate only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// MiB of the task; Fargate only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    /// `convox:rack`, `convox:app` and `convox:release`.
    #[serde(serialize_with = "wire::tags")]
    pub tags: BTreeMap<String, String>,
}

/// One container, in ECS's own names.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
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
    /// Container ports; the host's are ECS's choice.
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "wire::port_mappings"
    )]
    pub port_mappings: Vec<u16>,
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
    container.port_mappings = service.port.iter().map(|port| port.port).collect();
    container.init_process_enabled = service.init;
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
        requires_compatibilities: vec![if fargate { "FARGATE" } else { "EC2" }.to_owned()],
        cpu: fargate.then(|| cpu.to_string()),
        memory: fargate.then(|| memory.to_string()),
        tags: tags(release),
    })
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

fn tags(release: &Release<'_>) -> BTreeMap<String, String> {
    let mut tags = release.id.tags();
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
