//! What is wrong with a text that is no document.

use saphyr_parser::ScanError;

/// What helps with the parser's most frequent complaints.
const HINTS: [(&str, &str); 3] = [
    (
        "anchor or alias",
        "a text that starts with `*` or `&` needs quotes, such as `\"*\"`",
    ),
    (
        "mapping values are not allowed",
        "a text that contains `: ` needs quotes",
    ),
    (
        "unexpected character",
        "a text that starts with it needs quotes",
    ),
];

/// Why a text is no document; line and column are the source's.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub line: usize,
    pub column: usize,
    pub message: String,
}

/// The parser's own words: they name what it expected and repeat nothing of the text but single punctuation.
pub(super) fn explain(error: &ScanError) -> String {
    error.info().to_owned()
}

/// What helps with a complaint, where something does.
pub(super) fn help(complaint: &str) -> Option<&'static str> {
    let hint = HINTS.iter().find(|(known, _)| complaint.contains(known));
    hint.map(|(_, hint)| *hint)
}
