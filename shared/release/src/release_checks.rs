//! What of a Release the user has to mend, whoever is to run it, and what is said of its delivery. Pure.

use std::collections::{BTreeMap, BTreeSet};

use environment::{LikelyForm, ReadEnvironment};
use manifest::capacity::LaunchType;
use manifest::{Manifest, Service, Volume, VolumeSource};
use names::ServiceName;
use names::error_type::ErrorType;

use crate::problem::UserError;

/// The tasks of one ECS service.
const SERVICE_TASKS_MAX: u32 = 5_000;
/// Docker's own minimum.
const MEMORY_MIN_MIB: u32 = 6;
/// Ports that container instances reserve.
const INSTANCE_PORTS: [u16; 6] = [22, 2375, 2376, 51678, 51679, 51680];

/// Why no container of a Service would do its work, whatever runs it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseFault {
    /// The environment lacks required variables.
    #[error(
        "required variables are not set: {}; add them to the environment{}",
        of_services(.missing), why_missing(.exported, *.likely_form)
    )]
    MissingVariables {
        /// Their names, by Service.
        missing: BTreeMap<String, Vec<String>>,
        /// Those that stand behind `export` there.
        exported: BTreeSet<String>,
        /// The form of others that the environment seems to have.
        likely_form: Option<LikelyForm>,
    },
    /// A link to a Service that is not there; Convox refuses it when it renders.
    #[error("`services.{service}.links` names a Service that convox.yml does not have")]
    UnknownLink {
        /// The Service that links.
        service: ServiceName,
    },
}

impl UserError for ReleaseFault {
    fn error_type(&self) -> ErrorType {
        match self {
            Self::MissingVariables { .. } => ErrorType::MissingVariables,
            Self::UnknownLink { .. } => ErrorType::UnknownLink,
        }
    }
}

fn of_services(missing: &BTreeMap<String, Vec<String>>) -> String {
    let services = missing
        .iter()
        .map(|(service, names)| format!("{} (Service `{service}`)", names.join(", ")));
    services.collect::<Vec<_>>().join("; ")
}

fn why_missing(exported: &BTreeSet<String>, likely_form: Option<LikelyForm>) -> String {
    let exported = exported.iter().map(|name| format!("`{name}`"));
    let exported: Vec<String> = exported.collect();
    if !exported.is_empty() {
        let exported = exported.join(", ");
        return format!("; without `export`, which stands before {exported}");
    }
    likely_form.map_or_else(String::new, |form| format!("; {form}"))
}

/// What ECS holds against a Service, or takes otherwise than it is written, though the Release is promoted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseNotice {
    /// Folders of the host on Fargate, which has no host: whoever keeps data there loses them.
    #[error(
        "convox.yml, {}: Fargate has no host, so this is an empty folder in each task and what is written there is lost \
         with it; mount a resource of type `efs`, or run on EC2",
        .paths.join(", ")
    )]
    HostVolumes {
        /// Where convox.yml names them.
        paths: Vec<String>,
    },
    /// More tasks than an ECS service runs.
    #[error(
        "`services.{service}.scale.count`: ECS runs at most {SERVICE_TASKS_MAX} tasks of a service; use fewer and larger ones"
    )]
    TooManyTasks {
        /// The Service.
        service: ServiceName,
    },
    /// Less memory than Docker reserves.
    #[error(
        "`services.{service}.scale.memory`: Docker reserves {MEMORY_MIN_MIB} MiB for a container, so less than that starts none"
    )]
    TooLittleMemory {
        /// The Service.
        service: ServiceName,
    },
    /// A port of the host that something else has on every instance.
    #[error(
        "`services.{service}.agent.ports`: port {port} is taken on every instance by SSH, Docker or the ECS agent, so ECS places no \
         such task; use another"
    )]
    TakenPort {
        /// The Service.
        service: ServiceName,
        /// The port.
        port: u16,
    },
    /// Every delivery through S3 warns of the images.
    #[error(
        "delivered through S3, which works only in images whose entrypoint is convox-env; make sure that the images \
         of these Services have it: {}",
        .services.join(", ")
    )]
    NeedsConvoxEnv {
        /// The Services that are delivered so.
        services: Vec<String>,
    },
}

/// Required variables that the environment lacks, by Service; `read` may tell why.
#[must_use]
pub fn missing_variables(
    missing: BTreeMap<String, Vec<String>>,
    read: &ReadEnvironment,
) -> Option<ReleaseFault> {
    let names = missing.values().flatten();
    let exported = names.filter(|name| read.exported.contains(*name));
    let exported = exported.cloned().collect();
    (!missing.is_empty()).then_some(ReleaseFault::MissingVariables {
        missing,
        exported,
        likely_form: read.likely_form,
    })
}

