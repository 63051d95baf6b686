//! What the user has to mend before a process can run, and why its secret does not serve it: in words, with what to do.

use aws::secrets::SecretError;
use lambda::intake::MemberError;
use names::error_chain::Chain;
use names::error_type::{ErrorCode, ErrorType};
use names::{AppName, NameError, ReleaseId, ServiceName};
use release::problem::UserError;
use release::task_definition::TASK_DEFINITION_MAX_BYTES;

use crate::plan::OVERRIDES_MAX;
use crate::request::{self, EXPIRES_MINUTES};

/// A request, or a Release, that cannot be run as it is.
#[derive(Debug, thiserror::Error)]
pub enum RunProblem {
    /// A member is missing or is no text.
    #[error(transparent)]
    Member(MemberError),
    /// A command of nothing but spaces.
    #[error("the request's `command` is empty; leave it out to run the Service's own")]
    EmptyCommand,
    /// A command that ends too early for Linux.
    #[error("the request's `command` holds a NUL character, which no process can be given")]
    NulInCommand,
    /// A name breaks its rule.
    #[error(transparent)]
    Name(NameError),
    /// Too old for ECS's memory of client tokens.
    #[error(
        "the request is older than {EXPIRES_MINUTES} minutes, and ECS may have forgotten whether its task was started; look \
         for tasks that `{}` started, and ask again if there is none", request::started_by(.app)
    )]
    Expired {
        /// The App.
        app: AppName,
    },
    /// The App is gone, or on its way out.
    #[error("the App `{app}` is deleted; promote a Release to bring it back")]
    AppDeleted {
        /// The App.
        app: AppName,
    },
    /// Nothing says which Release is meant.
    #[error("no Release of the App `{app}` is applied: promote one, or name one in `release`")]
    NoRelease {
        /// The App.
        app: AppName,
    },
    /// The Release has no environment object.
    #[error("Release `{release}` of App `{app}` has no environment: write `{key}`")]
    ReleaseNotFound {
        /// The App.
        app: AppName,
        /// The Release.
        release: ReleaseId,
        /// The object that is not there.
        key: String,
    },
    /// The manifest has no Service of that name.
    #[error("convox.yml of Release {release} has no Service `{service}`; it has {}", .services.join(", "))]
    NoService {
        /// The Release.
        release: ReleaseId,
        /// The Service that is asked for.
        service: ServiceName,
        /// Those that there are.
        services: Vec<String>,
    },
    /// The Service names resources that no promote has created yet.
    #[error(
        "`services.{service}.resources` names what is not deployed: {}; promote Release {release} first", .missing.join(", ")
    )]
    NotDeployed {
        /// The Service.
        service: ServiceName,
        /// The resources, each in backticks.
        missing: Vec<String>,
        /// The Release.
        release: ReleaseId,
    },
    /// Fargate needs a network.
    #[error("the process runs on Fargate and the Rack names no subnets; set its parameter Subnets")]
    NoSubnets,
    /// Over what the overrides of a task can take.
    #[error(
        "the command takes {size} characters with what ECS counts beside it, and ECS takes {OVERRIDES_MAX}; put it into a \
         script of the image"
    )]
    CommandTooLong {
        /// Its characters.
        size: usize,
    },
    /// Over what ECS registers.
    #[error(
        "the task definition of `{service}` takes {size} bytes and ECS takes {TASK_DEFINITION_MAX_BYTES}; shorten its command, its \
         defaults or its declarations"
    )]
    TaskDefinitionTooLarge {
        /// The Service.
        service: ServiceName,
        /// Its bytes.
        size: usize,
    },
}

impl UserError for RunProblem {
    fn error_type(&self) -> ErrorType {
        match self {
            Self::Member(_) | Self::EmptyCommand | Self::NulInCommand => ErrorType::InvalidRequest,
            Self::Name(_) => ErrorType::InvalidName,
            Self::Expired { .. } => ErrorType::RequestExpired,
            Self::AppDeleted { .. } => ErrorType::AppDeleted,
            Self::NoRelease { .. } => ErrorType::NoRelease,
            Self::ReleaseNotFound { .. } => ErrorType::ReleaseNotFound,
            Self::NoService { .. } => ErrorType::ServiceNotFound,
            Self::NotDeployed { .. } => ErrorType::ResourceNotDeployed,
            Self::NoSubnets => ErrorType::NoSubnets,
            Self::CommandTooLong { .. } => ErrorType::CommandTooLong,
            Self::TaskDefinitionTooLarge { .. } => ErrorType::TaskDefinitionTooLarge,
        }
    }
}

/// Why the secret does not serve a process, so that S3 delivers.
#[derive(Debug, thiserror::Error)]
pub enum Unusable<'a> {
    /// The references to its keys are too many.
    #[error(
        "the task definition takes {size} bytes with its references and ECS takes {TASK_DEFINITION_MAX_BYTES}; let the \
         Service declare the variables that it needs instead of `*`"
    )]
    TooManyReferences {
        /// The definition's bytes.
        size: usize,
    },
    /// None of its versions was made of that environment, or it is kept no longer.
    #[error(
        "the App's secret has no version with the environment of Release {release}; promote it to have it there"
    )]
    HasNoVersion {
        /// The Release that is to run.
        release: &'a ReleaseId,
    },
    /// It could not be read.
    #[error("{}", Chain(*.0))]
    Unread(&'a SecretError),
}

impl Unusable<'_> {
    /// What `fallback` says.
    #[must_use]
    pub fn error_type(&self) -> ErrorCode {
        match self {
            Self::TooManyReferences { .. } => ErrorType::TaskDefinitionTooLarge.into(),
            Self::HasNoVersion { .. } => ErrorType::SecretHasNoVersion.into(),
            Self::Unread(err) => err.error_type(),
        }
    }
}
