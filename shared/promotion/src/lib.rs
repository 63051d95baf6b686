//! `promotion.json`: what is wanted, what is applied, who is at work. The rules as pure code, without a clock.
//!
//! Events arrive at least once and in any order, so an event is only a hint and this state decides. It is changed
//! by conditional writes alone; whoever loses one reads again and calls the same functions on what it read.

pub mod events;
pub mod failures;
pub mod history;
pub mod launch_reason;
pub mod release_commands;
pub mod schedule_walk;
pub mod stop_reason;
pub mod verdict;

mod applied;
mod desired;
mod finished;
mod lease;
mod order;
mod outcomes;
mod superseded;
mod versions;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::events::Event;
use crate::history::HistoryRecord;
use crate::release_commands::ReleaseCommand;
use crate::verdict::Settled;
use names::AppId;

pub use applied::{Applied, Definition, OriginalDefinition, Record, SecretVersion, Setting, Was};
pub use desired::{Allowed, Desired, Request, Status, Work, WorkKind};
pub use finished::{BucketObject, Finished, Recorded, Runs};
pub use lease::{LEASE_SECONDS, Lease, Turn, Worker};
pub use order::{Order, Tie};
pub use outcomes::{Merged, Outcome, OutcomeResult, Outcomes, Row};
pub use superseded::Earlier;
pub use versions::{APPLIED_MAX, KEPT_MAX, Kept, KeptVersion, kept};

/// How long a request is tried before it ends as failed.
pub const DEADLINE_HOURS: i64 = 6;
/// How far ahead of our clock a request may be.
pub const CLOCK_SKEW_SECONDS: i64 = 60;

/// What stands of an App that is seen only by whoever looks for it, if any of it does: written down before the first of it is made, so
/// that what nobody could write down is found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MayStand {
    /// Schedules of EventBridge Scheduler.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub schedules: bool,
    /// What attaches ECS services to gateways.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub connectors: bool,
}

impl MayStand {
    /// What a Release has that runs.
    #[must_use]
    pub fn of(applied: &Applied) -> Self {
        Self {
            schedules: applied.has_schedules(),
            connectors: applied.has_connectors(),
        }
    }

    /// What may stand once `applied` runs. Where it moves an ECS service, ECS may go back to what attached that before: such a
    /// deployment is looked for until a Release finds nothing to move.
    #[must_use]
    pub fn followed_by(self, applied: &Applied) -> Self {
        let of_it = Self::of(applied);
        let may_come_back = self.connectors && applied.watch.is_some();
        Self {
            connectors: of_it.connectors || may_come_back,
            ..of_it
        }
    }

    /// This, and `other` beside it.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            schedules: self.schedules || other.schedules,
            connectors: self.connectors || other.connectors,
        }
    }
}

/// The state object of one App.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Promotion {
    /// The newest request, whatever became of it; after a deletion it stays as the tombstone.
    pub desired: Option<Desired>,
    /// What runs; `None` before the first promote and after a deletion.
    pub applied: Option<Applied>,
    /// What has to be looked for.
    #[serde(flatten)]
    pub may_stand: MayStand,
    /// Who is at work.
    pub lease: Option<Lease>,
    /// What became of the secret, request by request; failure-count reads it.
    #[serde(flatten)]
    pub outcomes: Outcomes,
    /// Events that are decided and not yet sent.
    #[serde(default)]
    pub unsent: Vec<Event>,
    /// Objects of what ended last that may not stand yet. They do before the events that tell of it are sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unwritten: Vec<BucketObject>,
    /// What is to be kept of requests for good and may not stand yet. It does before the events that tell of it are sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unrecorded: Vec<HistoryRecord>,
    /// Verdicts that are decided and may not be written down and told yet; failure-count does that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settled: Vec<Settled>,
    /// The release commands of the newest request that had any, and those of requests before that may still run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<ReleaseCommand>,
    /// Requests before the newest one.
    #[serde(flatten)]
    pub earlier: Earlier,
}

/// What became of a request on arrival.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It is what is wanted now.
    Newest,
    /// It is the newest request already: a redelivery.
    Known,
    /// A newer request came before it.
    Superseded {
        /// The newer request.
        by: String,
    },
    /// It claims to be from the future, so it could block every later request.
    Ahead,
}

impl Promotion {
    /// Takes in a request: replaces what is wanted if it is newer.
    ///
    /// `current` is the newest S3 version of the request's own environment key, which settles two versions of one
    /// second.
    pub fn admit(
        &mut self,
        request: &Request,
        current: Option<&str>,
        now: DateTime<Utc>,
    ) -> Admission {
        if request.order.requested_at > now + TimeDelta::seconds(CLOCK_SKEW_SECONDS) {
            return Admission::Ahead;
        }
        if let Some(desired) = &self.desired {
            if desired.order.request_id == request.order.request_id {
                return Admission::Known;
            }
            if !request.is_newer_than(desired, current) {
                let by = desired.order.request_id.clone();
                self.earlier.came_late(request, desired);
                return Admission::Superseded { by };
            }
            self.earlier.replaced(desired, request);
        } else if request.work.kind() == WorkKind::Delete {
            // Nothing is known of the App, so a state may be lost that said this: they are looked for by name, as rules are.
            self.may_stand.schedules = true;
        }
        self.desired = Some(Desired {
            work: request.work.clone(),
            order: request.order.clone(),
            asked_by: request.asked_by.clone(),
            interrupted: self.may_have_left_changes(),
            woken: false,
            waits_for: None,
            status: Status::Pending,
            deadline: now + TimeDelta::hours(DEADLINE_HOURS),
        });
        Admission::Newest
    }

