//! Read first, then create, restore or put, then look that `AWSCURRENT` is ours and can be read.

use std::time::Duration;

use aws_sdk_secretsmanager::types::Tag;
use sha2::{Digest, Sha256};

use super::standing::{INVALID_REQUEST, SecretWrite, ValueWrite};
use super::{AppSecret, CURRENT, Key, SecretError, Written, failed};
use names::{AppId, ReleaseId, SecretArn, hex};

/// Lost races after which the write gives up.
const STARTS: usize = 5;
/// The pause between two looks at a version that is not visible yet; it doubles.
const FIRST_LOOK: Duration = Duration::from_millis(50);

/// The `ClientRequestToken` of a write: 64 hexadecimal digits.
///
/// Of content alone, a third write A after A and B would count as a repetition of the first and leave B current
/// (API reference, `PutSecretValue`, `ClientRequestToken`).
#[must_use]
pub fn token(id: &AppId, release: &ReleaseId, request_id: &str, value: &str) -> String {
    let mut digest = Sha256::new();
    for part in [id.secret().as_str(), release.as_str(), request_id, value] {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    hex(digest.finalize())
}

impl AppSecret<'_> {
    /// Makes `first`; where that loses a race, what then stands says how it goes on.
    pub(super) async fn write(
        &self,
        value: &str,
        token: &str,
        first: SecretWrite,
    ) -> Result<Written, SecretError> {
        let mut first = Some(first);
        for _ in 0..STARTS {
            let write = if let Some(write) = first.take() {
                write
            } else {
                let standing = self.standing().await?;
                standing.write(value, self.secrets.key_arn.as_deref())
            };
            if let Some(written) = self.try_write(write, value, token).await? {
                return Ok(written);
            }
        }
        Err(SecretError::Contended {
            name: self.id.secret(),
        })
    }

    /// `None`: a race was lost.
    async fn try_write(
        &self,
        write: SecretWrite,
        value: &str,
        token: &str,
    ) -> Result<Option<Written>, SecretError> {
        let (arn, other_key, then) = match write {
            SecretWrite::Create => return self.create(value, token).await,
            SecretWrite::Existing {
                arn,
                other_key,
                then,
            } => (arn, other_key, then),
        };
        if let ValueWrite::Restore = then {
            let restored = self.restore_and_put(other_key.as_ref(), value, token);
            return restored.await.map(Some);
        }
        self.encrypt_anew(&arn, other_key.as_ref()).await?;
        match then {
            ValueWrite::Nothing { version_id } => Ok(Some(Written {
                arn,
                version_id,
                changed: false,
            })),
            ValueWrite::Put | ValueWrite::Restore => self.put(arn, value, token).await.map(Some),
            ValueWrite::ReadAgain => Ok(None),
            ValueWrite::Unreadable(err) => Err(err),
        }
    }

    /// `None`: the race was lost, the name is taken or still going away.
    async fn create(&self, value: &str, token: &str) -> Result<Option<Written>, SecretError> {
        let tags = self.id.tags();
        let request = self
            .client()
            .create_secret()
            .name(self.id.secret())
            .secret_string(value);
        let request = request
            .client_request_token(token)
            .description(format!(
                "Environment of the App {} on the Rack {}",
                self.id.app, self.id.rack
            ))
            .set_kms_key_id(self.secrets.key_arn.clone())
            .set_tags(Some(
                tags.iter()
                    .map(|(key, value)| Tag::builder().key(key).value(value).build())
                    .collect(),
            ));
        match request.send().await {
            Ok(answer) => {
                let arn = SecretArn::returned(answer.arn.unwrap_or_default());
                let version_id = answer.version_id.unwrap_or_default();
                self.until_visible(&arn, &version_id).await?;
                Ok(Some(Written {
                    arn,
                    version_id,
                    changed: true,
                }))
            }
            // InvalidRequest: scheduled for deletion in the meantime (API reference, `CreateSecret`).
            Err(err)
                if err.as_service_error().is_some_and(|e| {
                    e.is_resource_exists_exception() || e.is_invalid_request_exception()
                }) =>
            {
                tokio::time::sleep(FIRST_LOOK).await;
                Ok(None)
            }
            Err(err) => Err(failed("create", &self.id.secret(), &err)),
        }
    }

    async fn restore_and_put(
        &self,
        other_key: Option<&Key>,
        value: &str,
        token: &str,
    ) -> Result<Written, SecretError> {
        let name = self.id.secret();
        let restored = self.client().restore_secret().secret_id(&name).send().await;
        let arn = restored
            .map_err(|err| failed("restore", &name, &err))?
            .arn
            .unwrap_or_default();
        let arn = SecretArn::returned(arn);
        self.encrypt_anew(&arn, other_key).await?;
        let written = self.put(arn, value, token).await?;
        self.until_visible(&written.arn, &written.version_id)
            .await?;
        Ok(written)
    }

    async fn put(&self, arn: SecretArn, value: &str, token: &str) -> Result<Written, SecretError> {
        let request = self
            .client()
            .put_secret_value()
            .secret_id(arn.as_str())
            .secret_string(value);
        let answer = request.client_request_token(token).send().await;
        let answer = answer.map_err(|err| failed("write", &self.id.secret(), &err))?;
        let version_id = answer.version_id().unwrap_or_default().to_owned();
        // A repeated token is no write, and leaves AWSCURRENT where a later write has moved it.
        if !answer.version_stages().iter().any(|stage| stage == CURRENT) {
            self.move_current(&arn, &version_id).await?;
        }
        Ok(Written {
            arn,
            version_id,
            changed: true,
        })
    }

    /// Waits until the version can be read, so that no task looks for it in vain; the caller's limit ends the wait.
    async fn until_visible(&self, arn: &SecretArn, version_id: &str) -> Result<(), SecretError> {
        let mut pause = FIRST_LOOK;
        loop {
            match self.value(arn.as_str(), Some(version_id)).await {
                Ok(Some(_)) => return Ok(()),
                Ok(None) => {}
                // A restored secret can still look deleted for a moment.
                Err(SecretError::Call(call)) if call.code() == INVALID_REQUEST => {}
                Err(err) => return Err(err),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }
}
