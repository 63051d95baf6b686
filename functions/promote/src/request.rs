//! A trigger -> the message that it is for one App, or an answer at once.

use aws::call_error::CallError;
use aws::settings_bucket::ObjectVersion;
use chrono::{DateTime, SubsecRound as _, Utc};
use futures_util::future::join3;
use lambda::answer::{AnswerStatus, failed};
use lambda::history;
use lambda::state_store::{Snapshot, StoreError};
use lambda::work::{Message, RecordRead};
use names::error_type::{ErrorCode, ErrorType};
use names::{AppId, AppName, NameError, ReleaseId, keys};
use promotion::events::{Event, EventType};
use promotion::history::{Asked, Asker, HistoryRecord, RequestKind};
use promotion::release_commands::ReleaseCommand;
use promotion::{Allowed, Order, Promotion, Request, Tie, Work, WorkKind};
use release::problem::ReleaseProblem;
use release::stack_state;
use serde_json::{Value, json};

use crate::error::PromoteError;
use crate::handler::Invocation;
use crate::metrics::{self, Sample};
use crate::plan::PlanProblem;
use crate::read;
use crate::superseded::Superseded;
use crate::trigger::Trigger;

/// The state of an App as it was just read, or why it could not be.
pub type StateRead = Box<Result<Snapshot<Promotion>, StoreError>>;

/// Where a trigger leads: to an answer, or to work.
pub enum Next {
    /// It goes through the App's state; what came of reading that, where it is read already.
    Take(Box<Message>, Option<StateRead>),
    /// Somebody asks what a promote would do, and what it may take away.
    DryRun(AppId, ReleaseId, Allowed),
    /// The schedule's: look for work that nobody does, behind an App or from the first on.
    Reconcile(Option<String>),
    /// What ECS runs of an App may have changed.
    Look(AppId),
    /// The schedule's: look at what ECS runs of all Apps with a Release that is not known to be live.
    LookAtAll,
    /// It is answered.
    Answer(Value),
}

/// An environment object that was written, as an event tells it.
pub struct Written {
    /// Its key.
    pub key: String,
    /// Its S3 version-id, where the event has one.
    pub version_id: Option<String>,
    /// S3's sequencer; empty where the event has none.
    pub sequencer: String,
    /// The event's id.
    pub event_id: Option<String>,
    /// Who wrote it.
    pub asked_by: Asker,
}

/// An explicit request.
struct Wish {
    release: ReleaseId,
    allowed: Allowed,
    request_id: String,
    time: DateTime<Utc>,
    asked_by: Asker,
}

