//! Listens, reads calls, and answers each: recorded, failed, refused or passed on.

use std::convert::Infallible;
use std::future;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming as Body};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::answer::{self, Answer};
use super::direct::Life;
use super::fault::Fault;
use super::incoming::Incoming;
use super::{Door, Shared, caller, rules};

/// The connection ends without an answer.
#[derive(Debug)]
pub(super) struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is cut on request of the test")
    }
}

impl std::error::Error for Cut {}

/// Opens a door on a free loopback port.
pub(super) async fn listen(door: Door, shared: &Arc<Shared>) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("cannot listen on 127.0.0.1");
    let address = listener.local_addr().expect("a listener has an address");
    let task = tokio::spawn(accept(listener, door, Arc::clone(shared)));
    (format!("http://{address}"), task)
}

async fn accept(listener: TcpListener, door: Door, shared: Arc<Shared>) {
    let mut connections = JoinSet::new(); // aborted with this task
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve_connection(stream, door, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve_connection(stream: TcpStream, door: Door, shared: Arc<Shared>) {
    let Ok((stream, twin)) = with_twin(stream) else {
        return; // the caller is already gone
    };
    let (shared, twin) = (&shared, &twin);
    let service = service_fn(move |request: Request<Body>| async move {
        let answer = respond(request, door, shared, twin).await;
        if answer.is_err() {
            let _ = twin.set_zero_linger(); // so that closing sends a reset
        }
        answer.map(|answer| -> Response<Full<Bytes>> { answer.map(Full::new) })
    });
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let _ = connection.await; // callers may go at any time
}

/// A second handle of the same socket: hyper keeps the first to itself.
fn with_twin(stream: TcpStream) -> io::Result<(TcpStream, TcpStream)> {
    stream.set_nodelay(true)?;
    let stream = stream.into_std()?;
    let twin = TcpStream::from_std(stream.try_clone()?)?;
    Ok((TcpStream::from_std(stream)?, twin))
}

async fn respond(
    request: Request<Body>,
    door: Door,
    shared: &Arc<Shared>,
    connection: &TcpStream,
) -> Result<Answer, Cut> {
    let incoming = Arc::new(Incoming::read(request).await.map_err(|_| Cut)?);
    answered(incoming, door, shared, Caller::Elsewhere(connection)).await
}

/// Who makes a call.
#[derive(Debug, Clone, Copy)]
pub(super) enum Caller<'c> {
    /// A process at the other end of a connection.
    Elsewhere(&'c TcpStream),
    /// A program in this process.
    Here(&'c Life),
}

impl Caller<'_> {
    /// Ends it; a program in this process is dropped by who runs it, and with it whoever waits here.
    async fn kill(self) {
        match self {
            Self::Elsewhere(connection) => caller::kill(connection).await,
            Self::Here(life) => {
                life.end();
                match future::pending::<Infallible>().await {}
            }
        }
    }
}

/// Answers a call: recorded, failed, refused or passed on.
pub(super) async fn answered(
    incoming: Arc<Incoming>,
    door: Door,
    shared: &Arc<Shared>,
    caller: Caller<'_>,
) -> Result<Answer, Cut> {
    if door == Door::Back {
        return Ok(effect(shared, &incoming).await);
    }
    let stood = shared.standing_stack(&incoming);
    let number = shared.arrived(incoming.call(stood));
    let answer = match shared.take_fault(&incoming) {
        None => effect(shared, &incoming).await,
        Some(fault) => fail(shared, &incoming, fault, caller).await?,
    };
    let body = serde_json::from_slice(answer.body()).ok();
    shared.answered(number, answer.status().as_u16(), body);
    Ok(answer)
}

/// What the call does, and its answer. It is done also when the caller leaves meanwhile, as AWS would.
async fn effect(shared: &Arc<Shared>, incoming: &Arc<Incoming>) -> Answer {
    let (shared, incoming) = (Arc::clone(shared), Arc::clone(incoming));
    let done = tokio::spawn(async move { rules::answer(&shared, &incoming).await });
    done.await.expect("a rule of the double has panicked")
}

async fn fail(
    shared: &Arc<Shared>,
    incoming: &Arc<Incoming>,
    fault: Fault,
    caller: Caller<'_>,
) -> Result<Answer, Cut> {
    match fault {
        Fault::Error { status, code } => Ok(answer::error(incoming, status, code)),
        Fault::Throttle => Ok(answer::throttled(incoming)),
        Fault::Hang => match future::pending::<Infallible>().await {},
        Fault::Reset => Err(Cut),
        Fault::LostAnswer => {
            effect(shared, incoming).await;
            Err(Cut)
        }
        Fault::Latency(delay) => {
            tokio::time::sleep(delay).await;
            Ok(effect(shared, incoming).await)
        }
        Fault::Garbage => Ok(answer::garbage()),
        Fault::FailedEntries { code } => Ok(answer::failed_entries(incoming, code)),
        Fault::KillBefore => {
            caller.kill().await;
            Err(Cut)
        }
        Fault::KillAfter => {
            effect(shared, incoming).await;
            caller.kill().await;
            Err(Cut)
        }
    }
}
