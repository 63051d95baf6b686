//! Which Releases an App has, and what became of each: read from the folders of Releases, the history of requests and the state.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use environment::KeyChanges;
use names::{AppName, ReleaseId};
use promotion::history::Index;
use promotion::verdict::Fate;
use promotion::{Applied, Desired, Promotion};
use serde::Serialize;

use super::changes::key_words;
use super::report::{Fallback, SeenAsker, SeenReport};
use super::table::table;

/// An object of the settings bucket, as a listing has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// When it was written.
    pub modified: DateTime<Utc>,
}

/// What a Release's folder holds, and when each was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folder {
    /// The environment.
    pub env: Option<DateTime<Utc>>,
    /// An environment that triggers nothing.
    pub draft: Option<DateTime<Utc>>,
    /// What the last promote of it did.
    pub report: Option<DateTime<Utc>>,
    /// A build.
    pub has_build: bool,
    /// When it last became what is applied.
    pub applied: Option<DateTime<Utc>>,
}

impl Folder {
    /// When the Release was made.
    #[must_use]
    pub fn made(&self) -> Option<DateTime<Utc>> {
        self.env.or(self.draft)
    }

    /// Whether its environment is there, and triggers nothing.
    #[must_use]
    pub fn is_draft(&self) -> bool {
        self.draft.is_some() && self.env.is_none()
    }
}

/// What was asked for since a draft was made from what was live then: the draft would undo it.
#[must_use]
pub fn asked_since<'s>(draft: &Folder, state: &'s Promotion) -> Option<&'s Desired> {
    let desired = state.desired.as_ref()?;
    (draft.draft? < desired.order.requested_at).then_some(desired)
}

/// The Releases, but for one, whose environments were written after what the state knows of: their promotes are still to come.
#[must_use]
pub fn not_taken_up(
    folders: &BTreeMap<ReleaseId, Folder>,
    state: &Promotion,
    but: Option<&ReleaseId>,
) -> Vec<String> {
    let desired = state.desired.as_ref();
    let last = desired.map(|desired| desired.order.requested_at);
    let others = folders.iter().filter(|(release, _)| Some(*release) != but);
    let newer = others.filter(|(_, folder)| folder.env > last);
    newer.map(|(release, _)| release.to_string()).collect()
}

/// The folders of all Releases, from listings of the App's objects.
#[must_use]
pub fn folders(app: &AppName, listed: &[Listed]) -> BTreeMap<ReleaseId, Folder> {
    let mut folders: BTreeMap<ReleaseId, Folder> = BTreeMap::new();
    let of_releases = format!("apps/{app}/releases/");
    let of_records = format!("apps/{app}/state/releases/");
    for Listed { key, modified } in listed {
        let in_folder = key
            .strip_prefix(&of_releases)
            .and_then(|rest| rest.split_once('/'));
        let recorded = key
            .strip_prefix(&of_records)
            .and_then(|rest| rest.strip_suffix(".json"));
        let (name, file) = match (in_folder, recorded) {
            (Some((name, file)), _) => (name, file),
            (None, Some(name)) => (name, "record"),
            (None, None) => continue,
        };
        let Ok(release) = ReleaseId::new(name) else {
            continue;
        };
        let folder = folders.entry(release).or_default();
        let at = Some(*modified);
        match file {
            "env" => folder.env = at,
            "draft" => folder.draft = at,
            "report.json" => folder.report = at,
            "build.json" => folder.has_build = true,
            "record" => folder.applied = at,
            _ => {}
        }
    }
    folders.retain(|_, folder| folder.made().is_some());
    folders
}

/// Releases, newest first.
#[must_use]
pub fn newest_first(folders: &BTreeMap<ReleaseId, Folder>) -> Vec<(&ReleaseId, &Folder)> {
    let mut all: Vec<_> = folders.iter().collect();
    all.sort_by(|(one, a), (other, b)| (b.made(), other).cmp(&(a.made(), one)));
    all
}

/// The Release that was applied last, not counting `but`.
#[must_use]
pub fn applied_before<'f>(
    folders: &'f BTreeMap<ReleaseId, Folder>,
    but: Option<&ReleaseId>,
) -> Option<&'f ReleaseId> {
    let others = folders.iter().filter(|(release, folder)| {
        Some(*release) != but && folder.env.is_some() && folder.applied.is_some()
    });
    let last = others.max_by_key(|(release, folder)| (folder.applied, *release));
    last.map(|(release, _)| release)
}

/// The record of the last request of a Release; none where it is older than the index.
#[must_use]
pub fn record<'i>(index: &'i Index, release: &ReleaseId) -> Option<&'i str> {
    let mut entries = index.entries.iter();
    let newest = entries.find(|entry| entry.release.as_deref() == Some(release.as_str()));
    newest.map(|entry| entry.record.as_str())
}

