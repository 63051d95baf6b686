//! A finished piece of work, and how it is written down.

use serde::{Deserialize, Serialize};

use super::{Applied, MayStand, Outcome, Promotion, Status};
use crate::events::Event;
use crate::history::HistoryRecord;

/// What a finished piece of work changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// The request that it was done for.
    pub request_id: String,
    /// What became of the request.
    pub status: Status,
    /// What runs now.
    pub runs: Runs,
    /// What became of the secret, where that was tried, and the event that says so; it gets the row's number.
    pub outcome: Option<(Outcome, Event)>,
    /// What else the world is told.
    pub events: Vec<Event>,
    /// What is written beside the state: whoever hears the events finds it there.
    pub objects: Vec<BucketObject>,
    /// What is kept of the request for good; none of one that still waits for the same.
    pub history: Option<HistoryRecord>,
}

/// An object of the settings bucket. It holds no value of a variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketObject {
    /// Its key.
    pub key: String,
    /// Its content.
    pub text: String,
}

/// What runs after a piece of work.
#[derive(Debug, Clone, PartialEq)]
pub enum Runs {
    /// What ran before.
    AsBefore,
    /// This.
    Now(Box<Applied>),
    /// Nothing: the App is deleted.
    Nothing,
}

/// Whether a finished piece of work may be written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It stands in the state: write it.
    Now,
    /// It stood there before: an earlier write had landed.
    Before,
    /// The lease is somebody else's: write nothing, stop.
    LeaseLost,
}

impl Promotion {
    /// Merges finished work into this state, as it was just read. `counted` is the last outcome that failure-count
    /// has counted.
    pub fn record(&mut self, finished: &Finished, owner: &str, counted: u64) -> Recorded {
        if !self.is_held_by(owner) {
            return Recorded::LeaseLost;
        }
        if self.has_recorded(finished) {
            return Recorded::Before;
        }
        self.unwritten.clone_from(&finished.objects);
        if let Some(record) = &finished.history {
            self.note_record(record.clone());
        }
        if self.is_news(finished) {
            self.unsent.extend(finished.events.iter().cloned());
        }
        if !matches!(finished.status, Status::Waiting { .. }) {
            self.earlier.ended(&finished.request_id);
        }
        if let Some(desired) = self
            .desired
            .as_mut()
            .filter(|d| d.order.request_id == finished.request_id)
        {
            if let Status::Waiting { reason, .. } = &finished.status {
                desired.waits_for = Some(reason.clone());
            }
            desired.status = match &finished.status {
                // What it waits for may have ended after this look.
                Status::Waiting { .. } if desired.woken => Status::Pending,
                status => status.clone(),
            };
            desired.woken = false;
        }
        if let (true, Some(record)) = (finished.runs != Runs::AsBefore, &finished.history) {
            self.end_watch(&finished.request_id, record.entry.finished_at);
        }
        match &finished.runs {
            Runs::AsBefore => {}
            Runs::Now(applied) => {
                self.may_stand = self.may_stand.followed_by(applied);
                self.applied = Some(applied.as_ref().clone());
            }
            Runs::Nothing => {
                self.may_stand = MayStand::default();
                self.applied = None;
            }
        }
        // One row for each request: an id that comes back is the same request.
        let counts = |_: &&_| !self.outcomes.has(&finished.request_id);
        if let Some((outcome, event)) = finished.outcome.as_ref().filter(counts) {
            self.outcomes
                .append(finished.request_id.clone(), outcome.clone(), counted);
            let event = event.clone().with_seq(self.outcomes.last_seq());
            self.unsent.push(event);
        }
        Recorded::Now
    }

    /// Whether the world is told: a request that still waits for the same was told so before, and one that waits while a newer
    /// one is wanted is superseded.
    fn is_news(&self, finished: &Finished) -> bool {
        let Status::Waiting { reason, .. } = &finished.status else {
            return true;
        };
        self.desired.as_ref().is_some_and(|desired| {
            desired.order.request_id == finished.request_id && !desired.is_told_to_wait_for(reason)
        })
    }

    /// Whether this very write has landed before. It set the status, unless a newer request stands there by now.
    fn has_recorded(&self, finished: &Finished) -> bool {
        match &self.desired {
            Some(desired) if desired.order.request_id == finished.request_id => {
                desired.status == finished.status
            }
            _ => {
                let applied =
                    matches!(&finished.runs, Runs::Now(it) if self.applied.as_ref() == Some(it));
                applied || (finished.outcome.is_some() && self.outcomes.has(&finished.request_id))
            }
        }
    }
}
