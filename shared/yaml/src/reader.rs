//! Nodes -> typed values, collecting what is wrong, what is odd and what has no effect, each with its path.

use std::collections::BTreeMap;

use crate::node::{Entry, Node, NodeKind, Scalar};
pub use crate::place::{Fields, Place};
use crate::placed_text::PlacedText;
use crate::problem::{Problem, WHOLE_FILE};
use crate::suggestion::closest;
use crate::unread::Unread;

/// More lines than this help nobody.
const LINES_MAX: usize = 50;
/// ECS counts in signed 32-bit integers.
pub const INTEGER_MAX: u32 = i32::MAX.unsigned_abs();

/// What reading a document finds besides its values.
pub struct Reader<'f> {
    file: &'f str,
    /// What makes the document unusable.
    pub problems: Vec<Problem>,
    /// Keys that are none where they stand.
    pub unread: Vec<Unread>,
    warnings: Vec<(usize, String)>,
    /// The paths of keys that are read, but that nothing uses.
    pub no_effect: Vec<String>,
    left_out: usize,
}

impl<'f> Reader<'f> {
    /// Nothing is read yet; `file` is the object key, for messages.
    #[must_use]
    pub fn new(file: &'f str) -> Self {
        Self {
            file,
            problems: Vec::new(),
            unread: Vec::new(),
            warnings: Vec::new(),
            no_effect: Vec::new(),
            left_out: 0,
        }
    }

    /// Notes what makes the manifest unusable.
    pub fn problem(&mut self, place: &Place<'_>, message: impl Into<String>) {
        let Node { line, column, .. } = *place.node;
        self.problem_at((line, column), &place.path, message);
    }

    /// The same, with what to do.
    pub fn problem_with_help(
        &mut self,
        place: &Place<'_>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let Node { line, column, .. } = *place.node;
        self.problem_at_with_help((line, column), &place.path, message, help);
    }

    /// Notes what is wrong at a line and column, and what to do.
    pub fn problem_at_with_help(
        &mut self,
        at: (usize, usize),
        path: &str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let before = self.problems.len();
        self.problem_at(at, path, message);
        if let Some(problem) = self.problems.get_mut(before) {
            problem.help = Some(help.into());
        }
    }

    /// Whether no further warning is kept.
    #[must_use]
    pub fn warnings_are_full(&self) -> bool {
        self.warnings.len() >= LINES_MAX
    }

