//! Form 1: `KEY=value` lines, read as Convox reads them.
//!
//! Source: `convox/rack:pkg/structs/environment.go`. Two things are ours. Comments, since Convox would take `# c=1` for a key;
//! and the last line of a value in base64 that was wrapped: its `=` would make a variable whose name is a piece of the value.

use super::collect::{Collector, Oddities, Place};
use super::error::{LINE_MAX, SHOWN_MAX};
use super::{EnvValue, EnvironmentError, ReadEnvironment};

/// What base64 is wrapped at: 64 in PEM, 76 by most tools, more by few. Less of it can be anything.
const WRAPPED_MIN: usize = 60;
/// Longer values seldom go on, so what follows them must look like nothing else.
const WRAPPED_MAX: usize = 76;
/// What begins a key or a certificate.
const PEM: &str = "-----BEGIN ";
/// The end of one.
const PEM_END: &str = "-----END ";

pub(super) fn read(text: &str) -> Result<ReadEnvironment, EnvironmentError> {
    let mut collector = Collector::default();
    let mut open = Open::default();
    for (number, content) in (1..).zip(text.split('\n')) {
        if content.len() > LINE_MAX {
            return Err(EnvironmentError::LineTooLong { line: number });
        }
        let content = content.strip_suffix('\r').unwrap_or(content);
        let text = content.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let Some((key, value)) = content.split_once('=') else {
            collector.ignore_line(number);
            collector.form().see(text);
            open = open.after_text(text);
            continue;
        };
        if open.ends_with(text) {
            collector.ignore_piece(number);
            open = Open::default();
            continue;
        }
        let taken = pair(&mut collector, number, (key, value), &open);
        open = open.after_pair((key, value), taken);
        if taken {
            collector.form().see_pair();
        } else {
            collector.form().see(text);
        }
    }
    Ok(collector.finish())
}

/// Hands on what stands before and after the first `=`; whether it is no piece of anything else.
fn pair(collector: &mut Collector, number: usize, (key, value): (&str, &str), open: &Open) -> bool {
    let name = key.trim();
    if name.is_empty() {
        return true; // Convox ignores it
    }
    let in_value = open.in_value();
    let after_odd = open.odd;
    let place = Place::Line {
        number,
        in_value,
        after_odd,
    };
    let taken = collector.add(name, EnvValue::from(value.to_owned()), place);
    if taken {
        let oddities = Oddities {
            quoted: is_quoted(value),
            unclosed: opening_quote(value).is_some(),
            blanks: key.trim_end() != key || value.starts_with([' ', '\t']),
        };
        collector.note_oddities(number, (!in_value).then_some(name), oddities);
    }
    taken
}

/// What a line leaves open for the next ones.
#[derive(Default)]
struct Open {
    /// It was no pair.
    no_pair: bool,
    /// What stood before its `=` is of a file in another form.
    odd: bool,
    /// The value opened with this quote and was not closed since.
    quote: Option<char>,
    /// It was, or ended in, a piece of base64 that goes on.
    base64: Option<Base64>,
}

/// A piece of base64 that goes on in the next line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Base64 {
    /// As long as the pieces that tools make, at most.
    Wrapped,
    /// Longer, as `fold` makes them where it is told to.
    Long,
}

impl Base64 {
    fn of_length(length: usize) -> Self {
        if length > WRAPPED_MAX {
            Self::Long
        } else {
            Self::Wrapped
        }
    }
}

impl Open {
    fn in_value(&self) -> bool {
        self.no_pair || self.quote.is_some()
    }

    fn after_text(&self, text: &str) -> Self {
        let still = self.quote.filter(|quote| !text.ends_with(*quote));
        Self {
            no_pair: self.quote.is_none() || still.is_some(),
            odd: self.odd,
            quote: still,
            base64: (text.starts_with(PEM) || is_base64(text)).then_some(Base64::Wrapped),
        }
    }

    fn after_pair(&self, (key, value): (&str, &str), taken: bool) -> Self {
        let still = self
            .quote
            .filter(|quote| !value.trim_end().ends_with(*quote));
        let begun = value.strip_prefix(['"', '\'']).unwrap_or(value);
        // One that ends in the same line, with `\n` in words, leaves nothing open.
        let begins_key = begun.starts_with(PEM) && !begun.contains(PEM_END);
        Self {
            no_pair: begins_key,
            odd: !taken && (self.odd || !is_word(key.trim())),
            quote: still.or_else(|| opening_quote(value)),
            base64: (begins_key || is_wrapped(begun)).then(|| Base64::of_length(begun.len())),
        }
    }

