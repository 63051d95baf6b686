//! The entries of a mapping -> each key once, merge keys resolved.

use std::collections::{BTreeMap, BTreeSet};

use crate::node::{Entry, Node, NodeKind, Scalar};
use crate::syntax::SyntaxError;

/// A mapping's entries in the order they came.
#[derive(Default)]
pub struct Keyed {
    pub entries: Vec<Entry>,
    /// The keys that stand there twice.
    pub repeated: Vec<(Scalar, Repeated)>,
    /// Where each key is, and whether a merge brought it.
    places: BTreeMap<String, (usize, bool)>,
}

/// A key that stands twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeated {
    /// The line of the one that counts; of a merge, its own.
    pub line: usize,
    /// The column, likewise.
    pub column: usize,
    pub kind: RepeatedKind,
}

/// Which of the two counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepeatedKind {
    /// Both are the mapping's own.
    Own,
    /// A merge comes after the mapping's own.
    MergeAfterOwn,
    /// A merge comes after another.
    MergeAfterMerge,
    /// The mapping's own list or mapping comes after a merge's.
    OwnAfterMerge,
}

impl RepeatedKind {
    /// What is said of the key.
    pub fn words(self) -> &'static str {
        match self {
            Self::Own => "stands there twice, the last one counts",
            Self::MergeAfterOwn => {
                "stands before a `<<` that has it too, and the one of `<<` counts, as in Convox: \
                 write `<<` first"
            }
            Self::MergeAfterMerge => {
                "is in two `<<`, and the one of the second counts, as in Convox"
            }
            Self::OwnAfterMerge => {
                "is in a `<<` before it too: only the last counts here, and Convox may put the two \
                 together"
            }
        }
    }
}

impl Keyed {
    /// Resolves repeated keys and merge keys as Convox's loader does, one entry after the other: whatever comes last counts,
    /// be it a key of the mapping or of a merge, and of the mappings in one merge the first (yaml.v2 `decode.go`, `merge`).
    pub fn from(entries: Vec<Entry>) -> Result<Self, SyntaxError> {
        let mut keyed = Self::default();
        for entry in entries {
            if !is_merge(&entry.key) {
                keyed.set(entry);
                continue;
            }
            let at = (entry.line, entry.column);
            match entry.value.kind {
                NodeKind::Sequence(sources) => keyed.merge(sources, at)?,
                _ => keyed.merge(vec![entry.value], at)?,
            }
        }
        Ok(keyed)
    }

    fn set(&mut self, entry: Entry) {
        let (line, column) = (entry.line, entry.column);
        let Some((place, merged)) = self.places.get_mut(&entry.key.text) else {
            return self.add(entry, false);
        };
        let of_merge = std::mem::take(merged);
        let Some(place) = self.entries.get_mut(*place) else {
            return;
        };
        let kind = match of_merge {
            false => Some(RepeatedKind::Own),
            true if are_parts(&place.value, &entry.value) => Some(RepeatedKind::OwnAfterMerge),
            true => None,
        };
        if let Some(kind) = kind {
            let repeated = Repeated { line, column, kind };
            self.repeated.push((entry.key.clone(), repeated));
        }
        *place = entry;
    }

    /// All mappings of one merge.
    fn merge(&mut self, sources: Vec<Node>, at: (usize, usize)) -> Result<(), SyntaxError> {
        let mut seen = BTreeSet::new();
        for source in sources {
            let Node { line, column, kind } = source;
            let NodeKind::Mapping(entries) = kind else {
                let message = "`<<` takes a mapping or a list of mappings".to_owned();
                return Err(SyntaxError {
                    line,
                    column,
                    message,
                });
            };
            for entry in entries {
                if seen.insert(entry.key.text.clone()) {
                    self.set_merged(entry, at);
                }
            }
        }
        Ok(())
    }

    fn set_merged(&mut self, entry: Entry, (line, column): (usize, usize)) {
        let Some((place, merged)) = self.places.get_mut(&entry.key.text) else {
            return self.add(entry, true);
        };
        let kind = if std::mem::replace(merged, true) {
            RepeatedKind::MergeAfterMerge
        } else {
            RepeatedKind::MergeAfterOwn
        };
        let Some(place) = self.entries.get_mut(*place) else {
            return;
        };
        if !says_the_same(&place.value, &entry.value) {
            let repeated = Repeated { line, column, kind };
            self.repeated.push((entry.key.clone(), repeated));
        }
        *place = entry;
    }

    fn add(&mut self, entry: Entry, merged: bool) {
        let place = (self.entries.len(), merged);
        self.places.insert(entry.key.text.clone(), place);
        self.entries.push(entry);
    }
}

/// Two lists or two mappings, of which Convox's loader may add one to the other instead of replacing it.
fn are_parts(before: &Node, after: &Node) -> bool {
    let is_scalar = |node: &Node| matches!(node.kind, NodeKind::Scalar(_));
    !is_scalar(before) && !is_scalar(after) && !says_the_same(before, after)
}

/// The same texts in the same places, wherever in the file.
fn says_the_same(one: &Node, other: &Node) -> bool {
    match (&one.kind, &other.kind) {
        (NodeKind::Scalar(one), NodeKind::Scalar(other)) => one == other,
        (NodeKind::Sequence(one), NodeKind::Sequence(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| says_the_same(a, b))
        }
        (NodeKind::Mapping(one), NodeKind::Mapping(other)) => {
            let same =
                |(a, b): (&Entry, &Entry)| a.key == b.key && says_the_same(&a.value, &b.value);
            one.len() == other.len() && one.iter().zip(other).all(same)
        }
        _ => false,
    }
}

/// A quoted `<<` merges too: Convox writes a Service out again, without the quotes, before it reads it.
fn is_merge(key: &Scalar) -> bool {
    !key.is_interpolated() && key.text == "<<"
}
