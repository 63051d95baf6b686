//! The App's secret in Secrets Manager: written through, verified, and never anybody else's.

#[cfg(test)]
mod bound;
mod current;
mod delete;
mod key;
mod standing;
mod write;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::Client;

use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::call_error::CallError;
use crate::clients::{self, CallLimits, OnDemand};
use names::error_type::{ErrorCode, ErrorType};
use names::{AppId, SecretArn};

pub use current::Current;
pub use delete::{Scheduled, SecretSeen};
pub use key::{Key, KeyStays};
pub use standing::{SecretWrite, StandingSecret, ValueWrite};
pub use write::token;

/// Secrets Manager takes no larger values (quotas, "Secret value size").
pub const SECRET_MAX_BYTES: usize = 65_536;
/// Errors whose messages can quote the request.
const ECHOING_CODES: [&str; 3] = [
    "InvalidParameterException",
    "SerializationException",
    "ValidationException",
];
/// The label of the version that ECS reads.
const CURRENT: &str = "AWSCURRENT";

/// Secrets Manager, for the Apps of one Rack.
#[derive(Debug)]
pub struct Secrets {
    client: OnDemand<Client>,
    key_arn: Option<String>,
    limit: Duration,
}

/// The secret of one App.
#[derive(Debug)]
pub struct AppSecret<'a> {
    secrets: &'a Secrets,
    id: &'a AppId,
}

impl Secrets {
    /// `key_arn` is the customer key of secrets that are created, `None` the account's own. `limit` is the time that
    /// one write-through may take in all.
    #[must_use]
    pub fn new(config: &SdkConfig, key_arn: Option<String>, limit: Duration) -> Self {
        // Clients with the same limit for a connection share one, with the root certificates that it reads.
        let usual = config.timeout_config();
        let usual = usual.and_then(TimeoutConfig::connect_timeout);
        // A call that hangs leaves time for two more tries.
        let limits = CallLimits {
            connect: usual.map_or(limit / 3, |usual| usual.min(limit / 3)),
            attempt: limit / 3,
            operation: limit,
            max_attempts: 3,
            pause: limit / 10,
        };
        let config = clients::limited(config, limits);
        Self {
            client: OnDemand::new(move || Client::new(&config)),
            key_arn,
            limit,
        }
    }

    /// The secret of one App.
    #[must_use]
    pub fn of<'a>(&'a self, id: &'a AppId) -> AppSecret<'a> {
        AppSecret { secrets: self, id }
    }
}

/// What a write-through left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The ARN that Secrets Manager returned.
    pub arn: SecretArn,
    /// The version that holds the value.
    pub version_id: String,
    /// Whether anything was written.
    pub changed: bool,
}

/// Why the secret does not hold the value. Values never stand in it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SecretError {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// There is a secret of that name without this App's tags.
    #[error(
        "the secret `{name}` exists without the tags convox:rack and convox:app of this App, so it is somebody else's \
         and is left alone; rename it, or tag it if it is meant to be this App's"
    )]
    NotOurs {
        /// The secret's name.
        name: String,
    },
    /// Larger than Secrets Manager takes.
    #[error(
        "the environment takes {size} bytes as JSON and a secret holds {SECRET_MAX_BYTES}: remove or shorten variables"
    )]
    TooLarge {
        /// Its size in bytes.
        size: usize,
    },
    /// It is encrypted with another key than the Rack's, and stays so.
    #[error(transparent)]
    KeyStays(Box<KeyStays>),
    /// Not done in the time that a promote spends on Secrets Manager.
    #[error("Secrets Manager did not finish within {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    /// There is none, or nothing in it.
    #[error(
        "there is no secret `{name}` with a value; promote the Release with Secrets Manager delivery"
    )]
    Missing {
        /// The secret's name.
        name: String,
    },
    /// It cannot be read until it is restored.
    #[error("the secret `{name}` is scheduled for deletion; a promote restores it")]
    ScheduledForDeletion {
        /// The secret's name.
        name: String,
    },
    /// Other writers won every race.
    #[error("the secret `{name}` kept changing while it was written")]
    Contended {
        /// The secret's name.
        name: String,
    },
}

impl SecretError {
    /// A stable name of the error, for reports, events and alarms.
    #[must_use]
    pub fn error_type(&self) -> ErrorCode {
        let ours = match self {
            Self::Call(call) => return call.error_type(),
            Self::KeyStays(stays) => return stays.source.error_type(),
            Self::NotOurs { .. } => ErrorType::SecretNotOurs,
            Self::TooLarge { .. } => ErrorType::SecretTooLarge,
            Self::Missing { .. } => ErrorType::SecretMissing,
            Self::ScheduledForDeletion { .. } => ErrorType::SecretScheduledForDeletion,
            Self::TimedOut(_) => ErrorType::Timeout,
            Self::Contended { .. } => ErrorType::SecretContended,
        };
        ours.into()
    }
}

/// What stands under the App's name.
#[derive(Debug)]
enum Found {
    Nothing,
    Active(SecretArn, Key),
    ScheduledForDeletion(SecretArn, Key),
}

