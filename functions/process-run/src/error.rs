//! Why a process is not started: the user's to mend, permanent, or worth another delivery.

use lambda_runtime::Diagnostic;
use shared::bounds;
use shared::call_error::{CallError, ErrorClass};
use shared::ecs::Refusal;
use shared::error_chain::Chain;
use shared::intake::Failure;
use shared::release::ReleaseError;
use shared::release_checks::Problem;
use shared::state_store::StoreError;

/// A process that is not started.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// An AWS call failed, for good or for now.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The state could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The Release cannot be read.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// The user's input cannot be run.
    #[error("{}", list(.0))]
    Input(Vec<Problem>),
    /// ECS did not place the task; nothing was started.
    #[error("{}", refused(.0))]
    Refused(Refusal),
    /// An answer could not be rendered.
    #[error("the answer could not be rendered")]
    Report(#[source] serde_json::Error),
}

impl RunError {
    /// One problem.
    pub fn input(error_type: &'static str, message: impl Into<String>) -> Self {
        Self::Input(vec![Problem::new(error_type, message)])
    }

    /// Whether there is no room for the task now.
    #[must_use]
    pub fn lacks_room(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.can_pass())
    }
}

impl Failure for RunError {
    fn class(&self) -> ErrorClass {
        match self {
            Self::Call(call) => call.class(),
            Self::Store(store) => store.class(),
            Self::Release(release) => release.class(),
            Self::Refused(refusal) if refusal.can_pass() => ErrorClass::Transient,
            Self::Input(_) | Self::Refused(_) | Self::Report(_) => ErrorClass::Permanent,
        }
    }

    fn error_type(&self) -> &str {
        match self {
            Self::Call(call) => call.code(),
            Self::Store(store) => store.error_type(),
            Self::Release(release) => release.error_type(),
            Self::Input(problems) => problems
                .first()
                .map_or("InvalidInput", |problem| problem.error_type),
            Self::Refused(refusal) if refusal.can_pass() => "NoRoom",
            Self::Refused(_) => "TaskRefused",
            Self::Report(_) => "ReportUnrendered",
        }
    }

    fn warnings(&self) -> &[String] {
        match self {
            Self::Release(release) => release.warnings(),
            _ => &[],
        }
    }
}

fn list(problems: &[Problem]) -> String {
    let messages = problems.iter().map(|problem| problem.message.as_str());
    messages.collect::<Vec<_>>().join("; ")
}

fn refused(refusal: &Refusal) -> String {
    let reason = match &refusal.detail {
        Some(detail) => format!("{} ({detail})", refusal.reason),
        None => refusal.reason.clone(),
    };
    if refusal.can_pass() {
        format!(
            "ECS has no room for the task: {reason}; add instances to the cluster, or lower the Service's `scale`"
        )
    } else {
        format!(
            "ECS does not start the task: {reason}; see \"API failure reasons\" in its developer guide"
        )
    }
}

impl From<RunError> for Diagnostic {
    fn from(err: RunError) -> Self {
        Self {
            error_type: err.error_type().to_owned(),
            error_message: bounds::message(Chain(&err)),
        }
    }
}
