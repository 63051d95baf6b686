//! Why an environment object cannot be read: always the user's error, never with a value in it.

/// An environment object that cannot be read.
///
/// Lines and columns count from 1; columns count bytes. Keys are cut to a printable piece.
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
    #[error(
        "the JSON key `{key}` or its value contains \\u0000, which no environment variable can hold"
    )]
    NulInJson {
        /// Where.
        key: String,
    },
    /// A line that Convox cannot read either.
    #[error(
        "line {line} is longer than {max} bytes, write the environment as a JSON object of strings instead",
        max = super::lines::LINE_MAX
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
    #[error("line {line} repeats the JSON key `{key}`, keep one of them")]
    DuplicateKey {
        /// Where it stands again.
        line: usize,
        /// The key.
        key: String,
    },
    /// A JSON value of another type.
    #[error(
        "the value of the JSON key `{key}` (line {line}) is not a string, put it in double quotes"
    )]
    NotAString {
        /// Where the value starts.
        line: usize,
        /// Its key.
        key: String,
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

/// A piece of `key` that can be shown: without control characters, at most 32 characters.
pub(super) fn shown(key: &str) -> String {
    key.chars().filter(|c| !c.is_control()).take(32).collect()
}
