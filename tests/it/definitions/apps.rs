//! A dozen Apps of ours, each as a user would write it: whole definitions on EC2 and Fargate, through Secrets Manager and
//! through S3.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use manifest::capacity::{Capacity, LaunchType};
use manifest::param_names::READONLY_ROOT;
use release::task_definition::{EnvSource, Launch};
use serde_json::{Value, json};

use super::{Inputs, deliveries, fixed_settings};
use crate::snapshots::{Variant, assert_rendered};

/// By folder, and what Fargate refuses of it.
const APPS: [(&str, Option<&str>); 12] = [
    (
        "agent",
        Some("Service `statsd`: Fargate has no instances for an agent"),
    ),
    ("anchors", None),
    ("hostile", None),
    ("links", None),
    ("listeners", None),
    ("minimal", None),
    ("own-secrets", None),
    (
        "privileged",
        Some("Service `builder`: Fargate cannot run privileged containers"),
    ),
    ("rails", None),
    ("sizes", None),
    ("volumes", None),
    ("workers", None),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("it/definitions/apps")
}

/// convox.yml and environment of an App.
pub(super) fn read(name: &str) -> (String, String) {
    let file = |file: &str| fs::read_to_string(folder().join(name).join(file)).unwrap();
    (file("convox.yml"), file("env"))
}

/// All definitions of an App, by `services.{name}` and `timers.{name}`, or the first reason why there is one that cannot be.
fn rendered(inputs: &Inputs, launch: LaunchType, source: &EnvSource) -> Result<Value, String> {
    let settings = fixed_settings();
    let readonly = inputs.manifest.params.get(READONLY_ROOT);
    let release = inputs.release(
        &settings,
        readonly.is_some_and(|param| param.value == "Yes"),
    );
    let on = |capacity: Option<Capacity>| {
        Launch::rack_default(capacity.map_or(launch, Capacity::launch_type))
    };
    let mut all = BTreeMap::new();
    for service in &inputs.manifest.services {
        let definition =
            release::task_definition::service(&release, service, &on(service.capacity), source);
        let definition = definition.map_err(|err| err.to_string())?;
        all.insert(format!("services.{}", service.name), definition);
    }
    for timer in &inputs.manifest.timers {
        let service = inputs.manifest.service(timer.service.as_str()).unwrap();
        let definition =
            release::task_definition::timer(&release, timer, service, &on(timer.capacity), source);
        let definition = definition.map_err(|err| err.to_string())?;
        all.insert(format!("timers.{}", timer.name), definition);
    }
    Ok(json!(all))
}

#[test]
fn a_dozen_apps_are_rendered_as_in_their_snapshots() {
    for (name, refused) in APPS {
        let (manifest, environment) = read(name);
        let inputs = Inputs::new("myrack", &manifest, &environment);
        let mut variants = Vec::new();
        for launch_type in [LaunchType::Fargate, LaunchType::Ec2] {
            for (title, source) in deliveries() {
                let rendered = rendered(&inputs, launch_type, &source);
                if let (Some(refused), LaunchType::Fargate) = (refused, launch_type) {
                    let said = rendered.unwrap_err();
                    assert!(said.contains(refused), "{name}: {said}");
                } else {
                    let title = format!("{}, {title}", Capacity::from(launch_type).name());
                    variants.push(Variant::new(title, &rendered.unwrap()));
                }
            }
        }
        assert_rendered(&format!("app-{name}"), &variants);
    }
}

#[test]
fn every_folder_is_one_of_them() {
    let folders = fs::read_dir(folder()).unwrap();
    let mut folders: Vec<String> = folders
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    assert_eq!(folders, APPS.map(|(name, _)| name.to_owned()));
}