    /// Whether a request that comes now begins as an interrupted one: who was before it may have written outside, and nobody
    /// wrote down what.
    #[must_use]
    pub fn may_have_left_changes(&self) -> bool {
        let desired = self.desired.as_ref();
        desired.is_some_and(Desired::may_have_left_changes)
    }

    /// Takes in that something came to an end that `worker`'s kind of work may wait for: it is due at once, or as soon as
    /// whoever is at work now has written down what it saw before.
    pub fn wake(&mut self, worker: Worker<'_>) {
        let held = self.is_held_from(worker);
        let Some(desired) = self
            .desired
            .as_mut()
            .filter(|desired| desired.is_open() && desired.work.kind() == worker.kind)
        else {
            return;
        };
        // Who waits for a later look has written down the last one, and still goes on before the lease is free.
        let has_looked =
            matches!(desired.status, Status::Waiting { until, .. } if until > worker.now);
        if held && !has_looked {
            desired.woken = true;
        } else {
            desired.status = Status::Pending;
        }
    }

    /// What the holder of the lease works on now.
    #[must_use]
    pub fn due(&self, worker: Worker<'_>) -> Option<&Desired> {
        self.desired
            .as_ref()
            .filter(|desired| desired.is_due(worker.now) && desired.work.kind() == worker.kind)
    }

    /// Work of the other function that is due.
    #[must_use]
    pub fn due_elsewhere(&self, worker: Worker<'_>) -> Option<WorkKind> {
        let desired = self
            .desired
            .as_ref()
            .filter(|desired| desired.is_due(worker.now))?;
        Some(desired.work.kind()).filter(|kind| *kind != worker.kind)
    }

    /// Whether somebody is still to be told of something.
    #[must_use]
    pub fn is_untold(&self) -> bool {
        self.is_decided() || self.earlier.is_untold()
    }

    /// Whether something is decided that may not be told yet.
    pub(crate) fn is_decided(&self) -> bool {
        let nothing = self.unsent.is_empty() && self.unwritten.is_empty();
        !nothing || !self.unrecorded.is_empty()
    }

    /// Writes down that what is wanted may move to these revisions again, before it does: whoever goes on after an interrupted
    /// attempt has no other way to know that ECS did not go back to them.
    pub fn may_go_back_to(&mut self, record: &Record) {
        let desired = self.desired.as_ref().and_then(Desired::promotes);
        let is_of_this = desired.is_some_and(|(_, version)| version == record.env_version_id);
        let Some(applied) = self.applied.as_mut().filter(|_| is_of_this) else {
            return;
        };
        let known: BTreeSet<&String> = applied.definitions().map(|known| &known.arn).collect();
        let recorded = record.services.values().chain(record.timers.values());
        let others = recorded.map(|recorded| &recorded.arn);
        let others: Vec<String> = others.filter(|arn| !known.contains(arn)).cloned().collect();
        applied.going_back_to.extend(others);
    }

    /// The event that asks a function to go on with this App.
    #[must_use]
    pub fn asks_to_continue(&self, id: &AppId, kind: WorkKind) -> Event {
        let desired = self.desired.as_ref();
        let request_id = desired.map_or("", |desired| &desired.order.request_id);
        Event::promotion_continue(id, request_id, kind)
    }

    /// The event of the newest outcome once more, for a failure-count that is behind; `None` before the first. It names the
    /// Release as long as that is still known.
    #[must_use]
    pub fn newest_outcome(&self, id: &AppId) -> Option<Event> {
        let row = self.outcomes.rows().last()?;
        let request_id = row.request_id.as_str();
        let applied = self.applied.as_ref();
        let applied = applied.filter(|applied| applied.request_id == request_id);
        let desired = self.desired.as_ref();
        let desired = desired.filter(|desired| desired.order.request_id == request_id);
        let release = applied
            .map(|applied| &applied.release)
            .or_else(|| Some(desired?.promotes()?.0));
        let outcome = Outcome {
            result: row.result,
            error_type: row.error_type.clone(),
        };
        Some(Event::of_outcome(id, release, request_id, &outcome).with_seq(row.seq))
    }

    /// Removes exactly the events that were sent, and what was written and recorded before them.
    pub fn sent(&mut self, events: &[Event], written: &[BucketObject], recorded: &[HistoryRecord]) {
        self.unsent.retain(|event| !events.contains(event));
        self.unwritten.retain(|object| !written.contains(object));
        self.unrecorded.retain(|record| !recorded.contains(record));
    }
}

#[cfg(test)]
mod tests;
