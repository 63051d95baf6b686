//! What became of a Release once everything was asked of ECS: each of its Services is live, rolled back or stuck, and so is the
//! Release. Pure: what ECS runs decides, whatever told that it may have changed, so a message that is late, comes twice or never
//! changes nothing but the time.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use names::bounds;
use names::{AppId, ReleaseId};
use release::timer_rule::Network;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::events::{Event, EventType};
use crate::stop_reason::Told;
use crate::{Applied, Definition, OriginalDefinition, Promotion, Status};

/// Verdicts that are to be written down and told. Nobody at work for long is no reason for a state without end.
const UNTOLD_MAX: usize = 20;

/// The Services of the applied Release that are not known to be live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Watch {
    /// When ECS began to be told of it.
    pub since: DateTime<Utc>,
    /// The key of the request's record in the history.
    pub record: String,
    /// By Service.
    pub services: BTreeMap<String, Watched>,
    /// What was told of the Release; `None` until all is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Fate>,
}

/// A Service that is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Watched {
    /// What is known of it.
    pub fate: Option<Fate>,
    /// The newest of the revisions that it may go back to: where a Release is gone back to, they are newer than its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Why it is not live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Told>,
}

/// What became of a Service, or of a Release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fate {
    /// All of its tasks run, healthy as far as ECS knows.
    Live,
    /// ECS went back to an earlier revision.
    RolledBack,
    /// Neither, for as long as a Rack waits.
    Stuck,
    /// A newer request came before any of these was known; of a Release only.
    Replaced,
}

/// What ECS runs as a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenService {
    /// The revision that it runs or moves to.
    pub revision: String,
    /// Whether it has all of its tasks, by that revision.
    pub is_complete: bool,
    /// When ECS began with that, where it says so: what is older than the request is what ECS said before it knew.
    pub began_at: Option<DateTime<Utc>>,
    /// Its network, where it has one.
    pub network: Option<Network>,
    /// Why its tasks stop, where that was looked up.
    pub why: Option<Told>,
}

/// What a promote did with a Service.
#[derive(Debug, Clone)]
pub struct Moved<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether ECS was told anything else than before.
    pub changed: bool,
    /// Whether it is to have tasks at all.
    pub has_tasks: bool,
    /// The revision that it ran before.
    pub before: Option<&'a str>,
}

/// A verdict that is to be written down and told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settled {
    /// The key of the request's record in the history.
    pub record: String,
    /// The Release.
    pub release: ReleaseId,
    /// The request.
    pub request_id: String,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a Release, as its record, its report and its event say it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// In one word.
    pub status: Fate,
    /// When that was known.
    pub at: DateTime<Utc>,
    /// A stable name of the reason, of the first Service that is not live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Why, in a sentence for each Service that is not live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// By Service, of those that had to be waited for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<String, Fate>,
}

impl Verdict {
    /// Of a Release that changed nothing that has to be waited for.
    #[must_use]
    pub fn live(at: DateTime<Utc>) -> Self {
        Self {
            status: Fate::Live,
            at,
            cause: None,
            message: None,
            services: BTreeMap::new(),
        }
    }

    fn replaced(at: DateTime<Utc>, by: &str) -> Self {
        let message = format!("the newer request {by} came before it was known");
        Self {
            status: Fate::Replaced,
            message: Some(message),
            ..Self::live(at)
        }
    }
}

impl Settled {
    /// The event that tells it; nobody is told of a Release that was replaced.
    #[must_use]
    pub fn event(&self, id: &AppId) -> Option<Event> {
        event(id, (&self.release, &self.request_id), &self.verdict)
    }
}

/// The event that tells the verdict of a request's Release.
#[must_use]
pub fn event(
    id: &AppId,
    (release, request_id): (&ReleaseId, &str),
    verdict: &Verdict,
) -> Option<Event> {
    let kind = match verdict.status {
        Fate::Live => EventType::ReleaseLive,
        Fate::RolledBack => EventType::ReleaseRolledBack,
        Fate::Stuck => EventType::ReleaseStuck,
        Fate::Replaced => return None,
    };
    let services = Some(&verdict.services).filter(|services| !services.is_empty());
    let fields: [(&str, Value); 4] = [
        ("release", release.as_str().into()),
        ("cause", json!(verdict.cause)),
        ("message", json!(verdict.message)),
        ("services", json!(services)),
    ];
    Some(Event::new(kind, id, request_id, fields))
}

