//! What a write-through has to know first: the secret, the labels of its versions, and whether the version that it is to have
//! stands; and what follows from them.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::{join, join_all};
use tokio::time::{Instant, timeout};
use zeroize::Zeroizing;

use super::version::Stages;
use super::{AppSecret, Found, Key, SecretError, Written};
use names::SecretArn;

/// What Secrets Manager says of a secret that is scheduled for deletion.
pub(super) const INVALID_REQUEST: &str = "InvalidRequestException";

/// What stood under the App's name, or why that is not known, and how long it took to see.
pub struct StandingSecret {
    standing: Result<SecretState, SecretError>,
    took: Duration,
}

/// What was read of the secret before it is known which value it is to hold.
pub struct SecretLook {
    found: Result<Found, SecretError>,
    /// What the versions that were asked for hold, by id; `None` where there is none of that id.
    held: BTreeMap<String, Result<Option<Zeroizing<String>>, SecretError>>,
    took: Duration,
}

/// What stands under the App's name.
pub(super) enum SecretState {
    Nothing,
    /// With what stands under the first id that can be used.
    Active(Described, Result<Version, SecretError>),
    ScheduledForDeletion(Described),
}

/// A secret of ours.
pub(super) struct Described {
    pub(super) arn: SecretArn,
    pub(super) key: Key,
    pub(super) stages: Stages,
}

/// The version that is to hold a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Version {
    /// It does.
    Stands(String),
    /// There is none of that id.
    Free(String),
}

/// The writes that make a version of the secret hold a value, keep it, and make it current.
#[derive(Debug, Clone)]
pub enum SecretWrite {
    /// There is no secret: it is created without a value, then gets one.
    Create {
        /// The version that it gets.
        version_id: String,
    },
    /// The secret is there.
    Existing {
        /// Its ARN.
        arn: SecretArn,
        /// The key that it is encrypted with, where that is not the Rack's: it is encrypted with that one first.
        other_key: Option<Key>,
        /// The labels of its versions.
        stages: Stages,
        /// What follows.
        then: ValueWrite,
    },
}

/// What makes a version of a secret that exists hold a value.
#[derive(Debug, Clone)]
pub enum ValueWrite {
    /// It does already: labels that it lacks are attached. Secrets Manager keeps 100 versions for 24 hours, so needless ones
    /// cost.
    Label {
        /// That version.
        version_id: String,
    },
    /// A new version.
    Put {
        /// Its id.
        version_id: String,
    },
    /// The first version of a secret that was just created.
    First {
        /// Its id.
        version_id: String,
    },
    /// It is scheduled for deletion: it is restored, then gets a new version, or has it.
    Restore {
        /// Its id.
        version_id: String,
    },
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
    /// One with the account's own key, whose versions are labelled like that and hold what `held` knows by their ids; the first
    /// of `ids` that is free or holds `value` is the version to be.
    #[must_use]
    pub fn active<'a>(
        arn: SecretArn,
        stages: Stages,
        (value, ids): (&str, &[String]),
        held: impl Fn(&str) -> Option<&'a str>,
    ) -> Self {
        let mut free = None;
        for id in ids {
            free = Version::of(id, held(id), value);
            if free.is_some() {
                break;
            }
        }
        let version = free.ok_or(SecretError::Contended {
            name: arn.to_string(),
        });
        let described = Described::plain(arn, stages);
        Self {
            standing: Ok(SecretState::Active(described, version)),
            ..Self::default()
        }
    }

    /// One with the account's own key that is scheduled for deletion.
    #[must_use]
    pub fn scheduled(arn: SecretArn, stages: Stages) -> Self {
        let described = Described::plain(arn, stages);
        Self {
            standing: Ok(SecretState::ScheduledForDeletion(described)),
            ..Self::default()
        }
    }

    /// The same one, encrypted with a customer key; `None` is the account's own.
    #[must_use]
    pub fn encrypted_with(mut self, key_arn: Option<&str>) -> Self {
        if let Ok(
            SecretState::Active(described, _) | SecretState::ScheduledForDeletion(described),
        ) = &mut self.standing
        {
            described.key = Key::seen(key_arn);
        }
        self
    }

    /// What makes a version hold the value, with `first` as its id where any may be; the secret is encrypted with `key_arn` then,
    /// `None` is the account's own.
    ///
    /// # Errors
    ///
    /// [`SecretError`], why nothing can be written: it is somebody else's, or cannot be read.
    pub fn write(&self, first: &str, key_arn: Option<&str>) -> Result<SecretWrite, &SecretError> {
        let standing = self.standing.as_ref()?;
        Ok(standing.write(first, key_arn))
    }

    /// The labels of its versions, also while it is scheduled for deletion; `None` where that is not known.
    #[must_use]
    pub fn stages(&self) -> Option<&Stages> {
        match self.standing.as_ref().ok()? {
            SecretState::Nothing => None,
            SecretState::Active(described, _) | SecretState::ScheduledForDeletion(described) => {
                Some(&described.stages)
            }
        }
    }

    /// Whether it is known that there is none.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self.standing, Ok(SecretState::Nothing))
    }

    /// How long it took to read.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.took
    }
}

