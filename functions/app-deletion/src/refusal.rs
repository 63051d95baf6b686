//! Requests that get no state: an event, the answer, the log and a metric are all that tells of them.

use std::collections::BTreeSet;

use aws::secrets::SecretSeen;
use lambda::history;
use lambda::intake::Failure as _;
use lambda::unwanted::{Keep, Unwanted};
use lambda::work::{Message, RequestAhead};
use names::bounds;
use names::error_chain::Chain;
use names::error_type::ErrorCode;
use names::{AppId, keys};
use promotion::events::EventType;
use promotion::history::{Asked, HistoryRecord};
use serde_json::Value;

use crate::error::DeletionError;
use crate::report::{self, Report};
use crate::shell::Shell;

/// Tells that the request of this id is not done; its report is the answer. `app` is what it names, checked or not.
///
/// # Errors
///
/// [`DeletionError`] where the event cannot be sent now.
pub async fn refuse(
    shell: &Shell,
    app: &str,
    request_id: &str,
    err: &DeletionError,
) -> Result<Value, DeletionError> {
    let report = Report::refused(&shell.config.rack, app, request_id, err);
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

/// Tells that a request is not done whose time is ahead of this clock. What is no App yet gets no history.
///
/// # Errors
///
/// As [`refuse`].
pub async fn refuse_ahead(
    shell: &Shell,
    message: &Message,
    is_app: bool,
) -> Result<(), DeletionError> {
    let (app, request_id) = (message.id.app.as_str(), message.request_id());
    let ahead = DeletionError::Ahead(RequestAhead);
    if is_app {
        record(shell, message, &ahead).await?;
    }
    refuse(shell, app, request_id, &ahead).await.map(drop)
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
    if message.request.is_some() {
        record(shell, message, err).await?;
        return refuse(shell, app, request_id, err).await.map(drop);
    }
    let report = Report::refused(&shell.config.rack, app, request_id, err);
    report::emit_metrics(&report, (shell.clock)());
    Ok(())
}

/// Keeps for good that a request never came to the App's state, and why.
async fn record(
    shell: &Shell,
    message: &Message,
    err: &DeletionError,
) -> Result<(), DeletionError> {
    let Some(request) = &message.request else {
        return Ok(());
    };
    let (error_type, said) = (err.error_type(), bounds::message(Chain(err)));
    let problem = (&error_type, said.as_str());
    let asked = Asked::request(request);
    let record = HistoryRecord::refused(&message.id, asked, (shell.clock)(), problem);
    history::write(&shell.bucket, &message.id.app, &[record], None).await?;
    Ok(())
}

/// Whether there is anything to delete: an object of the App, or what carries its tags. Asked only where it has no state.
///
/// # Errors
///
/// [`DeletionError`] when a call fails.
pub async fn exists(shell: &Shell, id: &AppId) -> Result<bool, DeletionError> {
    let folder = keys::app(&id.app);
    // What was uploaded may be on its way to its first promote, which the deletion has to come before or after.
    if shell.bucket.holds(&folder).await? {
        return Ok(true);
    }
    let none = BTreeSet::new();
    let keep = Keep {
        services: &none,
        rules: &none,
        // A state that is lost may have known of some.
        schedules: true,
    };
    let unwanted = Unwanted::find(shell.places(), id, None, true, keep).await?;
    let runs = unwanted.own_services(id).next().is_some()
        || unwanted.own_rules(id).next().is_some()
        || unwanted.own_schedules(id).next().is_some();
    let stack = shell.stacks.see(id).await?;
    let has_stack = stack.is_some_and(|stack| id.owns(&stack.tags));
    let secret = shell.secrets.of(id).see().await?;
    let has_secret = matches!(secret, SecretSeen::Active(_) | SecretSeen::Scheduled(_));
    Ok(runs || has_stack || has_secret)
}
