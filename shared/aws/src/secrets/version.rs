//! The versions of an App's secret: how they are called, and which labels keep them. Pure.
//!
//! Secrets Manager deletes versions without a label (API reference, `PutSecretValue`; facts: up to 100 of them stay for a day).
//! A task definition names its version by id, so each version of ours has a label of its own for as long as anything may start
//! with it.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::CURRENT;
use names::{AppId, ReleaseId, hex, short_label};

/// Labels that the versions of one secret have in all (quotas, "Staging labels attached across all versions of a secret").
pub const LABELS_MAX: usize = 20;
/// What the own label of a version begins with.
const OWN: &str = "release:";
/// How many ids one version of an environment may have.
const GENERATIONS: u32 = 4;
/// Hexadecimal digits of an id; Secrets Manager takes 32 to 64 characters (API reference, `PutSecretValue`,
/// `ClientRequestToken`).
const DIGITS: usize = 32;

/// The ids that the version with the environment of a Release can have, in the order in which they are tried.
///
/// They are known before anything is read, and never made of content: an id stands in task definitions, and a digest of short
/// values can be guessed. The first is used unless it holds something else, as it does where a later reader of environment files
/// makes another JSON object of the same bytes. The customer key is a part of them: a change of the secret's key leaves all but
/// `AWSCURRENT`, `AWSPENDING` and `AWSPREVIOUS` under the key before (API reference, `UpdateSecret`, `KmsKeyId`).
#[must_use]
pub fn ids(
    id: &AppId,
    release: &ReleaseId,
    env_version_id: &str,
    key_arn: Option<&str>,
) -> Vec<String> {
    (0..GENERATIONS)
        .map(|generation| {
            let mut digest = Sha256::new();
            for part in [
                id.secret().as_str(),
                release.as_str(),
                env_version_id,
                key_arn.unwrap_or_default(),
                &generation.to_string(),
            ] {
                digest.update(part.len().to_be_bytes());
                digest.update(part);
            }
            hex(digest.finalize()).chars().take(DIGITS).collect()
        })
        .collect()
}

/// The label that keeps a version.
#[must_use]
pub fn own_label(version_id: &str) -> String {
    format!("{OWN}{version_id}")
}

/// The labels of a secret's versions, by the version's id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stages(pub BTreeMap<String, BTreeSet<String>>);

impl Stages {
    /// Whether a version stands and its own label keeps it.
    #[must_use]
    pub fn keeps(&self, version_id: &str) -> bool {
        let labels = self.0.get(version_id);
        labels.is_some_and(|labels| labels.contains(&own_label(version_id)))
    }

    /// Whether a version has the short label, by which large task definitions name it.
    #[must_use]
    pub fn has_short_label(&self, version_id: &str) -> bool {
        let labels = self.0.get(version_id);
        labels.is_some_and(|labels| labels.contains(short_label(version_id)))
    }

    /// Whether a version stands, whatever keeps it.
    #[must_use]
    pub fn has(&self, version_id: &str) -> bool {
        self.0.contains_key(version_id)
    }

    /// The versions that their own labels keep.
    pub fn kept(&self) -> impl Iterator<Item = &str> {
        let versions = self.0.keys().map(String::as_str);
        versions.filter(|version_id| self.keeps(version_id))
    }

    /// The version called `AWSCURRENT`.
    #[must_use]
    pub fn current(&self) -> Option<&str> {
        let mut versions = self.0.iter();
        let current = versions.find(|(_, labels)| labels.contains(CURRENT));
        current.map(|(version_id, _)| version_id.as_str())
    }

    /// How many labels there are in all.
    #[must_use]
    pub fn label_count(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    /// The labels that are neither `AWSCURRENT`, nor `AWSPREVIOUS`, nor the own one of a version.
    #[must_use]
    pub fn foreign(&self) -> usize {
        let labels = self.0.iter().flat_map(|(version_id, labels)| {
            let own = own_label(version_id);
            let foreign = labels.iter().filter(move |label| **label != own);
            foreign.filter(|label| !matches!(label.as_str(), CURRENT | "AWSPREVIOUS"))
        });
        labels.count()
    }
}

#[cfg(test)]
mod tests {
    use names::{AppName, RackName};
    use proptest::prelude::*;

    use super::*;

    fn id(app: &str) -> AppId {
        AppId {
            rack: RackName::new("myrack").unwrap(),
            app: AppName::new(app).unwrap(),
        }
    }

    fn stages(versions: &[(&str, &[&str])]) -> Stages {
        let versions = versions.iter().map(|(version_id, labels)| {
            let labels = labels.iter().map(|label| (*label).to_owned());
            ((*version_id).to_owned(), labels.collect())
        });
        Stages(versions.collect())
    }

    #[test]
    fn a_version_is_kept_by_its_own_label_alone() {
        let stages = stages(&[
            ("a", &["release:a"]),
            ("b", &["release:a", "AWSPREVIOUS"]),
            ("c", &["AWSCURRENT", "release:c", "audit"]),
        ]);
        assert_eq!(stages.kept().collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(stages.current(), Some("c"));
        assert_eq!((stages.label_count(), stages.foreign()), (6, 2));
    }

    proptest! {
        #[test]
        fn ids_differ_wherever_the_environment_may(
            apps in ("[a-z]{1,8}", "[a-z]{1,8}"),
            releases in ("[A-Z]{1,8}", "[A-Z]{1,8}"),
            versions in ("[a-z0-9.]{1,8}", "[a-z0-9.]{1,8}"),
        ) {
            let of = |app: &str, release: &str, version: &str| {
                ids(&id(app), &ReleaseId::new(release).unwrap(), version, None)
            };
            let one = of(&apps.0, &releases.0, &versions.0);
            let other = of(&apps.1, &releases.1, &versions.1);
            let is_same = apps.0 == apps.1 && releases.0 == releases.1 && versions.0 == versions.1;
            let all: BTreeSet<&String> = one.iter().chain(&other).collect();
            prop_assert_eq!(all.len(), if is_same { 4 } else { 8 });
            prop_assert!(all.iter().all(|id| id.len() == 32));
        }
    }
}
