//! The schedule's look at all Apps: work that nobody does is asked for again, a failure-count that is behind is woken, and a
//! write whose event was lost is found.
//!
//! A Rack can have more Apps than one invocation can look at, so a walk through them has slices: see
//! [`promotion::schedule_walk`]. An App that cannot be looked at holds up no other.

use aws::call_error::ErrorClass;
use aws::metrics;
use aws::settings_bucket::SettingsBucket;
use chrono::TimeDelta;
use futures_util::{StreamExt as _, stream};
use lambda::answer::AnswerStatus;
use lambda::intake::Failure as _;
use lambda::state_store::{Snapshot, StateStore};
use names::error_chain::Chain;
use names::{AppId, AppName, keys};
use promotion::events::Event;
use promotion::history::Asker;
use promotion::schedule_walk::{Slice, Walk};
use promotion::{Admission, Promotion, Request};
use serde_json::{Value, json};

use crate::error::PromoteError;
use crate::handler::Invocation;
use crate::request::{Next, Written};

/// Apps that are looked at at once.
const LOOKS_AT_ONCE: usize = 16;
/// Apps whose states are in memory at once.
const STEP: usize = 64;
/// Less time than this is too little to promote a Release that was found, so a slice ends.
const LEAST_SECONDS: i64 = 60;
/// Apps that cannot be looked at and are named in one slice's log; beyond, they are counted.
const NAMED_MAX: usize = 20;

/// What one App needs.
struct AppNeeds {
    id: AppId,
    state: Promotion,
    /// Whether failure-count has not counted all rows, or not told all that it decided.
    is_behind: bool,
}

/// What a slice came to.
#[derive(Default)]
struct SliceOutcome {
    apps: usize,
    unread: usize,
    continued: Vec<String>,
    woken: Vec<String>,
    found: Vec<String>,
}

