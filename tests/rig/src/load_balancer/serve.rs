//! Requests: taken by a listener, forwarded to a target, answered.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use double::unique;
use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1 as client;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::board::{Board, Route};
use super::hosts;

/// Source: user guide, "Sticky sessions": the cookie of a load balancer.
const COOKIE: &str = "AWSALB";
/// Those of one connection, which are not passed on. Source: RFC 9110, 7.6.1.
const OF_THE_CONNECTION: [HeaderName; 4] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
];
/// As the Rack's own listeners have it.
const NO_APP: &str = "No App has this address.";

type Answer = Response<BoxBody<Bytes, hyper::Error>>;

/// Where requests come in.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) board: Arc<Board>,
    pub(super) listener: String,
    pub(super) port: u16,
}

pub(super) async fn accept(listener: TcpListener, place: Arc<Place>) {
    while let Ok((stream, client)) = listener.accept().await {
        let place = Arc::clone(&place);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let place = Arc::clone(&place);
                async move { Ok::<_, Infallible>(answered(&place, client, request).await) }
            });
            let serving = server::Builder::new().serve_connection(TokioIo::new(stream), service);
            let _ = serving.with_upgrades().await; // clients may go at any time
        });
    }
}

async fn answered(place: &Place, client: SocketAddr, request: Request<Incoming>) -> Answer {
    let headers = request.headers();
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = hosts::without_port(host.unwrap_or_default());
    match place.board.route(&place.listener, host, &cookies(headers)) {
        Route::Default => said(StatusCode::NOT_FOUND, NO_APP),
        Route::Nobody => said(
            StatusCode::SERVICE_UNAVAILABLE,
            "Service Temporarily Unavailable",
        ),
        Route::NotSpokenHere => said(StatusCode::NOT_IMPLEMENTED, "not spoken by this stand-in"),
        Route::To { target, cookie } => {
            let answer = forwarded(place, client, target, request).await;
            let mut answer = answer.unwrap_or_else(|| said(StatusCode::BAD_GATEWAY, "Bad Gateway"));
            let cookie = cookie.map(|token| format!("{COOKIE}={token}; Path=/"));
            if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::try_from(cookie).ok()) {
                answer.headers_mut().append(header::SET_COOKIE, cookie);
            }
            answer
        }
    }
}

fn said(status: StatusCode, text: &'static str) -> Answer {
    let body = Full::new(Bytes::from_static(text.as_bytes()));
    let mut answer = Response::new(body.map_err(|never| match never {}).boxed());
    *answer.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, plain);
    answer
}

/// The tokens of our own cookies.
fn cookies(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(header::COOKIE).iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).map(str::trim);
    let own = pairs.filter_map(|pair| pair.strip_prefix(COOKIE)?.strip_prefix('='));
    own.map(str::to_owned).collect()
}

/// The target's answer; none where there is none.
async fn forwarded(
    place: &Place,
    client: SocketAddr,
    target: SocketAddr,
    mut request: Request<Incoming>,
) -> Option<Answer> {
    let stream = TcpStream::connect(target).await.ok()?;
    let (mut sender, connection) = client::handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection.with_upgrades());
    let asks = request.headers().contains_key(header::UPGRADE);
    let of_client = asks.then(|| hyper::upgrade::on(&mut request));
    tell(request.headers_mut(), client, place.port, asks);
    let mut answer = sender.send_request(request).await.ok()?;
    match of_client {
        Some(of_client) if answer.status() == StatusCode::SWITCHING_PROTOCOLS => {
            tokio::spawn(joined(of_client, hyper::upgrade::on(&mut answer)));
        }
        _ => answer
            .headers_mut()
            .remove(header::CONNECTION)
            .map_or((), drop),
    }
    Some(answer.map(http_body_util::BodyExt::boxed))
}

/// A websocket, say.
async fn joined(of_client: OnUpgrade, of_target: OnUpgrade) {
    if let (Ok(client), Ok(target)) = (of_client.await, of_target.await) {
        let (mut client, mut target) = (TokioIo::new(client), TokioIo::new(target));
        let _ = tokio::io::copy_bidirectional(&mut client, &mut target).await; // either may go
    }
}

/// Source: user guide, "HTTP headers and Application Load Balancers".
fn tell(headers: &mut HeaderMap, client: SocketAddr, port: u16, keeps_connection: bool) {
    if !keeps_connection {
        for name in OF_THE_CONNECTION {
            headers.remove(name);
        }
    }
    let before = headers
        .get("x-forwarded-for")
        .and_then(|value| value.to_str().ok());
    let client = client.ip();
    let through = before.map_or_else(
        || client.to_string(),
        |before| format!("{before}, {client}"),
    );
    for (name, value) in [
        ("x-forwarded-for", through),
        ("x-forwarded-proto", "http".to_owned()),
        ("x-forwarded-port", port.to_string()),
        ("x-amzn-trace-id", format!("Root=1-{}", unique::word(24))),
    ] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}
