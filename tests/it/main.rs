//! The integration tests: one file per group of promises. They run the built functions in a local Rack.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod account_check;
mod app;
mod app_stack;
mod bad_input;
mod bytes;
mod capacity;
mod convox_env;
mod definitions;
mod deletion;
mod delivery;
mod deployments;
mod error_types;
mod exec;
mod failure_count;
mod fallback;
mod gateways;
mod history;
mod iam;
mod ingress;
mod layering;
mod levels;
mod order;
mod pages;
mod platform;
mod process_run;
mod promote;
mod put_back;
mod rack;
mod rack_settings;
mod reached;
mod reconcile;
mod release_commands;
mod runner;
mod scaling;
mod secret_life;
mod services;
mod snapshots;
mod stacks;
mod telling;
mod template;
mod throttled;
mod timers;
mod triggers;
mod verdict;
mod versions;
mod watcher;
mod widths;