impl Invocation<'_> {
    /// Looks at the Apps of the bucket, as far as the time lasts: behind `after`, or from the first on.
    ///
    /// # Errors
    ///
    /// [`PromoteError`] when a call fails that is not about one App; the next delivery or tick goes on.
    pub async fn reconcile(self, after: Option<String>) -> Result<Value, PromoteError> {
        let store = StateStore::walk(&self.shell.bucket);
        let mut walk = store.read_anew().await?;
        let now = (self.shell.clock)();
        let slice = match &after {
            None => walk.state.tick(now),
            Some(after) => walk.state.go_on(after),
        };
        let Some(slice) = slice else {
            let message = "a walk through all Apps is under way; this message changes nothing";
            tracing::info!("{message}");
            return Ok(AnswerStatus::Idle.answer(message));
        };
        let mut seen = SliceOutcome::default();
        let reached = self.walk(&slice, &mut seen).await?;
        let goes_on = self
            .hand_on(&store, &mut walk, &slice, reached.as_deref())
            .await?;
        seen.tell(self);
        let SliceOutcome {
            apps,
            unread,
            continued,
            woken,
            found,
        } = seen;
        Ok(json!({
            "status": AnswerStatus::Reconciled,
            "apps": apps,
            "unread": unread,
            "continued": continued,
            "woken": woken,
            "found": found,
            "goesOnBehind": reached.filter(|_| goes_on),
        }))
    }

    /// Writes down how far the walk came, then asks to go on; whether it is this slice that goes on.
    async fn hand_on(
        self,
        store: &StateStore<'_, Walk, SettingsBucket>,
        walk: &mut Snapshot<Walk>,
        slice: &Slice,
        reached: Option<&str>,
    ) -> Result<bool, PromoteError> {
        let now = (self.shell.clock)();
        let is_own = store
            .change(walk, |walk| walk.reached(slice, reached, now))
            .await?;
        let Some(reached) = reached.filter(|_| is_own) else {
            return Ok(false);
        };
        let rack = &self.shell.config.release.rack;
        let request_id = format!("reconcile-{}", slice.ticks.last());
        let event = Event::reconcile_behind(rack, &request_id, reached);
        self.shell.bus.send(&[event]).await?;
        Ok(true)
    }

    /// One slice; the App behind which to go on, `None` at the end of all.
    async fn walk(
        self,
        slice: &Slice,
        seen: &mut SliceOutcome,
    ) -> Result<Option<String>, PromoteError> {
        let most = self.shell.config.slice_apps.max(1);
        let mut after = slice.after.clone();
        loop {
            let names = self.shell.bucket.folders("apps/", after.as_deref()).await?;
            if names.is_empty() {
                return Ok(None);
            }
            for names in names.chunks(STEP.min(most)) {
                self.step(slice, names, seen).await?;
                after = names.last().cloned().or(after);
                if seen.apps >= most || !self.has_time() {
                    return Ok(after);
                }
            }
        }
    }

    fn has_time(self) -> bool {
        (self.shell.clock)() + TimeDelta::seconds(LEAST_SECONDS) <= self.way.ends_at
    }

    /// A few Apps: looks at each, then does what they need. Only where the bucket answers for none of them there is no point in
    /// going on.
    async fn step(
        self,
        slice: &Slice,
        names: &[String],
        seen: &mut SliceOutcome,
    ) -> Result<(), PromoteError> {
        let ids = names.iter().filter_map(|name| self.app(name));
        let looks: Vec<(AppId, Result<AppNeeds, PromoteError>)> = stream::iter(ids)
            .map(async |id| (id.clone(), self.look(id).await))
            .buffered(LOOKS_AT_ONCE)
            .collect()
            .await;
        seen.apps += names.len();
        let mut readable = Vec::new();
        let mut failed = None;
        for (id, look) in looks {
            match look {
                Ok(look) => readable.push(look),
                Err(err) => {
                    seen.cannot(&id, &err);
                    failed = Some(err);
                }
            }
        }
        if let Some(err) = failed.filter(|err| err.class() == ErrorClass::Transient)
            && readable.is_empty()
        {
            return Err(err);
        }
        self.ask_to_continue(&readable, seen).await?;
        self.wake(&readable, seen).await?;
        for look in readable.iter().filter(|it| slice.ticks.include(&it.id.app)) {
            match Box::pin(self.find_lost(look)).await {
                Ok(true) => seen.found.push(look.id.app.to_string()),
                Ok(false) => {}
                Err(err) => seen.cannot(&look.id, &err),
            }
        }
        Ok(())
    }

    /// The App of a folder, unless no App can be called that.
    fn app(self, name: &str) -> Option<AppId> {
        let rack = self.shell.config.release.rack.clone();
        let app = AppName::new(name).ok()?;
        Some(AppId { rack, app })
    }

    async fn look(self, id: AppId) -> Result<AppNeeds, PromoteError> {
        let store = StateStore::promotion(&self.shell.bucket, &id.app);
        let state = store.read().await?.state;
        let is_behind = self.is_behind(&id, &state).await?;
        Ok(AppNeeds {
            id,
            state,
            is_behind,
        })
    }

    async fn is_behind(self, id: &AppId, state: &Promotion) -> Result<bool, PromoteError> {
        if state.outcomes.rows().is_empty() {
            return Ok(false);
        }
        let store = StateStore::failures(&self.shell.bucket, &id.app);
        Ok(store.read().await?.state.is_behind(&state.outcomes))
    }

    /// Tells the newest outcome again where failure-count has not heard of it, or not come to an end.
    async fn wake(self, looks: &[AppNeeds], seen: &mut SliceOutcome) -> Result<(), PromoteError> {
        let behind = looks.iter().filter(|look| look.is_behind);
        let events = behind.filter_map(|look| Some((look, look.state.newest_outcome(&look.id)?)));
        let (woken, events): (Vec<String>, Vec<Event>) = events
            .map(|(look, event)| (look.id.app.to_string(), event))
            .unzip();
        self.shell.bus.send(&events).await?;
        seen.woken.extend(woken);
        Ok(())
    }

    async fn ask_to_continue(
        self,
        looks: &[AppNeeds],
        seen: &mut SliceOutcome,
    ) -> Result<(), PromoteError> {
        let now = (self.shell.clock)();
        let left = looks
            .iter()
            .filter_map(|look| Some((look, look.state.left_alone(now)?)));
        let (continued, events): (Vec<String>, Vec<Event>) = left
            .map(|(look, kind)| {
                let event = look.state.asks_to_continue(&look.id, kind);
                (look.id.app.to_string(), event)
            })
            .unzip();
        self.shell.bus.send(&events).await?;
        seen.continued.extend(continued);
        Ok(())
    }

    /// Promotes what was written and never heard of; whether there was something. What was heard of has somebody who does it.
    async fn find_lost(self, look: &AppNeeds) -> Result<bool, PromoteError> {
        let Some(key) = self.newest(look).await? else {
            return Ok(false);
        };
        let written = Written {
            key: key.clone(),
            version_id: None,
            sequencer: String::new(),
            event_id: None,
            asked_by: Asker::FOUND,
        };
        let Next::Take(message, state) = self.written(written).await? else {
            return Ok(false);
        };
        let desired = look.state.desired.as_ref();
        let of_request = |request: &Request| {
            desired.is_some_and(|desired| desired.order.request_id == request.order.request_id)
        };
        if message.request.as_ref().is_some_and(of_request) {
            return Ok(false);
        }
        let taken = Box::pin(self.take(&message, state)).await?;
        let is_found = taken.admission == Some(Admission::Newest);
        if is_found {
            tracing::warn!(
                app.name = %look.id.app,
                "the event about `{key}` was lost; it is promoted now"
            );
        }
        self.settle(&message, taken).await?;
        Ok(is_found)
    }

    /// The App's newest environment, unless something newer was asked for. Of the same second it may be what was asked for,
    /// or not: its request then settles that. Other keys that end like one are none.
    async fn newest(self, look: &AppNeeds) -> Result<Option<String>, PromoteError> {
        let prefix = format!("apps/{}/releases/", look.id.app);
        let is_environment = |key: &str| matches!(keys::parse_environment(key), Some(Ok(_)));
        let newest = self.shell.bucket.newest(&prefix, is_environment).await?;
        let desired = look.state.desired.as_ref();
        let desired = desired.map(|desired| desired.order.requested_at);
        Ok(newest
            .filter(|(at, _)| desired.is_none_or(|desired| *at >= desired))
            .map(|(_, key)| key))
    }
}

impl SliceOutcome {
    /// An App that cannot be looked at: somebody else's hand, a key that is gone, or a call that failed. The next walk looks
    /// again.
    fn cannot(&mut self, id: &AppId, err: &PromoteError) {
        self.unread += 1;
        if self.unread <= NAMED_MAX {
            let (kind, reason) = (err.error_type(), Chain(err));
            tracing::error!(
                app.name = %id.app,
                error.kind = %kind,
                "the App is not looked at: {reason}"
            );
        }
    }

    /// What people and alarms should know.
    fn tell(&self, invocation: Invocation<'_>) {
        if self.unread == 0 {
            return;
        }
        let unread = self.unread;
        tracing::error!("{unread} Apps could not be looked at; the first are named before");
        let rack = invocation.shell.config.release.rack.as_str();
        let members = json!({"Rack": rack, "UnreadApps": unread});
        let set: metrics::Set<'_> = (&["Rack"], &["UnreadApps"]);
        let now = (invocation.shell.clock)();
        println!("{}", metrics::embedded(&[set], members, now));
    }
}
