//! One attempt at a deletion: gather, plan, apply, report.

use aws::call_error::ErrorClass;
use aws::event_bus::EventBus;
use aws::settings_bucket::SettingsBucket;
use chrono::{DateTime, TimeDelta, Utc};
use lambda::intake::Failure as _;
use lambda::work::{Attempt, Due, Function};
use names::AppId;
use names::bounds;
use names::error_chain::Chain;
use promotion::events::{Event, EventType};
use promotion::history::{Asked, Ended, Ending, HistoryRecord};
use promotion::{
    DEADLINE_HOURS, Finished, Outcome, OutcomeResult, Request, Runs, Status, WorkKind,
};
use serde_json::{Map, Value};

use crate::apply::{self, apply};
use crate::error::DeletionError;
use crate::gather::{Gathered, gather};
use crate::plan::plan;
use crate::report::Report;
use crate::shell::Shell;

/// When a deletion that waits is looked at again; the schedule does it.
const NEXT_LOOK_SECONDS: i64 = 60;

impl Function for Shell {
    type Report = Report;
    type Error = DeletionError;
    type Objects = SettingsBucket;
    type Bus = EventBus;
    type Facts = Result<Gathered, DeletionError>;

    fn kind(&self) -> WorkKind {
        WorkKind::Delete
    }

    fn objects(&self) -> &SettingsBucket {
        &self.bucket
    }

    fn bus(&self) -> &EventBus {
        &self.bus
    }

    fn now(&self) -> DateTime<Utc> {
        (self.clock)()
    }

    /// A deletion is about no object.
    async fn newest(&self, _: &Request) -> Result<Option<String>, DeletionError> {
        Ok(None)
    }

    async fn read(&self, due: Due<'_>) -> Self::Facts {
        Box::pin(gather(self, due.id, due.applied, due.may_stand.schedules)).await // large
    }

    async fn attempt(
        &self,
        due: Due<'_>,
        gathered: Self::Facts,
    ) -> Result<Attempt<Report>, DeletionError> {
        let (id, desired) = (due.id, due.desired);
        let request_id = desired.order.request_id.as_str();
        let mut report = Report::new(id, request_id);
        match delete(self, due, gathered, &mut report).await {
            Ok(apply::DeletionProgress::Done(secret)) => {
                report.deleted(secret.as_ref(), self.now());
                let record = history(due, Ended::Deleted, self.now(), report.details());
                let mut done = deleted(id, report);
                done.finished.history = Some(record);
                Ok(done)
            }
            Ok(apply::DeletionProgress::Waits(reason)) => {
                let reason = bounds::text(reason, bounds::REASON_MAX_BYTES);
                tracing::info!(
                    app.name = %id.app, request.id = request_id,
                    "the deletion waits: {reason}"
                );
                let until = self.now() + TimeDelta::seconds(NEXT_LOOK_SECONDS);
                let is_news = !desired.is_told_to_wait_for(&reason);
                let fields = [("message", reason.as_str().into())];
                let event = Event::new(EventType::AppDeletionWaiting, id, request_id, fields);
                let status = Status::Waiting { reason, until };
                let mut waits = attempt(request_id, status, None);
                if is_news {
                    let details = event.detail.clone();
                    let record = history(due, Ended::Waiting, self.now(), details);
                    waits.finished.history = Some(record);
                }
                waits.finished.events.push(event);
                Ok(waits)
            }
            Err(err) if err.class() == ErrorClass::Transient => Err(err),
            Err(err) => {
                let mut failed = failed(id, &err, desired.interrupted, report);
                let details = failed.report.as_ref().map(Report::details);
                let details = details.unwrap_or_default();
                let record = history(due, Ended::Failed, self.now(), details);
                failed.finished.history = Some(record);
                Ok(failed)
            }
        }
    }
}

/// What is kept of the request for good.
fn history(
    due: Due<'_>,
    status: Ended,
    at: DateTime<Utc>,
    details: Map<String, Value>,
) -> HistoryRecord {
    let ending = Ending {
        status,
        at,
        applied_before: due.applied.map(|applied| applied.release.clone()),
        details,
        verdict: None,
    };
    HistoryRecord::new(due.id, Asked::desired(due.desired, false), ending)
}

async fn delete(
    shell: &Shell,
    due: Due<'_>,
    gathered: Result<Gathered, DeletionError>,
    report: &mut Report,
) -> Result<apply::DeletionProgress, DeletionError> {
    let Due {
        id,
        desired,
        applied,
        ..
    } = due;
    if desired.deadline <= shell.now() {
        return Err(DeletionError::PastDeadline {
            hours: DEADLINE_HOURS,
            status: desired.status.in_words().to_owned(),
        });
    }
    let gathered = gathered?;
    let request_id = desired.order.request_id.as_str();
    let plan = plan(id, request_id, applied, &gathered)?;
    report.warnings.clone_from(&plan.warnings);
    apply(shell, id, &plan, &mut report.removed).await
}

fn deleted(id: &AppId, report: Report) -> Attempt<Report> {
    let date = report.deletion_date.map(|date| date.to_rfc3339());
    let secret = match (&report.secret_arn, date) {
        (Some(arn), Some(date)) => format!("its secret {arn} can be restored until {date}"),
        (Some(arn), None) => format!("its secret {arn} is scheduled for deletion"),
        (None, _) => "it had no secret".to_owned(),
    };
    tracing::info!(
        app.name = %id.app, request.id = report.request_id,
        "App {} is deleted; {secret}", id.app
    );
    let outcome = Outcome {
        result: OutcomeResult::Deleted,
        error_type: None,
    };
    let event = Event::of_outcome(id, None, &report.request_id, &outcome);
    let finished = Finished {
        request_id: report.request_id.clone(),
        status: Status::Done,
        runs: Runs::Nothing,
        outcome: Some((outcome, event)),
        events: report.events(),
        objects: Vec::new(),
        history: None,
    };
    Attempt {
        finished,
        report: Some(report),
    }
}

/// A failure for good. Nothing is put back: this function may not create or restore, and the App was to go anyway.
fn failed(id: &AppId, err: &DeletionError, resumed: bool, mut report: Report) -> Attempt<Report> {
    let mut message = Chain(err).to_string();
    let gone = match (report.removed.is_empty(), resumed) {
        (false, _) => Some(format!("this is gone: {}", report.removed.join(", "))),
        (true, true) => Some("what earlier looks removed is gone".to_owned()),
        (true, false) => None,
    };
    if let Some(gone) = gone {
        message = format!(
            "{message}; {gone}; delete the App again once the cause is mended, or promote to bring \
             it back"
        );
    }
    let message = bounds::message(message);
    tracing::error!(
        app.name = %id.app, request.id = report.request_id, error.kind = %err.error_type(),
        "the deletion of App {} failed: {message}", id.app
    );
    let status = Status::Failed {
        reason: err.error_type(),
        unrestored: Vec::new(),
    };
    report.error_type = Some(err.error_type());
    report.message = Some(message);
    let (request_id, events) = (report.request_id.clone(), report.events());
    let mut failed = attempt(&request_id, status, Some(report));
    failed.finished.events = events;
    failed
}

/// An attempt that changes nothing of what runs.
fn attempt(request_id: &str, status: Status, report: Option<Report>) -> Attempt<Report> {
    let finished = Finished {
        request_id: request_id.to_owned(),
        status,
        runs: Runs::AsBefore,
        outcome: None,
        events: Vec::new(),
        objects: Vec::new(),
        history: None,
    };
    Attempt { finished, report }
}
