//! A look at what ECS runs of an App, and what follows: whether its Release is live, rolled back or stuck.
//!
//! Whatever asks for a look is only a hint. An App that somebody is at work on is left alone; the schedule looks again.

use std::collections::{BTreeMap, BTreeSet};

use aws::call_error::{CallError, ErrorClass};
use aws::ecs::Rollout;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::try_join_all;
use futures_util::{StreamExt as _, stream};
use lambda::answer::AnswerStatus;
use lambda::intake::Failure as _;
use lambda::state_store::{Snapshot, StateStore};
use lambda::verdict;
use lambda::work::Outbox;
use manifest::Deployment;
use names::error_chain::Chain;
use names::{AppId, AppName, keys};
use promotion::Promotion;
use promotion::events::Event;
use promotion::stop_reason::Told;
use promotion::verdict::{Fate, SeenService, Settled};
use serde_json::{Value, json};

use crate::edge::Edge;
use crate::error::PromoteError;
use crate::handler::Invocation;
use crate::shell::Shell;

/// Looks after which others win: the next one is theirs, or the schedule's.
const TRIES: usize = 3;
/// Marks that are taken away at once.
const CALLS_AT_ONCE: usize = 8;
/// Apps that are looked at at once.
const LOOKS_AT_ONCE: usize = 8;

/// How long a Release may be neither live nor rolled back: as long as a Rack waits, and as long as ECS itself does before it calls a
/// deployment complete.
fn patience(edge: &impl Edge, state: &Promotion) -> TimeDelta {
    let applied = state.applied.iter();
    let services = applied.flat_map(|applied| applied.services.values());
    let deployments = services.filter_map(|known| known.deployment.as_ref());
    let minutes = deployments.map(Deployment::minutes);
    let waits = minutes.max().unwrap_or_default();
    TimeDelta::minutes(i64::from(edge.config().stuck_minutes) + i64::from(waits))
}

/// What ECS is asked about.
struct Question {
    /// The record of the request that is watched.
    watched: String,
    /// Since when.
    since: DateTime<Utc>,
    /// Whether the Rack waits no longer.
    is_over: bool,
    /// The Services that are open.
    services: Vec<Awaited>,
}

/// A Service that is not known to be live.
struct Awaited {
    /// The ECS service.
    name: String,
    /// The revision that it is to run.
    target: String,
    /// The newest revision that ECS may go back to.
    before: Option<String>,
}

impl Question {
    fn of(state: &Promotion, edge: &impl Edge, now: DateTime<Utc>) -> Option<Self> {
        let open = state.to_look_at(now);
        let watch = state.applied.as_ref()?.watch.as_ref()?;
        let services = open.iter().map(|(name, known)| {
            let watched = watch.services.get(*name);
            Awaited {
                name: known.runs_as.clone(),
                target: known.arn.clone(),
                before: watched.and_then(|watched| watched.before.clone()),
            }
        });
        let services: Vec<Awaited> = services.collect();
        (!services.is_empty()).then(|| Self {
            watched: watch.record.clone(),
            since: watch.since,
            is_over: watch.is_over(now, patience(edge, state)),
            services,
        })
    }
}

impl Invocation<'_> {
    /// Looks at what ECS runs of an App.
    ///
    /// # Errors
    ///
    /// [`PromoteError`] when a call fails.
    pub async fn look_at(self, id: &AppId) -> Result<Value, PromoteError> {
        let told = look(self.shell, &self.shell.bus, id).await?;
        Ok(json!({
            "status": AnswerStatus::Looked,
            "app": id.app.as_str(),
            "verdicts": told,
        }))
    }

    /// Looks at the Apps with a Release whose verdict is not known, as far as one listing has them. One that cannot be looked at
    /// holds up no other.
    ///
    /// # Errors
    ///
    /// [`PromoteError`] when the listing fails.
    pub async fn look_at_all(self) -> Result<Value, PromoteError> {
        look_at_all(self.shell).await
    }
}

/// Looks at an App, and tells what is known then: the verdicts that were told.
async fn look(edge: &impl Edge, bus: &impl Outbox, id: &AppId) -> Result<Vec<Fate>, PromoteError> {
    let store = StateStore::promotion(edge.objects(), &id.app);
    let mut state = store.read().await?;
    for _ in 0..TRIES {
        let now = edge.now();
        let Some(question) = Question::of(&state.state, edge, now) else {
            break;
        };
        let seen = ask(edge, id, &question).await?;
        let patience = patience(edge, &state.state);
        let mut tries = 0;
        // What ECS said is about the state as it was read: where that has changed, it is asked again.
        let settle = |state: &mut Promotion| {
            tries += 1;
            if tries == 1 {
                state.settle(&question.watched, &seen, (now, patience));
            }
            tries == 1
        };
        if store.change(&mut state, settle).await? {
            break;
        }
    }
    tell(edge, bus, id, &mut state).await
}

async fn ask(
    edge: &impl Edge,
    id: &AppId,
    question: &Question,
) -> Result<BTreeMap<String, SeenService>, PromoteError> {
    let names = question.services.iter().map(|awaited| awaited.name.clone());
    let rollouts = edge.rollouts(&names.collect::<Vec<_>>()).await?;
    let services = question.services.iter();
    let found = services.filter_map(|awaited| Some((awaited, rollouts.get(&awaited.name)?)));
    let seen = found.map(async |(awaited, rollout)| {
        let (name, target) = (&awaited.name, &awaited.target);
        let seen = SeenService {
            revision: rollout.revision.clone(),
            is_complete: rollout.is_complete,
            began_at: rollout.began_at,
            network: rollout.network.clone(),
            why: None,
        };
        let went_back = seen.went_back(target, awaited.before.as_deref(), question.since);
        let why = if went_back || (question.is_over && !seen.is_live(target)) {
            let place = (name.as_str(), target.as_str(), rollout);
            Some(why(edge, id, place, question.since).await?)
        } else {
            None
        };
        Ok::<_, CallError>((name.clone(), SeenService { why, ..seen }))
    });
    Ok(try_join_all(seen).await?.into_iter().collect())
}

