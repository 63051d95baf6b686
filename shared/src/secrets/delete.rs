//! Scheduling the secret of a deleted App for deletion; it can be restored until the window ends.

use aws_sdk_secretsmanager::operation::delete_secret::DeleteSecretError;
use aws_sdk_secretsmanager::operation::describe_secret::{
    DescribeSecretError, DescribeSecretOutput,
};
use chrono::{DateTime, Utc};

use super::{AppSecret, SecretError, failed, tags};
use crate::names::SecretArn;

/// How long a deleted secret can be restored: the standard window (Convox `SecretsManagerEnv` page, "Deletion").
const RECOVERY_WINDOW_DAYS: i64 = 30;

/// A secret that is scheduled for deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduled {
    /// Its ARN.
    pub arn: SecretArn,
    /// Until when it can be restored, where Secrets Manager says so.
    pub deletion_date: Option<DateTime<Utc>>,
}

/// What stands under the App's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSeen {
    /// No secret.
    Nothing,
    /// Somebody else's: it lacks the App's tags.
    NotOurs,
    /// The App's.
    Active(SecretArn),
    /// The App's, and it is scheduled for deletion.
    Scheduled(Scheduled),
}

impl AppSecret<'_> {
    /// Looks at the secret, not at its value.
    ///
    /// # Errors
    ///
    /// [`SecretError::Call`] when the call fails.
    pub async fn see(&self) -> Result<SecretSeen, SecretError> {
        let described = self.describe().await?;
        Ok(described.map_or(SecretSeen::Nothing, |described| self.seen(&described)))
    }

    /// `None`: there is no such secret.
    pub(super) async fn describe(&self) -> Result<Option<DescribeSecretOutput>, SecretError> {
        let name = self.id.secret();
        match self
            .client()
            .describe_secret()
            .secret_id(&name)
            .send()
            .await
        {
            Ok(described) => Ok(Some(described)),
            Err(err)
                if err
                    .as_service_error()
                    .is_some_and(DescribeSecretError::is_resource_not_found_exception) =>
            {
                Ok(None)
            }
            Err(err) => Err(failed("describe", &name, &err)),
        }
    }

    pub(super) fn seen(&self, described: &DescribeSecretOutput) -> SecretSeen {
        if !self.id.owns(&tags(described)) {
            return SecretSeen::NotOurs;
        }
        let arn = SecretArn::returned(described.arn().unwrap_or_default());
        match described.deleted_date() {
            None => SecretSeen::Active(arn),
            Some(date) => SecretSeen::Scheduled(Scheduled {
                arn,
                deletion_date: DateTime::from_timestamp(date.secs(), 0),
            }),
        }
    }

    /// Schedules the secret for deletion. `None`: it went away, or was scheduled by somebody else, meanwhile.
    ///
    /// # Errors
    ///
    /// [`SecretError::Call`] when the call fails.
    pub async fn schedule_deletion(
        &self,
        arn: &SecretArn,
    ) -> Result<Option<Scheduled>, SecretError> {
        let request = self.client().delete_secret().secret_id(arn.as_str());
        match request
            .recovery_window_in_days(RECOVERY_WINDOW_DAYS)
            .send()
            .await
        {
            Ok(answer) => Ok(Some(Scheduled {
                arn: arn.clone(),
                deletion_date: answer
                    .deletion_date()
                    .and_then(|date| DateTime::from_timestamp(date.secs(), 0)),
            })),
            Err(err) => {
                let gone = err
                    .as_service_error()
                    .is_some_and(DeleteSecretError::is_resource_not_found_exception);
                // InvalidRequest stands for "already scheduled" and for what really keeps it: a look tells (API reference,
                // `DeleteSecret`).
                match self.see().await {
                    Ok(SecretSeen::Scheduled(scheduled)) => Ok(Some(scheduled)),
                    Ok(SecretSeen::Nothing) if gone => Ok(None),
                    _ => Err(failed("schedule the deletion of", &self.id.secret(), &err)),
                }
            }
        }
    }
}
