//! Top-level keys that are none of convox.yml's, beside those without which something that runs would be removed.

use std::collections::BTreeSet;

use strsim::osa_distance;

use yaml::{Place, Problem};

/// Without them something that runs is removed.
pub(super) const KEEPING: [&str; 3] = ["resources", "services", "timers"];
/// A removal is not undone by a warning, so these are looked for further away than a suggestion is.
const EDITS_MAX: usize = 2;
/// Longer words are none of them.
const WORD_MAX: usize = 20;

/// A misspelt `services`, `timers` or `resources` at the top level.
#[derive(Clone, PartialEq, Eq)]
pub struct NearMiss {
    /// What was probably meant.
    pub meant: &'static str,
    /// The names of its entries.
    pub names: BTreeSet<String>,
    shown: String,
    line: usize,
    column: usize,
}

impl NearMiss {
    /// What is wrong with it, where it would remove something: `message` goes on after the key.
    #[must_use]
    pub fn problem(&self, message: impl Into<String>, otherwise: &str) -> Problem {
        Problem {
            line: self.line,
            column: self.column,
            path: self.shown.clone(),
            message: message.into(),
            help: Some(format!("did you mean `{}`? {otherwise}", self.meant)),
            excerpt: None,
        }
    }
}

/// All of them, in file order; `known` are the keys of convox.yml.
pub(super) fn find(top: &Place<'_>, known: &[&str]) -> Vec<NearMiss> {
    let unknown = top.entries().iter();
    let unknown = unknown.filter(|entry| !known.contains(&entry.key.text.as_str()));
    let misses = unknown.filter_map(|entry| {
        let value = top.child(entry);
        let names = value.entries().iter().map(|entry| entry.key.text.clone());
        Some(NearMiss {
            meant: meant(&entry.key.text)?,
            names: names.collect(),
            shown: entry.key.shown(),
            line: entry.line,
            column: entry.column,
        })
    });
    misses.collect()
}

fn meant(word: &str) -> Option<&'static str> {
    let word = word.trim().to_lowercase();
    if word.chars().count() > WORD_MAX {
        return None;
    }
    let near = KEEPING
        .iter()
        .map(|known| (osa_distance(&word, known), *known));
    let (edits, known) = near.min()?;
    (edits <= EDITS_MAX).then_some(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_or_two_edits_are_a_near_miss() {
        for (word, want) in [
            ("servicess", Some("services")),
            ("service", Some("services")),
            ("srevices", Some("services")),
            ("srvics", Some("services")),
            ("Services", Some("services")),
            ("services ", Some("services")),
            ("timer", Some("timers")),
            ("tiemrs", Some("timers")),
            ("times", Some("timers")),
            ("resource", Some("resources")),
            ("ressources", Some("resources")),
            ("params", None),
            ("x-service-base", None),
            ("labels", None),
            ("", None),
        ] {
            assert_eq!(meant(word), want, "{word}");
        }
        assert_eq!(meant(&"services".repeat(100)), None);
    }
}
