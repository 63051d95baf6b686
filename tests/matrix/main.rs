//! The matrices: every call that a function makes × every way in which it can fail, and the function's death before and
//! after every call. They run alone, since their functions have a tenth of the usual time limits.
//!
//! Each prints what it covered; `make test` collects that.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use tokio::sync::{Mutex, MutexGuard};

mod app;
mod calls;
mod faults;
mod kills;
mod load;
mod pool;
mod rig;
mod sample;
mod scenario;

/// The machine to itself: each matrix uses all of it, so they take turns.
async fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    TURN.lock().await
}
