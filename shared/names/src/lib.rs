//! The names of things, checked once and built in one place.
//!
//! Nothing else in the workspace spells an ECS family, an EventBridge rule, a secret or an object key.

mod app_id;
pub mod arn_pattern;
pub mod bounds;
pub mod environment_file;
pub mod error_chain;
pub mod error_type;
pub mod image_reference;
pub mod json_error;
pub mod keys;
mod secret_arn;
pub mod secret_reference;

pub use app_id::{AppId, LENT_TO};
pub use secret_arn::{SecretArn, VersionPart, short_label};

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// ECS refuses longer families and service names (API reference, `RegisterTaskDefinition`).
const ECS_NAME_MAX: usize = 255;

/// A name that breaks its rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {kind} name `{name}` is not valid: {rule}")]
pub struct NameError {
    kind: &'static str,
    name: String,
    rule: &'static str,
}

impl NameError {
    fn new(kind: &'static str, name: &str, rule: &'static str) -> Self {
        // A name can arrive from outside, so only a printable piece of it is repeated.
        let name = name.chars().filter(|c| !c.is_control()).take(80).collect();
        Self { kind, name, rule }
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $kind:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Checks `name` and keeps it.
            ///
            /// # Errors
            ///
            /// [`NameError`] when it breaks the rule that the type's documentation states.
            pub fn new(name: &str) -> Result<Self, NameError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(name) {
                    Ok(Self(name.to_owned()))
                } else {
                    Err(NameError::new($kind, name, $rule))
                }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;

            fn try_from(name: String) -> Result<Self, NameError> {
                Self::new(&name)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }
    };
}

name!(
    /// A Rack: `^[a-z](-?[a-z0-9])*$`, at most 24 characters. CloudFormation names databases after their stack: it drops the second
    /// of two hyphens and cuts long names, and the role that makes them allows `{rack}-*` only (`IdentifierUtils` of
    /// `aws-cloudformation/cloudformation-cli-java-plugin`).
    RackName, "Rack",
    "use a-z, 0-9 and single hyphens, start with a letter, end with none of them, at most 24 \
     characters",
    |name| is_dashed(name, 24) && !name.contains("--") && !name.ends_with('-')
);
name!(
    /// An App: `^[a-z][a-z0-9-]{0,62}$`.
    AppName, "App", "use a-z, 0-9 and -, start with a letter, at most 63 characters",
    |name| is_dashed(name, 63)
);
name!(
    /// A Release: `^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`.
    ReleaseId, "Release",
    "use A-Z, a-z, 0-9, _ and -, start with a letter or digit, at most 64 characters",
    |name| name.starts_with(|c: char| c.is_ascii_alphanumeric()) && is_ecs_name(name, 64)
);
name!(
    /// A Service of convox.yml: `^[a-z][a-z0-9-]*$` (`convox/rack:pkg/manifest/validate.go`).
    ServiceName, "Service", "use a-z, 0-9 and -, start with a letter",
    |name| is_dashed(name, ECS_NAME_MAX)
);
name!(
    /// A Timer of convox.yml. Convox checks nothing here; a container of that name must be possible.
    TimerName, "Timer", "use A-Z, a-z, 0-9, _ and -",
    |name| is_ecs_name(name, ECS_NAME_MAX)
);

fn is_dashed(name: &str, max: usize) -> bool {
    name.len() <= max
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_ecs_name(name: &str, max: usize) -> bool {
    (1..=max).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

impl RackName {
    /// The CloudWatch Logs group of the Rack's containers; the template creates it.
    #[must_use]
    pub fn log_group(&self) -> String {
        format!("/convox/{self}")
    }
}

/// The first eight hexadecimal digits of a SHA-256.
#[must_use]
pub fn hash8(text: &str) -> String {
    hex(Sha256::digest(text)).chars().take(8).collect()
}

/// Lower-case hexadecimal digits of `bytes`.
#[must_use]
pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    use fmt::Write as _;
    bytes.as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing to a String cannot fail
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_rules() {
        for (name, rack, app, release) in [
            ("a", true, true, true),
            ("a-1", true, true, true),
            ("1a", false, false, true),
            ("A", false, false, true),
            ("a_b", false, false, true),
            ("-a", false, false, false),
            ("", false, false, false),
            ("a/b", false, false, false),
            ("ä", false, false, false),
            ("a--b", false, true, true),
            ("a-", false, true, true),
            (&"a".repeat(24), true, true, true),
            (&"a".repeat(25), false, true, true),
            (&"a".repeat(63), false, true, true),
            (&"a".repeat(64), false, false, true),
            (&"a".repeat(65), false, false, false),
        ] {
            assert_eq!(RackName::new(name).is_ok(), rack, "Rack {name}");
            assert_eq!(AppName::new(name).is_ok(), app, "App {name}");
            assert_eq!(ReleaseId::new(name).is_ok(), release, "Release {name}");
        }
    }
}
