//! HTTP: a page for each path.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::env;
use std::io;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::html::STYLE;
use crate::{metadata, pages, resources};

/// Nothing but the page itself and its style.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Listens until the process ends.
pub async fn serve(address: &str) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::task::spawn(async move {
            let service =
                service_fn(|request| async move { Ok::<_, Infallible>(answer(&request).await) });
            let server = hyper::server::conn::http1::Builder::new();
            let _ = server.serve_connection(TokioIo::new(stream), service).await; // visitors may go at any time
        });
    }
}

async fn answer(request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let variables: BTreeMap<String, String> = env::vars().collect();
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return respond(
            StatusCode::METHOD_NOT_ALLOWED,
            "text/plain",
            "GET only\n".to_owned(),
        );
    }
    let page = match request.uri().path() {
        "/" => pages::overview(&variables),
        "/environment" => pages::environment(&variables),
        "/secrets" => pages::secrets(&variables, revealed(request.uri().query())),
        "/resources" => {
            let metadata = metadata::read(&variables).await;
            pages::resources(&variables, &metadata, resources::has_folder())
        }
        "/task" => pages::task(&variables, &metadata::read(&variables).await),
        "/health" => return respond(StatusCode::OK, "text/plain", "ok\n".to_owned()),
        "/style.css" => return respond(StatusCode::OK, "text/css", STYLE.to_owned()),
        _ => {
            return respond(
                StatusCode::NOT_FOUND,
                "text/html; charset=utf-8",
                pages::not_found(&variables),
            );
        }
    };
    respond(StatusCode::OK, "text/html; charset=utf-8", page)
}

/// The name in `?reveal=NAME`.
fn revealed(query: Option<&str>) -> Option<&str> {
    query?
        .split('&')
        .find_map(|pair| pair.strip_prefix("reveal="))
}

fn respond(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    for (name, value) in [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}
