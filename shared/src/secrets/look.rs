//! What a write-through has to know first: the secret and its value, read at once.

use std::time::Duration;

use futures_util::future::join;
use tokio::time::{Instant, timeout};

use super::{AppSecret, Found, Key, SecretError, Value};
use crate::names::SecretArn;

/// What stood under the App's name, or why that is not known, and how long it took to look.
pub struct Look {
    pub(super) standing: Result<Standing, SecretError>,
    pub(super) took: Duration,
}

/// What stands under the App's name.
pub(super) enum Standing {
    Nothing,
    /// With the version called `AWSCURRENT`, if there is one.
    Active(SecretArn, Key, Result<Option<Value>, SecretError>),
    ScheduledForDeletion(Key),
}

impl AppSecret<'_> {
    /// Looks at the secret and its value, for [`AppSecret::write_through`]; both have one limit.
    pub async fn look(&self) -> Look {
        let (began, limit) = (Instant::now(), self.secrets.limit);
        let standing = timeout(limit, self.standing()).await;
        Look {
            standing: standing.unwrap_or(Err(SecretError::TimedOut(limit))),
            took: began.elapsed(),
        }
    }

    pub(super) async fn standing(&self) -> Result<Standing, SecretError> {
        let name = self.id.secret();
        let (found, value) = join(self.find(), self.value(&name, None)).await;
        Ok(match found? {
            Found::Nothing => Standing::Nothing,
            Found::Active(arn, key) => Standing::Active(arn, key, value),
            Found::ScheduledForDeletion(key) => Standing::ScheduledForDeletion(key),
        })
    }
}
