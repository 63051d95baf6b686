//! From a message to a result, by the state alone: maybe replace what is wanted, take the lease, work, give it back.
//!
//! Every message takes this way, in promote and in app-deletion alike; what due work means is the function's own.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::answer::AnswerStatus;
use crate::state_store::{Snapshot, StateObjects, StateStore, StoreError};
use aws::call_error::CallError;
use aws::event_bus::EventBus;
use names::AppId;
use promotion::events::Event;
use promotion::failures::Failures;
use promotion::{
    Admission, Applied, Desired, Finished, Promotion, Recorded, Request, Status, Turn, WorkKind,
    Worker,
};

/// Why a request from the future is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the request's time is more than 60 s ahead of this clock; correct the clock of whoever sent it, and send it again"
)]
pub struct RequestAhead;

/// Less time than this is too little for another attempt.
pub const LEAST_SECONDS: i64 = 20;

/// Where events are sent; [`EventBus`], or a test's model of it.
pub trait Outbox {
    /// Sends all events; a failure says nothing about which arrived. What is refused for good is dropped, not a failure.
    fn send(&self, events: &[Event]) -> impl Future<Output = Result<(), CallError>>;
}

impl Outbox for EventBus {
    async fn send(&self, events: &[Event]) -> Result<(), CallError> {
        EventBus::send(self, events).await.map(drop)
    }
}

/// A function that does one kind of work.
pub trait Function {
    /// What everybody is told of a piece of work.
    type Report;
    /// Why it does not go on.
    type Error: From<StoreError> + From<CallError>;
    /// Where state is kept.
    type Objects: StateObjects;
    /// Where events are sent.
    type Bus: Outbox;

    /// The work that it does.
    fn kind(&self) -> WorkKind;
    /// Where state is kept.
    fn objects(&self) -> &Self::Objects;
    /// Where events are sent.
    fn bus(&self) -> &Self::Bus;
    /// The time.
    fn now(&self) -> DateTime<Utc>;
    /// Makes one attempt at what is wanted of `id` while `applied` runs.
    ///
    /// An error leaves the request pending: it is the transient kind, and another delivery tries again.
    fn attempt(
        &self,
        id: &AppId,
        desired: &Desired,
        applied: Option<&Applied>,
    ) -> impl Future<Output = Result<Attempt<Self::Report>, Self::Error>>;
}

/// An attempt that came to a result.
#[derive(Debug)]
pub struct Attempt<R> {
    /// What the state is told.
    pub finished: Finished,
    /// What everybody else is told; `None` while it waits.
    pub report: Option<R>,
}

/// One invocation of a function.
#[derive(Debug)]
pub struct Invocation<'a, F> {
    /// The function.
    pub function: &'a F,
    /// Unique to it, see [`crate::owners`].
    pub owner: &'a str,
    /// When Lambda ends it.
    pub ends_at: DateTime<Utc>,
}

impl<'a, F> Invocation<'a, F> {
    /// The invocation `owner`, which Lambda ends `deadline_ms` after 1970.
    #[must_use]
    pub fn new(function: &'a F, owner: &'a str, deadline_ms: u64) -> Self {
        let ends_at = i64::try_from(deadline_ms)
            .ok()
            .and_then(DateTime::from_timestamp_millis);
        Self {
            function,
            owner,
            ends_at: ends_at.unwrap_or(DateTime::<Utc>::MAX_UTC),
        }
    }
}

impl<F> Clone for Invocation<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for Invocation<'_, F> {}

/// A message for one App.
#[derive(Debug, Clone)]
pub struct Message {
    /// The App.
    pub id: AppId,
    /// What it asks for; `None` asks to continue.
    pub request: Option<Request>,
    /// The newest S3 version of the request's environment.
    pub current: Option<String>,
    /// Whether it says that something came to an end that the App's work may wait for.
    pub wakes: bool,
}

impl Message {
    /// One that asks to continue.
    #[must_use]
    pub fn continues(id: AppId) -> Self {
        Self {
            id,
            request: None,
            current: None,
            wakes: false,
        }
    }

    /// The id of its request; empty for one that only asks to continue.
    #[must_use]
    pub fn request_id(&self) -> &str {
        let request = self.request.as_ref();
        request.map_or("", |request| &request.order.request_id)
    }

    /// One that says that the App's stack came to an end of what it was at.
    #[must_use]
    pub fn wakes(id: AppId) -> Self {
        Self {
            wakes: true,
            ..Self::continues(id)
        }
    }
}

/// What became of a message.
#[derive(Debug)]
pub struct Answered<R> {
    /// What its request came to; `None` for one that only asks to continue.
    pub admission: Option<Admission>,
    /// What there was to do.
    pub turn: Turn,
    /// The report of the work that was done.
    pub report: Option<R>,
    /// The state at the end.
    pub state: Promotion,
}

/// The way of one message through the state.
struct Way<'a, F: Function> {
    invocation: Invocation<'a, F>,
    id: &'a AppId,
    store: StateStore<'a, Promotion, F::Objects>,
    snapshot: Snapshot<Promotion>,
}

