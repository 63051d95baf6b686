//! What of convox.yml nobody reads, although it may name what runs: left out by accident, not on purpose.

use crate::node::Entry;
use crate::place::Place;
use crate::problem::Problem;
use crate::tree::Document;

/// A part of the file that has no effect.
#[derive(Clone, PartialEq, Eq)]
pub struct Unread {
    /// Which.
    pub part: UnreadPart,
    /// What a message calls it; empty for a document.
    shown: String,
    line: usize,
    column: usize,
}

/// Which part nobody reads. A key can be a value that was put in, so there is no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub enum UnreadPart {
    /// One of two `services`, `timers` or `resources` at the top level.
    Repeated(&'static str),
    /// The documents after the first.
    Documents,
    /// A key that is none where it stands, such as a Service that is indented too far.
    Key(String),
}

impl Unread {
    /// A key that is none of those which may stand at `place`.
    pub(crate) fn key(place: &Place<'_>, entry: &Entry) -> Self {
        Self {
            part: UnreadPart::Key(entry.key.text.clone()),
            shown: place.child(entry).path,
            line: entry.line,
            column: entry.column,
        }
    }

    /// The parts of a whole document that stand twice, of those that are `keeping` something, and what stands after it.
    #[must_use]
    pub fn of(document: &Document, keeping: &[&'static str]) -> Vec<Self> {
        let repeated = document.repeated_at_top.iter();
        let repeated = repeated.filter_map(|(key, repeated)| {
            let key = *keeping.iter().find(|keeping| *keeping == key)?;
            Some(Self {
                part: UnreadPart::Repeated(key),
                shown: key.to_owned(),
                line: repeated.line,
                column: repeated.column,
            })
        });
        let more = document.more_at.map(|(line, column)| Self {
            part: UnreadPart::Documents,
            shown: String::new(),
            line,
            column,
        });
        repeated.chain(more).collect()
    }

    /// What is wrong with it, where it would remove something: `message` goes on after what a message calls it.
    #[must_use]
    pub fn problem(&self, message: impl Into<String>, help: impl Into<String>) -> Problem {
        Problem {
            line: self.line,
            column: self.column,
            path: self.shown.clone(),
            message: message.into(),
            help: Some(help.into()),
            excerpt: None,
        }
    }
}
