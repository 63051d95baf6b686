//! The status page of a Rack: what is on it. How it is drawn is in [`html`].

mod badge;
mod html;
mod plot;

use chrono::{DateTime, Utc};
use names::AppId;
use promotion::Promotion;
use promotion::history::{Ended, Entry, Index, RequestKind};
use promotion::verdict::Fate;

use super::report::SeenReport;
use super::status::{self, Status};
use super::why::{self, Finding, Why};
pub use badge::Badge;
pub use html::html;

/// So many requests of an App are shown.
const REQUESTS: usize = 16;
/// What to do about a Release that its tasks do not live with.
const MEND: &str = "mend what its tasks stop for, and promote again; or `rack rollback`";

/// The page of a Rack.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The Rack.
    pub rack: String,
    /// When it was looked at.
    pub made_at: DateTime<Utc>,
    /// Its Apps, by name.
    pub apps: Vec<App>,
}

/// An App on the page.
#[derive(Debug, Clone, PartialEq)]
pub struct App {
    /// Its name.
    pub name: String,
    /// What was seen of it, or why nothing was.
    pub seen: Result<Seen, String>,
}

/// What was seen of an App.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// How it is, in a word.
    pub health: Badge,
    /// What runs.
    pub live: Option<Live>,
    /// What is not as it should be, the worst first.
    pub notices: Vec<Notice>,
    /// The last requests, newest first.
    pub requests: Vec<Request>,
}

/// What runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Live {
    /// The Release.
    pub release: String,
    /// Since when, where that is known.
    pub since: Option<DateTime<Utc>>,
    /// How tasks get the environment, and who decided it.
    pub delivery: String,
    /// Services, each with the Release in which it last changed, and whether ECS went back from that.
    pub services: Vec<(String, Option<String>)>,
    /// Timers, each with its schedule.
    pub timers: Vec<(String, Option<String>)>,
}

/// Something that somebody should know.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// In a word.
    pub badge: Badge,
    /// In a sentence.
    pub what: String,
    /// The words of who met it.
    pub message: Option<String>,
    /// What to do.
    pub cure: Option<String>,
}

/// A request and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The Release; none of a deletion.
    pub release: Option<String>,
    /// What it was, where it was no promote.
    pub kind: Option<&'static str>,
    /// When it was asked for.
    pub at: DateTime<Utc>,
    /// How long it took, or waits.
    pub seconds: f64,
    /// What became of it.
    pub badge: Badge,
    /// Why, where it is not live.
    pub message: Option<String>,
}

/// What is read of an App.
#[derive(Debug)]
pub struct Read {
    /// Its state.
    pub state: Promotion,
    /// Its newest requests; `Err` where the list is there and cannot be read.
    pub index: Result<Index, String>,
    /// The report of the Release that was wanted last.
    pub wanted: Option<SeenReport>,
    /// The report of the one that runs.
    pub live: Option<SeenReport>,
    /// When that went live, where the list does not say it.
    pub since: Option<DateTime<Utc>>,
}

impl Seen {
    /// What state, history and reports say of an App.
    #[must_use]
    pub fn of(id: &AppId, read: Read) -> Self {
        let Read {
            state,
            index,
            wanted,
            live,
            since,
        } = read;
        let (entries, unread) = match index {
            Ok(index) => (index.entries, None),
            Err(why) => (Vec::new(), Some(why)),
        };
        let verdict = verdict(&entries, wanted.as_ref());
        let known = status::Known {
            report: live.clone(),
            since: since_when(&state, &entries).or(since),
            ..status::Known::default()
        };
        let status = Status::of("", id.app.as_str(), &state, known);
        let known = why::Known {
            wanted,
            live,
            ..why::Known::default()
        };
        let why = Why::of(id, &state, known);
        let mut notices: Vec<Notice> = verdict.into_iter().collect();
        notices.extend(why.findings.into_iter().map(|it| found(it, &state)));
        let told: Vec<String> = notices.iter().filter_map(|it| it.message.clone()).collect();
        let warnings = status.warnings.iter();
        let warnings = warnings.filter(|warning| !told.contains(warning)).cloned();
        notices.extend(warnings.map(|what| Notice::plain(Badge::WARNING, what)));
        let unread = unread.map(|why| Notice {
            message: Some(why),
            ..Notice::plain(Badge::WARNING, "its history could not be read".to_owned())
        });
        notices.extend(unread);
        let live = live_of(&status, &state);
        Self {
            health: health(&notices, &state, &entries),
            live,
            notices,
            requests: entries.iter().take(REQUESTS).map(Request::of).collect(),
        }
    }
}