impl<'a, F: Function> Invocation<'a, F> {
    /// Who asks, now.
    #[must_use]
    pub fn worker(&self) -> Worker<'_> {
        Worker {
            kind: self.function.kind(),
            owner: self.owner,
            now: self.function.now(),
        }
    }

    /// The state of an App.
    #[must_use]
    pub fn store(&self, id: &AppId) -> StateStore<'a, Promotion, F::Objects> {
        StateStore::promotion(self.function.objects(), &id.app)
    }

    /// Takes one message through the state.
    ///
    /// # Errors
    ///
    /// Of the transient class, with the lease given back where that can be: another delivery goes on.
    pub async fn take(self, message: &Message) -> Result<Answered<F::Report>, F::Error> {
        let state = self.store(&message.id).read().await?;
        self.take_from(message, state).await
    }

    /// Takes one message through the state as it was just read, while the message was looked into.
    ///
    /// # Errors
    ///
    /// As [`Invocation::take`].
    pub async fn take_from(
        self,
        message: &Message,
        mut snapshot: Snapshot<Promotion>,
    ) -> Result<Answered<F::Report>, F::Error> {
        let store = self.store(&message.id);
        let worker = self.worker();
        let (admission, turn) = store
            .change(&mut snapshot, |state| {
                if message.wakes {
                    state.wake(worker);
                }
                let current = message.current.as_deref();
                let admission = message
                    .request
                    .as_ref()
                    .map(|request| state.admit(request, current, worker.now));
                let turn = state.take_turn(worker, admission == Some(Admission::Newest));
                if turn == Turn::Work {
                    state.tell_superseded(&message.id);
                }
                (admission, turn)
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
        Ok(Answered {
            admission,
            turn,
            report,
            state: way.snapshot.state,
        })
    }
}

impl<F: Function> Way<'_, F> {
    /// Works with the lease, and gives it back on every way out.
    async fn work(&mut self) -> Result<Option<F::Report>, F::Error> {
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

    async fn work_until_done(&mut self) -> Result<Option<F::Report>, F::Error> {
        let mut last = None;
        loop {
            self.send_unsent().await?;
            let worker = self.invocation.worker();
            if !self.snapshot.state.is_held_by(worker.owner)
                || worker.now + TimeDelta::seconds(LEAST_SECONDS) > self.invocation.ends_at
            {
                return Ok(last);
            }
            let Some(desired) = self.snapshot.state.due(worker).cloned() else {
                return Ok(last);
            };
            let applied = self.snapshot.state.applied.clone();
            let function = self.invocation.function;
            let attempt = function.attempt(self.id, &desired, applied.as_ref());
            // Large, and deep in its callers.
            let Attempt { finished, report } = Box::pin(attempt).await?;
            if self.record(&finished).await? == Recorded::LeaseLost {
                return Ok(last);
            }
            last = report.or(last);
        }
    }

    async fn record(&mut self, finished: &Finished) -> Result<Recorded, F::Error> {
        let counted = if self.snapshot.state.outcomes.is_long() {
            self.counted().await?
        } else {
            0
        };
        let owner = self.invocation.owner;
        Ok(self
            .store
            .change(&mut self.snapshot, |state| {
                let recorded = state.record(finished, owner, counted);
                if recorded == Recorded::Now {
                    state.tell_superseded(self.id);
                }
                recorded
            })
            .await?)
    }

    /// The last outcome that failure-count has counted; none where its state cannot be read, since then no row may go.
    async fn counted(&self) -> Result<u64, F::Error> {
        let failures: StateStore<'_, Failures, _> =
            StateStore::failures(self.invocation.function.objects(), &self.id.app);
        match failures.read().await {
            Ok(failures) => Ok(failures.state.counted_seq),
            Err(StoreError::Unreadable { .. }) => Ok(0),
            Err(err) => Err(err.into()),
        }
    }

    /// Sends what is decided, then removes exactly that; the lease goes with it when nothing else is due.
    async fn send_unsent(&mut self) -> Result<(), F::Error> {
        let events = self.snapshot.state.unsent.clone();
        if events.is_empty() {
            return Ok(());
        }
        Box::pin(self.invocation.function.bus().send(&events)).await?; // large
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

    /// Work that is left when the lease is free: too little time, or the other function's; and what is to be told of messages
    /// that came at the very end.
    async fn pass_on(&mut self) -> Result<(), F::Error> {
        let worker = self.invocation.worker();
        let state = &self.snapshot.state;
        let left = state
            .due(worker)
            .map(|_| worker.kind)
            .or_else(|| state.due_elsewhere(worker))
            .or_else(|| state.is_untold().then_some(worker.kind));
        match left.filter(|_| state.lease.is_none()) {
            Some(kind) => self.hand_over(kind).await,
            None => Ok(()),
        }
    }

    async fn hand_over(&self, kind: WorkKind) -> Result<(), F::Error> {
        let event = self.snapshot.state.asks_to_continue(self.id, kind);
        Ok(self.invocation.function.bus().send(&[event]).await?)
    }
}

impl<R> Answered<R> {
    /// Whether the request claims to be from the future.
    #[must_use]
    pub fn is_ahead(&self) -> bool {
        self.admission == Some(Admission::Ahead)
    }

    /// The answer where the message did not get its work done: superseded, refused, waiting, or queued behind another
    /// invocation.
    #[must_use]
    pub fn standing(&self, id: &AppId) -> Option<Value> {
        match &self.admission {
            Some(Admission::Superseded { by }) => {
                let message = format!("superseded by {by}");
                tracing::info!(app.name = %id.app, "request {message}");
                return Some(json!({
                    "status": AnswerStatus::Superseded,
                    "supersededBy": by,
                    "message": message,
                }));
            }
            Some(Admission::Ahead) => {
                tracing::warn!(
                    app.name = %id.app,
                    "request from the future refused: its time is over 60 s ahead"
                );
                return Some(AnswerStatus::Refused.answer(&RequestAhead.to_string()));
            }
            _ => {}
        }
        if self.report.is_some() {
            return None;
        }
        if let Some(Status::Waiting { reason, .. }) = self.state.desired.as_ref().map(|d| &d.status)
        {
            return Some(json!({
                "status": AnswerStatus::Waiting,
                "app": id.app.as_str(),
                "message": reason,
            }));
        }
        (self.turn == Turn::Held).then(|| {
            AnswerStatus::Queued
                .answer("another invocation is at work on this App and takes this request next")
        })
    }
}
