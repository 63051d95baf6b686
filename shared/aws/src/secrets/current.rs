//! Where the App's secret is and which version of it ECS reads; its value is not asked for.

use super::{AppSecret, CURRENT, SecretError, SecretSeen};
use names::SecretArn;

/// The secret as ECS would read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Current {
    /// Its ARN.
    pub arn: SecretArn,
    /// The version called `AWSCURRENT`.
    pub version_id: String,
}

impl AppSecret<'_> {
    /// Looks the secret up.
    ///
    /// # Errors
    ///
    /// [`SecretError`] where there is none that tasks can read, when the call fails or the time is up.
    pub async fn current(&self) -> Result<Current, SecretError> {
        let limit = self.secrets.limit;
        let looked = tokio::time::timeout(limit, self.describe()).await;
        let looked = looked.unwrap_or(Err(SecretError::TimedOut(limit)))?;
        let name = self.id.secret();
        let arn = match looked.as_ref().map(|described| self.seen(described)) {
            Some(SecretSeen::Active(arn)) => arn,
            Some(SecretSeen::NotOurs) => return Err(SecretError::NotOurs { name }),
            Some(SecretSeen::Scheduled(_)) => {
                return Err(SecretError::ScheduledForDeletion { name });
            }
            Some(SecretSeen::Nothing) | None => return Err(SecretError::Missing { name }),
        };
        let versions = looked
            .iter()
            .flat_map(|described| described.version_ids_to_stages().into_iter().flatten());
        let current = versions.filter(|(_, stages)| stages.iter().any(|stage| stage == CURRENT));
        let version_id = current.map(|(version, _)| version.clone()).next();
        let version_id = version_id.ok_or(SecretError::Missing { name })?;
        Ok(Current { arn, version_id })
    }
}
