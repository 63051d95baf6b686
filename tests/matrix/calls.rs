//! The calls of a run, as a fault finds them again: the n-th of its operation.

use std::collections::BTreeMap;
use std::fmt;

use double::Call;

/// One call of a run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub service: String,
    pub operation: String,
    /// How many of the same operation came before.
    pub before: usize,
}

/// The places of recorded calls, in order.
pub fn places(calls: &[Call]) -> Vec<Place> {
    let mut seen = BTreeMap::new();
    let place = |call: &Call| {
        let key = (call.service.clone(), call.operation.clone());
        let before: &mut usize = seen.entry(key).or_default();
        *before += 1;
        Place {
            service: call.service.clone(),
            operation: call.operation.clone(),
            before: *before - 1,
        }
    };
    calls.iter().map(place).collect()
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} #{}",
            self.service,
            self.operation,
            self.before + 1
        )
    }
}
