//! The time of the double, and of functions that run in this process.
//!
//! It is the system's, but where a thread has set a clock of its own: that one goes with tokio's, so that a pause of the runtime
//! lets hours pass in no time.

use std::cell::Cell;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

thread_local! {
    static SET: Cell<Option<(DateTime<Utc>, Instant)>> = const { Cell::new(None) };
}

/// Now.
#[must_use]
pub fn now() -> DateTime<Utc> {
    let Some((time, since)) = SET.get() else {
        return Utc::now();
    };
    time + TimeDelta::from_std(since.elapsed()).unwrap_or_default()
}

/// From now on it is `time` in this thread, and goes on with tokio's clock.
pub fn set(time: DateTime<Utc>) {
    SET.set(Some((time, Instant::now())));
}
