//! Our own events. Their details carry names, ids, counts and error types, never values.

mod bounded;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{Outcome, OutcomeResult, WorkKind};
use names::{AppId, RackName, ReleaseId};

pub use bounded::{EVENT_MAX_BYTES, REFUSED_MAX_BYTES, calls};

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
    /// A Release waits for something that takes minutes, and for what.
    ReleasePromoteWaiting,
    /// A Release is not promoted, since a newer request came before.
    ReleasePromoteSuperseded,
    /// The secret holds the environment.
    SecretWriteSucceeded,
    /// It does not; the Release is delivered through S3.
    SecretWriteFailed,
    /// The settings chose S3.
    SecretWriteSkipped,
    /// Every Service of a Release runs it.
    ReleaseLive,
    /// ECS went back to the task definition before, of one Service or more.
    ReleaseRolledBack,
    /// A Release is not live, and nothing else either, for as long as the Rack waits.
    ReleaseStuck,
    /// Secret writes of an App fail in a row, or its tasks cannot read the secret.
    RackWarning,
    /// They do not any more.
    RackWarningCleared,
    /// The App is deleted; its secret can be restored until the date.
    AppSecretDeletionScheduled,
    /// A deletion waits for something that takes minutes, and for what.
    AppDeletionWaiting,
    /// An App is not deleted, since a newer request came before.
    AppDeletionSuperseded,
    /// An App is deleted, and what became of all that it had.
    AppDeletionCompleted,
    /// An App is not deleted, or not all of it, and why.
    AppDeletionFailed,
    /// A one-off process runs.
    ProcessStarted,
    /// A one-off process could not be started, and why.
    ProcessFailed,
    /// Work for promote or app-deletion.
    PromotionContinue,
    /// The schedule's: look for work that nobody does.
    PromotionReconcile,
    /// The schedule's: look at the Releases whose verdict is not known.
    VerdictLook,
}

impl EventType {
    /// All that is sent.
    pub const ALL: [Self; 22] = [
        Self::ReleasePromoted,
        Self::ReleasePromoteFailed,
        Self::ReleasePromoteWaiting,
        Self::ReleasePromoteSuperseded,
        Self::SecretWriteSucceeded,
        Self::SecretWriteFailed,
        Self::SecretWriteSkipped,
        Self::ReleaseLive,
        Self::ReleaseRolledBack,
        Self::ReleaseStuck,
        Self::RackWarning,
        Self::RackWarningCleared,
        Self::AppSecretDeletionScheduled,
        Self::AppDeletionWaiting,
        Self::AppDeletionSuperseded,
        Self::AppDeletionCompleted,
        Self::AppDeletionFailed,
        Self::ProcessStarted,
        Self::ProcessFailed,
        Self::PromotionContinue,
        Self::PromotionReconcile,
        Self::VerdictLook,
    ];

    /// The `detail-type`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReleasePromoted => "Release Promoted",
            Self::ReleasePromoteFailed => "Release Promote Failed",
            Self::ReleasePromoteWaiting => "Release Promote Waiting",
            Self::ReleasePromoteSuperseded => "Release Promote Superseded",
            Self::SecretWriteSucceeded => "Secret Write Succeeded",
            Self::SecretWriteFailed => "Secret Write Failed",
            Self::SecretWriteSkipped => "Secret Write Skipped",
            Self::ReleaseLive => "Release Live",
            Self::ReleaseRolledBack => "Release Rolled Back",
            Self::ReleaseStuck => "Release Stuck",
            Self::RackWarning => "Rack Warning",
            Self::RackWarningCleared => "Rack Warning Cleared",
            Self::AppSecretDeletionScheduled => "App Secret Deletion Scheduled",
            Self::AppDeletionWaiting => "App Deletion Waiting",
            Self::AppDeletionSuperseded => "App Deletion Superseded",
            Self::AppDeletionCompleted => "App Deletion Completed",
            Self::AppDeletionFailed => "App Deletion Failed",
            Self::ProcessStarted => "Process Started",
            Self::ProcessFailed => "Process Failed",
            Self::PromotionContinue => "Promotion Continue",
            Self::PromotionReconcile => "Promotion Reconcile",
            Self::VerdictLook => "Verdict Look",
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
        let detail = detail.map(|(name, value)| (name.to_owned(), value));
        Self::of(kind, detail.collect())
    }

    /// An event with a detail that leads with `rack`, `app` and `requestId`, cut to what EventBridge takes.
    #[must_use]
    pub fn of(kind: EventType, detail: Map<String, Value>) -> Self {
        let event = Self {
            detail_type: kind.as_str().to_owned(),
            detail,
        };
        event.within(EVENT_MAX_BYTES).into_owned()
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
            ("errorType", json!(outcome.error_type)),
        ];
        Self::new(kind, id, request_id, fields)
    }

    /// The same with the number of its outcome's row.
    #[must_use]
    pub fn with_seq(mut self, seq: u64) -> Self {
        self.detail.insert("seq".to_owned(), seq.into());
        self
    }

    /// Asks promote to go on with the schedule's walk behind the App `after`.
    #[must_use]
    pub fn reconcile_behind(rack: &RackName, request_id: &str, after: &str) -> Self {
        let detail = [
            ("rack", rack.as_str()),
            ("requestId", request_id),
            ("after", after),
        ];
        let detail = detail.map(|(name, value)| (name.to_owned(), Value::from(value)));
        Self::of(EventType::PromotionReconcile, detail.into_iter().collect())
    }

    /// Asks a function to continue.
    #[must_use]
    pub fn promotion_continue(id: &AppId, request_id: &str, kind: WorkKind) -> Self {
        let fields = [("kind", json!(kind))];
        Self::new(EventType::PromotionContinue, id, request_id, fields)
    }
}
