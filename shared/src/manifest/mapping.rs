//! The entries of a mapping -> each key once, merge keys resolved.

use std::collections::BTreeMap;

use super::node::{Entry, Kind, Node, Scalar};
use super::syntax::SyntaxError;

/// A mapping's entries in the order they came.
#[derive(Default)]
pub(super) struct Keyed {
    pub entries: Vec<Entry>,
    /// The keys that stand there twice, as they may be shown, and the line of the one that counts.
    pub repeated: Vec<(String, usize)>,
    places: BTreeMap<String, usize>,
}

impl Keyed {
    /// Resolves repeated keys and merge keys. The last of equal keys counts, as in Convox; a merge never replaces a
    /// key, and of several merges the first counts (YAML 1.1, merge key type).
    pub(super) fn from(entries: Vec<Entry>) -> Result<Self, SyntaxError> {
        let mut keyed = Self::default();
        let mut merges = Vec::new();
        for entry in entries {
            if is_merge(&entry.key) {
                merges.push(entry.value);
            } else {
                keyed.set(entry);
            }
        }
        for value in merges {
            match value.kind {
                Kind::Sequence(sources) => {
                    for source in sources {
                        keyed.merge(source)?;
                    }
                }
                _ => keyed.merge(value)?,
            }
        }
        Ok(keyed)
    }

    fn set(&mut self, entry: Entry) {
        let place = self.places.get(&entry.key.text);
        match place.and_then(|place| self.entries.get_mut(*place)) {
            Some(place) => {
                self.repeated.push((entry.key.shown(), entry.line));
                *place = entry;
            }
            None => self.add(entry),
        }
    }

    fn merge(&mut self, source: Node) -> Result<(), SyntaxError> {
        let Node { line, column, kind } = source;
        let Kind::Mapping(entries) = kind else {
            let message = "`<<` takes a mapping or a list of mappings".to_owned();
            return Err(SyntaxError {
                line,
                column,
                message,
            });
        };
        for entry in entries {
            if !self.places.contains_key(&entry.key.text) {
                self.add(entry);
            }
        }
        Ok(())
    }

    fn add(&mut self, entry: Entry) {
        let place = self.entries.len();
        self.places.insert(entry.key.text.clone(), place);
        self.entries.push(entry);
    }
}

/// A quoted `<<` merges too: Convox writes a Service out again, without the quotes, before it reads it.
fn is_merge(key: &Scalar) -> bool {
    !key.is_interpolated() && key.text == "<<"
}