impl Invocation<'_> {
    /// Looks up what the trigger leaves out.
    ///
    /// # Errors
    ///
    /// [`PromoteError`] when a call fails.
    pub async fn next(&self, trigger: Trigger) -> Result<Next, PromoteError> {
        if let Some(reason) = self.foreign(&trigger) {
            return Ok(ignore(&reason));
        }
        match trigger {
            Trigger::Ignored(reason) => Ok(ignore(&reason)),
            Trigger::ObjectWritten {
                key,
                version_id,
                sequencer,
                event_id,
                asked_by,
                ..
            } => {
                let written = Written {
                    key,
                    version_id,
                    sequencer,
                    event_id,
                    asked_by,
                };
                self.written(written).await
            }
            Trigger::Requested {
                app,
                release,
                allowed,
                event,
                asked_by,
                ..
            } => {
                let by = (event, asked_by);
                self.asked((&app, &release), allowed, by).await
            }
            Trigger::Incomplete {
                app,
                release,
                request_id,
                problem,
                ..
            } => self.refuse(&app, &release, &request_id, problem).await,
            Trigger::Continue { kind, app, .. } => Ok(self.continued(kind, &app)),
            Trigger::Reconcile { after, .. } => Ok(Next::Reconcile(after)),
            Trigger::Superseded {
                app,
                release,
                superseded,
                ..
            } => self.superseded((&app, &release), superseded).await,
            Trigger::DeploymentEnded { service_arn } => Ok(self.deployed(&service_arn)),
            Trigger::Look { .. } => Ok(Next::LookAtAll),
            Trigger::StackChanged { stack_id } => Ok(self.stack_changed(&stack_id)),
            Trigger::CommandEnded { started_by } => Ok(self.command_ended(&started_by)),
            Trigger::DryRun {
                app,
                release,
                allowed,
            } => Ok(self.dry_run((&app, &release), allowed)),
        }
    }

    /// A request that a newer one made pointless.
    async fn superseded(
        &self,
        (app, release): (&str, &str),
        superseded: Superseded,
    ) -> Result<Next, PromoteError> {
        match self.names(app, release) {
            Ok((id, release)) => {
                let answer = self.report_superseded(&id, &release, superseded);
                Ok(Next::Answer(answer.await?))
            }
            Err(err) => Ok(ignore(&err.to_string())),
        }
    }

    fn dry_run(&self, (app, release): (&str, &str), allowed: Allowed) -> Next {
        match self.names(app, release) {
            Ok((id, release)) => Next::DryRun(id, release, allowed),
            Err(err) => {
                let error_type = ErrorType::InvalidName.into();
                Next::Answer(failed(&error_type, &err.to_string()))
            }
        }
    }

    /// Work that is left of what began before.
    fn continued(&self, kind: WorkKind, app: &str) -> Next {
        match (kind, AppName::new(app)) {
            (WorkKind::Delete, _) => ignore(&format!("work of app-deletion on `{app}`")),
            (WorkKind::Promote, Ok(app)) => {
                Next::Take(Box::new(Message::continues(self.id(app))), None)
            }
            (WorkKind::Promote, Err(err)) => ignore(&err.to_string()),
        }
    }

    /// Somebody asks for a Release: by an event with an id and a time, or directly.
    async fn asked(
        &self,
        (app, release): (&str, &str),
        allowed: Allowed,
        (event, asked_by): (Option<(String, DateTime<Utc>)>, Asker),
    ) -> Result<Next, PromoteError> {
        let now = (self.shell.clock)();
        let (request_id, time) = event.unwrap_or_else(|| (self.request_id.to_owned(), now));
        match self.names(app, release) {
            Ok((id, release)) => {
                let wish = Wish {
                    release,
                    allowed,
                    request_id,
                    time,
                    asked_by,
                };
                self.requested(id, wish).await
            }
            Err(err) => self.refuse(app, release, &request_id, err).await,
        }
    }

    /// Whose the trigger is, where it is not this Rack's.
    fn foreign(&self, trigger: &Trigger) -> Option<String> {
        let config = &self.shell.config;
        match trigger {
            Trigger::ObjectWritten { bucket, key, .. } if *bucket != config.release.bucket => Some(
                format!("`{key}` of bucket `{bucket}`, which is not this Rack's"),
            ),
            Trigger::Requested {
                rack: Some(rack), ..
            }
            | Trigger::Incomplete { rack, .. }
            | Trigger::Continue { rack, .. }
            | Trigger::Reconcile { rack, .. }
            | Trigger::Look { rack }
            | Trigger::Superseded { rack, .. }
                if rack != config.release.rack.as_str() =>
            {
                Some(format!("an event of Rack `{rack}`"))
            }
            _ => None,
        }
    }

    /// A stack of this Rack's Apps came to an end of what it was at, or only says how far it is: it is looked at either way.
    fn stack_changed(&self, stack_id: &str) -> Next {
        match stack_state::app_of(&self.shell.config.release.rack, stack_id) {
            Some(id) => Next::Take(Box::new(Message::wakes(id)), None),
            None => ignore(&format!(
                "the stack `{stack_id}`, which is no App's of this Rack"
            )),
        }
    }

    /// The task of a release command stopped: the promote that waits for it goes on.
    fn command_ended(&self, started_by: &str) -> Next {
        match ReleaseCommand::app_of(&self.shell.config.release.rack, started_by) {
            Some(app) => Next::Take(Box::new(Message::wakes(self.id(app))), None),
            None => ignore(&format!(
                "a task that `{started_by}` started, which is no release command of this Rack"
            )),
        }
    }

    fn id(&self, app: AppName) -> AppId {
        AppId {
            rack: self.shell.config.release.rack.clone(),
            app,
        }
    }

    fn names(&self, app: &str, release: &str) -> Result<(AppId, ReleaseId), NameError> {
        Ok((self.id(AppName::new(app)?), ReleaseId::new(release)?))
    }

    /// An environment object: its version is the request, `LastModified` its time.
    pub(crate) async fn written(&self, written: Written) -> Result<Next, PromoteError> {
        let Written {
            key,
            version_id,
            sequencer,
            event_id,
            asked_by,
        } = written;
        let (app, release) = match keys::parse_environment(&key) {
            None => return Ok(ignore(&format!("`{key}`, which is no environment"))),
            Some(Ok(names)) => names,
            Some(Err(err)) => {
                let (app, release) = shown_names(&key);
                let request_id = version_id.or(event_id);
                let request_id = request_id.unwrap_or_else(|| self.request_id.to_owned());
                return self.refuse(&app, &release, &request_id, err).await;
            }
        };
        let id = self.id(app);
        let versions = self.versions(&key, version_id);
        let (state, record) = (self.state(&id), self.record(&id, &release));
        let (versions, state, record) = join3(versions, state, record).await;
        let (version, current_id) = versions?;
        let Some(version) = version else {
            return Ok(ignore(&format!("`{key}`, which is deleted again")));
        };
        let request = Request {
            work: Work::Promote {
                release,
                env_version_id: version.id.clone(),
                allowed: Allowed::default(),
            },
            order: Order {
                requested_at: version.last_modified,
                request_id: version.id,
                tie: Tie { key, sequencer },
            },
            asked_by,
        };
        let message = Message {
            id,
            request: Some(request),
            current: current_id,
            record,
            wakes: false,
        };
        Ok(Next::Take(Box::new(message), Some(Box::new(state))))
    }

    /// The version of an environment that an event is about, and which one is the newest.
    async fn versions(
        &self,
        key: &str,
        version_id: Option<String>,
    ) -> Result<(Option<ObjectVersion>, Option<String>), CallError> {
        let current = self.shell.bucket.version(key, None).await?;
        let current_id = current.as_ref().map(|version| version.id.clone());
        let version = match version_id {
            Some(id) if current_id.as_ref() != Some(&id) => {
                self.shell.bucket.version(key, Some(&id)).await?
            }
            _ => current,
        };
        Ok((version, current_id))
    }

    /// Reads the state of an App.
    pub(crate) async fn state(&self, id: &AppId) -> Result<Snapshot<Promotion>, StoreError> {
        self.way.store(id).read().await
    }

    /// What the Release ran when it was live before. What cannot be read now is read again if it is needed.
    async fn record(&self, id: &AppId, release: &ReleaseId) -> RecordRead {
        let record = Box::pin(read::record(self.shell, id, release)).await; // large
        record.map_or(RecordRead::NotYet, RecordRead::Known)
    }

    /// An explicit request: the environment's newest version, at the event's time.
    async fn requested(&self, id: AppId, wish: Wish) -> Result<Next, PromoteError> {
        let Wish {
            release,
            allowed,
            request_id,
            time,
            asked_by,
        } = wish;
        let key = keys::environment(&id.app, &release);
        let version = self.shell.bucket.version(&key, None);
        let (state, record) = (self.state(&id), self.record(&id, &release));
        let (version, state, record) = join3(version, state, record).await;
        let Some(version) = version? else {
            let (app, release, key) = (&id.app, &release, key.as_str());
            let gone = ReleaseProblem::from(PlanProblem::NoEnvironment { app, release, key });
            let (app, release) = (app.as_str(), release.as_str());
            // What is no App gets no history: it would look like one.
            if state.is_ok_and(|state| state.exists()) {
                let asked = Asked {
                    kind: RequestKind::Promote,
                    release: Some(release),
                    request_id: &request_id,
                    requested_at: time.trunc_subsecs(0),
                    asked_by: &asked_by,
                };
                let why = (ErrorCode::from(gone.error_type), gone.message.as_str());
                self.record_refusal(&id, asked, (&why.0, why.1)).await?;
            }
            return self.refuse(app, release, &request_id, gone).await;
        };
        let request = Request {
            work: Work::Promote {
                release,
                env_version_id: version.id.clone(),
                allowed,
            },
            order: Order {
                requested_at: time.trunc_subsecs(0),
                request_id,
                tie: Tie {
                    key,
                    sequencer: String::new(),
                },
            },
            asked_by,
        };
        let message = Message {
            id,
            request: Some(request),
            current: Some(version.id),
            record,
            wakes: false,
        };
        Ok(Next::Take(Box::new(message), Some(Box::new(state))))
    }

    /// A deployment came to an end: what ECS runs of its App is looked at.
    fn deployed(&self, service_arn: &str) -> Next {
        let mut parts = service_arn.rsplit('/');
        let (name, cluster) = (parts.next().unwrap_or_default(), parts.next());
        let ours = cluster.is_some_and(|cluster| self.shell.cluster.is_called(cluster));
        let parsed = AppId::parse_service(&self.shell.config.release.rack, name);
        match parsed.filter(|_| ours) {
            Some((id, _)) => Next::Look(id),
            None => ignore(&format!(
                "a deployment of `{service_arn}`, which is not this Rack's"
            )),
        }
    }

    /// A request that cannot have a state: the event and the answer are all that there is of it.
    async fn refuse(
        &self,
        app: &str,
        release: &str,
        request_id: &str,
        problem: impl Into<ReleaseProblem>,
    ) -> Result<Next, PromoteError> {
        let ReleaseProblem {
            error_type,
            message,
        } = problem.into();
        let error_type = ErrorCode::from(error_type);
        let answer = failed(&error_type, &message);
        let problem = (error_type, message.as_str());
        self.tell_failure(app, release, request_id, problem).await?;
        Ok(Next::Answer(answer))
    }

    /// Keeps for good that a request of an App that there is never came to its state, and why.
    pub(crate) async fn record_refusal(
        &self,
        id: &AppId,
        asked: Asked<'_>,
        problem: (&ErrorCode, &str),
    ) -> Result<(), PromoteError> {
        let record = HistoryRecord::refused(id, asked, (self.shell.clock)(), problem);
        history::write(&self.shell.bucket, &id.app, &[record], None).await?;
        Ok(())
    }

    /// The log, the metric and the event of a request that has no state.
    pub(crate) async fn tell_failure(
        &self,
        app: &str,
        release: &str,
        request_id: &str,
        (error_type, message): (ErrorCode, &str),
    ) -> Result<(), PromoteError> {
        tracing::error!(error.kind = %error_type, "promote failed: {message}");
        let fields = [
            ("release", release.into()),
            ("errorType", json!(error_type)),
            ("message", message.into()),
        ];
        let rack = self.shell.config.release.rack.as_str();
        let sample = Sample {
            rack,
            app,
            release,
            request_id,
            delivery: None,
            fell_back: false,
            duration_ms: 0,
        };
        metrics::emit(sample, (self.shell.clock)());
        let event = Event::named(
            EventType::ReleasePromoteFailed,
            rack,
            app,
            request_id,
            fields,
        );
        self.shell.bus.send(&[event]).await?;
        Ok(())
    }
}

fn ignore(reason: &str) -> Next {
    tracing::info!("ignored: {reason}");
    Next::Answer(AnswerStatus::Ignored.answer(reason))
}

/// The names of a key that breaks their rules, as far as they can be shown.
fn shown_names(key: &str) -> (String, String) {
    let shown = |name: &str| name.chars().filter(|c| !c.is_control()).take(80).collect();
    let inner = key.trim_start_matches("apps/").trim_end_matches("/env");
    let (app, release) = inner.split_once("/releases/").unwrap_or((inner, ""));
    (shown(app), shown(release))
}
