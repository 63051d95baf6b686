//! The little of Docker's API that a round takes, over a socket or a port. Source: Docker Engine API, v1.40 and later.

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// The API of a daemon at that address: `unix:///var/run/docker.sock`, `tcp://127.0.0.1:2375`.
#[derive(Debug, Clone)]
pub struct Api {
    /// As `DOCKER_HOST` has it.
    pub host: String,
}

type Answer = Option<(StatusCode, Bytes)>;

impl Api {
    /// Whether a daemon answers there.
    pub async fn answers(&self) -> bool {
        let ping = self.call(Method::GET, "/_ping", Bytes::new()).await;
        ping.is_some_and(|(status, _)| status.is_success())
    }

    /// This machine's address as containers see it.
    pub async fn gateway(&self) -> Option<String> {
        let bridge = self.call(Method::GET, "/networks/bridge", Bytes::new());
        let bridge: Value = serde_json::from_slice(&bridge.await?.1).ok()?;
        let gateway = bridge.pointer("/IPAM/Config/0/Gateway");
        let gateway = gateway.and_then(Value::as_str);
        Some(gateway.unwrap_or("172.17.0.1").to_owned())
    }

    /// Makes an image of a tar archive.
    ///
    /// # Panics
    ///
    /// When Docker does not take it.
    pub async fn import(&self, repository: &str, tag: &str, archive: Vec<u8>) {
        let path = format!("/images/create?fromSrc=-&repo={repository}&tag={tag}");
        let imported = self.call(Method::POST, &path, archive.into()).await;
        let (status, said) = imported.expect("Docker answers");
        let said = String::from_utf8_lossy(&said);
        let good = status.is_success() && !said.contains("\"error\"");
        assert!(good, "Docker does not import an image: {said}");
    }

    /// Removes all images of a repository.
    pub async fn remove_images(&self, repository: &str) {
        let filter =
            format!("/images/json?filters=%7B%22reference%22%3A%5B%22{repository}%22%5D%7D");
        let listed = self.call(Method::GET, &filter, Bytes::new()).await;
        let images = listed.and_then(|(_, body)| serde_json::from_slice::<Value>(&body).ok());
        for image in images
            .as_ref()
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let id = image["Id"].as_str().unwrap_or_default();
            let path = format!("/images/{id}?force=true");
            self.call(Method::DELETE, &path, Bytes::new()).await;
        }
    }

    async fn call(&self, method: Method, path: &str, body: Bytes) -> Answer {
        if let Some(socket) = self.host.strip_prefix("unix://") {
            return call(UnixStream::connect(socket).await.ok()?, method, path, body).await;
        }
        let address = self
            .host
            .split_once("://")
            .map_or(&*self.host, |(_, address)| address);
        call(TcpStream::connect(address).await.ok()?, method, path, body).await
    }
}

async fn call(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    method: Method,
    path: &str,
    body: Bytes,
) -> Answer {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    let request = Request::builder().method(method).uri(path);
    let request = request.header(HOST, "docker").body(Full::new(body)).ok()?;
    let answer = sender.send_request(request).await.ok()?;
    let status = answer.status();
    let body = answer.into_body().collect().await.ok()?.to_bytes();
    Some((status, body))
}
