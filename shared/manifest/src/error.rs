//! Why a manifest cannot be used: always the user's error, never with an interpolated value in it.

use yaml::Problem;

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
    #[error("{}", problem.render(file))]
    Syntax {
        /// The object key.
        file: String,
        /// What was expected, and where.
        problem: Box<Problem>,
    },
    /// A document that says something a manifest cannot say.
    #[error("{}", lines(file, problems))]
    Invalid {
        /// The object key.
        file: String,
        /// All that is wrong, in file order.
        problems: Vec<Problem>,
        /// What else is to be said of it.
        warnings: Vec<String>,
    },
}

impl ManifestError {
    /// What is to be said of the manifest beside what is wrong.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        match self {
            Self::Invalid { warnings, .. } => warnings,
            _ => &[],
        }
    }
}

fn lines(file: &str, problems: &[Problem]) -> String {
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| problem.render(file))
        .collect();
    lines.join("\n\n")
}
