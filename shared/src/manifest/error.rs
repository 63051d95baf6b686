//! Why a manifest cannot be used: always the user's error, never with an interpolated value in it.

use std::fmt;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use super::excerpt::Excerpt;

/// One thing that is wrong. Lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line of the value.
    pub line: usize,
    /// The column of the value, in characters.
    pub column: usize,
    /// Where in the document, such as `services.web.port`; empty for the document itself.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
    /// What is allowed or meant, where that is known.
    pub help: Option<String>,
    /// The line as it stands in the file.
    pub excerpt: Option<Excerpt>,
}

impl Problem {
    /// What is wrong, without the place in the file.
    fn title(&self) -> String {
        if self.path.is_empty() {
            return self.message.clone();
        }
        format!("`{}` {}", self.path, self.message)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}, column {}: {}",
            self.line,
            self.column,
            self.title()
        )?;
        match &self.help {
            Some(help) => write!(f, ": {help}"),
            None => Ok(()),
        }
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
    #[error("{}", render(file, problem))]
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
        .map(|problem| render(file, problem))
        .collect();
    lines.join("\n\n")
}

/// As rustc draws it, in plain text.
fn render(file: &str, problem: &Problem) -> String {
    let title = Level::ERROR.primary_title(problem.title());
    let origin = Origin::path(file)
        .line(problem.line)
        .char_column(problem.column);
    let mut group = match &problem.excerpt {
        None => title.element(origin),
        Some(excerpt) => {
            let caret = AnnotationKind::Primary.span(excerpt.marked());
            let snippet = Snippet::source(excerpt.text())
                .line_start(problem.line)
                .annotation(caret);
            // The crate counts the column from the start of the text, which then must be the start of the line.
            if excerpt.starts_line() {
                title.element(snippet.path(file))
            } else {
                title.element(origin).element(snippet)
            }
        }
    };
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(help));
    }
    Renderer::plain().render(&[group])
}
