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

/// The numbers of lines with two words of a text that several spaces are between: a line of a message that was joined to the next.
fn with_gaps(text: &str) -> Vec<usize> {
    let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code.lines().enumerate();
    let lines = lines.filter(|(_, line)| {
        let parts: Vec<&str> = line.trim().split("  ").map(str::trim).collect();
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let mut pairs = parts.windows(2);
        let is_gap = |pair: &[&str]| {
            pair[0].ends_with(|last: char| last.is_alphanumeric() || ",;:".contains(last))
                && pair[1].starts_with(|first: char| first.is_ascii_lowercase())
        };
        line.contains('"') && !line.trim().starts_with("//") && pairs.any(is_gap)
    });
    lines.map(|(index, _)| index + 1).collect()
}

/// What a look finds in the files that are shipped, but those of tests alone.
fn found(folders: &[&str], look: fn(&str) -> Vec<usize>) -> String {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folders = folders.iter().map(|folder| repository.join(folder));
    let files: Vec<PathBuf> = folders.flat_map(|folder| shipped(&folder)).collect();
    assert!(files.len() > 200, "{} files", files.len());
    let found = files.iter().filter_map(|path| {
        let text = fs::read_to_string(path).unwrap();
        let lines = look(&text);
        let is_found = !lines.is_empty() && !is_of_tests(&text);
        is_found.then(|| format!("{}: lines {lines:?}", path.display()))
    });
    found.collect::<Vec<_>>().join("\n")
}

#[test]
fn no_statement_is_wider_than_rustfmt_makes_it() {
    assert_eq!(found(&["functions", "shared", "convox-env"], too_wide), "");
}

#[test]
fn no_message_has_a_gap_between_two_words() {
    let folders = ["functions", "shared", "convox-env", "rack"];
    assert_eq!(found(&folders, with_gaps), "");
    assert_eq!(with_gaps("a(\"one  two\")"), [1]);
}
