//! `${NAME}`: found in the text before YAML is parsed, given its value after.
//!
//! In between stands a token of private-use characters, as long as the text it replaces, so that positions stay
//! right and no value can become structure. Convox puts values into the raw text instead
//! (`convox/rack:pkg/manifest/interpolate.go`); what a name is, anything up to the next `}`, is its rule.

use std::collections::{BTreeMap, BTreeSet};

use environment::{EnvKey, Environment};

/// A token starts with one character of plane 15, which is the index of its name ...
const FIRST: u32 = 0xF_0000;
const LAST: u32 = 0xF_FFFD;
/// ... and goes on with this one.
const PAD: char = '\u{E000}';
/// `${` and `}`, without the character that is the index.
const PADS_BEYOND_NAME: usize = 2;

/// Why a text cannot be given tokens.
#[derive(Debug, PartialEq, Eq)]
pub enum TokenError {
    /// It holds a character that tokens are made of.
    Reserved {
        /// The character.
        character: char,
        /// Its line, from 1.
        line: usize,
        /// Its column, from 1.
        column: usize,
    },
    /// It names more variables than there are tokens.
    TooManyNames {
        /// So many are allowed.
        max: u32,
    },
}

/// The names that a document interpolates.
pub struct Names<'a> {
    names: Vec<&'a str>,
    /// Lines of the tokenized text whose names hold line breaks, and how many those are up to there.
    swallowed: Vec<(usize, usize)>,
}

enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

/// Replaces each `${NAME}` of `source` by its token.
pub fn tokenize(source: &str) -> Result<(String, Names<'_>), TokenError> {
    refuse_reserved(source)?;
    let mut text = String::with_capacity(source.len());
    let mut indexes: BTreeMap<&str, char> = BTreeMap::new();
    let mut names = Names {
        names: Vec::new(),
        swallowed: Vec::new(),
    };
    let (mut rest, mut line) = (source, 1);
    while let Some((before, name, after)) = next_interpolation(rest) {
        let index = match indexes.get(name) {
            Some(index) => *index,
            None => names.add(name)?,
        };
        indexes.insert(name, index);
        line += line_breaks(before);
        if line_breaks(name) > 0 {
            let before = names.swallowed.last().map_or(0, |(_, count)| *count);
            names.swallowed.push((line, before + line_breaks(name)));
        }
        text.push_str(before);
        text.push(index);
        text.extend(std::iter::repeat_n(
            PAD,
            name.chars().count() + PADS_BEYOND_NAME,
        ));
        rest = after;
    }
    text.push_str(rest);
    Ok((text, names))
}

