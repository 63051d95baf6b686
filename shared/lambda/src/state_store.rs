//! Where state objects are kept: read, changed by a pure function, written only if nobody else wrote.

use std::marker::PhantomData;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use aws::call_error::{CallError, ErrorClass};
use aws::settings_bucket::{Object, Replaced, SettingsBucket};
use names::error_chain::Chain;
use names::error_type::{ErrorCode, ErrorType};
use names::{AppName, keys};
use promotion::Promotion;
use promotion::failures::Failures;
use promotion::history::Index;
use promotion::schedule_walk::Walk;
use release::entrance::Reservations;

use crate::intake::Failure;

/// Lost races after which a change gives up; each is somebody else's progress.
const TRIES: u32 = 10;
/// Failed calls after which a change gives up; the SDK has repeated each by then.
const FAILURES: u32 = 2;
/// The pause after a lost race; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// What a state object needs of the place where it is kept; [`SettingsBucket`], or a test's model of it.
pub trait StateObjects {
    /// The object; `None` where there is none.
    fn read(&self, key: &str) -> impl Future<Output = Result<Option<Object>, CallError>>;
    /// Writes the object only if it still is the one with `etag`; `None` = only if there is none.
    fn replace(
        &self,
        key: &str,
        bytes: Vec<u8>,
        etag: Option<&str>,
    ) -> impl Future<Output = Result<Replaced, CallError>>;
    /// Writes the object, whatever stands there.
    fn write(&self, key: &str, bytes: Vec<u8>) -> impl Future<Output = Result<(), CallError>>;
    /// Lets others make progress.
    fn pause(&self, duration: Duration) -> impl Future<Output = ()>;
}

impl StateObjects for SettingsBucket {
    async fn read(&self, key: &str) -> Result<Option<Object>, CallError> {
        SettingsBucket::read(self, key).await
    }

    async fn replace(
        &self,
        key: &str,
        bytes: Vec<u8>,
        etag: Option<&str>,
    ) -> Result<Replaced, CallError> {
        SettingsBucket::replace(self, key, bytes, etag).await
    }

    async fn write(&self, key: &str, bytes: Vec<u8>) -> Result<(), CallError> {
        SettingsBucket::write(self, key, bytes).await
    }

    async fn pause(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// One state object.
#[derive(Debug)]
pub struct StateStore<'a, S, B> {
    objects: &'a B,
    key: String,
    state: PhantomData<S>,
}

/// The state as it was last read or written.
#[derive(Debug, Clone, Default)]
pub struct Snapshot<S> {
    /// The state.
    pub state: S,
    etag: Option<String>,
}

/// Why the state could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Somebody wrote something else there. The parser's own words are not passed on: they can quote what stands there.
    #[error(
        "`{key}` is not a state object from line {line}, column {column} on; restore an older version of it"
    )]
    Unreadable {
        /// The object key.
        key: String,
        /// Where it breaks off.
        line: usize,
        /// Where in that line.
        column: usize,
    },
    /// Other writers won every race.
    #[error("`{key}` kept changing while it was written")]
    Contended {
        /// The object key.
        key: String,
    },
}

impl<S> Snapshot<S> {
    /// Whether the object was there; one that never was reads as the empty state.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.etag.is_some()
    }
}

impl Failure for StoreError {
    fn class(&self) -> ErrorClass {
        match self {
            Self::Call(call) => call.class(),
            Self::Unreadable { .. } => ErrorClass::Permanent,
            Self::Contended { .. } => ErrorClass::Transient,
        }
    }

    fn error_type(&self) -> ErrorCode {
        match self {
            Self::Call(call) => call.error_type(),
            Self::Unreadable { .. } => ErrorType::StateUnreadable.into(),
            Self::Contended { .. } => ErrorType::StateContended.into(),
        }
    }
}

impl<'a, B> StateStore<'a, Promotion, B> {
    /// What is wanted of `app`, what is applied, who is at work.
    #[must_use]
    pub fn promotion(objects: &'a B, app: &AppName) -> Self {
        Self::at(objects, keys::promotion(app))
    }
}

impl<'a, B> StateStore<'a, Failures, B> {
    /// The failure counter of `app`.
    #[must_use]
    pub fn failures(objects: &'a B, app: &AppName) -> Self {
        Self::at(objects, keys::failures(app))
    }
}

impl<'a, B> StateStore<'a, Index, B> {
    /// The list of the newest requests of `app`.
    #[must_use]
    pub fn history(objects: &'a B, app: &AppName) -> Self {
        Self::at(objects, keys::history_index(app))
    }
}

