//! The file systems of a container.
//!
//! Mounting takes root, so nothing is mounted: a folder of this machine stands for each access point, the metadata endpoint
//! names it as the source, and there is nothing at the container's path. Tasks with the same access point have the same
//! folder, and it stays. What the host lends to a container has no folder and is not listed.

use std::path::PathBuf;
use std::{env, fs, io};

use aws_sdk_ecs::types::{ContainerDefinition, EfsVolumeConfiguration, TaskDefinition};
use double::unique;

/// One of them.
#[derive(Debug)]
pub(super) struct Volume {
    /// What Docker calls it.
    pub(super) docker_name: String,
    /// The folder of this machine.
    pub(super) source: PathBuf,
    /// The container's path.
    pub(super) destination: String,
}

/// The file systems that a container mounts, each with its folder.
///
/// Source: aws/amazon-ecs-agent, agent/api/task/task.go, `volumeName` (Docker's name; the digits at its end are random).
pub(super) fn of(
    task: &TaskDefinition,
    container: &ContainerDefinition,
) -> io::Result<Vec<Volume>> {
    let mut volumes = Vec::new();
    for point in container.mount_points() {
        let named = |volume: &&aws_sdk_ecs::types::Volume| volume.name() == point.source_volume();
        let volume = task.volumes().iter().find(named);
        let Some(efs) = volume.and_then(|volume| volume.efs_volume_configuration()) else {
            continue;
        };
        let source = folder(efs);
        fs::create_dir_all(&source)?;
        let (family, revision) = (task.family().unwrap_or_default(), task.revision());
        let name = point.source_volume().unwrap_or_default();
        volumes.push(Volume {
            docker_name: format!("ecs-{family}-{revision}-{name}-{}", unique::word(20)),
            source,
            destination: point.container_path().unwrap_or_default().to_owned(),
        });
    }
    Ok(volumes)
}

fn folder(efs: &EfsVolumeConfiguration) -> PathBuf {
    let authorization = efs.authorization_config();
    let access_point = authorization.and_then(|authorization| authorization.access_point_id());
    env::temp_dir()
        .join("run-task-volumes")
        .join(efs.file_system_id())
        .join(access_point.unwrap_or("root"))
}
