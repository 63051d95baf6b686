//! A rendered definition in the SDK's types.

use std::borrow::Cow;
use std::collections::BTreeMap;

use aws_sdk_ecs::types::{
    ApplicationProtocol, Compatibility, ContainerDefinition as SdkContainer, CpuArchitecture,
    EfsAuthorizationConfig, EfsAuthorizationConfigIam, EfsTransitEncryption,
    EfsVolumeConfiguration, EnvironmentFile, EnvironmentFileType, HostVolumeProperties,
    KeyValuePair, LinuxParameters, LogConfiguration, LogDriver, MountPoint, NetworkMode, OsFamily,
    PortMapping, RuntimePlatform, Secret, Tag, TransportProtocol, Ulimit, UlimitName, Volume,
};
use names::error_type::ErrorType;

use super::{Cluster, DIGEST_TAG};
use crate::call_error::CallError;
use release::task_definition::{self, ContainerDefinition, Secrets, TaskDefinition};

impl Cluster {
    /// Registers a revision and returns its ARN. Every call makes a new one, so compare first.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn register(&self, definition: &TaskDefinition) -> Result<String, CallError> {
        let family = &definition.family;
        let attempted = || format!("register task definition `{family}`");
        let containers = definition
            .container_definitions
            .iter()
            .map(container)
            .collect::<Result<_, _>>();
        let containers = containers.map_err(|_| CallError::unbuilt(attempted()))?;
        let volumes = definition.volumes.iter().map(volume);
        let volumes = volumes
            .collect::<Result<_, _>>()
            .map_err(|_| CallError::unbuilt(attempted()))?;
        let compatibilities = definition
            .requires_compatibilities
            .iter()
            .map(|c| Compatibility::from(c.as_str()));
        let request = self.client.register_task_definition().family(family);
        let answer = request
            .task_role_arn(&definition.task_role_arn)
            .execution_role_arn(&definition.execution_role_arn)
            .network_mode(NetworkMode::from(definition.network_mode.as_str()))
            .set_container_definitions(Some(containers))
            .set_volumes(Some(volumes))
            .set_requires_compatibilities(Some(compatibilities.collect()))
            .set_cpu(definition.cpu.clone())
            .set_memory(definition.memory.clone())
            .set_runtime_platform(definition.runtime_platform.as_ref().map(platform))
            .set_tags(Some(tags(definition)))
            .send()
            .await
            .map_err(|err| CallError::new(attempted(), &err))?;
        let arn = answer
            .task_definition()
            .and_then(|registered| registered.task_definition_arn());
        let arn = arn.ok_or_else(|| {
            CallError::refused(
                attempted(),
                ErrorType::BadResponse,
                "the answer names no ARN",
            )
        })?;
        Ok(arn.to_owned())
    }
}

fn container(
    container: &ContainerDefinition,
) -> Result<SdkContainer, aws_sdk_ecs::error::BuildError> {
    let linux = LinuxParameters::builder()
        .init_process_enabled(container.init_process_enabled)
        .build();
    let logs = LogConfiguration::builder()
        .log_driver(LogDriver::Awslogs)
        .set_options(Some(container.awslogs.clone().into_iter().collect()))
        .build()?;
    let command = Some(container.command.clone()).filter(|command| !command.is_empty());
    Ok(SdkContainer::builder()
        .name(&container.name)
        .image(&container.image)
        .cpu(container.cpu)
        .memory(container.memory)
        .essential(container.essential)
        .set_command(command)
        .set_environment(Some(environment(&container.environment)))
        .set_environment_files(environment_files(&container.environment_files)?)
        .set_secrets(Some(secrets(&container.secrets)?))
        .set_docker_labels(Some(container.docker_labels.clone().into_iter().collect()))
        .set_port_mappings(Some(
            container.port_mappings.iter().map(port_mapping).collect(),
        ))
        .linux_parameters(linux)
        .privileged(container.privileged)
        .set_mount_points(Some(
            container.mount_points.iter().map(mount_point).collect(),
        ))
        .readonly_root_filesystem(container.readonly_root_filesystem)
        .set_stop_timeout(container.stop_timeout)
        .ulimits(open_files(container.open_files)?)
        .log_configuration(logs)
        .build())
}

