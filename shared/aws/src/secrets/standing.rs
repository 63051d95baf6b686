//! What a write-through has to know first: the secret and its value, read at once; and what follows from them.

use std::time::Duration;

use futures_util::future::join;
use tokio::time::{Instant, timeout};

use super::{AppSecret, Found, Key, SecretError, Value};
use names::SecretArn;
use zeroize::Zeroizing;

/// What Secrets Manager says of a secret that is scheduled for deletion.
pub(super) const INVALID_REQUEST: &str = "InvalidRequestException";

/// What stood under the App's name, or why that is not known, and how long it took to see.
pub struct StandingSecret {
    standing: Result<SecretState, SecretError>,
    took: Duration,
}

/// What stands under the App's name.
pub(super) enum SecretState {
    Nothing,
    /// With the version called `AWSCURRENT`, if there is one.
    Active(SecretArn, Key, Result<Option<Value>, SecretError>),
    ScheduledForDeletion(SecretArn, Key),
}

/// The writes that make the secret hold a value.
#[derive(Debug, Clone)]
pub enum SecretWrite {
    /// There is no secret: it is created.
    Create,
    /// The secret is there.
    Existing {
        /// Its ARN.
        arn: SecretArn,
        /// The key that it is encrypted with, where that is not the Rack's: it is encrypted with that one first.
        other_key: Option<Key>,
        /// What follows.
        then: ValueWrite,
    },
}

/// What makes a secret that exists hold a value.
#[derive(Debug, Clone)]
pub enum ValueWrite {
    /// Its current version does already. Secrets Manager keeps 100 versions for 24 hours, so needless ones cost.
    Nothing {
        /// That version.
        version_id: String,
    },
    /// A new version.
    Put,
    /// It is scheduled for deletion: it is restored, then gets a new version.
    Restore,
    /// It went away while it was read, so it is read again.
    ReadAgain,
    /// What it holds cannot be read.
    Unreadable(SecretError),
}

impl Default for StandingSecret {
    /// No secret, as of an App that was never promoted.
    fn default() -> Self {
        Self {
            standing: Ok(SecretState::Nothing),
            took: Duration::ZERO,
        }
    }
}

impl StandingSecret {
    /// One with the account's own key, and the id and the value of its current version, if it has one.
    #[must_use]
    pub fn active(arn: SecretArn, current: Option<(String, Zeroizing<String>)>) -> Self {
        let current = current.map(|(version_id, text)| Value {
            version_id,
            text,
            is_current: true,
        });
        let standing = SecretState::Active(arn, Key::seen(None), Ok(current));
        Self {
            standing: Ok(standing),
            ..Self::default()
        }
    }

    /// One with the account's own key that is scheduled for deletion.
    #[must_use]
    pub fn scheduled(arn: SecretArn) -> Self {
        let standing = SecretState::ScheduledForDeletion(arn, Key::seen(None));
        Self {
            standing: Ok(standing),
            ..Self::default()
        }
    }

    /// What makes it hold `value`, encrypted with `key_arn`; `None` is the account's own key.
    ///
    /// # Errors
    ///
    /// [`SecretError`], why nothing can be written: it is somebody else's, or cannot be read.
    pub fn write(&self, value: &str, key_arn: Option<&str>) -> Result<SecretWrite, &SecretError> {
        let standing = self.standing.as_ref()?;
        Ok(standing.write(value, key_arn))
    }

    /// How long it took to read.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.took
    }
}

impl SecretState {
    pub(super) fn write(&self, value: &str, key_arn: Option<&str>) -> SecretWrite {
        let (arn, key, then) = match self {
            Self::Nothing => return SecretWrite::Create,
            Self::ScheduledForDeletion(arn, key) => (arn, key, ValueWrite::Restore),
            Self::Active(arn, key, current) => (arn, key, ValueWrite::of(current, value)),
        };
        SecretWrite::Existing {
            arn: arn.clone(),
            other_key: (!key.is(key_arn)).then(|| key.clone()),
            then,
        }
    }
}

impl ValueWrite {
    fn of(current: &Result<Option<Value>, SecretError>, value: &str) -> Self {
        match current {
            Ok(Some(current)) if current.text.as_str() == value => Self::Nothing {
                version_id: current.version_id.clone(),
            },
            Ok(_) => Self::Put,
            Err(SecretError::Call(call)) if call.code() == INVALID_REQUEST => Self::ReadAgain,
            Err(err) => Self::Unreadable(err.clone()),
        }
    }
}

impl AppSecret<'_> {
    /// Reads the secret and its value, for [`AppSecret::write_through`]; both have one limit.
    pub async fn see_value(&self) -> StandingSecret {
        let (began, limit) = (Instant::now(), self.secrets.limit);
        let standing = timeout(limit, self.standing()).await;
        StandingSecret {
            standing: standing.unwrap_or(Err(SecretError::TimedOut(limit))),
            took: began.elapsed(),
        }
    }

    pub(super) async fn standing(&self) -> Result<SecretState, SecretError> {
        let name = self.id.secret();
        let (found, value) = join(self.find(), self.value(&name, None)).await;
        Ok(match found? {
            Found::Nothing => SecretState::Nothing,
            Found::Active(arn, key) => SecretState::Active(arn, key, value),
            Found::ScheduledForDeletion(arn, key) => SecretState::ScheduledForDeletion(arn, key),
        })
    }
}
