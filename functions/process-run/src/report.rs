//! What became of a request: the answer, the log and the event say the same.

use aws::metrics;
use chrono::{DateTime, Utc};
use lambda::answer::AnswerStatus;
use lambda::intake::Failure as _;
use manifest::precedence::{EnvDelivery, Level};
use names::ReleaseId;
use names::bounds;
use names::error_chain::Chain;
use names::error_type::ErrorCode;
use promotion::events::{Event, EventType};
use serde::Serialize;
use serde_json::{Value, json};

use crate::apply::{StartedTask, delivery_of};
use crate::error::RunError;
use crate::gather::Gathered;
use crate::plan::Plan;
use crate::request::About;

/// The report of one request.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The Rack.
    pub rack: String,
    /// The App.
    pub app: String,
    /// The request.
    pub request_id: String,
    /// `started` or `failed`.
    pub status: AnswerStatus,
    /// Why it failed, as a stable name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_type: Option<ErrorCode>,
    /// Why it failed, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The Service.
    pub service: String,
    /// The Release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// The S3 version of its environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env_version_id: Option<String>,
    /// The task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_arn: Option<String>,
    /// Its revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<String>,
    /// How it gets the environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<EnvDelivery>,
    /// Who decided that; kept on a fallback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<Level>,
    /// Why it is S3 although Secrets Manager was wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Why Secrets Manager is not used.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fallback {
    /// A stable name of the reason.
    pub error_type: ErrorCode,
}

impl Report {
    /// The report of a request that is not done yet.
    #[must_use]
    pub fn new(about: &About) -> Self {
        Self {
            rack: about.rack.clone(),
            app: about.app.clone(),
            request_id: about.request_id.clone(),
            status: AnswerStatus::Failed,
            error_type: None,
            message: None,
            service: about.service.clone(),
            release: about.release.clone(),
            env_version_id: None,
            task_arn: None,
            task_definition: None,
            delivery: None,
            decided_by: None,
            fallback: None,
            warnings: Vec::new(),
        }
    }

    /// Adds which Release it is.
    pub fn of_release(&mut self, release: &ReleaseId, env_version_id: &str) {
        self.release = Some(release.to_string());
        self.env_version_id = Some(env_version_id.to_owned());
    }

    /// Adds what the user should know.
    pub fn warn(&mut self, warnings: Vec<String>) {
        let said = std::mem::take(&mut self.warnings);
        self.warnings = bounds::warnings(said.into_iter().chain(warnings).collect());
    }

    /// Adds that the task runs.
    pub fn started(&mut self, gathered: &Gathered, plan: Plan, applied: StartedTask) {
        self.status = AnswerStatus::Started;
        match applied {
            StartedTask::AsPlanned {
                task,
                task_definition,
            } => {
                self.of_release(&gathered.release, &gathered.env_version_id);
                self.task_arn = Some(task);
                self.task_definition = Some(task_definition);
                self.delivery = Some(plan.delivery);
                self.decided_by = Some(plan.decided_by);
                self.fallback = plan.fallback.map(|error_type| Fallback { error_type });
                self.warnings.clear(); // the plan says them again
                self.warn(plan.warnings);
            }
            StartedTask::Before { task, known } => {
                self.warnings = vec![
                    "an earlier delivery of this request had started the task, and since then its \
                     Release, delivery or settings changed; nothing was started again"
                        .to_owned(),
                ];
                self.task_arn = Some(task);
                let tags = known.as_ref().map(|known| &known.tags);
                self.release = tags.and_then(|tags| tags.get("convox:release").cloned());
                self.delivery = tags.and_then(delivery_of);
                self.env_version_id = None;
                self.task_definition = known.map(|known| known.task_definition);
            }
        }
    }

    /// Adds why nothing runs.
    pub fn failed(&mut self, err: &RunError) {
        self.error_type = Some(err.error_type());
        self.message = Some(bounds::message(Chain(err)));
        self.warn(err.warnings().to_vec());
    }

    /// Whether a task runs.
    #[must_use]
    pub fn has_started(&self) -> bool {
        self.status == AnswerStatus::Started
    }

    /// `Process Started` or `Process Failed`.
    #[must_use]
    pub fn event(&self) -> Event {
        let kind = if self.has_started() {
            EventType::ProcessStarted
        } else {
            EventType::ProcessFailed
        };
        let warnings = Some(&self.warnings).filter(|warnings| !warnings.is_empty());
        let fields = [
            ("service", self.service.as_str().into()),
            ("release", json!(self.release)),
            ("taskArn", json!(self.task_arn)),
            ("taskDefinition", json!(self.task_definition)),
            ("delivery", json!(self.delivery)),
            ("decidedBy", json!(self.decided_by)),
            ("fallback", json!(self.fallback)),
            ("warnings", json!(warnings)),
            ("errorType", json!(self.error_type)),
            ("message", json!(self.message)),
        ];
        Event::named(kind, &self.rack, &self.app, &self.request_id, fields)
    }

    /// One line of the log.
    pub fn log(&self) {
        let (app, service, request) = (&self.app, &self.service, &self.request_id);
        let release = self.release.as_deref();
        for warning in &self.warnings {
            tracing::warn!(
                app.name = app,
                release.id = release,
                request.id = request,
                "{warning}"
            );
        }
        match (&self.task_arn, &self.message) {
            (Some(task), _) => tracing::info!(
                app.name = app,
                release.id = release,
                request.id = request,
                "a process of Service `{service}` of App {app} runs: {task}"
            ),
            (None, message) => tracing::error!(
                app.name = app,
                release.id = release,
                request.id = request,
                error.kind = self.error_type.as_ref().map(ErrorCode::as_str),
                "no process of Service `{service}` of App {app} was started: {}",
                message.as_deref().unwrap_or_default()
            ),
        }
    }

    /// Writes the line about one request to standard output, where Lambda takes it from.
    pub fn emit_metrics(&self, now: DateTime<Utc>) {
        println!("{}", self.embedded(now));
    }

    fn embedded(&self, now: DateTime<Utc>) -> Value {
        let started = self.has_started();
        let members = json!({
            "Rack": self.rack,
            "ProcessRuns": u8::from(started),
            "ProcessRunFailures": u8::from(!started),
            "ProcessRunFallbacks": u8::from(self.fallback.is_some()),
            "app.name": self.app,
            "release.id": self.release,
            "request.id": self.request_id,
        });
        let counts = ["ProcessRuns", "ProcessRunFailures", "ProcessRunFallbacks"];
        let set: metrics::Set<'_> = (&["Rack"], &counts);
        metrics::embedded(&[set], members, now)
    }
}
