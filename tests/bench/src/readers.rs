//! Whether the time that users' files take to read grows with the square of their size.

use std::process::Command;

use serde::Deserialize;

use crate::repository;
use crate::row::{Figure, Goal, Row, short};

const PART: &str = "readers";

/// What `reader-speed` prints of one reader and shape: nanoseconds, round by round.
#[derive(Deserialize)]
struct Measured {
    reader: String,
    shape: String,
    small: Vec<f64>,
    large: Vec<f64>,
}

/// The lines of this part: each reader's worst shape.
#[must_use]
pub fn rows() -> Vec<Row> {
    let program = repository().join("target/release/reader-speed");
    let printed = Command::new(&program).output();
    let printed = printed.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let measured: Vec<Measured> =
        serde_json::from_slice(&printed.stdout).expect("reader-speed prints its measurements");
    let mut worst: Vec<&Measured> = Vec::new();
    for one in &measured {
        match worst.iter_mut().find(|other| other.reader == one.reader) {
            Some(other) if one.ratio().value > other.ratio().value => *other = one,
            Some(_) => {}
            None => worst.push(one),
        }
    }
    worst.into_iter().map(line).collect()
}

impl Measured {
    fn ratio(&self) -> Figure {
        Figure::ratio(&self.large, &self.small)
    }
}

fn line(measured: &Measured) -> Row {
    let milliseconds = Figure::of(measured.large.clone()).value / 1e6;
    let shape: String = measured.shape.escape_default().take(24).collect();
    Row::new(
        PART,
        format!("{}: 1 MiB ÷ 256 KiB, worst shape", measured.reader),
        measured.ratio(),
        "×",
    )
    .goal(Goal::AtMost(8.0))
    .beside(format!("`{shape}`: {} ms", short(milliseconds)))
}
