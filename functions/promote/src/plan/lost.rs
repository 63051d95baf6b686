//! What goes with the definition that an ECS service runs when one made from convox.yml takes its place. Pure; no values.

use std::collections::BTreeSet;

use aws::ecs::{SeenContainer, SeenDefinition};
use release::task_definition::{ContainerDefinition, EnvSource, Release, TaskDefinition};

use super::checks::Checks;
use super::delivery::uncreated_secret;
use super::notice::Notice;
use super::{Process, Runs};
use crate::facts::{Facts, Wanted};

/// More names of a kind than this help nobody.
const NAMED_MAX: usize = 20;

impl Checks {
    /// What goes with the definitions that `app.json`'s ECS services run, where those are not this App's.
    pub(super) fn lost_definitions(
        &mut self,
        wanted: &Wanted<'_>,
        facts: &Facts,
        processes: &[Process<'_>],
        release: &Release<'_>,
    ) {
        let running = &facts.surroundings.named.running;
        // With references it has the variables that it will have, however they are delivered.
        let references = EnvSource::SecretsManager {
            secret_arn: uncreated_secret(wanted, facts),
            version_id: String::new(),
            version: facts.env_version,
        };
        for process in processes {
            let Runs::Service { ecs_service, .. } = &process.runs else {
                continue;
            };
            let running = running.get(ecs_service);
            let Some(running) = running.filter(|running| !wanted.id.owns(&running.tags)) else {
                continue;
            };
            let ours = process.render(release, &references);
            let lost = ours.map_or_else(|_| Vec::new(), |ours| lost(running, &ours));
            if !lost.is_empty() {
                self.warn(Notice::DefinitionReplaced {
                    ecs: ecs_service,
                    name: process.name(),
                    running: &running.arn,
                    lost: &lost.join("; "),
                });
            }
        }
    }
}

/// What `running` has and `ours` will not, in words.
fn lost(running: &SeenDefinition, ours: &TaskDefinition) -> Vec<String> {
    let Some(own) = ours.container_definitions.first() else {
        return Vec::new();
    };
    let same = replaced(running, &own.name);
    let others = running
        .containers
        .iter()
        .filter(|container| same.is_none_or(|same| same.name != container.name));
    let others = others.map(|container| container.name.as_str());
    let mut lost = Vec::new();
    lost.extend(shown("container", others));
    lost.extend(running.sets.iter().cloned());
    lost.extend(size(running, same, ours, own));
    if let Some(same) = same {
        of_container(same, own, &mut lost);
    }
    lost.extend(shown("volume", volumes(running, same, own)));
    lost.extend(other(
        "task role",
        running.task_role.as_deref(),
        &ours.task_role_arn,
    ));
    lost.extend(other(
        "execution role",
        running.execution_role.as_deref(),
        &ours.execution_role_arn,
    ));
    lost
}

/// The container that the Service's takes the place of: the one of its name, or the only one.
fn replaced<'a>(running: &'a SeenDefinition, name: &str) -> Option<&'a SeenContainer> {
    let mut containers = running.containers.iter();
    let of_name = containers.find(|container| container.name == name);
    of_name.or(match running.containers.as_slice() {
        [only] => Some(only),
        _ => None,
    })
}

fn of_container(same: &SeenContainer, own: &ContainerDefinition, lost: &mut Vec<String>) {
    if same.name != own.name {
        lost.push(format!("the container's name `{}`", same.name));
    }
    let ours = [
        (!own.command.is_empty(), "command"),
        (own.privileged, "privileged"),
        (own.readonly_root_filesystem, "readonlyRootFilesystem"),
        (own.init_process_enabled, "initProcessEnabled"),
    ];
    let has = |name: &str| ours.iter().any(|(is_set, own)| *is_set && *own == name);
    let not_set = same.can_set.iter().filter(|name| !has(name));
    let sets = same.sets.iter().chain(not_set);
    lost.extend(sets.map(|name| format!("`{name}`")));
    let variables = same.variables.iter().map(String::as_str);
    let known = |name: &str| own.environment.contains_key(name) || own.secrets.has(name);
    lost.extend(shown("variable", variables.filter(|name| !known(name))));
    let files = same.environment_files.iter().map(String::as_str);
    let is_read = |file: &str| own.environment_files.iter().any(|own| own == file);
    lost.extend(shown(
        "environment file",
        files.filter(|file| !is_read(file)),
    ));
    let ports = same.ports.iter().map(|port| port.container_port);
    let is_mapped = |port: u16| {
        own.port_mappings
            .iter()
            .any(|own| own.container_port == port)
    };
    let ports: BTreeSet<String> = ports
        .filter(|port| !is_mapped(*port))
        .map(|port| port.to_string())
        .collect();
    lost.extend(shown("port", ports.iter().map(String::as_str)));
    let group = own.awslogs.get("awslogs-group");
    if let Some((driver, of)) = &same.logs
        && (driver != "awslogs" || of.as_ref() != group)
    {
        let to = of.as_ref().map(|group| format!(" to `{group}`"));
        lost.push(format!("the logs by {driver}{}", to.unwrap_or_default()));
    }
}

