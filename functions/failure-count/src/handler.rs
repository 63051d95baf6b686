//! A payload in, an answer out.

use lambda::answer::AnswerStatus;
use lambda::counting;
use lambda::intake;
use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};

use crate::error::CountError;
use crate::observation;
use crate::shell::Shell;
use crate::trigger::Trigger;

/// Answers one invocation.
///
/// SQS records are answered with those that are worth another delivery; everything else with what was counted.
///
/// # Errors
///
/// [`CountError`] of a bare payload, where another delivery can help.
pub async fn handle(shell: &Shell, event: LambdaEvent<Value>) -> Result<Value, CountError> {
    let payload = intake::parse(event.payload);
    intake::answer(payload, async |trigger| answer(shell, trigger).await).await
}

async fn answer(shell: &Shell, trigger: Trigger) -> Result<Value, CountError> {
    let (id, observation) = match observation::find(shell, trigger).await? {
        Ok(found) => found,
        Err(reason) => return Ok(ignored(&reason)),
    };
    let note = |failures: &mut _, promotion: &_| observation.note(&id, failures, promotion);
    let counted = counting::update(&shell.bucket, shell, &id, note).await?;
    if !counted.has_promotion {
        return Ok(ignored(&format!(
            "an event of the App `{}`, which has no promotion.json",
            id.app
        )));
    }
    Ok(json!({
        "status": AnswerStatus::Counted,
        "app": id.app.as_str(),
        "countedSeq": counted.failures.counted_seq,
        "consecutiveFailures": counted.failures.consecutive_failures,
        "events": counted.sent.len(),
    }))
}

fn ignored(reason: &str) -> Value {
    tracing::info!("ignored: {reason}");
    AnswerStatus::Ignored.answer(reason)
}
