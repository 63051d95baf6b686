//! The integration tests: one file per group of promises. They run the built functions against the bench.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod app;
mod bench;
mod promote;
