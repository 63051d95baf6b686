//! A task definition as `RegisterTaskDefinition` takes it: what is compared, measured and sent.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::secrets::Secrets;
use super::{RELEASE_LABEL, RELEASE_TAG, SECRET_VERSION_LABEL, wire};
use names::{SecretArn, VersionPart, hex};

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
    /// What the container mounts.
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
    /// What machines it runs on, where an ECS service that app.json names says so; else ECS's default, or any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime_platform: Option<RuntimePlatform>,
    /// The Service's own, `convox:rack`, `convox:app` and `convox:release`.
    #[serde(serialize_with = "wire::tags")]
    pub tags: BTreeMap<String, String>,
}

/// The machines that a task runs on, in ECS's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuntimePlatform {
    /// `X86_64` or `ARM64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_architecture: Option<String>,
    /// `LINUX`, or one of Windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operating_system_family: Option<String>,
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
    /// References; never a name of `environment`.
    pub secrets: Secrets,
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
    /// The name that Service Connect and VPC Lattice know it by, and what is spoken there.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub named: Option<PortName>,
}

/// A port's name, by which an ECS service can refer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PortName {
    /// The name.
    pub name: String,
    /// `http`, `http2` or `grpc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_protocol: Option<String>,
}

/// A volume of a task. Its path can be interpolated, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    /// `volume-0`, `volume-1` … of the host; the resource's name.
    pub name: String,
    /// Where it is on the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<Host>,
    /// Which file system it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub efs_volume_configuration: Option<EfsVolumeConfiguration>,
}

/// A file system of EFS as a volume, through an access point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EfsVolumeConfiguration {
    /// The file system.
    pub file_system_id: String,
    /// Always `ENABLED`, which an access point needs.
    pub transit_encryption: &'static str,
    /// How it is entered.
    pub authorization_config: AuthorizationConfig,
}

/// How a container enters a file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizationConfig {
    /// The access point.
    pub access_point_id: String,
    /// Always `ENABLED`: what the task's role may mount, the App's stack says.
    pub iam: &'static str,
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
        json_size(self)
    }

    /// Whether it reads the App's secret, and so depends on the secret's ARN and version.
    #[must_use]
    pub fn reads_secret_of_app(&self) -> bool {
        let mut containers = self.container_definitions.iter();
        containers.any(|container| container.secrets.of_app.is_some())
    }

    /// Makes what was rendered for a version of the App's secret read `version_id` of the secret `arn`, named in the same way.
    pub fn fill_secret(&mut self, arn: &SecretArn, version_id: &str) {
        for container in &mut self.container_definitions {
            let Some(of_app) = &mut container.secrets.of_app else {
                continue;
            };
            of_app.arn = arn.clone();
            if let VersionPart::Id(named) | VersionPart::ShortLabel(named) = &mut of_app.version {
                version_id.clone_into(named);
            }
            let label = (SECRET_VERSION_LABEL.to_owned(), version_id.to_owned());
            container.docker_labels.extend([label]);
        }
    }

    /// Its size, with the version of the App's secret named by its short label where only the version's id makes it too large:
    /// others can move a label, and nobody an id.
    pub fn fit(&mut self) -> usize {
        let containers = self.container_definitions.iter_mut();
        let of_app = containers.map(|container| container.secrets.of_app.take());
        let of_app: Vec<_> = of_app.collect();
        let rest = self.size_bytes();
        for (container, of_app) in self.container_definitions.iter_mut().zip(of_app) {
            container.secrets.of_app = of_app;
        }
        let size = rest + self.of_app_bytes();
        if size <= TASK_DEFINITION_MAX_BYTES {
            return size;
        }
        self.name_version_by(VersionPart::ShortLabel);
        let by_label = rest + self.of_app_bytes();
        if by_label <= TASK_DEFINITION_MAX_BYTES {
            return by_label;
        }
        self.name_version_by(VersionPart::Id);
        size
    }

    fn of_app_bytes(&self) -> usize {
        let containers = self.container_definitions.iter();
        containers.map(|it| it.secrets.of_app_bytes()).sum()
    }

    fn name_version_by(&mut self, part: fn(String) -> VersionPart) {
        let containers = self.container_definitions.iter_mut();
        for of_app in containers.filter_map(|container| container.secrets.of_app.as_mut()) {
            if let VersionPart::Id(named) | VersionPart::ShortLabel(named) = &of_app.version {
                of_app.version = part(named.clone());
            }
        }
    }

    /// Whether a reference names the version of the App's secret by its short label.
    #[must_use]
    pub fn needs_label(&self) -> bool {
        let containers = self.container_definitions.iter();
        let mut of_app = containers.filter_map(|container| container.secrets.of_app.as_ref());
        of_app.any(|of_app| matches!(of_app.version, VersionPart::ShortLabel(_)))
    }

    /// The digest of what of it is the same in every Release that changes nothing for its tasks: without the naming `variables`,
    /// labels, the tag, and the version of the App's secret that it reads. Where that and the values of its variables are equal,
    /// nothing has to be restarted.
    #[must_use]
    pub fn core(&self, variables: &[&str]) -> String {
        let mut core = self.clone();
        core.strip_release(variables);
        core.digest()
    }

    fn strip_release(&mut self, variables: &[&str]) {
        self.tags.remove(RELEASE_TAG);
        for container in &mut self.container_definitions {
            for label in [RELEASE_LABEL, SECRET_VERSION_LABEL] {
                container.docker_labels.remove(label);
            }
            for variable in variables {
                container.environment.remove(*variable);
            }
            if let Some(of_app) = &mut container.secrets.of_app
                && of_app.version != VersionPart::Current
            {
                of_app.version = VersionPart::Id("*".to_owned());
            }
        }
    }

    fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default() // strings and numbers only: cannot fail
    }
}

/// The bytes of what a value is as compact JSON, which is not kept; 0 for what JSON cannot say.
pub(super) fn json_size(value: &impl Serialize) -> usize {
    let mut size = Size(0);
    let counted = serde_json::to_writer(&mut size, value);
    counted.map_or(0, |()| size.0)
}

/// How many bytes were written to it.
struct Size(usize);

impl io::Write for Size {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