impl AppSecret<'_> {
    /// Makes the secret's current version hold `value` by `write`, in the time that the look at it has left.
    ///
    /// # Errors
    ///
    /// [`SecretError`], time-outs included; the caller then delivers through S3.
    pub async fn write_through(
        &self,
        value: &str,
        token: &str,
        (write, took): (SecretWrite, Duration),
    ) -> Result<Written, SecretError> {
        if value.len() > SECRET_MAX_BYTES {
            return Err(SecretError::TooLarge { size: value.len() });
        }
        let limit = self.secrets.limit;
        let left = limit.saturating_sub(took);
        let written = timeout(left, self.write(value, token, write)).await;
        written.unwrap_or(Err(SecretError::TimedOut(limit)))
    }

    /// Reads the secret, then makes its current version hold `value`.
    ///
    /// # Errors
    ///
    /// [`SecretError`], that of the read and time-outs included.
    pub async fn read_and_write(&self, value: &str, token: &str) -> Result<Written, SecretError> {
        let standing = self.see_value().await;
        let write = standing.write(value, self.secrets.key_arn.as_deref());
        let write = write.map_err(Clone::clone)?;
        let took = standing.took();
        self.write_through(value, token, (write, took)).await
    }

    fn client(&self) -> &Client {
        &self.secrets.client
    }

    async fn find(&self) -> Result<Found, SecretError> {
        let Some(described) = self.describe().await? else {
            return Ok(Found::Nothing);
        };
        let key = Key::seen(described.kms_key_id());
        match self.seen(&described) {
            SecretSeen::Nothing => Ok(Found::Nothing),
            SecretSeen::NotOurs => Err(SecretError::NotOurs {
                name: self.id.secret(),
            }),
            SecretSeen::Active(arn) => Ok(Found::Active(arn, key)),
            SecretSeen::Scheduled(Scheduled { arn, .. }) => {
                Ok(Found::ScheduledForDeletion(arn, key))
            }
        }
    }

    /// The value and id of the version called `AWSCURRENT`, or of `version`; `None` where there is none. `secret` is a name or
    /// an ARN.
    async fn value(
        &self,
        secret: &str,
        version: Option<&str>,
    ) -> Result<Option<Value>, SecretError> {
        let request = self.client().get_secret_value().secret_id(secret);
        match request
            .set_version_id(version.map(str::to_owned))
            .send()
            .await
        {
            Ok(answer) => Ok(Some(Value {
                version_id: answer.version_id.unwrap_or_default(),
                text: Zeroizing::new(answer.secret_string.unwrap_or_default()),
                is_current: answer
                    .version_stages
                    .iter()
                    .flatten()
                    .any(|stage| stage == CURRENT),
            })),
            Err(err)
                if err
                    .as_service_error()
                    .is_some_and(GetSecretValueError::is_resource_not_found_exception) =>
            {
                Ok(None)
            }
            Err(err) => Err(failed("read", &self.id.secret(), &err)),
        }
    }

    /// Moves `AWSCURRENT` back to `version`. `false`: that version is gone.
    ///
    /// # Errors
    ///
    /// [`SecretError`] when a call fails or the time is up.
    pub async fn make_current(&self, version: &str) -> Result<bool, SecretError> {
        let limit = self.secrets.limit;
        let made = timeout(limit, self.try_make_current(version)).await;
        made.unwrap_or(Err(SecretError::TimedOut(limit)))
    }

    async fn try_make_current(&self, version: &str) -> Result<bool, SecretError> {
        let Found::Active(arn, _) = self.find().await? else {
            return Ok(false);
        };
        match self.value(arn.as_str(), Some(version)).await? {
            None => Ok(false),
            Some(found) if found.is_current => Ok(true),
            Some(_) => self.move_current(&arn, version).await.map(|()| true),
        }
    }

    async fn move_current(&self, arn: &SecretArn, version: &str) -> Result<(), SecretError> {
        let current = self
            .value(arn.as_str(), None)
            .await?
            .map(|value| value.version_id);
        let request = self
            .client()
            .update_secret_version_stage()
            .secret_id(arn.as_str())
            .version_stage(CURRENT);
        let request = request
            .move_to_version_id(version)
            .set_remove_from_version_id(current);
        let answer = request.send().await;
        answer
            .map(drop)
            .map_err(|err| failed("move AWSCURRENT of", &self.id.secret(), &err))
    }
}

/// A version's value.
struct Value {
    version_id: String,
    text: Zeroizing<String>,
    is_current: bool,
}

fn tags(secret: &DescribeSecretOutput) -> BTreeMap<String, String> {
    let pair = |tag: &aws_sdk_secretsmanager::types::Tag| {
        Some((tag.key()?.to_owned(), tag.value()?.to_owned()))
    };
    secret.tags().iter().filter_map(pair).collect()
}

fn failed<E>(verb: &str, name: &str, err: &SdkError<E, HttpResponse>) -> SecretError
where
    E: std::error::Error + ProvideErrorMetadata,
{
    let call = CallError::new(format!("{verb} secret `{name}`"), err);
    // What is refused as malformed can be quoted in the message, and it is the secret.
    SecretError::Call(if ECHOING_CODES.contains(&call.code()) {
        call.without_message()
    } else {
        call
    })
}
