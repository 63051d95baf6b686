//! ECS is told exactly what was rendered: compared with what it returns for the registered revision.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{
    Compatibility, ContainerDefinition as Registered, EnvironmentFileType, LinuxParameters,
    NetworkMode, TaskDefinition as RegisteredTask, TransportProtocol, Volume,
};
use manifest::capacity::LaunchType;
use manifest::precedence::EnvVersion;
use names::SecretArn;
use release::app_stack::StackOutputs;
use release::task_definition::{ContainerDefinition, EnvSource, TaskDefinition};
use rig::World;
use serde_json::{Value, json};

use super::{BUILD, ENVIRONMENT, Inputs, MANIFEST, apps, own};
use crate::{app, stacks};

#[tokio::test]
async fn ecs_has_what_was_rendered() {
    assert_registered(MANIFEST, ENVIRONMENT).await;
}

#[tokio::test]
async fn ecs_has_own_secrets_and_files_as_rendered() {
    assert_registered(own::MANIFEST, own::ENVIRONMENT).await;
}

#[tokio::test]
async fn ecs_has_volumes_ports_and_timers_as_rendered() {
    for app in ["volumes", "listeners", "workers"] {
        let (manifest, environment) = apps::read(app);
        assert_registered(&manifest, &environment).await;
    }
}

async fn assert_registered(manifest: &str, environment: &str) {
    let key = |file: &str| format!("apps/{}/{file}", app::APP);
    for (launch_name, launch, secrets_manager_env) in [
        ("FARGATE", LaunchType::Fargate, "Yes"),
        ("FARGATE", LaunchType::Fargate, "No"),
        ("EC2", LaunchType::Ec2, "Yes"),
        ("EC2", LaunchType::Ec2, "No"),
    ] {
        let world = World::new().await; // an ECS service keeps the launch type that it was created with
        world.put(&key("convox.yml"), manifest).await;
        world.put(&key("releases/R1/build.json"), BUILD).await;
        let different = [
            ("LAUNCH_TYPE", launch_name),
            ("SECRETS_MANAGER_ENV", secrets_manager_env),
        ];
        let function = world.start("promote", &different);
        let report = app::promote_app(&world, &function, app::APP, "R1", environment).await;
        assert_eq!(report["status"], "promoted", "{report:#}");
        let outputs = stacks::outputs(&world).await;
        let mut inputs = Inputs::new(&world.rack, manifest, environment);
        inputs.stack = Some(StackOutputs::read(outputs));
        let settings = world.settings(&different).into_iter().collect();
        for (name, want) in inputs.render(&settings, launch, &source(&world, &report).await) {
            let (kind, process) = name.split_once('.').unwrap();
            let arn = report[kind][process]["newTaskDefinition"].as_str().unwrap();
            let (got, tags) = app::definition(&world, arn).await;
            assert_same(
                &got,
                &want,
                &format!("{launch_name} {secrets_manager_env} {name}"),
            );
            for (tag, value) in [
                ("convox:rack", world.rack.as_str()),
                ("convox:app", app::APP),
                ("convox:release", "R1"),
            ] {
                assert_eq!(
                    tags.get(tag).map(String::as_str),
                    Some(value),
                    "{name}: {tags:?}"
                );
            }
            let logs = got.container_definitions()[0].log_configuration().unwrap();
            let group = &logs.options().unwrap()["awslogs-group"];
            assert_eq!(group, &format!("/convox/{}/{}", world.rack, app::APP));
        }
    }
}

/// The source that the report names.
async fn source(world: &World, report: &Value) -> EnvSource {
    let text = |name: &str| report[name].as_str().unwrap().to_owned();
    if report["delivery"] == "SecretsManager" {
        return EnvSource::SecretsManager {
            secret_arn: SecretArn::returned(text("secretArn")),
            version_id: text("secretVersionId"),
            version: EnvVersion::Release,
        };
    }
    // A re-promote of equal bytes keeps the version that is applied.
    let version = app::state(world).await["applied"]["envVersionId"].clone();
    let key = format!("apps/{}/releases/R1/env", app::APP);
    EnvSource::S3 {
        url: format!(
            "s3://{}/{key}?versionId={}",
            world.bucket,
            version.as_str().unwrap()
        ),
        key_arn: Some(world.key_arn.clone()),
    }
}

pub(super) fn assert_same(got: &RegisteredTask, want: &TaskDefinition, at: &str) {
    assert_eq!(got.family(), Some(want.family.as_str()), "{at}");
    assert_eq!(
        got.task_role_arn(),
        Some(want.task_role_arn.as_str()),
        "{at}"
    );
    assert_eq!(
        got.execution_role_arn(),
        Some(want.execution_role_arn.as_str()),
        "{at}"
    );
    let mode = got.network_mode().map(NetworkMode::as_str);
    assert_eq!(mode, Some(want.network_mode.as_str()), "{at}");
    assert_eq!(
        (got.cpu(), got.memory()),
        (want.cpu.as_deref(), want.memory.as_deref()),
        "{at}"
    );
    let launches = got
        .requires_compatibilities()
        .iter()
        .map(Compatibility::as_str);
    assert!(launches.eq(&want.requires_compatibilities), "{at}");
    let volumes = got.volumes().iter().map(registered_volume);
    let want_volumes = want.volumes.iter().map(|volume| {
        let path = volume.host.as_ref().map(|host| &host.source_path);
        let efs = volume
            .efs_volume_configuration
            .as_ref()
            .map(|efs| json!(efs));
        json!([volume.name, path, efs])
    });
    assert!(volumes.eq(want_volumes), "{at}: {:?}", got.volumes());
    let containers = got.container_definitions();
    assert_eq!(containers.len(), want.container_definitions.len(), "{at}");
    for (got, want) in containers.iter().zip(&want.container_definitions) {
        assert_same_container(got, want, at);
    }
}

