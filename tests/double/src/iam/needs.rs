//! The table: what a recorded call needs. Each row names its source.
//!
//! Sources: "SAR" is AWS's Service Authorization Reference, page "Actions, resources, and condition keys for …" of the
//! service, whose first table maps API operations to actions; API references are named as such. A call that is not in
//! the table is an error, so that a new one cannot slip through.

mod cloudformation;
mod ecs;
mod eventbridge;
mod s3;
mod scheduler;
mod secrets_manager;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

pub use eventbridge::{assumption, needs_of_target};
pub use scheduler::needs_of_schedule;

use super::deployment::Deployment;
use super::facts::Facts;
use crate::proxy::Call;

/// A permission that a call takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// `service:Action`.
    pub action: String,
    /// The resource's ARN; `*` for actions that have none.
    pub resource: String,
    /// The condition keys that come with it, in lower case.
    pub context: BTreeMap<String, String>,
    /// Who says so.
    pub source: &'static str,
}

/// A call that the table lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownCall(String);

impl fmt::Display for UnknownCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tests/double/src/iam/needs has no row for {}", self.0)
    }
}

impl std::error::Error for UnknownCall {}

type Row = Result<Vec<Need>, UnknownCall>;

impl Need {
    /// A need without condition keys but TLS, which every call of the SDK uses.
    #[must_use]
    pub fn new(action: &str, resource: impl Into<String>, source: &'static str) -> Self {
        let need = Self {
            action: action.to_owned(),
            resource: resource.into(),
            context: BTreeMap::new(),
            source,
        };
        need.with("aws:SecureTransport", "true")
    }

    /// The same with a condition key.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.context.insert(key.to_ascii_lowercase(), value.into());
        self
    }

    /// The same with tags under `aws:RequestTag` or `aws:ResourceTag`.
    fn with_tags(self, kind: &str, tags: &BTreeMap<String, String>) -> Self {
        let tags = tags.iter();
        tags.fold(self, |need, (key, value)| {
            need.with(&format!("{kind}/{key}"), value)
        })
    }
}

/// What a call needs, whether AWS, a fault or nobody has answered it.
///
/// # Errors
///
/// [`UnknownCall`] for an operation without a row.
pub fn needs(facts: &Facts<'_>, call: &Call) -> Row {
    match call.service.as_str() {
        "cloudformation" => cloudformation::needs(facts, call),
        "ecs" => ecs::needs(facts, call),
        "events" => eventbridge::needs(facts, call),
        "kms" => kms(call),
        "s3" => s3::needs(facts, call),
        "scheduler" => scheduler::needs(facts, call),
        "secretsmanager" => secrets_manager::needs(facts, call),
        _ => unknown(call),
    }
}

/// Source: SAR for KMS; `Decrypt`, `KeyId`.
fn kms(call: &Call) -> Row {
    match (call.operation.as_str(), call.body["KeyId"].as_str()) {
        ("Decrypt", Some(key)) => Ok(vec![Need::new("kms:Decrypt", key, "SAR for KMS, Decrypt")]),
        _ => unknown(call),
    }
}

/// A key that `service` uses in the caller's name.
///
/// Source: KMS developer guide, `kms:ViaService`.
fn via(service: &str, action: &str, key: &str, source: &'static str) -> Need {
    Need::new(action, key, source).with("kms:ViaService", Deployment::via(service))
}

/// A role that `to` gets.
///
/// Source: IAM user guide, "Grant a user permissions to pass a role to an AWS service".
fn pass_role(role: &str, to: &str, source: &'static str) -> Need {
    Need::new("iam:PassRole", role, source).with("iam:PassedToService", to)
}

fn unknown<T>(call: &Call) -> Result<T, UnknownCall> {
    Err(UnknownCall(call.to_string()))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}
