//! The two addresses that every task can ask: its metadata, and the credentials of its role.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use double::unique;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::metadata::Metadata;
use crate::credentials;

/// A running server; it ends with the value.
#[derive(Debug)]
pub(super) struct Server {
    /// `ECS_CONTAINER_METADATA_URI_V4`
    pub(super) metadata_url: String,
    /// `AWS_CONTAINER_CREDENTIALS_FULL_URI`
    pub(super) credentials_url: String,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

struct State {
    metadata: Metadata,
    metadata_path: String,
    credentials_path: String,
    credentials: Value,
    process: Option<u32>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}

impl Server {
    pub(super) async fn start(
        metadata: Metadata,
        access: &BTreeMap<String, String>,
    ) -> io::Result<Self> {
        let key = |name: &str| access.get(name).cloned().unwrap_or_default();
        let state = State {
            metadata,
            metadata_path: format!("/v4/{}", unique::word(32)),
            credentials_path: format!("/v2/credentials/{}", unique::word(32)),
            credentials: credentials::answer(
                &key("AWS_ACCESS_KEY_ID"),
                &key("AWS_SECRET_ACCESS_KEY"),
                &key("AWS_SESSION_TOKEN"),
            ),
            process: None,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let base = format!("http://{}", listener.local_addr()?);
        let metadata_url = base.clone() + &state.metadata_path;
        let credentials_url = base + &state.credentials_path;
        let state = Arc::new(Mutex::new(state));
        let task = tokio::spawn(accept(listener, Arc::clone(&state)));
        Ok(Self {
            metadata_url,
            credentials_url,
            state,
            task,
        })
    }

    /// From now on the statistics are those of a process.
    pub(super) fn watch(&self, process: Option<u32>) {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .process = process;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&state)));
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let service = service_fn(|request: Request<Incoming>| {
        let answer = answer(&state, request.uri().path());
        async move { Ok::<_, Infallible>(answer) }
    });
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let _ = connection.await; // callers may go at any time
}

fn answer(state: &Mutex<State>, path: &str) -> Response<Full<Bytes>> {
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let body = if path == state.credentials_path {
        Some(state.credentials.clone())
    } else {
        let (process, prefix) = (state.process, state.metadata_path.clone());
        path.strip_prefix(&prefix)
            .and_then(|rest| state.metadata.answer(rest, process))
    };
    let (status, body) = match body {
        Some(body) => (StatusCode::OK, body),
        None => (StatusCode::NOT_FOUND, json!("Not found")),
    };
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response
}