/// Name, path on the host, file system.
fn registered_volume(volume: &Volume) -> Value {
    let path = volume.host().and_then(|host| host.source_path());
    let efs = volume.efs_volume_configuration().map(|efs| {
        let entry = efs.authorization_config().unwrap();
        json!({
            "fileSystemId": efs.file_system_id(),
            "transitEncryption": efs.transit_encryption().unwrap().as_str(),
            "authorizationConfig": {
                "accessPointId": entry.access_point_id(),
                "iam": entry.iam().unwrap().as_str(),
            },
        })
    });
    json!([volume.name(), path, efs])
}

fn assert_same_container(got: &Registered, want: &ContainerDefinition, at: &str) {
    assert_eq!(got.name(), Some(want.name.as_str()), "{at}");
    assert_eq!(got.image(), Some(want.image.as_str()), "{at}");
    assert_eq!(
        (got.cpu(), got.memory()),
        (want.cpu, Some(want.memory)),
        "{at}"
    );
    assert_eq!(got.essential(), Some(want.essential), "{at}");
    assert_eq!(got.command(), want.command, "{at}");
    assert_eq!(got.privileged().unwrap_or(false), want.privileged, "{at}");
    let init = got
        .linux_parameters()
        .and_then(LinuxParameters::init_process_enabled);
    assert_eq!(init, Some(want.init_process_enabled), "{at}");
    let plain = got.environment().iter();
    let plain = plain.map(|pair| {
        (
            pair.name().unwrap().to_owned(),
            pair.value().unwrap().to_owned(),
        )
    });
    assert!(
        plain.collect::<BTreeMap<_, _>>() == want.environment,
        "{at}: environment"
    );
    let files = got.environment_files().iter();
    let files = files.map(|file| {
        assert_eq!(file.r#type(), &EnvironmentFileType::S3, "{at}");
        file.value()
    });
    assert!(files.eq(&want.environment_files), "{at}: environmentFiles");
    let secrets = got.secrets().iter();
    let secrets = secrets.map(|secret| (secret.name().to_owned(), secret.value_from().to_owned()));
    let wanted = want.secrets.iter();
    let wanted = wanted.map(|(name, from)| (name.to_owned(), from.into_owned()));
    assert_eq!(
        secrets.collect::<Vec<_>>(),
        wanted.collect::<Vec<_>>(),
        "{at}"
    );
    let labels = got.docker_labels().cloned().unwrap_or_default();
    assert_eq!(
        labels.into_iter().collect::<BTreeMap<_, _>>(),
        want.docker_labels,
        "{at}"
    );
    assert_same_surroundings(got, want, at);
    let logs = got.log_configuration().unwrap();
    assert_eq!(logs.log_driver().as_str(), "awslogs", "{at}");
    let options = logs.options().cloned().unwrap_or_default();
    assert_eq!(
        options.into_iter().collect::<BTreeMap<_, _>>(),
        want.awslogs,
        "{at}"
    );
}

/// Ports, mounts and limits.
fn assert_same_surroundings(got: &Registered, want: &ContainerDefinition, at: &str) {
    let ports = got.port_mappings().iter().map(|port| {
        let protocol = port.protocol().map(TransportProtocol::as_str);
        json!([port.container_port(), port.host_port(), protocol])
    });
    let want_ports = want.port_mappings.iter();
    let want_ports =
        want_ports.map(|port| json!([port.container_port, port.host_port, port.protocol]));
    assert!(ports.eq(want_ports), "{at}: {:?}", got.port_mappings());
    let mounts = got.mount_points().iter().map(|mount| {
        json!([
            mount.source_volume(),
            mount.container_path(),
            mount.read_only()
        ])
    });
    let want_mounts = want.mount_points.iter();
    let want_mounts = want_mounts
        .map(|mount| json!([mount.source_volume, mount.container_path, mount.read_only]));
    assert!(mounts.eq(want_mounts), "{at}: {:?}", got.mount_points());
    let readonly = got.readonly_root_filesystem();
    assert_eq!(readonly, Some(want.readonly_root_filesystem), "{at}");
    assert_eq!(got.stop_timeout(), want.stop_timeout, "{at}");
    let limit = &got.ulimits()[0];
    let limit = (
        limit.name().as_str(),
        limit.soft_limit(),
        limit.hard_limit(),
    );
    assert_eq!(limit, ("nofile", want.open_files, want.open_files), "{at}");
}
