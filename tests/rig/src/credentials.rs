//! What the agent answers to a task that asks for its role's keys, on a port of this machine.

use std::convert::Infallible;
use std::net::Ipv4Addr;

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The answer with these keys.
pub(crate) fn answer(access_key_id: &str, secret_access_key: &str, token: &str) -> Value {
    json!({
        "AccessKeyId": access_key_id, "SecretAccessKey": secret_access_key,
        "Token": token, "Expiration": "2099-01-01T00:00:00Z",
    })
}

/// Serves one answer at any path until the runtime ends; the server's address.
pub(crate) async fn serve(answer: Value) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.expect("cannot listen on 127.0.0.1");
    let address = listener.local_addr().expect("a listener has an address");
    let body = Bytes::from(answer.to_string());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let body = body.clone();
            tokio::spawn(async move {
                let service = service_fn(|_| {
                    let body = body.clone();
                    async move { Ok::<_, Infallible>(Response::new(Full::new(body))) }
                });
                let connection = hyper::server::conn::http1::Builder::new();
                let _ = connection
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    format!("http://{address}")
}
