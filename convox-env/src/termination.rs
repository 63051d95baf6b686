//! TERM and INT while the environment is read.
//!
//! The kernel gives process 1 no default action, so an entrypoint that only reads would ignore them, and a container that is
//! stopped then would wait for its time limit. After `exec` they are the App's: what is caught becomes the default again.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag::register_conditional_shutdown;

/// Ends the process at TERM or INT as a shell counts it, 128 and the signal's number. One that this process was told to ignore
/// stays ignored, as it is for the App.
pub fn end_at_once() {
    let ignored = ignored();
    for signal in [SIGTERM, SIGINT] {
        if ignored >> (signal - 1) & 1 == 0 {
            // Nothing is lost where the handler cannot be set: then it is as without it.
            let _ = register_conditional_shutdown(
                signal,
                128 + signal,
                Arc::new(AtomicBool::new(true)),
            );
        }
    }
}

/// The signals that this process ignores, a bit for each (proc(5), `SigIgn`).
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}
