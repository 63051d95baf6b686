//! One attempt at what is wanted: gather, plan, apply, report; after a failure for good, put back.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use shared::call_error::ErrorClass;
use shared::error_chain::Chain;
use shared::event_bus::EventBus;
use shared::events::Event;
use shared::intake::Failure as _;
use shared::leftovers::{Keep, Leftovers, Removals};
use shared::names::{AppId, keys};
use shared::promotion::{Applied, DEADLINE_HOURS, Desired, Finished, Kind, Runs, Status};
use shared::settings_bucket::SettingsBucket;
use shared::work::{Attempt, Works};

use crate::apply::{self, Done, Job, Progress};
use crate::error::PromoteError;
use crate::gather::{self, Wanted};
use crate::plan;
use crate::put_back::put_back;
use crate::report::Report;
use crate::shell::Shell;

/// When a request that waits is looked at again; the schedule does it.
const NEXT_LOOK_SECONDS: i64 = 60;

impl Works for Shell {
    type Report = Report;
    type Error = PromoteError;
    type Objects = SettingsBucket;
    type Bus = EventBus;

    fn kind(&self) -> Kind {
        Kind::Promote
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

    async fn attempt(
        &self,
        id: &AppId,
        desired: &Desired,
        applied: Option<&Applied>,
    ) -> Result<Attempt<Report>, PromoteError> {
        let Some((release, env_version_id)) = desired.promotes() else {
            return Err(PromoteError::NotAPromote);
        };
        let wanted = Wanted {
            id,
            release,
            env_version_id,
            applied,
            interrupted: desired.interrupted,
            allowed: desired.allowed(),
        };
        Box::pin(attempt(self, id, desired, &wanted)).await // large
    }
}

/// Makes one attempt and writes its report.
async fn attempt(
    shell: &Shell,
    id: &AppId,
    desired: &Desired,
    wanted: &Wanted<'_>,
) -> Result<Attempt<Report>, PromoteError> {
    let request_id = desired.order.request_id.as_str();
    let mut progress = Progress::new(wanted, request_id);
    let mut report = Report::new(id, wanted.release, request_id, wanted.env_version_id);
    let result = match past_deadline(shell, desired) {
        Some(err) => Err(err),
        None => promote(shell, wanted, request_id, &mut progress, &mut report).await,
    };
    let (status, runs) = match result {
        Ok(done) => {
            report.done(&done, progress.outcome.as_ref());
            (Status::Done, Runs::Now(Box::new(done.applied)))
        }
        Err(PromoteError::Draining { service }) => {
            let reason = format!("the ECS service `{service}` is still draining");
            return Ok(waiting(shell, request_id, reason));
        }
        Err(PromoteError::StackAtWork { reason }) => {
            tracing::info!(app.name = %id.app, release.id = %wanted.release, request.id = request_id, "the promote waits: {reason}");
            return Ok(waiting(shell, request_id, reason));
        }
        Err(err) if err.class() == ErrorClass::Transient => return Err(err),
        Err(err) => {
            let aftermath = aftermath(shell, id, desired, wanted.applied, &progress).await?;
            let message = [Chain(&err).to_string()]
                .into_iter()
                .chain(aftermath)
                .collect::<Vec<_>>()
                .join("; ");
            tracing::error!(
                app.name = %id.app, release.id = %wanted.release, request.id = request_id, error.kind = err.error_type(),
                "promote failed: {message}"
            );
            report.failed(err.error_type(), message);
            (
                Status::Failed {
                    reason: err.error_type().to_owned(),
                },
                Runs::AsBefore,
            )
        }
    };
    report.steps = std::mem::take(&mut progress.steps);
    report.warn(std::mem::take(&mut progress.warnings));
    write_report(shell, id, wanted, &report).await?;
    let outcome = progress.outcome.map(|outcome| {
        let event = Event::of_outcome(id, Some(wanted.release), request_id, &outcome);
        (outcome, event)
    });
    let finished = Finished {
        request_id: request_id.to_owned(),
        status,
        runs,
        outcome,
        events: vec![report.event()],
    };
    let report = Some(report);
    Ok(Attempt { finished, report })
}

/// What takes minutes is looked at again later: no waiting inside Lambda.
fn waiting(shell: &Shell, request_id: &str, reason: String) -> Attempt<Report> {
    let status = Status::Waiting {
        reason,
        until: (shell.clock)() + TimeDelta::seconds(NEXT_LOOK_SECONDS),
    };
    let finished = Finished {
        request_id: request_id.to_owned(),
        status,
        runs: Runs::AsBefore,
        outcome: None,
        events: Vec::new(),
    };
    Attempt {
        finished,
        report: None,
    }
}

fn past_deadline(shell: &Shell, desired: &Desired) -> Option<PromoteError> {
    let status = desired.status.in_words().to_owned();
    (desired.deadline <= (shell.clock)()).then_some(PromoteError::PastDeadline {
        hours: DEADLINE_HOURS,
        status,
    })
}

async fn promote(
    shell: &Shell,
    wanted: &Wanted<'_>,
    request_id: &str,
    progress: &mut Progress,
    report: &mut Report,
) -> Result<Done, PromoteError> {
    let started = std::time::Instant::now();
    let gathered = gather::gather_with_secret(shell, wanted).await;
    progress.step("gather", started);
    let (gathered, look) = gathered?;
    let plan = plan::plan(&shell.config, wanted, &gathered, request_id)?;
    report.planned(
        plan.decision,
        gathered.manifest.interpolated.iter().cloned(),
    );
    progress.warnings.extend(plan.warnings.iter().cloned());
    let job = Job {
        shell,
        wanted,
        gathered: &gathered,
        plan: &plan,
        request_id,
    };
    apply::apply(&job, look, progress).await
}

/// Puts back what this request, or an interrupted one before it, has written; says what stays.
async fn aftermath(
    shell: &Shell,
    id: &AppId,
    desired: &Desired,
    applied: Option<&Applied>,
    progress: &Progress,
) -> Result<Vec<String>, PromoteError> {
    let wrote = !progress.wrote.is_empty();
    if !wrote && !desired.interrupted {
        return Ok(Vec::new());
    }
    let Some(applied) = applied else {
        let mut stays = progress.wrote.clone();
        if desired.interrupted {
            match running_anyway(shell, id).await {
                Ok(running) => stays.extend(running),
                Err(err) if err.class() == ErrorClass::Transient => return Err(err),
                Err(err) => stays.push(format!(
                    "what an earlier attempt left, which cannot be looked at ({})",
                    Chain(&err)
                )),
            }
        }
        let said = || {
            format!(
                "nothing was applied before, so this stays: {}",
                stays.join(", ")
            )
        };
        return Ok((!stays.is_empty()).then(said).into_iter().collect());
    };
    let created = progress.created || desired.interrupted;
    match put_back(shell, id, applied, &desired.order.request_id, created).await {
        Ok(left) => Ok([format!(
            "what was changed is back at Release {}",
            applied.release
        )]
        .into_iter()
        .chain(left)
        .collect()),
        Err(err) if err.class() == ErrorClass::Transient => Err(err),
        Err(err) => Ok(vec![format!(
            "Release {} could not be put back: {}",
            applied.release,
            Chain(&err)
        )]),
    }
}

/// What an interrupted first promote has left running.
async fn running_anyway(shell: &Shell, id: &AppId) -> Result<Vec<String>, PromoteError> {
    let none = BTreeSet::new();
    let keep = Keep {
        services: &none,
        rules: &none,
    };
    let leftovers = Leftovers::find(shell.places(), id, None, true, keep).await?;
    let ours = Removals::of(id, &leftovers);
    let services = ours
        .services
        .iter()
        .map(|name| format!("the ECS service `{name}`"));
    let rules = ours.rules.iter().map(|name| format!("the rule `{name}`"));
    let stack = shell.stacks.outputs(id).await?;
    let stack = stack.map(|_| format!("the stack `{}`", id.stack()));
    Ok(services.chain(rules).chain(stack).collect())
}

/// The report is for people: one that can never be written does not hold up the state.
async fn write_report(
    shell: &Shell,
    id: &AppId,
    wanted: &Wanted<'_>,
    report: &Report,
) -> Result<(), PromoteError> {
    let bytes = serde_json::to_vec_pretty(report).map_err(PromoteError::Report)?;
    let key = keys::report(&id.app, wanted.release);
    match shell.bucket.write(&key, bytes).await {
        Err(err) if err.class() == ErrorClass::Permanent => {
            tracing::error!(app.name = %id.app, release.id = %wanted.release, error.kind = err.code(), "{}", Chain(&err));
            Ok(())
        }
        written => Ok(written?),
    }
}
