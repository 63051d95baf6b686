//! A stand-in of load balancers. Of the Application Load Balancer, with real HTTP: it follows the target groups and listener rules
//! that the stacks of Apps have, checks the health of what is registered with them, and forwards what the rules take. Of Network
//! Load Balancers, with real connections: those that the stacks of Apps make listen, and pass connections on to healthy targets.
//! Security groups and TLS are not theirs here.
//!
//! What it holds rules against and how it decides is Elastic Load Balancing's user guide for Application Load Balancers: "Listener
//! rules", "Condition types", "Target group health checks", "Sticky sessions", "X-Forwarded headers". It differs in three things:
//! it listens on the loopback with a port for each listener, without TLS; a second of its health checks is as long as it is told;
//! and targets that speak HTTPS or gRPC are checked by connecting, and not forwarded to.

mod board;
mod health;
pub mod hosts;
pub mod rules;
mod serve;
mod streams;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use board::Board;
pub use health::Health;
use rules::Refused;
use streams::{Stream, Streams};

/// How long is waited for what health checks say.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running load balancer. It ends with the value.
#[derive(Debug)]
pub struct LoadBalancer {
    board: Arc<Board>,
    listeners: BTreeMap<String, (SocketAddr, JoinHandle<()>)>,
    streams: Mutex<Streams>,
}

impl LoadBalancer {
    /// Starts one with these listeners, by their ARNs. A second of health checks takes as long as `second`.
    pub async fn start(listeners: &[&str], second: Duration) -> Self {
        let board = Arc::new(Board::new(second));
        let mut serving = BTreeMap::new();
        for arn in listeners {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
            let listener = listener.expect("the loopback has a free port");
            let address = listener.local_addr().expect("a listener has an address");
            let place = serve::Place {
                board: Arc::clone(&board),
                listener: (*arn).to_owned(),
                port: address.port(),
            };
            let task = tokio::spawn(serve::accept(listener, Arc::new(place)));
            serving.insert((*arn).to_owned(), (address, task));
        }
        Self {
            board,
            listeners: serving,
            streams: Mutex::default(),
        }
    }

    /// Where a listener is heard.
    #[must_use]
    pub fn address(&self, listener: &str) -> SocketAddr {
        self.listeners[listener].0
    }

    /// From now on the stack `stack` has the resources of this template, which take the place of those that it had. What is
    /// registered stays with the groups that stay.
    ///
    /// # Errors
    ///
    /// [`Refused`] for what Elastic Load Balancing would not take: nothing has changed then.
    pub fn follow(&self, stack: &str, template: &Value) -> Result<(), Refused> {
        let rendered = rules::read(template)?;
        let streams: Vec<Stream> = rendered.streams.clone();
        self.board.follow(stack, rendered)?;
        self.streams().follow(&self.board, stack, &streams);
        Ok(())
    }

    /// The stack is deleted.
    pub fn forget(&self, stack: &str) {
        self.board.forget(stack);
        self.streams().follow(&self.board, stack, &[]);
    }

    /// Where a port of a stack's own load balancer, which has that logical id, is heard; none where nothing listens.
    #[must_use]
    pub fn stream(&self, stack: &str, load_balancer: &str, port: u16) -> Option<SocketAddr> {
        self.streams().address(stack, load_balancer, port)
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What ECS does with a task that runs: it is checked from now on, and gets requests once it is healthy.
    pub fn register(&self, stack: &str, group: &str, target: SocketAddr) {
        self.board.register(stack, group, target);
    }

    /// What ECS does with one that is to stop: it gets no further requests.
    pub fn deregister(&self, stack: &str, group: &str, target: SocketAddr) {
        self.board.deregister(stack, group, target);
    }

    /// How a target does.
    #[must_use]
    pub fn health(&self, stack: &str, group: &str, target: SocketAddr) -> Option<Health> {
        self.board.health(stack, group, target)
    }

    /// Waits until a target does so.
    pub async fn until(&self, stack: &str, group: &str, target: SocketAddr, want: Health) {
        let mut changes = self.board.changes();
        let so = async {
            while self.health(stack, group, target) != Some(want) {
                changes.changed().await.expect("the board is there");
            }
        };
        let waited = tokio::time::timeout(PATIENCE, so).await;
        assert!(
            waited.is_ok(),
            "{target} of {group} is {:?} and not {want:?}",
            self.health(stack, group, target)
        );
    }
}

impl Drop for LoadBalancer {
    fn drop(&mut self) {
        for (_, task) in self.listeners.values() {
            task.abort();
        }
    }
}
