//! What the forms share: which keys are delivered, and what their writer is told about the others.

use std::collections::{BTreeMap, BTreeSet};

use super::error::shown;
use super::likely_form::Form;
use super::places::Places;
use super::{EnvKey, EnvValue, RESERVED_KEYS, ReadEnvironment};

/// More warnings of one kind tell nobody anything; the rest is counted.
const SHOWN_MAX: usize = 20;
const NEEDS_JSON: &str = "a value with newlines needs the JSON form, one object of strings";

/// Where a pair stands.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// In a line, from 1.
    Line {
        number: usize,
        /// It follows what is no pair, or a value that is not at its end: what stands before its `=` may be a piece of a
        /// value, such as a private key whose last line ends in `=`, and is not shown.
        in_value: bool,
        /// It follows a line whose key could not be shown: what stands before its `=` is not shown either.
        after_odd: bool,
    },
    /// In a member of a JSON object, from 1.
    Member(usize),
}

/// Gathers pairs in the order in which they stand; a later one wins.
#[derive(Default)]
pub(super) struct Collector {
    pairs: BTreeMap<EnvKey, EnvValue>,
    warnings: Vec<String>,
    more_warnings: usize,
    exported: BTreeSet<String>,
    /// Lines without `=`.
    ignored: Places,
    /// Lines that are the end of a value in base64.
    pieces: Places,
    /// Lines whose value stands in quotes.
    quoted: Places,
    /// Lines whose value opens with a quote that it does not close.
    unclosed: Places,
    /// Lines with blanks around their key or before their value.
    blanks: Places,
    form: Form,
}

impl Collector {
    /// Takes a pair, or says why its key cannot be delivered; whether it was taken.
    pub fn add(&mut self, key: &str, value: EnvValue, place: Place) -> bool {
        if RESERVED_KEYS.contains(&key) {
            self.refuse(key, place, "it is reserved for S3 delivery, rename it");
            return false;
        }
        match EnvKey::new(key) {
            Ok(key) => {
                self.pairs.insert(key, value);
                true
            }
            Err(rule) => {
                match key.strip_prefix("export ").map(EnvKey::new) {
                    Some(Ok(name)) => {
                        self.form.shell += 1;
                        self.exported.insert(name.to_string());
                        self.refuse(key, place, "write it without `export`");
                    }
                    _ => self.refuse(key, place, &rule.to_string()),
                }
                false
            }
        }
    }

    /// What the lines look like, beside pairs.
    pub fn form(&mut self) -> &mut Form {
        &mut self.form
    }

    /// Notes a line without `=`, which Convox ignores too.
    pub fn ignore_line(&mut self, line: usize) {
        self.ignored.add(line, None);
    }

    /// Notes a line that ends a value in base64: its text is a piece of that value.
    pub fn ignore_piece(&mut self, line: usize) {
        self.pieces.add(line, None);
    }

    /// Notes what is delivered as it stands, and may not be meant so. `key` is that of the pair, where it can be shown.
    pub fn note_oddities(&mut self, line: usize, key: Option<&str>, oddities: Oddities) {
        let key = key.and_then(shown);
        if oddities.quoted {
            self.quoted.add(line, key);
        }
        if oddities.unclosed {
            self.unclosed.add(line, key);
        }
        if oddities.blanks {
            self.blanks.add(line, key);
        }
    }

    /// What was gathered.
    pub fn finish(mut self) -> ReadEnvironment {
        if self.more_warnings > 0 {
            let more = self.more_warnings;
            let warning = format!("{more} more keys are not delivered for the same reasons");
            self.warnings.push(warning);
        }
        let likely = self.form.likely();
        let instead = likely.map_or(NEEDS_JSON.to_owned(), |form| form.to_string());
        let of_lines = [
            self.ignored.warning(
                "has no `=` and is ignored",
                "have no `=` and are ignored",
                &instead,
            ),
            self.pieces.warning(
                "seems to be the end of a value in base64 and is not delivered",
                "seem to be ends of values in base64 and are not delivered",
                NEEDS_JSON,
            ),
            self.quoted.warning(
                "has a value in quotes",
                "have values in quotes",
                "they are delivered as a part of it, leave them out if they are not meant so",
            ),
            self.unclosed.warning(
                "has a value with a quote that is not closed in its line",
                "have values with a quote that is not closed in its line",
                NEEDS_JSON,
            ),
            self.blanks.warning(
                "has blanks around its key or before its value",
                "have blanks around their keys or before their values",
                "the key is taken without them, the value with them; write `KEY=value`",
            ),
        ];
        self.warnings.extend(of_lines.into_iter().flatten());
        ReadEnvironment {
            environment: self.pairs.into_iter().collect(),
            warnings: self.warnings,
            likely_form: likely,
            exported: self.exported,
        }
    }

    fn refuse(&mut self, key: &str, place: Place, reason: &str) {
        let is_reserved = RESERVED_KEYS.contains(&key);
        let shown = match place {
            Place::Line {
                after_odd: true, ..
            } if !is_reserved => None,
            _ => shown(key),
        };
        self.warn(|| match (place, shown) {
            (
                Place::Line {
                    number,
                    in_value: true,
                    ..
                },
                _,
            ) if !is_reserved => format!(
                "line {number}: what stands before the `=` may be a piece of a value with newlines \
                 and is not delivered, such a value needs the JSON form, one object of strings"
            ),
            (Place::Line { number, .. }, Some(key)) => {
                format!("line {number}: the key `{key}` is not delivered, {reason}")
            }
            (Place::Line { number, .. }, None) => format!(
                "line {number} is not delivered, what stands before its `=` is no key: {reason}"
            ),
            (Place::Member(_), Some(key)) => format!("the key `{key}` is not delivered, {reason}"),
            (Place::Member(number), None) => {
                format!(
                    "member {number} of the JSON object is not delivered, its name is no key: \
                     {reason}"
                )
            }
        });
    }

    fn warn(&mut self, warning: impl FnOnce() -> String) {
        if self.warnings.len() < SHOWN_MAX {
            self.warnings.push(warning());
        } else {
            self.more_warnings += 1;
        }
    }
}

/// Signs that a pair, which is delivered, may not be what its writer meant.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Oddities {
    pub quoted: bool,
    pub unclosed: bool,
    pub blanks: bool,
}
