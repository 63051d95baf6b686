//! The benchmark: speed, size and cost, beside what people would use instead.
//!
//! `bench [part ...]` measures the parts named, or all, prints the table and writes it as JSON to
//! `target/bench/{time}.json`; `bench compare A B` says where two such files do not agree within their spread.
//! What it measures are release builds, so run it by `make bench`; it is none itself.

mod cold;
mod convox_env;
mod cost;
mod machine;
mod mass;
mod memory;
mod plan;
mod promotes;
mod readers;
mod replay;
mod row;
mod size;
mod stub;
mod tls;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use std::{env, fs};

use serde::{Deserialize, Serialize};

use machine::Machine;
use row::Row;

/// A part's name and what measures it.
type Part = (&'static str, fn() -> Vec<Row>);

const PARTS: [Part; 10] = [
    ("cold", cold::rows),
    ("tls", tls::rows),
    ("plan", plan::rows),
    ("readers", readers::rows),
    ("size", size::rows),
    ("memory", memory::rows),
    ("promote", promotes::rows),
    ("mass", mass::rows),
    ("convox-env", convox_env::rows),
    ("cost", cost::rows),
];

/// What is written.
#[derive(Serialize, Deserialize)]
struct Run {
    machine: Machine,
    rows: Vec<Row>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["compare", one, other] => compare(one, other),
        ref names => measure(names),
    }
}

fn measure(names: &[&str]) -> ExitCode {
    if let Some(unknown) = names
        .iter()
        .find(|name| PARTS.iter().all(|(part, _)| part != *name))
    {
        let parts: Vec<&str> = PARTS.iter().map(|(part, _)| *part).collect();
        eprintln!(
            "there is no part `{unknown}`; there are {}",
            parts.join(", ")
        );
        return ExitCode::FAILURE;
    }
    let mut rows = Vec::new();
    for (name, part) in PARTS {
        if names.is_empty() || names.contains(&name) {
            let start = Instant::now();
            rows.extend(part());
            eprintln!("{name}: {:.0} s", start.elapsed().as_secs_f64());
        }
    }
    let machine = Machine::here();
    let Machine {
        date,
        processor,
        cores,
        memory,
        kernel,
    } = &machine;
    println!(
        "{date}, {processor}, {cores} cores, {memory} GiB, Linux {kernel}\n\n{}",
        row::table(&rows)
    );
    let file = written(&Run { machine, rows });
    println!("written to {}", file.display());
    ExitCode::SUCCESS
}

fn written(run: &Run) -> PathBuf {
    let folder = repository().join("target/bench");
    fs::create_dir_all(&folder).expect("cannot create target/bench");
    let file = folder.join(format!(
        "{}.json",
        chrono::Utc::now().format("%Y%m%dT%H%M%S")
    ));
    let json = serde_json::to_vec_pretty(run).expect("a run is plain data");
    fs::write(&file, json).expect("cannot write the result");
    file
}

fn compare(one: &str, other: &str) -> ExitCode {
    let read = |file: &str| -> Run {
        let bytes = fs::read(file).unwrap_or_else(|error| panic!("cannot read {file}: {error}"));
        serde_json::from_slice(&bytes)
            .unwrap_or_else(|error| panic!("{file} is no result: {error}"))
    };
    let (one, other) = (read(one), read(other));
    let differences = row::differences(&one.rows, &other.rows);
    let lines = one.rows.len();
    println!(
        "{} of {lines} lines agree within their spread",
        lines - differences.len()
    );
    for line in &differences {
        println!("{line}");
    }
    ExitCode::from(u8::from(!differences.is_empty()))
}

/// The repository's top folder.
fn repository() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package
        .ancestors()
        .nth(2)
        .expect("the package is two folders deep")
}
