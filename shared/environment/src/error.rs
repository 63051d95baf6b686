//! Why an environment object cannot be read: always the user's error, never with a value in it.

use std::fmt;

use super::EnvKey;

/// Go's `bufio.Scanner` gives up on longer lines, so Convox refuses them.
pub(super) const LINE_MAX: usize = 65_535;
/// The longest key that a message repeats.
pub(super) const SHOWN_MAX: usize = 64;

/// A JSON key as a message names it.
///
/// What stands where a key belongs can be a value, or a piece of one: a file in another form, a value with a newline. So a
/// key is repeated only where it has the harmless shape of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedKey(Option<String>);

impl NamedKey {
    pub(super) fn new(key: &str) -> Self {
        Self(shown(key).map(str::to_owned))
    }
}

impl fmt::Display for NamedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(key) => write!(f, "the JSON key `{key}`"),
            None => f.write_str("a JSON key that is not shown"),
        }
    }
}

/// An environment object that cannot be read.
///
/// Lines and columns count from 1; columns count bytes. Keys are shown where they have the shape of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// A byte sequence that is no UTF-8.
    #[error("line {line} is not UTF-8, save the file as UTF-8")]
    NotUtf8 {
        /// Where.
        line: usize,
    },
    /// A NUL byte.
    #[error(
        "line {line} contains a NUL byte, which no environment variable can hold; save the file as UTF-8 text"
    )]
    NulByte {
        /// Where.
        line: usize,
    },
    /// A NUL character in a JSON string, written as an escape.
    #[error("{key} or its value contains \\u0000, which no environment variable can hold")]
    NulInJson {
        /// Where.
        key: NamedKey,
    },
    /// A line that Convox cannot read either.
    #[error(
        "line {line} is longer than {max} bytes, write the environment as a JSON object of strings instead",
        max = LINE_MAX
    )]
    LineTooLong {
        /// Where.
        line: usize,
    },
    /// A first `{`, but no JSON object after it.
    #[error(
        "line {line}, column {column} is not valid JSON, write one object of strings, \
         such as {{\"KEY\": \"value\"}}, and nothing after it"
    )]
    JsonSyntax {
        /// Where.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// A JSON key that stands there twice.
    #[error("line {line} repeats {key}, keep one of them")]
    DuplicateKey {
        /// Where it stands again.
        line: usize,
        /// The key.
        key: NamedKey,
    },
    /// A JSON value of another type.
    #[error("the value of {key} (line {line}) is not a string, put it in double quotes")]
    NotAString {
        /// Where the value starts.
        line: usize,
        /// Its key.
        key: NamedKey,
    },
    /// An object of exactly `c`, `k` and `n` that is no envelope.
    #[error(
        "`{field}` of the envelope {problem}; an object of exactly `c`, `k` and `n` \
         is read as Convox's envelope, write it again as Convox does"
    )]
    EnvelopeField {
        /// `c`, `k` or `n`.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// An envelope in an envelope.
    #[error(
        "the envelope holds another envelope, encrypt the `KEY=value` lines or the JSON object itself"
    )]
    NestedEnvelope,
    /// A decrypted data key that cannot be the envelope's.
    #[error(
        "the envelope's data key has {length} bytes instead of 32, generate it with NumberOfBytes=32"
    )]
    DataKeyLength {
        /// How many bytes KMS returned.
        length: usize,
    },
    /// The authentication tag does not match.
    #[error(
        "`c`, `k` and `n` of the envelope do not belong together, \
         it was changed after it was written; write the environment again"
    )]
    Unopenable,
}

/// `key`, where a message can repeat it: it has the shape of one and its length, with or without an `export ` before it.
pub(super) fn shown(key: &str) -> Option<&str> {
    let name = key.strip_prefix("export ").unwrap_or(key);
    let fits = key.len() <= SHOWN_MAX && EnvKey::new(name).is_ok();
    fits.then_some(key)
}
