//! A YAML document as nodes: text, lists and mappings in file order, each with its place in the file.
//!
//! Anchors, aliases and merge keys are resolved. `Debug` shows `${NAME}` where a value was put in.

use std::fmt;

/// What a message repeats of a text at most.
const SHOWN_MAX: usize = 80;

/// One value of the document. Lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The line it starts in.
    pub line: usize,
    /// The column it starts at, in characters.
    pub column: usize,
    /// What it is.
    pub kind: NodeKind,
}

/// What a [`Node`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeKind {
    /// Text, which the place it stands in may type.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values, each key once.
    Mapping(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: Scalar,
    /// The line of the key.
    pub line: usize,
    /// The column of the key.
    pub column: usize,
    /// The value.
    pub value: Node,
}

/// How a text was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes, so it can be a number, a boolean or nothing.
    Plain,
    /// In quotes.
    Quoted,
    /// After `|` or `>`.
    Block,
}

/// A text of the document, `${NAME}` replaced.
#[derive(Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The text.
    pub text: String,
    /// How it was written.
    pub style: Style,
    /// The text with `${NAME}` in place, where that is another one.
    pub uninterpolated: Option<String>,
}

/// What YAML 1.1 takes a text for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Nothing, `~` or `null`.
    Null,
    /// `y`, `no`, `On`, `TRUE` and the like.
    Bool(bool),
    /// An integer or a fraction.
    Number,
    /// Everything else, and everything in quotes.
    Text,
}

impl Scalar {
    /// Whether a `${NAME}` stood in it.
    #[must_use]
    pub fn is_interpolated(&self) -> bool {
        self.uninterpolated.is_some()
    }

    /// The whole text, with `${NAME}` in place of values.
    #[must_use]
    pub fn source(&self) -> &str {
        self.uninterpolated.as_deref().unwrap_or(&self.text)
    }

    /// What a message may repeat of it: `${NAME}` in place, cut, printable.
    #[must_use]
    pub fn shown(&self) -> String {
        printable(self.source())
    }

    /// What a message may say it is.
    #[must_use]
    pub fn described(&self) -> String {
        if self.source().is_empty() {
            "empty".to_owned()
        } else if self.is_interpolated() && self.text.is_empty() {
            format!("`{}`, which is empty", self.shown())
        } else {
            format!("`{}`", self.shown())
        }
    }

    /// What YAML 1.1 takes it for, values put in.
    #[must_use]
    pub fn yaml_type(&self) -> Type {
        if self.style != Style::Plain {
            return Type::Text;
        }
        let text = self.text.trim();
        match text {
            "" | "~" | "null" | "Null" | "NULL" => Type::Null,
            _ => match boolean(text) {
                Some(value) => Type::Bool(value),
                None if integer(text).is_some() || fraction(text).is_some() => Type::Number,
                None => Type::Text,
            },
        }
    }

    /// The boolean it means, quoted or not.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        boolean(self.text.trim())
    }

    /// The whole number it means, quoted or not: `8`, `"8"`, `8.0`, and unquoted also `0x1F`, `0777` and `1_000`.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        let text = self.text.trim();
        if self.style != Style::Plain {
            return text.parse().ok();
        }
        integer(text).or_else(|| whole(fraction(text)?))
    }
}

impl Scalar {
    /// The text that Convox makes of it where it wants one: yaml.v2 writes a plain scalar out again before it reads
    /// it as text, so `8.0` is `8`, `0777` is `511`, `yes` is `true` and nothing is empty. Dates stay as written.
    #[must_use]
    pub fn normalised(&self) -> String {
        let text = self.text.trim();
        match self.yaml_type() {
            Type::Null => String::new(),
            Type::Bool(value) => value.to_string(),
            Type::Text => self.text.clone(),
            Type::Number => match (integer(text), fraction(text)) {
                (Some(value), _) => value.to_string(),
                (None, Some(value)) if value.is_finite() => shortest(value),
                _ => text.to_owned(),
            },
        }
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.style, self.source())
    }
}