fn environment(pairs: &BTreeMap<String, String>) -> Vec<KeyValuePair> {
    pairs
        .iter()
        .map(|(name, value)| KeyValuePair::builder().name(name).value(value).build())
        .collect()
}

fn environment_files(
    arns: &[String],
) -> Result<Option<Vec<EnvironmentFile>>, aws_sdk_ecs::error::BuildError> {
    let files = arns.iter().map(|arn| {
        let file = EnvironmentFile::builder().value(arn);
        file.r#type(EnvironmentFileType::S3).build()
    });
    let files = files.collect::<Result<Vec<_>, _>>()?;
    Ok(Some(files).filter(|files| !files.is_empty()))
}

fn secrets(secrets: &Secrets) -> Result<Vec<Secret>, aws_sdk_ecs::error::BuildError> {
    let secret =
        |(name, from): (&str, Cow<'_, str>)| Secret::builder().name(name).value_from(from).build();
    secrets.iter().map(secret).collect()
}

fn port_mapping(port: &task_definition::PortMapping) -> PortMapping {
    let named = port.named.as_ref();
    let app_protocol = named.and_then(|named| named.app_protocol.as_deref());
    PortMapping::builder()
        .container_port(i32::from(port.container_port))
        .set_host_port(port.host_port.map(i32::from))
        .protocol(TransportProtocol::from(port.protocol))
        .set_name(named.map(|named| named.name.clone()))
        .set_app_protocol(app_protocol.map(ApplicationProtocol::from))
        .build()
}

fn platform(platform: &task_definition::RuntimePlatform) -> RuntimePlatform {
    let (cpu, system) = (
        platform.cpu_architecture.as_deref(),
        platform.operating_system_family.as_deref(),
    );
    RuntimePlatform::builder()
        .set_cpu_architecture(cpu.map(CpuArchitecture::from))
        .set_operating_system_family(system.map(OsFamily::from))
        .build()
}

fn mount_point(point: &task_definition::MountPoint) -> MountPoint {
    MountPoint::builder()
        .source_volume(&point.source_volume)
        .container_path(&point.container_path)
        .read_only(point.read_only)
        .build()
}

fn volume(volume: &task_definition::Volume) -> Result<Volume, aws_sdk_ecs::error::BuildError> {
    let host = volume.host.as_ref().map(|host| {
        let properties = HostVolumeProperties::builder();
        properties.set_source_path(host.source_path.clone()).build()
    });
    let file_system = volume.efs_volume_configuration.as_ref().map(file_system);
    Ok(Volume::builder()
        .name(&volume.name)
        .set_host(host)
        .set_efs_volume_configuration(file_system.transpose()?)
        .build())
}

fn file_system(
    volume: &task_definition::EfsVolumeConfiguration,
) -> Result<EfsVolumeConfiguration, aws_sdk_ecs::error::BuildError> {
    let entry = &volume.authorization_config;
    let authorization = EfsAuthorizationConfig::builder()
        .access_point_id(&entry.access_point_id)
        .iam(EfsAuthorizationConfigIam::from(entry.iam));
    EfsVolumeConfiguration::builder()
        .file_system_id(&volume.file_system_id)
        .transit_encryption(EfsTransitEncryption::from(volume.transit_encryption))
        .authorization_config(authorization.build())
        .build()
}

fn open_files(limit: i32) -> Result<Ulimit, aws_sdk_ecs::error::BuildError> {
    Ulimit::builder()
        .name(UlimitName::Nofile)
        .soft_limit(limit)
        .hard_limit(limit)
        .build()
}

fn tags(definition: &TaskDefinition) -> Vec<Tag> {
    let digest = (DIGEST_TAG.to_owned(), definition.digest());
    let tags = definition.tags.clone().into_iter().chain([digest]);
    tags.map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}
