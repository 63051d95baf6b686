//! Where the App's secret is and which versions of it tasks can read; no value is asked for.

use super::{AppSecret, Described, Found, SecretError, Stages};
use names::SecretArn;

/// A secret that tasks can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadableSecret {
    /// Its ARN.
    pub arn: SecretArn,
    /// The labels of its versions.
    pub stages: Stages,
}

impl AppSecret<'_> {
    /// Looks the secret up.
    ///
    /// # Errors
    ///
    /// [`SecretError`] where there is none that tasks can read, when the call fails or the time is up.
    pub async fn readable(&self) -> Result<ReadableSecret, SecretError> {
        let limit = self.secrets.limit;
        let found = tokio::time::timeout(limit, self.find()).await;
        let name = || self.id.secret();
        match found.unwrap_or(Err(SecretError::TimedOut(limit)))? {
            Found::Active(Described { arn, stages, .. }) => Ok(ReadableSecret { arn, stages }),
            Found::Nothing => Err(SecretError::Missing { name: name() }),
            Found::ScheduledForDeletion(_) => {
                Err(SecretError::ScheduledForDeletion { name: name() })
            }
        }
    }
}
