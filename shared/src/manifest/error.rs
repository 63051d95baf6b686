//! Why a manifest cannot be used: always the user's error, never with an interpolated value in it.

use std::fmt;

/// One thing that is wrong. Lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line of the value.
    pub line: usize,
    /// The column of the value, in characters.
    pub column: usize,
    /// Where in the document, such as `services.web.port`; empty for the document itself.
    pub path: String,
    /// What is wrong with it and what is allowed.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: ", self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "`{}` ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// A manifest that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Larger than any manifest.
    #[error("{file} is {size} bytes long, {max} are allowed")]
    TooLarge {
        /// The object key.
        file: String,
        /// How long it is.
        size: usize,
        /// How long it may be.
        max: usize,
    },
    /// A byte sequence that is no UTF-8.
    #[error("{file}, line {line} is not UTF-8, save the file as UTF-8")]
    NotUtf8 {
        /// The object key.
        file: String,
        /// Where.
        line: usize,
    },
    /// A character that `${}` is marked with.
    #[error(
        "{file}, line {line}, column {column} holds the private-use character U+{character:X}, remove it or write it as an escape in double quotes"
    )]
    PrivateUse {
        /// The object key.
        file: String,
        /// Where.
        line: usize,
        /// Where in the line.
        column: usize,
        /// The character's number.
        character: u32,
    },
    /// More variables than anybody has.
    #[error("{file} interpolates more than {max} different variables")]
    TooManyVariables {
        /// The object key.
        file: String,
        /// How many are allowed.
        max: u32,
    },
    /// No YAML, or YAML beyond the bounds.
    #[error("{file}, line {line}, column {column} is not valid YAML: {message}")]
    Syntax {
        /// The object key.
        file: String,
        /// Where.
        line: usize,
        /// Where in the line.
        column: usize,
        /// What was expected.
        message: String,
    },
    /// A document that says something a manifest cannot say.
    #[error("{}", lines(file, problems))]
    Invalid {
        /// The object key.
        file: String,
        /// All that is wrong, in file order.
        problems: Vec<Problem>,
    },
}

fn lines(file: &str, problems: &[Problem]) -> String {
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| format!("{file}, {problem}"))
        .collect();
    lines.join("\n")
}
