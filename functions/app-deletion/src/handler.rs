//! A payload in, an answer out.

use chrono::SubsecRound as _;
use lambda_runtime::LambdaEvent;
use serde_json::Value;
use shared::call_error::ErrorClass;
use shared::intake::{self, Failure as _};
use shared::names::{AppId, AppName, NameError};
use shared::promotion::{Order, Request, Tie, Work};
use shared::stack_state::app_of;
use shared::work::{Invocation, Message, short_answer};

use crate::error::DeletionError;
use crate::report::{self, Report};
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
    let one = async |trigger| Box::pin(answer(invocation, trigger)).await; // large
    intake::answer(payload, one).await
}

async fn answer(
    invocation: Invocation<'_, Shell>,
    trigger: Trigger,
) -> Result<Value, DeletionError> {
    let shell = invocation.function;
    let message = match trigger {
        Trigger::Ignored(reason) => return Ok(ignored(&reason)),
        Trigger::Deleted { rack, .. } | Trigger::Continue { rack, .. }
            if rack != shell.config.rack.as_str() =>
        {
            return Ok(ignored(&format!("an event of Rack `{rack}`")));
        }
        Trigger::Continue { app, .. } => Message::continues(id(shell, &app)?),
        Trigger::StackChanged { stack_id } => {
            let Some(id) = app_of(&shell.config.rack, &stack_id) else {
                let reason = format!("the stack `{stack_id}`, which is no App's of this Rack");
                return Ok(ignored(&reason));
            };
            Message::wakes(id)
        }
        Trigger::Deleted {
            app,
            event_id,
            time,
            ..
        } => Message {
            id: id(shell, &app)?,
            request: Some(Request {
                work: Work::Delete,
                order: Order {
                    requested_at: time.trunc_subsecs(0),
                    request_id: event_id,
                    tie: Tie::default(),
                },
            }),
            current: None,
            wakes: false,
        },
    };
    let taken = match invocation.take(&message).await {
        Ok(taken) => taken,
        Err(err) => {
            // Nothing else tells of it, since the state itself cannot be read or written.
            if err.class() == ErrorClass::Permanent {
                report::emit_metrics(&Report::of_message(&message), (shell.clock)());
            }
            return Err(err);
        }
    };
    if let Some(answer) = taken.standing(&message.id) {
        return Ok(answer);
    }
    match taken.report {
        Some(report) => {
            report::emit_metrics(&report, (shell.clock)());
            serde_json::to_value(report).map_err(DeletionError::Report)
        }
        None => Ok(short_answer("idle", "nothing is left to do for this App")),
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
    short_answer("ignored", reason)
}