    /// Whether `text` is the end of the base64 that is open.
    ///
    /// A variable of no value looks much like it, `KEY=`; so after a pair it must end in `==`, or mix letters as no name does:
    /// `NewRelicKey=` is one. After one of more than [`WRAPPED_MAX`] bytes only `==` will do.
    fn ends_with(&self, text: &str) -> bool {
        let closed = self.quote.and_then(|quote| text.strip_suffix(quote));
        let text = closed.unwrap_or(text);
        let body = text.trim_end_matches('=');
        let padding = text.len() - body.len();
        let Some(base64) = self.base64 else {
            return false;
        };
        let is_end = (1..=2).contains(&padding)
            && text.len().is_multiple_of(4)
            && (padding == 2 || text.len() <= WRAPPED_MAX)
            && body.bytes().all(of_base64);
        let could_be_a_name = base64 == Base64::Long || !is_mixed(body) || is_of_words(body);
        is_end && (self.no_pair || padding == 2 || !could_be_a_name)
    }
}

/// Whether a word, of letters, digits, `_`, `.` and `-`, stands before an `=`, though it may be no key: `1A`, `export A`.
fn is_word(key: &str) -> bool {
    let name = key.strip_prefix("export ").unwrap_or(key);
    let of_word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    !name.is_empty() && key.len() <= SHOWN_MAX && name.bytes().all(of_word)
}

fn of_base64(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/')
}

fn is_base64(text: &str) -> bool {
    text.len() >= 16 && text.len().is_multiple_of(4) && text.bytes().all(of_base64)
}

/// A value that ends where tools wrap base64. Digits of a hash are no base64: they never go on.
fn is_wrapped(value: &str) -> bool {
    value.len() >= WRAPPED_MIN && is_base64(value) && is_mixed(value)
}

fn is_mixed(text: &str) -> bool {
    let any = |is: fn(&u8) -> bool| text.as_bytes().iter().any(is);
    any(u8::is_ascii_lowercase) && any(u8::is_ascii_uppercase)
}

/// Letters alone, and more than one small one together wherever there is any, as in `newRelicKey`.
fn is_of_words(text: &str) -> bool {
    let mut ends = text.split(|c: char| c.is_ascii_uppercase());
    text.bytes().all(|b| b.is_ascii_alphabetic()) && ends.all(|small| small.len() != 1)
}

/// Whether both ends of a value are the same kind of quote.
fn is_quoted(value: &str) -> bool {
    let value = value.trim();
    let by = |quote: char| value.len() >= 2 && value.starts_with(quote) && value.ends_with(quote);
    by('"') || by('\'')
}

/// The quote that a value opens with, where it does not end with it.
fn opening_quote(value: &str) -> Option<char> {
    let value = value.trim();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    (!is_quoted(value)).then_some(quote)
}