/// Of the task on Fargate, of the container on instances.
fn size(
    running: &SeenDefinition,
    same: Option<&SeenContainer>,
    ours: &TaskDefinition,
    own: &ContainerDefinition,
) -> Option<String> {
    let of_task = running.cpu.is_some() || running.memory.is_some();
    let before = if of_task {
        [running.cpu.clone(), running.memory.clone()]
    } else {
        let cpu = same.map(|same| same.cpu.to_string());
        let memory = same.and_then(|same| same.memory);
        [
            cpu.filter(|cpu| cpu != "0"),
            memory.map(|memory| memory.to_string()),
        ]
    };
    let now = if ours.cpu.is_some() {
        [ours.cpu.clone(), ours.memory.clone()]
    } else {
        [Some(own.cpu.to_string()), Some(own.memory.to_string())]
    };
    let shown = |size: &[Option<String>; 2]| {
        let [cpu, memory] = size.each_ref().map(|it| it.as_deref().unwrap_or("none"));
        format!("cpu {cpu} and memory {memory}")
    };
    let has_any = before.iter().any(Option::is_some);
    (has_any && before != now).then(|| format!("{} ({} instead)", shown(&before), shown(&now)))
}

/// Volumes that are mounted in other containers, or at a place where nothing is mounted now.
fn volumes<'a>(
    running: &'a SeenDefinition,
    same: Option<&SeenContainer>,
    own: &ContainerDefinition,
) -> impl Iterator<Item = &'a str> {
    let kept = same.into_iter().flat_map(|same| &same.mounts);
    let is_mounted = |path: &String| {
        own.mount_points
            .iter()
            .any(|own| own.container_path == *path)
    };
    let kept: BTreeSet<String> = kept
        .filter(|(path, _)| is_mounted(path))
        .map(|(_, volume)| volume.clone())
        .collect();
    let all = running.volumes.iter().map(String::as_str);
    all.filter(move |volume| !kept.contains(*volume))
}

fn other(what: &str, before: Option<&str>, now: &str) -> Option<String> {
    let before = before.filter(|before| *before != now)?;
    Some(format!("the {what} {before}"))
}