impl Described {
    fn plain(arn: SecretArn, stages: Stages) -> Self {
        let key = Key::seen(None);
        Self { arn, key, stages }
    }
}

impl Version {
    /// What a version of that id, if it holds anything, is to one that holds `value`; `None` where it holds something else.
    fn of(id: &str, held: Option<&str>, value: &str) -> Option<Self> {
        match held {
            None => Some(Self::Free(id.to_owned())),
            Some(held) => (held == value).then(|| Self::Stands(id.to_owned())),
        }
    }
}

impl SecretState {
    pub(super) fn write(&self, first: &str, key_arn: Option<&str>) -> SecretWrite {
        let version_id = first.to_owned();
        let (described, then) = match self {
            Self::Nothing => return SecretWrite::Create { version_id },
            Self::ScheduledForDeletion(described) => {
                (described, ValueWrite::Restore { version_id })
            }
            Self::Active(described, version) => (described, ValueWrite::of(version)),
        };
        let Described { arn, key, stages } = described;
        SecretWrite::Existing {
            arn: arn.clone(),
            other_key: (!key.is(key_arn)).then(|| key.clone()),
            stages: stages.clone(),
            then,
        }
    }
}

impl SecretWrite {
    /// What is left of a creation, once the secret stands.
    #[must_use]
    pub fn first(arn: SecretArn, version_id: String) -> Self {
        Self::Existing {
            arn,
            other_key: None,
            stages: Stages::default(),
            then: ValueWrite::First { version_id },
        }
    }

    /// The version that will hold the value, as far as that is known.
    #[must_use]
    pub fn version_id(&self) -> Option<&str> {
        match self {
            Self::Create { version_id } => Some(version_id),
            Self::Existing { then, .. } => match then {
                ValueWrite::Label { version_id }
                | ValueWrite::Put { version_id }
                | ValueWrite::First { version_id }
                | ValueWrite::Restore { version_id } => Some(version_id),
                ValueWrite::ReadAgain | ValueWrite::Unreadable(_) => None,
            },
        }
    }
}

impl SecretWrite {
    /// The version that holds the value already and has its own label, and the short one where definitions name it `by_label`, so
    /// that tasks can be started with it before anything is written.
    #[must_use]
    pub fn stands(&self, by_label: bool) -> Option<Written> {
        let Self::Existing {
            arn,
            other_key: None,
            stages,
            then: ValueWrite::Label { version_id },
        } = self
        else {
            return None;
        };
        let is_labelled = !by_label || stages.has_short_label(version_id);
        (is_labelled && stages.keeps(version_id)).then(|| Written {
            arn: arn.clone(),
            version_id: version_id.clone(),
            changed: false,
            not_current: None,
        })
    }