impl Notice {
    fn plain(badge: Badge, what: String) -> Self {
        Self {
            badge,
            what,
            message: None,
            cure: None,
        }
    }
}

/// When the request ended that made live what runs.
#[must_use]
pub fn since_when(state: &Promotion, entries: &[Entry]) -> Option<DateTime<Utc>> {
    let applied = state.applied.as_ref()?;
    let mut entries = entries.iter();
    let entry = entries
        .find(|entry| entry.request_id == applied.request_id && entry.status == Ended::Promoted)?;
    Some(entry.finished_at)
}

fn live_of(status: &Status, state: &Promotion) -> Option<Live> {
    let live = status.live.as_ref()?;
    let by = live.decided_by.as_ref();
    let by = by
        .map(|by| format!(", decided by {by}"))
        .unwrap_or_default();
    let delivery = match live.delivery.as_str() {
        "SecretsManager" => "Secrets Manager",
        other => other,
    };
    let went_back = |name: &str| {
        let applied = state.applied.as_ref();
        let definition = applied.and_then(|applied| applied.services.get(name));
        definition.is_some_and(|definition| definition.stands.is_some())
    };
    let services = status.services.iter().map(|row| {
        let release = row.release.clone();
        let release = if went_back(&row.name) {
            Some(format!("{}, rolled back", release.unwrap_or_default()))
        } else {
            release
        };
        (row.name.clone(), release)
    });
    let timers = status.timers.iter();
    Some(Live {
        release: live.release.clone(),
        since: live.since,
        delivery: format!("{delivery}{by}"),
        services: services.collect(),
        timers: timers.map(|row| (row.name.clone(), row.when())).collect(),
    })
}

/// What ECS made of the Release that was promoted last, where that is not well.
fn verdict(entries: &[Entry], report: Option<&SeenReport>) -> Option<Notice> {
    let mut ended = entries.iter();
    let last = ended.find(|entry| matches!(entry.status, Ended::Promoted | Ended::Deleted))?;
    let release = last.release.as_deref().unwrap_or_default();
    let (badge, what) = match last.verdict? {
        Fate::RolledBack => (Badge::ROLLED_BACK, format!("ECS rolled {release} back")),
        Fate::Stuck => (Badge::STUCK, format!("{release} does not become live")),
        Fate::Live | Fate::Replaced => return None,
    };
    let report = report.filter(|report| report.request_id == last.request_id);
    let verdict = report.and_then(|report| report.verdict.as_ref());
    Some(Notice {
        badge,
        what,
        message: verdict.and_then(|verdict| verdict.message.clone()),
        cure: Some(MEND.to_owned()),
    })
}

fn found(finding: Finding, state: &Promotion) -> Notice {
    let desired = state.desired.as_ref().map(|desired| &desired.status);
    let badge = if finding.about.starts_with("delivery ") {
        Badge::FALLBACK
    } else if matches!(desired, Some(promotion::Status::Waiting { .. })) {
        Badge::WAITING
    } else {
        Badge::FAILED
    };
    let name = finding.error_type.as_deref();
    let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
    Notice {
        badge,
        what: format!("{}: {}{name}", finding.about, finding.what),
        message: finding.message,
        cure: finding.cure,
    }
}

/// The first notice counts; without one, what is known of the Release that runs.
fn health(notices: &[Notice], state: &Promotion, entries: &[Entry]) -> Badge {
    if let Some(notice) = notices.first() {
        return notice.badge;
    }
    let Some(applied) = &state.applied else {
        return Badge::NOTHING;
    };
    let mut entries = entries.iter();
    let entry = entries.find(|entry| entry.request_id == applied.request_id);
    match entry.map(|entry| (entry.status, entry.verdict)) {
        Some((Ended::Promoted, None)) if applied.watch.is_some() => Badge::PROMOTED,
        _ => Badge::LIVE,
    }
}

impl Request {
    fn of(entry: &Entry) -> Self {
        let took = entry.finished_at - entry.requested_at;
        let took = took.to_std().unwrap_or_default(); // the clocks of two machines
        Self {
            release: entry.release.clone(),
            kind: match entry.kind {
                RequestKind::Promote => None,
                RequestKind::Rollback => Some("rollback"),
                RequestKind::Deletion => Some("deletion"),
            },
            at: entry.requested_at,
            seconds: took.as_secs_f64(),
            badge: Badge::of(entry),
            message: entry.message.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
