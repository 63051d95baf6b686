//! Requests that a newer one came before. Nobody works on them, so each is told once that it is superseded, and by what.
//!
//! Not at once, but when it is sure that nobody is at work on it any more: who is, tells how that ended.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Desired, Order, Promotion, Request, Work, WorkKind};
use crate::events::{Event, EventType};
use crate::history::{Asked, Asker, Ended, Ending, HistoryRecord, RequestKind};
use names::{AppId, ReleaseId};

/// Ended and superseded requests that are remembered, so that a message that comes again is no news.
const REMEMBERED: usize = 64;
/// Superseded requests that wait to be told, and events beside which they are told. A bus that takes nothing for hours is no
/// reason for a state without end: then only the log has more.
const UNTOLD_MAX: usize = 100;

/// What is known of earlier requests than the one that is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Earlier {
    /// Those that are superseded and not told yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    superseded: Vec<Superseded>,
    /// The newest of those that ended or are told, by id, oldest first.
    #[serde(default, rename = "earlier", skip_serializing_if = "Vec::is_empty")]
    told: Vec<String>,
}

/// A request that a newer one came before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Superseded {
    /// What it asked for.
    #[serde(flatten)]
    work: Work,
    /// The request.
    request_id: String,
    /// When it was asked for; unknown where an older version wrote this down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requested_at: Option<DateTime<Utc>>,
    /// Who asked.
    #[serde(default)]
    asked_by: Asker,
    /// The newer one.
    by: String,
    /// What is known of the newer one; nothing where an older version wrote this down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    newer: Option<Newer>,
}

/// What came before a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Newer {
    /// What it asks for.
    work: WorkKind,
    /// Whether both are of one second, so that something else than their time decided.
    same_second: bool,
}

impl Earlier {
    /// Whether something is left to tell.
    pub(super) fn is_untold(&self) -> bool {
        !self.superseded.is_empty()
    }

    /// `by` takes the place of what was wanted before.
    pub(super) fn replaced(&mut self, desired: &Desired, by: &Request) {
        if desired.is_open() {
            self.add(desired.into(), by.into());
        } else {
            self.remember(desired.order.request_id.clone());
        }
    }

    /// A request came after a newer one, `by`.
    pub(super) fn came_late(&mut self, request: &Request, by: &Desired) {
        let request_id = request.order.request_id.as_str();
        let is_known = self.told.iter().any(|told| told == request_id);
        if !is_known {
            self.add(request.into(), by.into());
        }
    }

    /// A request came to an end of its own, although a newer one is wanted by now.
    pub(super) fn ended(&mut self, request_id: &str) {
        let before = self.superseded.len();
        self.superseded.retain(|it| it.request_id != request_id);
        if self.superseded.len() < before {
            self.remember(request_id.to_owned());
        }
    }

    fn add(&mut self, older: Parts<'_>, newer: Parts<'_>) {
        let request_id = older.order.request_id.as_str();
        if self.superseded.iter().any(|it| it.request_id == request_id) {
            return;
        }
        let seconds = [older, newer].map(|parts| parts.order.requested_at.timestamp());
        let [ours, theirs] = seconds;
        self.superseded.push(Superseded {
            work: older.work.clone(),
            request_id: request_id.to_owned(),
            requested_at: Some(older.order.requested_at),
            asked_by: older.asked_by.clone(),
            by: newer.order.request_id.clone(),
            newer: Some(Newer {
                work: newer.work.kind(),
                same_second: ours == theirs,
            }),
        });
        let surplus = self.superseded.len().saturating_sub(UNTOLD_MAX);
        self.superseded.drain(..surplus);
    }

    fn remember(&mut self, request_id: String) {
        self.told.push(request_id);
        let surplus = self.told.len().saturating_sub(REMEMBERED);
        self.told.drain(..surplus);
    }
}

