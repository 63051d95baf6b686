//! From a message to a result, by the state alone: maybe replace what is wanted, take the lease, work, give it back.
//!
//! Every message takes this way, in promote and in app-deletion alike; what due work means is the function's own.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::answer::AnswerStatus;
use crate::history;
use crate::state_store::{Snapshot, StateObjects, StateStore, StoreError};
use aws::call_error::{CallError, ErrorClass};
use aws::event_bus::EventBus;
use futures_util::future::{join, join3, try_join_all};
use names::AppId;
use names::error_chain::Chain;
use promotion::events::Event;
use promotion::failures::Failures;
use promotion::history::{HistoryRecord, Index};
use promotion::release_commands::ReleaseCommand;
use promotion::{
    Admission, Applied, BucketObject, Desired, Finished, MayStand, Promotion, Record, Recorded,
    Request, Status, Turn, WorkKind, Worker,
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
    /// What an attempt is decided by.
    type Facts;

    /// The work that it does.
    fn kind(&self) -> WorkKind;
    /// Where state is kept.
    fn objects(&self) -> &Self::Objects;
    /// Where events are sent.
    fn bus(&self) -> &Self::Bus;
    /// The time.
    fn now(&self) -> DateTime<Utc>;
    /// The newest S3 version of the object that a request is about, where it is about one.
    fn newest(
        &self,
        request: &Request,
    ) -> impl Future<Output = Result<Option<String>, Self::Error>>;
    /// Reads what an attempt at `due` is decided by, and changes nothing: it may be called before the lease is taken.
    fn read(&self, due: Due<'_>) -> impl Future<Output = Self::Facts>;
    /// Makes one attempt at `due`, of which `facts` were read.
    ///
    /// An error leaves the request pending: it is the transient kind, and another delivery tries again.
    fn attempt(
        &self,
        due: Due<'_>,
        facts: Self::Facts,
    ) -> impl Future<Output = Result<Attempt<Self::Report>, Self::Error>>;
}

/// What is to be done.
#[derive(Debug, Clone, Copy)]
pub struct Due<'a> {
    /// The App.
    pub id: &'a AppId,
    /// What is wanted of it.
    pub desired: &'a Desired,
    /// What runs now.
    pub applied: Option<&'a Applied>,
    /// What its Release ran when it was live before, where that was read with the state.
    pub record: &'a RecordRead,
    /// What is known of release commands.
    pub commands: &'a [ReleaseCommand],
    /// What has to be looked for.
    pub may_stand: MayStand,
    /// When Lambda ends the invocation that does it.
    pub ends_at: DateTime<Utc>,
}

/// What a Release ran when it was live before, as far as anybody has looked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum RecordRead {
    /// Nobody has.
    #[default]
    NotYet,
    /// This, if anything.
    Known(Option<Box<Record>>),
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
    /// What the request's Release ran when it was live before.
    pub record: RecordRead,
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
            record: RecordRead::NotYet,
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
    message: &'a Message,
    store: StateStore<'a, Promotion, F::Objects>,
    snapshot: Snapshot<Promotion>,
    /// What was read while the lease was taken.
    early: Option<(Early, F::Facts)>,
    /// Whether what the state calls unwritten is known to stand.
    is_written: bool,
    /// What of that which the state calls unrecorded is known to stand.
    recorded: Vec<HistoryRecord>,
    /// The list of the newest requests, where that was read.
    index: Option<Snapshot<Index>>,
}