/// A link to a Service that is not there; Convox refuses it when it renders.
#[must_use]
pub fn unknown_link(manifest: &Manifest, service: &Service) -> Option<ReleaseFault> {
    let mut links = service.links.iter();
    let unknown = links.any(|link| manifest.service(link).is_none());
    unknown.then(|| ReleaseFault::UnknownLink {
        service: service.name.clone(),
    })
}

/// Folders of the host that a Service on Fargate mounts.
#[must_use]
pub fn host_volumes(service: &Service, launch_type: LaunchType) -> Option<ReleaseNotice> {
    let of_host = |(_, volume): &(usize, &Volume)| matches!(volume.source, VolumeSource::Host(_));
    let volumes = service.volumes.iter().enumerate().filter(of_host);
    let name = &service.name;
    let paths: Vec<String> = volumes
        .map(|(index, _)| format!("`services.{name}.volumes[{index}]`"))
        .collect();
    (launch_type == LaunchType::Fargate && !paths.is_empty())
        .then_some(ReleaseNotice::HostVolumes { paths })
}

/// What ECS holds against a Service, though its numbers are ones that AWS moves: it has the last word.
///
/// Source: ECS API reference, `PortMapping` (`hostPort`) and `ContainerDefinition` (`memory`); ECS service quotas, "Tasks per
/// service".
#[must_use]
pub fn beyond_ecs(service: &Service, launch_type: LaunchType) -> Vec<ReleaseNotice> {
    let scale = &service.scale;
    let on_instances = launch_type == LaunchType::Ec2;
    let named = || service.name.clone();
    let mut notices = Vec::new();
    if scale.min > SERVICE_TASKS_MAX {
        notices.push(ReleaseNotice::TooManyTasks { service: named() });
    }
    if on_instances && scale.memory < MEMORY_MIN_MIB {
        notices.push(ReleaseNotice::TooLittleMemory { service: named() });
    }
    let taken = service.agent.iter().flat_map(|agent| &agent.ports);
    let taken = taken.filter(|taken| INSTANCE_PORTS.contains(&taken.port));
    let taken = taken.filter(|_| on_instances);
    notices.extend(taken.map(|taken| ReleaseNotice::TakenPort {
        service: named(),
        port: taken.port,
    }));
    notices
}

#[cfg(test)]
mod tests {
    use super::*;
    use environment::Environment;

    #[test]
    fn folders_of_a_host_that_fargate_does_not_have_are_named() {
        let text = "resources: {files: {type: efs}}\nservices: {web: {image: a, resources: [files], \
            volumes: ['files:/files', /data, '/var/run/docker.sock:/var/run/docker.sock']}, api: {image: a}}\n";
        let loaded = manifest::load("convox.yml", text.as_bytes(), &Environment::default());
        let loaded = loaded.unwrap();
        let (web, api) = (
            loaded.service("web").unwrap(),
            loaded.service("api").unwrap(),
        );
        let said = host_volumes(web, LaunchType::Fargate).unwrap().to_string();
        assert!(
            said.contains(
                "`services.web.volumes[1]`, `services.web.volumes[2]`: Fargate has no host"
            ),
            "{said}"
        );
        assert!(!said.contains("volumes[0]"), "{said}");
        assert_eq!(host_volumes(web, LaunchType::Ec2), None);
        assert_eq!(host_volumes(api, LaunchType::Fargate), None);
    }

    #[test]
    fn what_ecs_would_not_run_is_named_beforehand() {
        let text = "services: {web: {image: a, scale: {count: 5001, memory: 5}}, api: {image: a, scale: 5000}, \
            log: {image: a, agent: {ports: [2376, 8125/udp, 51680/udp]}}}\n";
        let loaded = manifest::load("convox.yml", text.as_bytes(), &Environment::default());
        let loaded = loaded.unwrap();
        let said = |name: &str, launch_type| {
            let said = beyond_ecs(loaded.service(name).unwrap(), launch_type);
            let said: Vec<String> = said.iter().map(ToString::to_string).collect();
            let paths = said
                .iter()
                .map(|it| it.split(':').next().unwrap().to_owned());
            (paths.collect::<Vec<_>>(), said.join("\n"))
        };
        let (count, memory) = ("`services.web.scale.count`", "`services.web.scale.memory`");
        assert_eq!(said("web", LaunchType::Ec2).0, [count, memory]);
        assert_eq!(said("web", LaunchType::Fargate).0, [count]); // its sizes have a table of their own
        assert!(said("api", LaunchType::Ec2).0.is_empty());
        let (_, ports) = said("log", LaunchType::Ec2);
        assert!(
            ports.contains("port 2376 ")
                && ports.contains("port 51680 ")
                && !ports.contains("8125"),
            "{ports}"
        );
        assert!(said("log", LaunchType::Fargate).0.is_empty());
    }
}
