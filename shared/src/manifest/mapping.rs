//! The entries of a mapping -> each key once, merge keys resolved.

use std::collections::{BTreeMap, BTreeSet};

use super::node::{Entry, Kind, Node, Scalar};
use super::syntax::SyntaxError;

/// A mapping's entries in the order they came.
#[derive(Default)]
pub(super) struct Keyed {
    pub entries: Vec<Entry>,
    /// The keys that stand there twice, as they may be shown.
    pub repeated: Vec<(String, Repeated)>,
    /// Where each key is, and whether a merge brought it.
    places: BTreeMap<String, (usize, bool)>,
}

/// A key that stands twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Repeated {
    /// The line of the one that counts; of a merge, its own.
    pub line: usize,
    pub kind: RepeatedKind,
}

/// Which of the two counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RepeatedKind {
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
                "stands before a `<<` that has it too, and the one of `<<` counts, as in Convox: write `<<` first"
            }
            Self::MergeAfterMerge => {
                "is in two `<<`, and the one of the second counts, as in Convox"
            }
            Self::OwnAfterMerge => {
                "is in a `<<` before it too: only the last counts here, and Convox may put the two together"
            }
        }
    }
}

impl Keyed {
    /// Resolves repeated keys and merge keys as Convox's loader does, one entry after the other: whatever comes last counts,
    /// be it a key of the mapping or of a merge, and of the mappings in one merge the first (yaml.v2 `decode.go`, `merge`).
    pub(super) fn from(entries: Vec<Entry>) -> Result<Self, SyntaxError> {
        let mut keyed = Self::default();
        for entry in entries {
            if !is_merge(&entry.key) {
                keyed.set(entry);
                continue;
            }
            let line = entry.line;
            match entry.value.kind {
                Kind::Sequence(sources) => keyed.merge(sources, line)?,
                _ => keyed.merge(vec![entry.value], line)?,
            }
        }
        Ok(keyed)
    }

    fn set(&mut self, entry: Entry) {
        let line = entry.line;
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
            self.repeated
                .push((entry.key.shown(), Repeated { line, kind }));
        }
        *place = entry;
    }

    /// All mappings of one merge.
    fn merge(&mut self, sources: Vec<Node>, at: usize) -> Result<(), SyntaxError> {
        let mut seen = BTreeSet::new();
        for source in sources {
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
                if seen.insert(entry.key.text.clone()) {
                    self.set_merged(entry, at);
                }
            }
        }
        Ok(())
    }

    fn set_merged(&mut self, entry: Entry, line: usize) {
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
            self.repeated
                .push((entry.key.shown(), Repeated { line, kind }));
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
    let is_scalar = |node: &Node| matches!(node.kind, Kind::Scalar(_));
    !is_scalar(before) && !is_scalar(after) && !says_the_same(before, after)
}

/// The same texts in the same places, wherever in the file.
fn says_the_same(one: &Node, other: &Node) -> bool {
    match (&one.kind, &other.kind) {
        (Kind::Scalar(one), Kind::Scalar(other)) => one == other,
        (Kind::Sequence(one), Kind::Sequence(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| says_the_same(a, b))
        }
        (Kind::Mapping(one), Kind::Mapping(other)) => {
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

#[cfg(test)]
mod tests {
    use super::super::tests::loaded;

    #[test]
    fn whatever_comes_last_counts_as_in_convox_and_the_difference_is_named() {
        let after_own = "stands before a `<<` that has it too, and the one of `<<` counts";
        for (body, image, warning) in [
            ("{image: own, <<: *web}", "base", after_own),
            ("{<<: *web, image: own}", "own", ""),
            (
                "{<<: *web, <<: *other}",
                "other",
                "is in two `<<`, and the one of the second counts",
            ),
            ("{<<: *other, '<<': *web}", "base", "is in two `<<`"),
            ("{<<: [*web, *other]}", "base", ""),
            ("{image: own, <<: [*other, *web]}", "other", after_own),
            ("{image: base, <<: *web}", "base", ""),
            ("{<<: *web, image: own, <<: *other}", "other", after_own),
        ] {
            let text = format!(
                "web: &web {{image: base}}\nother: &other {{image: other}}\nservices:\n  app: {body}\n"
            );
            let manifest = loaded(&text, "");
            assert_eq!(manifest.services[0].image.as_deref(), Some(image), "{body}");
            let named = "convox.yml, line 4: `services.app.image`";
            let mut said = manifest.warnings.iter();
            let said = said.find(|said| said.starts_with(named));
            let said = said.map_or("", String::as_str);
            assert!(said.contains(warning), "{body}: {said}");
            assert_eq!(said.is_empty(), warning.is_empty(), "{body}: {said}");
        }
    }

    #[test]
    fn lists_and_mappings_that_convox_may_join_are_named() {
        let text = "x: &x {environment: [A=1], scale: {cpu: 512}, command: one}\nservices:\n  app:\n    <<: *x\n    environment: [B=1]\n    scale: {cpu: 512}\n    command: two\n";
        let warnings = loaded(text, "").warnings;
        let joined: Vec<&String> = warnings
            .iter()
            .filter(|warning| warning.contains("Convox may put the two together"))
            .collect();
        assert_eq!(joined.len(), 1, "{warnings:?}");
        assert!(
            joined[0].starts_with(
                "convox.yml, line 5: `services.app.environment` is in a `<<` before it too"
            ),
            "{joined:?}"
        );
    }
}