/// The work that a message is expected to find, before the lease is taken.
#[derive(Debug, PartialEq)]
struct Early {
    desired: Desired,
    applied: Option<Applied>,
    commands: Vec<ReleaseCommand>,
    may_stand: MayStand,
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
        let early = Early::find(message, &snapshot.state, worker);
        let (mut tries, function) = (0, self.function);
        let current = async |state: &Promotion| message.newest(state, function).await;
        let taken = store.change_beside(&mut snapshot, current, |state, current| {
            tries += 1;
            message.enter(state, current.as_deref(), worker)
        });
        let facts = async {
            let early = early.as_ref()?;
            Some(function.read(early.due(message, self.ends_at)).await)
        };
        let index = async {
            early.as_ref()?;
            history::read(self.function.objects(), &message.id.app).await
        };
        let (taken, facts, index) = join3(taken, Box::pin(facts), index).await; // large
        let (admission, turn) = taken?;
        // Who loses the race for the lease has read what somebody else may have changed since.
        let early = early.zip(facts).filter(|_| tries == 1);
        let mut way = Way {
            invocation: self,
            message,
            store,
            snapshot,
            early,
            is_written: false,
            recorded: Vec::new(),
            index,
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

impl Early {
    /// What is due once the message is in, where nobody is at work and nobody died at it: then nothing of the App changes until
    /// somebody writes the state.
    fn find(message: &Message, state: &Promotion, worker: Worker<'_>) -> Option<Self> {
        let mut state = state.clone();
        let is_free = state.lease.is_none();
        let (_, turn) = message.enter(&mut state, message.current.as_deref(), worker);
        let desired = state
            .due(worker)
            .filter(|_| is_free && turn == Turn::Work)?
            .clone();
        Some(Self {
            desired,
            applied: state.applied,
            commands: state.commands,
            may_stand: state.may_stand,
        })
    }

    fn due<'a>(&'a self, message: &'a Message, ends_at: DateTime<Utc>) -> Due<'a> {
        let is_of_this = self.desired.order.request_id == message.request_id();
        Due {
            id: &message.id,
            desired: &self.desired,
            applied: self.applied.as_ref(),
            record: if is_of_this {
                &message.record
            } else {
                &RecordRead::NotYet
            },
            commands: &self.commands,
            may_stand: self.may_stand,
            ends_at,
        }
    }
}

impl Message {
    /// Takes the message in, and the lease where there is something to do.
    fn enter(
        &self,
        state: &mut Promotion,
        current: Option<&str>,
        worker: Worker<'_>,
    ) -> (Option<Admission>, Turn) {
        if self.wakes {
            state.wake(worker);
        }
        let request = self.request.as_ref();
        let admission = request.map(|request| state.admit(request, current, worker.now));
        let is_newest = admission == Some(Admission::Newest);
        let turn = state.take_turn(worker, is_newest);
        if turn == Turn::Work {
            state.tell_superseded(&self.id, worker.now);
        }
        if let (Turn::Work, true, RecordRead::Known(Some(record))) = (turn, is_newest, &self.record)
        {
            state.may_go_back_to(record);
        }
        (admission, turn)
    }

    /// The newest S3 version of the request's environment: where it decides, as it is after `state` was read, since what came
    /// with the message can be older than that.
    async fn newest<F: Function>(
        &self,
        state: &Promotion,
        function: &F,
    ) -> Result<Option<String>, F::Error> {
        match &self.request {
            Some(request) if state.is_tied_with(request) => function.newest(request).await,
            _ => Ok(self.current.clone()),
        }
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
            let commands = self.snapshot.state.commands.clone();
            let may_stand = self.snapshot.state.may_stand;
            let due = Early {
                desired,
                applied,
                commands,
                may_stand,
            };
            let facts = self.facts(&due).await;
            let Invocation {
                function, ends_at, ..
            } = self.invocation;
            let attempt = function.attempt(due.due(self.message, ends_at), facts);
            // Large, and deep in its callers.
            let Attempt { finished, report } = Box::pin(attempt).await?;
            if self.record(&finished).await? == Recorded::LeaseLost {
                return Ok(last);
            }
            last = report.or(last);
        }
    }

    /// What was read while the lease was taken, if that was for `due`; else what is read now.
    async fn facts(&mut self, due: &Early) -> F::Facts {
        let early = self.early.take();
        if let Some((_, facts)) = early.filter(|(early, _)| early == due) {
            return facts;
        }
        let Invocation {
            function, ends_at, ..
        } = self.invocation;
        let read = Box::pin(function.read(due.due(self.message, ends_at))); // large
        if self.index.is_some() {
            return read.await;
        }
        let index = history::read(function.objects(), &self.message.id.app);
        let (facts, index) = join(read, index).await;
        self.index = index;
        facts
    }

    /// Writes down how it ended, and what is to be read of that beside it. Should the second fail, the state has it too.
    async fn record(&mut self, finished: &Finished) -> Result<Recorded, F::Error> {
        let objects = self.invocation.function.objects();
        let written = write_all(objects, &finished.objects);
        let (index, app) = (self.index.take(), &self.message.id.app);
        let records = finished.history.as_slice();
        let listed = history::write(objects, app, records, index);
        let (recorded, written, listed) = join3(self.record_state(finished), written, listed).await;
        let recorded = recorded?;
        written?;
        self.index = listed?;
        self.is_written = true;
        self.recorded.extend_from_slice(records);
        Ok(recorded)
    }

    async fn record_state(&mut self, finished: &Finished) -> Result<Recorded, F::Error> {
        let counted = if self.snapshot.state.outcomes.is_long() {
            self.counted().await?
        } else {
            0
        };
        let Worker { owner, now, .. } = self.invocation.worker();
        Ok(self
            .store
            .change(&mut self.snapshot, |state| {
                let recorded = state.record(finished, owner, counted);
                if recorded == Recorded::Now {
                    state.tell_superseded(&self.message.id, now);
                }
                recorded
            })
            .await?)
    }

    /// The last outcome that failure-count has counted; none where its state cannot be read, since then no row may go.
    async fn counted(&self) -> Result<u64, F::Error> {
        let failures: StateStore<'_, Failures, _> =
            StateStore::failures(self.invocation.function.objects(), &self.message.id.app);
        match failures.read().await {
            Ok(failures) => Ok(failures.state.counted_seq),
            Err(StoreError::Unreadable { .. }) => Ok(0),
            Err(err) => Err(err.into()),
        }
    }

    /// Writes and sends what is decided, then removes exactly that; the lease goes with it when nothing else is due.
    async fn send_unsent(&mut self) -> Result<(), F::Error> {
        let (events, objects, records) = {
            let state = &self.snapshot.state;
            let (events, objects) = (state.unsent.clone(), state.unwritten.clone());
            (events, objects, state.unrecorded.clone())
        };
        if events.is_empty() && objects.is_empty() && records.is_empty() {
            return Ok(());
        }
        let function = self.invocation.function;
        self.write_unwritten(&objects, &records).await?;
        Box::pin(function.bus().send(&events)).await?; // large
        let worker = self.invocation.worker();
        self.store
            .change(&mut self.snapshot, |state| {
                state.sent(&events, &objects, &records);
                if state.due(worker).is_none() && state.unsent.is_empty() {
                    state.free(worker.owner);
                }
            })
            .await?;
        Ok(())
    }

    /// Writes what is not known to stand of what the state is to have beside it.
    async fn write_unwritten(
        &mut self,
        objects: &[BucketObject],
        records: &[HistoryRecord],
    ) -> Result<(), F::Error> {
        let bucket = self.invocation.function.objects();
        let stand = std::mem::take(&mut self.recorded);
        let records = records.iter().filter(|record| !stand.contains(record));
        let records: Vec<HistoryRecord> = records.cloned().collect();
        let stand = std::mem::take(&mut self.is_written);
        let objects: &[BucketObject] = if stand { &[] } else { objects };
        let (index, app) = (self.index.take(), &self.message.id.app);
        let listed = history::write(bucket, app, &records, index);
        let (written, listed) = join(write_all(bucket, objects), listed).await;
        written?;
        self.index = listed?;
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
        let event = self.snapshot.state.asks_to_continue(&self.message.id, kind);
        Ok(self.invocation.function.bus().send(&[event]).await?)
    }
}

/// Writes all at once. They are for people, or spare work later: one that can never be written does not hold up the state.
async fn write_all(objects: &impl StateObjects, written: &[BucketObject]) -> Result<(), CallError> {
    let writes = written.iter().map(async |object| {
        let bytes = object.text.clone().into_bytes();
        match objects.write(&object.key, bytes).await {
            Err(err) if err.class() == ErrorClass::Permanent => {
                tracing::error!(error.kind = err.code(), "{}", Chain(&err));
                Ok(())
            }
            written => written,
        }
    });
    try_join_all(writes).await.map(drop)
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
        let desired = self.state.desired.as_ref();
        // Whoever invoked the function follows the request by this id, and may have no other.
        let request_id = desired.map(|desired| &desired.order.request_id);
        if let Some(Status::Waiting { reason, .. }) = desired.map(|desired| &desired.status) {
            return Some(json!({
                "status": AnswerStatus::Waiting,
                "app": id.app.as_str(),
                "requestId": request_id,
                "message": reason,
            }));
        }
        (self.turn == Turn::Held).then(|| {
            json!({
                "status": AnswerStatus::Queued,
                "requestId": request_id,
                "message": "another invocation is at work on this App and takes this request next",
            })
        })
    }
}

#[cfg(test)]
mod tests;