impl Promotion {
    /// Decides the events about superseded requests, and what is kept of each. Only for the holder of the lease, who is at work
    /// on none of them.
    pub fn tell_superseded(&mut self, id: &AppId, now: DateTime<Utc>) {
        for superseded in std::mem::take(&mut self.earlier.superseded) {
            let event = superseded.event(id);
            let has_room = self.unrecorded.len() < UNTOLD_MAX;
            if let Some(record) = superseded.record(id, &event, now).filter(|_| has_room) {
                self.note_record(record);
            }
            if self.unsent.len() < UNTOLD_MAX {
                self.unsent.push(event);
            }
            self.earlier.remember(superseded.request_id);
        }
    }
}

/// A request, wherever it stands.
#[derive(Clone, Copy)]
struct Parts<'a> {
    work: &'a Work,
    order: &'a Order,
    asked_by: &'a Asker,
}

impl<'a> From<&'a Request> for Parts<'a> {
    fn from(request: &'a Request) -> Self {
        Self {
            work: &request.work,
            order: &request.order,
            asked_by: &request.asked_by,
        }
    }
}

impl<'a> From<&'a Desired> for Parts<'a> {
    fn from(desired: &'a Desired) -> Self {
        Self {
            work: &desired.work,
            order: &desired.order,
            asked_by: &desired.asked_by,
        }
    }
}

impl Superseded {
    /// What is kept of it; nothing where it is not known when it was asked for.
    fn record(&self, id: &AppId, event: &Event, now: DateTime<Utc>) -> Option<HistoryRecord> {
        let asked = Asked {
            kind: RequestKind::of(self.work.kind(), false),
            release: self.work.release().map(ReleaseId::as_str),
            request_id: &self.request_id,
            requested_at: self.requested_at?,
            asked_by: &self.asked_by,
        };
        let told = ["envVersionId", "supersededBy", "message"];
        let told = told
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), event.detail.get(name)?.clone())));
        let ending = Ending {
            status: Ended::Superseded,
            at: now,
            applied_before: None,
            details: told.collect::<Map<String, Value>>(),
            verdict: None,
        };
        Some(HistoryRecord::new(id, asked, ending))
    }

    /// What came before it, and why that counts.
    fn newer_in_words(&self) -> String {
        let by = &self.by;
        let Some(newer) = self.newer else {
            return format!("the newer request {by} came before it was done");
        };
        let what = match newer.work {
            WorkKind::Promote => "promote",
            WorkKind::Delete => "deletion",
        };
        match (self.work.kind(), newer) {
            (
                WorkKind::Delete,
                Newer {
                    work: WorkKind::Promote,
                    same_second: true,
                },
            ) => format!(
                "the promote {by} was asked for in the same second, and then the promote counts"
            ),
            (
                _,
                Newer {
                    same_second: true, ..
                },
            ) => {
                format!("the {what} {by}, asked for in the same second, counts instead")
            }
            _ => format!("the newer {what} {by} came before it was done"),
        }
    }

    fn event(&self, id: &AppId) -> Event {
        let app = &id.app;
        let by = self.newer_in_words();
        match &self.work {
            Work::Promote {
                release,
                env_version_id,
                ..
            } => {
                let message = format!("Release {release} is not promoted for this request: {by}");
                let fields = [
                    ("release", release.as_str().into()),
                    ("envVersionId", env_version_id.as_str().into()),
                    ("supersededBy", self.by.as_str().into()),
                    ("message", message.into()),
                ];
                let kind = EventType::ReleasePromoteSuperseded;
                Event::new(kind, id, &self.request_id, fields)
            }
            Work::Delete => {
                let mut message = format!("the App {app} is not deleted for this request: {by}");
                if self
                    .newer
                    .is_none_or(|newer| newer.work == WorkKind::Promote)
                {
                    message.push_str("; delete the App again if it is to go");
                }
                let fields = [
                    ("supersededBy", self.by.as_str().into()),
                    ("message", message.into()),
                ];
                let kind = EventType::AppDeletionSuperseded;
                Event::new(kind, id, &self.request_id, fields)
            }
        }
    }
}