/// The answer of `releases`.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Releases {
    /// The App.
    pub app: String,
    /// Newest first.
    pub releases: Vec<ReleaseRow>,
    /// So many older ones are left out.
    pub older: usize,
    /// Why the list of requests cannot be read; who asked for what is not known then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One Release.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseRow {
    /// The Release.
    pub release: String,
    /// `live`, `moving`, `rolledBack` or `stuck` of the one that is applied; `promoted` (it was, once), `promoting`, `waiting`,
    /// `superseded`, `failed`, `refused`, `draft`, or `new` where nothing is known of its promote.
    pub status: String,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made: Option<DateTime<Utc>>,
    /// When it last went live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied: Option<DateTime<Utc>>,
    /// `SecretsManager` or `S3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<String>,
    /// Which level decided that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// Why it is S3 although Secrets Manager was wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
    /// Why it failed, waits, or is not live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who asked for it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<SeenAsker>,
    /// Keys that differ from what was applied before that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<KeyChanges>,
    /// What its build is described as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// One Release as it is listed.
#[must_use]
pub fn row(
    release: &ReleaseId,
    folder: &Folder,
    report: Option<&SeenReport>,
    description: Option<String>,
    state: &Promotion,
) -> ReleaseRow {
    let (status, reason) = status(release, folder, report, state);
    ReleaseRow {
        release: release.to_string(),
        status,
        made: folder.made(),
        applied: folder.applied,
        delivery: report.and_then(|report| report.delivery.clone()),
        decided_by: report.and_then(|report| report.decided_by.clone()),
        fallback: report.and_then(|report| report.fallback.clone()),
        reason,
        asked_by: report.and_then(|report| report.asked_by.clone()),
        keys: report.and_then(|report| report.keys.clone()),
        description,
    }
}

/// What became of the Release that is applied, and why.
fn standing(applied: &Applied, report: Option<&SeenReport>) -> (String, Option<String>) {
    let Some(watch) = &applied.watch else {
        return ("live".to_owned(), None);
    };
    let is_live = |fate: Option<Fate>| fate == Some(Fate::Live);
    if watch.services.values().all(|watched| is_live(watched.fate)) {
        return ("live".to_owned(), None);
    }
    let status = match watch.told {
        None => "moving",
        Some(Fate::RolledBack) => "rolledBack",
        Some(Fate::Stuck) => "stuck",
        Some(Fate::Live | Fate::Replaced) => "live",
    };
    let told = report.and_then(|report| report.verdict.as_ref());
    let told = told.and_then(|verdict| verdict.message.clone());
    (status.to_owned(), told)
}

fn status(
    release: &ReleaseId,
    folder: &Folder,
    report: Option<&SeenReport>,
    state: &Promotion,
) -> (String, Option<String>) {
    let is = |status: &str| (status.to_owned(), None);
    let desired = state.desired.as_ref();
    let promotes = desired.and_then(|desired| Some((desired, desired.promotes()?.0)));
    let is_open = promotes.filter(|(desired, wanted)| desired.is_open() && *wanted == release);
    let applied = state.applied.as_ref();
    if let Some(applied) = applied.filter(|applied| applied.release == *release) {
        return standing(applied, report);
    }
    if let Some((desired, _)) = is_open {
        let reason = Some(desired.status.in_words().to_owned());
        return (
            "promoting".to_owned(),
            reason.filter(|reason| reason != "pending"),
        );
    }
    match report {
        Some(report) if report.status == "promoted" => is("promoted"),
        Some(report) => {
            let reason = Some(report.in_words()).filter(|reason| !reason.is_empty());
            (report.status.clone(), reason)
        }
        None if folder.is_draft() => is("draft"),
        None => is("new"),
    }
}

impl Releases {
    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        if self.releases.is_empty() {
            return format!("{} has no Release\n", self.app);
        }
        let rows: Vec<[String; 7]> = self.releases.iter().map(cells).collect();
        let head = [
            "RELEASE",
            "STATUS",
            "MADE",
            "WENT LIVE",
            "DELIVERY",
            "ASKED BY",
            "WHAT",
        ];
        let mut text = table(head, &rows);
        if self.older > 0 {
            let _ = writeln!(text, "and {} older; --limit shows more", self.older);
        }
        if let Some(error) = &self.error {
            let _ = writeln!(
                text,
                "who asked is not known: the list of requests cannot be read: {error}"
            );
        }
        text
    }
}

fn cells(row: &ReleaseRow) -> [String; 7] {
    let delivery = row.delivery.clone().unwrap_or_default();
    let by = row.decided_by.as_ref();
    let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
    let fallback = row.fallback.as_ref();
    let fallback = fallback
        .map(|why| format!(", {}", why.error_type))
        .unwrap_or_default();
    let keys = row.keys.as_ref().map(key_words);
    let keys = keys.filter(|words| !words.is_empty());
    let what = [keys, row.description.clone()].into_iter().flatten();
    let what = row
        .reason
        .clone()
        .unwrap_or_else(|| what.collect::<Vec<_>>().join("; "));
    let asked_by = row.asked_by.as_ref().map(SeenAsker::in_words);
    [
        row.release.clone(),
        row.status.clone(),
        time(row.made),
        time(row.applied),
        format!("{delivery}{by}{fallback}"),
        asked_by.unwrap_or_default(),
        first_line(&what),
    ]
}

