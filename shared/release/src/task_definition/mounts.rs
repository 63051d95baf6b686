//! What a container mounts: of the host, and file systems of the App's stack. Source: `convox/rack:provider/aws/formation/service.json.tmpl`, "Volumes".

use super::{
    AuthorizationConfig, EfsVolumeConfiguration, Host, Launch, MountPoint, Release, Volume,
};
use manifest::capacity::LaunchType;
use manifest::{Service, VolumeSource};
use names::AppId;

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

/// The volumes of the task, each once.
pub(super) fn volumes(release: &Release<'_>, service: &Service, launch: &Launch) -> Vec<Volume> {
    let mut volumes: Vec<Volume> = Vec::new();
    for (index, volume) in service.volumes.iter().enumerate() {
        let volume = match &volume.source {
            VolumeSource::Host(path) => Some(of_host(release.id, index, path, launch)),
            VolumeSource::Resource(name) => of_resource(release, name),
        };
        let known = |volume: &Volume| volumes.iter().any(|other| other.name == volume.name);
        volumes.extend(volume.filter(|volume| !known(volume)));
    }
    volumes
}

/// Where they are mounted.
pub(super) fn points(release: &Release<'_>, service: &Service) -> Vec<MountPoint> {
    let numbered = service.volumes.iter().enumerate();
    let points = numbered.filter_map(|(index, volume)| {
        let source_volume = match &volume.source {
            VolumeSource::Host(_) => name(index),
            VolumeSource::Resource(name) => of_resource(release, name)?.name,
        };
        Some(MountPoint {
            source_volume,
            container_path: volume.container_path.clone(),
            read_only: volume.read_only,
        })
    });
    points.collect()
}

fn of_host(id: &AppId, index: usize, path: &str, launch: &Launch) -> Volume {
    Volume {
        name: name(index),
        // Fargate has no host: the folder is empty at each start (ECS developer guide, "Bind mounts").
        host: Some(Host {
            source_path: match launch.launch_type {
                LaunchType::Ec2 => Some(host_path(id, path)),
                LaunchType::Fargate => None,
            },
        }),
        efs_volume_configuration: None,
    }
}

/// `None` where the stack has no file system of that name: only EFS can be mounted.
fn of_resource(release: &Release<'_>, name: &str) -> Option<Volume> {
    let stack = release.stack?;
    Some(Volume {
        name: name.to_owned(),
        host: None,
        efs_volume_configuration: Some(EfsVolumeConfiguration {
            file_system_id: stack.file_system_id(name)?.to_owned(),
            transit_encryption: "ENABLED",
            authorization_config: AuthorizationConfig {
                access_point_id: stack.access_point_id(name)?.to_owned(),
                iam: "ENABLED",
            },
        }),
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
    use names::{AppName, RackName};

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
