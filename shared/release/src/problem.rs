//! What of a Release its user has to mend: any error that has an error type of its own, in words.

use std::error::Error;

use manifest::ManifestError;
use manifest::precedence::ValueError;
use names::NameError;
use names::error_chain::Chain;
use names::error_type::ErrorType;

/// An error that the user has to mend: asked for again, the same fails again.
pub trait UserError: Error {
    /// The name that reports, events and alarms have for it.
    fn error_type(&self) -> ErrorType;
}

/// One thing for the user to mend, as reports list it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseProblem {
    /// The name that reports, events and alarms have for it.
    pub error_type: ErrorType,
    /// What is wrong, where, and what to do.
    pub message: String,
}

impl<E: UserError> From<E> for ReleaseProblem {
    fn from(err: E) -> Self {
        let cause = err.source().map(|cause| format!(": {}", Chain(cause)));
        Self {
            error_type: err.error_type(),
            message: format!("{err}{}", cause.unwrap_or_default()),
        }
    }
}

impl UserError for NameError {
    fn error_type(&self) -> ErrorType {
        ErrorType::InvalidName
    }
}

impl UserError for ValueError {
    fn error_type(&self) -> ErrorType {
        ErrorType::InvalidParameter
    }
}

impl UserError for ManifestError {
    fn error_type(&self) -> ErrorType {
        ErrorType::InvalidManifest
    }
}

/// The messages of several problems.
#[must_use]
pub fn in_words(problems: &[ReleaseProblem]) -> String {
    joined(problems.iter().map(|problem| problem.message.as_str()))
}

/// Messages one behind the other: in one line, but what comes behind a drawn one starts a paragraph of its own.
#[must_use]
pub fn joined<'m>(messages: impl IntoIterator<Item = &'m str>) -> String {
    let mut all = String::new();
    let mut between = "";
    for message in messages {
        all.push_str(between);
        all.push_str(message);
        between = if message.contains('\n') { "\n\n" } else { "; " };
    }
    all
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn what_is_drawn_stands_by_itself() {
        assert_eq!(joined([]), "");
        assert_eq!(joined(["a", "b"]), "a; b");
        assert_eq!(joined(["a\n  ^", "b", "c"]), "a\n  ^\n\nb; c");
    }
}
