//! The import rule: a crate knows only what stands below it. Which names a crate may use at all is in its Cargo.toml, and
//! that the core has neither clock nor files nor environment in `shared/clippy.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The crates of `shared`, from the ground up; each may know those above its row.
const LAYERS: [&str; 8] = [
    "names",
    "environment",
    "yaml",
    "manifest",
    "release",
    "promotion",
    "aws",
    "lambda",
];
/// So many of them are the core: data in, data out.
const CORE: usize = 6;
/// Where a crate's name begins so, it calls AWS, waits, or runs.
const NOT_IN_CORE: [&str; 6] = [
    "aws-",
    "aws_",
    "futures",
    "lambda_runtime",
    "tokio",
    "tracing",
];
/// What a container's entrypoint has no use for.
const NOT_IN_CONTAINERS: [&str; 5] = [
    "annotate-snippets",
    "chrono",
    "lambda_runtime",
    "manifest",
    "saphyr-parser",
];

fn repository() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap().to_owned()
}

fn cargo(arguments: &[&str]) -> Vec<u8> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).arg("--offline");
    let output = command.current_dir(repository()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    output.stdout
}

/// The packages below a folder of the repository, each with the names of its dependencies; those of its tests do not
/// count.
fn packages(folder: &str) -> BTreeMap<String, BTreeSet<String>> {
    let folder = repository().join(folder);
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_slice(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let below = packages.filter(|package| {
        Path::new(package["manifest_path"].as_str().unwrap()).starts_with(&folder)
    });
    below
        .map(|package| {
            let name = |of: &Value| of["name"].as_str().unwrap().to_owned();
            let dependencies = package["dependencies"].as_array().unwrap().iter();
            let shipped = dependencies.filter(|dependency| dependency["kind"].is_null());
            (name(package), shipped.map(name).collect())
        })
        .collect()
}

#[test]
fn a_crate_of_shared_knows_only_those_below_it() {
    let packages = packages("shared");
    let there: BTreeSet<&str> = packages.keys().map(String::as_str).collect();
    assert_eq!(there, BTreeSet::from(LAYERS));
    let functions = self::packages("functions");
    for (floor, name) in LAYERS.iter().enumerate() {
        let dependencies = &packages[*name];
        for above in &LAYERS[floor..] {
            assert!(!dependencies.contains(*above), "{name} knows {above}");
        }
        for function in functions.keys() {
            assert!(!dependencies.contains(function), "{name} knows {function}");
        }
        assert!(!dependencies.contains("lambda_runtime"), "{name}");
    }
}

#[test]
fn the_core_is_data_in_and_data_out() {
    let packages = packages("shared");
    for name in &LAYERS[..CORE] {
        for dependency in &packages[*name] {
            let outside = NOT_IN_CORE.iter().find(|it| dependency.starts_with(**it));
            assert_eq!(outside, None, "{name} depends on {dependency}");
        }
    }
}

#[test]
fn no_function_knows_another() {
    let functions = packages("functions");
    assert!(!functions.is_empty());
    for (function, dependencies) in &functions {
        let mut others = functions.keys();
        let known = others.find(|other| dependencies.contains(*other));
        assert_eq!(known, None, "{function}");
    }
}

#[test]
fn the_double_of_aws_knows_neither_the_rig_nor_the_product() {
    let mut known = packages("tests/double").remove("double").unwrap();
    let product: BTreeSet<String> = [packages("shared"), packages("functions")]
        .into_iter()
        .flat_map(BTreeMap::into_keys)
        .chain(["rig".to_owned()])
        .collect();
    known.retain(|name| product.contains(name));
    assert_eq!(known, BTreeSet::new());
}

#[test]
fn every_place_that_the_readme_names_is_there() {
    let shared = repository().join("shared");
    let readme = fs::read_to_string(shared.join("README.md")).unwrap();
    let rows = readme.lines().filter(|line| line.contains("? | `"));
    let places = rows.map(|row| row.split('`').nth(1).unwrap());
    let places: Vec<&str> = places.collect();
    assert!(places.len() >= 10, "{places:?}");
    for place in places {
        assert!(shared.join(place).is_file(), "{place}");
    }
}

#[test]
fn a_container_gets_only_what_it_needs() {
    let arguments = "tree --package convox-env --edges normal --prefix none --format {p}";
    let tree = cargo(&arguments.split(' ').collect::<Vec<_>>());
    let tree = String::from_utf8(tree).unwrap();
    let names: BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert!(names.contains("environment"), "{names:?}");
    for unneeded in NOT_IN_CONTAINERS {
        assert!(!names.contains(unneeded), "{unneeded}");
    }
}
