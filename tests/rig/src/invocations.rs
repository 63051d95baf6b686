//! Lambda's `Invoke` in front of running functions, for programs that call it with the SDK.
//!
//! The emulator of the tests runs no functions; `AWS_ENDPOINT_URL_LAMBDA` leads here.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use double::unique;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{LocalSet, spawn_local};

use crate::function::{Function, Invocation};

type Functions = BTreeMap<String, Arc<Function>>;

/// Answers `Invoke` on a port of this machine, until it is dropped.
#[derive(Debug)]
pub struct Invocations {
    address: String,
    _end: oneshot::Sender<()>,
}

impl Invocations {
    /// Serves these functions by their names.
    #[must_use]
    pub fn serve(functions: impl IntoIterator<Item = (&'static str, Arc<Function>)>) -> Self {
        let functions = functions.into_iter();
        let functions: Functions = functions.map(|(name, it)| (name.to_owned(), it)).collect();
        let (end, ended) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = { runtime }.enable_all().build();
            let runtime = runtime.expect("cannot start a runtime");
            let served = async move {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
                let listener = listener.expect("cannot listen on 127.0.0.1");
                let address = listener.local_addr().expect("a listener has an address");
                let _ = tell.send(format!("http://{address}"));
                tokio::select! {
                    () = accept(listener, Rc::new(functions)) => {}
                    _ = ended => {}
                }
            };
            LocalSet::new().block_on(&runtime, served);
        });
        let address = told.recv().expect("the thread listens");
        Self { address, _end: end }
    }

    /// What `AWS_ENDPOINT_URL_LAMBDA` is set to.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }
}

async fn accept(listener: TcpListener, functions: Rc<Functions>) {
    while let Ok((stream, _)) = listener.accept().await {
        let functions = Rc::clone(&functions);
        spawn_local(async move {
            let service = service_fn(|request| {
                let functions = Rc::clone(&functions);
                async move { Ok::<_, Infallible>(answered(request, &functions).await) }
            });
            let connection = hyper::server::conn::http1::Builder::new();
            let _ = connection
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// Source: Lambda API reference, `Invoke`.
async fn answered(request: Request<Incoming>, functions: &Functions) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    let name = path
        .strip_prefix("/2015-03-31/functions/")
        .and_then(|rest| rest.strip_suffix("/invocations"));
    let function = name.and_then(|name| functions.get(name));
    let body = request.into_body().collect().await;
    let payload = body.map(http_body_util::Collected::to_bytes);
    let payload: Value = serde_json::from_slice(&payload.unwrap_or_default()).unwrap_or_default();
    let response = Response::builder().header("x-amzn-requestid", unique::word(12));
    let (response, body) = match function {
        None => {
            let kind = response.header("x-amzn-errortype", "ResourceNotFoundException");
            let message = format!("Function not found: {}", name.unwrap_or(&path));
            (kind.status(404), json!({"Message": message}))
        }
        Some(function) => match function.invoke(&payload).await {
            Invocation::Answer(answer) => (response, answer),
            Invocation::Error {
                error_type,
                message,
            } => (
                response.header("x-amz-function-error", "Unhandled"),
                json!({"errorType": error_type, "errorMessage": message}),
            ),
        },
    };
    let body = Full::new(Bytes::from(body.to_string()));
    response.body(body).expect("a response is valid")
}
