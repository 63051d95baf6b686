//! A payload in, an answer out.

use aws::call_error::ErrorClass;
use chrono::TimeDelta;
use lambda::answer::AnswerStatus;
use lambda::intake::{self, Failure as _};
use lambda_runtime::LambdaEvent;
use serde_json::Value;

use crate::apply::apply;
use crate::error::RunError;
use crate::gather::gather;
use crate::plan;
use crate::report::Report;
use crate::request::{self, About};
use crate::shell::Shell;
use crate::trigger::{Requested, Trigger};

/// How long a request waits for room in the cluster: the queue delivers it for 20 minutes.
pub const NO_ROOM_MINUTES: i64 = 15;

/// Answers one invocation.
///
/// SQS records are answered with those that are worth another delivery; everything else with its report.
///
/// # Errors
///
/// [`RunError`] of a bare payload, where another delivery can help.
pub async fn handle(shell: &Shell, event: LambdaEvent<Value>) -> Result<Value, RunError> {
    let invocation_id = event.context.request_id;
    let payload = intake::parse(event.payload);
    intake::answer(payload, async |trigger| match trigger {
        Trigger::Ignored(reason) => Ok(ignored(&reason)),
        Trigger::Requested(requested) => answer(shell, &requested, &invocation_id).await,
    })
    .await
}

async fn answer(
    shell: &Shell,
    requested: &Requested,
    invocation_id: &str,
) -> Result<Value, RunError> {
    let rack = &shell.config.rack;
    if let Some(other) = requested.rack.as_ref().filter(|it| *it != rack.as_str()) {
        return Ok(ignored(&format!("an event of Rack `{other}`")));
    }
    let about = About::new(rack, requested, invocation_id);
    let mut report = Report::new(&about);
    if let Err(err) = run(shell, requested, &about, &mut report).await {
        let waited = about.time.is_some()
            && about.age((shell.clock)()) >= TimeDelta::minutes(NO_ROOM_MINUTES);
        let gives_up = err.lacks_room() && waited;
        if err.class() == ErrorClass::Transient && !gives_up {
            return Err(err);
        }
        report.failed(&err);
    }
    report.log();
    tell(shell, &mut report).await?;
    report.emit_metrics((shell.clock)());
    serde_json::to_value(report).map_err(RunError::Report)
}

async fn run(
    shell: &Shell,
    requested: &Requested,
    about: &About,
    report: &mut Report,
) -> Result<(), RunError> {
    let config = &shell.config;
    let request = request::checked(&config.rack, requested, about, (shell.clock)());
    let request = request.map_err(|problem| RunError::Input(vec![problem]))?;
    let gathered = Box::pin(gather(shell, &request)).await?;
    report.of_release(&gathered.release, &gathered.env_version_id);
    report.warn(plan::warnings(&gathered));
    let plan = plan::plan(config, &request, &gathered)?;
    let request_id = &about.request_id;
    let applied = Box::pin(apply(shell, &request, &gathered.release, &plan, request_id)).await?;
    report.started(&gathered, plan, applied);
    Ok(())
}

/// Sends the event. One that fails for now is worth another delivery, which starts nothing anew; of one that fails for good
/// the answer and the log tell.
async fn tell(shell: &Shell, report: &mut Report) -> Result<(), RunError> {
    let dropped = shell.bus.send(&[report.event()]).await?;
    let told = dropped.into_iter().map(|dropped| {
        let (kind, reason) = (dropped.detail_type, dropped.reason);
        format!("nobody was told `{kind}`: {reason}")
    });
    report.warnings.extend(told);
    Ok(())
}

fn ignored(reason: &str) -> Value {
    tracing::info!("ignored: {reason}");
    AnswerStatus::Ignored.answer(reason)
}
