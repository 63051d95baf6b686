//! What is wanted of an App, and what became of that.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Order;
use super::history::Asker;
use names::ReleaseId;
use names::error_type::ErrorCode;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "lowercase",
    rename_all_fields = "camelCase"
)]
pub enum Work {
    /// Make a Release live, with exactly this version of its environment.
    Promote {
        /// The Release.
        release: ReleaseId,
        /// The S3 version of its environment object.
        env_version_id: String,
        /// What it may take away.
        #[serde(flatten)]
        allowed: Allowed,
    },
    /// Remove the App.
    Delete,
}

/// What a request takes as meant although it takes away what people may still need; nothing unless it says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowed {
    /// Resources may be replaced, with what they hold, where an option can only be changed so.
    #[serde(
        default,
        rename = "allowReplacement",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub replacement: bool,
    /// All that is applied may be removed: a manifest that names no Service, an environment without a variable.
    #[serde(
        default,
        rename = "allowRemoval",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub removal: bool,
    /// Everything is restarted, also what the Release changes nothing for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restart: bool,
}

/// Which function does a kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkKind {
    /// promote.
    Promote,
    /// app-deletion.
    Delete,
}

impl Work {
    /// Which function does it.
    #[must_use]
    pub fn kind(&self) -> WorkKind {
        match self {
            Self::Promote { .. } => WorkKind::Promote,
            Self::Delete => WorkKind::Delete,
        }
    }

    /// The Release, of a promote.
    #[must_use]
    pub fn release(&self) -> Option<&ReleaseId> {
        match self {
            Self::Promote { release, .. } => Some(release),
            Self::Delete => None,
        }
    }
}

/// A request, as an event carried it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What is asked for.
    pub work: Work,
    /// Where it stands among all requests of the App.
    pub order: Order,
    /// Who asked.
    pub asked_by: Asker,
}

/// The newest request and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Desired {
    /// What is asked for.
    #[serde(flatten)]
    pub work: Work,
    /// Where it stands among all requests of the App; holds its time and its id.
    #[serde(flatten)]
    pub order: Order,
    /// Who asked; nothing is known where an earlier version wrote it down.
    #[serde(default)]
    pub asked_by: Asker,
    /// Whether somebody may have written outside for this or an earlier unfinished request, and stopped.
    pub interrupted: bool,
    /// Whether what it waits for, or soon will, came to an end while somebody was at work on it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub woken: bool,
    /// The reason for waiting that was told last, so that a look that finds the same is no news.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// What became of it.
    #[serde(flatten)]
    pub status: Status,
    /// When it ends as failed.
    pub deadline: DateTime<Utc>,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Status {
    /// To be worked on.
    Pending,
    /// To be looked at again.
    Waiting {
        /// For what.
        reason: String,
        /// The next look.
        until: DateTime<Utc>,
    },
    /// Applied.
    Done,
    /// Not applied; it is not tried again by itself.
    Failed {
        /// The error's type.
        reason: ErrorCode,
        /// What it changed and could not put back: the next request looks at everything again.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unrestored: Vec<String>,
    },
}

impl Status {
    /// `pending`, or what it waits for.
    #[must_use]
    pub fn in_words(&self) -> &str {
        match self {
            Self::Waiting { reason, .. } => reason,
            Self::Failed { reason, .. } => reason.as_str(),
            Self::Pending => "pending",
            Self::Done => "done",
        }
    }
}

impl Desired {
    /// The Release and the version of its environment, if this is a promote.
    #[must_use]
    pub fn promotes(&self) -> Option<(&ReleaseId, &str)> {
        match &self.work {
            Work::Promote {
                release,
                env_version_id,
                ..
            } => Some((release, env_version_id)),
            Work::Delete => None,
        }
    }

    /// What the request lets be taken away.
    #[must_use]
    pub fn allowed(&self) -> Allowed {
        match self.work {
            Work::Promote { allowed, .. } => allowed,
            Work::Delete => Allowed::default(),
        }
    }

    /// Whether it was told that it waits for this.
    #[must_use]
    pub fn is_told_to_wait_for(&self, reason: &str) -> bool {
        self.waits_for.as_deref() == Some(reason)
    }

    /// Not finished.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.status, Status::Pending | Status::Waiting { .. })
    }

    /// Whether somebody may have written outside for it without putting that back: it is not finished, or a deletion
    /// that failed half-way, which cannot be undone, or a promote that could not put back everything.
    pub(super) fn may_have_left_changes(&self) -> bool {
        match &self.status {
            Status::Failed { unrestored, .. } => {
                self.work == Work::Delete || !unrestored.is_empty()
            }
            Status::Pending | Status::Waiting { .. } => true,
            Status::Done => false,
        }
    }

    pub(super) fn is_due(&self, now: DateTime<Utc>) -> bool {
        match self.status {
            Status::Pending => true,
            Status::Waiting { until, .. } => until <= now || self.deadline <= now,
            Status::Done | Status::Failed { .. } => false,
        }
    }
}
