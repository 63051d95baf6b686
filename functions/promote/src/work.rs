//! From a message to a result, by the state alone: maybe replace what is wanted, take the lease, work, give it back.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shared::events::Event;
use shared::names::{AppId, keys};
use shared::promotion::{Admission, Finished, Kind, Recorded, Request, Status, Turn, Worker};
use shared::promotion_store::{PromotionStore, Snapshot};

use crate::attempt::{self, Attempt, attempt};
use crate::error::PromoteError;
use crate::gather::Wanted;
use crate::metrics;
use crate::report::{Report, short_answer};
use crate::shell::Shell;

/// One invocation of the function.
#[derive(Clone, Copy)]
pub struct Invocation<'a> {
    /// The clients.
    pub shell: &'a Shell,
    /// Unique to it: Lambda's request id.
    pub owner: &'a str,
    /// When Lambda ends it.
    pub ends_at: DateTime<Utc>,
}

/// A message for one App.
pub struct Message {
    /// The App.
    pub id: AppId,
    /// What it asks for; `None` asks to continue.
    pub request: Option<Request>,
    /// The newest S3 version of the request's environment.
    pub current: Option<String>,
}

/// The way of one message through the state.
struct Way<'a> {
    invocation: Invocation<'a>,
    id: &'a AppId,
    store: PromotionStore<'a>,
    snapshot: Snapshot,
}

impl Invocation<'_> {
    fn worker(&self) -> Worker<'_> {
        Worker {
            kind: Kind::Promote,
            owner: self.owner,
            now: (self.shell.clock)(),
        }
    }

    /// Takes one message through the state and answers it.
    ///
    /// # Errors
    ///
    /// [`PromoteError`] of the transient class, with the lease given back: another delivery goes on.
    pub async fn take(self, message: &Message) -> Result<Value, PromoteError> {
        let store = PromotionStore::new(&self.shell.bucket, &message.id.app);
        let mut snapshot = store.read().await?;
        let worker = self.worker();
        let (admission, turn) = store
            .change(&mut snapshot, |state| {
                let current = message.current.as_deref();
                let admission = message
                    .request
                    .as_ref()
                    .map(|request| state.admit(request, current, worker.now));
                (
                    admission.clone(),
                    state.take_turn(worker, admission == Some(Admission::Newest)),
                )
            })
            .await?;
        let mut way = Way {
            invocation: self,
            id: &message.id,
            store,
            snapshot,
        };
        let report = match turn {
            Turn::Rest | Turn::Held => None,
            Turn::HandOver(kind) => {
                way.hand_over(kind).await?;
                None
            }
            Turn::Work => way.work().await?,
        };
        way.answer(message, admission.as_ref(), turn, report).await
    }
}

