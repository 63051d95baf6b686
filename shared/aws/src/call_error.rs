//! What went wrong with one AWS call: what was tried, on what, and whether another try can help.

use std::error::Error;
use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use names::bounds;
use names::error_chain::Chain;
use names::error_type::{ErrorCode, ErrorType};

/// Whether another try can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// Throttled, a server's fault, a time-out, a conflict.
    Transient,
    /// Denied, missing, refused: it fails again.
    Permanent,
}

/// Codes of a 4xx answer that another try can still turn into success (SDK retry classifiers; KMS and S3 API
/// references, "Errors").
const TRANSIENT_CODES: [&str; 16] = [
    "ConcurrentModificationException",
    "ConditionalRequestConflict",
    "DependencyTimeoutException",
    "ExpiredToken",
    "ExpiredTokenException",
    "KMSInternalException",
    "KeyUnavailableException",
    "OperationAborted",
    "PriorRequestNotComplete",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestTimeout",
    "RequestTimeoutException",
    "SlowDown",
    "TooManyRequestsException",
];

/// What is kept of AWS's words: they go into states and events.
const CODE_MAX_BYTES: usize = 128;
const MESSAGE_MAX_BYTES: usize = 4 * 1024;
/// What is said of a request that the SDK does not build.
const UNBUILT: &str = "the request could not be built";
/// What is said of an answer that no protocol knows.
const UNREADABLE: &str = "the answer cannot be read";

/// One failed AWS call.
///
/// It keeps the code and the message only: an SDK error also holds the raw response, which can hold a secret.
#[derive(Debug, Clone, thiserror::Error)]
#[error("failed to {attempted}")]
pub struct CallError {
    attempted: String,
    class: ErrorClass,
    source: Cause,
}

/// What AWS, or the way to it, said.
#[derive(Debug, Clone)]
struct Cause {
    code: ErrorCode,
    message: Option<String>,
}

impl CallError {
    /// Keeps what is worth keeping of `err`; `attempted` completes "failed to …".
    pub fn new<E>(attempted: impl Into<String>, err: &SdkError<E, HttpResponse>) -> Self
    where
        E: Error + ProvideErrorMetadata,
    {
        let status = err
            .raw_response()
            .map(|response| response.status().as_u16());
        let (code, message, transient) = match err {
            // A success that no protocol can read: a proxy's page, an answer that was cut.
            SdkError::ServiceError(service)
                if service.err().code().is_none() && status.is_some_and(|status| status < 400) =>
            {
                (
                    ErrorType::BadResponse.into(),
                    Some(UNREADABLE.to_owned()),
                    true,
                )
            }
            SdkError::ServiceError(service) => {
                let code = service
                    .err()
                    .code()
                    .map_or_else(|| status_code(status), ErrorCode::answered);
                let transient = is_transient(code.as_str(), status);
                (code, service.err().message().map(str::to_owned), transient)
            }
            SdkError::TimeoutError(_) => (
                ErrorType::Timeout.into(),
                Some("no answer in time".to_owned()),
                true,
            ),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => (
                ErrorType::Timeout.into(),
                Some("no answer in time".to_owned()),
                true,
            ),
            SdkError::DispatchFailure(failure) => {
                let cause = failure.as_connector_error().and_then(Error::source);
                let cause = cause.map(|cause| Chain(cause).to_string());
                (ErrorType::Unreachable.into(), cause, true)
            }
            SdkError::ResponseError(_) => (
                ErrorType::BadResponse.into(),
                Some(UNREADABLE.to_owned()),
                true,
            ),
            _ => (
                ErrorType::BadRequest.into(),
                Some(UNBUILT.to_owned()),
                false,
            ),
        };
        Self::of(attempted, code, message, transient)
    }

    /// A failure that the answer itself states, as `PutEvents` and `PutTargets` do with status 200.
    pub fn stated(attempted: impl Into<String>, code: &str, message: Option<&str>) -> Self {
        let transient = is_transient(code, None) || code == "InternalFailure";
        let code = ErrorCode::answered(code);
        Self::of(attempted, code, message.map(str::to_owned), transient)
    }

    /// The same error where a look at what stands can help after all.
    #[must_use]
    pub fn as_transient(mut self) -> Self {
        self.class = ErrorClass::Transient;
        self
    }

    /// A request that the SDK does not build.
    pub fn unbuilt(attempted: impl Into<String>) -> Self {
        Self::refused(attempted, ErrorType::BadRequest, UNBUILT)
    }

    /// What AWS would do, or has done, and these functions do not take: it fails again.
    pub fn refused(attempted: impl Into<String>, error_type: ErrorType, why: &str) -> Self {
        Self::of(attempted, error_type, Some(why.to_owned()), false)
    }

    fn of(
        attempted: impl Into<String>,
        code: impl Into<ErrorCode>,
        message: Option<String>,
        transient: bool,
    ) -> Self {
        let class = if transient {
            ErrorClass::Transient
        } else {
            ErrorClass::Permanent
        };
        Self {
            attempted: attempted.into(),
            class,
            source: Cause {
                code: code.into().within(CODE_MAX_BYTES),
                message: message.map(|message| bounds::text(message, MESSAGE_MAX_BYTES)),
            },
        }
    }

    /// An answer of success that lacks what makes it one.
    pub fn incomplete(attempted: impl Into<String>, lacks: &str) -> Self {
        let message = format!("the answer has no {lacks}");
        Self::of(attempted, ErrorType::BadResponse, Some(message), true)
    }

    /// The same without AWS's message, where that could quote a secret.
    #[must_use]
    pub fn without_message(mut self) -> Self {
        self.source.message = None;
        self
    }

    /// The same where AWS's message is about another thing than the code says: `attempted` goes on with `why`, and the error
    /// gets a name of its own.
    #[must_use]
    pub fn told_apart(mut self, error_type: ErrorType, why: &str) -> Self {
        let said = &self.source;
        self.source.message = Some(match &said.message {
            Some(message) => format!("{}: {message}", said.code),
            None => said.code.to_string(),
        });
        self.source.code = error_type.into();
        self.attempted.push_str(why);
        self
    }

    /// AWS's error code; `Timeout`, `Unreachable` and `BadResponse` where there was none.
    #[must_use]
    pub fn code(&self) -> &str {
        self.source.code.as_str()
    }

    /// The same, as it stands in reports, events and states.
    #[must_use]
    pub fn error_type(&self) -> ErrorCode {
        self.source.code.clone()
    }

    /// AWS's message.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.source.message.as_deref()
    }

    /// Whether another try can help.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        self.class
    }
}

fn is_transient(code: &str, status: Option<u16>) -> bool {
    status.is_some_and(|status| status >= 500 || status == 429)
        || code.contains("Throttl")
        || TRANSIENT_CODES.contains(&code)
}

fn status_code(status: Option<u16>) -> ErrorCode {
    let of_status = |status| ErrorCode::answered(format!("Http{status}"));
    status.map_or(ErrorType::Unknown.into(), of_status)
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.as_str())?;
        self.message
            .iter()
            .try_for_each(|message| write!(f, ": {message}"))
    }
}

impl Error for Cause {}
