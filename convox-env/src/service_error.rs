//! What an AWS service, or the way to it, said.

use std::fmt;

/// One failed call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceError {
    attempted: String,
    code: String,
    message: Option<String>,
}

impl ServiceError {
    /// The call that `attempted` describes, and why it failed.
    pub fn new(attempted: &str, code: &str, message: Option<&str>) -> Self {
        Self {
            attempted: attempted.to_owned(),
            code: code.to_owned(),
            message: message.map(str::to_owned),
        }
    }

    /// The service's code; `Timeout` and `Unreachable` where there was no answer.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Whether there was no answer, or one that says to ask again (S3 and KMS API references, "Errors").
    pub fn can_pass(&self, status: u16) -> bool {
        const CODES: [&str; 8] = [
            "DependencyTimeoutException",
            "KMSInternalException",
            "KeyUnavailableException",
            "RequestTimeout",
            "SlowDown",
            "ThrottlingException",
            "Timeout",
            "Unreachable",
        ];
        status >= 500 || status == 429 || CODES.contains(&self.code.as_str())
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to {}: {}", self.attempted, self.code)?;
        match &self.message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ServiceError {}
