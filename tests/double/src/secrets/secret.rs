//! One secret, its versions, and which names lead to it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::now;
use crate::unique;

#[derive(Debug, Clone)]
pub(super) struct Secret {
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) kms_key_id: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) created: f64,
    pub(super) changed: f64,
    /// When it will be gone.
    pub(super) deletion: Option<f64>,
    pub(super) versions: BTreeMap<String, Version>,
    /// The ids of versions that are no more, where no other version can have them.
    pub(super) taken: BTreeSet<String>,
    /// The stack that it belongs to.
    pub(super) stack: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) content: Content,
    pub(super) stages: Vec<String>,
    pub(super) created: f64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Text(String),
    /// Base64, as it travels.
    Binary(String),
}

impl Secret {
    pub(super) fn new(account: &str, name: &str, body: &Value) -> Self {
        let suffix = unique::word(6);
        let text = |field: &str| body[field].as_str().map(ToOwned::to_owned);
        Self {
            arn: format!("arn:aws:secretsmanager:us-east-1:{account}:secret:{name}-{suffix}"),
            name: name.to_owned(),
            description: text("Description"),
            kms_key_id: text("KmsKeyId"),
            tags: BTreeMap::new(),
            created: now(),
            changed: now(),
            deletion: None,
            versions: BTreeMap::new(),
            taken: BTreeSet::new(),
            stack: None,
        }
    }

    /// Name, whole ARN, or ARN without the suffix.
    ///
    /// An ARN that ends like one with a suffix is taken for a whole one, so a partial ARN of `app-config` finds
    /// nothing. Source: facts/aws.md 1.1.
    pub(super) fn is_named_by(&self, id: &str) -> bool {
        if !id.starts_with("arn:") {
            return self.name == id;
        }
        let looks_whole = id.rsplit_once('-').is_some_and(|(_, end)| {
            end.len() == 6 && end.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
        self.arn == id || (!looks_whole && self.arn[..self.arn.len() - 7] == *id)
    }

    pub(super) fn version_with(&self, stage: &str) -> Option<(&String, &Version)> {
        let mut versions = self.versions.iter();
        versions.find(|(_, version)| version.stages.iter().any(|own| own == stage))
    }

    pub(super) fn describe(&self) -> Value {
        let stages: Map<String, Value> = self
            .versions
            .iter()
            .filter(|(_, version)| !version.stages.is_empty())
            .map(|(id, version)| (id.clone(), json!(version.stages)))
            .collect();
        let tags: Vec<Value> = self
            .tags
            .iter()
            .map(|(key, value)| json!({"Key": key, "Value": value}))
            .collect();
        let mut described = json!({
            "ARN": self.arn,
            "Name": self.name,
            "CreatedDate": self.created,
            "LastChangedDate": self.changed,
            "Tags": tags,
            "VersionIdsToStages": stages,
        });
        let optional = [
            ("Description", json!(self.description)),
            ("KmsKeyId", json!(self.kms_key_id)),
            ("DeletedDate", json!(self.deletion)),
        ];
        for (field, value) in optional {
            if !value.is_null() {
                described[field] = value;
            }
        }
        described
    }
}

impl Content {
    /// The value in a request; none when it has none.
    pub(super) fn of(body: &Value) -> Option<Self> {
        let text = body["SecretString"].as_str().map(ToOwned::to_owned);
        let binary = body["SecretBinary"].as_str().map(ToOwned::to_owned);
        text.map(Self::Text).or(binary.map(Self::Binary))
    }

    pub(super) fn write_to(&self, answer: &mut Value) {
        match self {
            Self::Text(text) => answer["SecretString"] = json!(text),
            Self::Binary(base64) => answer["SecretBinary"] = json!(base64),
        }
    }
}
