//! Why a promote does not go on: the user's to mend, permanent, or worth another delivery.

use aws::call_error::{CallError, ErrorClass};
use lambda::intake::Failure;
use lambda::release::ReleaseError;
use lambda::state_store::StoreError;
use lambda_runtime::Diagnostic;
use names::error_type::{ErrorCode, ErrorType};
use release::problem::{ReleaseProblem, in_words};

/// A promote that does not go on.
#[derive(Debug, thiserror::Error)]
pub enum PromoteError {
    /// An AWS call failed, for good or for now.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The state could not be read or changed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The user's input cannot be promoted.
    #[error("{}", in_words(problems))]
    Input {
        /// All that is wrong.
        problems: Vec<ReleaseProblem>,
        /// What else is to be said of it.
        warnings: Vec<String>,
    },
    /// The Release cannot be read; never its user's errors.
    #[error(transparent)]
    Release(ReleaseError),
    /// The ECS cluster is not there.
    #[error(
        "the ECS cluster `{cluster}` does not exist or is not active; create it, or correct the Rack's Cluster parameter"
    )]
    ClusterMissing {
        /// As it is configured.
        cluster: String,
    },
    /// An ECS service is on its way out.
    #[error("the ECS service `{service}` is still draining")]
    Draining {
        /// The ECS service.
        service: String,
    },
    /// CloudFormation is at work on the App's stack.
    #[error("{reason}")]
    StackAtWork {
        /// The stack and its status, in words.
        reason: String,
    },
    /// ECS is at a deployment that has to end before what is wanted can be asked for.
    #[error("{reason}")]
    DeploymentAtWork {
        /// Of which ECS service, and what waits for it.
        reason: String,
    },
    /// A release command has not ended, or there is no room for it yet.
    #[error("{reason}")]
    ReleaseCommandAtWork {
        /// Of which Service, and where its output is.
        reason: String,
    },
    /// A release command did not end well, so nothing was moved.
    #[error("the release command of Service `{service}` {ended}, so nothing was moved{place}")]
    ReleaseCommandFailed {
        /// The Service.
        service: String,
        /// How it ended.
        ended: String,
        /// Where its output is, as the end of the sentence; empty where there is none.
        place: String,
    },
    /// Somebody wrote the Release's manifest at this very moment.
    #[error("`{key}` was written while the Release was promoted")]
    ManifestRace {
        /// The object key.
        key: String,
    },
    /// It was tried for hours.
    #[error(
        "the Release could not be promoted within {hours} hours of its request; the last state was {status}"
    )]
    PastDeadline {
        /// How long it was tried.
        hours: i64,
        /// `pending` or what it waited for.
        status: String,
    },
    /// Work of another kind, which the state never gives to promote.
    #[error("this is work of app-deletion")]
    NotAPromote,
    /// A report could not be rendered.
    #[error("the report could not be rendered")]
    Report(#[source] serde_json::Error),
}

impl PromoteError {
    /// Whether it only says what has to end first: the promote is looked at again.
    #[must_use]
    pub fn is_a_wait(&self) -> bool {
        matches!(
            self,
            Self::Draining { .. }
                | Self::StackAtWork { .. }
                | Self::DeploymentAtWork { .. }
                | Self::ReleaseCommandAtWork { .. }
        )
    }

    /// One problem of the user's.
    pub fn input(problem: impl Into<ReleaseProblem>) -> Self {
        Self::Input {
            problems: vec![problem.into()],
            warnings: Vec::new(),
        }
    }
}

impl Failure for PromoteError {
    /// The user's errors are permanent: the same input fails again.
    fn class(&self) -> ErrorClass {
        match self {
            Self::Call(call) => call.class(),
            Self::Release(err) => err.class(),
            Self::Store(store) => store.class(),
            Self::Draining { .. }
            | Self::StackAtWork { .. }
            | Self::DeploymentAtWork { .. }
            | Self::ReleaseCommandAtWork { .. }
            | Self::ManifestRace { .. } => ErrorClass::Transient,
            Self::Input { .. }
            | Self::ReleaseCommandFailed { .. }
            | Self::ClusterMissing { .. }
            | Self::PastDeadline { .. }
            | Self::NotAPromote
            | Self::Report(_) => ErrorClass::Permanent,
        }
    }

    fn error_type(&self) -> ErrorCode {
        match self {
            Self::Call(call) => call.error_type(),
            Self::Store(store) => store.error_type(),
            Self::Input { problems, .. } => problems
                .first()
                .map_or(ErrorType::InvalidInput, |problem| problem.error_type)
                .into(),
            Self::Release(err) => err.error_type(),
            Self::ClusterMissing { .. } => ErrorType::ClusterMissing.into(),
            Self::Draining { .. } => ErrorType::ServiceDraining.into(),
            Self::StackAtWork { .. } => ErrorType::StackAtWork.into(),
            Self::DeploymentAtWork { .. } => ErrorType::DeploymentAtWork.into(),
            Self::ReleaseCommandAtWork { .. } => ErrorType::ReleaseCommandAtWork.into(),
            Self::ReleaseCommandFailed { .. } => ErrorType::ReleaseCommandFailed.into(),
            Self::ManifestRace { .. } => ErrorType::ManifestRace.into(),
            Self::PastDeadline { .. } => ErrorType::DeadlineExceeded.into(),
            Self::NotAPromote => ErrorType::NotAPromote.into(),
            Self::Report(_) => ErrorType::ReportUnrendered.into(),
        }
    }

    fn warnings(&self) -> &[String] {
        match self {
            Self::Input { warnings, .. } => warnings,
            _ => &[],
        }
    }
}

impl From<ReleaseError> for PromoteError {
    fn from(err: ReleaseError) -> Self {
        match err {
            ReleaseError::Input { problem, warnings } => Self::Input {
                problems: vec![problem],
                warnings,
            },
            err => Self::Release(err),
        }
    }
}

impl From<PromoteError> for Diagnostic {
    fn from(err: PromoteError) -> Self {
        let (error_type, error_message) = err.diagnosis();
        Self {
            error_type,
            error_message,
        }
    }
}
