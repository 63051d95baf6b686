//! One attempt at what is wanted: gather, plan, apply, report; after a failure for good, put back.

use std::time::{Duration, Instant};

use aws::call_error::{CallError, ErrorClass};
use aws::event_bus::EventBus;
use aws::settings_bucket::{Replaced, SettingsBucket};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join;
use lambda::answer::AnswerStatus;
use lambda::intake::Failure as _;
use lambda::state_store::{StateObjects, StateStore};
use lambda::work::{Attempt, Due, Function, RecordRead};
use names::bounds;
use names::error_chain::Chain;
use names::{AppId, keys};
use promotion::events::Event;
use promotion::history::{Asked, Ended, Ending, HistoryRecord, record_key};
use promotion::verdict::Verdict;
use promotion::{
    Applied, BucketObject, DEADLINE_HOURS, Desired, Finished, MayStand, Request, Runs, Status,
    WorkKind,
};
use release::problem::joined;
use serde_json::Value;

use crate::apply::{self, Done, Job};
use crate::commands::{self, CommandsRead, RanCommand};
use crate::edge::Edge;
use crate::error::PromoteError;
use crate::facts::{Facts, Wanted};
use crate::plan;
use crate::progress::Progress;
use crate::report::Report;
use crate::reservations;
use crate::shell::Shell;
use crate::standing;
use crate::undo::aftermath;

/// How much of a message an error may take.
const ERROR_MAX_BYTES: usize = bounds::MESSAGE_MAX_BYTES / 4 * 3;
/// When a request that waits is looked at again; the schedule does it.
const NEXT_LOOK_SECONDS: i64 = 60;

impl Function for Shell {
    type Report = Report;
    type Error = PromoteError;
    type Objects = SettingsBucket;
    type Bus = EventBus;
    type Facts = FactsRead;

