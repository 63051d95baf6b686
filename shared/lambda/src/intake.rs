//! What all functions do with a payload: unwrap SQS records, answer each thing that is asked for, and tell which records
//! are worth another delivery.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use serde_json::{Value, json};

use crate::answer;
use aws::call_error::ErrorClass;
use names::bounds;
use names::error_chain::Chain;
use names::error_type::{ErrorCode, ErrorType};
use names::json_error::without_values;
use release::problem::UserError;

/// Characters that are shown of what may be no name.
const SHOWN_MAX: usize = 80;

/// A payload: what it asks for, and how it is answered.
#[derive(Debug, PartialEq)]
pub enum Payload<T> {
    /// SQS records by message id; the answer names the failed ones.
    Queue(Vec<(String, Vec<T>)>),
    /// Anything else; the answer is the report.
    Bare(Vec<T>),
}

/// One thing that a function can be asked for.
pub trait Trigger: Sized {
    /// Reads what is not an SQS record. It never fails: what cannot be read is [`Trigger::ignored`], because no redelivery
    /// would help.
    fn read(payload: Value) -> Vec<Self>;
    /// Nothing for this function, and why.
    fn ignored(reason: String) -> Self;
}

/// An error of a function.
pub trait Failure: std::error::Error + 'static {
    /// Whether another delivery can help.
    fn class(&self) -> ErrorClass;
    /// A stable name of the error.
    fn error_type(&self) -> ErrorCode;
    /// What the user should know beside it.
    fn warnings(&self) -> &[String] {
        &[]
    }
    /// What Lambda logs and answers where an invocation fails: the error type, and the error with all its causes.
    fn diagnosis(&self) -> (String, String)
    where
        Self: Sized,
    {
        let message = bounds::message(Chain(self));
        (self.error_type().to_string(), message)
    }
}

/// Reads a payload.
#[must_use]
pub fn parse<T: Trigger>(payload: Value) -> Payload<T> {
    let source = payload
        .pointer("/Records/0/eventSource")
        .and_then(Value::as_str);
    if source == Some("aws:sqs") {
        return match serde_json::from_value::<SqsEvent>(payload) {
            Ok(event) => Payload::Queue(event.records.into_iter().map(queued).collect()),
            Err(err) => Payload::Bare(vec![T::ignored(format!(
                "SQS records that cannot be read: {}",
                without_values(&err)
            ))]),
        };
    }
    Payload::Bare(T::read(payload))
}

fn queued<T: Trigger>(message: SqsMessage) -> (String, Vec<T>) {
    let body = message.body.unwrap_or_default();
    let triggers = match serde_json::from_str(&body) {
        Ok(body) => T::read(body),
        Err(_) => vec![T::ignored(
            "an SQS record whose body is not JSON".to_owned(),
        )],
    };
    (message.message_id.unwrap_or_default(), triggers)
}

/// An EventBridge event -> the trigger that `read` finds in it; `None` there means that its detail is incomplete.
#[must_use]
pub fn bridged<T: Trigger>(
    payload: Value,
    read: impl FnOnce(&EventBridgeEvent<Value>) -> Option<T>,
) -> T {
    let event = match serde_json::from_value::<EventBridgeEvent<Value>>(payload) {
        Ok(event) => event,
        Err(err) => {
            let why = without_values(&err);
            return T::ignored(format!("an EventBridge event that cannot be read: {why}"));
        }
    };
    read(&event).unwrap_or_else(|| {
        let (detail_type, source) = (&event.detail_type, &event.source);
        T::ignored(format!(
            "the event `{detail_type}` of `{source}`, whose detail is incomplete"
        ))
    })
}

/// An event that a function has no use for.
#[must_use]
pub fn unused<T: Trigger>(event: &EventBridgeEvent<Value>) -> T {
    let (detail_type, source) = (&event.detail_type, &event.source);
    T::ignored(format!("the event `{detail_type}` of `{source}`"))
}

/// A text member of a JSON document.
#[must_use]
pub fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer)?.as_str().map(str::to_owned)
}

