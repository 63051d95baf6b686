//! `promotion.json`: what is wanted, what is applied, who is at work. The rules as pure code, without a clock.
//!
//! Events arrive at least once and in any order, so an event is only a hint and this state decides. It is changed
//! by conditional writes alone; whoever loses one reads again and calls the same functions on what it read.

pub mod events;
pub mod failures;
pub mod launch_reason;
pub mod schedule_walk;

mod desired;
mod finished;
mod order;
mod outcomes;
mod superseded;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::events::Event;
use manifest::Deployment;
use manifest::capacity::Capacity;
use manifest::precedence::EnvDelivery;
use names::{AppId, ReleaseId, SecretArn};
use release::app_stack::StackNeeds;
use release::timer_rule::Network;

pub use desired::{Allowed, Desired, Kind, Request, Status, Work};
pub use finished::{Finished, Recorded, Runs};
pub use order::{Order, Tie};
pub use outcomes::{Merged, Outcome, OutcomeResult, Outcomes, Row};
pub use superseded::Earlier;

/// How long a lease lasts: longer than a function can live (120 s), shorter than a message stays hidden (300 s).
pub const LEASE_SECONDS: i64 = 200;
/// How long a request is tried before it ends as failed.
pub const DEADLINE_HOURS: i64 = 6;
/// How far ahead of our clock a request may be.
pub const CLOCK_SKEW_SECONDS: i64 = 60;

/// The state object of one App.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Promotion {
    /// The newest request, whatever became of it; after a deletion it stays as the tombstone.
    pub desired: Option<Desired>,
    /// What runs; `None` before the first promote and after a deletion.
    pub applied: Option<Applied>,
    /// Who is at work.
    pub lease: Option<Lease>,
    /// What became of the secret, request by request; failure-count reads it.
    #[serde(flatten)]
    pub outcomes: Outcomes,
    /// Events that are decided and not yet sent.
    #[serde(default)]
    pub unsent: Vec<Event>,
    /// Requests before the newest one.
    #[serde(flatten)]
    pub earlier: Earlier,
}

/// The Release that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// The Release.
    pub release: ReleaseId,
    /// The request that made it live.
    pub request_id: String,
    /// The S3 version of its environment object.
    pub env_version_id: String,
    /// How its tasks get the environment.
    pub delivery: EnvDelivery,
    /// The secret, where it is delivered by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretVersion>,
    /// By Service.
    pub services: BTreeMap<String, Definition>,
    /// By Timer.
    pub timers: BTreeMap<String, Definition>,
    /// What it needs of the App's own stack; none where it was promoted before there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<StackNeeds>,
    /// The ARN of the cluster that its ECS services are in; none where it was promoted before that was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The network of what is the App's own; none as above, or where nothing has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// [`release::stack_state::SeenStack::digest`] of the App's stack as it was then; none as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_digest: Option<String>,
}

/// A version of the App's secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretVersion {
    /// The ARN that Secrets Manager returned.
    pub arn: SecretArn,
    /// The version.
    pub version_id: String,
}

/// A registered task definition and who runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Definition {
    /// The revision's ARN.
    pub arn: String,
    /// [`release::task_definition::TaskDefinition::digest`] of what was registered.
    pub digest: String,
    /// The ECS service or EventBridge rule that runs it.
    pub runs_as: String,
    /// When a Timer's rule fires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// What its tasks run on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
    /// How its tasks are replaced; of the App's own ECS services, none where it was promoted before that was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Deployment>,
    /// How what runs it was set when a later request began that takes it away; nothing else tells that afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<Setting>,
    /// What stood in its place when a later request began, where that was something else: ECS itself had gone back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stands: Option<OriginalDefinition>,
}

/// What an ECS service ran that nobody of ours had moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OriginalDefinition {
    /// The revision's ARN.
    pub arn: String,
    /// Its network, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// How its tasks were replaced; of an ECS service that nobody of ours can have changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Deployment>,
}

/// What belongs to the user of what runs a definition: no promote changes it, but a removal ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "lowercase",
    rename_all_fields = "camelCase"
)]
pub enum Setting {
    /// An ECS service that runs a number of tasks.
    Replica {
        /// How many.
        desired_count: u32,
    },
    /// One that runs a task on every instance.
    Daemon,
    /// A rule.
    Rule {
        /// Whether it does not fire.
        is_disabled: bool,
    },
}

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
    pub kind: Kind,
    /// This invocation.
    pub owner: &'a str,
    /// Now.
    pub now: DateTime<Utc>,
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

/// What this function has to do after a message has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Nothing: all is done, or the next look is later.
    Rest,
    /// Somebody else holds the lease and will see what is wanted.
    Held,
    /// The work is another function's.
    HandOver(Kind),
    /// The lease is ours: send what is unsent, then work.
    Work,
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
        }
        self.desired = Some(Desired {
            work: request.work.clone(),
            order: request.order.clone(),
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
        if held {
            desired.woken = true;
        } else {
            desired.status = Status::Pending;
        }
    }

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
        if let (Some(kind), true) = (other, self.unsent.is_empty()) {
            return Turn::HandOver(kind);
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

    /// What the holder of the lease works on now.
    #[must_use]
    pub fn due(&self, worker: Worker<'_>) -> Option<&Desired> {
        self.desired
            .as_ref()
            .filter(|desired| desired.is_due(worker.now) && desired.work.kind() == worker.kind)
    }

    /// Work of the other function that is due.
    #[must_use]
    pub fn due_elsewhere(&self, worker: Worker<'_>) -> Option<Kind> {
        let desired = self
            .desired
            .as_ref()
            .filter(|desired| desired.is_due(worker.now))?;
        Some(desired.work.kind()).filter(|kind| *kind != worker.kind)
    }

    /// Whether somebody is still to be told of something.
    #[must_use]
    pub fn is_untold(&self) -> bool {
        !self.unsent.is_empty() || self.earlier.is_untold()
    }

    /// Whose work lies here without anybody at it: untold events, pending without a living lease, or waiting past its
    /// next look.
    #[must_use]
    pub fn left_alone(&self, now: DateTime<Utc>) -> Option<Kind> {
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

    /// The event that asks a function to go on with this App.
    #[must_use]
    pub fn asks_to_continue(&self, id: &AppId, kind: Kind) -> Event {
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

    /// Removes exactly the events that were sent.
    pub fn sent(&mut self, events: &[Event]) {
        self.unsent.retain(|event| !events.contains(event));
    }

    /// Gives the lease back, if it is ours.
    pub fn free(&mut self, owner: &str) {
        if self.is_held_by(owner) {
            self.lease = None;
        }
    }

    /// Whether somebody else is at work.
    fn is_held_from(&self, worker: Worker<'_>) -> bool {
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

#[cfg(test)]
mod tests;
