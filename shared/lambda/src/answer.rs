//! What became of a request: the `status` of every report and answer of these functions.

use names::error_type::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The `status` of a report or an answer. The text is the variant's name in camel case and a contract: people and rules of
/// EventBridge compare it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AnswerStatus {
    /// A Release is applied.
    Promoted,
    /// An App is gone.
    Deleted,
    /// A process was started.
    Started,
    /// It was asked for and is not done, for good.
    Failed,
    /// It is tried again when something else has ended.
    Waiting,
    /// A newer request came before it.
    Superseded,
    /// Another invocation takes it next.
    Queued,
    /// Its time is ahead of the clock.
    Refused,
    /// It is nothing for this function.
    Ignored,
    /// There is nothing to do.
    Idle,
    /// A dry run: what a promote would do.
    Planned,
    /// What ECS runs of Apps was looked at.
    Looked,
    /// A slice of the walk through all Apps is done.
    Reconciled,
    /// An observation was counted.
    Counted,
}

impl AnswerStatus {
    /// The status of a report or an answer that was written.
    #[must_use]
    pub fn of(written: &Value) -> Option<Self> {
        Self::deserialize(written.get("status")?).ok()
    }

    /// An answer of this status and a message.
    #[must_use]
    pub fn answer(self, message: &str) -> Value {
        json!({"status": self, "message": message})
    }
}

/// The answer about what failed for good.
#[must_use]
pub fn failed(error_type: &ErrorCode, message: &str) -> Value {
    json!({"status": AnswerStatus::Failed, "errorType": error_type, "message": message})
}
