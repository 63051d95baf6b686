//! What pages repeat of the code is what the code says.

use std::fs;

use regex_lite::Regex;
use rig::pages::Page;
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

/// What one page has, in bytes; GitHub shows the first screens of it, and nobody reads more.
const README_MAX: usize = 12 * 1024;
/// Characters of a cell and of a line of a table, and bytes of a picture.
const CELL_MAX: usize = 100;
const ROW_MAX: usize = 250;
const PICTURE_MAX: u64 = 200_000;

#[test]
fn the_readme_is_read_in_ten_minutes() {
    let readme = read("README.md");
    assert!(readme.len() <= README_MAX, "{} bytes", readme.len());
}

#[test]
fn tables_can_be_read_in_an_editor() {
    let mut wide = Vec::new();
    for page in Page::all() {
        for (number, line) in page.prose() {
            if !line.starts_with('|') {
                continue;
            }
            let cells = line.trim_matches('|').split(" | ");
            let widest = cells.map(|cell| seen(cell).chars().count()).max();
            if widest > Some(CELL_MAX) || line.chars().count() > ROW_MAX {
                wide.push(format!("{}:{number}: {line}", page.name));
            }
        }
    }
    assert!(wide.is_empty(), "{}", wide.join("\n"));
}

/// Markdown shows rows without a heading as text with bars in it.
#[test]
fn each_table_has_a_heading() {
    let mut bare = Vec::new();
    for page in Page::all() {
        let prose = page.prose();
        let is_row = |(_, line): &(usize, &str)| line.starts_with('|');
        let parts = prose.chunk_by(|one, next| is_row(one) == is_row(next));
        for table in parts.filter(|part| is_row(&part[0])) {
            let rule = table.get(1).map(|(_, line)| line.starts_with("| -"));
            if rule != Some(true) {
                bare.push(format!("{}:{}", page.name, table[0].0));
            }
        }
    }
    assert!(bare.is_empty(), "{}", bare.join("\n"));
}

/// A cell as it is shown: of links only the words. What is quoted is as long as it is.
fn seen(cell: &str) -> String {
    let cell = cell.trim();
    if cell.starts_with('`') && cell.ends_with('`') && !cell.contains("`, `") {
        return String::new();
    }
    let link = Regex::new(r"\[([^\]]*)\]\([^)]*\)").unwrap();
    link.replace_all(cell, "$1").into_owned()
}

#[test]
fn every_picture_is_small_and_shown_somewhere() {
    let pages: String = Page::all().into_iter().map(|page| page.text).collect();
    let pictures = fs::read_dir(tools::repository().join("docs/images")).unwrap();
    for picture in pictures {
        let picture = picture.unwrap();
        let name = picture.file_name().into_string().unwrap();
        let bytes = picture.metadata().unwrap().len();
        assert!(bytes < PICTURE_MAX, "{name}: {bytes} bytes");
        assert!(
            pages.contains(&format!("images/{name})")),
            "no page shows {name}"
        );
    }
}
