//! How the maps of a task definition stand in ECS's JSON: lists of pairs, in order of name.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::json;

type Pairs = BTreeMap<String, String>;

pub(super) fn environment<S: Serializer>(pairs: &Pairs, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(
        pairs
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value})),
    )
}

pub(super) fn environment_files<S: Serializer>(arns: &[String], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(arns.iter().map(|arn| json!({"value": arn, "type": "s3"})))
}

pub(super) fn secrets<S: Serializer>(pairs: &Pairs, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(
        pairs
            .iter()
            .map(|(name, from)| json!({"name": name, "valueFrom": from})),
    )
}

pub(super) fn tags<S: Serializer>(pairs: &Pairs, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(
        pairs
            .iter()
            .map(|(key, value)| json!({"key": key, "value": value})),
    )
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
pub(super) fn ulimits<S: Serializer>(open_files: &i32, to: S) -> Result<S::Ok, S::Error> {
    json!([{"name": "nofile", "softLimit": open_files, "hardLimit": open_files}]).serialize(to)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
pub(super) fn linux_parameters<S: Serializer>(init: &bool, to: S) -> Result<S::Ok, S::Error> {
    json!({"initProcessEnabled": init}).serialize(to)
}

pub(super) fn log_configuration<S: Serializer>(options: &Pairs, to: S) -> Result<S::Ok, S::Error> {
    json!({"logDriver": "awslogs", "options": options}).serialize(to)
}
