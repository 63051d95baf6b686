//! What is kept of each request for good: a record, and an entry of an index that gives the list with one read.
//!
//! A record is written when its request has come to an end, or waits; only the end of the waiting changes it afterwards. Its key
//! sorts by the time of the request. Nothing in it is the value of a variable.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::verdict::{Fate, Verdict};
use crate::{BucketObject, Desired, Promotion, Request, WorkKind};
use names::bounds;
use names::error_type::ErrorCode;
use names::{AppId, ReleaseId, keys};

/// Entries of the index; records of before stay where they are.
pub const ENTRIES_MAX: usize = 100;
/// How much of a message stands in the index; the record has it all.
const MESSAGE_MAX_BYTES: usize = 300;
/// How much of a name that somebody else gave; so an entry has 2 KiB at most.
const NAME_MAX_BYTES: usize = 128;
/// How much of a request's id stands in a key: those of S3 and EventBridge are shorter.
const ID_IN_KEY_MAX: usize = 128;

/// Who asked for something, as far as anybody can know, and how that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asker {
    /// How it is known.
    pub known_by: KnownBy,
    /// Who wrote the object, in S3's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<String>,
    /// The `source` of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The account that the event is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// What tells who asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum KnownBy {
    /// S3's event: `requester` is an account or a service of AWS, in a notification the principal's id.
    #[serde(rename = "S3 event")]
    S3Event,
    /// An event of EventBridge: its source and account, which is all that it says.
    #[serde(rename = "EventBridge event")]
    Event,
    /// The function was invoked, which does not say by whom.
    #[serde(rename = "direct invocation")]
    Invocation,
    /// The schedule found an object whose event was lost.
    #[serde(rename = "schedule")]
    Schedule,
    /// Nothing: an earlier version did not write it down.
    #[default]
    #[serde(rename = "nothing")]
    Nothing,
}

impl Asker {
    /// Whoever invoked the function.
    pub const INVOKER: Self = Self::known_by(KnownBy::Invocation);
    /// Whoever wrote what the schedule found.
    pub const FOUND: Self = Self::known_by(KnownBy::Schedule);

    const fn known_by(known_by: KnownBy) -> Self {
        Self {
            known_by,
            requester: None,
            source: None,
            account: None,
        }
    }

    /// Whoever wrote an object, by S3's event.
    #[must_use]
    pub fn of_object(requester: Option<String>) -> Self {
        Self {
            requester: requester.map(shown),
            ..Self::known_by(KnownBy::S3Event)
        }
    }

    /// Whoever sent an event.
    #[must_use]
    pub fn of_event(source: &str, account: Option<&str>) -> Self {
        Self {
            source: Some(shown(source.to_owned())),
            account: account.map(|account| shown(account.to_owned())),
            ..Self::known_by(KnownBy::Event)
        }
    }
}

fn shown(name: String) -> String {
    bounds::text(name, NAME_MAX_BYTES)
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestKind {
    /// Make a Release live.
    Promote,
    /// The same of one that was live before, with the same version of its environment.
    Rollback,
    /// Remove the App.
    Deletion,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    /// Everything of the Release was asked of ECS.
    Promoted,
    /// The App is gone.
    Deleted,
    /// It was not done, for good.
    Failed,
    /// It is looked at again when something else has ended.
    Waiting,
    /// A newer request counts.
    Superseded,
    /// It never came to the App's state.
    Refused,
}

impl Ended {
    /// Whether it only counts where nothing, or only that the request waits, was written of it before: messages of requests that
    /// ended long ago can come again.
    #[must_use]
    pub fn yields(self) -> bool {
        matches!(self, Self::Superseded | Self::Refused)
    }
}

/// An entry of the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The key of the record; entries are in its order, newest first.
    pub record: String,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// When this was written: the end, or the wait.
    pub finished_at: DateTime<Utc>,
    /// What was asked for.
    pub kind: RequestKind,
    /// The Release, of a promote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// The request.
    pub request_id: String,
    /// Who asked.
    pub asked_by: Asker,
    /// The Release that was applied when it was worked on, if any was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_before: Option<String>,
    /// What became of it.
    pub status: Ended,
    /// How tasks get the environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<String>,
    /// Why it failed, as a stable name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_type: Option<String>,
    /// Why it failed, what it waits for or why it is superseded; the record has all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What became of the Release after that; none until it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Fate>,
}

