//! What a Release needs of the App's own stack.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Needs;

/// What a Release needs of the App's own stack: it stays there as long as tasks of the Release may start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StackNeeds {
    /// What its roles may read and do.
    pub access: Needs,
    /// Its resources.
    pub resources: BTreeSet<String>,
    /// What follows from the Rack's settings; none where the Release was promoted before that was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rack: Option<RackNeeds>,
    /// Whether its tasks mount file systems as their role; they do so as nobody where it was promoted before that was written
    /// down.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mounted_by_role: bool,
}

/// What a Release needs because of the settings that its Rack had.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RackNeeds {
    /// The security groups by which its tasks reach resources, where they are not in the App's own: what resources let in.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub security_groups: BTreeSet<String>,
    /// The customer keys that the App's secrets may be encrypted with.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub secret_keys: BTreeSet<String>,
    /// The keys that its environment may be encrypted with.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub environment_keys: BTreeSet<String>,
}

impl StackNeeds {
    /// What both need.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.resources.extend(other.resources.iter().cloned());
        let rack = match (self.rack, &other.rack) {
            (Some(own), Some(other)) => Some(own.and(other)),
            (own, other) => own.or_else(|| other.clone()),
        };
        Self {
            access: self.access.and(other.access.clone()),
            rack,
            mounted_by_role: self.mounted_by_role && other.mounted_by_role,
            ..self
        }
    }
}

impl RackNeeds {
    /// What both need.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        let Self {
            security_groups,
            secret_keys,
            environment_keys,
        } = other.clone();
        self.security_groups.extend(security_groups);
        self.secret_keys.extend(secret_keys);
        self.environment_keys.extend(environment_keys);
        self
    }
}
