//! A request as it came, and which operation of which service it is.

use std::time::Instant;

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming as Body};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use hyper::http::request::Parts;
use hyper::{Method, Request};
use serde_json::{Value, json};

use super::call::Call;
use super::form;

/// A whole request.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) head: Parts,
    pub(super) bytes: Bytes,
    pub(super) service: String,
    pub(super) operation: String,
    /// The body where it is JSON or a form, else null.
    pub(super) body: Value,
}

impl Incoming {
    pub(super) async fn read(request: Request<Body>) -> Result<Self, hyper::Error> {
        let (head, body) = request.into_parts();
        let bytes = body.collect().await?.to_bytes();
        Ok(Self::of(head, bytes))
    }

    pub(super) fn of(head: Parts, bytes: Bytes) -> Self {
        let service = service(&head).unwrap_or("unsigned").to_owned();
        let mut body = if is_form(&head) {
            form::decoded(&bytes)
        } else {
            serde_json::from_slice(&bytes).unwrap_or_default()
        };
        let operation = if service == "s3" {
            s3_operation(&head)
        } else if service == "scheduler" {
            scheduler_operation(&head, &mut body)
        } else {
            let action = || body["Action"].as_str().map(str::to_owned);
            let named = target(&head).or_else(action);
            named.unwrap_or_else(|| "Unknown".to_owned())
        };
        Self {
            head,
            bytes,
            service,
            operation,
            body,
        }
    }

    pub(super) fn is(&self, service: &str, operation: &str) -> bool {
        self.service == service && self.operation == operation
    }

    pub(super) fn call(&self, stood: Option<Value>) -> Call {
        let path = self.head.uri.path_and_query();
        Call {
            service: self.service.clone(),
            operation: self.operation.clone(),
            caller: caller(&self.head).unwrap_or_default().to_owned(),
            path: path.map(ToString::to_string).unwrap_or_default(),
            body: self.body.clone(),
            status: None,
            answer: stood.unwrap_or_default(),
            began: Instant::now(),
            ended: None,
        }
    }
}

/// From the credential scope: `Credential=KEY/20261122/us-east-1/ecs/aws4_request`.
fn service(head: &Parts) -> Option<&str> {
    let authorization = head.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = authorization.split_once("Credential=")?;
    let scope = credential.split([',', ' ']).next()?;
    scope.split('/').nth(3)
}

/// The SDK puts its application's id into the user agent: `aws-sdk-rust/1.3.0 … app/promote`.
///
/// Source: AWS SDKs and Tools reference guide, "Application ID".
fn caller(head: &Parts) -> Option<&str> {
    let agent = head.headers.get(USER_AGENT)?.to_str().ok()?;
    agent
        .split(' ')
        .find_map(|product| product.strip_prefix("app/"))
}

/// The query protocol: `CloudFormation`, `IAM`, `RDS`.
fn is_form(head: &Parts) -> bool {
    let content_type = head.headers.get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"))
}

/// The AWS JSON protocols name the operation after the dot: `secretsmanager.PutSecretValue`.
fn target(head: &Parts) -> Option<String> {
    let target = head.headers.get("x-amz-target")?.to_str().ok()?;
    Some(target.rsplit('.').next()?.to_owned())
}

/// S3 has no such header. The SDK names most operations in `x-id`; the others show in method, path and query.
fn s3_operation(head: &Parts) -> String {
    let query = head.uri.query().unwrap_or_default();
    let parameters: Vec<(&str, &str)> = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .collect();
    if let Some((_, id)) = parameters.iter().find(|(name, _)| *name == "x-id") {
        return (*id).to_owned();
    }
    let has = |wanted: &str| parameters.iter().any(|(name, _)| *name == wanted);
    let path = head
        .uri
        .path()
        .trim_start_matches('/')
        .trim_end_matches('/');
    if path.is_empty() {
        "ListBuckets".to_owned()
    } else if path.contains('/') {
        object_operation(head, &has)
    } else {
        bucket_operation(&head.method, &has)
    }
}

/// Scheduler's operation shows in method and path, and so do its parameters: they are put into `body`.
///
/// Source: Scheduler API reference, "Request syntax" of each operation.
fn scheduler_operation(head: &Parts, body: &mut Value) -> String {
    if !body.is_object() {
        *body = json!({});
    }
    let query = head.uri.query().unwrap_or_default();
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("groupName" | "ScheduleGroup", value)) => body["GroupName"] = json!(value),
            Some((name @ ("NamePrefix" | "NextToken" | "MaxResults"), value)) => {
                body[name] = json!(value);
            }
            _ => {}
        }
    }
    let path = head.uri.path().trim_matches('/');
    let (what, name) = path.split_once('/').unwrap_or((path, ""));
    let subject = if what == "schedule-groups" {
        "ScheduleGroup"
    } else {
        "Schedule"
    };
    if name.is_empty() {
        return format!("List{subject}s");
    }
    body["Name"] = json!(name);
    let verb = match head.method.as_str() {
        "POST" => "Create",
        "PUT" => "Update",
        method => verb_of(method),
    };
    format!("{verb}{subject}")
}

fn object_operation(head: &Parts, has: &dyn Fn(&str) -> bool) -> String {
    let subject = if has("tagging") {
        "ObjectTagging"
    } else {
        "Object"
    };
    match &head.method {
        &Method::PUT if head.headers.contains_key("x-amz-copy-source") => "CopyObject".to_owned(),
        method => format!("{}{subject}", verb(method)),
    }
}

fn bucket_operation(method: &Method, has: &dyn Fn(&str) -> bool) -> String {
    let subjects = [
        ("versioning", "BucketVersioning"),
        ("notification", "BucketNotificationConfiguration"),
        ("encryption", "BucketEncryption"),
        ("policy", "BucketPolicy"),
        ("location", "BucketLocation"),
    ];
    let subject = subjects.iter().find(|(parameter, _)| has(parameter));
    match (method, subject) {
        (_, Some((_, subject))) => format!("{}{subject}", verb(method)),
        (&Method::GET, None) if has("versions") => "ListObjectVersions".to_owned(),
        (&Method::GET, None) if has("list-type") => "ListObjectsV2".to_owned(),
        (&Method::GET, None) => "ListObjects".to_owned(),
        (&Method::PUT, None) => "CreateBucket".to_owned(),
        (&Method::POST, None) if has("delete") => "DeleteObjects".to_owned(),
        (_, None) => format!("{}Bucket", verb(method)),
    }
}

fn verb(method: &Method) -> &'static str {
    verb_of(method.as_str())
}

fn verb_of(method: &str) -> &'static str {
    match method {
        "GET" => "Get",
        "HEAD" => "Head",
        "PUT" => "Put",
        "DELETE" => "Delete",
        "POST" => "Post",
        _ => "Unknown",
    }
}