/// A time as people read it, in UTC.
#[must_use]
pub fn time(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(String::new, |at| {
        at.format("%Y-%m-%d %H:%M:%SZ").to_string()
    })
}

/// So much of a text as fits into a table.
#[must_use]
pub fn first_line(text: &str) -> String {
    const MAX: usize = 80;
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= MAX && line.len() == text.trim_end().len() {
        return line.to_owned();
    }
    let kept: String = line.chars().take(MAX - 1).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(minute * 60, 0).unwrap()
    }

    fn listed(objects: &[(&str, i64)]) -> BTreeMap<ReleaseId, Folder> {
        let listed: Vec<Listed> = objects
            .iter()
            .map(|(key, minute)| Listed {
                key: format!("apps/shop/{key}"),
                modified: at(*minute),
            })
            .collect();
        folders(&AppName::new("shop").unwrap(), &listed)
    }

    fn release(name: &str) -> ReleaseId {
        ReleaseId::new(name).unwrap()
    }

    #[test]
    fn folders_are_told_by_what_is_in_them() {
        let folders = listed(&[
            ("releases/R1/env", 1),
            ("releases/R1/report.json", 2),
            ("state/releases/R1.json", 2),
            ("releases/R2/draft", 3),
            ("releases/R2/build.json", 3),
            ("releases/R3/convox.yml", 4),
            ("releases/a b/env", 5),
            ("app.json", 5),
        ]);
        let names: Vec<&str> = newest_first(&folders)
            .iter()
            .map(|(release, _)| release.as_str())
            .collect();
        assert_eq!(names, ["R2", "R1"]);
        let draft = &folders[&release("R2")];
        assert!(draft.is_draft() && draft.has_build, "{draft:?}");
        assert_eq!(folders[&release("R1")].applied, Some(at(2)));
    }

    #[test]
    fn a_rollback_goes_to_what_was_applied_last() {
        let folders = listed(&[
            ("releases/R1/env", 1),
            ("state/releases/R1.json", 9),
            ("releases/R2/env", 2),
            ("state/releases/R2.json", 3),
            ("releases/R3/env", 4),
            ("releases/R4/draft", 5),
            ("state/releases/R4.json", 6),
        ]);
        let before = |but: Option<&str>| {
            applied_before(&folders, but.map(release).as_ref()).map(ReleaseId::as_str)
        };
        assert_eq!(before(Some("R1")), Some("R2"));
        assert_eq!(before(Some("R2")), Some("R1"));
        assert_eq!(before(None), Some("R1"));
        assert_eq!(
            applied_before(&listed(&[("releases/R1/env", 1)]), None),
            None
        );
    }

    #[test]
    fn a_release_is_what_state_and_report_say() {
        let state: Promotion = serde_json::from_value(json!({"desired": {
            "kind": "promote", "release": "R5", "envVersionId": "v", "requestedAt": "2026-01-01T00:00:00Z", "requestId": "2",
            "order": {"key": "k"}, "interrupted": false, "status": "waiting", "reason": "for its stack",
            "until": "2026-01-01T00:00:00Z", "deadline": "2026-01-01T00:00:00Z"},
            "applied": {"release": "R4", "requestId": "1", "envVersionId": "v", "delivery": "S3", "services": {}, "timers": {}},
            "outcomes": []})).unwrap();
        let env = Folder {
            env: Some(at(1)),
            ..Folder::default()
        };
        let draft = Folder {
            draft: Some(at(1)),
            ..Folder::default()
        };
        let report = |value| serde_json::from_value::<SeenReport>(value).unwrap();
        for (name, folder, report, want) in [
            ("R4", &env, None, "live"),
            (
                "R6",
                &env,
                Some(report(json!({"status": "superseded"}))),
                "superseded",
            ),
            ("R5", &env, None, "promoting"),
            (
                "R3",
                &env,
                Some(report(json!({"status": "promoted"}))),
                "promoted",
            ),
            (
                "R2",
                &env,
                Some(report(json!({"status": "failed", "message": "m"}))),
                "failed",
            ),
            ("R1", &draft, None, "draft"),
            ("R0", &env, None, "new"),
        ] {
            let row = row(&release(name), folder, report.as_ref(), None, &state);
            assert_eq!(row.status, want, "{name}");
        }
        let told = row(&release("R5"), &env, None, None, &state);
        assert_eq!(told.reason.as_deref(), Some("for its stack"));
        let all = Releases {
            app: "shop".to_owned(),
            releases: vec![told],
            older: 2,
            error: None,
        };
        assert!(
            all.text().contains("promoting")
                && all.text().ends_with("and 2 older; --limit shows more\n"),
            "{}",
            all.text()
        );
    }
}
