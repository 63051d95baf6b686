//! What earlier tries have seen of definitions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// Definitions that are remembered between tries; more than an ECS cluster has services.
const KNOWN_MAX: usize = 10_000;

/// What definitions read of Secrets Manager, by ARN. Revisions never change, so a try goes on where the last one ended.
#[derive(Debug, Default)]
pub struct Known(Mutex<BTreeMap<String, BTreeSet<String>>>);

impl Known {
    /// What a definition reads, where it was looked at.
    #[must_use]
    pub fn get(&self, arn: &str) -> Option<BTreeSet<String>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(arn).cloned()
    }

    /// Remembers what a definition reads.
    pub fn put(&self, arn: &str, read: &BTreeSet<String>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(arn.to_owned(), read.clone());
    }
}
