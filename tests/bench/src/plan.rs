//! The throughput of promote's plan, beside `serde_json` serialising the requests that come of it.

use std::process::Command;

use serde::Deserialize;

use crate::repository;
use crate::row::{Figure, Goal, Row, short};

const PART: &str = "plan";

/// What `plan-speed` prints of one App: nanoseconds, round by round.
#[derive(Deserialize)]
struct Measured {
    keys: usize,
    services: usize,
    bytes: f64,
    plan: Vec<f64>,
    serialisation: Vec<f64>,
}

/// The lines of this part.
#[must_use]
pub fn rows() -> Vec<Row> {
    let program = repository().join("target/release/plan-speed");
    let printed = Command::new(&program).output();
    let printed = printed.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let measured: Vec<Measured> =
        serde_json::from_slice(&printed.stdout).expect("plan-speed prints its measurements");
    measured.iter().map(line).collect()
}

fn line(measured: &Measured) -> Row {
    let Measured { keys, services, .. } = measured;
    let ratio = Figure::ratio(&measured.plan, &measured.serialisation);
    let plan = Figure::of(measured.plan.clone()).value;
    let (milliseconds, megabytes) = (plan / 1e6, measured.bytes / 1e6);
    Row::new(
        PART,
        format!("{keys} keys × {services} Services ÷ serde_json"),
        ratio,
        "×",
    )
    .goal(Goal::AtMost(2.0))
    .beside(format!(
        "{} ms, {} MB/s",
        short(milliseconds),
        short(megabytes / (milliseconds / 1e3))
    ))
}
