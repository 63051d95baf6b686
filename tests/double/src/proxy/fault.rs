//! What can be made to go wrong, and for which calls.

use std::time::Duration;

use super::incoming::Incoming;

/// How a call fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Answers an error in the form of the service's protocol; the call has no effect.
    Error {
        /// HTTP status.
        status: u16,
        /// The error's code: `AccessDeniedException`.
        code: &'static str,
    },
    /// Refuses as AWS does under load; the call has no effect.
    Throttle,
    /// Takes the request and never answers; the call has no effect.
    Hang,
    /// Resets the connection; the call has no effect.
    Reset,
    /// The call takes effect, then the connection is reset instead of an answer.
    LostAnswer,
    /// Waits, then goes on as if nothing had been.
    Latency(Duration),
    /// Answers 200 with a body that no protocol knows; the call has no effect.
    Garbage,
    /// Answers 200 to `PutEvents`, `PutTargets` or `RemoveTargets` with every entry failed; the call has no effect.
    FailedEntries {
        /// Each entry's error: `ConcurrentModificationException`.
        code: &'static str,
    },
    /// Kills the calling process with SIGKILL; the call has no effect.
    KillBefore,
    /// The call takes effect, then the calling process is killed and never gets the answer.
    KillAfter,
}

/// A fault, and the calls that it befalls.
#[derive(Debug, Clone)]
pub struct Injection {
    fault: Fault,
    service: Option<String>,
    operation: Option<String>,
    /// What is in the path of the call, an object's key for example.
    path: String,
    spared: usize,
    left: Option<usize>,
}

impl Fault {
    /// The caller may not.
    pub const DENIED: Self = Self::Error {
        status: 400,
        code: "AccessDeniedException",
    };
    /// Worth another delivery to the functions, and not retried by the SDK itself, which would take half a minute.
    pub const TRANSIENT: Self = Self::Error {
        status: 400,
        code: "ConcurrentModificationException",
    };

    /// Befalls one operation.
    #[must_use]
    pub fn on(self, service: impl Into<String>, operation: impl Into<String>) -> Injection {
        Injection {
            operation: Some(operation.into()),
            ..self.on_service(service)
        }
    }

    /// Befalls every operation of a service.
    #[must_use]
    pub fn on_service(self, service: impl Into<String>) -> Injection {
        Injection {
            service: Some(service.into()),
            ..self.on_any_call()
        }
    }

    /// Befalls every call.
    #[must_use]
    pub fn on_any_call(self) -> Injection {
        Injection {
            fault: self,
            service: None,
            operation: None,
            path: String::new(),
            spared: 0,
            left: None,
        }
    }
}

impl Injection {
    /// Only the next `times` calls; without it, all until they are lifted.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self {
            left: Some(times),
            ..self
        }
    }

    /// Only calls with this in their path: an object's key, or a part of it.
    #[must_use]
    pub fn about(self, path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            ..self
        }
    }

    /// Not the first `calls` that it would befall.
    #[must_use]
    pub fn after(self, calls: usize) -> Self {
        Self {
            spared: calls,
            ..self
        }
    }

    /// Counts the call if it fits; whether the fault befalls it.
    fn strikes(&mut self, incoming: &Incoming) -> bool {
        let is = |wanted: &Option<String>, name| wanted.as_ref().is_none_or(|it| it == name);
        let fits = is(&self.service, &incoming.service)
            && is(&self.operation, &incoming.operation)
            && incoming.head.uri.path().contains(&self.path);
        if !fits || self.left == Some(0) {
            return false;
        }
        let spared = self.spared > 0;
        self.spared = self.spared.saturating_sub(1);
        !spared
    }
}

/// The fault that befalls this call, used up by one.
pub(super) fn take(injections: &mut [Injection], incoming: &Incoming) -> Option<Fault> {
    let injection = injections
        .iter_mut()
        .find_map(|injection| injection.strikes(incoming).then_some(injection))?;
    injection.left = injection.left.map(|left| left - 1);
    Some(injection.fault.clone())
}
