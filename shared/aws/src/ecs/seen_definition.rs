//! What an ECS service runs that is not ours to begin with, as far as a definition made from convox.yml may lack it.
//!
//! No value of a variable, no command and no label is kept: they can be secrets.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::{
    ContainerDefinition, ContainerRestartPolicy, LinuxParameters, PortMapping, Secret,
    TaskDefinition, VersionConsistency,
};

use release::task_definition::{PortName, RuntimePlatform};

/// A registered definition, in ECS's own words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenDefinition {
    /// Its ARN.
    pub arn: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// `awsvpc`, `bridge`, `host` or `none`.
    pub network_mode: String,
    /// What it is registered for: `FARGATE`, `EC2`, `EXTERNAL` …; empty where it does not say.
    pub requires_compatibilities: Vec<String>,
    /// The machines that it runs on.
    pub runtime_platform: Option<RuntimePlatform>,
    /// CPU units of the task.
    pub cpu: Option<String>,
    /// MiB of the task.
    pub memory: Option<String>,
    /// The role of its code.
    pub task_role: Option<String>,
    /// The role that pulls images and reads secrets.
    pub execution_role: Option<String>,
    /// What it sets of the task that a definition made from convox.yml never has.
    pub sets: BTreeSet<String>,
    /// Its volumes, by name.
    pub volumes: BTreeSet<String>,
    /// Its containers.
    pub containers: Vec<SeenContainer>,
}

/// A container of a registered definition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenContainer {
    /// Its name.
    pub name: String,
    /// CPU units; 0 is none.
    pub cpu: i32,
    /// Hard limit in MiB.
    pub memory: Option<i32>,
    /// What it sets that a definition made from convox.yml never has.
    pub sets: BTreeSet<&'static str>,
    /// What it sets that a definition made from convox.yml can have: `command`, `privileged` …
    pub can_set: BTreeSet<&'static str>,
    /// The names of its variables, from `environment` and `secrets`.
    pub variables: BTreeSet<String>,
    /// Its environment files.
    pub environment_files: BTreeSet<String>,
    /// Its ports.
    pub ports: Vec<SeenPort>,
    /// The volumes that it mounts, by path.
    pub mounts: BTreeMap<String, String>,
    /// The driver of its logs, and their group, where that is `awslogs`.
    pub logs: Option<(String, Option<String>)>,
}

/// A port of a registered definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenPort {
    /// The container's.
    pub container_port: u16,
    /// Its name, if it has one.
    pub named: Option<PortName>,
}

impl SeenDefinition {
    /// The names of its ports, by container port.
    #[must_use]
    pub fn port_names(&self) -> BTreeMap<u16, PortName> {
        let ports = self
            .containers
            .iter()
            .flat_map(|container| &container.ports);
        ports
            .filter_map(|port| Some((port.container_port, port.named.clone()?)))
            .collect()
    }
}

pub(super) fn seen(definition: &TaskDefinition, tags: BTreeMap<String, String>) -> SeenDefinition {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let compatibilities = definition.requires_compatibilities().iter();
    let volumes = definition.volumes().iter();
    let containers = definition.container_definitions().iter();
    SeenDefinition {
        arn: text(definition.task_definition_arn()),
        tags,
        network_mode: definition
            .network_mode()
            .map_or("bridge", |mode| mode.as_str())
            .to_owned(),
        requires_compatibilities: compatibilities.map(|it| it.as_str().to_owned()).collect(),
        runtime_platform: runtime_platform(definition),
        cpu: definition.cpu().map(str::to_owned),
        memory: definition.memory().map(str::to_owned),
        task_role: definition.task_role_arn().map(str::to_owned),
        execution_role: definition.execution_role_arn().map(str::to_owned),
        sets: of_task(definition),
        volumes: volumes.map(|volume| text(volume.name())).collect(),
        containers: containers.map(container).collect(),
    }
}

fn runtime_platform(definition: &TaskDefinition) -> Option<RuntimePlatform> {
    let platform = definition.runtime_platform()?;
    let seen = RuntimePlatform {
        cpu_architecture: platform.cpu_architecture().map(|it| it.as_str().to_owned()),
        operating_system_family: platform
            .operating_system_family()
            .map(|it| it.as_str().to_owned()),
    };
    let says = seen.cpu_architecture.is_some() || seen.operating_system_family.is_some();
    says.then_some(seen)
}

/// Of all that `RegisterTaskDefinition` takes (API reference), what no definition of ours has.
fn of_task(definition: &TaskDefinition) -> BTreeSet<String> {
    let storage = definition.ephemeral_storage();
    let storage = storage.map(|it| format!("ephemeralStorage of {} GiB", it.size_in_gib()));
    let others = [
        (definition.pid_mode().is_some(), "pidMode"),
        (definition.ipc_mode().is_some(), "ipcMode"),
        (
            definition.proxy_configuration().is_some(),
            "proxyConfiguration",
        ),
        (
            !definition.placement_constraints().is_empty(),
            "placementConstraints",
        ),
        (
            definition.enable_fault_injection() == Some(true),
            "enableFaultInjection",
        ),
    ];
    let others = others.into_iter().filter(|(is_set, _)| *is_set);
    let others = others.map(|(_, name)| name.to_owned());
    storage.into_iter().chain(others).collect()
}

