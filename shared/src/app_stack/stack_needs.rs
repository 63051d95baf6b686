//! What a Release needs of the App's own stack.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Needs;

/// What a Release needs of the App's own stack: it stays there as long as tasks of the Release may start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackNeeds {
    /// What its roles may read and do.
    pub access: Needs,
    /// Its resources.
    pub resources: BTreeSet<String>,
}

impl StackNeeds {
    /// What both need.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.resources.extend(other.resources.iter().cloned());
        Self {
            access: self.access.and(other.access.clone()),
            ..self
        }
    }
}
