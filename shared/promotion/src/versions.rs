//! Which versions of the App's secret are kept. Pure.
//!
//! A version is kept by a label of its own, and Secrets Manager has 20 labels for all versions of a secret. What may start a
//! task comes first, history second; a version is forgotten only where there are too many, the oldest of history first.

use std::collections::BTreeSet;

use names::ReleaseId;
use serde::{Deserialize, Serialize};

/// Versions that are kept: with `AWSCURRENT`, `AWSPREVIOUS` and the next one there are 20 labels.
pub const KEPT_MAX: usize = 17;
/// Versions that the definitions of one Release name at most: beyond, those with the oldest are moved to the newest.
pub const APPLIED_MAX: usize = 8;

/// A version that is kept, and what can make it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptVersion {
    /// Its id.
    pub id: String,
    /// The Release whose environment it holds; none where an attempt that died has written it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseId>,
    /// The S3 version of that environment; none as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env_version_id: Option<String>,
    /// The customer key that it is encrypted with; none for the account's own, and as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_arn: Option<String>,
    /// Whether task definitions name it by its short label.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_label: bool,
}

/// What is kept, and what is not any more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// Newest first.
    pub versions: Vec<KeptVersion>,
    /// The ids of those that are forgotten, oldest first.
    pub forgotten: Vec<String>,
}

/// Decides which versions stay, at most `room` of them unless more are `needed`.
///
/// `recorded` are those of the applied Release, newest first. `standing` are the ids of all that stand with their own label; one
/// that nobody wrote down is as new as any, since an attempt that died has written it. `needed` may start a task. `newest` is
/// the version of this Release; what is encrypted with another key than that is history that nothing goes back to.
#[must_use]
pub fn kept(
    recorded: &[KeptVersion],
    standing: &BTreeSet<&str>,
    needed: &BTreeSet<&str>,
    newest: KeptVersion,
    room: usize,
) -> Kept {
    let known: BTreeSet<&str> = recorded.iter().map(|version| version.id.as_str()).collect();
    let unrecorded = standing.difference(&known).map(|id| KeptVersion {
        id: (*id).to_owned(),
        release: None,
        env_version_id: None,
        key_arn: None,
        by_label: false,
    });
    let stands = |version: &&KeptVersion| {
        let id = version.id.as_str();
        standing.contains(id) || needed.contains(id)
    };
    let others = unrecorded.chain(recorded.iter().filter(stands).cloned());
    let others = others.filter(|version| version.id != newest.id);
    let is_usable = |version: &KeptVersion| {
        needed.contains(version.id.as_str()) || version.key_arn == newest.key_arn
    };
    let (mut versions, unusable): (Vec<_>, Vec<_>) = others.partition(is_usable);
    // What made it first can make it again, whatever Release uses it now.
    let as_recorded = recorded.iter().find(|version| version.id == newest.id);
    let by_label = newest.by_label;
    let mut newest = as_recorded.cloned().unwrap_or(newest);
    newest.by_label |= by_label;
    versions.insert(0, newest);
    let unusable = unusable.into_iter().rev();
    let mut kept = Kept {
        versions,
        forgotten: unusable.map(|version| version.id).collect(),
    };
    let is_needed = |version: &KeptVersion| needed.contains(version.id.as_str());
    while kept.versions.len() > room {
        let oldest = kept
            .versions
            .iter()
            .skip(1)
            .rposition(|version| !is_needed(version));
        let Some(oldest) = oldest else {
            break;
        };
        kept.forgotten.push(kept.versions.remove(oldest + 1).id);
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(id: &str) -> KeptVersion {
        KeptVersion {
            id: id.to_owned(),
            release: None,
            env_version_id: Some(format!("env of {id}")),
            key_arn: None,
            by_label: false,
        }
    }

    fn ids(kept: &Kept) -> Vec<&str> {
        let versions = kept.versions.iter();
        versions.map(|version| version.id.as_str()).collect()
    }

    #[test]
    fn the_oldest_of_history_goes_first_and_what_runs_stays() {
        let recorded = ["d", "c", "b", "a"].map(version);
        let standing = BTreeSet::from(["a", "b", "c", "d", "x"]);
        let needed = BTreeSet::from(["a"]);
        let kept = kept(&recorded, &standing, &needed, version("e"), 4);
        assert_eq!(ids(&kept), ["e", "x", "d", "a"]);
        assert_eq!(kept.forgotten, ["b", "c"]);
    }

    #[test]
    fn a_version_that_comes_back_is_the_newest_and_keeps_what_can_make_it() {
        let recorded = ["c", "b"].map(version);
        let standing = BTreeSet::from(["b", "c"]);
        let again = KeptVersion {
            env_version_id: Some("another object".to_owned()),
            ..version("b")
        };
        let kept = kept(&recorded, &standing, &BTreeSet::new(), again, 17);
        assert_eq!(kept.versions, ["b", "c"].map(version));
    }

    #[test]
    fn history_under_another_key_goes_and_what_runs_under_it_stays() {
        let recorded = ["c", "b", "a"].map(version);
        let standing = BTreeSet::from(["a", "b", "c"]);
        let newest = KeptVersion {
            key_arn: Some("key".to_owned()),
            ..version("d")
        };
        let kept = kept(&recorded, &standing, &BTreeSet::from(["b"]), newest, 17);
        assert_eq!(ids(&kept), ["d", "b"]);
        assert_eq!(kept.forgotten, ["a", "c"]);
    }

    proptest! {
        #[test]
        fn nothing_needed_is_forgotten_and_no_more_than_there_is_room_for_is_kept(
            recorded in prop::collection::btree_set("[a-z]", 0..12),
            standing in prop::collection::btree_set("[a-z]", 0..20),
            needed in prop::collection::btree_set("[a-z]", 0..8),
            newest in "[a-z]",
            room in 1_usize..20,
        ) {
            let recorded: Vec<KeptVersion> = recorded.iter().map(|id| version(id)).collect();
            let standing: BTreeSet<&str> = standing.iter().map(String::as_str).collect();
            let needed: BTreeSet<&str> = needed.iter().map(String::as_str).collect();
            let kept = kept(&recorded, &standing, &needed, version(&newest), room);
            let stays: BTreeSet<&str> = ids(&kept).into_iter().collect();
            prop_assert_eq!(stays.len(), kept.versions.len(), "each once");
            prop_assert_eq!(ids(&kept)[0], newest.as_str());
            for id in &kept.forgotten {
                prop_assert!(!needed.contains(id.as_str()) && !stays.contains(id.as_str()));
            }
            for id in &standing {
                let is_told = stays.contains(id) || kept.forgotten.iter().any(|gone| gone == id);
                prop_assert!(is_told, "{} stands", id);
            }
            let beyond = kept.versions.len().saturating_sub(room);
            let unneeded = ids(&kept).into_iter().skip(1).filter(|id| !needed.contains(id));
            prop_assert!(beyond == 0 || unneeded.count() == 0);
        }
    }
}