fn container(container: &ContainerDefinition) -> SeenContainer {
    let plain = container.environment().iter().filter_map(|it| it.name());
    let secrets = container.secrets().iter().map(Secret::name);
    let files = container.environment_files().iter();
    let mounts = container.mount_points().iter();
    let mount = |(path, volume): (&str, &str)| (path.to_owned(), volume.to_owned());
    let logs = container.log_configuration().map(|logs| {
        let group = logs.options().and_then(|it| it.get("awslogs-group"));
        (logs.log_driver().as_str().to_owned(), group.cloned())
    });
    SeenContainer {
        name: container.name().unwrap_or_default().to_owned(),
        cpu: container.cpu(),
        memory: container.memory(),
        sets: of_container(container),
        can_set: shared_with_ours(container),
        variables: plain.chain(secrets).map(str::to_owned).collect(),
        environment_files: files.map(|file| file.value().to_owned()).collect(),
        ports: container.port_mappings().iter().filter_map(port).collect(),
        mounts: mounts
            .filter_map(|point| Some(mount((point.container_path()?, point.source_volume()?))))
            .collect(),
        logs,
    }
}

fn port(port: &PortMapping) -> Option<SeenPort> {
    let named = port.name().map(|name| PortName {
        name: name.to_owned(),
        app_protocol: port.app_protocol().map(|it| it.as_str().to_owned()),
    });
    Some(SeenPort {
        container_port: u16::try_from(port.container_port()?).ok()?,
        named,
    })
}

/// Of all that a container definition can have (API reference), what none of ours has.
fn of_container(container: &ContainerDefinition) -> BTreeSet<&'static str> {
    let is_on = |flag: Option<bool>| flag == Some(true);
    let consistent = container.version_consistency();
    let ports = container.port_mappings().iter();
    let sets = [
        (container.health_check().is_some(), "healthCheck"),
        (!container.entry_point().is_empty(), "entryPoint"),
        (container.user().is_some(), "user"),
        (container.working_directory().is_some(), "workingDirectory"),
        (container.hostname().is_some(), "hostname"),
        (
            container.memory_reservation().is_some(),
            "memoryReservation",
        ),
        (
            container.repository_credentials().is_some(),
            "repositoryCredentials",
        ),
        (
            container
                .restart_policy()
                .is_some_and(ContainerRestartPolicy::enabled),
            "restartPolicy",
        ),
        (container.start_timeout().is_some(), "startTimeout"),
        (
            container.firelens_configuration().is_some(),
            "firelensConfiguration",
        ),
        (is_on(container.disable_networking()), "disableNetworking"),
        (is_on(container.interactive()), "interactive"),
        (is_on(container.pseudo_terminal()), "pseudoTerminal"),
        (!container.links().is_empty(), "links"),
        (!container.volumes_from().is_empty(), "volumesFrom"),
        (!container.depends_on().is_empty(), "dependsOn"),
        (!container.dns_servers().is_empty(), "dnsServers"),
        (
            !container.dns_search_domains().is_empty(),
            "dnsSearchDomains",
        ),
        (!container.extra_hosts().is_empty(), "extraHosts"),
        (
            !container.docker_security_options().is_empty(),
            "dockerSecurityOptions",
        ),
        (!container.system_controls().is_empty(), "systemControls"),
        (
            !container.resource_requirements().is_empty(),
            "resourceRequirements",
        ),
        (!container.credential_specs().is_empty(), "credentialSpecs"),
        (
            ports
                .clone()
                .any(|port| port.container_port_range().is_some()),
            "containerPortRange",
        ),
        (
            consistent == Some(&VersionConsistency::Disabled),
            "versionConsistency",
        ),
        (
            container.linux_parameters().is_some_and(beyond_init),
            "linuxParameters",
        ),
    ];
    let sets = sets.into_iter().filter(|(is_set, _)| *is_set);
    sets.map(|(_, name)| name).collect()
}

fn beyond_init(linux: &LinuxParameters) -> bool {
    let capabilities = linux.capabilities();
    capabilities.is_some_and(|it| !it.add().is_empty() || !it.drop().is_empty())
        || !linux.devices().is_empty()
        || !linux.tmpfs().is_empty()
        || linux.shared_memory_size().is_some()
        || linux.max_swap().is_some()
        || linux.swappiness().is_some()
}

/// What convox.yml can ask for, too.
fn shared_with_ours(container: &ContainerDefinition) -> BTreeSet<&'static str> {
    let init = container.linux_parameters();
    let init = init.and_then(LinuxParameters::init_process_enabled);
    let sets = [
        (!container.command().is_empty(), "command"),
        (container.privileged() == Some(true), "privileged"),
        (
            container.readonly_root_filesystem() == Some(true),
            "readonlyRootFilesystem",
        ),
        (init == Some(true), "initProcessEnabled"),
    ];
    let sets = sets.into_iter().filter(|(is_set, _)| *is_set);
    sets.map(|(_, name)| name).collect()
}