    /// Whether no further problem is kept.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.problems.len() >= LINES_MAX
    }

    /// Notes what is wrong at a line and column.
    pub fn problem_at(
        &mut self,
        (line, column): (usize, usize),
        path: &str,
        message: impl Into<String>,
    ) {
        if self.problems.len() < LINES_MAX {
            let (path, message) = (path.to_owned(), message.into());
            self.problems.push(Problem {
                line,
                column,
                path,
                message,
                help: None,
                excerpt: None,
            });
        }
    }

    /// Notes that a key is not there, or that it is written and its `${}` are not set; `at` is what it belongs to.
    pub fn lacks(
        &mut self,
        fields: &Fields<'_>,
        at: (usize, usize),
        key: &str,
        help: impl Into<String>,
    ) {
        let written = fields.written(key);
        let unset = written.filter(|it| it.scalar().is_some_and(Scalar::is_interpolated));
        if let Some(unset) = unset {
            let message = format!("is {}", unset.node.shown());
            self.problem_with_help(&unset, message, "set the variable in the environment");
        } else {
            let (path, message) = (&fields.place.path, format!("has no `{key}`"));
            self.problem_at_with_help(at, path, message, help);
        }
    }

    /// Notes a value of another type than `allowed` says.
    pub fn wrong(&mut self, place: &Place<'_>, allowed: &str) {
        let message = match (place.path.is_empty(), &place.node.kind) {
            (false, _) => format!("is {}", place.node.shown()),
            (true, NodeKind::Scalar(_)) => format!("{WHOLE_FILE} is a text"),
            (true, _) => format!("{WHOLE_FILE} is {}", place.node.shown()),
        };
        self.problem_with_help(place, message, format!("use {allowed}"));
    }

    /// Notes what the author should know, although it can be used.
    pub fn warn(&mut self, line: usize, message: &str) {
        if self.warnings.len() < LINES_MAX {
            self.warnings
                .push((line, format!("{}, line {line}: {message}", self.file)));
        } else {
            self.left_out += 1;
        }
    }

    /// Notes a key that is read, but that nothing uses.
    pub fn without_effect(&mut self, place: &Place<'_>) {
        if !place.node.is_empty() {
            self.no_effect.push(place.path.clone());
        }
    }

    /// Notes those of `keys` that are there.
    pub fn all_without_effect(&mut self, fields: &Fields<'_>, keys: &[&str]) {
        for place in keys.iter().filter_map(|key| fields.get(key)) {
            self.without_effect(&place);
        }
    }

    /// All warnings in file order, the one about keys without effect last.
    #[must_use]
    pub fn into_warnings(mut self) -> Vec<String> {
        self.warnings.sort_by_key(|(line, _)| *line);
        let mut warnings: Vec<String> = self.warnings.into_iter().map(|(_, text)| text).collect();
        if self.left_out > 0 {
            warnings.push(format!(
                "{}: {} more warnings are left out",
                self.file, self.left_out
            ));
        }
        if !self.no_effect.is_empty() {
            let more = self.no_effect.len().saturating_sub(LINES_MAX);
            self.no_effect.truncate(LINES_MAX);
            let mut paths = self.no_effect.join("`, `");
            if more > 0 {
                paths = format!("{paths}`, and {more} more than `{LINES_MAX}");
            }
            warnings.push(format!("{}: read, but has no effect: `{paths}`", self.file));
        }
        warnings
    }

    /// The fields of a mapping; keys that are not `known` are warnings, anything but a mapping is a problem.
    pub fn fields<'a>(&mut self, place: &Place<'a>, known: &[&str]) -> Fields<'a> {
        self.fields_but(place, known, &[])
    }

    /// The same; `misplaced` are unknown keys, and what to write instead of each.
    pub fn fields_but<'a>(
        &mut self,
        place: &Place<'a>,
        known: &[&str],
        misplaced: &[(&str, &str)],
    ) -> Fields<'a> {
        for entry in self.entries(place) {
            if !known.contains(&entry.key.text.as_str()) {
                self.unread.push(Unread::key(place, entry));
                let path = place.child(entry).path;
                let known = if self.warnings.len() < LINES_MAX {
                    known
                } else {
                    &[]
                };
                let instead = misplaced.iter().find(|(key, _)| *key == entry.key.text);
                let meant = match instead {
                    Some((_, instead)) => format!(": {instead}"),
                    None => closest(entry.key.source(), known)
                        .map(|known| format!(", did you mean `{known}`?"))
                        .unwrap_or_default(),
                };
                self.warn(
                    entry.line,
                    &format!("`{path}` is not a key of convox.yml and is ignored{meant}"),
                );
            }
        }
        Fields {
            place: place.clone(),
        }
    }

    /// The entries of a mapping; none for an empty body.
    pub fn entries<'a>(&mut self, place: &Place<'a>) -> &'a [Entry] {
        match &place.node.kind {
            NodeKind::Mapping(entries) => entries,
            _ if place.node.is_null() => &[],
            _ => {
                self.wrong(place, "a mapping of keys to values");
                &[]
            }
        }
    }

    /// Text, a number or a boolean as written; nothing for an empty one.
    pub fn text(&mut self, place: &Place<'_>) -> Option<String> {
        let Some(scalar) = place.scalar() else {
            self.wrong(place, "a text");
            return None;
        };
        (!place.node.is_null() && !scalar.text.is_empty()).then(|| scalar.text.clone())
    }

    /// A list of texts.
    pub fn texts(&mut self, place: &Place<'_>) -> Vec<String> {
        let Some(items) = place.items() else {
            self.wrong(place, "a list of texts");
            return Vec::new();
        };
        items.iter().filter_map(|item| self.text(item)).collect()
    }

    /// Text by text, each as Convox normalises it ([`Scalar::normalised`]).
    pub fn text_map(&mut self, place: Option<Place<'_>>) -> BTreeMap<String, String> {
        let placed = self.placed_texts(place).into_iter();
        placed.map(|(key, text)| (key, text.value)).collect()
    }

    /// The same, each with its place.
    pub fn placed_texts(&mut self, place: Option<Place<'_>>) -> BTreeMap<String, PlacedText> {
        let mut map = BTreeMap::new();
        let Some(place) = place else {
            return map;
        };
        for entry in self.entries(&place) {
            let value = place.child(entry);
            match value.scalar() {
                Some(scalar) => {
                    let text = PlacedText::new(&value, entry, scalar);
                    map.insert(entry.key.text.clone(), text);
                }
                None => self.wrong(&value, "a text"),
            }
        }
        map
    }

    /// A boolean, as YAML 1.1 spells it; `allowed` is what a message says of it.
    pub fn boolean(&mut self, place: &Place<'_>, allowed: &str) -> Option<bool> {
        let value = place.scalar().and_then(Scalar::as_bool);
        if value.is_none() {
            self.wrong(place, allowed);
        }
        value
    }

    /// A boolean that need not be there.
    pub fn optional_flag(&mut self, place: Option<Place<'_>>) -> Option<bool> {
        self.boolean(&place?, "`true` or `false`")
    }

    /// A boolean that is false where it is not there.
    pub fn flag(&mut self, place: Option<Place<'_>>) -> bool {
        self.optional_flag(place).unwrap_or(false)
    }

    /// A whole number of 0 or more, quoted or not, that Convox refuses to be anything else.
    pub fn number(&mut self, place: Option<Place<'_>>, allowed: &str) -> Option<u32> {
        let place = place?;
        let value = place.scalar().and_then(integer);
        if value.is_none() {
            self.wrong(&place, allowed);
        }
        value
    }

    /// A whole number of 0 or more that Convox leaves out when it is anything else: so it is only a warning here.
    pub fn lenient_integer(&mut self, place: Option<Place<'_>>) -> Option<u32> {
        let place = place?;
        let value = place.scalar().and_then(integer);
        if value.is_none() {
            let shown = place.node.shown();
            let message = format!(
                "`{}` is {shown}, which is not a whole number from 0 to {INTEGER_MAX}, and is \
                 ignored",
                place.path
            );
            self.warn(place.node.line, &message);
        }
        value
    }
}

/// The whole number of 0 or more that a text means.
#[must_use]
pub fn integer(scalar: &Scalar) -> Option<u32> {
    let value = u32::try_from(scalar.as_integer()?).ok()?;
    (value <= INTEGER_MAX).then_some(value)
}
