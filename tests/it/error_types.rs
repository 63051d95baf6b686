//! What is documented of `errorType` is what the program says.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use names::error_type::{ErrorType, Explanation};

/// The table's head, and its last row, for codes that are not ours.
const HEAD: [&str; 2] = [
    "| `errorType` | cause | what to do |",
    "| --- | --- | --- |",
];
const ANYTHING_ELSE: &str = "| anything else | the code of the AWS error itself | the message has what was tried, on what, and AWS's words |";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Files of the repository below a folder whose names end so.
fn files(folder: &str, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(repository().join(folder)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "target" {
            found.extend(files(path.to_str().unwrap(), end));
        } else if name.ends_with(end) {
            found.push(path);
        }
    }
    found
}

fn row(Explanation { types, cause, cure }: &Explanation) -> String {
    let types: Vec<String> = types.iter().map(|name| format!("`{name}`")).collect();
    format!("| {} | {cause} | {} |", types.join(", "), linked(cure))
}

/// A text that names pages as a terminal shows them (`docs/network.md`), with links to them.
fn linked(text: &str) -> String {
    let words = text.split(' ');
    let linked = words.map(|word| match word.strip_prefix("docs/") {
        Some(page) => format!("[{page}]({page})"),
        None => word.to_owned(),
    });
    linked.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_page_has_a_row_for_each_error_type_with_its_cause_and_cure() {
    let rows = ErrorType::EXPLAINED.iter().map(row);
    let want = HEAD.map(str::to_owned).into_iter().chain(rows);
    let want: Vec<String> = want.chain([ANYTHING_ELSE.to_owned()]).collect();
    let page = fs::read_to_string(repository().join("docs/errors.md")).unwrap();
    let table = page.lines().skip_while(|line| *line != HEAD[0]);
    let table: Vec<&str> = table.take_while(|line| line.starts_with('|')).collect();
    let other = want
        .iter()
        .zip(&table)
        .find(|(want, stands)| want != *stands);
    assert!(
        other.is_none() && want.len() == table.len(),
        "the table of docs/errors.md is not that of shared/names/src/error_type.rs, from {other:?} on; put this there:\n{}",
        want.join("\n")
    );
}

#[test]
fn no_page_explains_an_error_type_that_there_is_not() {
    let names: BTreeSet<&str> = ErrorType::EXPLAINED
        .iter()
        .flat_map(|explanation| explanation.types)
        .map(|name| name.as_str())
        .collect();
    let mut pages = files("docs", ".md");
    pages.push(repository().join("README.md"));
    let mut tables = 0;
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        let mut rows = text.lines();
        while rows.any(|line| line.starts_with("| `errorType` |")) {
            tables += 1;
            let mut explained = BTreeSet::new();
            for row in rows.by_ref().take_while(|line| line.starts_with('|')) {
                let first = row.split('|').nth(1).unwrap();
                for name in first.split('`').skip(1).step_by(2) {
                    let at = page.display();
                    assert!(names.contains(name), "{at}: no `{name}` is ever said");
                    assert!(explained.insert(name), "{at}: `{name}` twice");
                }
            }
        }
    }
    assert!(tables >= 3, "only {tables} tables were found");
}

#[test]
fn each_error_type_is_said_by_a_function() {
    let sources = [files("shared", ".rs"), files("functions", ".rs")].concat();
    let sources = sources.iter().map(|path| fs::read_to_string(path).unwrap());
    let source: String = sources.collect();
    for explanation in ErrorType::EXPLAINED {
        for name in explanation.types {
            let says = format!("ErrorType::{name}");
            let mut after = source.split(&says).skip(1).map(|rest| rest.chars().next());
            let said = after.any(|next| next.is_none_or(|c| !c.is_alphanumeric()));
            assert!(said, "nothing says {says}: take it out");
        }
    }
}
