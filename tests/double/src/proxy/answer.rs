//! Answers that the proxy makes itself, in the form of each service's protocol.

use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE};
use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::incoming::Incoming;
use super::xml;

const INJECTED: &str = "injected by the test";

/// A whole answer.
pub(super) type Answer = Response<Bytes>;

/// A call that AWS would not accept: the code and its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message }
    }
}

/// 200 or 400 of the AWS JSON protocols.
pub(super) fn json(outcome: Result<Value, Refusal>) -> Answer {
    match outcome {
        Ok(body) => build(200, "application/x-amz-json-1.1", &[], body.to_string()),
        Err(refusal) => json_error(400, refusal.code, &refusal.message),
    }
}

/// The same of REST with JSON, where the status says what is wrong.
///
/// Source: `EventBridge` Scheduler API reference, the errors of each action.
pub(super) fn rest_json(outcome: Result<Value, Refusal>) -> Answer {
    let Err(refusal) = &outcome else {
        return json(outcome);
    };
    let status = match refusal.code {
        "ResourceNotFoundException" => 404,
        "ConflictException" => 409,
        _ => 400,
    };
    json_error(status, refusal.code, &refusal.message)
}

/// 200 or 400 of the query protocol; `result` is what stands in the operation's result.
///
/// Source: Smithy, "AWS query protocol".
pub(super) fn query(operation: &str, outcome: Result<String, Refusal>) -> Answer {
    match outcome {
        Ok(result) => {
            let body = format!(
                "<{operation}Response><{operation}Result>{result}</{operation}Result></{operation}Response>"
            );
            build(200, "text/xml", &[], body)
        }
        Err(refusal) => query_error(400, refusal.code, &refusal.message),
    }
}

fn query_error(status: u16, code: &str, message: &str) -> Answer {
    let told = [("Type", "Sender"), ("Code", code), ("Message", message)];
    let told: String = told.map(|(name, text)| xml::element(name, text)).concat();
    let body = format!("<ErrorResponse><Error>{told}</Error></ErrorResponse>");
    build(status, "text/xml", &[], body)
}

/// An error in the form that the caller's protocol has for it.
pub(super) fn error(incoming: &Incoming, status: u16, code: &str) -> Answer {
    if incoming.head.method == Method::HEAD {
        return build(status, "application/xml", &[], String::new()); // HEAD answers have no body
    }
    match incoming.service.as_str() {
        "s3" => {}
        "cloudformation" => return query_error(status, code, INJECTED),
        _ => return json_error(status, code, INJECTED),
    }
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
         <Message>{INJECTED}</Message><RequestId>TEST</RequestId></Error>"
    );
    build(status, "application/xml", &[], body)
}

/// What AWS says under load. S3: API reference, "Error responses"; the others: facts/aws.md 1.9, 2.8.
pub(super) fn throttled(incoming: &Incoming) -> Answer {
    match incoming.service.as_str() {
        "s3" => error(incoming, 503, "SlowDown"),
        // CloudFormation API reference, "Common error types".
        "cloudformation" => query_error(400, "Throttling", "Rate exceeded"),
        _ => json_error(400, "ThrottlingException", "Rate exceeded"),
    }
}

/// The success that `EventBridge` answers when it took none of the entries.
///
/// Source: facts/aws.md 4.1, 4.3; `EventBridge` API reference, `PutEvents`, `PutTargets`, `RemoveTargets`.
pub(super) fn failed_entries(incoming: &Incoming, code: &str) -> Answer {
    let entries = |field: &str| incoming.body[field].as_array().into_iter().flatten();
    let failed = |id: &Value| json!({"TargetId": id, "ErrorCode": code, "ErrorMessage": INJECTED});
    let (list, failed): (_, Vec<Value>) = match incoming.operation.as_str() {
        "PutEvents" => {
            let failed = json!({"ErrorCode": code, "ErrorMessage": INJECTED});
            (
                "Entries",
                entries("Entries").map(|_| failed.clone()).collect(),
            )
        }
        "PutTargets" => {
            let ids = entries("Targets").map(|target| &target["Id"]);
            ("FailedEntries", ids.map(failed).collect())
        }
        "RemoveTargets" => ("FailedEntries", entries("Ids").map(failed).collect()),
        other => panic!("{other} has no entries that could fail"),
    };
    json(Ok(json!({"FailedEntryCount": failed.len(), list: failed})))
}

/// A client token that is taken. Source: ECS API reference, `ConflictException`.
pub(super) fn conflict(resource_ids: &[Value]) -> Answer {
    let code = "ConflictException";
    let message = "The clientToken is already in use with a different RunTask request.";
    let body = json!({"__type": code, "message": message, "resourceIds": resource_ids});
    let headers = [("x-amzn-errortype", code)];
    build(
        400,
        "application/x-amz-json-1.1",
        &headers,
        body.to_string(),
    )
}

/// A success that no protocol can read.
pub(super) fn garbage() -> Answer {
    build(
        200,
        "application/octet-stream",
        &[],
        "<<{garbage".to_owned(),
    )
}

/// The emulator could not be reached: a fault of the test, so it says so.
pub(super) fn bad_gateway(message: &str) -> Answer {
    json_error(502, "EmulatorUnreachable", message)
}

fn json_error(status: u16, code: &str, message: &str) -> Answer {
    let body = json!({"__type": code, "message": message}).to_string();
    let headers = [("x-amzn-errortype", code)];
    build(status, "application/x-amz-json-1.1", &headers, body)
}

fn build(status: u16, content_type: &str, headers: &[(&str, &str)], body: String) -> Answer {
    let status = StatusCode::from_u16(status).expect("a fault has a valid HTTP status");
    let mut answer = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, content_type)
        .header(CONTENT_LENGTH, body.len())
        .header("x-amzn-requestid", "00000000-0000-0000-0000-000000000000");
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    answer
        .body(Bytes::from(body))
        .expect("the headers are valid")
}
