//! What tests do with stacks, and how functions hear of their ends.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_cloudformation::Client;
use serde_json::Value;
use tokio::task::JoinHandle;

use super::incoming::Incoming;
use super::{Proxy, Shared, aws_events};
use crate::access;
use crate::stacks::End;

/// How often a proxy that ends operations by itself looks for them.
const PAUSE: Duration = Duration::from_millis(100);

/// The function that hears of the ends of release commands.
const COMMANDS_EAR: &str = "promote";

/// The emulator's own `CloudFormation`.
pub(super) fn emulated(upstream_url: &str, account: &str) -> Client {
    Client::new(&access::over_http(upstream_url, account))
}

impl Shared {
    /// The stack that a call is about, as it stands.
    pub(super) fn standing_stack(&self, incoming: &Incoming) -> Option<Value> {
        let stack = incoming.body["StackName"].as_str();
        let stack = stack.filter(|_| incoming.service == "cloudformation")?;
        Some(self.stacks.lock().unwrap().standing(stack))
    }
}

impl Proxy {
    /// From now on no stack can be worked on with this role: it is gone, as one of a Rack's stack is that was deleted.
    pub fn delete_role(&self, arn: &str) {
        self.shared.stacks.lock().unwrap().delete_role(arn);
    }

    /// From now on operations on stacks stay in progress until [`Proxy::end_stacks`].
    pub fn hold_stacks(&self) {
        self.shared.stacks.lock().unwrap().hold();
    }

    /// Ends the operations in progress; later ones are not held. Answers the events of the ends for the test to deliver:
    /// no function hears of them.
    #[must_use]
    pub fn end_stacks(&self) -> Vec<Value> {
        self.shared.stacks.lock().unwrap().end_all()
    }

    /// The next operation on a stack fails, without any effect, and one of its resources gives the reason.
    pub fn fail_stacks(&self, reason: &str) {
        self.shared.stacks.lock().unwrap().fail(reason);
    }

    /// Every `CloudFormation Stack Status Change` so far, oldest first: one of the begin and one of the end of each
    /// operation.
    #[must_use]
    pub fn stack_events(&self) -> Vec<Value> {
        self.shared.stacks.lock().unwrap().events().to_vec()
    }

    /// From now on the function hears when operations end.
    #[must_use]
    pub fn stack_ear(&self, function: &str) -> StackEar {
        self.shared.stacks.lock().unwrap().listen(function);
        StackEar {
            shared: Arc::clone(&self.shared),
            function: function.to_owned(),
        }
    }

    /// From now on operations and release commands end by themselves, that long after they began, and the emulator's rules get
    /// the events.
    ///
    /// The task is the caller's to keep; it works as long as the runtime does.
    #[must_use]
    pub fn end_stacks_after(&self, age: Duration) -> JoinHandle<()> {
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(PAUSE).await;
                let mut events = shared.stacks.lock().unwrap().end_unheld(age);
                let ended = shared.commands.lock().unwrap().end_unheld(age);
                events.extend(ended.into_iter().map(|end| end.event));
                for event in events {
                    aws_events::send(&shared.upstream, &event).await;
                }
            }
        })
    }
}

/// How a function hears that operations on stacks have ended: what the template's rule and queue do for it.
#[derive(Debug)]
pub struct StackEar {
    shared: Arc<Shared>,
    function: String,
}

/// An invocation that is under way; it ends with the value.
#[derive(Debug)]
pub struct Busy<'e>(&'e StackEar);

impl StackEar {
    /// Notes that an invocation of the function begins.
    #[must_use]
    pub fn enter(&self) -> Busy<'_> {
        let mut stacks = self.shared.stacks.lock().unwrap();
        stacks.enter(&self.function);
        Busy(self)
    }

    /// Ends what is not held, release commands too, and answers the next end that this function has not heard.
    #[must_use]
    pub fn hear(&self, app: Option<&str>) -> Option<End> {
        let commands = &self.shared.commands;
        let ended = commands.lock().unwrap().end_unheld(Duration::ZERO);
        let mut stacks = self.shared.stacks.lock().unwrap();
        stacks.end_unheld(Duration::ZERO);
        for end in ended {
            stacks.tell(COMMANDS_EAR, end);
        }
        stacks.hear(&self.function, app)
    }

    /// The function has not heard this end after all: it is told of it again.
    pub fn put_back(&self, end: End) {
        let mut stacks = self.shared.stacks.lock().unwrap();
        stacks.put_back(&self.function, end);
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        let stacks = self.0.shared.stacks.lock();
        if let Ok(mut stacks) = stacks {
            stacks.leave(&self.0.function);
        }
    }
}
