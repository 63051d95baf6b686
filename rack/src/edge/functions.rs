//! The Rack's functions, invoked and heard to their end.

use std::time::Duration;

use aws::call_error::CallError;
use aws::clients::SdkConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::operation::RequestId as _;
use aws_sdk_lambda::primitives::Blob;
use serde_json::Value;

use super::sdk;
use crate::core::members::text;
use crate::error::RackError;

/// How often a function that is busy is asked again.
const TRIES: u32 = 5;

/// What invokes functions.
#[derive(Debug)]
pub struct Functions(Client);

/// What a function answered.
#[derive(Debug)]
pub struct Answered {
    /// Lambda's id of the invocation, which is that of the request.
    pub request_id: String,
    /// The answer.
    pub answer: Value,
}

impl Functions {
    /// With these credentials.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self(Client::new(&sdk::patient(config)))
    }

    /// Invokes a function and waits for its answer. Only what Lambda did not take is tried again.
    ///
    /// # Errors
    ///
    /// [`RackError`] when Lambda refuses, or the function fails.
    pub async fn invoke(&self, function: &str, payload: &Value) -> Result<Answered, RackError> {
        let mut tries = 0;
        loop {
            let payload = Blob::new(payload.to_string());
            let answer = self
                .0
                .invoke()
                .function_name(function)
                .payload(payload)
                .send()
                .await;
            let answer = answer.map_err(|err| CallError::new(format!("invoke {function}"), &err));
            tries += 1;
            match answer {
                Err(err) if err.code() == "TooManyRequestsException" && tries < TRIES => {
                    tokio::time::sleep(Duration::from_millis(250 << tries)).await;
                }
                Err(err) => return Err(err.into()),
                Ok(answer) => {
                    let request_id = answer.request_id().unwrap_or_default().to_owned();
                    let failed = answer.function_error().is_some();
                    let bytes = answer.payload.map(Blob::into_inner).unwrap_or_default();
                    let answer = serde_json::from_slice(&bytes).unwrap_or_default();
                    return judged(function, request_id, answer, failed);
                }
            }
        }
    }
}

fn judged(
    function: &str,
    request_id: String,
    answer: Value,
    failed: bool,
) -> Result<Answered, RackError> {
    let said = |name: &str| text(&answer, name).unwrap_or_default().to_owned();
    if failed || answer.is_null() {
        let (error_type, message) = (said("errorType"), said("errorMessage"));
        let function = function.to_owned();
        return Err(RackError::Function {
            function,
            error_type,
            message,
        });
    }
    Ok(Answered { request_id, answer })
}
