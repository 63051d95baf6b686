//! The schedule's look at all Apps: work that nobody does is asked for again, a failure-count that is behind is woken, and a
//! write whose event was lost is found.

use chrono::{TimeDelta, Timelike as _};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shared::error_chain::Chain;
use shared::events::Event;
use shared::names::{AppId, AppName};
use shared::promotion::{Admission, Promotion};
use shared::state_store::{Snapshot, StateStore, StoreError};

use crate::error::PromoteError;
use crate::handler::Invocation;
use crate::request::Next;

/// Apps that are looked at at once.
const LOOKS_AT_ONCE: usize = 8;
/// The schedule's ticks in a day: every 15 minutes. Each App's environments are searched at one of them.
const TICKS: u32 = 96;
/// Less time than this is too little to promote a Release that was found.
const LEAST_SECONDS: i64 = 60;

/// What one App needs.
struct Look {
    id: AppId,
    state: Promotion,
    /// Whether failure-count has not counted all rows, or not told all that it decided.
    is_behind: bool,
}

impl Invocation<'_> {
    /// Looks at every App of the bucket.
    ///
    /// # Errors
    ///
    /// [`PromoteError`] when a call fails; the next tick looks again.
    pub async fn reconcile(self) -> Result<Value, PromoteError> {
        let apps = self.shell.bucket.folders("apps/").await?;
        let rack = &self.shell.config.rack;
        let ids = apps.iter().filter_map(|app| {
            Some(AppId {
                rack: rack.clone(),
                app: AppName::new(app).ok()?,
            })
        });
        let looks: Vec<Look> = stream::iter(ids)
            .map(async |id| self.look(id).await)
            .buffer_unordered(LOOKS_AT_ONCE)
            .try_filter_map(async |look| Ok(look))
            .try_collect()
            .await?;
        let continued = self.ask_to_continue(&looks).await?;
        let woken = self.wake(&looks).await?;
        let found = self.find_lost(&looks).await?;
        Ok(json!({
            "status": "reconciled", "apps": looks.len(), "continued": continued, "woken": woken, "found": found,
        }))
    }

    /// Reads one App's state; none where it cannot be read, which must not hold up the other Apps.
    async fn look(self, id: AppId) -> Result<Option<Look>, PromoteError> {
        let store = StateStore::promotion(&self.shell.bucket, &id.app);
        let Some(snapshot) = readable(&id, store.read().await)? else {
            return Ok(None);
        };
        let state = snapshot.state;
        let is_behind = self.is_behind(&id, &state).await?;
        Ok(Some(Look {
            id,
            state,
            is_behind,
        }))
    }

    /// An unreadable counter is not woken: failure-count could do nothing but fail.
    async fn is_behind(self, id: &AppId, state: &Promotion) -> Result<bool, PromoteError> {
        if state.outcomes.rows().is_empty() {
            return Ok(false);
        }
        let store = StateStore::failures(&self.shell.bucket, &id.app);
        let failures = readable(id, store.read().await)?;
        Ok(failures.is_some_and(|failures| failures.state.is_behind(&state.outcomes)))
    }

    /// Tells the newest outcome again where failure-count has not heard of it, or not come to an end.
    async fn wake(self, looks: &[Look]) -> Result<Vec<String>, PromoteError> {
        let behind = looks.iter().filter(|look| look.is_behind);
        let events = behind.filter_map(|look| Some((look, look.state.newest_outcome(&look.id)?)));
        let (woken, events): (Vec<String>, Vec<Event>) = events
            .map(|(look, event)| (look.id.app.to_string(), event))
            .unzip();
        self.shell.bus.send(&events).await?;
        Ok(woken)
    }

    async fn ask_to_continue(&self, looks: &[Look]) -> Result<Vec<String>, PromoteError> {
        let now = (self.shell.clock)();
        let left_alone: Vec<(&Look, _)> = looks
            .iter()
            .filter_map(|look| Some((look, look.state.left_alone(now)?)))
            .collect();
        let events: Vec<Event> = left_alone
            .iter()
            .map(|(look, kind)| look.state.asks_to_continue(&look.id, *kind))
            .collect();
        self.shell.bus.send(&events).await?;
        Ok(left_alone
            .iter()
            .map(|(look, _)| look.id.app.to_string())
            .collect())
    }

    /// Promotes what was written and never heard of, in the Apps whose tick this is.
    async fn find_lost(self, looks: &[Look]) -> Result<Vec<String>, PromoteError> {
        let tick = tick((self.shell.clock)());
        let mut found = Vec::new();
        for look in looks.iter().filter(|look| tick_of(&look.id.app) == tick) {
            if (self.shell.clock)() + TimeDelta::seconds(LEAST_SECONDS) > self.way.ends_at {
                tracing::warn!(
                    "no time left to search all Apps for lost writes; the rest is searched tomorrow"
                );
                break;
            }
            let Some(key) = self.newest(look).await? else {
                continue;
            };
            let next = self.written(key.clone(), None, String::new()).await?;
            if let Next::Take(message, state) = next {
                let taken = Box::pin(self.take(&message, state)).await?;
                if taken.admission == Some(Admission::Newest) {
                    tracing::warn!(app.name = %look.id.app, "the event about `{key}` was lost; it is promoted now");
                    found.push(look.id.app.to_string());
                }
                self.settle(&message, taken).await?;
            }
        }
        Ok(found)
    }

    /// The App's newest environment, unless something newer was asked for. Of the same second it may be what was asked for,
    /// or not: its request then settles that.
    async fn newest(&self, look: &Look) -> Result<Option<String>, PromoteError> {
        let prefix = format!("apps/{}/releases/", look.id.app);
        let newest = self.shell.bucket.newest(&prefix, "/env").await?;
        let desired = look
            .state
            .desired
            .as_ref()
            .map(|desired| desired.order.requested_at);
        Ok(newest
            .filter(|(at, _)| desired.is_none_or(|desired| *at >= desired))
            .map(|(_, key)| key))
    }
}

/// A state object, or none where somebody else's hand made it unreadable; the log then says so at each tick.
fn readable<S>(
    id: &AppId,
    read: Result<Snapshot<S>, StoreError>,
) -> Result<Option<Snapshot<S>>, PromoteError> {
    match read {
        Ok(snapshot) => Ok(Some(snapshot)),
        Err(err @ StoreError::Unreadable { .. }) => {
            let (kind, reason) = (err.error_type(), Chain(&err));
            tracing::error!(app.name = %id.app, error.kind = kind, "the App is not looked at: {reason}");
            Ok(None)
        }
        Err(err) => Err(err.into()),
    }
}

fn tick(now: chrono::DateTime<chrono::Utc>) -> u32 {
    (now.num_seconds_from_midnight() / (86_400 / TICKS)) % TICKS
}

/// Spreads the Apps over the day.
fn tick_of(app: &AppName) -> u32 {
    let digest = Sha256::digest(app.as_str());
    u32::from(digest.first().copied().unwrap_or_default()) * TICKS / 256
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn every_app_has_one_of_the_ticks_of_a_day() {
        let ticks: std::collections::BTreeSet<u32> = (0..1_000)
            .map(|n| tick_of(&AppName::new(&format!("app-{n}")).unwrap()))
            .collect();
        assert_eq!((ticks.first(), ticks.last()), (Some(&0), Some(&95)));
        let at = |seconds| tick(DateTime::from_timestamp(seconds, 0).unwrap());
        assert_eq!((at(0), at(899), at(900), at(86_399)), (0, 0, 1, 95));
    }
}