/// A member of a request that cannot be used. What stands there is never shown: it can be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MemberError {
    /// Something else than a text.
    #[error("the request's `{0}` is not a text")]
    NotText(&'static str),
    /// Nothing, and the request needs it.
    #[error("the request has no `{0}`; name it in the detail")]
    Missing(&'static str),
}

impl UserError for MemberError {
    fn error_type(&self) -> ErrorType {
        ErrorType::InvalidRequest
    }
}

/// A member of a request that is a text, where it is there.
///
/// # Errors
///
/// [`MemberError::NotText`] for anything else.
pub fn optional_text<'v>(
    detail: &'v Value,
    name: &'static str,
) -> Result<Option<&'v str>, MemberError> {
    match detail.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(MemberError::NotText(name)),
    }
}

/// A member of a request that cannot be left out, as a text.
///
/// # Errors
///
/// [`MemberError`] for anything else, and where there is none.
pub fn required_text<'v>(detail: &'v Value, name: &'static str) -> Result<&'v str, MemberError> {
    optional_text(detail, name)?.ok_or(MemberError::Missing(name))
}

/// A member of a request that is no more than said again: what of it can be shown.
#[must_use]
pub fn shown_text(detail: &Value, name: &str) -> String {
    let text = detail.get(name).and_then(Value::as_str);
    let characters = text.into_iter().flat_map(str::chars);
    let printable = characters.filter(|c| !c.is_control());
    printable.take(SHOWN_MAX).collect()
}

/// Answers a payload: SQS records with those that are worth another delivery, everything else with its report, or a list
/// of them where a payload asks for several things.
///
/// # Errors
///
/// Of a bare payload, where another delivery can help.
pub async fn answer<T, E: Failure>(
    payload: Payload<T>,
    one: impl AsyncFn(T) -> Result<Value, E>,
) -> Result<Value, E> {
    let messages = match payload {
        Payload::Bare(triggers) => return answer_all(triggers, &one).await,
        Payload::Queue(messages) => messages,
    };
    let mut response = SqsBatchResponse::default();
    for (message_id, triggers) in messages {
        if let Err(err) = answer_all(triggers, &one).await {
            let reason = bounds::message(Chain(&err));
            tracing::warn!(
                error.kind = %err.error_type(),
                "will be delivered again: {reason}"
            );
            response.add_failure(message_id);
        }
    }
    Ok(json!({"batchItemFailures": response.batch_item_failures}))
}

async fn answer_all<T, E: Failure>(
    triggers: Vec<T>,
    one: &impl AsyncFn(T) -> Result<Value, E>,
) -> Result<Value, E> {
    let mut answers = Vec::new();
    for trigger in triggers {
        answers.push(match one(trigger).await {
            // What fails again the same way is answered, so that nobody delivers it again.
            Err(err) if err.class() == ErrorClass::Permanent => {
                let message = bounds::message(Chain(&err));
                tracing::error!(error.kind = %err.error_type(), "failed for good: {message}");
                let mut answer = answer::failed(&err.error_type(), &message);
                if let (Some(answer), false) = (answer.as_object_mut(), err.warnings().is_empty()) {
                    let warnings = bounds::warnings(err.warnings().to_vec());
                    answer.insert("warnings".to_owned(), warnings.into());
                }
                answer
            }
            answer => answer?,
        });
    }
    Ok(if answers.len() == 1 {
        answers.remove(0)
    } else {
        answers.into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps why it is ignored.
    #[derive(Debug, PartialEq)]
    struct Ignored(String);

    impl Trigger for Ignored {
        fn read(payload: Value) -> Vec<Self> {
            vec![bridged(payload, |_| None)]
        }

        fn ignored(reason: String) -> Self {
            Self(reason)
        }
    }

    #[test]
    fn of_a_payload_that_cannot_be_read_no_text_is_repeated() {
        let queued =
            |name: &str, value: &str| json!({"Records": [{"eventSource": "aws:sqs", name: value}]});
        for payload in [
            json!("hunter2"),
            json!({"source": "s", "detail-type": "t", "resources": "hunter2"}),
            json!({"source": "s", "detail-type": "t", "time": "hunter2"}),
            queued("messageAttributes", "hunter2"),
            queued("body", "hunter2"),
            queued("body", r#"{"resources": "hunter2"}"#),
        ] {
            let said = format!("{:?}", parse::<Ignored>(payload.clone()));
            let is_told = said.contains("cannot be read") || said.contains("is not JSON");
            assert!(is_told, "{payload}: {said}");
            assert!(!said.contains("hunter2"), "{payload}: {said}");
        }
    }
}
