//! What of a Release the user has to mend, whoever is to run it, and what is said of its delivery. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use environment::ReadEnvironment;
use manifest::capacity::LaunchType;
use manifest::{Manifest, Service, Volume, VolumeSource};
use names::error_type::ErrorType;

/// The tasks of one ECS service.
const SERVICE_TASKS_MAX: u32 = 5_000;
/// Docker's own minimum.
const MEMORY_MIN_MIB: u32 = 6;
/// Ports that container instances reserve.
const INSTANCE_PORTS: [u16; 6] = [22, 2375, 2376, 51678, 51679, 51680];

/// One thing for the user to mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// A stable name, for reports, events and alarms.
    pub error_type: ErrorType,
    /// What is wrong, where, and what to do.
    pub message: String,
}

impl Problem {
    /// A problem in words.
    pub fn new(error_type: ErrorType, message: impl Into<String>) -> Self {
        Self {
            error_type,
            message: message.into(),
        }
    }
}

/// Required variables that the environment lacks, by Service; `read` may tell why.
#[must_use]
pub fn missing_variables(
    missing: &BTreeMap<String, Vec<String>>,
    read: &ReadEnvironment,
) -> Option<Problem> {
    let services = missing
        .iter()
        .map(|(service, names)| format!("{} (Service `{service}`)", names.join(", ")));
    let services: Vec<String> = services.collect();
    (!services.is_empty()).then(|| {
        let names = missing.values().flatten();
        let exported: BTreeSet<_> = names.filter(|name| read.exported.contains(*name)).collect();
        let exported = exported.iter().map(|name| format!("`{name}`"));
        let exported: Vec<String> = exported.collect();
        let mut message = format!(
            "required variables are not set: {}; add them to the environment",
            services.join("; ")
        );
        // Writing to a String cannot fail.
        if !exported.is_empty() {
            let _ = write!(
                message,
                "; without `export`, which stands before {}",
                exported.join(", ")
            );
        } else if let Some(form) = read.likely_form {
            let _ = write!(message, "; {form}");
        }
        Problem::new(ErrorType::MissingVariables, message)
    })
}

/// A link to a Service that is not there; Convox refuses it when it renders.
#[must_use]
pub fn unknown_link(manifest: &Manifest, service: &Service) -> Option<Problem> {
    let unknown = |link: &String| manifest.service(link).is_none();
    service.links.iter().any(unknown).then(|| {
        let name = &service.name;
        let message =
            format!("`services.{name}.links` names a Service that convox.yml does not have");
        Problem::new(ErrorType::UnknownLink, message)
    })
}

/// Folders of the host that a Service on Fargate mounts: there is no host, so whoever keeps data there loses them.
#[must_use]
pub fn host_volumes(service: &Service, launch_type: LaunchType) -> Option<String> {
    let of_host = |(_, volume): &(usize, &Volume)| matches!(volume.source, VolumeSource::Host(_));
    let volumes = service.volumes.iter().enumerate().filter(of_host);
    let name = &service.name;
    let paths: Vec<String> = volumes
        .map(|(index, _)| format!("`services.{name}.volumes[{index}]`"))
        .collect();
    (launch_type == LaunchType::Fargate && !paths.is_empty()).then(|| {
        format!(
            "convox.yml, {}: Fargate has no host, so this is an empty folder in each task and what is written there is lost \
             with it; mount a resource of type `efs`, or run on EC2",
            paths.join(", ")
        )
    })
}

/// What ECS holds against a Service, though its numbers are ones that AWS moves: it has the last word.
///
/// Source: ECS API reference, `PortMapping` (`hostPort`) and `ContainerDefinition` (`memory`); ECS service quotas, "Tasks per
/// service".
#[must_use]
pub fn beyond_ecs(service: &Service, launch_type: LaunchType) -> Vec<String> {
    let (name, scale) = (&service.name, &service.scale);
    let on_instances = launch_type == LaunchType::Ec2;
    let mut warnings = Vec::new();
    if scale.min > SERVICE_TASKS_MAX {
        warnings.push(format!(
            "`services.{name}.scale.count`: ECS runs at most {SERVICE_TASKS_MAX} tasks of a service; use fewer and larger ones"
        ));
    }
    if on_instances && scale.memory < MEMORY_MIN_MIB {
        warnings.push(format!(
            "`services.{name}.scale.memory`: Docker reserves {MEMORY_MIN_MIB} MiB for a container, so less than that starts none"
        ));
    }
    let taken = service.agent.iter().flat_map(|agent| &agent.ports);
    let taken = taken.filter(|taken| INSTANCE_PORTS.contains(&taken.port));
    warnings.extend(taken.filter(|_| on_instances).map(|taken| {
        format!(
            "`services.{name}.agent.ports`: port {} is taken on every instance by SSH, Docker or the ECS agent, so ECS places no \
             such task; use another",
            taken.port
        )
    }));
    warnings
}

/// What every delivery through S3 warns of.
#[must_use]
pub fn s3_reminder(services: &[&str]) -> String {
    format!(
        "delivered through S3, which works only in images whose entrypoint is convox-env; make sure that the images \
         of these Services have it: {}",
        services.join(", ")
    )
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
        let said = host_volumes(web, LaunchType::Fargate).unwrap();
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
