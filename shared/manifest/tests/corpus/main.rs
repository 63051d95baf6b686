//! Compares the loader with Convox's own on a folder of cases: `make corpus CORPUS=path`.
//!
//! A case is a folder with `convox.yml`, `env` and `expected.json`, which is what Convox's loader made of the two. The
//! cases belong to their authors, so the repository holds none; without `CORPUS` this says so and passes. A difference
//! is allowed only where `differences.rs` gives the reason, and a reason must have its difference.

#![expect(
    clippy::disallowed_methods,
    reason = "the cases are files, in a folder that a variable names"
)]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test program: that is its way of failing"
)]

mod differences;
mod loaded;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use serde_json::Value;

use differences::{DIFFERENCES, Difference};

/// Where the two disagree.
struct Found {
    path: String,
    convox: String,
    ours: String,
}

fn main() -> ExitCode {
    let Some(folder) = env::var_os("CORPUS").map(PathBuf::from) else {
        println!("corpus: CORPUS names no folder of cases, nothing was compared");
        return ExitCode::SUCCESS;
    };
    let cases = cases(&folder);
    if cases.is_empty() {
        println!("corpus: there is no case in {}", folder.display());
        return ExitCode::FAILURE;
    }
    let mut used = BTreeSet::new();
    let (mut agree, mut differ, mut failures) = (0, 0, Vec::new());
    for case in &cases {
        let found = compare(&folder.join(case));
        if found.is_empty() {
            agree += 1;
        } else {
            differ += 1;
        }
        for found in found {
            match reason(case, &found.path) {
                Some(number) => {
                    used.insert((number, case.as_str()));
                }
                None => failures.push(format!(
                    "{case}: {}: Convox has {}, here it is {}",
                    found.path, found.convox, found.ours
                )),
            }
        }
    }
    for (number, difference) in DIFFERENCES.iter().enumerate() {
        for case in difference.cases {
            if !used.contains(&(number, *case)) {
                let Difference { field, .. } = difference;
                failures.push(format!(
                    "{case}: {field}: is listed, but there is no difference"
                ));
            }
        }
    }
    println!(
        "corpus: {} cases: {agree} agree in everything, {differ} differ for {} listed reasons",
        cases.len(),
        DIFFERENCES.len()
    );
    for difference in DIFFERENCES {
        println!(
            "  {} ({}): {}",
            difference.field,
            difference.cases.join(", "),
            difference.reason
        );
    }
    if failures.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("corpus: FAILED\n  {}", failures.join("\n  "));
    ExitCode::FAILURE
}

fn cases(folder: &Path) -> Vec<String> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let entries = entries.map(|entry| entry.unwrap());
    let cases = entries.filter(|entry| entry.path().join("expected.json").is_file());
    let mut names: Vec<String> = cases
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn compare(case: &Path) -> Vec<Found> {
    let read = |file: &str| {
        fs::read(case.join(file))
            .unwrap_or_else(|error| panic!("{}: {file}: {error}", case.display()))
    };
    let mut convox: Value = serde_json::from_slice(&read("expected.json")).unwrap();
    loaded::forget_what_is_not_compared(&mut convox);
    let ours = loaded::load(&read("convox.yml"), &read("env"));
    let mut found = Vec::new();
    if convox["ok"] == ours["ok"] {
        differences("", &convox, &ours, &mut found);
    } else {
        found.push(Found {
            path: "ok".to_owned(),
            convox: format!("{} ({})", convox["ok"], convox["errorKind"]),
            ours: format!("{} ({})", ours["ok"], ours["error"]),
        });
    }
    found
}

/// Objects key by key, lists of named things by name, all else as one value.
fn differences(path: &str, convox: &Value, ours: &Value, found: &mut Vec<Found>) {
    let below = |key: &str| {
        if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}.{key}")
        }
    };
    match (convox, ours) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a
                .keys()
                .chain(b.keys())
                .filter(|key| *key != "error")
                .collect();
            for key in keys {
                differences(&below(key), &convox[key], &ours[key], found);
            }
        }
        (Value::Array(a), Value::Array(b))
            if a.len() == b.len() && a.iter().all(|item| item["name"].is_string()) =>
        {
            for (a, b) in a.iter().zip(b) {
                differences(&below(a["name"].as_str().unwrap()), a, b, found);
            }
        }
        _ if convox == ours => {}
        _ => found.push(Found {
            path: path.to_owned(),
            convox: convox.to_string(),
            ours: ours.to_string(),
        }),
    }
}

/// The number of the listed difference that covers `path`.
fn reason(case: &str, path: &str) -> Option<usize> {
    let covers = |field: &str| {
        let mut names = path.split('.');
        field
            .split('.')
            .all(|want| names.next().is_some_and(|name| want == "*" || want == name))
    };
    DIFFERENCES
        .iter()
        .position(|difference| difference.cases.contains(&case) && covers(difference.field))
}