impl Watch {
    /// What has to be waited for of a Release that was just applied; `None` where that is nothing. What it keeps is live, unless
    /// it was waited for before.
    #[must_use]
    pub fn of<'a>(
        moves: impl Iterator<Item = Moved<'a>>,
        before: Option<&Applied>,
        record: String,
        since: DateTime<Utc>,
    ) -> Option<Self> {
        let watched_before = before.and_then(|before| before.watch.as_ref());
        let watched = moves.filter(|moved| moved.has_tasks).filter_map(|moved| {
            let older = watched_before.and_then(|watch| watch.services.get(moved.name));
            let open = older.filter(|older| older.is_open());
            if !moved.changed && open.is_none() {
                return None;
            }
            // What did not come to life before is not what ECS goes back to.
            let of_older = open.and_then(|older| older.before.as_deref());
            let before = match (moved.before, of_older) {
                (Some(before), Some(of_older)) if is_older(before, of_older) => Some(of_older),
                (before, of_older) => before.or(of_older),
            };
            let watched = Watched {
                fate: None,
                before: before.map(str::to_owned),
                why: None,
            };
            Some((moved.name.to_owned(), watched))
        });
        let services: BTreeMap<String, Watched> = watched.collect();
        (!services.is_empty()).then_some(Self {
            since,
            record,
            services,
            told: None,
        })
    }

    /// Whether its request is old enough for a Rack that waits so long.
    #[must_use]
    pub fn is_over(&self, now: DateTime<Utc>, patience: TimeDelta) -> bool {
        now - self.since >= patience
    }

    /// The verdict, once every Service has its own.
    fn verdict(&self, at: DateTime<Utc>) -> Option<Verdict> {
        let fates = self.services.iter();
        let fates = fates.map(|(name, watched)| Some((name.clone(), watched.fate?)));
        let services: BTreeMap<String, Fate> = fates.collect::<Option<_>>()?;
        let has = |fate| services.values().any(|other| *other == fate);
        let status = match (has(Fate::RolledBack), has(Fate::Stuck)) {
            (true, _) => Fate::RolledBack,
            (false, true) => Fate::Stuck,
            (false, false) => Fate::Live,
        };
        let not_live = self.services.iter().filter_map(|(name, watched)| {
            let why = watched.why.as_ref()?;
            Some((name, watched.fate?, why))
        });
        let not_live: Vec<(&String, Fate, &Told)> = not_live.collect();
        let said = not_live.iter().map(|(name, fate, why)| {
            let what = match fate {
                Fate::RolledBack => "ECS rolled it back",
                _ => "it is not live",
            };
            format!("Service `{name}`: {what}; {}", why.message)
        });
        let said: Vec<String> = said.collect();
        Some(Verdict {
            status,
            at,
            cause: not_live.first().map(|(_, _, why)| why.cause.clone()),
            message: (!said.is_empty()).then(|| bounds::message(said.join(". "))),
            services,
        })
    }
}

impl Watched {
    /// Whether ECS may still change what is known of it: one that is stuck can come to life, or be rolled back.
    fn is_open(&self) -> bool {
        matches!(self.fate, None | Some(Fate::Stuck))
    }
}

/// What ECS runs instead; the percentages are those of whoever moved it.
fn standing(seen: &SeenService) -> OriginalDefinition {
    OriginalDefinition {
        arn: seen.revision.clone(),
        network: seen.network.clone(),
        deployment: None,
        balancing: None,
        connectors: None,
    }
}

impl SeenService {
    /// Whether ECS went back from the revision `target` after `since`, at most to `before`. ECS's clock has the second that ours
    /// has.
    #[must_use]
    pub fn went_back(&self, target: &str, before: Option<&str>, since: DateTime<Utc>) -> bool {
        let began_after = |at: DateTime<Utc>| at.timestamp() >= since.timestamp();
        let up_to = |newest: &str| self.revision == newest || is_older(&self.revision, newest);
        let is_earlier = is_older(&self.revision, target)
            || (self.revision != target && before.is_some_and(up_to));
        is_earlier && self.began_at.is_some_and(began_after)
    }

    /// Whether all of its tasks run that revision.
    #[must_use]
    pub fn is_live(&self, target: &str) -> bool {
        self.revision == target && self.is_complete
    }
}

/// Whether `arn` is an earlier revision of the family of `than`: numbers only rise.
#[must_use]
pub fn is_older(arn: &str, than: &str) -> bool {
    let parts = |arn: &str| {
        let (family, revision) = arn.rsplit_once(':')?;
        Some((family.to_owned(), revision.parse::<u64>().ok()?))
    };
    match (parts(arn), parts(than)) {
        (Some((family, revision)), Some((of, than))) => family == of && revision < than,
        _ => false,
    }
}

