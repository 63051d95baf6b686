//! The double keeps its own promises: rules, faults, recording.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod events;
mod faults;
mod keys;
mod rates;
mod recording;
mod secret_deletion;
mod secret_versions;
mod secrets;
mod services;
mod stacks;
mod strict_proxy;
mod task_definitions;
mod tasks;

use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};

/// The code and message of a service's error; panics when the call succeeded or got no answer.
fn refusal<T, E: ProvideErrorMetadata + std::fmt::Debug, R: std::fmt::Debug>(
    outcome: Result<T, SdkError<E, R>>,
) -> (String, String) {
    match outcome {
        Ok(_) => panic!("the call succeeded"),
        Err(SdkError::ServiceError(error)) => {
            let meta = error.into_err();
            let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
            (text(meta.code()), text(meta.message()))
        }
        Err(other) => panic!("no answer of the service: {other:?}"),
    }
}

fn code<T, E: ProvideErrorMetadata + std::fmt::Debug, R: std::fmt::Debug>(
    outcome: Result<T, SdkError<E, R>>,
) -> String {
    refusal(outcome).0
}
