//! Why a deletion does not go on: permanent, or worth another delivery.

use aws::call_error::{CallError, ErrorClass};
use aws::secrets::SecretError;
use lambda::intake::{Failure, MemberError};
use lambda::state_store::StoreError;
use lambda::stranded::ClusterChanged;
use lambda::work::RequestAhead;
use lambda_runtime::Diagnostic;
use names::error_type::{ErrorCode, ErrorType};
use names::{AppId, NameError};

/// A deletion that does not go on.
#[derive(Debug, thiserror::Error)]
pub enum DeletionError {
    /// An AWS call failed, for good or for now.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The state could not be read or changed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Secrets Manager failed, for good or for now. In a deletion that is never skipped.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The App's name breaks its rule.
    #[error(transparent)]
    Name(NameError),
    /// A request lacks what it has to say.
    #[error(transparent)]
    Incomplete(MemberError),
    /// A request comes from the future.
    #[error(transparent)]
    Ahead(RequestAhead),
    /// There is nothing to delete.
    #[error(
        "Rack {} has no App `{}`: the bucket `{bucket}` has no object below `{folder}`, and nothing carries its tags; nothing \
         was deleted; compare the name with `aws s3 ls s3://{bucket}/apps/`",
        .id.rack, .id.app
    )]
    AppNotFound {
        /// The Rack, and the App that is asked for.
        id: AppId,
        /// The settings bucket.
        bucket: String,
        /// Where the App's objects would be.
        folder: String,
    },
    /// Somebody else's ECS services would lose the secret.
    #[error(
        "the secret `{secret}` is still read by ECS services that are not this App's to remove: {services}; move them to another \
         task definition or remove them, then delete the App again"
    )]
    SecretStillRead {
        /// The secret's name.
        secret: String,
        /// The ECS services.
        services: String,
    },
    /// Somebody else's ECS services would lose their roles.
    #[error(
        "ECS services that are not this App's to remove run its task definitions, whose roles and log group go with the App: \
         {services}; move them to another task definition or remove them, then delete the App again"
    )]
    DefinitionStillRun {
        /// The ECS services.
        services: String,
    },
    /// Not every ECS service of the cluster could be looked at in time; what was seen is remembered.
    #[error(
        "the ECS services of cluster `{cluster}` could not all be looked at within {seconds} seconds"
    )]
    ClusterTooLarge {
        /// The cluster.
        cluster: String,
        /// How long it was tried.
        seconds: u64,
    },
    /// A database of the App may not be deleted.
    #[error(
        "the App has databases with `deletionProtection`: {}; promote it with `deletionProtection: false`, then delete it \
         again", .resources.join(", ")
    )]
    ResourceProtected {
        /// The resources.
        resources: Vec<String>,
    },
    /// CloudFormation could not delete the App's stack.
    #[error(
        "the stack `{name}` could not be deleted: {reason}; remove what holds it, then delete the App again"
    )]
    StackStays {
        /// The stack's name.
        name: String,
        /// CloudFormation's reason.
        reason: String,
    },
    /// ECS services of the App are in a cluster that is not the Rack's any more.
    #[error("{0}")]
    ClusterChanged(ClusterChanged),
    /// It was tried for hours.
    #[error(
        "the App could not be deleted within {hours} hours of the request; the last state was {status}"
    )]
    PastDeadline {
        /// How long it was tried.
        hours: i64,
        /// `pending` or what it waited for.
        status: String,
    },
    /// A report could not be rendered.
    #[error("the report could not be rendered")]
    Report(#[source] serde_json::Error),
}

impl Failure for DeletionError {
    fn class(&self) -> ErrorClass {
        match self {
            Self::Call(call) | Self::Secret(SecretError::Call(call)) => call.class(),
            Self::Store(store) => store.class(),
            Self::Secret(SecretError::TimedOut(_) | SecretError::Contended { .. })
            | Self::ClusterTooLarge { .. } => ErrorClass::Transient,
            Self::Secret(_)
            | Self::Name(_)
            | Self::Incomplete(_)
            | Self::Ahead(_)
            | Self::AppNotFound { .. }
            | Self::SecretStillRead { .. }
            | Self::DefinitionStillRun { .. }
            | Self::ResourceProtected { .. }
            | Self::StackStays { .. }
            | Self::ClusterChanged(_)
            | Self::PastDeadline { .. }
            | Self::Report(_) => ErrorClass::Permanent,
        }
    }

    fn error_type(&self) -> ErrorCode {
        match self {
            Self::Call(call) => call.error_type(),
            Self::Store(store) => store.error_type(),
            Self::Secret(secret) => secret.error_type(),
            Self::Name(_) => ErrorType::InvalidName.into(),
            Self::Incomplete(_) => ErrorType::InvalidRequest.into(),
            Self::Ahead(_) => ErrorType::RequestAhead.into(),
            Self::AppNotFound { .. } => ErrorType::AppNotFound.into(),
            Self::SecretStillRead { .. } => ErrorType::SecretStillRead.into(),
            Self::DefinitionStillRun { .. } => ErrorType::DefinitionStillRun.into(),
            Self::ClusterTooLarge { .. } => ErrorType::ClusterTooLarge.into(),
            Self::ResourceProtected { .. } => ErrorType::ResourceProtected.into(),
            Self::StackStays { .. } => ErrorType::StackStays.into(),
            Self::ClusterChanged(_) => ErrorType::ClusterChanged.into(),
            Self::PastDeadline { .. } => ErrorType::DeadlineExceeded.into(),
            Self::Report(_) => ErrorType::ReportUnrendered.into(),
        }
    }
}

impl From<DeletionError> for Diagnostic {
    fn from(err: DeletionError) -> Self {
        let (error_type, error_message) = err.diagnosis();
        Self {
            error_type,
            error_message,
        }
    }
}
