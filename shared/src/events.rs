//! Our own events. Their details carry names, ids, counts and error types, never values.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::names::{AppId, ReleaseId};
use crate::promotion::{Kind, Outcome, OutcomeResult};

/// The `source` of every event that we send.
pub const SOURCE: &str = "secrets-manager-env";

/// An event that is decided; it stands in the state until it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The `detail-type`.
    pub detail_type: String,
    /// The `detail`.
    pub detail: Map<String, Value>,
}

/// What is sent, by detail-type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventType {
    /// A Release is live.
    ReleasePromoted,
    /// A Release is not live, and why.
    ReleasePromoteFailed,
    /// The secret holds the environment.
    SecretWriteSucceeded,
    /// It does not; the Release is delivered through S3.
    SecretWriteFailed,
    /// The settings chose S3.
    SecretWriteSkipped,
    /// ECS went back to the task definition before; the secret still holds the newer values.
    ReleaseRolledBack,
    /// Secret writes of an App fail in a row, or its tasks cannot read the secret.
    RackWarning,
    /// They do not any more.
    RackWarningCleared,
    /// The App is deleted; its secret can be restored until the date.
    AppSecretDeletionScheduled,
    /// A one-off process runs.
    ProcessStarted,
    /// A one-off process could not be started, and why.
    ProcessFailed,
    /// Work for promote or app-deletion.
    PromotionContinue,
    /// The schedule's: look for work that nobody does.
    PromotionReconcile,
}

impl EventType {
    /// The `detail-type`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReleasePromoted => "Release Promoted",
            Self::ReleasePromoteFailed => "Release Promote Failed",
            Self::SecretWriteSucceeded => "Secret Write Succeeded",
            Self::SecretWriteFailed => "Secret Write Failed",
            Self::SecretWriteSkipped => "Secret Write Skipped",
            Self::ReleaseRolledBack => "Release Rolled Back",
            Self::RackWarning => "Rack Warning",
            Self::RackWarningCleared => "Rack Warning Cleared",
            Self::AppSecretDeletionScheduled => "App Secret Deletion Scheduled",
            Self::ProcessStarted => "Process Started",
            Self::ProcessFailed => "Process Failed",
            Self::PromotionContinue => "Promotion Continue",
            Self::PromotionReconcile => "Promotion Reconcile",
        }
    }
}

impl Event {
    /// An event of an App: `rack` and `app` lead the detail. `requestId` lets a consumer drop a duplicate.
    #[must_use]
    pub fn new<const N: usize>(
        kind: EventType,
        id: &AppId,
        request_id: &str,
        fields: [(&str, Value); N],
    ) -> Self {
        Self::named(kind, id.rack.as_str(), id.app.as_str(), request_id, fields)
    }

    /// The same for names that break their rules, so that there is no [`AppId`].
    #[must_use]
    pub fn named<const N: usize>(
        kind: EventType,
        rack: &str,
        app: &str,
        request_id: &str,
        fields: [(&str, Value); N],
    ) -> Self {
        let leading = [("rack", rack), ("app", app), ("requestId", request_id)];
        let leading = leading
            .into_iter()
            .map(|(name, value)| (name, Value::from(value)));
        let detail = leading.chain(fields).filter(|(_, value)| !value.is_null());
        Self {
            detail_type: kind.as_str().to_owned(),
            detail: detail
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        }
    }

    /// What became of the secret; its row's number is added when it is recorded. Without a Release: the App was deleted.
    #[must_use]
    pub fn of_outcome(
        id: &AppId,
        release: Option<&ReleaseId>,
        request_id: &str,
        outcome: &Outcome,
    ) -> Self {
        let kind = match outcome.result {
            OutcomeResult::Ok => EventType::SecretWriteSucceeded,
            OutcomeResult::Failed => EventType::SecretWriteFailed,
            OutcomeResult::Off | OutcomeResult::Deleted => EventType::SecretWriteSkipped,
        };
        let fields = [
            ("release", release.map(ReleaseId::as_str).into()),
            ("errorType", outcome.error_type.clone().into()),
        ];
        Self::new(kind, id, request_id, fields)
    }

    /// The same with the number of its outcome's row.
    #[must_use]
    pub fn with_seq(mut self, seq: u64) -> Self {
        self.detail.insert("seq".to_owned(), seq.into());
        self
    }

    /// Asks a function to continue.
    #[must_use]
    pub fn promotion_continue(id: &AppId, request_id: &str, kind: Kind) -> Self {
        let kind = match kind {
            Kind::Promote => "promote",
            Kind::Delete => "delete",
        };
        Self::new(
            EventType::PromotionContinue,
            id,
            request_id,
            [("kind", kind.into())],
        )
    }
}