#[cfg(test)]
mod tests {
    use super::super::{EnvKey, LikelyForm};
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let read = read(text).unwrap();
        read.environment
            .iter()
            .map(|(key, value)| (key.to_string(), value.expose().to_owned()))
            .collect()
    }

    #[test]
    fn lines_are_read_as_convox_reads_them() {
        for (text, want) in [
            ("", vec![]),
            ("\n \n\t\r\n", vec![]),
            ("A=1", vec![("A", "1")]),
            ("A=1\n", vec![("A", "1")]),
            ("A=1\r\nB=2\r\n", vec![("A", "1"), ("B", "2")]),
            ("A=1\r\r\n", vec![("A", "1\r")]),
            ("A=1\rB=2", vec![("A", "1\rB=2")]),
            ("A=b=c==", vec![("A", "b=c==")]),
            ("A=", vec![("A", "")]),
            ("A=x # y", vec![("A", "x # y")]),
            ("A=1\nA=2", vec![("A", "2")]),
            ("=1\n  =2", vec![]),
            ("# c=1\n#A=1\n  # c=1\n\t#A=1", vec![]),
            ("A=1\n  # a comment", vec![("A", "1")]),
            ("  A=1", vec![("A", "1")]),
            ("A=${B} $C \\n", vec![("A", "${B} $C \\n")]),
            ("A=ä🦀", vec![("A", "ä🦀")]),
        ] {
            let want: Vec<_> = want
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect();
            assert_eq!(pairs(text), want, "{text:?}");
            assert_eq!(read(text).unwrap().warnings, [""; 0], "{text:?}");
        }
    }

    #[test]
    fn what_is_not_delivered_is_said_without_a_value() {
        let no_equals = "a value with newlines needs the JSON form, one object of strings";
        let rule = "a key is a letter or `_`, then letters, digits, `_`, `.` and `-`";
        for (text, want) in [
            ("A", format!("line 1 has no `=` and is ignored; {no_equals}")),
            (
                "a\nA=1\nb\nc\nd\n\ne",
                format!("lines 1, 3-5, 7 have no `=` and are ignored; {no_equals}"),
            ),
            (
                "A=\nexport X=1",
                "line 2: the key `export X` is not delivered, write it without `export`".to_owned(),
            ),
            (
                "\n1A=1",
                format!("line 2 is not delivered, what stands before its `=` is no key: {rule}"),
            ),
            (
                "export 1A=1",
                format!("line 1 is not delivered, what stands before its `=` is no key: {rule}"),
            ),
            (
                "my key=1",
                format!("line 1 is not delivered, what stands before its `=` is no key: {rule}"),
            ),
            (
                "CONVOX_ENV_KEY=1",
                "line 1: the key `CONVOX_ENV_KEY` is not delivered, it is reserved for S3 delivery, rename it"
                    .to_owned(),
            ),
        ] {
            assert_eq!(read(text).unwrap().warnings, [want], "{text:?}");
        }
    }

    /// YAML, ECS's list, a dotenv file with newlines, wrapped base64: what stands before an `=` in them is a value, or a piece.
    #[test]
    fn of_a_file_in_another_form_no_value_is_shown() {
        for text in [
            "API_KEY: c4nary==",
            "  DATABASE_URL: postgres://app:c4nary@db/shop?sslmode=require",
            r#"[{"name":"PW","value":"c4nary=x"}]"#,
            "- name: PW\n  value: c4nary=x",
            "A=\"first\n9c4nary=second\nc4nary third\"",
            "PASSWORD c4nary=x",
            "set PASSWORD=c4nary=x\n.c4nary=\n-c4nary=",
            "KEY=-----BEGIN PRIVATE KEY-----\nAAAAAAAAAAAAAAAA\nc4nary==\n-----END PRIVATE KEY-----",
            "KEY: |\n  AAAAAAAAAAAAAAAA\n  c4naryx=\nB=1",
        ] {
            let read = read(text).unwrap();
            let shown = format!("{read:?}");
            assert!(!shown.contains("c4nary"), "{text}: {shown}");
            assert_ne!(read.warnings, [""; 0], "{text}");
        }
    }

    #[test]
    fn wrapped_base64_gives_no_variable_whose_name_is_a_piece_of_it() {
        let line = "TWFu".repeat(19);
        let hash = "0a1b".repeat(16);
        for (text, want) in [
            (format!("KEY={line}\nTWFuTQ==\nB=1"), &["B", "KEY"][..]),
            (format!("KEY={line}\nTWFuTWE=\nB=1"), &["B", "KEY"]),
            (format!("KEY=\"{line}\nTWFuTQ==\"\nB=1"), &["B", "KEY"]),
            (
                format!("KEY='{line}\n{line}\nTWFuTWE='\nB=1"),
                &["B", "KEY"],
            ),
            // An empty variable after a long value is one, and after a key that ends in its line.
            (
                "KEY=-----BEGIN KEY-----\\nTWFu\\n-----END KEY-----\\n\nDSN=".to_owned(),
                &["DSN", "KEY"],
            ),
            (format!("KEY={line}\nTOP="), &["KEY", "TOP"]),
            (
                format!("KEY={line}\nNewRelicKey=\nB=1"),
                &["B", "KEY", "NewRelicKey"],
            ),
            (
                format!("KEY={line}\nNewRelicAPIKey="),
                &["KEY", "NewRelicAPIKey"],
            ),
            (format!("KEY={hash}\nTWFuTWE="), &["KEY", "TWFuTWE"]),
            // Some tools wrap later, and some wrap nothing.
            (
                format!("KEY={line}TWFuTWFuTWFuTWFuTWFuTWFu\nTWFuTQ==\nB=1"),
                &["B", "KEY"],
            ),
            (
                format!("KEY={line}{line}\n{line}TWFuTQ==\nB=1"),
                &["B", "KEY"],
            ),
            (
                format!("KEY={line}{line}\nmyS3Key=\nB=1"),
                &["B", "KEY", "myS3Key"],
            ),
            ("A=1\nTWFuTQ==".to_owned(), &["A", "TWFuTQ"]),
        ] {
            let read = read(&text).unwrap();
            let keys: Vec<_> = read.environment.keys().map(EnvKey::as_str).collect();
            assert_eq!(keys, want, "{text}");
        }
    }

    #[test]
    fn near_misses_are_delivered_as_they_stand_and_named_by_line() {
        let quoted = "they are delivered as a part of it, leave them out if they are not meant so";
        let blanks = "the key is taken without them, the value with them; write `KEY=value`";
        for (text, pair, want) in [
            (
                "A=1\nPW=\"q\"",
                ("PW", "\"q\""),
                format!("line 2 (`PW`) has a value in quotes; {quoted}"),
            ),
            (
                "PW='q'\nB=\"\"\n\nC=\"c\"",
                ("PW", "'q'"),
                format!("lines 1-2, 4 (`C`) have values in quotes; {quoted}"),
            ),
            (
                "FOO = bar",
                ("FOO", " bar"),
                format!("line 1 (`FOO`) has blanks around its key or before its value; {blanks}"),
            ),
            (
                "\u{a0}A\u{2003}=1",
                ("A", "1"),
                format!("line 1 (`A`) has blanks around its key or before its value; {blanks}"),
            ),
            (
                "PW=\"q\nB=1",
                ("B", "1"),
                "line 1 (`PW`) has a value with a quote that is not closed in its line; a value with newlines needs \
                 the JSON form, one object of strings"
                    .to_owned(),
            ),
        ] {
            assert!(pairs(text).contains(&(pair.0.to_owned(), pair.1.to_owned())), "{text}");
            assert_eq!(read(text).unwrap().warnings, [want], "{text}");
        }
    }

    #[test]
    fn a_form_of_others_is_recognised() {
        use LikelyForm::{JsonList, Shell, Yaml};
        for (text, want) in [
            ("", None),
            ("A=1", None),
            ("what is this", None),
            ("[section]\nA: 1", None),
            ("A: 1\nB:\n  - c", Some(Yaml)),
            ("---\nA: postgres://a?b=c\nB: 2", Some(Yaml)),
            ("[{\"name\": \"A\",\n\"value\": \"1\"}]", Some(JsonList)),
            ("[\n  {\"name\": \"A=\"}\n]", Some(JsonList)),
            ("#!/bin/sh\nexport A=1\nexport B='2'", Some(Shell)),
        ] {
            assert_eq!(read(text).unwrap().likely_form, want, "{text}");
        }
    }

    #[test]
    fn what_is_longer_than_a_name_is_not_shown_as_one() {
        let long = "c4nary".repeat(11);
        for value in ["'1'", "'1", " 1"] {
            let warnings = read(&format!("{long}={value}")).unwrap().warnings;
            assert_eq!(warnings.len(), 1, "{value}");
            let said = warnings.concat();
            assert!(
                said.starts_with("line 1 ") && !said.contains("c4nary"),
                "{said}"
            );
        }
    }

    #[test]
    fn a_piece_of_a_private_key_is_not_shown_as_a_key() {
        let long = "TWFu".repeat(25);
        for piece in ["9c4naryF12==", ".c4nary=", "-c4nary==", "export 9c4nary=="] {
            let warnings = read(&format!("KEY={long}\n{piece}"))
                .unwrap()
                .warnings
                .concat();
            assert!(warnings.contains("line 2"), "{piece}: {warnings}");
            assert!(!warnings.contains("c4nary"), "{piece}: {warnings}");
        }
        for text in [
            "KEY=-----BEGIN PRIVATE KEY-----\ncan/ary==\n-----END PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\nabcd\ncan/ary==\n-----END PRIVATE KEY-----",
        ] {
            let warnings = read(text).unwrap().warnings.join("\n");
            assert!(warnings.contains("may be a piece of a value"), "{warnings}");
            assert!(!warnings.contains("can/ary"), "{warnings}");
        }
    }

    #[test]
    fn a_line_of_more_than_65535_bytes_is_refused() {
        for (line, fits) in [
            (format!("A={}", "x".repeat(65_533)), true),
            (format!("A={}", "x".repeat(65_534)), false),
            (format!("A={}\r", "x".repeat(65_533)), false), // Go counts the carriage return too
            (format!("#{}", "x".repeat(65_535)), false),
        ] {
            let got = read(&format!("A=1\n{line}\n"));
            if fits {
                assert_eq!(got.unwrap().environment.len(), 1);
            } else {
                assert_eq!(got, Err(EnvironmentError::LineTooLong { line: 2 }));
            }
        }
    }

    #[test]
    fn a_hostile_file_gets_few_warnings() {
        let bad_keys = "- =1\n".repeat(1 << 17);
        let no_equals = "x\n\n".repeat(1 << 17);
        for text in [bad_keys, no_equals] {
            let warnings = read(&text).unwrap().warnings;
            assert!(warnings.len() <= 21, "{}", warnings.len());
            assert!(warnings.iter().all(|warning| warning.len() < 300));
        }
    }
}
