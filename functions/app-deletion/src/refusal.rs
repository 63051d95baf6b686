//! Requests that get no state: an event, the answer, the log and a metric are all that tells of them.

use std::collections::BTreeSet;

use aws::secrets::SecretSeen;
use lambda::intake::Failure as _;
use lambda::unwanted::{Keep, Unwanted};
use lambda::work::{AHEAD, Message};
use names::error_chain::Chain;
use names::error_type::{ErrorCode, ErrorType};
use names::{AppId, keys};
use promotion::events::EventType;
use serde_json::Value;

use crate::error::DeletionError;
use crate::report::{self, Report};
use crate::shell::Shell;

/// What is wrong with a request: a stable name, and the same in words.
pub type Problem = (ErrorCode, String);

/// Tells that the request of this id is not done; its report is the answer. `app` is what it names, checked or not.
///
/// # Errors
///
/// [`DeletionError`] where the event cannot be sent now.
pub async fn refuse(
    shell: &Shell,
    app: &str,
    request_id: &str,
    problem: Problem,
) -> Result<Value, DeletionError> {
    let report = Report::refused(&shell.config.rack, app, request_id, problem);
    tracing::error!(
        app.name = report.app,
        request.id = request_id,
        error.kind = report.error_type.as_ref().map(ErrorCode::as_str),
        "{}: {}",
        EventType::AppDeletionFailed.as_str(),
        report.message.as_deref().unwrap_or_default()
    );
    shell.bus.send(&report.events()).await?;
    report::emit_metrics(&report, (shell.clock)());
    serde_json::to_value(report).map_err(DeletionError::Report)
}

/// The same of one whose time is ahead of this clock.
///
/// # Errors
///
/// As [`refuse`].
pub async fn refuse_ahead(shell: &Shell, message: &Message) -> Result<(), DeletionError> {
    let problem = (ErrorType::RequestAhead.into(), AHEAD.to_owned());
    let (app, request_id) = (message.id.app.as_str(), message.request_id());
    refuse(shell, app, request_id, problem).await.map(drop)
}

/// Tells of a failure for good that no state tells of, since the state itself cannot be read or written. A message that
/// only asks to continue comes again with every walk, so of that the metric alone tells.
///
/// # Errors
///
/// As [`refuse`].
pub async fn without_state(
    shell: &Shell,
    message: &Message,
    err: &DeletionError,
) -> Result<(), DeletionError> {
    let (app, request_id) = (message.id.app.as_str(), message.request_id());
    let problem = (err.error_type(), Chain(err).to_string());
    if message.request.is_some() {
        return refuse(shell, app, request_id, problem).await.map(drop);
    }
    let report = Report::refused(&shell.config.rack, app, request_id, problem);
    report::emit_metrics(&report, (shell.clock)());
    Ok(())
}

/// Why there is nothing to delete: no object of the App, and nothing that carries its tags. Asked only where it has no state.
///
/// # Errors
///
/// [`DeletionError`] when a call fails.
pub async fn is_unknown(shell: &Shell, id: &AppId) -> Result<Option<Problem>, DeletionError> {
    let folder = keys::app(&id.app);
    // What was uploaded may be on its way to its first promote, which the deletion has to come before or after.
    if shell.bucket.holds(&folder).await? {
        return Ok(None);
    }
    let none = BTreeSet::new();
    let keep = Keep {
        services: &none,
        rules: &none,
    };
    let unwanted = Unwanted::find(shell.places(), id, None, true, keep).await?;
    let runs =
        unwanted.own_services(id).next().is_some() || unwanted.own_rules(id).next().is_some();
    let stack = shell.stacks.see(id).await?;
    let has_stack = stack.is_some_and(|stack| id.owns(&stack.tags));
    let secret = shell.secrets.of(id).see().await?;
    let has_secret = matches!(secret, SecretSeen::Active(_) | SecretSeen::Scheduled(_));
    if runs || has_stack || has_secret {
        return Ok(None);
    }
    let (rack, bucket) = (&id.rack, shell.bucket.name());
    let message = format!(
        "Rack {rack} has no App `{}`: the bucket `{bucket}` has no object below `{folder}`, and nothing carries its tags; nothing \
         was deleted; compare the name with `aws s3 ls s3://{bucket}/apps/`",
        id.app
    );
    Ok(Some((ErrorType::AppNotFound.into(), message)))
}