    /// What will stand, where it is the first version of a secret that was just created.
    #[must_use]
    pub fn as_first(&self) -> Option<Written> {
        match self {
            Self::Existing {
                arn,
                then: ValueWrite::First { version_id },
                ..
            } => Some(Written {
                arn: arn.clone(),
                version_id: version_id.clone(),
                changed: true,
                not_current: None,
            }),
            _ => None,
        }
    }

    /// Whether it is known before it is made which secret and version tasks will read.
    #[must_use]
    pub fn is_known(&self) -> bool {
        match self {
            Self::Create { .. } => false,
            Self::Existing { then, .. } => {
                matches!(then, ValueWrite::Label { .. } | ValueWrite::Put { .. })
            }
        }
    }
}

impl ValueWrite {
    fn of(version: &Result<Version, SecretError>) -> Self {
        match version {
            Ok(Version::Stands(id)) => Self::Label {
                version_id: id.clone(),
            },
            Ok(Version::Free(id)) => Self::Put {
                version_id: id.clone(),
            },
            Err(SecretError::Call(call)) if call.code() == INVALID_REQUEST => Self::ReadAgain,
            Err(err) => Self::Unreadable(err.clone()),
        }
    }
}

impl AppSecret<'_> {
    /// Reads the secret and what its versions `ids` hold, for [`AppSecret::see_value`].
    pub async fn look(&self, ids: &[String]) -> SecretLook {
        let (began, limit) = (Instant::now(), self.secrets.limit);
        let mut look = timeout(limit, self.look_at(ids))
            .await
            .unwrap_or_else(|_| SecretLook {
                found: Err(SecretError::TimedOut(limit)),
                held: BTreeMap::new(),
                took: limit,
            });
        look.took = began.elapsed();
        look
    }

    async fn look_at(&self, ids: &[String]) -> SecretLook {
        let name = self.id.secret();
        let held = ids.iter().map(async |id| {
            let held = self.value(&name, id).await;
            (id.clone(), held)
        });
        let (found, held) = join(self.find(), join_all(held)).await;
        SecretLook {
            found,
            held: held.into_iter().collect(),
            took: Duration::ZERO,
        }
    }

    /// Which of the versions `ids` is to hold `value`, for [`AppSecret::write_through`]: what was not looked at is read now. All
    /// has one limit.
    pub async fn see_value(&self, look: SecretLook, value: &str, ids: &[String]) -> StandingSecret {
        let (began, limit) = (Instant::now(), self.secrets.limit);
        let took = look.took;
        let left = limit.saturating_sub(took);
        let standing = timeout(left, self.after(look, value, ids)).await;
        StandingSecret {
            standing: standing.unwrap_or(Err(SecretError::TimedOut(limit))),
            took: took + began.elapsed(),
        }
    }

    pub(super) async fn standing(
        &self,
        value: &str,
        ids: &[String],
    ) -> Result<SecretState, SecretError> {
        let first = ids.iter().take(1).cloned().collect::<Vec<_>>();
        let look = self.look_at(&first).await;
        self.after(look, value, ids).await
    }

    async fn after(
        &self,
        look: SecretLook,
        value: &str,
        ids: &[String],
    ) -> Result<SecretState, SecretError> {
        Ok(match look.found? {
            Found::Nothing => SecretState::Nothing,
            Found::Active(described) => {
                SecretState::Active(described, self.version(look.held, value, ids).await)
            }
            Found::ScheduledForDeletion(described) => SecretState::ScheduledForDeletion(described),
        })
    }

    /// The first of `ids` that is free or holds `value`: nearly always the first of all.
    async fn version(
        &self,
        mut looked: BTreeMap<String, Result<Option<Zeroizing<String>>, SecretError>>,
        value: &str,
        ids: &[String],
    ) -> Result<Version, SecretError> {
        let name = self.id.secret();
        for id in ids {
            let held = match looked.remove(id) {
                Some(held) => held?,
                None => self.value(&name, id).await?,
            };
            let held = held.as_ref().map(|held| held.as_str());
            if let Some(version) = Version::of(id, held, value) {
                return Ok(version);
            }
        }
        Err(SecretError::Contended { name })
    }
}