/// What is kept of one request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryRecord {
    /// What stands in the index too.
    pub entry: Entry,
    /// What only the record has, and the message in full.
    pub details: Map<String, Value>,
}

/// A request as its record names it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// What it asks for.
    pub kind: RequestKind,
    /// The Release, of a promote.
    pub release: Option<&'a str>,
    /// Its id.
    pub request_id: &'a str,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// Who asked.
    pub asked_by: &'a Asker,
}

/// How a request ended, or that it waits.
#[derive(Debug, Clone)]
pub struct Ending {
    /// What became of it.
    pub status: Ended,
    /// When.
    pub at: DateTime<Utc>,
    /// The Release that was applied before.
    pub applied_before: Option<ReleaseId>,
    /// What is told of it: names, ids and counts, never a value.
    pub details: Map<String, Value>,
    /// What became of its Release, where that is known at once.
    pub verdict: Option<Verdict>,
}

impl<'a> Asked<'a> {
    /// A request that the state holds. `goes_back` says that its Release was live before.
    #[must_use]
    pub fn desired(desired: &'a Desired, goes_back: bool) -> Self {
        let release = desired.promotes().map(|(release, _)| release.as_str());
        Self {
            kind: RequestKind::of(desired.work.kind(), goes_back),
            release,
            request_id: &desired.order.request_id,
            requested_at: desired.order.requested_at,
            asked_by: &desired.asked_by,
        }
    }

    /// A request that no state holds.
    #[must_use]
    pub fn request(request: &'a Request) -> Self {
        let release = request.work.release();
        Self {
            kind: RequestKind::of(request.work.kind(), false),
            release: release.map(ReleaseId::as_str),
            request_id: &request.order.request_id,
            requested_at: request.order.requested_at,
            asked_by: &request.asked_by,
        }
    }
}

impl RequestKind {
    /// That kind of work; going back is a promote of its own.
    #[must_use]
    pub fn of(kind: WorkKind, goes_back: bool) -> Self {
        match kind {
            WorkKind::Delete => Self::Deletion,
            WorkKind::Promote if goes_back => Self::Rollback,
            WorkKind::Promote => Self::Promote,
        }
    }
}

impl HistoryRecord {
    /// The record of a request of an App.
    #[must_use]
    pub fn new(id: &AppId, asked: Asked<'_>, ending: Ending) -> Self {
        let text = |name: &str| {
            let text = ending.details.get(name).and_then(Value::as_str);
            text.map(str::to_owned)
        };
        let message = text("message");
        let entry = Entry {
            record: record_key(id, asked),
            requested_at: asked.requested_at,
            finished_at: ending.at,
            kind: asked.kind,
            release: asked.release.map(str::to_owned),
            request_id: shown(asked.request_id.to_owned()),
            asked_by: asked.asked_by.clone(),
            applied_before: ending.applied_before.as_ref().map(ReleaseId::to_string),
            status: ending.status,
            delivery: text("delivery"),
            error_type: text("errorType"),
            message: message.map(|message| bounds::text(message, MESSAGE_MAX_BYTES)),
            verdict: ending.verdict.as_ref().map(|verdict| verdict.status),
        };
        let mut details = ending.details;
        if let Some(verdict) = ending.verdict {
            details.insert("verdict".to_owned(), json!(verdict));
        }
        Self { entry, details }
    }

