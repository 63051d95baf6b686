//! YAML as Convox reads it, 1.1 with `${NAME}` from an environment -> nodes with their places in the file; a reader that
//! collects all problems at once; and each problem drawn as rustc draws them.
//!
//! It knows nothing of what a convox.yml may say. No message repeats an interpolated value: it shows `${NAME}`.

mod excerpt;
mod frame;
mod interpolation;
mod mapping;
mod node;
mod place;
mod placed_text;
mod problem;
mod reader;
mod suggestion;
mod syntax;
mod tree;
mod unread;

#[cfg(test)]
mod tests;

use environment::Environment;

pub use excerpt::Excerpt;
pub use interpolation::TokenError;
pub use node::{Entry, Node, NodeKind, Scalar, Style, Type, boolean};
pub use place::{Fields, Place};
pub use placed_text::PlacedText;
pub use problem::{Problem, WHOLE_FILE, add_excerpts};
pub use reader::{INTEGER_MAX, Reader, integer};
pub use suggestion::closest;
pub use syntax::SyntaxError;
pub use tree::Document;
pub use unread::{Unread, UnreadPart};

/// Why a text is no document.
#[derive(Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Its `${}` cannot be told apart from it.
    Token(TokenError),
    /// It is no YAML, or YAML beyond the bounds.
    Syntax(SyntaxError),
}

/// Parses the first document of `source` and puts the variables of `environment` in.
///
/// # Errors
///
/// [`ParseError`] for a text that is no document.
pub fn parse(source: &str, environment: &Environment) -> Result<Document, ParseError> {
    let (tokens, names) = interpolation::tokenize(source).map_err(ParseError::Token)?;
    tree::parse(&tokens, &names, environment).map_err(ParseError::Syntax)
}
