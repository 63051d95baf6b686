//! What is wrong with a text that is no document.

use saphyr_parser::ScanError;

use crate::problem::{Problem, add_excerpts};

/// What helps with the parser's most frequent complaints.
const HINTS: [(&str, &str); 3] = [
    (
        "anchor or alias",
        "a text that starts with `*` or `&` needs quotes, such as `\"*\"`",
    ),
    (GOES_ON, "a text that contains `: ` needs quotes"),
    (
        "unexpected character",
        "a text that starts with it needs quotes",
    ),
];

/// The parser's words where a key has no colon. It sees that only lines later.
const KEYLESS: &str = "simple key expect";
/// Its words where a text seems to hold `: `.
const GOES_ON: &str = "mapping values are not allowed";
/// What helps where a key has no colon.
const COLON: &str = "a key needs a colon and a space behind it";

/// Why a text is no document; line and column are the source's.
#[derive(Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The source's line, from 1.
    pub line: usize,
    /// The column in it, from 1.
    pub column: usize,
    /// What was expected, in the parser's words.
    pub message: String,
}

impl SyntaxError {
    /// What to show of it: the probable place of the mistake in `source`, and what helps.
    #[must_use]
    pub fn problem(&self, source: &str) -> Problem {
        let bare_key = bare_key(self, source);
        let (line, column) = bare_key.unwrap_or((self.line, self.column));
        let help = match bare_key {
            Some(_) => Some(COLON),
            None => help(&self.message),
        };
        let mut problem = Problem {
            line,
            column,
            path: String::new(),
            help: help.map(str::to_owned),
            message: format!("this is not valid YAML: {}", self.message),
            excerpt: None,
        };
        add_excerpts(source, std::slice::from_mut(&mut problem));
        problem
    }
}

/// The parser's own words: they name what it expected and repeat nothing of the text but single punctuation.
pub fn explain(error: &ScanError) -> String {
    error.info().to_owned()
}

/// Where in `source` a key without a colon probably is the mistake: the parser stops lines later, or takes it for the start
/// of a text that the next line goes on with.
fn bare_key(error: &SyntaxError, source: &str) -> Option<(usize, usize)> {
    let lines: Vec<&str> = source.lines().take(error.line).collect();
    let is_said = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with('#');
    let last = lines.iter().rposition(is_said)?;
    let goes_on = error.message.contains(GOES_ON) && {
        let mut before = lines
            .get(last)?
            .chars()
            .take(error.column.saturating_sub(1));
        !before.any(|c| c == ':')
    };
    let index = if error.message.contains(KEYLESS) {
        lines.iter().rposition(|line| is_bare(line))?
    } else if goes_on {
        let before = lines.get(..last)?;
        let index = before.iter().rposition(is_said)?;
        Some(index).filter(|index| before.get(*index).is_some_and(|line| is_bare(line)))?
    } else {
        return None;
    };
    let blanks = lines.get(index)?.chars().take_while(|c| c.is_whitespace());
    Some((index + 1, blanks.count() + 1))
}

fn is_bare(line: &str) -> bool {
    let text = line.trim();
    !text.is_empty() && !text.starts_with(['#', '-']) && !text.contains(':')
}

/// What helps with a complaint, where something does.
pub(crate) fn help(complaint: &str) -> Option<&'static str> {
    let hint = HINTS.iter().find(|(known, _)| complaint.contains(known));
    hint.map(|(_, hint)| *hint)
}
