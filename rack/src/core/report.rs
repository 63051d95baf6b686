//! What the functions write and answer, reports, records and answers alike, as far as the tool reads it. Members that a later version adds are no error.

use std::collections::BTreeMap;

use environment::KeyChanges;
use names::error_type::{ErrorType, Explanation};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `report.json` of a Release, or the answer of promote.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SeenReport {
    /// The Release.
    pub release: String,
    /// The request.
    pub request_id: String,
    /// `promoted`, `failed`, `waiting`, `superseded`.
    pub status: String,
    /// Why it failed, as a stable name.
    pub error_type: Option<String>,
    /// Why, in words.
    pub message: Option<String>,
    /// The newer request that came before it.
    pub superseded_by: Option<String>,
    /// `SecretsManager` or `S3`.
    pub delivery: Option<String>,
    /// Which level decided that.
    pub decided_by: Option<String>,
    /// Why it is S3 although Secrets Manager was wanted.
    pub fallback: Option<Fallback>,
    /// By Service.
    pub services: BTreeMap<String, SeenMove>,
    /// By Timer.
    pub timers: BTreeMap<String, SeenMove>,
    /// Releases that can be gone back to without a write.
    pub kept_releases: Vec<String>,
    /// What was removed.
    pub removed: Vec<String>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// What became of the Release, once it is known.
    pub verdict: Option<SeenVerdict>,
    /// Who asked, in a record of the history.
    pub asked_by: Option<SeenAsker>,
    /// Keys that were added, changed and removed, in a record of the history.
    pub keys: Option<KeyChanges>,
}

/// Who asked, and how that is known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SeenAsker {
    /// How it is known.
    pub known_by: String,
    /// Who wrote the environment, in S3's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requester: Option<String>,
    /// The `source` of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The account that the event is from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

impl SeenAsker {
    /// For people.
    #[must_use]
    pub fn in_words(&self) -> String {
        let who = [&self.requester, &self.source, &self.account];
        let who: Vec<&str> = who.into_iter().filter_map(Option::as_deref).collect();
        match (who.is_empty(), self.known_by.as_str()) {
            (true, "nothing") => String::new(),
            (true, how) => how.to_owned(),
            (false, how) => format!("{} ({how})", who.join(" of ")),
        }
    }
}

/// What became of a Release.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SeenVerdict {
    /// `live`, `rolledBack`, `stuck`, `replaced`.
    pub status: String,
    /// Why, in a sentence for each Service that is not live.
    pub message: Option<String>,
    /// The same words, by Service, of those that had to be waited for.
    pub services: BTreeMap<String, String>,
}

/// Why Secrets Manager is not used.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Fallback {
    /// A stable name of the reason.
    pub error_type: String,
}

/// What became of one Service or Timer.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SeenMove {
    /// The ECS service or the rule.
    pub runs_as: String,
    /// What it ran before.
    pub old_task_definition: Option<String>,
    /// What it runs now.
    pub new_task_definition: String,
    /// Whether it was told anything.
    pub changed: bool,
    /// `kept`, `reused` or `registered`.
    pub revision: String,
    /// Under which addresses it is reached.
    pub addresses: Vec<String>,
}

impl SeenReport {
    /// Reads a report; none where it is no report.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let object: serde_json::Map<String, Value> = serde_json::from_slice(bytes).ok()?;
        serde_json::from_value(object.into()).ok()
    }

    /// How it ended, in one line.
    #[must_use]
    pub fn in_words(&self) -> String {
        let kind = self.error_type.as_deref();
        let kind = kind.map(|kind| format!("{kind}: ")).unwrap_or_default();
        format!("{kind}{}", self.message.as_deref().unwrap_or_default())
    }
}

/// What is known of an error type: its cause and its cure.
#[must_use]
pub fn explained(error_type: &str) -> Option<&'static Explanation> {
    let mut all = ErrorType::EXPLAINED.iter();
    all.find(|known| known.types.iter().any(|it| it.as_str() == error_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_whatever_else_it_says() {
        let report = SeenReport::of(
            br#"{"status": "failed", "errorType": "NoImage", "message": "m", "later": 1}"#,
        )
        .unwrap();
        assert_eq!(report.in_words(), "NoImage: m");
        assert!(explained("NoImage").is_some_and(|known| !known.cure.is_empty()));
        assert_eq!(SeenReport::of(b"[]"), None);
    }
}
