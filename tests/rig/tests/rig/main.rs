//! The rig keeps its own promises: what it starts is as it would be on AWS, and ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod agent;
mod function;
mod hearing;
mod kills;
mod load_balancer;
mod outages;
mod processes;
