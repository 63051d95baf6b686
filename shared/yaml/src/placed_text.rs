//! A text of convox.yml that gets its meaning after loading, with the place that a message then needs.

use crate::node::{Entry, Scalar};
use crate::place::Place;

/// A value of a mapping. It can hold an interpolated secret, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct PlacedText {
    /// The text that Convox makes of it ([`Scalar::normalised`]).
    pub value: String,
    /// The text as it was written, values put in.
    pub written: Scalar,
    /// Where in the document, such as `resources.db.options.class`, with `${NAME}` in place.
    pub path: String,
    /// The line and the column of its key.
    pub key: (usize, usize),
    /// The line and the column of the value.
    pub place: (usize, usize),
}

impl PlacedText {
    /// The value of `entry`, which stands at `place` and is `written`.
    #[must_use]
    pub fn new(place: &Place<'_>, entry: &Entry, written: &Scalar) -> Self {
        Self {
            value: written.normalised(),
            written: written.clone(),
            path: place.path.clone(),
            key: (entry.line, entry.column),
            place: (place.node.line, place.node.column),
        }
    }
}
