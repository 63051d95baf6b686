//! Form 2: one JSON object of strings, read and written.
//!
//! The parser's own messages can quote a value, so they are never shown: only its positions are used.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde::Serializer;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use zeroize::Zeroizing;

use super::error::NamedKey;
use super::{EnvValue, EnvironmentError};

/// The members of an object, by key.
pub(super) type Members = BTreeMap<String, Member>;

/// One member of an object.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// Which one it is, from 1: what a message can say of it where its key cannot be shown.
    pub number: usize,
    pub value: EnvValue,
}

/// Reads `text`, which is one object of strings with distinct keys and nothing after it.
pub(super) fn members(text: &str) -> Result<Members, EnvironmentError> {
    let mut reader = Reader::default();
    let mut json = serde_json::Deserializer::from_str(text);
    match (&mut reader)
        .deserialize(&mut json)
        .and_then(|()| json.end())
    {
        Ok(()) => Ok(reader.members),
        Err(err) => Err(reader.explain(&err)),
    }
}

/// Reads an object member by member and remembers where it stopped.
#[derive(Default)]
struct Reader {
    members: Members,
    /// The key whose value is being read.
    key: Option<String>,
    duplicate: Option<String>,
}

impl Reader {
    fn explain(&self, err: &serde_json::Error) -> EnvironmentError {
        let line = err.line();
        match (&self.duplicate, &self.key) {
            (Some(key), _) => EnvironmentError::DuplicateKey {
                line,
                key: NamedKey::new(key),
            },
            (None, Some(key)) if err.is_data() => EnvironmentError::NotAString {
                line,
                key: NamedKey::new(key),
            },
            _ => EnvironmentError::JsonSyntax {
                line,
                column: err.column().max(1), // 0 at a line break
            },
        }
    }
}

impl<'de> DeserializeSeed<'de> for &mut Reader {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Reader {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if self.members.contains_key(&key) {
                self.duplicate = Some(key);
                return Err(A::Error::custom("duplicate key"));
            }
            self.key = Some(key);
            let member = Member {
                number: self.members.len() + 1,
                value: EnvValue::from(map.next_value::<String>()?),
            };
            if let Some(key) = self.key.take() {
                self.members.insert(key, member);
            }
        }
        Ok(())
    }
}

/// Writes a compact object of strings, in the order of `members`.
pub(super) fn object<'a>(
    members: impl Iterator<Item = (&'a str, &'a str)> + Clone,
) -> Zeroizing<String> {
    // Room for all of it, with six bytes for what is escaped: growing would leave copies behind.
    let is_escaped = |byte: &u8| *byte < b' ' || matches!(byte, b'"' | b'\\');
    let size = |text: &str| text.len() + 5 * text.bytes().filter(is_escaped).count();
    let marks = r#""":"","#.len();
    let sizes = members.clone();
    let sizes = sizes.map(|(key, value)| marks + size(key) + size(value));
    let mut json = Vec::with_capacity(2 + sizes.sum::<usize>());
    let written = serde_json::to_writer(&mut json, &Object(members));
    let text = written.map(|()| String::from_utf8(json).unwrap_or_default());
    Zeroizing::new(text.unwrap_or_default()) // strings only: cannot fail
}

/// A JSON object of these members.
struct Object<I>(I);

impl<'a, I: Iterator<Item = (&'a str, &'a str)> + Clone> Serialize for Object<I> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use EnvironmentError::{DuplicateKey, JsonSyntax, NotAString};

    #[test]
    fn an_object_of_strings_is_read() {
        for (text, want) in [
            ("{}", vec![]),
            (" \r\n\t{\"A\": \"1\"} \n", vec![("A", "1")]),
            (r#"{"B":"1","A":""}"#, vec![("A", ""), ("B", "1")]),
            (r#"{"A":"a\nb\u00e4\ud83e\udd80"}"#, vec![("A", "a\nbä🦀")]),
        ] {
            let members = members(text).unwrap();
            let got: Vec<_> = members
                .iter()
                .map(|(key, member)| (key.as_str(), member.value.expose()))
                .collect();
            assert_eq!(got, want, "{text}");
        }
    }

    #[test]
    fn where_a_value_stands_for_a_key_it_is_not_repeated() {
        for text in [
            r#"{"postgres://app:c4nary@db": 1}"#,
            r#"{"PW=c4nary": "a", "PW=c4nary": "b"}"#,
            r#"{"PW=c4nary": "\u0000"}"#,
        ] {
            let Err(err) = crate::read(text.as_bytes()) else {
                panic!("{text} is read");
            };
            let said = err.to_string();
            assert!(said.contains("that is not shown"), "{text}: {said}");
            assert!(!said.contains("c4nary"), "{text}: {said}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_its_place() {
        let not_a_string = |line| NotAString {
            line,
            key: NamedKey::new("A"),
        };
        let duplicate = |line| DuplicateKey {
            line,
            key: NamedKey::new("A"),
        };
        let syntax = |line, column| JsonSyntax { line, column };
        for (text, want) in [
            ("{", syntax(1, 1)),
            ("{\"A\": \"1\",\n}", syntax(2, 1)),
            ("{\"A\": \"1\"\n\"B\": \"2\"}", syntax(2, 1)),
            ("{\"A\": \"1\"}\n\nx", syntax(3, 1)),
            ("{\"A\": \"1\"}{}", syntax(1, 11)),
            ("{\"A\": 'x'}", syntax(1, 7)),
            ("{\"A\": \"a\nb\"}", syntax(2, 1)),
            ("{\"A\": \"\\ud800\"}", syntax(1, 14)),
            ("{1: \"1\"}", syntax(1, 2)),
            ("{\"A\": 1}", not_a_string(1)),
            ("{\n\"A\":\n 1.5}", not_a_string(3)),
            ("{\"A\": true}", not_a_string(1)),
            ("{\"A\": null}", not_a_string(1)),
            ("{\"A\": {}}", not_a_string(1)),
            ("{\"A\": [[[[[[", not_a_string(1)),
            ("{\"A\": \"1\", \"A\": \"1\"}", duplicate(1)),
            ("{\"A\": \"1\",\n \"\\u0041\": \"2\"}", duplicate(2)),
            ("{\"A\": \"1\", \"A\": 2}", duplicate(1)),
        ] {
            assert_eq!(members(text), Err(want), "{text}");
        }
    }
}
