//! Names of variables: which there can be, and which no environment may set.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// What the S3 delivery itself is told by; no environment may set them, or `convox-env` would read another object, or with
/// another identity than the task's.
pub const RESERVED_KEYS: [&str; 6] = [
    "CONVOX_ENV_KEY",
    "CONVOX_ENV_REGION",
    "CONVOX_ENV_TEST_CREDENTIALS",
    "CONVOX_ENV_TEST_ENDPOINT",
    "CONVOX_ENV_URL",
    "CONVOX_ENV_VARS",
];

/// Where a task's own keys are, which ECS sets: a secret of that name would take them from the task, and from `convox-env`.
pub const SET_BY_ECS: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";

/// A key that breaks the rule of [`EnvKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key is a letter or `_`, then letters, digits, `_`, `.` and `-`")]
pub struct EnvKeyError;

/// The name of a variable: `[A-Za-z_][A-Za-z0-9_.-]*`. Copies share its text: each Service has one of each key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvKey(Arc<str>);

impl EnvKey {
    /// Checks `key` and keeps it.
    ///
    /// # Errors
    ///
    /// [`EnvKeyError`] when it breaks the rule.
    pub fn new(key: &str) -> Result<Self, EnvKeyError> {
        let starts_well = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let goes_on_well = key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        if starts_well && goes_on_well {
            Ok(Self(key.into()))
        } else {
            Err(EnvKeyError)
        }
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EnvKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for EnvKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}
