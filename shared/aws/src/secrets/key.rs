//! The key that a secret is encrypted with, and how it comes to be the Rack's.

use super::{AppSecret, SecretError, failed};
use crate::call_error::CallError;
use names::SecretArn;

/// Secrets Manager's name for its own key of the account (API reference, `UpdateSecret`, `KmsKeyId`).
const ACCOUNTS_OWN: &str = "alias/aws/secretsmanager";

/// The key of a secret, as Secrets Manager names it; `None` is the account's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(Option<String>);

impl Key {
    /// The account's own key has no name in the answer (API reference, `DescribeSecret`, `KmsKeyId`), or its alias.
    pub(super) fn seen(named: Option<&str>) -> Self {
        let customers = named.filter(|named| !named.is_empty() && !named.ends_with(ACCOUNTS_OWN));
        Self(customers.map(str::to_owned))
    }

    /// Whether it is `wanted`, a key's ARN: what is seen may be the key's id alone.
    pub(super) fn is(&self, wanted: Option<&str>) -> bool {
        let id = |key: &str| key.rsplit('/').next().map(str::to_owned);
        match (&self.0, wanted) {
            (None, None) => true,
            (Some(seen), Some(wanted)) => !seen.contains("alias/") && id(seen) == id(wanted),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

/// The key of a secret could not be changed.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "the secret `{name}` is encrypted with {old} and could not be encrypted with {new}, as the Rack's SecretKeyArn \
     wants; where the former key is refused, name it in the Rack's FormerSecretKeyArn until every App is promoted, \
     then promote again"
)]
pub struct KeyStays {
    name: String,
    old: String,
    new: String,
    /// What Secrets Manager, or KMS through it, said.
    pub(super) source: CallError,
}

impl AppSecret<'_> {
    /// Encrypts the secret with the Rack's key, where it is encrypted with `other_key`: the versions with a label of AWS's, and
    /// all that follow. What only its own label keeps stays under the other key (API reference, `UpdateSecret`, `KmsKeyId`).
    pub(super) async fn encrypt_anew(
        &self,
        arn: &SecretArn,
        other_key: Option<&Key>,
    ) -> Result<(), SecretError> {
        let Some(key) = other_key else {
            return Ok(());
        };
        let wanted = self.secrets.key_arn.as_deref().unwrap_or(ACCOUNTS_OWN);
        let request = self.client().update_secret().secret_id(arn.as_str());
        match request.kms_key_id(wanted).send().await {
            Ok(_) => Ok(()),
            Err(err) => {
                Err(self.key_stays(key, wanted, failed("encrypt", &self.id.secret(), &err)))
            }
        }
    }

    fn key_stays(&self, old: &Key, new: &str, err: SecretError) -> SecretError {
        match err {
            SecretError::Call(source) => SecretError::KeyStays(Box::new(KeyStays {
                name: self.id.secret(),
                old: old.0.as_deref().unwrap_or(ACCOUNTS_OWN).to_owned(),
                new: new.to_owned(),
                source,
            })),
            err => err,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_arn_and_by_its_id_and_the_accounts_own_by_none() {
        let arn = "arn:aws:kms:us-east-1:123456789012:key/1a2b";
        for (seen, wanted, want) in [
            (None, None, true),
            (Some(ACCOUNTS_OWN), None, true),
            (Some(arn), Some(arn), true),
            (Some("1a2b"), Some(arn), true),
            (Some("alias/1a2b"), Some(arn), false),
            (Some("3c4d"), Some(arn), false),
            (Some(arn), None, false),
            (None, Some(arn), false),
        ] {
            assert_eq!(Key::seen(seen).is(wanted), want, "{seen:?} {wanted:?}");
        }
    }
}
