//! The lease: one invocation at a time changes anything of an App.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{Promotion, WorkKind};

/// How long a lease lasts: longer than a function can live (120 s), shorter than a message stays hidden (300 s).
pub const LEASE_SECONDS: i64 = 200;

/// Who is at work, and until when nobody else may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    /// One invocation of one function.
    pub owner: String,
    /// From then on its holder is dead.
    pub expires_at: DateTime<Utc>,
}

/// Who asks, and when.
#[derive(Debug, Clone, Copy)]
pub struct Worker<'a> {
    /// The work that this function does.
    pub kind: WorkKind,
    /// This invocation.
    pub owner: &'a str,
    /// Now.
    pub now: DateTime<Utc>,
}

/// What this function has to do after a message has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Nothing: all is done, or the next look is later.
    Rest,
    /// Somebody else holds the lease and will see what is wanted.
    Held,
    /// The work is another function's.
    HandOver(WorkKind),
    /// The lease is ours: send what is unsent, then work.
    Work,
}

impl Promotion {
    /// What `worker` has to do now; takes the lease where that is [`Turn::Work`]. `fresh` says that this very
    /// message brought what is wanted, so nobody can have worked on it before.
    pub fn take_turn(&mut self, worker: Worker<'_>, fresh: bool) -> Turn {
        let due = self
            .desired
            .as_ref()
            .filter(|desired| desired.is_due(worker.now));
        let other = due
            .map(|desired| desired.work.kind())
            .filter(|kind| *kind != worker.kind);
        if due.is_none() && !self.is_untold() {
            return Turn::Rest;
        }
        if self.is_held_from(worker) {
            return Turn::Held;
        }
        if let (Some(kind), false) = (other, self.is_decided()) {
            return Turn::HandOver(kind);
        }
        // Reports are promote's: only it may write them.
        if !self.unwritten.is_empty() && worker.kind != WorkKind::Promote {
            return Turn::HandOver(WorkKind::Promote);
        }
        self.lease = Some(Lease {
            owner: worker.owner.to_owned(),
            expires_at: worker.now + TimeDelta::seconds(LEASE_SECONDS),
        });
        if let Some(desired) = self
            .desired
            .as_mut()
            .filter(|desired| desired.is_open() && !fresh)
        {
            desired.interrupted = true;
            desired.woken = false;
        }
        Turn::Work
    }

    /// Whose work lies here without anybody at it: untold events, pending without a living lease, or waiting past its
    /// next look.
    #[must_use]
    pub fn left_alone(&self, now: DateTime<Utc>) -> Option<WorkKind> {
        if self
            .lease
            .as_ref()
            .is_some_and(|lease| lease.expires_at > now)
        {
            return None;
        }
        let kind = self.desired.as_ref().map(|desired| desired.work.kind());
        let due = self
            .desired
            .as_ref()
            .is_some_and(|desired| desired.is_due(now));
        kind.filter(|_| due || self.is_untold())
    }

    /// Gives the lease back, if it is ours.
    pub fn free(&mut self, owner: &str) {
        if self.is_held_by(owner) {
            self.lease = None;
        }
    }

    /// Whether somebody else is at work.
    pub(crate) fn is_held_from(&self, worker: Worker<'_>) -> bool {
        self.lease
            .as_ref()
            .is_some_and(|lease| lease.owner != worker.owner && lease.expires_at > worker.now)
    }

    /// Whether `owner` holds the lease. An expired lease that nobody took is still its holder's.
    #[must_use]
    pub fn is_held_by(&self, owner: &str) -> bool {
        self.lease
            .as_ref()
            .is_some_and(|lease| lease.owner == owner)
    }
}
