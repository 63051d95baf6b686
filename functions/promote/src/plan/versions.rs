//! Which versions of the secret are kept, and which go: what may start a task first, history second. Pure.

use std::collections::BTreeSet;

use aws::secrets::{LABELS_MAX, SecretWrite, Stages, Written};
use names::SecretArn;
use promotion::{Applied, Definition, KEPT_MAX, Kept, KeptVersion, kept};

use crate::facts::{Facts, Wanted};

/// `AWSCURRENT` and `AWSPREVIOUS`, which the versions have beside their own labels.
const AWS_LABELS: usize = 2;

/// The versions that have to be forgotten before another one gets its label, where labels of others leave too little room: of
/// history the oldest.
pub(super) fn make_room(
    wanted: &Wanted<'_>,
    facts: &Facts,
    (write, by_label): (&SecretWrite, bool),
) -> Vec<String> {
    let SecretWrite::Existing { arn, stages, .. } = write else {
        return Vec::new();
    };
    let room = LABELS_MAX - AWS_LABELS;
    let short = usize::from(by_label);
    let is_full = stages.kept().count() + stages.foreign() + short >= room;
    let is_labelled = |id: &str| stages.keeps(id) && (!by_label || stages.has_short_label(id));
    let version_id = write.version_id();
    let version_id = version_id.filter(|id| is_full && !is_labelled(id));
    let needed = needed(wanted, facts, (arn, stages));
    let newest = version_id.map(|id| version(wanted, facts, (id, by_label)));
    let kept = newest.map(|newest| decide(wanted, stages, (newest, needed), room - short));
    kept.unwrap_or_default().forgotten
}

/// What is kept once `definitions` run, with the secret as it was `written` and labelled before.
#[must_use]
pub fn kept_after(
    wanted: &Wanted<'_>,
    facts: &Facts,
    (definitions, by_label): (&[Definition], bool),
    written: Option<&Written>,
) -> Kept {
    let Some(written) = written else {
        // Nothing was written, or nobody knows whether it was: nothing is forgotten.
        return Kept {
            versions: recorded(wanted).to_vec(),
            forgotten: Vec::new(),
        };
    };
    let standing = facts.secret.as_ref();
    let none = Stages::default();
    let stages = standing.and_then(|standing| standing.stages());
    // What ran until now is still started while ECS replaces it.
    let stages = stages.unwrap_or(&none);
    let mut needed = needed(wanted, facts, (&written.arn, stages));
    let named = definitions.iter();
    needed.extend(named.filter_map(|known| known.secret_version_id.as_deref()));
    let newest = version(wanted, facts, (&written.version_id, by_label));
    decide(wanted, stages, (newest, needed), KEPT_MAX)
}

/// Decides with the labels that stand; those of others take from the room.
fn decide(
    wanted: &Wanted<'_>,
    stages: &Stages,
    (newest, needed): (KeptVersion, BTreeSet<&str>),
    room: usize,
) -> Kept {
    let standing = stages.kept().collect();
    let room = room.saturating_sub(stages.foreign());
    kept(recorded(wanted), &standing, &needed, newest, room)
}

fn recorded<'a>(wanted: &Wanted<'a>) -> &'a [KeptVersion] {
    wanted.applied.map_or(&[], |applied| &applied.versions)
}

fn version(
    wanted: &Wanted<'_>,
    facts: &Facts,
    (version_id, by_label): (&str, bool),
) -> KeptVersion {
    KeptVersion {
        id: version_id.to_owned(),
        release: Some(wanted.release.clone()),
        env_version_id: Some(facts.env_version_id.clone()),
        key_arn: facts.secret_key_arn.clone(),
        by_label,
    }
}

/// The versions that a task may be started with now.
fn needed<'f>(
    wanted: &Wanted<'f>,
    facts: &'f Facts,
    (arn, stages): (&SecretArn, &'f Stages),
) -> BTreeSet<&'f str> {
    let applied = wanted.applied.into_iter();
    let mut needed: BTreeSet<&str> = applied.flat_map(Applied::named_versions).collect();
    let elsewhere = facts.surroundings.elsewhere.iter();
    // A short label is what an id begins with.
    let whole = |named: &'f str| stages.0.keys().find(|id| id.starts_with(named));
    let named = elsewhere.filter_map(|reference| arn.version_in(reference));
    needed.extend(named.map(|named| whole(named).map_or(named, String::as_str)));
    needed
}