/// Why a Service is not live. What may not be looked up is unknown, which holds up no verdict.
async fn why(
    edge: &impl Edge,
    id: &AppId,
    (name, target, rollout): (&str, &str, &Rollout),
    since: DateTime<Utc>,
) -> Result<Told, CallError> {
    if !rollout.alarms.is_empty() {
        return Ok(Told::alarms(&rollout.alarms));
    }
    let cause = match edge.stop_cause(name, target).await {
        Ok(cause) => cause.or_else(|| rollout.cause_since(since)),
        Err(err) if err.class() == ErrorClass::Permanent => {
            tracing::warn!(error.kind = err.code(), "{}", Chain(&err));
            rollout.cause_since(since)
        }
        Err(err) => return Err(err),
    };
    let secret = id.secret();
    Ok(cause.map_or_else(Told::unknown, |cause| cause.told(&secret)))
}

/// Writes down and tells what is decided, then removes exactly that.
async fn tell(
    edge: &impl Edge,
    bus: &impl Outbox,
    id: &AppId,
    state: &mut Snapshot<Promotion>,
) -> Result<Vec<Fate>, PromoteError> {
    let settled = state.state.settled.clone();
    if settled.is_empty() || state.state.is_held(edge.now()) {
        return Ok(Vec::new());
    }
    verdict::write(edge.objects(), &id.app, &settled).await?;
    let events: Vec<Event> = settled.iter().filter_map(|it| it.event(id)).collect();
    bus.send(&events).await?;
    let log = |settled: &Settled| {
        let said = settled.verdict.message.as_deref().unwrap_or_default();
        let release = &settled.release;
        match settled.verdict.status {
            Fate::Live | Fate::Replaced => {
                tracing::info!(
                    app.name = %id.app, release.id = %release,
                    "the verdict of Release {release} is known"
                );
            }
            Fate::RolledBack | Fate::Stuck => {
                tracing::warn!(
                    app.name = %id.app, release.id = %release,
                    "Release {release} is not live: {said}"
                );
            }
        }
    };
    settled.iter().for_each(log);
    let store = StateStore::promotion(edge.objects(), &id.app);
    store.change(state, |state| state.told(&settled)).await?;
    let marks = settled
        .iter()
        .map(|settled| keys::unsettled(&id.app, &settled.record));
    remove(edge, marks.collect()).await;
    Ok(settled.iter().map(|it| it.verdict.status).collect())
}

/// Takes marks away. One that stays brings one more look, which finds nothing.
async fn remove(edge: &impl Edge, marks: Vec<String>) {
    let removed = stream::iter(&marks).map(|mark| edge.remove_mark(mark));
    let removed: Vec<_> = removed.buffer_unordered(CALLS_AT_ONCE).collect().await;
    for result in removed {
        if let Err(err) = result {
            tracing::warn!(error.kind = err.code(), "{}", Chain(&err));
        }
    }
}

async fn look_at_all(shell: &Shell) -> Result<Value, PromoteError> {
    let marks = shell.bucket.keys(keys::UNSETTLED).await?;
    let mut apps: BTreeMap<AppName, Vec<String>> = BTreeMap::new();
    for mark in marks {
        if let Some(app) = keys::parse_unsettled(&mark) {
            apps.entry(app).or_default().push(mark);
        }
    }
    let looks = stream::iter(apps).map(async |(app, marks)| {
        let rack = shell.config.release.rack.clone();
        let id = AppId { rack, app };
        let told = look_and_sweep(shell, &shell.bus, &id, marks).await;
        (id, told)
    });
    let looks: Vec<_> = looks.buffer_unordered(LOOKS_AT_ONCE).collect().await;
    let (mut told, mut unread, count) = (0, 0, looks.len());
    for (id, look) in looks {
        match look {
            Ok(verdicts) => told += verdicts.len(),
            Err(err) => {
                unread += 1;
                let (kind, reason) = (err.error_type(), Chain(&err));
                tracing::error!(
                    app.name = %id.app, error.kind = %kind,
                    "the App is not looked at: {reason}"
                );
            }
        }
    }
    Ok(json!({
        "status": AnswerStatus::Looked,
        "apps": count,
        "told": told,
        "unread": unread,
    }))
}

/// Looks at an App, then takes away those of these marks whose verdict is known: a function that died may have left some.
///
/// # Errors
///
/// [`PromoteError`] when a call fails.
pub async fn look_and_sweep(
    edge: &impl Edge,
    bus: &impl Outbox,
    id: &AppId,
    marks: Vec<String>,
) -> Result<Vec<Fate>, PromoteError> {
    let told = look(edge, bus, id).await?;
    let state = StateStore::promotion(edge.objects(), &id.app)
        .read()
        .await?;
    let state = &state.state;
    if !state.is_quiet(edge.now()) {
        return Ok(told);
    }
    let watch = state.applied.as_ref().and_then(|it| it.watch.as_ref());
    let open = watch.filter(|watch| watch.told.is_none());
    let open = open.map(|watch| &watch.record).into_iter();
    let open = open.chain(state.settled.iter().map(|settled| &settled.record));
    let open: BTreeSet<String> = open.map(|it| keys::unsettled(&id.app, it)).collect();
    let marks = marks.into_iter().filter(|mark| !open.contains(mark));
    remove(edge, marks.collect()).await;
    Ok(told)
}
