//! What the Release of a superseded request says of it: whoever waits for its report must not wait for ever.
//!
//! The event that tells of it is the trigger. So it does not matter which function superseded the request, and what dies on
//! the way is delivered again.

use lambda::answer::AnswerStatus;
use names::{AppId, ReleaseId, keys};
use promotion::Desired;
use serde_json::{Value, json};

use crate::attempt::write_first_report;
use crate::error::PromoteError;
use crate::handler::Invocation;
use crate::report::Report;

/// A superseded request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Superseded {
    /// The request.
    pub request_id: String,
    /// The S3 version of its environment.
    pub env_version_id: String,
    /// The newer one.
    pub by: String,
    /// Why, in words.
    pub message: String,
}

impl Invocation<'_> {
    /// Writes the report where its Release has none, or one that says that this very request waits. Any other stays: it is of
    /// a request that was done. A newer request for the same Release writes its own.
    ///
    /// # Errors
    ///
    /// [`PromoteError`] when a call fails.
    pub async fn report_superseded(
        self,
        id: &AppId,
        release: &ReleaseId,
        superseded: Superseded,
    ) -> Result<Value, PromoteError> {
        let Superseded {
            request_id,
            env_version_id,
            by,
            message,
        } = superseded;
        let mut report = Report::new(id, release, &request_id, &env_version_id);
        report.superseded(by, message);
        let key = keys::report(&id.app, release);
        let state = self.state(id).await?.state;
        let promotes = state.desired.as_ref().and_then(Desired::promotes);
        let is_awaited = promotes.is_some_and(|(wanted, _)| wanted == release);
        let of_this = |stands: &Value| Report::says_waiting(stands, &request_id);
        let written =
            !is_awaited && write_first_report(&self.shell.bucket, &key, &report, of_this).await?;
        Ok(json!({
            "status": AnswerStatus::Superseded,
            "app": id.app.as_str(),
            "reportWritten": written,
        }))
    }
}