impl Node {
    /// Whether it is nothing at all: an empty body.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, NodeKind::Scalar(scalar) if scalar.yaml_type() == Type::Null)
    }

    /// Whether it says nothing: nothing at all, an empty list or an empty mapping.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.kind {
            NodeKind::Scalar(_) => self.is_null(),
            NodeKind::Sequence(items) => items.is_empty(),
            NodeKind::Mapping(entries) => entries.is_empty(),
        }
    }

    /// What a message may say it is.
    #[must_use]
    pub fn shown(&self) -> String {
        match &self.kind {
            NodeKind::Scalar(scalar) => scalar.described(),
            NodeKind::Sequence(_) => "a list".to_owned(),
            NodeKind::Mapping(_) => "a mapping".to_owned(),
        }
    }
}

/// A piece of `text` that is fit for a message.
pub fn printable(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(SHOWN_MAX)
        .collect()
}

/// The boolean that YAML 1.1 takes a text for.
#[must_use]
pub fn boolean(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Some(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Some(false)
        }
        _ => None,
    }
}

/// An integer as YAML 1.1 writes it (yaml.v2 `resolve.go`).
fn integer(text: &str) -> Option<i64> {
    let text = text.replace('_', "");
    let (sign, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) => (if text.starts_with('-') { -1 } else { 1 }, digits),
        None => (1, text.as_str()),
    };
    let radix = |prefix: &str, radix| {
        let digits = digits.strip_prefix(prefix)?;
        let clean = digits.starts_with(|c: char| c.is_digit(radix));
        clean
            .then(|| i64::from_str_radix(digits, radix).ok())
            .flatten()
    };
    let octal = || radix("0", 8);
    let decimal = || radix("", 10);
    let value = radix("0x", 16)
        .or_else(|| radix("0o", 8))
        .or_else(|| radix("0b", 2));
    value
        .or_else(octal)
        .or_else(decimal)
        .map(|value| sign * value)
}

fn fraction(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    match digits {
        ".inf" | ".Inf" | ".INF" => Some(f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" => Some(f64::NAN),
        _ => {
            let number = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
            number.then(|| text.parse().ok()).flatten()
        }
    }
}

/// The shortest text of a number, as Go's `%g` writes it: with an exponent below 1e-04 and from 1e+06.
fn shortest(value: f64) -> String {
    let scientific = format!("{value:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

fn whole(value: f64) -> Option<i64> {
    // Larger ones lose digits, and nothing in a manifest is that large.
    let exact = value.fract() == 0.0 && value.abs() < 9e15;
    exact.then(|| format!("{value:.0}").parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(text: &str, style: Style) -> Scalar {
        Scalar {
            text: text.to_owned(),
            style,
            uninterpolated: None,
        }
    }

    #[test]
    fn a_plain_text_is_typed_as_yaml_1_1_does() {
        for (text, want) in [
            ("", Type::Null),
            ("~", Type::Null),
            ("Null", Type::Null),
            ("y", Type::Bool(true)),
            ("On", Type::Bool(true)),
            ("NO", Type::Bool(false)),
            ("oFf", Type::Text),
            ("8", Type::Number),
            ("-8.5", Type::Number),
            ("1e3", Type::Number),
            (".inf", Type::Number),
            ("inf", Type::Text),
            ("1.2.3", Type::Text),
            ("KEY", Type::Text),
        ] {
            assert_eq!(scalar(text, Style::Plain).yaml_type(), want, "{text}");
            assert_eq!(
                scalar(text, Style::Quoted).yaml_type(),
                Type::Text,
                "{text}"
            );
        }
    }

    #[test]
    fn integers_are_read_from_plain_and_quoted_text() {
        for (text, plain, quoted) in [
            ("8080", Some(8080), Some(8080)),
            ("-1", Some(-1), Some(-1)),
            ("-8.0", Some(-8), None),
            ("0", Some(0), Some(0)),
            ("0777", Some(511), Some(777)),
            ("08", Some(8), Some(8)),
            ("0x1F", Some(31), None),
            ("0b11", Some(3), None),
            ("1_000", Some(1000), None),
            ("8.0", Some(8), None),
            ("8.5", None, None),
            ("1e400", None, None),
            ("--1", None, None),
            ("99999999999999999999", None, None),
            ("eight", None, None),
        ] {
            assert_eq!(scalar(text, Style::Plain).as_integer(), plain, "{text}");
            assert_eq!(scalar(text, Style::Quoted).as_integer(), quoted, "{text}");
        }
    }
}
