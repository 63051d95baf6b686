//! Why counting does not go on: permanent, or worth another delivery.

use aws::call_error::{CallError, ErrorClass};
use lambda::intake::Failure;
use lambda::state_store::StoreError;
use lambda_runtime::Diagnostic;
use names::error_type::ErrorCode;

/// Counting that does not go on.
#[derive(Debug, thiserror::Error)]
pub enum CountError {
    /// An AWS call failed, for good or for now.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A state could not be read or changed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure for CountError {
    fn class(&self) -> ErrorClass {
        match self {
            Self::Call(call) => call.class(),
            Self::Store(store) => store.class(),
        }
    }

    fn error_type(&self) -> ErrorCode {
        match self {
            Self::Call(call) => call.error_type(),
            Self::Store(store) => store.error_type(),
        }
    }
}

impl From<CountError> for Diagnostic {
    fn from(err: CountError) -> Self {
        let (error_type, error_message) = err.diagnosis();
        Self {
            error_type,
            error_message,
        }
    }
}