impl Promotion {
    /// Whether somebody is at work on the App.
    #[must_use]
    pub fn is_held(&self, now: DateTime<Utc>) -> bool {
        self.lease.as_ref().is_some_and(|it| it.expires_at > now)
    }

    /// Whether nobody is, nor may have died at it, and all that was decided is written.
    #[must_use]
    pub fn is_quiet(&self, now: DateTime<Utc>) -> bool {
        let desired = self.desired.as_ref().map(|desired| &desired.status);
        let is_pending = matches!(desired, Some(Status::Pending));
        let is_written = self.unwritten.is_empty() && self.unrecorded.is_empty();
        is_written && !is_pending && !self.is_held(now)
    }

    /// The Services that ECS has to be asked about, by name, with what each is to run: none while somebody is, or may have died, at
    /// work on the App, since what ECS runs then is that work's.
    #[must_use]
    pub fn to_look_at(&self, now: DateTime<Utc>) -> BTreeMap<&str, &Definition> {
        let applied = self.applied.as_ref().filter(|_| self.is_quiet(now));
        let watched = applied.and_then(|applied| Some((applied, applied.watch.as_ref()?)));
        let open = watched.into_iter().flat_map(|(applied, watch)| {
            let open = watch
                .services
                .iter()
                .filter(|(_, watched)| watched.is_open());
            open.filter_map(|(name, _)| Some((name.as_str(), applied.services.get(name)?)))
        });
        open.collect()
    }

    /// Takes in what ECS runs, by ECS service, as it was looked up after `watched` was read; a Rack waits for `patience`. What
    /// stands where ECS went back is written down, and the verdict is decided once all is known.
    pub fn settle(
        &mut self,
        watched: &str,
        seen: &BTreeMap<String, SeenService>,
        (now, patience): (DateTime<Utc>, TimeDelta),
    ) {
        let looked: Vec<String> = self
            .to_look_at(now)
            .keys()
            .map(|&name| name.into())
            .collect();
        let Some(applied) = &mut self.applied else {
            return;
        };
        let Some(watch) = applied.watch.as_mut().filter(|it| it.record == watched) else {
            return;
        };
        let (since, is_over) = (watch.since, watch.is_over(now, patience));
        for name in looked {
            let found = watch.services.get_mut(&name);
            let Some((service, known)) = found.zip(applied.services.get_mut(&name)) else {
                continue;
            };
            let seen = seen.get(&known.runs_as);
            let fate = match seen {
                Some(seen) if seen.is_live(&known.arn) => Fate::Live,
                Some(seen) if seen.went_back(&known.arn, service.before.as_deref(), since) => {
                    Fate::RolledBack
                }
                _ if is_over => Fate::Stuck,
                _ => continue,
            };
            if service.fate == Some(fate) {
                continue;
            }
            service.fate = Some(fate);
            let why = seen.and_then(|seen| seen.why.clone());
            service.why = (fate != Fate::Live).then(|| why.unwrap_or_else(Told::unknown));
            known.stands = seen.filter(|_| fate == Fate::RolledBack).map(standing);
        }
        if watch.told.is_some() {
            return;
        }
        let Some(verdict) = watch.verdict(now) else {
            return;
        };
        watch.told = Some(verdict.status);
        let settled = Settled {
            record: watch.record.clone(),
            release: applied.release.clone(),
            request_id: applied.request_id.clone(),
            verdict,
        };
        self.note_settled(settled);
    }

    /// What is applied is replaced by the work of a newer request, so no verdict will be known any more.
    pub(crate) fn end_watch(&mut self, by: &str, now: DateTime<Utc>) {
        let Some(applied) = &mut self.applied else {
            return;
        };
        let Some(watch) = applied.watch.take().filter(|watch| watch.told.is_none()) else {
            return;
        };
        let settled = Settled {
            record: watch.record,
            release: applied.release.clone(),
            request_id: applied.request_id.clone(),
            verdict: Verdict::replaced(now, by),
        };
        self.note_settled(settled);
    }

    fn note_settled(&mut self, settled: Settled) {
        self.settled.push(settled);
        let surplus = self.settled.len().saturating_sub(UNTOLD_MAX);
        self.settled.drain(..surplus);
    }

    /// Removes exactly the verdicts that were written down and told.
    pub fn told(&mut self, told: &[Settled]) {
        self.settled.retain(|settled| !told.contains(settled));
    }
}

#[cfg(test)]
mod tests;
