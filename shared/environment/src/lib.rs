//! The environment of an App: its keys, its values, and the object that holds them.
//!
//! Values are secrets. They leave this module through [`EnvValue::expose`] and [`Environment::to_secret_string`]
//! only: `Debug` redacts them, and no error or warning repeats one.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

mod collect;
mod envelope;
mod error;
mod json;
mod key;
mod likely_form;
mod lines;
mod places;
#[cfg(test)]
mod properties;
mod read;

pub use envelope::Envelope;
pub use error::{EnvironmentError, NamedKey};
pub use key::{EnvKey, EnvKeyError, RESERVED_KEYS, SET_BY_ECS};
pub use likely_form::LikelyForm;
pub use read::{EnvironmentObject, ReadEnvironment, read};

/// More is no environment: `convox-env` reads no larger object.
pub const OBJECT_MAX_BYTES: usize = 16 * 1024 * 1024;

/// The value of a variable: a secret, wiped from memory when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct EnvValue(Zeroizing<String>);

impl EnvValue {
    /// The value itself; for the container or the secret, for nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for EnvValue {
    fn from(value: String) -> Self {
        Self(Zeroizing::new(value))
    }
}

impl fmt::Debug for EnvValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// An App's `KEY=value` pairs, sorted by key.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<EnvKey, EnvValue>);

impl Environment {
    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&EnvValue> {
        self.0.get(key)
    }

    /// All pairs, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&EnvKey, &EnvValue)> {
        self.0.iter()
    }

    /// All keys, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &EnvKey> {
        self.0.keys()
    }

    /// The key `name`, where it has a value.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&EnvKey> {
        self.0.get_key_value(name).map(|(key, _)| key)
    }

    /// How many pairs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no pair at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `key` has a value.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// What the App's secret holds: one compact JSON object, sorted, every value a string.
    ///
    /// Equal environments give equal bytes, by which an unchanged secret is known.
    #[must_use]
    pub fn to_secret_string(&self) -> Zeroizing<String> {
        let members = self.0.iter();
        json::object(members.map(|(key, value)| (key.as_str(), value.expose())))
    }

    /// The key that takes the most room, and how many bytes its value has.
    #[must_use]
    pub fn largest(&self) -> Option<(&EnvKey, usize)> {
        let sizes = self.iter().map(|(key, value)| (key, value.expose().len()));
        sizes.max_by_key(|(key, size)| key.as_str().len() + size)
    }

    /// Which keys an App sees differently once `newer` replaces this environment.
    #[must_use]
    pub fn changes_to(&self, newer: &Environment) -> KeyChanges {
        let mut changes = KeyChanges::default();
        for (key, value) in newer.iter() {
            match self.get(key.as_str()) {
                None => changes.added.push(key.to_string()),
                Some(older) if older != value => changes.changed.push(key.to_string()),
                Some(_) => {}
            }
        }
        let gone = self.keys().filter(|key| !newer.contains_key(key.as_str()));
        changes.removed.extend(gone.map(EnvKey::to_string));
        changes
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment ")?;
        f.debug_set()
            .entries(self.keys().map(EnvKey::as_str))
            .finish()
    }
}

impl FromIterator<(EnvKey, EnvValue)> for Environment {
    fn from_iter<I: IntoIterator<Item = (EnvKey, EnvValue)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

/// How two environments differ: names only, each list sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyChanges {
    /// Keys that only the newer one has.
    pub added: Vec<String>,
    /// Keys of both, with another value.
    pub changed: Vec<String>,
    /// Keys that only the older one has.
    pub removed: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        pairs
            .iter()
            .map(|(key, value)| {
                (
                    EnvKey::new(key).unwrap(),
                    EnvValue::from((*value).to_owned()),
                )
            })
            .collect()
    }

    #[test]
    fn a_key_keeps_its_rule() {
        for (key, valid) in [
            ("A", true),
            ("_", true),
            ("a.b-c_1", true),
            ("", false),
            ("1A", false),
            (".A", false),
            ("-A", false),
            ("my key", false),
            ("export X", false),
            ("A:B", false),
            ("Ä", false),
            ("A\n", false),
        ] {
            assert_eq!(EnvKey::new(key).is_ok(), valid, "{key:?}");
        }
    }

    #[test]
    fn the_secret_is_sorted_compact_and_escaped() {
        let got = environment(&[
            ("B", "x=\"y\"\\"),
            ("A1", ""),
            ("A", "line\nline\r\t\u{1}\u{7f}"),
            ("C", "<a href='&'>ä🦀\u{2028}</a>"),
        ])
        .to_secret_string();
        let want = concat!(
            "{\"A\":\"line\\nline\\r\\t\\u0001\u{7f}\",\"A1\":\"\",\"B\":\"x=\\\"y\\\"\\\\\",",
            "\"C\":\"<a href='&'>ä🦀\u{2028}</a>\"}"
        );
        assert_eq!(got.as_str(), want);
        assert_eq!(environment(&[]).to_secret_string().as_str(), "{}");
    }

    #[test]
    fn the_largest_key_counts_with_its_name() {
        for (pairs, want) in [
            (&[][..], None),
            (&[("A", "1"), ("B", "22")], Some(("B", 2))),
            (&[("A", "11"), ("LONG_NAME", "1")], Some(("LONG_NAME", 1))),
        ] {
            let environment = environment(pairs);
            let got = environment.largest();
            assert_eq!(got.map(|(key, size)| (key.as_str(), size)), want);
        }
    }

    #[test]
    fn changes_name_each_key_once() {
        let older = environment(&[("KEPT", "1"), ("CHANGED", "1"), ("REMOVED", "1")]);
        let newer = environment(&[("KEPT", "1"), ("CHANGED", "2"), ("ADDED", "1")]);
        let want = KeyChanges {
            added: vec!["ADDED".to_owned()],
            changed: vec!["CHANGED".to_owned()],
            removed: vec!["REMOVED".to_owned()],
        };
        assert_eq!(older.changes_to(&newer), want);
        assert_eq!(older.changes_to(&older), KeyChanges::default());
    }

    #[test]
    fn debug_shows_names_and_no_value() {
        let environment = environment(&[("A", "canary"), ("B", "canary")]);
        assert_eq!(format!("{environment:?}"), r#"Environment {"A", "B"}"#);
        assert_eq!(format!("{:?}", environment.get("A")), "Some([redacted])");
    }

    #[test]
    fn a_map_by_key_can_be_asked_with_text() {
        let map = BTreeMap::from([(EnvKey::new("A").unwrap(), 1)]);
        assert_eq!(map.get("A"), Some(&1));
    }
}
