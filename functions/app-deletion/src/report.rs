//! What a deletion did: the answer, the log and the event say the same.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use shared::events::{Event, EventType};
use shared::metrics;
use shared::names::AppId;
use shared::secrets::Scheduled;
use shared::work::Message;

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
    /// `deleted` or `failed`.
    pub status: &'static str,
    /// Why it failed, as a stable name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_type: Option<String>,
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
            status: "failed",
            error_type: None,
            message: None,
            removed: Vec::new(),
            secret_arn: None,
            deletion_date: None,
            warnings: Vec::new(),
        }
    }

    /// The report of a message whose request is not even written down.
    #[must_use]
    pub fn of_message(message: &Message) -> Self {
        let request = message.request.as_ref();
        Self::new(
            &message.id,
            request.map_or("", |request| &request.order.request_id),
        )
    }

    /// Adds that the App is gone, and what became of its secret.
    pub fn deleted(&mut self, secret: Option<&Scheduled>, now: DateTime<Utc>) {
        self.status = "deleted";
        let Some(secret) = secret else {
            return;
        };
        self.secret_arn = Some(secret.arn.to_string());
        self.deletion_date = secret.window_ends(now);
        if let (None, Some(date)) = (self.deletion_date, secret.deleted_date) {
            self.warnings.push(format!(
                "the secret was scheduled for deletion before, and Secrets Manager does not say until when it can be restored: its \
                 DeletedDate is {}, and a window is 7 to 30 days long (30 where the deletion of an App opened it)",
                date.to_rfc3339()
            ));
        }
    }

    /// The event that tells until when the secret can be restored, where there is one.
    #[must_use]
    pub fn event(&self, id: &AppId) -> Option<Event> {
        let arn = self.secret_arn.as_deref()?;
        let fields = [
            ("secretArn", arn.into()),
            ("deletionDate", json!(self.deletion_date)),
        ];
        let kind = EventType::AppSecretDeletionScheduled;
        Some(Event::new(kind, id, &self.request_id, fields))
    }
}

/// Writes the line about one deletion to standard output, where Lambda takes it from.
pub fn emit_metrics(report: &Report, now: DateTime<Utc>) {
    let deleted = report.status == "deleted";
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
    use shared::names::{AppName, RackName, SecretArn};

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
