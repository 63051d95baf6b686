//! How much longer four times the bytes take to read, for every reader of what users write and every shape of file.
//!
//! A program of its own, since what is measured is a release build, as it is deployed. Prints JSON for `bench`: per reader and
//! shape, the nanoseconds of a small and a large file, round by round and in turn. Reads that are too short for the clock
//! are left out.

use std::time::Instant;

use rig::{READERS, Reader, SHAPES};
use serde_json::{Value, json};

const SMALL: usize = 1 << 18;
const LARGE: usize = SMALL * 4;
const ROUNDS: usize = 7;
/// A large file that is read in less tells nothing.
const LEAST_NANOSECONDS: f64 = 1e6;

fn main() {
    let mut measured = Vec::new();
    for (name, read, _, samples) in READERS {
        for shape in SHAPES.iter().chain(samples) {
            measured.extend(compared(name, read, shape));
        }
    }
    println!("{}", Value::from(measured));
}

fn compared(reader: &str, read: Reader, shape: &str) -> Option<Value> {
    let file = |size: usize| shape.repeat(size / shape.len());
    let (small, large) = (file(SMALL), file(LARGE));
    if nanoseconds(read, &large) < LEAST_NANOSECONDS {
        return None;
    }
    let rounds = (0..ROUNDS).map(|_| (nanoseconds(read, &small), nanoseconds(read, &large)));
    let (small, large): (Vec<f64>, Vec<f64>) = rounds.unzip();
    Some(json!({"reader": reader, "shape": shape, "small": small, "large": large}))
}

fn nanoseconds(read: Reader, file: &str) -> f64 {
    let began = Instant::now();
    read(file.as_bytes());
    began.elapsed().as_secs_f64() * 1e9
}
