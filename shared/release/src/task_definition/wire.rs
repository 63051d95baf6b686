//! How the maps of a task definition stand in ECS's JSON: lists of pairs, in order of name.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

type Pairs = BTreeMap<String, String>;

// `serde_json` sorts the members of what it builds itself, so these are in order of name too.

#[derive(Serialize)]
struct KeyValuePair<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct EnvironmentFile<'a> {
    r#type: &'static str,
    value: &'a str,
}

#[derive(Serialize)]
struct Tag<'a> {
    key: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ulimit {
    hard_limit: i32,
    name: &'static str,
    soft_limit: i32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LinuxParameters {
    init_process_enabled: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogConfiguration<'a> {
    log_driver: &'static str,
    options: &'a Pairs,
}

pub(super) fn environment<S: Serializer>(pairs: &Pairs, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(
        pairs
            .iter()
            .map(|(name, value)| KeyValuePair { name, value }),
    )
}

pub(super) fn environment_files<S: Serializer>(arns: &[String], to: S) -> Result<S::Ok, S::Error> {
    let r#type = "s3";
    to.collect_seq(arns.iter().map(|value| EnvironmentFile { r#type, value }))
}

pub(super) fn tags<S: Serializer>(pairs: &Pairs, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(pairs.iter().map(|(key, value)| Tag { key, value }))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
pub(super) fn ulimits<S: Serializer>(open_files: &i32, to: S) -> Result<S::Ok, S::Error> {
    let (hard_limit, soft_limit) = (*open_files, *open_files);
    let name = "nofile";
    to.collect_seq([Ulimit {
        hard_limit,
        name,
        soft_limit,
    }])
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
pub(super) fn linux_parameters<S: Serializer>(init: &bool, to: S) -> Result<S::Ok, S::Error> {
    let init_process_enabled = *init;
    LinuxParameters {
        init_process_enabled,
    }
    .serialize(to)
}

pub(super) fn log_configuration<S: Serializer>(options: &Pairs, to: S) -> Result<S::Ok, S::Error> {
    let log_driver = "awslogs";
    LogConfiguration {
        log_driver,
        options,
    }
    .serialize(to)
}
