//! Calls of AWS's JSON protocols as they are on the wire, for services without a client here, and for answers that a client
//! would not show whole: its `Debug` leaves out what may be a secret.

use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rig::World;
use serde_json::Value;

/// Calls an operation, `AmazonSQS.ReceiveMessage`, through the back door; the answer as it is.
///
/// # Panics
///
/// When there is none, or an error.
pub async fn call(world: &World, service: &str, operation: &str, body: &Value) -> String {
    let scope = format!(
        "{}/20261122/us-east-1/{service}/aws4_request",
        world.account
    );
    let signature = format!(
        "AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0" // nobody checks it
    );
    let request = Request::post(world.proxy.back_door())
        .header(AUTHORIZATION, signature)
        .header(CONTENT_TYPE, "application/x-amz-json-1.1")
        .header("x-amz-target", operation)
        .body(Full::new(Bytes::from(body.to_string())))
        .expect("a request is valid");
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let answer = client.request(request).await.expect("AWS answers");
    let status = answer.status();
    let body = answer.into_body().collect().await.expect("AWS answers");
    let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    assert!(status.is_success(), "{operation}: {status} {text}");
    text
}

/// The same, where the answer is JSON.
///
/// # Panics
///
/// When it is not.
pub async fn json(world: &World, service: &str, operation: &str, body: &Value) -> Value {
    let text = call(world, service, operation, body).await;
    serde_json::from_str(&text).expect("the answer is JSON")
}
