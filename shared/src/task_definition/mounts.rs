//! What of the host a container mounts. Source: `convox/rack:provider/aws/formation/service.json.tmpl`, "Volumes".

use super::{Host, Launch, LaunchType, MountPoint, Volume};
use crate::manifest::{Service, VolumeSource};
use crate::names::AppId;

/// Paths of the host that are mounted as they are; everything else is a folder of the App.
const OF_THE_HOST: [&str; 10] = [
    "/cgroup",
    "/dev/log",
    "/etc/passwd",
    "/proc",
    "/sys/fs/cgroup",
    "/sys/kernel/debug",
    "/var/lib/docker/containers",
    "/var/log/audit",
    "/var/run",
    "/var/run/docker.sock",
];

/// The volumes of the task; those of resources come with the resources.
pub(super) fn volumes(id: &AppId, service: &Service, launch: &Launch) -> Vec<Volume> {
    let of_host = of_host(service);
    of_host
        .map(|(index, source, _)| Volume {
            name: name(index),
            // Fargate has no host: the folder is empty at each start (ECS developer guide, "Bind mounts").
            host: Host {
                source_path: match launch.launch_type {
                    LaunchType::Ec2 => Some(host_path(id, source)),
                    LaunchType::Fargate => None,
                },
            },
        })
        .collect()
}

/// Where they are mounted.
pub(super) fn points(service: &Service) -> Vec<MountPoint> {
    of_host(service)
        .map(|(index, _, volume)| MountPoint {
            source_volume: name(index),
            container_path: volume.container_path.clone(),
            read_only: volume.read_only,
        })
        .collect()
}

fn of_host(service: &Service) -> impl Iterator<Item = (usize, &str, &crate::manifest::Volume)> {
    let numbered = service.volumes.iter().enumerate();
    numbered.filter_map(|(index, volume)| match &volume.source {
        VolumeSource::Host(path) => Some((index, path.as_str(), volume)),
        VolumeSource::Resource(_) => None,
    })
}

fn name(index: usize) -> String {
    format!("volume-{index}")
}

fn host_path(id: &AppId, source: &str) -> String {
    let plain = source.trim_end_matches('/');
    if OF_THE_HOST.contains(&plain) {
        return source.to_owned();
    }
    format!("/volumes/{}/{}", id.app, source.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{AppName, RackName};

    #[test]
    fn only_known_paths_of_the_host_are_mounted_as_they_are() {
        let id = AppId {
            rack: RackName::new("r").unwrap(),
            app: AppName::new("shop").unwrap(),
        };
        for (source, want) in [
            ("/var/run/docker.sock", "/var/run/docker.sock"),
            ("/proc/", "/proc/"),
            ("/sys/fs/cgroup", "/sys/fs/cgroup"),
            ("/proc/1", "/volumes/shop/proc/1"),
            ("/etc/shadow", "/volumes/shop/etc/shadow"),
            ("data", "/volumes/shop/data"),
            ("/data", "/volumes/shop/data"),
        ] {
            assert_eq!(host_path(&id, source), want, "{source}");
        }
    }
}
