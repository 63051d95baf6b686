//! The ARN of a secret, and the references by which ECS reads it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A full Secrets Manager ARN, as Secrets Manager returned it; never a built one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretArn(String);

impl SecretArn {
    /// Keeps the ARN that Secrets Manager answered.
    #[must_use]
    pub fn returned(arn: impl Into<String>) -> Self {
        Self(arn.into())
    }

    /// The ARN that the secret called `name` will have in the account and region of the ARN `beside`, with `??????` for the six
    /// characters that Secrets Manager chooses when it creates it (API reference, `CreateSecret`, `ARN`).
    #[must_use]
    pub fn uncreated(name: &str, beside: &str) -> Self {
        let mut parts = beside.split(':').skip(1);
        let mut part = || parts.next().unwrap_or_default();
        let (partition, _, region, account) = (part(), part(), part(), part());
        Self(format!(
            "arn:{partition}:secretsmanager:{region}:{account}:secret:{name}-??????"
        ))
    }

    /// The ARN as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an ECS reference, `{arn}` alone or with a JSON key, stage or version, reads this secret. Secrets Manager also
    /// takes an ARN without the hyphen and the six characters that it ends in (API reference, `GetSecretValue`, `SecretId`).
    #[must_use]
    pub fn is_named_by(&self, value_from: &str) -> bool {
        let is_rest = |rest: &str| rest.is_empty() || rest.starts_with(':');
        let partial = self.0.rsplit_once('-').map(|(partial, _)| partial);
        let mut forms = [Some(self.as_str()), partial].into_iter().flatten();
        forms.any(|arn| value_from.strip_prefix(arn).is_some_and(is_rest))
    }

    /// What ECS reads one JSON key of the secret's current version by: `{arn}:{json_key}::`.
    ///
    /// All colons must be there (ECS developer guide, "Pass Secrets Manager secrets through environment variables").
    #[must_use]
    pub fn value_from(&self, json_key: &str) -> String {
        [&self.0, ":", json_key, "::"].concat()
    }

    /// Writes what ECS reads one JSON key of the secret by after what stands in `to`: `{arn}:{json_key}:{label}:{version id}`.
    pub fn write_reference(&self, json_key: &str, version: &VersionPart, to: &mut String) {
        let (label, version_id) = match version {
            VersionPart::Current => ("", ""),
            VersionPart::Id(version_id) => ("", version_id.as_str()),
            VersionPart::ShortLabel(version_id) => (short_label(version_id), ""),
        };
        for part in [&self.0, ":", json_key, ":", label, ":", version_id] {
            to.push_str(part);
        }
    }

    /// The version that an ECS reference to this secret names, by its id or by its short label, with which the id begins; `None`
    /// where it names none, or another secret.
    #[must_use]
    pub fn version_in<'a>(&self, value_from: &'a str) -> Option<&'a str> {
        let (_, label, version_id) = self.parts(value_from)?;
        let named = if version_id.is_empty() {
            label
        } else {
            version_id
        };
        (!named.is_empty()).then_some(named)
    }

    /// JSON key, label and version id of an ECS reference to this secret; no key of ours has a colon.
    fn parts<'a>(&self, value_from: &'a str) -> Option<(&'a str, &'a str, &'a str)> {
        let rest = value_from.strip_prefix(self.as_str())?;
        let mut parts = rest.strip_prefix(':')?.split(':');
        let parts = (parts.next()?, parts.next()?, parts.next()?, parts.next());
        match parts {
            (key, label, version_id, None) => Some((key, label, version_id)),
            _ => None,
        }
    }
}

/// How an ECS reference names the version of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionPart {
    /// It names none: what is current when a task starts is read.
    Current,
    /// The version's id.
    Id(String),
    /// The short label of the version with this id, which takes fewer bytes.
    ShortLabel(String),
}

/// Characters of a version's short label.
const SHORT_LABEL: usize = 10;

/// The staging label by which a task definition names a version of the secret that it has no room to name by id: the id's first
/// characters. ECS splits a reference at colons, so it has none.
#[must_use]
pub fn short_label(version_id: &str) -> &str {
    version_id.get(..SHORT_LABEL).unwrap_or(version_id)
}

impl fmt::Display for SecretArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_named_by_its_arn_whole_or_without_its_last_seven_characters() {
        let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:r/shop";
        let secret = SecretArn::returned(format!("{arn}-AbCdEf"));
        for (reference, want) in [
            (format!("{arn}-AbCdEf"), true),
            (format!("{arn}-AbCdEf:KEY::"), true),
            (format!("{arn}-AbCdEf:KEY:a1b2c3d4e5:"), true),
            (
                format!("{arn}-AbCdEf:KEY::{}", "0123456789abcdef".repeat(2)),
                true,
            ),
            (arn.to_owned(), true),
            (format!("{arn}:KEY::"), true),
            (format!("{arn}-AbCdEg:KEY::"), false),
            (format!("{arn}-AbCdEg:KEY:a1b2c3d4e5:"), false),
            (format!("{arn}-admin:KEY::"), false),
            (format!("{arn}2-AbCdEf"), false),
        ] {
            assert_eq!(secret.is_named_by(&reference), want, "{reference}");
        }
    }
}
