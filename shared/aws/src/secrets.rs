//! The App's secret in Secrets Manager: written through, verified, and never anybody else's.

#[cfg(test)]
mod bound;
mod delete;
mod key;
mod readable;
mod standing;
mod version;
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
use names::{AppId, SecretArn, short_label};
use standing::Described;

pub use delete::{Scheduled, SecretSeen};
pub use key::{Key, KeyStays};
pub use readable::ReadableSecret;
pub use standing::{SecretLook, SecretWrite, StandingSecret, ValueWrite};
pub use version::{LABELS_MAX, Stages, ids, own_label};
pub use write::Target;

/// Secrets Manager takes no larger values (quotas, "Secret value size").
pub const SECRET_MAX_BYTES: usize = 65_536;
/// Errors whose messages can quote the request.
const ECHOING_CODES: [&str; 3] = [
    "InvalidParameterException",
    "SerializationException",
    "ValidationException",
];
/// What Secrets Manager says where a label is not on the version that it is taken from, and where there is no such version (API
/// reference, `UpdateSecretVersionStage`).
const GONE_CODES: [&str; 2] = ["InvalidParameterException", "ResourceNotFoundException"];
/// The label of the version that is read where no other is named.
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
#[derive(Debug, Clone)]
pub struct Written {
    /// The ARN that Secrets Manager returned.
    pub arn: SecretArn,
    /// The version that holds the value; its own label keeps it.
    pub version_id: String,
    /// Whether anything was written.
    pub changed: bool,
    /// Why that version is not the one called `AWSCURRENT`.
    pub not_current: Option<SecretError>,
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
enum Found {
    Nothing,
    Active(Described),
    ScheduledForDeletion(Described),
}

impl AppSecret<'_> {
    /// Makes a version of the secret hold the value by `write`, in the time that the look at it has left; without one, what stands
    /// now says how.
    ///
    /// # Errors
    ///
    /// [`SecretError`], time-outs included; the caller then delivers through S3.
    pub async fn write_through(
        &self,
        target: Target<'_>,
        (write, took): (Option<SecretWrite>, Duration),
    ) -> Result<Written, SecretError> {
        let size = target.value.len();
        if size > SECRET_MAX_BYTES {
            return Err(SecretError::TooLarge { size });
        }
        let limit = self.secrets.limit;
        let left = limit.saturating_sub(took);
        let written = timeout(left, self.write(target, write)).await;
        written.unwrap_or(Err(SecretError::TimedOut(limit)))
    }

    /// Creates the secret without a value, in the time that is left of `took`; `None` where somebody else was quicker.
    ///
    /// # Errors
    ///
    /// [`SecretError`], time-outs included.
    pub async fn create_empty(&self, took: Duration) -> Result<Option<SecretArn>, SecretError> {
        let limit = self.secrets.limit;
        let created = timeout(limit.saturating_sub(took), self.create()).await;
        created.unwrap_or(Err(SecretError::TimedOut(limit)))
    }

    /// Reads the secret, then makes the version of that id hold `value`, with the short label too where definitions name it
    /// `by_label`, and be current.
    ///
    /// # Errors
    ///
    /// [`SecretError`], that of the read and time-outs included.
    pub async fn put_back(
        &self,
        version_id: &str,
        value: &str,
        by_label: bool,
    ) -> Result<Written, SecretError> {
        let ids = [version_id.to_owned()];
        let look = self.look(&ids).await;
        let standing = self.see_value(look, value, &ids).await;
        let write = standing.write(version_id, self.secrets.key_arn.as_deref());
        let write = write.map_err(Clone::clone)?;
        let (ids, took) = (ids.as_slice(), standing.took());
        let target = Target {
            value,
            ids,
            by_label,
            make_room: &[],
        };
        self.write_through(target, (Some(write), took)).await
    }

    fn client(&self) -> &Client {
        &self.secrets.client
    }

    async fn find(&self) -> Result<Found, SecretError> {
        let Some(described) = self.describe().await? else {
            return Ok(Found::Nothing);
        };
        let of_ours = |arn| Described {
            arn,
            key: Key::seen(described.kms_key_id()),
            stages: stages(&described),
        };
        match self.seen(&described) {
            SecretSeen::Nothing => Ok(Found::Nothing),
            SecretSeen::NotOurs => Err(SecretError::NotOurs {
                name: self.id.secret(),
            }),
            SecretSeen::Active(arn) => Ok(Found::Active(of_ours(arn))),
            SecretSeen::Scheduled(Scheduled { arn, .. }) => {
                Ok(Found::ScheduledForDeletion(of_ours(arn)))
            }
        }
    }

    /// The value of a version; `None` where there is none. `secret` is a name or an ARN.
    async fn value(
        &self,
        secret: &str,
        version_id: &str,
    ) -> Result<Option<Zeroizing<String>>, SecretError> {
        let request = self.client().get_secret_value().secret_id(secret);
        match request.version_id(version_id).send().await {
            Ok(answer) => Ok(Some(Zeroizing::new(
                answer.secret_string.unwrap_or_default(),
            ))),
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

    /// Moves `AWSCURRENT` to a version.
    ///
    /// # Errors
    ///
    /// [`SecretError`] when the call fails or the time is up.
    pub async fn make_current(
        &self,
        readable: &ReadableSecret,
        version_id: &str,
    ) -> Result<(), SecretError> {
        let ReadableSecret { arn, stages } = readable;
        let limit = self.secrets.limit;
        let moved = self.move_label(arn, CURRENT, stages.current(), Some(version_id));
        let moved = timeout(limit, moved).await;
        moved.unwrap_or(Err(SecretError::TimedOut(limit)))
    }

    /// Takes a version's own label away, and the short one before it where it has that: Secrets Manager may delete the version
    /// from then on.
    ///
    /// # Errors
    ///
    /// [`SecretError`] when the call fails or the time is up.
    pub async fn forget(
        &self,
        arn: &SecretArn,
        version_id: &str,
        has_short_label: bool,
    ) -> Result<(), SecretError> {
        let limit = self.secrets.limit;
        let short = has_short_label.then(|| short_label(version_id).to_owned());
        let labels = short.into_iter().chain([own_label(version_id)]);
        let forgotten = async {
            for label in labels {
                match self.move_label(arn, &label, Some(version_id), None).await {
                    // It has no such label any more, or is gone.
                    Err(SecretError::Call(call)) if GONE_CODES.contains(&call.code()) => {}
                    moved => moved?,
                }
            }
            Ok(())
        };
        let forgotten = timeout(limit, forgotten).await;
        forgotten.unwrap_or(Err(SecretError::TimedOut(limit)))
    }

    async fn move_label(
        &self,
        arn: &SecretArn,
        label: &str,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<(), SecretError> {
        let request = self
            .client()
            .update_secret_version_stage()
            .secret_id(arn.as_str())
            .version_stage(label)
            .set_move_to_version_id(to.map(str::to_owned))
            .set_remove_from_version_id(from.map(str::to_owned));
        let answer = request.send().await;
        let verb = format!("move the label {label} of");
        answer
            .map(drop)
            .map_err(|err| failed(&verb, &self.id.secret(), &err))
    }
}

/// The labels that `DescribeSecret` answered; those of a version without any are none.
fn stages(described: &DescribeSecretOutput) -> Stages {
    let versions = described.version_ids_to_stages().into_iter().flatten();
    let labels = |labels: &Vec<String>| labels.iter().cloned().collect();
    let versions = versions.map(|(version_id, stages)| (version_id.clone(), labels(stages)));
    Stages(versions.collect())
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
