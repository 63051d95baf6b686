//! Variables as people keep them in files: `.env`, which `env edit` shows too.
//!
//! A value without quotes ends with its line, or with a blank and `#`. One in single quotes is what stands between them, one
//! in double quotes knows `\n`, `\r`, `\t`, `\\`, `\"` and `\$`; both may have several lines. No value is ever in an error.

use std::iter::Peekable;
use std::str::Chars;

use environment::{EnvKey, EnvValue, Environment};
use zeroize::Zeroizing;

/// What is wrong with a file of variables. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DotenvError {
    /// A line is no variable.
    #[error("line {line} is no `KEY=value`")]
    NoPair {
        /// The line.
        line: usize,
    },
    /// What stands before the `=` is no key.
    #[error(
        "line {line}: what stands before the `=` is no key; a key is a letter or `_`, then letters, digits, `_`, `.` and `-`"
    )]
    NoKey {
        /// The line.
        line: usize,
    },
    /// A quote is not closed.
    #[error("the quote that opens in line {line} is not closed")]
    Unclosed {
        /// The line.
        line: usize,
    },
    /// Something stands behind a value in quotes.
    #[error("line {line}: something stands behind the closing quote")]
    BehindQuote {
        /// The line.
        line: usize,
    },
}

/// Reads variables; of equal keys the last counts.
///
/// # Errors
///
/// [`DotenvError`], naming the line.
pub fn read(text: &str) -> Result<Environment, DotenvError> {
    let mut reader = Reader {
        text: text
            .strip_prefix('\u{feff}')
            .unwrap_or(text)
            .chars()
            .peekable(),
        line: 1,
    };
    let mut pairs = Vec::new();
    while reader.skip_blank_lines() {
        pairs.push(reader.pair()?);
    }
    Ok(pairs.into_iter().collect())
}

/// Writes variables so that [`read`] gives the same.
#[must_use]
pub fn write(environment: &Environment) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    for (key, value) in environment.iter() {
        text.push_str(key.as_str());
        text.push('=');
        push_value(&mut text, value.expose());
        text.push('\n');
    }
    text
}

fn push_value(text: &mut String, value: &str) {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"'\"#\\$`".contains(c);
    if value.chars().all(plain) {
        text.push_str(value);
        return;
    }
    text.push('"');
    for c in value.chars() {
        match c {
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\\' | '"' | '$' => text.extend(['\\', c]),
            c => text.push(c),
        }
    }
    text.push('"');
}

