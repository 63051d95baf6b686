//! What can be made to go wrong, and for which calls.

use std::time::Duration;

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
}

/// A fault, and the calls that it befalls.
#[derive(Debug, Clone)]
pub struct Injection {
    fault: Fault,
    service: &'static str,
    operation: Option<&'static str>,
    left: Option<usize>,
}

impl Fault {
    /// Befalls one operation.
    #[must_use]
    pub fn on(self, service: &'static str, operation: &'static str) -> Injection {
        Injection {
            operation: Some(operation),
            ..self.on_service(service)
        }
    }

    /// Befalls every operation of a service.
    #[must_use]
    pub fn on_service(self, service: &'static str) -> Injection {
        Injection {
            fault: self,
            service,
            operation: None,
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

    fn fits(&self, service: &str, operation: &str) -> bool {
        self.service == service
            && self.operation.is_none_or(|wanted| wanted == operation)
            && self.left != Some(0)
    }
}

/// The fault that befalls this call, used up by one.
pub(super) fn take(injections: &mut [Injection], service: &str, operation: &str) -> Option<Fault> {
    let injection = injections
        .iter_mut()
        .find(|injection| injection.fits(service, operation))?;
    injection.left = injection.left.map(|left| left - 1);
    Some(injection.fault.clone())
}