fn next_interpolation(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("${")?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

fn line_breaks(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

fn refuse_reserved(source: &str) -> Result<(), TokenError> {
    let is_reserved = |c: char| c == PAD || (FIRST..=LAST).contains(&u32::from(c));
    let Some((before, _)) = source.split_once(is_reserved) else {
        return Ok(());
    };
    let character = source.chars().find(|c| is_reserved(*c)).unwrap_or(PAD);
    let column = before
        .rsplit('\n')
        .next()
        .map_or(0, |line| line.chars().count())
        + 1;
    let line = line_breaks(before) + 1;
    Err(TokenError::Reserved {
        character,
        line,
        column,
    })
}

impl<'a> Names<'a> {
    fn add(&mut self, name: &'a str) -> Result<char, TokenError> {
        let index = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let token = FIRST.checked_add(index).filter(|token| *token <= LAST);
        let too_many = TokenError::TooManyNames {
            max: LAST - FIRST + 1,
        };
        let token = token.and_then(char::from_u32).ok_or(too_many)?;
        self.names.push(name);
        Ok(token)
    }

    /// The line of the source that a line of the tokenized text was.
    pub fn source_line(&self, line: usize) -> usize {
        let before = self.swallowed.partition_point(|(at, _)| *at < line);
        let last = before
            .checked_sub(1)
            .and_then(|index| self.swallowed.get(index));
        line + last.map_or(0, |(_, count)| *count)
    }

    /// Whether `text` holds a token.
    pub fn is_in(&self, text: &str) -> bool {
        self.pieces(text)
            .any(|piece| matches!(piece, Piece::Name(_)))
    }

    /// `text` as it was written, with `${NAME}`: fit for messages.
    pub fn show(&self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        for piece in self.pieces(text) {
            match piece {
                Piece::Text(text) => shown.push_str(text),
                Piece::Name(name) => shown.extend(["${", name, "}"]),
            }
        }
        shown
    }

    /// `text` with values, nothing for a name that has none; `used` collects the names that have one.
    pub fn resolve(
        &self,
        text: &str,
        environment: &Environment,
        used: &mut BTreeSet<String>,
    ) -> String {
        let mut resolved = String::with_capacity(text.len());
        for piece in self.pieces(text) {
            match piece {
                Piece::Text(text) => resolved.push_str(text),
                Piece::Name(name) => {
                    if let Some(value) = environment.get(name) {
                        used.insert(name.to_owned());
                        resolved.push_str(value.expose());
                    }
                }
            }
        }
        resolved
    }

    /// What `text` asks for that no environment can give: a default as shells have them, blanks, nothing at all. Nothing is
    /// repeated of a default, it may be a secret.
    pub fn never_set(&self, text: &str, environment: &Environment) -> impl Iterator<Item = String> {
        let names = self.pieces(text).filter_map(|piece| match piece {
            Piece::Name(name) => never_set(name, environment),
            Piece::Text(_) => None,
        });
        names.collect::<Vec<_>>().into_iter()
    }

    /// How long the values in `text` are.
    pub fn value_bytes(&self, text: &str, environment: &Environment) -> usize {
        let values = self.pieces(text).map(|piece| match piece {
            Piece::Text(_) => 0,
            Piece::Name(name) => environment
                .get(name)
                .map_or(0, |value| value.expose().len()),
        });
        values.sum()
    }

    fn pieces<'t>(&'t self, text: &'t str) -> impl Iterator<Item = Piece<'t>> {
        let mut rest = text;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            if let Some((name, after)) = self.leading_token(rest) {
                rest = after;
                return Some(Piece::Name(name));
            }
            // A double-quoted escape can spell an index without its pads: that is text.
            let is_index =
                |(at, c): &(usize, char)| *at > 0 && (FIRST..=LAST).contains(&u32::from(*c));
            let end = rest
                .char_indices()
                .find(is_index)
                .map_or(rest.len(), |(at, _)| at);
            let (text, after) = rest.split_at_checked(end)?;
            rest = after;
            Some(Piece::Text(text))
        })
    }

    fn leading_token<'t>(&'t self, text: &'t str) -> Option<(&'t str, &'t str)> {
        let index = u32::from(text.chars().next()?).checked_sub(FIRST)?;
        let name = *self.names.get(usize::try_from(index).ok()?)?;
        let mut chars = text.chars();
        chars.next();
        let pads = name.chars().count() + PADS_BEYOND_NAME;
        let complete = chars.by_ref().take(pads).filter(|c| *c == PAD).count() == pads;
        complete.then_some((name, chars.as_str()))
    }
}

