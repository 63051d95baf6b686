//! Scheduling the secret of a deleted App for deletion; it can be restored until the window ends.

use aws_sdk_secretsmanager::operation::delete_secret::DeleteSecretError;
use aws_sdk_secretsmanager::operation::describe_secret::{
    DescribeSecretError, DescribeSecretOutput,
};
use chrono::{DateTime, Utc};

use super::{AppSecret, SecretError, failed, tags};
use names::SecretArn;

/// How long a deleted secret can be restored: the standard window (Convox `SecretsManagerEnv` page, "Deletion").
const RECOVERY_WINDOW_DAYS: i64 = 30;

/// A secret that is scheduled for deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduled {
    /// Its ARN.
    pub arn: SecretArn,
    /// The end of its window, as `DeleteSecret` answered it.
    pub deletion_date: Option<DateTime<Utc>>,
    /// What `DescribeSecret` says of a secret that was scheduled before: either when that was, or the end of the window.
    pub deleted_date: Option<DateTime<Utc>>,
}

impl Scheduled {
    /// Until when it can be restored, where that is certain.
    ///
    /// The service's own texts disagree on `DeletedDate` (API reference, `DescribeSecret` and `SecretListEntry`: the date that
    /// the secret is scheduled for deletion; the date that its deletion occurred). One that is still to come is no date of what
    /// has happened, so it is the end of the window; one that is past says nothing of the end.
    #[must_use]
    pub fn window_ends(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let to_come = self.deleted_date.filter(|date| *date > now);
        self.deletion_date.or(to_come)
    }
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
                deletion_date: None,
                deleted_date: DateTime::from_timestamp(date.secs(), 0),
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
                deleted_date: None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_date_that_is_still_to_come_is_the_end_of_the_window() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0);
        let now = at(1_000).unwrap();
        for (deletion_date, deleted_date, want) in [
            (at(2_000), None, at(2_000)),
            (None, at(2_000), at(2_000)),
            (None, at(1_000), None),
            (None, at(10), None),
            (None, None, None),
        ] {
            let scheduled = Scheduled {
                arn: SecretArn::returned("arn"),
                deletion_date,
                deleted_date,
            };
            let got = scheduled.window_ends(now);
            assert_eq!(got, want, "{deletion_date:?} {deleted_date:?}");
        }
    }
}