impl<'a, B> StateStore<'a, Walk, B> {
    /// The schedule's walk through all Apps.
    #[must_use]
    pub fn walk(objects: &'a B) -> Self {
        Self::at(objects, keys::WALK.to_owned())
    }
}

impl<'a, B> StateStore<'a, Reservations, B> {
    /// Which App has which hosts and rule priorities.
    #[must_use]
    pub fn reservations(objects: &'a B) -> Self {
        Self::at(objects, keys::ENTRANCE.to_owned())
    }
}

impl<'a, S, B> StateStore<'a, S, B> {
    fn at(objects: &'a B, key: String) -> Self {
        Self {
            objects,
            key,
            state: PhantomData,
        }
    }
}

impl<S, B> StateStore<'_, S, B>
where
    S: Clone + Default + PartialEq + Serialize + DeserializeOwned,
    B: StateObjects,
{
    /// Reads the state; one that was never written is empty.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be read.
    pub async fn read(&self) -> Result<Snapshot<S>, StoreError> {
        self.read_or(|err| Err(err)).await
    }

    /// The same of a state that holds nothing that cannot be found out again: one that somebody made unreadable is empty, and
    /// the next change puts it right.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be read at all.
    pub async fn read_anew(&self) -> Result<Snapshot<S>, StoreError> {
        self.read_or(|err| {
            let (kind, reason) = (err.error_type(), Chain(&err));
            tracing::warn!(error.kind = %kind, "{reason}; it is begun anew");
            Ok(S::default())
        })
        .await
    }

    async fn read_or(
        &self,
        unreadable: impl Fn(StoreError) -> Result<S, StoreError>,
    ) -> Result<Snapshot<S>, StoreError> {
        let Some(object) = self.objects.read(&self.key).await? else {
            return Ok(Snapshot {
                state: S::default(),
                etag: None,
            });
        };
        let state = serde_json::from_slice(&object.bytes);
        Ok(Snapshot {
            state: state.or_else(|err| unreadable(self.unreadable(&err)))?,
            etag: Some(object.etag),
        })
    }

    /// Changes the state and writes it, unless `change` left it as it was. When somebody else wrote first, or it is
    /// not known whether our write landed, the state is read again and `change` is called on that.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be read or written.
    pub async fn change<T>(
        &self,
        snapshot: &mut Snapshot<S>,
        mut change: impl FnMut(&mut S) -> T,
    ) -> Result<T, StoreError> {
        let nothing = async |_: &S| Ok::<_, StoreError>(());
        self.change_beside(snapshot, nothing, |state, &()| change(state))
            .await
    }

    /// The same where `change` also needs what `look` finds beside the state. It looks anew before each try, so that what it
    /// finds is never older than the state that `change` is called on.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the state cannot be read or written, and that of `look`.
    pub async fn change_beside<O, T, E: From<StoreError>>(
        &self,
        snapshot: &mut Snapshot<S>,
        look: impl AsyncFn(&S) -> Result<O, E>,
        mut change: impl FnMut(&mut S, &O) -> T,
    ) -> Result<T, E> {
        let (mut pause, mut failures) = (FIRST_PAUSE, 0);
        for _ in 0..TRIES {
            let seen = look(&snapshot.state).await?;
            let mut next = snapshot.state.clone();
            let value = change(&mut next, &seen);
            if next == snapshot.state {
                return Ok(value);
            }
            let bytes = serde_json::to_vec(&next).map_err(|err| self.unreadable(&err))?;
            let etag = snapshot.etag.as_deref();
            match self.objects.replace(&self.key, bytes, etag).await {
                Ok(Replaced::Yes(etag)) => {
                    *snapshot = Snapshot {
                        state: next,
                        etag: Some(etag),
                    };
                    return Ok(value);
                }
                Ok(Replaced::No) => {}
                // It may have landed, which the next look tells.
                Err(err) if err.class() == ErrorClass::Transient && failures < FAILURES => {
                    failures += 1;
                }
                Err(err) => return Err(StoreError::from(err).into()),
            }
            self.objects.pause(pause).await;
            pause *= 2;
            *snapshot = self.read().await?;
        }
        let key = self.key.clone();
        Err(StoreError::Contended { key }.into())
    }

    fn unreadable(&self, err: &serde_json::Error) -> StoreError {
        StoreError::Unreadable {
            key: self.key.clone(),
            line: err.line(),
            column: err.column(),
        }
    }
}
