//! The proofs that go through cases: what may befall a function, and what comes of it.
//!
//! | proof | cases | where |
//! |---|---|---|
//! | [`baselines`] | every scenario without any fault: the same calls, the same end | in memory and on processes |
//! | [`faults`] | every call × every way in which it can fail | in memory; each way that is common × each service on processes |
//! | [`kills`] | the function's death before and after every call | in memory; each function × each service on processes |
//! | [`pairs`] | every two faults on one promote, at calls that change something | in memory |
//! | [`changes`] | outside edits and other settings of the Rack between two promotes, × kills and faults in the second | in memory |
//! | [`schedules`] | 12,000 interleavings of promote's attempts and the way through the state, call by call | over a model of their own |
//! | [`schedules`] | 10,000 dry runs, each as the promote after it, over what Releases and others have left | over the same model |
//! | [`timers`] | the clock over a Timer: changes of a time zone, moves that die, and the seconds around a move | in memory |
//! | [`sample`] | schedules: events twice, in any order, two at a time, while functions die | on processes |
//! | [`load`] | many promotes of many Apps at once, under ECS's rates | on processes |
//!
//! **On processes**: the built `bootstrap` under AWS's runtime emulator, SIGKILL, sockets, the third-party emulator, real time; with
//! a tenth of the usual time limits where something fails, so that a call that hangs costs three seconds.
//!
//! **In memory** ([`local`]): the same handlers in this process, their real SDK clients on a connector that calls the double's own
//! rules, and behind these a model in place of the emulator. A kill is a dropped future. The clock is tokio's, paused, so that
//! nothing waits. A situation is made once and gone back to for each of its cases. What that cannot show, the processes do: the
//! runtime and its own errors, sockets, the emulator's reading of requests, the real clock, statics that outlive an invocation.
//! [`baselines`] keeps the model honest.
//!
//! `REAL=all` runs every case of [`faults`] and [`kills`] on processes too, as before a release or when the model changes.
//! `EVERY=40` runs every 40th case in memory and none on processes. Each proof prints what it covered; `make test` collects that.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::{Mutex, MutexGuard, PoisonError};

mod app;
mod baselines;
mod calls;
mod changes;
mod edit;
mod faults;
mod kills;
mod load;
mod local;
mod pairs;
mod pool;
mod rack;
mod sample;
mod scenario;
mod schedules;
mod situation;
mod timers;

/// The machine to itself: each matrix uses all of it, so they take turns.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Of the cases in memory every n-th alone, and none on processes: `EVERY=n`.
fn every() -> Option<usize> {
    std::env::var("EVERY").ok()?.parse().ok()
}

/// Whether every case is to run on real processes too: `REAL=all`.
fn all_on_processes() -> bool {
    std::env::var("REAL").is_ok_and(|real| real == "all")
}