struct Reader<'t> {
    text: Peekable<Chars<'t>>,
    line: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.text.next();
        self.line += usize::from(next == Some('\n'));
        next
    }

    fn next_if(&mut self, wanted: impl Fn(char) -> bool) -> Option<char> {
        let fits = self.text.peek().is_some_and(|c| wanted(*c));
        if fits { self.next() } else { None }
    }

    fn skip(&mut self, wanted: impl Fn(char) -> bool) {
        while self.next_if(&wanted).is_some() {}
    }

    /// Whether a line with something to read follows.
    fn skip_blank_lines(&mut self) -> bool {
        loop {
            self.skip(char::is_whitespace);
            match self.text.peek() {
                None => return false,
                Some('#') => self.skip(|c| c != '\n'),
                Some(_) => return true,
            }
        }
    }

    fn pair(&mut self) -> Result<(EnvKey, EnvValue), DotenvError> {
        let line = self.line;
        let mut key = String::new();
        while let Some(c) = self.next_if(|c| c != '=' && c != '\n') {
            key.push(c);
        }
        if self.next_if(|c| c == '=').is_none() {
            return Err(DotenvError::NoPair { line });
        }
        let key = key.trim();
        let key = key.strip_prefix("export ").map_or(key, str::trim_start);
        let key = EnvKey::new(key).map_err(|_| DotenvError::NoKey { line })?;
        self.skip(is_blank);
        let value = match self.next_if(|c| c == '\'' || c == '"') {
            Some(quote) => self.quoted(quote, line)?,
            None => self.unquoted(),
        };
        Ok((key, EnvValue::from(value)))
    }

    fn quoted(&mut self, quote: char, line: usize) -> Result<String, DotenvError> {
        let mut value = String::new();
        loop {
            match self.next() {
                None => return Err(DotenvError::Unclosed { line }),
                Some(c) if c == quote => break,
                Some('\\') if quote == '"' => match self.next() {
                    Some('n') => value.push('\n'),
                    Some('r') => value.push('\r'),
                    Some('t') => value.push('\t'),
                    Some(c @ ('\\' | '"' | '$')) => value.push(c),
                    Some(c) => value.extend(['\\', c]),
                    None => return Err(DotenvError::Unclosed { line }),
                },
                Some(c) => value.push(c),
            }
        }
        let end = self.line;
        self.skip(is_blank);
        match self.text.peek() {
            None | Some('\n' | '\r') => Ok(value),
            Some('#') => {
                self.skip(|c| c != '\n');
                Ok(value)
            }
            Some(_) => Err(DotenvError::BehindQuote { line: end }),
        }
    }

    fn unquoted(&mut self) -> String {
        let mut value = String::new();
        while let Some(c) = self.next_if(|c| c != '\n') {
            if c == '#' && (value.is_empty() || value.ends_with(is_blank)) {
                self.skip(|c| c != '\n');
                break;
            }
            value.push(c);
        }
        let kept = value.trim_end_matches(|c| is_blank(c) || c == '\r').len();
        value.truncate(kept);
        value
    }
}

fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let read = read(text).unwrap();
        let pairs = read.iter();
        pairs
            .map(|(key, value)| (key.to_string(), value.expose().to_owned()))
            .collect()
    }

    #[test]
    fn files_of_others_are_read_as_their_tools_read_them() {
        for (text, want) in [
            ("A=1\nB=2", vec![("A", "1"), ("B", "2")]),
            (
                "\u{feff}# a comment\n\n  export A = 1  # and another\r\n",
                vec![("A", "1")],
            ),
            ("A=one#two", vec![("A", "one#two")]),
            ("A=\nB=#x", vec![("A", ""), ("B", "")]),
            (
                "A='$x \\n #'\nB=\"\\$x\\n\\\"\\q\"",
                vec![("A", "$x \\n #"), ("B", "$x\n\"\\q")],
            ),
            (
                "A=\"first\nsecond\" # here\nB=1",
                vec![("A", "first\nsecond"), ("B", "1")],
            ),
            ("A=a=b==\nA=2", vec![("A", "2")]),
        ] {
            let want: Vec<(String, String)> = want
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect();
            assert_eq!(pairs(text), want, "{text:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_by_line_without_a_value() {
        for (text, want) in [
            ("A=1\ncanary", DotenvError::NoPair { line: 2 }),
            ("1canary=2", DotenvError::NoKey { line: 1 }),
            ("A=1\nB=\"canary\n", DotenvError::Unclosed { line: 2 }),
            ("A='1\n2'canary", DotenvError::BehindQuote { line: 2 }),
        ] {
            let error = read(text).unwrap_err();
            assert!(!error.to_string().contains("canary"), "{error}");
            assert_eq!(error, want, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(pairs in proptest::collection::btree_map("[A-Za-z_][A-Za-z0-9_.-]{0,8}", "\\PC*|[ \t\r\n\"'\\\\#$=a]*", 0..6)) {
            let environment: Environment = pairs.iter()
                .map(|(key, value)| (EnvKey::new(key).unwrap(), EnvValue::from(value.clone())))
                .collect();
            prop_assert_eq!(read(&write(&environment)).unwrap(), environment);
        }

        #[test]
        fn any_text_ends_in_variables_or_in_an_error(text in "[A=\"'\\\\#\n\r \t$x]*|\\PC*") {
            let _ = read(&text);
        }
    }
}