/// Why `name` is never set, and what to write.
fn never_set(name: &str, environment: &Environment) -> Option<String> {
    if environment.contains_key(name) {
        return None;
    }
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let trimmed = name.trim();
    let rest = trimmed.trim_start_matches(is_letter);
    let known = trimmed.strip_suffix(rest).unwrap_or_default();
    let is_name = EnvKey::new(known).is_ok();
    // `A.B` and `A-B` are names too; a `-` that is not set is more often the start of a default.
    let message = match rest.chars().next() {
        _ if trimmed.is_empty() => {
            "`${}` names no variable, so nothing is put in: write `${NAME}`".to_owned()
        }
        None if is_name && trimmed == name => return None,
        None if is_name => format!(
            "a `${{…}}` with blanks around `{known}` names no variable, so nothing is put in: \
             write `${{{known}}}`"
        ),
        Some('.') if EnvKey::new(name).is_ok() => return None,
        Some(':' | '-' | '?' | '+' | '=') if is_name => format!(
            "`${{{known}…}}` names no variable, since Convox knows no defaults there, so nothing \
             is put in: write `${{{known}}}` and set `{known}` in the App's environment, or write \
             the value itself; a default of the container's variable is `environment: \
             [{known}=…]`"
        ),
        _ => "a `${…}` holds what can be no variable's name, so nothing is put in: write `${NAME}`"
            .to_owned(),
    };
    Some(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::environment;

    #[test]
    fn a_name_is_anything_up_to_the_next_brace() {
        let environment = environment("A=1\nB=two\n");
        for (source, want, used) in [
            ("${A}", "1", "A"),
            ("x${A}${B}y", "x1twoy", "A B"),
            ("$A $${A} ${", "$A $1 ${", "A"),
            ("${} ${ A } ${A:-x} ${A${B}}", "   }", ""),
            ("${a\nb}${NOT_SET}", "", ""),
        ] {
            let (text, names) = tokenize(source).unwrap();
            let mut got = BTreeSet::new();
            assert_eq!(
                names.resolve(&text, &environment, &mut got),
                want,
                "{source}"
            );
            assert_eq!(Vec::from_iter(got).join(" "), used, "{source}");
            assert_eq!(names.show(&text), source);
            assert_eq!(text.chars().count(), source.chars().count(), "{source}");
        }
    }

    #[test]
    fn what_can_be_no_variable_is_named_with_the_way_out_and_without_its_default() {
        let environment = environment("A=1\nA-B=1\n");
        for (source, want) in [
            ("${A}", ""),
            ("${NOT_SET}", ""),
            ("${A.B}", ""),
            ("${A-B}", ""),
            ("${PORT:-sesame}", "`${PORT…}` names no variable"),
            ("${PORT-sesame}", "write `${PORT}` and set `PORT`"),
            ("${PORT:?sesame}", "`environment: [PORT=…]`"),
            ("${PORT:=sesame}", "`${PORT…}`"),
            ("${PORT:+sesame}", "`${PORT…}`"),
            ("${}", "`${}` names no variable"),
            ("${ }", "`${}` names no variable"),
            ("${ PORT }", "write `${PORT}`"),
            ("${a b}", "holds what can be no variable's name"),
            ("${1:-sesame}", "holds what can be no variable's name"),
            ("${A${B}", "holds what can be no variable's name"),
            ("${{ sesame }}", "holds what can be no variable's name"),
        ] {
            let (text, names) = tokenize(source).unwrap();
            let got = names.never_set(&text, &environment).collect::<String>();
            assert!(got.contains(want), "{source}: {got}");
            assert_eq!(got.is_empty(), want.is_empty(), "{source}: {got}");
            assert!(!got.contains("sesame"), "{source}: {got}");
        }
    }

    #[test]
    fn lines_after_a_name_with_line_breaks_are_found_again() {
        let (_, names) = tokenize("a\n${b\nc}d${\n}\ne").unwrap();
        assert_eq!([1, 2, 3].map(|line| names.source_line(line)), [1, 2, 5]);
    }

    #[test]
    fn the_characters_of_tokens_are_refused_with_their_place() {
        for character in [PAD, '\u{F0000}', '\u{FFFFD}'] {
            let error = tokenize(&format!("a\nbä{character}")).err();
            assert_eq!(
                error,
                Some(TokenError::Reserved {
                    character,
                    line: 2,
                    column: 3
                })
            );
        }
        assert!(tokenize("\u{E001} \u{100000}").is_ok());
    }

    #[test]
    fn half_a_token_is_text() {
        let (_, names) = tokenize("${A}").unwrap();
        for text in [
            "\u{F0000}",
            "\u{F0000}\u{E000}",
            "\u{F0001}\u{E000}\u{E000}\u{E000}",
            "\u{E000}",
        ] {
            assert!(!names.is_in(text));
            assert_eq!(names.show(text), text);
        }
        assert!(names.is_in("x\u{F0000}\u{E000}\u{E000}\u{E000}"));
    }
}
