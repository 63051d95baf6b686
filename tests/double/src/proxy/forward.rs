//! Passes calls on to the emulator, or to what stands for it in memory.

use std::error::Error;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HeaderValue, TRANSFER_ENCODING,
};
use hyper::http::request::Parts;
use hyper::{Request, Version};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::answer::{self, Answer};
use super::incoming::Incoming;
use super::memory::Memory;
use super::stacks;
use crate::REGION;

/// What takes longer is tried again by who asked.
const LIMIT: Duration = Duration::from_secs(50);

/// What is behind the rules.
#[derive(Debug)]
pub(super) struct Upstream {
    url: String,
    far: Far,
}

#[derive(Debug)]
enum Far {
    Emulator {
        /// Its connections are kept alive.
        client: Client<HttpConnector, Full<Bytes>>,
        /// The emulator's own `CloudFormation`.
        stacks: aws_sdk_cloudformation::Client,
    },
    Memory(Memory),
}

impl Upstream {
    pub(super) fn emulator(url: &str, account: &str) -> Self {
        // Shorter than the emulator's own limit of 75 s, so that no call meets a connection about to be closed.
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build_http();
        Self {
            url: url.to_owned(),
            far: Far::Emulator {
                client,
                stacks: stacks::emulated(url, account),
            },
        }
    }

    pub(super) fn memory_of(account: &str) -> Self {
        Self {
            url: super::NOWHERE.to_owned(),
            far: Far::Memory(Memory::new(account)),
        }
    }

    /// What is in memory, if it is.
    pub(super) fn memory(&self) -> Option<&Memory> {
        match &self.far {
            Far::Memory(memory) => Some(memory),
            Far::Emulator { .. } => None,
        }
    }

    /// The emulator's own `CloudFormation`, if there is an emulator.
    pub(super) fn emulated_stacks(&self) -> Option<&aws_sdk_cloudformation::Client> {
        match &self.far {
            Far::Emulator { stacks, .. } => Some(stacks),
            Far::Memory(_) => None,
        }
    }

    /// Passes the call on as it came.
    pub(super) async fn forward(&self, incoming: &Incoming) -> Answer {
        self.send(incoming.head.clone(), incoming.bytes.clone())
            .await
    }

    /// Passes the call on with another body.
    pub(super) async fn forward_with(&self, incoming: &Incoming, body: &Value) -> Answer {
        self.send(incoming.head.clone(), body.to_string().into())
            .await
    }

    /// Asks another operation of the same service in the caller's name; null when it is refused.
    pub(super) async fn ask(&self, incoming: &Incoming, operation: &str, body: &Value) -> Value {
        let mut head = incoming.head.clone();
        let target = head
            .headers
            .get("x-amz-target")
            .and_then(|target| target.to_str().ok());
        let prefix = target.and_then(|target| Some(target.rsplit_once('.')?.0));
        let target = format!("{}.{operation}", prefix.unwrap_or_default());
        let target = HeaderValue::from_str(&target).expect("operation names are ASCII");
        head.headers.insert("x-amz-target", target);
        self.answered(head, body).await
    }

    /// Asks an operation of a JSON protocol in nobody's name; null when it is refused.
    pub(super) async fn call(
        &self,
        account: &str,
        service: &str,
        target: &str,
        body: &Value,
    ) -> Value {
        let scope = format!("{account}/20260101/{REGION}/{service}/aws4_request");
        let signed =
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        let request = Request::post("/")
            .header(AUTHORIZATION, signed)
            .header(CONTENT_TYPE, "application/x-amz-json-1.1")
            .header("x-amz-target", target)
            .body(());
        let (head, ()) = request.expect("the headers are valid").into_parts();
        self.answered(head, body).await
    }

    async fn answered(&self, head: Parts, body: &Value) -> Value {
        let answer = self.send(head, body.to_string().into()).await;
        if answer.status().is_success() {
            serde_json::from_slice(answer.body()).unwrap_or_default()
        } else {
            Value::Null
        }
    }

    /// The address of a path.
    pub(super) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    async fn send(&self, mut head: Parts, bytes: Bytes) -> Answer {
        let client = match &self.far {
            Far::Emulator { client, .. } => client,
            Far::Memory(memory) => return memory.answer(&Incoming::of(head, bytes)),
        };
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        head.uri = format!("{}{path}", self.url)
            .parse()
            .expect("a path that came in is valid");
        head.version = Version::HTTP_11;
        head.headers.remove(EXPECT);
        head.headers.remove(TRANSFER_ENCODING);
        head.headers.insert(CONTENT_LENGTH, bytes.len().into());
        let operation = head.headers.get("x-amz-target").cloned();
        let request = Request::from_parts(head, Full::new(bytes));
        let answer = match tokio::time::timeout(LIMIT, fetched(client, request)).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer within {LIMIT:?}")),
        };
        let answer = answer.unwrap_or_else(|error| answer::bad_gateway(&error));
        // The SDK tries again, so that nobody would ever know.
        if answer.status().is_server_error() {
            let (status, body) = (answer.status(), answer.body());
            eprintln!("the emulator failed with {status} at {operation:?}: {body:?}");
        }
        answer
    }
}

async fn fetched(
    client: &Client<HttpConnector, Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<Answer, Box<dyn Error>> {
    let (mut head, body) = client.request(request).await?.into_parts();
    head.headers.remove(TRANSFER_ENCODING);
    let body = body.collect().await?;
    Ok(Answer::from_parts(head, body.to_bytes()))
}
