//! Statements are as rustfmt makes them: one literal that is too wide for a line, and it leaves the whole statement as somebody
//! typed it. A message that long has its place in the attribute of an error type.

use std::fs;
use std::path::{Path, PathBuf};

/// rustfmt's own `max_width`.
const WIDTH: usize = 100;

/// The files of Rust below a folder, but those that only tests have.
fn shipped(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap();
        if path.is_dir() && stem != "tests" && stem != "target" {
            found.extend(shipped(&path));
        } else if path.extension().is_some_and(|end| end == "rs") && stem != "tests" {
            found.push(path);
        }
    }
    found
}

/// Whether a file is a module of tests: those of others stand further in.
fn is_of_tests(text: &str) -> bool {
    let mut lines = text.lines();
    lines.any(|line| line == "#[test]" || line.starts_with("proptest! {"))
}

/// The numbers of lines that are too wide, comments and attributes apart; tests end a file.
fn too_wide(text: &str) -> Vec<usize> {
    let mut wide = Vec::new();
    let mut in_attribute = false;
    let code = text.split("\n#[cfg(test)]\nmod tests {").next();
    for (index, line) in code.unwrap().lines().enumerate() {
        let trimmed = line.trim();
        in_attribute |= trimmed.starts_with("#[");
        if in_attribute {
            in_attribute = !trimmed.ends_with(']');
        } else if !trimmed.starts_with("//") && line.chars().count() > WIDTH {
            wide.push(index + 1);
        }
    }
    wide
}

#[test]
fn no_statement_is_wider_than_rustfmt_makes_it() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (mut files, mut found) = (0, Vec::new());
    for folder in ["functions", "shared", "convox-env"] {
        for path in shipped(&repository.join(folder)) {
            let text = fs::read_to_string(&path).unwrap();
            let wide = too_wide(&text);
            if !wide.is_empty() && !is_of_tests(&text) {
                found.push(format!("{}: lines {wide:?}", path.display()));
            }
            files += 1;
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(files > 200, "{files} files");
}
