//! Who holds a lease: one invocation, and no other.
//!
//! Lambda's request id is not enough. Lambda delivers an asynchronous invocation at least once, and both deliveries have one
//! id (Lambda developer guide, "Asynchronous invocation"); they may even run at the same time.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names the invocations of one process.
#[derive(Debug)]
pub struct Owners {
    /// Drawn when the process starts, so that no two processes share it.
    process: u128,
    /// Invocations so far: one process runs them one after another.
    invocations: AtomicU64,
}

/// The system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("failed to draw the random number that tells this process from others: {reason}")]
pub struct NoRandomness {
    reason: getrandom::Error,
}

impl Owners {
    /// Draws the process's own number. Called once, at start.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`] when the system has none.
    pub fn draw() -> Result<Self, NoRandomness> {
        let mut bytes = [0; 16];
        getrandom::getrandom(&mut bytes).map_err(|reason| NoRandomness { reason })?;
        Ok(Self {
            process: u128::from_ne_bytes(bytes),
            invocations: AtomicU64::new(0),
        })
    }

    /// The owner of leases in the invocation that begins now; `request_id` is Lambda's, for people who read a state.
    #[must_use]
    pub fn of(&self, request_id: impl fmt::Display) -> String {
        let count = self.invocations.fetch_add(1, Ordering::Relaxed);
        format!("{request_id}/{:032x}-{count}", self.process)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn one_request_delivered_twice_has_two_owners_in_one_process_and_in_two() {
        let processes = [Owners::draw().unwrap(), Owners::draw().unwrap()];
        let owners: Vec<String> = processes
            .iter()
            .flat_map(|process| [process.of("request-1"), process.of("request-1")])
            .collect();
        let distinct: BTreeSet<&String> = owners.iter().collect();
        assert_eq!(distinct.len(), 4, "{owners:?}");
        assert!(owners.iter().all(|owner| owner.starts_with("request-1/")));
    }
}
