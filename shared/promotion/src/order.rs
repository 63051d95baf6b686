//! The one order of all requests of an App, promotes and deletions alike.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Desired, Promotion, Request, Work};

/// Where a request stands: time in whole seconds, then object key, then a write before what asks for it, then sequencer, then id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// An environment object's `LastModified`, any other request's event time; whole seconds count.
    pub requested_at: DateTime<Utc>,
    /// The S3 version-id of an environment write, the event's id of any other request.
    pub request_id: String,
    /// What settles two requests of one second.
    #[serde(rename = "order")]
    pub tie: Tie,
}

/// What settles two requests of one second.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tie {
    /// The Release's environment key; empty for a deletion.
    pub key: String,
    /// S3's sequencer, where the event has one. Comparable within one key only.
    #[serde(default)]
    pub sequencer: String,
}

impl Tie {
    /// Whether S3 says that it comes after another.
    fn follows(&self, other: &Self) -> bool {
        let is_said = !self.sequencer.is_empty() && !other.sequencer.is_empty();
        is_said && self.sequence(other).is_gt()
    }

    fn sequence(&self, other: &Self) -> Ordering {
        // S3 user guide, "Event message structure": pad the shorter one on the right, then compare as text. Cases
        // differ between the channels.
        let width = self.sequencer.len().max(other.sequencer.len());
        let padded = |text: &str| format!("{:0<width$}", text.to_ascii_lowercase());
        padded(&self.sequencer).cmp(&padded(&other.sequencer))
    }
}

impl Order {
    /// Whether somebody asked for a Release explicitly: a write is known by the version that it made.
    fn is_asked_for(&self, work: &Work) -> bool {
        match work {
            Work::Promote { env_version_id, .. } => *env_version_id != self.request_id,
            Work::Delete => true,
        }
    }
}

impl Request {
    /// Whether this request replaces `desired`. Of two versions of one key and one second the current one is newer, and who asks
    /// for a version asks after it was written.
    pub(super) fn is_newer_than(&self, desired: &Desired, current: Option<&str>) -> bool {
        let (ours, theirs) = (&self.order, &desired.order);
        let seconds = |order: &Order| order.requested_at.timestamp();
        seconds(ours)
            .cmp(&seconds(theirs))
            .then_with(|| ours.tie.key.cmp(&theirs.tie.key))
            .then_with(|| by_current_version(&self.work, &desired.work, current))
            .then_with(|| {
                ours.is_asked_for(&self.work)
                    .cmp(&theirs.is_asked_for(&desired.work))
            })
            .then_with(|| ours.tie.sequence(&theirs.tie))
            .then_with(|| ours.request_id.cmp(&theirs.request_id))
            .is_gt()
    }
}

impl Promotion {
    /// Whether only the newest version of an environment tells which of the request and what is wanted is newer. Where S3's own
    /// sequence says that it is the request, nothing newer can have been wanted when the message was looked into.
    #[must_use]
    pub fn is_tied_with(&self, request: &Request) -> bool {
        self.desired.as_ref().is_some_and(|desired| {
            let (ours, theirs) = (&request.order, &desired.order);
            ours.requested_at.timestamp() == theirs.requested_at.timestamp()
                && ours.tie.key == theirs.tie.key
                && ours.request_id != theirs.request_id
                && !ours.tie.follows(&theirs.tie)
        })
    }
}

fn by_current_version(ours: &Work, theirs: &Work, current: Option<&str>) -> Ordering {
    let (
        Work::Promote {
            env_version_id: ours,
            ..
        },
        Work::Promote {
            env_version_id: theirs,
            ..
        },
    ) = (ours, theirs)
    else {
        return Ordering::Equal;
    };
    let is_current = |version: &str| current == Some(version);
    if ours == theirs {
        Ordering::Equal
    } else {
        is_current(ours).cmp(&is_current(theirs))
    }
}
