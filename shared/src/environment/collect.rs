//! What the forms share: which keys are delivered, and what their writer is told about the others.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::error::shown;
use super::lines::Line;
use super::{EnvKey, EnvKeyError, EnvValue, RESERVED_KEYS, ReadEnvironment};

/// More warnings of one kind tell nobody anything; the rest is counted.
const SHOWN_MAX: usize = 20;

/// Gathers pairs in the order in which they stand; a later one wins.
#[derive(Default)]
pub(super) struct Collector {
    pairs: BTreeMap<EnvKey, EnvValue>,
    warnings: Vec<String>,
    more_warnings: usize,
    /// First and last line of each run of lines without `=`.
    ignored: Vec<(usize, usize)>,
}

impl Collector {
    /// Takes a pair, or says why its key cannot be delivered.
    pub fn add(&mut self, key: &str, value: EnvValue, line: Option<Line>) {
        if RESERVED_KEYS.contains(&key) {
            self.refuse(key, line, "it is reserved for S3 delivery, rename it");
            return;
        }
        match EnvKey::new(key) {
            Ok(key) => {
                self.pairs.insert(key, value);
            }
            Err(rule) => self.refuse_invalid(key, line, rule),
        }
    }

    /// Notes a line without `=`, which Convox ignores too.
    pub fn ignore_line(&mut self, line: usize) {
        match self.ignored.last_mut() {
            Some((_, last)) if *last + 1 == line => *last = line,
            _ => self.ignored.push((line, line)),
        }
    }

    /// What was gathered.
    pub fn finish(mut self) -> ReadEnvironment {
        if self.more_warnings > 0 {
            let more = self.more_warnings;
            let warning = format!("{more} more keys are not delivered for the same reasons");
            self.warnings.push(warning);
        }
        self.warnings.extend(ignored_warning(&self.ignored));
        ReadEnvironment {
            environment: self.pairs.into_iter().collect(),
            warnings: self.warnings,
        }
    }

    fn refuse_invalid(&mut self, key: &str, line: Option<Line>, rule: EnvKeyError) {
        match line {
            Some(line) if line.in_value => self.warn(|| {
                format!(
                    "line {}: what stands before the `=` may be a piece of a value with newlines and is not \
                     delivered, such a value needs the JSON form, one object of strings",
                    line.number
                )
            }),
            line => self.refuse(key, line, &rule.to_string()),
        }
    }

    fn refuse(&mut self, key: &str, line: Option<Line>, reason: &str) {
        self.warn(|| {
            let place = line.map_or_else(String::new, |line| format!("line {}: ", line.number));
            format!("{place}the key `{}` is not delivered, {reason}", shown(key))
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

/// One warning for all lines without `=`; their content may be a piece of a value.
fn ignored_warning(runs: &[(usize, usize)]) -> Option<String> {
    let (first, last) = runs.first()?;
    let (lines, have) = if runs.len() == 1 && first == last {
        ("line", "has no `=` and is ignored")
    } else {
        ("lines", "have no `=` and are ignored")
    };
    let mut places = String::new();
    for (first, last) in runs.iter().take(SHOWN_MAX) {
        let comma = if places.is_empty() { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(places, "{comma}{first}");
        if first != last {
            let _ = write!(places, "-{last}");
        }
    }
    if runs.len() > SHOWN_MAX {
        let _ = write!(places, " and {} more places", runs.len() - SHOWN_MAX);
    }
    Some(format!(
        "{lines} {places} {have}; a value with newlines needs the JSON form, one object of strings"
    ))
}
