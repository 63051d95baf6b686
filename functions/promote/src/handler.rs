//! A payload in, an answer out.

use aws_lambda_events::event::sqs::SqsBatchResponse;
use chrono::{DateTime, Utc};
use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use shared::call_error::ErrorClass;
use shared::error_chain::Chain;

use crate::dry_run::dry_run;
use crate::error::PromoteError;
use crate::request::Next;
use crate::shell::Shell;
use crate::trigger::{self, Payload, Trigger};
use crate::work::Invocation;

/// Answers one invocation.
///
/// SQS records are answered with those that are worth another delivery; everything else with its report.
///
/// # Errors
///
/// [`PromoteError`] of a bare payload, where another delivery can help.
pub async fn handle(shell: &Shell, event: LambdaEvent<Value>) -> Result<Value, PromoteError> {
    let ends_at = i64::try_from(event.context.deadline)
        .ok()
        .and_then(DateTime::from_timestamp_millis);
    let invocation = Invocation {
        shell,
        owner: &event.context.request_id,
        ends_at: ends_at.unwrap_or(DateTime::<Utc>::MAX_UTC),
    };
    match trigger::parse(event.payload) {
        Payload::Bare(triggers) => invocation.answer_all(triggers).await,
        Payload::Queue(messages) => Ok(invocation.answer_queue(messages).await),
    }
}

impl Invocation<'_> {
    async fn answer_queue(self, messages: Vec<(String, Vec<Trigger>)>) -> Value {
        let mut response = SqsBatchResponse::default();
        for (message_id, triggers) in messages {
            if let Err(err) = self.answer_all(triggers).await {
                tracing::warn!(
                    error.kind = err.error_type(),
                    "will be delivered again: {}",
                    Chain(&err)
                );
                response.add_failure(message_id);
            }
        }
        json!({"batchItemFailures": response.batch_item_failures})
    }

    /// One answer, or a list of them where a payload asks for several things.
    async fn answer_all(self, triggers: Vec<Trigger>) -> Result<Value, PromoteError> {
        let mut answers = Vec::new();
        for trigger in triggers {
            answers.push(self.answer(trigger).await?);
        }
        Ok(if answers.len() == 1 {
            answers.remove(0)
        } else {
            answers.into()
        })
    }

    async fn answer(self, trigger: Trigger) -> Result<Value, PromoteError> {
        let answer = match self.next(trigger).await {
            Ok(Next::Answer(answer)) => Ok(answer),
            Ok(Next::Take(message)) => self.take(&message).await,
            Ok(Next::Reconcile) => self.reconcile().await,
            Ok(Next::DryRun(id, release)) => match dry_run(self.shell, &id, &release).await {
                Ok(plan) => serde_json::to_value(plan).map_err(PromoteError::Report),
                Err(err) => Err(err),
            },
            Err(err) => Err(err),
        };
        match answer {
            // What fails again the same way is answered, so that nobody delivers it again.
            Err(err) if err.class() == ErrorClass::Permanent => {
                let message = Chain(&err).to_string();
                tracing::error!(error.kind = err.error_type(), "failed for good: {message}");
                Ok(json!({"status": "failed", "errorType": err.error_type(), "message": message}))
            }
            answer => answer,
        }
    }
}
