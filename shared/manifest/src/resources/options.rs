//! The options of one resource: which there are, and what they can be.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::upper_name;
use yaml::{PlacedText, Reader, Type, closest};

/// What CloudFormation takes for a reference to a secret or a parameter, which it would read with its own rights.
/// Source: CloudFormation user guide, "Dynamic references".
pub(super) const REFERENCE: &str = "{{";

/// The options that a type of resource has.
#[derive(Clone, Copy)]
pub(super) struct Known {
    /// What the type is called.
    pub resource_type: &'static str,
    /// Those that count, as the documentation spells them.
    pub used: &'static [&'static str],
    /// Those that Convox takes and does nothing with.
    pub unused: &'static [&'static str],
}

/// The options of one resource, and where what is wrong with them goes.
pub(super) struct Options<'r, 'm> {
    pub reader: &'r mut Reader<'m>,
    pub resource: &'m crate::Resource,
    texts: BTreeMap<String, &'m PlacedText>,
}

impl<'r, 'm> Options<'r, 'm> {
    /// Sorts out what the type does not have. Names are compared as Convox does: `owner-gid`, `ownerGid` and `OwnerGid`
    /// are one (`convox/rack:provider/aws/template.go`, `upperName`).
    pub(super) fn new(
        reader: &'r mut Reader<'m>,
        resource: &'m crate::Resource,
        known: Known,
    ) -> Self {
        let mut options = Self {
            reader,
            resource,
            texts: BTreeMap::new(),
        };
        for (key, text) in &resource.options {
            let name = upper_name(key);
            let is = |known: &&str| upper_name(known) == name;
            if known.unused.iter().any(is) {
                let message = format!("has no effect on {}", known.resource_type);
                options.notice(text, &message);
            } else if name == "Password" {
                options.password(text);
            } else if !known.used.iter().any(is) {
                options.unknown(text, known);
            } else if text.value.contains(REFERENCE) {
                reference(options.reader, text);
            } else if options.texts.insert(name, text).is_some() {
                let message = "stands there twice, in two spellings";
                options.problem_at_key(text, message, "keep one of them");
            }
        }
        options
    }

    /// The option called `name`; one that says nothing at all counts as left out.
    pub(super) fn get(&self, name: &str) -> Option<&'m PlacedText> {
        let text = self.texts.get(&upper_name(name)).copied()?;
        let says_nothing =
            text.written.yaml_type() == Type::Null && !text.written.is_interpolated();
        (!says_nothing).then_some(text)
    }

    /// The text of an option that Convox leaves blank by default, so that an empty one means the same.
    pub(super) fn text(&self, name: &str) -> Option<&'m PlacedText> {
        self.get(name).filter(|text| !text.value.is_empty())
    }

    /// `true` or `false`, quoted or not, as YAML 1.1 spells it.
    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        let text = self.get(name)?;
        let value = text.written.as_bool();
        if value.is_none() {
            self.wrong(text, "use `true` or `false`");
        }
        value
    }

    /// A whole number; `help` says which are allowed.
    pub(super) fn number(
        &mut self,
        name: &str,
        range: RangeInclusive<u32>,
        help: &str,
    ) -> Option<u32> {
        let text = self.get(name)?;
        let value = text.written.as_integer();
        let value = value
            .and_then(|value| u32::try_from(value).ok())
            .filter(|value| range.contains(value));
        if value.is_none() {
            self.wrong(text, help);
        }
        value
    }

    /// A version as `read` takes it; its error says what to write. It counts as written: of an unquoted `14.10` YAML, and
    /// with it Convox, makes `14.1`.
    pub(super) fn version(
        &mut self,
        read: impl Fn(&str) -> Result<String, &'static str>,
    ) -> Option<String> {
        let text = self.get("version")?;
        match read(text.written.text.trim()) {
            Ok(version) => Some(version),
            Err(help) => {
                self.wrong(text, help);
                None
            }
        }
    }

    /// An instance class, which starts with `prefix`.
    pub(super) fn class(&mut self, prefix: &str, help: &str) -> Option<String> {
        let text = self.get("class")?;
        let is_class = |rest: &str| {
            let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
            rest.contains('.') && rest.chars().all(known)
        };
        if !text.value.strip_prefix(prefix).is_some_and(is_class) {
            self.wrong(text, help);
        }
        Some(text.value.clone())
    }

    /// Notes an option that is none of what `help` says.
    pub(super) fn wrong(&mut self, text: &PlacedText, help: &str) {
        let message = format!("is {}", text.written.described());
        self.problem(text, &message, help);
    }

    /// Notes what is wrong with an option.
    pub(super) fn problem(&mut self, text: &PlacedText, message: &str, help: &str) {
        self.reader
            .problem_at_with_help(text.place, &text.path, message, help);
    }

    /// Notes what the author should know of an option.
    pub(super) fn notice(&mut self, text: &PlacedText, message: &str) {
        let message = format!("`{}` {message}", text.path);
        self.reader.warn(text.place.0, &message);
    }

    fn problem_at_key(&mut self, text: &PlacedText, message: &str, help: &str) {
        self.reader
            .problem_at_with_help(text.key, &text.path, message, help);
    }

    fn unknown(&mut self, text: &PlacedText, known: Known) {
        let before = format!("resources.{}.options.", self.resource.shown);
        let key = text.path.strip_prefix(&before).unwrap_or_default();
        let close = if self.reader.is_full() {
            None
        } else {
            closest(key, known.used)
        };
        let help = match close {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("use one of `{}`", known.used.join("`, `")),
        };
        let message = format!("is not an option of {}", known.resource_type);
        self.problem_at_key(text, &message, &help);
    }

    /// Not ignored: whoever wrote a password down relies on it, and the resource would have another.
    fn password(&mut self, text: &PlacedText) {
        let help = "leave it out: the password is generated, and reaches the Services that link to \
                    the resource";
        self.problem_at_key(text, "cannot be chosen", help);
    }
}

/// Notes a text that CloudFormation would not take for a text.
pub(super) fn reference(reader: &mut Reader<'_>, text: &PlacedText) {
    let message = format!("holds `{REFERENCE}`, with which a reference of CloudFormation begins");
    let help = "leave it out, CloudFormation would read what it names";
    reader.problem_at_with_help(text.place, &text.path, message, help);
}
