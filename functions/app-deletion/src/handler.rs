//! A payload in, an answer out.

use aws::call_error::ErrorClass;
use chrono::{DateTime, SubsecRound as _, Utc};
use lambda::answer::AnswerStatus;
use lambda::intake::{self, Failure as _};
use lambda::state_store::{Snapshot, StoreError};
use lambda::work::{Answered, Invocation, Message};
use lambda_runtime::LambdaEvent;
use names::{AppId, AppName, NameError, keys};
use promotion::history::Asker;
use promotion::{Order, Promotion, Request, Tie, Work};
use release::stack_state::app_of;
use serde_json::Value;

use crate::error::DeletionError;
use crate::refusal;
use crate::report;
use crate::shell::Shell;
use crate::trigger::Trigger;

/// Answers one invocation.
///
/// SQS records are answered with those that are worth another delivery; everything else with its report.
///
/// # Errors
///
/// [`DeletionError`] of a bare payload, where another delivery can help.
pub async fn handle(shell: &Shell, event: LambdaEvent<Value>) -> Result<Value, DeletionError> {
    let owner = shell.owners.of(&event.context.request_id);
    let invocation = Invocation::new(shell, &owner, event.context.deadline);
    let payload = intake::parse(event.payload);
    let own_id = event.context.request_id.as_str();
    let one = async |trigger| Box::pin(answer(invocation, trigger, own_id)).await; // large
    intake::answer(payload, one).await
}

async fn answer(
    invocation: Invocation<'_, Shell>,
    trigger: Trigger,
    own_id: &str,
) -> Result<Value, DeletionError> {
    let shell = invocation.function;
    let (message, state) = match trigger {
        Trigger::Ignored(reason) => return Ok(ignored(&reason)),
        Trigger::Deleted {
            rack: Some(rack), ..
        }
        | Trigger::Incomplete { rack, .. }
        | Trigger::Continue { rack, .. }
            if rack != shell.config.rack.as_str() =>
        {
            return Ok(ignored(&format!("an event of Rack `{rack}`")));
        }
        Trigger::Incomplete {
            request_id,
            problem,
            ..
        } => {
            let incomplete = DeletionError::Incomplete(problem);
            return refusal::refuse(shell, "", &request_id, &incomplete).await;
        }
        Trigger::Continue { app, .. } => (
            Message::continues(id(shell, &app).map_err(DeletionError::Name)?),
            None,
        ),
        Trigger::StackChanged { stack_id } => {
            let Some(id) = app_of(&shell.config.rack, &stack_id) else {
                let reason = format!("the stack `{stack_id}`, which is no App's of this Rack");
                return Ok(ignored(&reason));
            };
            (Message::wakes(id), None)
        }
        Trigger::Deleted {
            app,
            event,
            asked_by,
            ..
        } => {
            let (request_id, time) = event.unwrap_or_else(|| (own_id.to_owned(), (shell.clock)()));
            let id = match id(shell, &app) {
                Ok(id) => id,
                Err(err) => {
                    let err = DeletionError::Name(err);
                    return refusal::refuse(shell, &app, &request_id, &err).await;
                }
            };
            let state = invocation.store(&id).read().await;
            if state.as_ref().is_ok_and(|state| !state.exists())
                && !refusal::exists(shell, &id).await?
            {
                let unknown = DeletionError::AppNotFound {
                    bucket: shell.bucket.name().to_owned(),
                    folder: keys::app(&id.app),
                    id,
                };
                return refusal::refuse(shell, &app, &request_id, &unknown).await;
            }
            (deletion(id, (request_id, time), asked_by), Some(state))
        }
    };
    work(invocation, &message, state).await
}

/// Takes the message through the App's state; what is to be said of it.
async fn work(
    invocation: Invocation<'_, Shell>,
    message: &Message,
    state: Option<Result<Snapshot<Promotion>, StoreError>>,
) -> Result<Value, DeletionError> {
    let shell = invocation.function;
    let taken = match take(invocation, message, state).await {
        Ok(taken) => taken,
        Err(err) => {
            if err.class() == ErrorClass::Permanent {
                refusal::without_state(shell, message, &err).await?;
            }
            return Err(err);
        }
    };
    if taken.is_ahead() {
        let is_app = taken.state.desired.is_some();
        refusal::refuse_ahead(shell, message, is_app).await?;
    }
    if let Some(answer) = taken.standing(&message.id) {
        return Ok(answer);
    }
    match taken.report {
        Some(report) => {
            report::emit_metrics(&report, (shell.clock)());
            serde_json::to_value(report).map_err(DeletionError::Report)
        }
        None => Ok(AnswerStatus::Idle.answer("nothing is left to do for this App")),
    }
}

fn deletion(id: AppId, (request_id, time): (String, DateTime<Utc>), asked_by: Asker) -> Message {
    let order = Order {
        requested_at: time.trunc_subsecs(0),
        request_id,
        tie: Tie::default(),
    };
    Message {
        request: Some(Request {
            work: Work::Delete,
            order,
            asked_by,
        }),
        ..Message::continues(id)
    }
}

/// Through the state as it was just read, or as it is.
async fn take(
    invocation: Invocation<'_, Shell>,
    message: &Message,
    state: Option<Result<Snapshot<Promotion>, StoreError>>,
) -> Result<Answered<report::Report>, DeletionError> {
    match state {
        Some(state) => Box::pin(invocation.take_from(message, state?)).await, // large
        None => Box::pin(invocation.take(message)).await,                     // large
    }
}

fn id(shell: &Shell, app: &str) -> Result<AppId, NameError> {
    Ok(AppId {
        rack: shell.config.rack.clone(),
        app: AppName::new(app)?,
    })
}

fn ignored(reason: &str) -> Value {
    tracing::info!("ignored: {reason}");
    AnswerStatus::Ignored.answer(reason)
}
