//! Why a process is not started: the user's to mend, permanent, or worth another delivery.

use aws::call_error::{CallError, ErrorClass};
use aws::ecs::Refusal;
use lambda::intake::Failure;
use lambda::release::ReleaseError;
use lambda::state_store::StoreError;
use lambda_runtime::Diagnostic;
use names::error_type::{ErrorCode, ErrorType};
use release::problem::{ReleaseProblem, in_words};

use crate::problem::RunProblem;

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
    #[error("{}", in_words(.0))]
    Input(Vec<ReleaseProblem>),
    /// ECS has no room for the task now; nothing was started.
    #[error(
        "ECS has no room for the task: {0}; add instances to the cluster, or lower the Service's `scale`"
    )]
    NoRoom(Refusal),
    /// ECS does not place the task; nothing was started.
    #[error("ECS does not start the task: {0}; see \"API failure reasons\" in its developer guide")]
    Refused(Refusal),
    /// An answer could not be rendered.
    #[error("the answer could not be rendered")]
    Report(#[source] serde_json::Error),
}

impl RunError {
    /// ECS's refusal of a task, by whether it can pass.
    #[must_use]
    pub fn refused(refusal: Refusal) -> Self {
        if refusal.can_pass() {
            Self::NoRoom(refusal)
        } else {
            Self::Refused(refusal)
        }
    }

    /// Whether there is no room for the task now.
    #[must_use]
    pub fn lacks_room(&self) -> bool {
        matches!(self, Self::NoRoom(_))
    }
}

impl From<RunProblem> for RunError {
    fn from(problem: RunProblem) -> Self {
        Self::Input(vec![problem.into()])
    }
}

impl Failure for RunError {
    fn class(&self) -> ErrorClass {
        match self {
            Self::Call(call) => call.class(),
            Self::Store(store) => store.class(),
            Self::Release(release) => release.class(),
            Self::NoRoom(_) => ErrorClass::Transient,
            Self::Input(_) | Self::Refused(_) | Self::Report(_) => ErrorClass::Permanent,
        }
    }

    fn error_type(&self) -> ErrorCode {
        match self {
            Self::Call(call) => call.error_type(),
            Self::Store(store) => store.error_type(),
            Self::Release(release) => release.error_type(),
            Self::Input(problems) => problems
                .first()
                .map_or(ErrorType::InvalidInput, |problem| problem.error_type)
                .into(),
            Self::NoRoom(_) => ErrorType::NoRoom.into(),
            Self::Refused(_) => ErrorType::TaskRefused.into(),
            Self::Report(_) => ErrorType::ReportUnrendered.into(),
        }
    }

    fn warnings(&self) -> &[String] {
        match self {
            Self::Release(release) => release.warnings(),
            _ => &[],
        }
    }
}

impl From<RunError> for Diagnostic {
    fn from(err: RunError) -> Self {
        let (error_type, error_message) = err.diagnosis();
        Self {
            error_type,
            error_message,
        }
    }
}
