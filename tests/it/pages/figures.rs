//! What pages repeat of the code is what the code says.

use std::fs;

use regex_lite::Regex;
use rig::tools;

fn read(name: &str) -> String {
    fs::read_to_string(tools::repository().join(name)).unwrap()
}

/// What Cargo.toml says of all packages.
fn of_workspace(member: &str) -> String {
    let cargo = read("Cargo.toml");
    let package = cargo.split("[workspace.package]").nth(1).unwrap();
    let mut lines = package.lines();
    let value = lines.find_map(|line| line.strip_prefix(member)?.strip_prefix(" = \""));
    value.unwrap().trim_end_matches('"').to_owned()
}

#[test]
fn version_license_and_rust_are_those_of_the_workspace() {
    assert_eq!(of_workspace("license"), "Apache-2.0");
    let license = read("LICENSE");
    assert!(license.contains("Apache License") && license.contains("Version 2.0"));
    let changelog = read("CHANGELOG.md");
    let newest = changelog.lines().find_map(|line| line.strip_prefix("## "));
    let version = newest.and_then(|heading| heading.split(',').next());
    assert_eq!(version, Some(of_workspace("version").as_str()));
    let rust = Regex::new(r"Rust ([0-9]+\.[0-9]+(\.[0-9]+)?)").unwrap();
    for name in ["README.md", "CONTRIBUTING.md"] {
        let page = read(name);
        for told in rust.captures_iter(&page) {
            assert_eq!(told[1], of_workspace("rust-version"), "{name}");
        }
    }
    assert!(rust.is_match(&read("CONTRIBUTING.md")));
}