/// Names of a kind. One that does not look like a name, which could be anything, is only counted.
fn shown<'a>(kind: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let all: Vec<&str> = names.collect();
    let is_plain = |name: &&&str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-:/".contains(&byte);
        name.len() <= 255 && name.bytes().all(fits)
    };
    let plain = all.iter().filter(is_plain).take(NAMED_MAX);
    let mut shown: Vec<String> = plain.map(|name| format!("`{name}`")).collect();
    let more = all.len() - shown.len();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    let plural = if all.len() == 1 { "" } else { "s" };
    (!shown.is_empty()).then(|| format!("the {kind}{plural} {}", shown.join(", ")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use aws::ecs::SeenPort;
    use release::task_definition::{MountPoint, PortMapping, Secrets};

    use super::*;

    fn ours() -> TaskDefinition {
        let pairs = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            let pairs = pairs.iter();
            pairs
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        };
        TaskDefinition {
            family: "r_shop_web".to_owned(),
            task_role_arn: "task".to_owned(),
            execution_role_arn: "execution".to_owned(),
            network_mode: "awsvpc".to_owned(),
            container_definitions: vec![ContainerDefinition {
                name: "web".to_owned(),
                image: "a".to_owned(),
                cpu: 256,
                memory: 512,
                essential: true,
                command: Vec::new(),
                environment: pairs(&[("APP", "shop")]),
                environment_files: Vec::new(),
                secrets: Secrets {
                    of_app: None,
                    others: pairs(&[("TOKEN", "arn")]),
                },
                docker_labels: BTreeMap::new(),
                port_mappings: vec![PortMapping {
                    container_port: 3000,
                    host_port: None,
                    protocol: "tcp",
                    named: None,
                }],
                mount_points: vec![MountPoint {
                    source_volume: "volume-0".to_owned(),
                    container_path: "/data".to_owned(),
                    read_only: false,
                }],
                readonly_root_filesystem: false,
                stop_timeout: None,
                open_files: 1,
                init_process_enabled: true,
                privileged: false,
                awslogs: pairs(&[("awslogs-group", "/convox/r/shop")]),
            }],
            volumes: Vec::new(),
            requires_compatibilities: vec!["FARGATE".to_owned()],
            cpu: Some("256".to_owned()),
            memory: Some("512".to_owned()),
            runtime_platform: None,
            tags: BTreeMap::new(),
        }
    }

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn port(container_port: u16) -> SeenPort {
        SeenPort {
            container_port,
            named: None,
        }
    }

    /// What has nothing that ours lacks.
    fn plain() -> SeenDefinition {
        SeenDefinition {
            cpu: Some("256".to_owned()),
            memory: Some("512".to_owned()),
            task_role: Some("task".to_owned()),
            volumes: names(&["data"]),
            containers: vec![SeenContainer {
                name: "web".to_owned(),
                can_set: ["initProcessEnabled"].into(),
                variables: names(&["APP", "TOKEN"]),
                ports: vec![port(3000)],
                mounts: [("/data".to_owned(), "data".to_owned())].into(),
                logs: Some(("awslogs".to_owned(), Some("/convox/r/shop".to_owned()))),
                ..SeenContainer::default()
            }],
            ..SeenDefinition::default()
        }
    }

    #[test]
    fn everything_that_a_definition_of_convox_yml_lacks_is_named() {
        type Change = dyn Fn(&mut SeenDefinition, &mut SeenContainer);
        let cases: [(&Change, &[&str]); 14] = [
            (&|_, _| {}, &[]),
            (
                &|_, it| it.name = "api".to_owned(),
                &["the container's name `api`"],
            ),
            (
                &|_, it| it.sets = ["healthCheck", "entryPoint", "user"].into(),
                &["`entryPoint`", "`healthCheck`", "`user`"],
            ),
            (
                &|_, it| it.can_set = ["command", "privileged"].into(),
                &["`command`", "`privileged`"],
            ),
            (
                &|it, _| (it.cpu, it.memory) = (Some("4096".to_owned()), Some("16384".to_owned())),
                &["cpu 4096 and memory 16384 (cpu 256 and memory 512 instead)"],
            ),
            (
                &|it, _| it.sets = names(&["ephemeralStorage of 100 GiB"]),
                &["ephemeralStorage of 100 GiB"],
            ),
            (
                &|_, it| it.variables = names(&["APP", "NODE_ENV", "not a name"]),
                &["the variables `NODE_ENV`, 1 more"],
            ),
            (
                &|_, it| it.environment_files = names(&["arn:aws:s3:::b/e.env"]),
                &["the environment file `arn:aws:s3:::b/e.env`"],
            ),
            (&|_, it| it.ports = vec![port(9000)], &["the port `9000`"]),
            (
                &|_, it| it.mounts = [("/cache".to_owned(), "data".to_owned())].into(),
                &["the volume `data`"],
            ),
            (
                &|it, _| it.task_role = Some("theirs".to_owned()),
                &["the task role theirs"],
            ),
            (
                &|it, _| it.execution_role = Some("theirs".to_owned()),
                &["the execution role theirs"],
            ),
            (
                &|_, it| it.logs = Some(("awslogs".to_owned(), Some("/ecs/front".to_owned()))),
                &["the logs by awslogs to `/ecs/front`"],
            ),
            (
                &|_, it| it.logs = Some(("splunk".to_owned(), None)),
                &["the logs by splunk"],
            ),
        ];
        for (change, want) in cases {
            let mut running = plain();
            let mut container = running.containers.remove(0);
            change(&mut running, &mut container);
            running.containers.push(container);
            assert_eq!(lost(&running, &ours()), want);
        }
    }

    #[test]
    fn other_containers_go_and_the_services_own_is_the_one_of_its_name() {
        let mut running = plain();
        running.containers.push(SeenContainer {
            name: "envoy".to_owned(),
            sets: ["user"].into(),
            ..SeenContainer::default()
        });
        assert_eq!(lost(&running, &ours()), ["the container `envoy`"]);
        running.containers.remove(0);
        running.volumes.clear();
        running.containers.push(SeenContainer {
            name: "api".to_owned(),
            ..SeenContainer::default()
        });
        assert_eq!(lost(&running, &ours()), ["the containers `envoy`, `api`"]);
    }
}
