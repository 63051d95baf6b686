//! Where `promotion.json` is kept: read, changed by a pure function, written only if nobody else wrote.

use std::time::Duration;

use crate::call_error::{CallError, ErrorClass};
use crate::names::{AppName, keys};
use crate::promotion::Promotion;
use crate::settings_bucket::{Replaced, SettingsBucket};

/// Lost races after which a change gives up; each is somebody else's progress.
const TRIES: u32 = 10;
/// The pause after a lost race; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// The state object of one App.
#[derive(Debug)]
pub struct PromotionStore<'a> {
    bucket: &'a SettingsBucket,
    key: String,
}

/// The state as it was last read or written.
#[derive(Debug)]
pub struct Snapshot {
    /// The state.
    pub state: Promotion,
    etag: Option<String>,
}

/// Why the state could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Somebody wrote something else there.
    #[error("`{key}` is not a state object; restore an older version of it")]
    Unreadable {
        /// The object key.
        key: String,
        /// Where it breaks off.
        source: serde_json::Error,
    },
    /// Other writers won every race.
    #[error("`{key}` kept changing while it was written")]
    Contended {
        /// The object key.
        key: String,
    },
}

impl StoreError {
    /// Whether another try can help.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Call(call) => call.class(),
            Self::Unreadable { .. } => ErrorClass::Permanent,
            Self::Contended { .. } => ErrorClass::Transient,
        }
    }
}

impl<'a> PromotionStore<'a> {
    /// The state of `app`.
    #[must_use]
    pub fn new(bucket: &'a SettingsBucket, app: &AppName) -> Self {
        Self {
            bucket,
            key: keys::promotion(app),
        }
    }

    /// Reads the state; an App that was never promoted has an empty one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be read.
    pub async fn read(&self) -> Result<Snapshot, StoreError> {
        let Some(object) = self.bucket.read(&self.key).await? else {
            return Ok(Snapshot {
                state: Promotion::default(),
                etag: None,
            });
        };
        let state =
            serde_json::from_slice(&object.bytes).map_err(|source| StoreError::Unreadable {
                key: self.key.clone(),
                source,
            })?;
        Ok(Snapshot {
            state,
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
        snapshot: &mut Snapshot,
        mut change: impl FnMut(&mut Promotion) -> T,
    ) -> Result<T, StoreError> {
        let mut pause = FIRST_PAUSE;
        for _ in 0..TRIES {
            let mut next = snapshot.state.clone();
            let value = change(&mut next);
            if next == snapshot.state {
                return Ok(value);
            }
            let bytes = serde_json::to_vec(&next).map_err(|source| StoreError::Unreadable {
                key: self.key.clone(),
                source,
            })?;
            match self
                .bucket
                .replace(&self.key, bytes, snapshot.etag.as_deref())
                .await
            {
                Ok(Replaced::Yes(etag)) => {
                    *snapshot = Snapshot {
                        state: next,
                        etag: Some(etag),
                    };
                    return Ok(value);
                }
                Ok(Replaced::No) => {}
                Err(err) if err.class() == ErrorClass::Transient => {}
                Err(err) => return Err(err.into()),
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
            *snapshot = self.read().await?;
        }
        Err(StoreError::Contended {
            key: self.key.clone(),
        })
    }
}
