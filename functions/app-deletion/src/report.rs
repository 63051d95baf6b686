//! What a deletion did: the answer, the log and the event say the same.

use aws::metrics;
use aws::secrets::Scheduled;
use chrono::{DateTime, Utc};
use lambda::answer::AnswerStatus;
use lambda::intake::Failure as _;
use names::bounds;
use names::error_chain::Chain;
use names::error_type::ErrorCode;
use names::{AppId, RackName};
use promotion::events::{Event, EventType};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::error::DeletionError;
use crate::notice::Notice;

/// Characters that are shown of a name that is none.
const SHOWN_MAX: usize = 80;

/// The report of one deletion.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The Rack.
    pub rack: String,
    /// The App.
    pub app: String,
    /// The request.
    pub request_id: String,
    /// Deleted or failed.
    pub status: AnswerStatus,
    /// Why it failed, as a stable name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_type: Option<ErrorCode>,
    /// Why it failed, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The ECS services, rules and revisions that this run removed; an earlier one may have removed more.
    pub removed: Vec<String>,
    /// The App's secret, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_arn: Option<String>,
    /// Until when the secret can be restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_date: Option<DateTime<Utc>>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl Report {
    /// The report of a request that is not done yet.
    #[must_use]
    pub fn new(id: &AppId, request_id: &str) -> Self {
        Self {
            rack: id.rack.to_string(),
            app: id.app.to_string(),
            request_id: request_id.to_owned(),
            status: AnswerStatus::Failed,
            error_type: None,
            message: None,
            removed: Vec::new(),
            secret_arn: None,
            deletion_date: None,
            warnings: Vec::new(),
        }
    }

    /// The report of a request that has no state, since it cannot be one of an App: `app` is shown as far as it can be.
    #[must_use]
    pub fn refused(rack: &RackName, app: &str, request_id: &str, err: &DeletionError) -> Self {
        let printable = app.chars().filter(|c| !c.is_control());
        Self {
            rack: rack.to_string(),
            app: printable.take(SHOWN_MAX).collect(),
            request_id: request_id.to_owned(),
            status: AnswerStatus::Failed,
            error_type: Some(err.error_type()),
            message: Some(bounds::message(Chain(err))),
            removed: Vec::new(),
            secret_arn: None,
            deletion_date: None,
            warnings: Vec::new(),
        }
    }

    /// Adds that the App is gone, and what became of its secret.
    pub fn deleted(&mut self, secret: Option<&Scheduled>, now: DateTime<Utc>) {
        self.status = AnswerStatus::Deleted;
        let Some(secret) = secret else {
            return;
        };
        self.secret_arn = Some(secret.arn.to_string());
        self.deletion_date = secret.window_ends(now);
        if let (None, Some(date)) = (self.deletion_date, secret.deleted_date) {
            let date = date.to_rfc3339();
            self.warnings
                .push(Notice::WindowUnknown { date }.to_string());
        }
    }

    /// The same for the history.
    #[must_use]
    pub fn details(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(details)) => details,
            _ => Map::new(), // a struct of named fields is always an object
        }
    }

    /// The events that tell it: until when the secret can be restored, where there is one, and how it ended.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        let event = |kind, fields: [(&str, Value); 6]| {
            Event::named(kind, &self.rack, &self.app, &self.request_id, fields)
        };
        let secret = [
            ("secretArn", json!(self.secret_arn)),
            ("deletionDate", json!(self.deletion_date)),
        ];
        let listed = |list: &Vec<String>| json!(Some(list).filter(|list| !list.is_empty()));
        let [arn, date] = secret.clone();
        let ended = [
            ("errorType", json!(self.error_type)),
            ("message", json!(self.message)),
            ("removed", listed(&self.removed)),
            ("warnings", listed(&self.warnings)),
            arn,
            date,
        ];
        let kind = if self.status == AnswerStatus::Deleted {
            EventType::AppDeletionCompleted
        } else {
            EventType::AppDeletionFailed
        };
        let ended = event(kind, ended);
        let mut events = Vec::new();
        if self.secret_arn.is_some() {
            let kind = EventType::AppSecretDeletionScheduled;
            let secret = Event::named(kind, &self.rack, &self.app, &self.request_id, secret);
            events.push(secret);
        }
        events.push(ended);
        events
    }
}

/// Writes the line about one deletion to standard output, where Lambda takes it from.
pub fn emit_metrics(report: &Report, now: DateTime<Utc>) {
    let deleted = report.status == AnswerStatus::Deleted;
    let members = json!({
        "Rack": report.rack,
        "AppDeletions": u8::from(deleted),
        "AppDeletionFailures": u8::from(!deleted),
        "app.name": report.app,
        "request.id": report.request_id,
    });
    let set: metrics::Set<'_> = (&["Rack"], &["AppDeletions", "AppDeletionFailures"]);
    println!("{}", metrics::embedded(&[set], members, now));
}

#[cfg(test)]
mod tests {
    use names::{AppName, RackName, SecretArn};

    use super::*;

    #[test]
    fn a_date_of_the_past_is_not_told_as_the_end_of_the_window() {
        let id = AppId {
            rack: RackName::new("myrack").unwrap(),
            app: AppName::new("shop").unwrap(),
        };
        let at = |seconds| DateTime::from_timestamp(seconds, 0);
        let scheduled = Scheduled {
            arn: SecretArn::returned("arn"),
            deletion_date: None,
            deleted_date: at(1_000),
        };
        let mut report = Report::new(&id, "r");
        report.deleted(Some(&scheduled), at(2_000).unwrap());
        assert_eq!(report.deletion_date, None);
        let warning = report.warnings.first().unwrap();
        assert!(
            warning.contains("DeletedDate is 1970-01-01T00:16:40"),
            "{warning}"
        );
        let mut report = Report::new(&id, "r");
        report.deleted(Some(&scheduled), at(500).unwrap());
        assert_eq!(
            (report.deletion_date, report.warnings.len()),
            (at(1_000), 0)
        );
    }
}
