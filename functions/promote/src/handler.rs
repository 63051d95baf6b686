//! A payload in, an answer out.

use aws::call_error::ErrorClass;
use lambda::answer::AnswerStatus;
use lambda::intake::{self, Failure as _};
use lambda::work::{Answered, Message, RequestAhead};
use lambda_runtime::LambdaEvent;
use names::bounds;
use names::error_chain::Chain;
use names::error_type::{ErrorCode, ErrorType};
use names::{ReleaseId, keys};
use promotion::Promotion;
use promotion::history::Asked;
use serde_json::Value;

use crate::dry_run::dry_run;
use crate::error::PromoteError;
use crate::metrics::{self, Sample};
use crate::report::Report;
use crate::request::{Next, StateRead};
use crate::shell::Shell;
use crate::trigger::Trigger;

/// One invocation of promote.
#[derive(Clone, Copy)]
pub struct Invocation<'a> {
    /// The clients.
    pub shell: &'a Shell,
    /// Lambda's request id: that of a request which came by no event.
    pub request_id: &'a str,
    /// Its way through the state of an App.
    pub way: lambda::work::Invocation<'a, Shell>,
}

/// Answers one invocation.
///
/// SQS records are answered with those that are worth another delivery; everything else with its report.
///
/// # Errors
///
/// [`PromoteError`] of a bare payload, where another delivery can help.
pub async fn handle(shell: &Shell, event: LambdaEvent<Value>) -> Result<Value, PromoteError> {
    let request_id = &event.context.request_id;
    let owner = shell.owners.of(request_id);
    let way = lambda::work::Invocation::new(shell, &owner, event.context.deadline);
    let invocation = Invocation {
        shell,
        request_id,
        way,
    };
    let payload = intake::parse(event.payload);
    Box::pin(intake::answer(payload, async |trigger| {
        Box::pin(invocation.answer(trigger)).await // large, as each of its kind
    }))
    .await
}

impl Invocation<'_> {
    async fn answer(self, trigger: Trigger) -> Result<Value, PromoteError> {
        match self.next(trigger).await? {
            Next::Answer(answer) => Ok(answer),
            Next::Take(message, state) => match Box::pin(self.take(&message, state)).await {
                Ok(taken) => self.settle(&message, taken).await,
                Err(err) => {
                    self.fail_without_state(&message, &err).await?;
                    Err(err)
                }
            },
            Next::Reconcile(after) => Box::pin(self.reconcile(after)).await,
            Next::Look(id) => Box::pin(self.look_at(&id)).await, // large
            Next::LookAtAll => Box::pin(self.look_at_all()).await, // large
            Next::DryRun(id, release, allowed) => {
                let plan = dry_run(self.shell, &id, &release, allowed).await?;
                serde_json::to_value(plan).map_err(PromoteError::Report)
            }
        }
    }

    /// Through the state as it was just read, or as it is.
    ///
    /// # Errors
    ///
    /// [`PromoteError`] of the transient class.
    pub async fn take(
        self,
        message: &Message,
        state: Option<StateRead>,
    ) -> Result<Answered<Report>, PromoteError> {
        match state {
            Some(state) => {
                let state = (*state)?;
                Box::pin(self.way.take_from(message, state)).await // large
            }
            None => Box::pin(self.way.take(message)).await, // large
        }
    }

    /// A failure for good that no state and no report tells of, since the state itself cannot be read or written. A message
    /// that only asks to continue comes again with every walk, so of that the metric alone tells.
    async fn fail_without_state(
        self,
        message: &Message,
        err: &PromoteError,
    ) -> Result<(), PromoteError> {
        if err.class() != ErrorClass::Permanent {
            return Ok(());
        }
        if message.request.is_some() {
            let said = bounds::message(Chain(err));
            return self
                .tell_without_state(message, (err.error_type(), &said), true)
                .await;
        }
        let sample = Sample {
            rack: message.id.rack.as_str(),
            app: message.id.app.as_str(),
            release: "",
            request_id: "",
            delivery: None,
            fell_back: false,
            duration_ms: 0,
        };
        metrics::emit(sample, (self.shell.clock)());
        Ok(())
    }

    /// Tells of a request that is not done and has no state. What is no App yet gets no history.
    async fn tell_without_state(
        self,
        message: &Message,
        problem: (ErrorCode, &str),
        is_app: bool,
    ) -> Result<(), PromoteError> {
        let request = message.request.as_ref();
        let release = request.and_then(|request| request.work.release());
        let release = release.map_or("", ReleaseId::as_str);
        let app = message.id.app.as_str();
        if let Some(request) = request.filter(|_| is_app) {
            let (error_type, said) = (&problem.0, problem.1);
            let asked = Asked::request(request);
            self.record_refusal(&message.id, asked, (error_type, said))
                .await?;
        }
        self.tell_failure(app, release, message.request_id(), problem)
            .await
    }

    /// The answer to a message, and its metrics.
    ///
    /// # Errors
    ///
    /// [`PromoteError`] when an earlier report cannot be read.
    pub async fn settle(
        self,
        message: &Message,
        taken: Answered<Report>,
    ) -> Result<Value, PromoteError> {
        if taken.is_ahead() {
            let ahead = (ErrorType::RequestAhead.into(), &*RequestAhead.to_string());
            let is_app = taken.state.desired.is_some();
            self.tell_without_state(message, ahead, is_app).await?;
        }
        if let Some(answer) = taken.standing(&message.id) {
            return Ok(answer);
        }
        if let Some(report) = taken.report {
            metrics::emit((&report).into(), (self.shell.clock)());
            return report.answer();
        }
        let written = self.written_report(message, &taken.state).await?;
        Ok(written
            .unwrap_or_else(|| AnswerStatus::Idle.answer("nothing is left to do for this App")))
    }

    /// The report of an earlier delivery of the same request.
    async fn written_report(
        self,
        message: &Message,
        state: &Promotion,
    ) -> Result<Option<Value>, PromoteError> {
        let desired = state.desired.as_ref();
        let (Some(request), Some((release, _))) = (
            &message.request,
            desired.and_then(|desired| desired.promotes()),
        ) else {
            return Ok(None);
        };
        let key = keys::report(&message.id.app, release);
        let object = self.shell.bucket.read(&key).await?;
        let report = object.and_then(|object| serde_json::from_slice(&object.bytes).ok());
        Ok(report.filter(|report| Report::is_of(report, &request.order.request_id)))
    }
}