    /// One of a request that never came to the App's state, and why.
    #[must_use]
    pub fn refused(
        id: &AppId,
        asked: Asked<'_>,
        at: DateTime<Utc>,
        (error_type, message): (&ErrorCode, &str),
    ) -> Self {
        let details = [("errorType", error_type.as_str()), ("message", message)];
        let details = details.map(|(name, value)| (name.to_owned(), Value::from(value)));
        let ending = Ending {
            status: Ended::Refused,
            at,
            applied_before: None,
            details: details.into_iter().collect(),
            verdict: None,
        };
        Self::new(id, asked, ending)
    }

    /// The object that holds it. What the details say in full counts.
    #[must_use]
    pub fn object(&self) -> BucketObject {
        let head = serde_json::to_value(&self.entry);
        let mut all = match head {
            Ok(Value::Object(head)) => head,
            _ => Map::new(), // a struct of named fields is always an object
        };
        all.remove("record");
        all.extend(self.details.clone());
        BucketObject {
            key: self.entry.record.clone(),
            text: format!("{:#}", Value::Object(all)),
        }
    }
}

/// Whether a record that was written says that its request waits.
#[must_use]
pub fn says_waiting(record: &Value) -> bool {
    let status = record.get("status");
    status.and_then(|status| Ended::deserialize(status).ok()) == Some(Ended::Waiting)
}

/// In the order of the requests: by second, then as requests of one second are ordered, by the Release's name, which a deletion
/// has none of; last, its id makes it the request's own.
#[must_use]
pub fn record_key(id: &AppId, asked: Asked<'_>) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let plain = asked.request_id.chars().take(ID_IN_KEY_MAX);
    let request_id: String = plain.map(|c| if is_plain(c) { c } else { '_' }).collect();
    let at = asked.requested_at.format("%Y%m%dT%H%M%SZ");
    let folder = keys::history(&id.app);
    let release = asked.release.unwrap_or_default();
    format!("{folder}{at}-{release}-{request_id}.json")
}

/// The newest entries, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// At most [`ENTRIES_MAX`].
    pub entries: Vec<Entry>,
}

impl Index {
    /// Takes an entry in, in its place; what stands there already and counts more stays. The oldest go where there are too many.
    pub fn enter(&mut self, entry: Entry) {
        let place = self
            .entries
            .partition_point(|stands| stands.record > entry.record);
        match self.entries.get_mut(place) {
            Some(stands) if stands.record == entry.record => {
                if entry.replaces(stands) {
                    *stands = entry;
                }
            }
            _ => self.entries.insert(place, entry),
        }
        self.entries.truncate(ENTRIES_MAX);
    }
}

impl Index {
    /// Writes the verdict of a record's Release into its entry, if it is there.
    pub fn settle(&mut self, record: &str, verdict: Fate) {
        let mut entries = self.entries.iter_mut();
        if let Some(entry) = entries.find(|entry| entry.record == record) {
            entry.verdict = Some(verdict);
        }
    }
}

impl Entry {
    /// Whether it says more of its request than what `stands`. Ends are written by who holds the lease, so of two the later counts:
    /// whoever wrote the first did not live to write it into the state.
    fn replaces(&self, stands: &Self) -> bool {
        let rank = |entry: &Self| match entry.status {
            Ended::Waiting => 0,
            Ended::Superseded | Ended::Refused => 1,
            Ended::Promoted | Ended::Deleted | Ended::Failed => 2,
        };
        match rank(self).cmp(&rank(stands)) {
            Ordering::Greater => true,
            Ordering::Equal => !self.status.yields() && self.finished_at >= stands.finished_at,
            Ordering::Less => false,
        }
    }
}

impl Promotion {
    /// Decides that this is to be written down of a request.
    pub(crate) fn note_record(&mut self, record: HistoryRecord) {
        let key = &record.entry.record;
        self.unrecorded.retain(|other| other.entry.record != *key);
        self.unrecorded.push(record);
    }
}

#[cfg(test)]
mod tests;