impl Way<'_> {
    /// Works with the lease, and gives it back on every way out.
    async fn work(&mut self) -> Result<Option<Report>, PromoteError> {
        let worked = self.work_until_done().await;
        let owner = self.invocation.owner;
        let freed = self
            .store
            .change(&mut self.snapshot, |state| state.free(owner))
            .await;
        match (worked, freed) {
            (Ok(report), Ok(())) => {
                self.pass_on().await?;
                Ok(report)
            }
            (Err(err), _) => Err(err),
            (Ok(_), Err(err)) => Err(err.into()),
        }
    }

    async fn work_until_done(&mut self) -> Result<Option<Report>, PromoteError> {
        let mut last = None;
        loop {
            self.send_unsent().await?;
            let worker = self.invocation.worker();
            if !self.snapshot.state.is_held_by(worker.owner)
                || worker.now + attempt::least_time() > self.invocation.ends_at
            {
                return Ok(last);
            }
            let Some(desired) = self.snapshot.state.due(worker).cloned() else {
                return Ok(last);
            };
            let Some((release, env_version_id)) = desired.promotes() else {
                return Ok(last);
            };
            let applied = self.snapshot.state.applied.clone();
            let wanted = Wanted {
                id: self.id,
                release,
                env_version_id,
                applied: applied.as_ref(),
                interrupted: desired.interrupted,
            };
            let attempt = attempt(self.invocation.shell, self.id, &desired, &wanted);
            let Attempt { finished, report } = Box::pin(attempt).await?; // large, and deep in its callers
            if self.record(&finished).await? == Recorded::LeaseLost {
                return Ok(last);
            }
            last = report.or(last);
        }
    }

    async fn record(&mut self, finished: &Finished) -> Result<Recorded, PromoteError> {
        let counted = if self.snapshot.state.outcomes.is_long() {
            self.counted().await?
        } else {
            0
        };
        let owner = self.invocation.owner;
        Ok(self
            .store
            .change(&mut self.snapshot, |state| {
                state.record(finished, owner, counted)
            })
            .await?)
    }

    /// The last outcome that failure-count has counted.
    async fn counted(&self) -> Result<u64, PromoteError> {
        let object = self
            .invocation
            .shell
            .bucket
            .read(&keys::failures(&self.id.app))
            .await?;
        let failures: Option<Value> =
            object.and_then(|object| serde_json::from_slice(&object.bytes).ok());
        Ok(failures
            .and_then(|failures| failures.get("countedSeq")?.as_u64())
            .unwrap_or(0))
    }

    /// Sends what is decided, then removes exactly that; the lease goes with it when nothing else is due.
    async fn send_unsent(&mut self) -> Result<(), PromoteError> {
        let events = self.snapshot.state.unsent.clone();
        if events.is_empty() {
            return Ok(());
        }
        self.invocation.shell.bus.send(&events).await?;
        let worker = self.invocation.worker();
        self.store
            .change(&mut self.snapshot, |state| {
                state.sent(&events);
                if state.due(worker).is_none() && state.unsent.is_empty() {
                    state.free(worker.owner);
                }
            })
            .await?;
        Ok(())
    }

    /// Work that is left when the lease is free: too little time, or the other function's.
    async fn pass_on(&mut self) -> Result<(), PromoteError> {
        let worker = self.invocation.worker();
        let state = &self.snapshot.state;
        let left = state
            .due(worker)
            .map(|_| Kind::Promote)
            .or_else(|| state.due_elsewhere(worker));
        match left.filter(|_| state.lease.is_none()) {
            Some(kind) => self.hand_over(kind).await,
            None => Ok(()),
        }
    }

    async fn hand_over(&self, kind: Kind) -> Result<(), PromoteError> {
        let request_id = self
            .snapshot
            .state
            .desired
            .as_ref()
            .map_or("", |desired| &desired.order.request_id);
        let event = Event::promotion_continue(self.id, request_id, kind);
        Ok(self.invocation.shell.bus.send(&[event]).await?)
    }

    async fn answer(
        &self,
        message: &Message,
        admission: Option<&Admission>,
        turn: Turn,
        report: Option<Report>,
    ) -> Result<Value, PromoteError> {
        if let Some(Admission::Superseded { by }) = admission {
            tracing::info!(app.name = %self.id.app, "request superseded by {by}");
            return Ok(
                json!({"status": "superseded", "supersededBy": by, "message": format!("superseded by {by}")}),
            );
        }
        if admission == Some(&Admission::Ahead) {
            tracing::warn!(app.name = %self.id.app, "request from the future refused: its time is over 60 s ahead");
            return Ok(short_answer(
                "refused",
                "the request's time is more than 60 s ahead of this clock",
            ));
        }
        if let Some(report) = report {
            metrics::emit((&report).into(), (self.invocation.shell.clock)());
            return serde_json::to_value(report).map_err(PromoteError::Report);
        }
        if let Some(reason) = self.waits() {
            return Ok(short_answer("waiting", reason));
        }
        if turn == Turn::Held {
            return Ok(short_answer(
                "queued",
                "another invocation is at work on this App and takes this request next",
            ));
        }
        let report = self.written_report(message).await?;
        Ok(report.unwrap_or_else(|| short_answer("idle", "nothing is left to do for this App")))
    }

    /// What the newest request waits for, if it does.
    fn waits(&self) -> Option<&str> {
        match &self.snapshot.state.desired.as_ref()?.status {
            Status::Waiting { reason, .. } => Some(reason),
            _ => None,
        }
    }

    /// The report of an earlier delivery of the same request.
    async fn written_report(&self, message: &Message) -> Result<Option<Value>, PromoteError> {
        let Some(request) = &message.request else {
            return Ok(None);
        };
        let desired = self.snapshot.state.desired.as_ref();
        let Some((release, _)) = desired.and_then(|desired| desired.promotes()) else {
            return Ok(None);
        };
        let object = self
            .invocation
            .shell
            .bucket
            .read(&keys::report(&self.id.app, release))
            .await?;
        let report: Option<Value> =
            object.and_then(|object| serde_json::from_slice(&object.bytes).ok());
        let same = |report: &Value| {
            report.get("requestId") == Some(&Value::from(request.order.request_id.as_str()))
        };
        Ok(report.filter(same))
    }
}