    fn kind(&self) -> WorkKind {
        WorkKind::Promote
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

    async fn newest(&self, request: &Request) -> Result<Option<String>, PromoteError> {
        let newest = self.bucket.version(&request.order.tie.key, None).await?;
        Ok(newest.map(|version| version.id))
    }

    async fn read(&self, due: Due<'_>) -> FactsRead {
        Box::pin(read(self, due)).await // large
    }

    async fn attempt(
        &self,
        due: Due<'_>,
        facts: FactsRead,
    ) -> Result<Attempt<Report>, PromoteError> {
        Box::pin(attempt(self, due, facts)).await // large
    }
}

/// What was read of a Release, and how long that took.
pub struct FactsRead {
    facts: Result<Box<Facts>, PromoteError>,
    commands: Result<CommandsRead, PromoteError>,
    took: Duration,
}

/// Reads what an attempt at `due` is decided by.
pub async fn read<E: Edge>(edge: &E, due: Due<'_>) -> FactsRead {
    let started = Instant::now();
    let facts = async {
        match wanted(due) {
            Some(wanted) => edge.facts(&wanted).await.map(Box::new),
            None => Err(PromoteError::NotAPromote),
        }
    };
    let (facts, commands) = join(Box::pin(facts), commands::read(edge, due)).await; // large
    let took = started.elapsed();
    FactsRead {
        facts,
        commands,
        took,
    }
}

fn wanted(due: Due<'_>) -> Option<Wanted<'_>> {
    let (release, env_version_id) = due.desired.promotes()?;
    Some(Wanted {
        id: due.id,
        release,
        env_version_id,
        is_draft: false,
        applied: due.applied,
        record: due.record,
        interrupted: due.desired.interrupted,
        allowed: due.desired.allowed(),
        may_stand: due.may_stand,
    })
}

/// Makes one attempt at `due` with what was read, and says what is to be written of it.
///
/// # Errors
///
/// [`PromoteError`] of the transient class, where another delivery can help.
pub async fn attempt<E: Edge>(
    edge: &E,
    due: Due<'_>,
    read: FactsRead,
) -> Result<Attempt<Report>, PromoteError> {
    let Some(wanted) = &wanted(due) else {
        return Err(PromoteError::NotAPromote);
    };
    let (id, desired) = (due.id, due.desired);
    let request_id = desired.order.request_id.as_str();
    let began = edge.now();
    let mut progress = Progress::new(wanted, request_id);
    let mut report = Report::new(id, wanted.release, request_id, wanted.env_version_id);
    if let Ok(commands) = &read.commands {
        progress.commands.clone_from(&commands.now);
    }
    let result = if let Some(err) = past_deadline(edge, desired) {
        Err(err)
    } else {
        progress.took("gather", read.took);
        let into = (&mut progress, &mut report);
        promote(edge, wanted, (due, read), into).await
    };
    report.release_commands = RanCommand::of(&progress.commands, request_id);
    let (status, runs) = match result {
        Ok(mut done) => {
            let record = record_key(id, Asked::desired(desired, false));
            done.watch(due.applied, record, began);
            report.done(&done, progress.outcome.as_ref());
            // Where there is nothing to wait for, all is known.
            let is_live = done.applied.watch.is_none();
            report.verdict = is_live.then(|| Verdict::live(edge.now()));
            (Status::Done, Runs::Now(Box::new(done.applied)))
        }
        Err(err) if err.is_a_wait() => {
            report.warn(std::mem::take(&mut progress.warnings));
            let reason = bounds::text(err.to_string(), bounds::REASON_MAX_BYTES);
            tracing::info!(
                app.name = %id.app, release.id = %wanted.release, request.id = request_id,
                "the promote waits: {reason}"
            );
            return waiting(edge, due, (report, &progress), reason).await;
        }
        Err(err) if err.class() == ErrorClass::Transient => return Err(err),
        Err(err) => {
            let unrestored = failed(edge, due, wanted, &err, &mut progress, &mut report).await?;
            let reason = err.error_type();
            (Status::Failed { reason, unrestored }, Runs::AsBefore)
        }
    };
    report.steps = std::mem::take(&mut progress.steps);
    report.warn(std::mem::take(&mut progress.warnings));
    let objects = objects(wanted, &report, &runs)?;
    let history = Some(history(edge, due, &report, &progress));
    let outcome = progress.outcome.map(|outcome| {
        let event = Event::of_outcome(id, Some(wanted.release), request_id, &outcome);
        (outcome, event)
    });
    let finished = Finished {
        request_id: request_id.to_owned(),
        status,
        runs,
        outcome,
        events: report.events(id, wanted.release),
        objects,
        history,
    };
    let report = Some(report);
    Ok(Attempt { finished, report })
}

/// Puts back what a promote that failed for good has changed, and reports both; what could not be put back.
async fn failed(
    edge: &impl Edge,
    due: Due<'_>,
    wanted: &Wanted<'_>,
    err: &PromoteError,
    progress: &mut Progress,
    report: &mut Report,
) -> Result<Vec<String>, PromoteError> {
    let aftermath = aftermath(edge, due, progress).await?;
    // What was put back, or was not, is to be read behind any error.
    let error = bounds::text(Chain(err).to_string(), ERROR_MAX_BYTES);
    let parts: Vec<String> = [error].into_iter().chain(aftermath.says).collect();
    let message = bounds::message(joined(parts.iter().map(String::as_str)));
    progress.warnings.extend(err.warnings().iter().cloned());
    tracing::error!(
        app.name = %wanted.id.app, release.id = %wanted.release,
        request.id = due.desired.order.request_id, error.kind = %err.error_type(),
        "promote failed: {message}"
    );
    report.failed(err.error_type(), message);
    Ok(aftermath.unrestored)
}

/// What takes minutes is looked at again later: no waiting inside Lambda. Where its Release has no report yet, the first look
/// writes one, so that whoever waits for it reads what is going on.
async fn waiting(
    edge: &impl Edge,
    due: Due<'_>,
    (mut report, progress): (Report, &Progress),
    reason: String,
) -> Result<Attempt<Report>, PromoteError> {
    report.waits(&reason);
    let (id, desired) = (due.id, due.desired);
    let is_news = !desired.is_told_to_wait_for(&reason);
    let history = is_news.then(|| history(edge, due, &report, progress));
    if let Some((release, _)) = desired.promotes()
        && is_news
    {
        let key = keys::report(&id.app, release);
        write_first_report(edge.objects(), &key, &report, Report::says_nothing_was_done).await?;
    }
    let finished = Finished {
        request_id: desired.order.request_id.clone(),
        status: Status::Waiting {
            reason,
            until: edge.now() + TimeDelta::seconds(NEXT_LOOK_SECONDS),
        },
        runs: Runs::AsBefore,
        outcome: None,
        events: vec![report.event()],
        objects: Vec::new(),
        history,
    };
    Ok(Attempt {
        finished,
        report: None,
    })
}

/// Whether somebody asks by name for a Release that was live before, while another one is applied. A version that was just
/// uploaded was never live: that there is a record of it only says that an attempt died.
fn goes_back(due: Due<'_>, progress: &Progress) -> bool {
    let Some((release, version)) = due.desired.promotes() else {
        return false;
    };
    let is_upload = due.desired.order.request_id == version;
    let is_other = due.applied.is_some_and(|it| it.release != *release);
    let was_live = match due.record {
        RecordRead::Known(Some(record)) => record.env_version_id == version,
        _ => progress.goes_back,
    };
    is_other && !is_upload && was_live
}

/// What is kept of the request for good: all that the report says, and which keys changed, by name.
fn history(edge: &impl Edge, due: Due<'_>, report: &Report, progress: &Progress) -> HistoryRecord {
    let applied = due.applied.map(|applied| applied.release.clone());
    let asked = Asked::desired(due.desired, goes_back(due, progress));
    let status = match report.status {
        AnswerStatus::Promoted => Ended::Promoted,
        AnswerStatus::Waiting => Ended::Waiting,
        _ => Ended::Failed,
    };
    let ending = Ending {
        status,
        at: edge.now(),
        applied_before: applied,
        details: report.details(progress.keys.as_ref()),
        verdict: report.verdict.clone(),
    };
    HistoryRecord::new(due.id, asked, ending)
}

fn past_deadline(edge: &impl Edge, desired: &Desired) -> Option<PromoteError> {
    let status = desired.status.in_words().to_owned();
    (desired.deadline <= edge.now()).then_some(PromoteError::PastDeadline {
        hours: DEADLINE_HOURS,
        status,
    })
}

async fn promote(
    edge: &impl Edge,
    wanted: &Wanted<'_>,
    (due, read): (Due<'_>, FactsRead),
    (progress, report): (&mut Progress, &mut Report),
) -> Result<Done, PromoteError> {
    let request_id = due.desired.order.request_id.as_str();
    let commands = read.commands?;
    commands.note(edge, wanted.id).await?;
    let mut facts = read.facts?;
    progress.keys = facts.key_changes();
    progress.goes_back = facts.record.is_some();
    let mut number = 0;
    let plan = loop {
        number += 1;
        let plan = plan::plan(edge.config(), wanted, &facts, request_id)?;
        let reserved = reservations::reserve(edge, wanted, &facts, (&plan, number));
        let Some(reserved) = reserved.await? else {
            break plan;
        };
        drop(plan);
        facts.reservations = reserved;
    };
    report.planned(
        plan.decision,
        facts.release.manifest.interpolated.iter().cloned(),
    );
    progress.warnings.extend(plan.warnings.iter().cloned());
    progress.applied = standing::amended(wanted, &facts, edge.config(), &plan);
    progress.may_stand = wanted.may_stand.and(plan.may_stand(wanted.id));
    if progress.applied.is_some() || progress.may_stand != wanted.may_stand {
        let applied = progress.applied.as_ref();
        remember(edge, wanted.id, applied, progress.may_stand).await?;
    }
    if let Some(service) = plan.draining {
        return Err(PromoteError::Draining { service });
    }
    if let Some(reason) = plan.deploying {
        return Err(PromoteError::DeploymentAtWork { reason });
    }
    if let Some(wait) = plan::others_at_work(&commands.now, request_id) {
        return Err(wait);
    }
    let services = plan::with_commands(wanted, &facts);
    let steps = plan::command_steps(&services, request_id, &commands.now);
    let job = Job {
        edge,
        wanted,
        facts: &facts,
        plan: &plan,
        command: plan::next_command(&steps)?,
        request_id,
        ends_at: due.ends_at,
    };
    apply::apply(&job, progress).await
}

/// Writes down what stands where something else is applied, and what may stand from now on, before anything is moved: whoever goes
/// on after this attempt has no other way to know.
async fn remember(
    edge: &impl Edge,
    id: &AppId,
    applied: Option<&Applied>,
    may_stand: MayStand,
) -> Result<(), PromoteError> {
    let store = StateStore::promotion(edge.objects(), &id.app);
    let mut state = store.read().await?;
    store
        .change(&mut state, |state| {
            state.may_stand = state.may_stand.and(may_stand);
            let known = state.applied.as_mut().zip(applied);
            let known = known.filter(|(known, applied)| known.request_id == applied.request_id);
            if let Some((known, applied)) = known {
                known.clone_from(applied);
            }
        })
        .await?;
    Ok(())
}

/// The report, and what the Release runs from now on.
fn objects(
    wanted: &Wanted<'_>,
    report: &Report,
    runs: &Runs,
) -> Result<Vec<BucketObject>, PromoteError> {
    let app = &wanted.id.app;
    let mut objects = vec![BucketObject {
        key: keys::report(app, wanted.release),
        text: report.text()?,
    }];
    if let Runs::Now(applied) = runs {
        objects.push(BucketObject {
            key: keys::record(app, wanted.release),
            text: serde_json::to_string(&applied.record()).map_err(PromoteError::Report)?,
        });
        if let Some(watch) = &applied.watch {
            objects.push(BucketObject {
                key: keys::unsettled(app, &watch.record),
                text: "{}".to_owned(),
            });
        }
    }
    Ok(objects)
}

/// One that says that nothing was done yet, where its Release has none or only one that `is_outdated`; whether it was written.
/// One of a request that was done stays.
pub async fn write_first_report(
    objects: &impl StateObjects,
    key: &str,
    report: &Report,
    is_outdated: impl Fn(&Value) -> bool,
) -> Result<bool, PromoteError> {
    let bytes = report.text()?.into_bytes();
    let replaced = objects.replace(key, bytes.clone(), None).await;
    if or_log(replaced.map(|replaced| replaced != Replaced::No), true)? {
        return Ok(true);
    }
    let Some(object) = or_log(objects.read(key).await, None)? else {
        return Ok(false);
    };
    let stands = serde_json::from_slice(&object.bytes).unwrap_or(Value::Null);
    if !is_outdated(&stands) {
        return Ok(false);
    }
    let replaced = objects.replace(key, bytes, Some(&object.etag)).await;
    or_log(replaced.map(|replaced| replaced != Replaced::No), false)
}

/// `otherwise` for a write that fails for good.
fn or_log<T>(written: Result<T, CallError>, otherwise: T) -> Result<T, PromoteError> {
    match written {
        Err(err) if err.class() == ErrorClass::Permanent => {
            tracing::error!(error.kind = err.code(), "{}", Chain(&err));
            Ok(otherwise)
        }
        written => Ok(written?),
    }
}
