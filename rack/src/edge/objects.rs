//! The settings bucket with the caller's rights: what is read, listed and written.

use aws::call_error::CallError;
use aws::clients::{self, OnDemand, SdkConfig};
use aws::settings_bucket::{Object, SettingsBucket};
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use chrono::DateTime;
use names::{AppName, keys};
use promotion::Promotion;
use promotion::history::Index;

use crate::core::history::Listed;
use crate::core::report::SeenReport;
use crate::error::RackError;

/// The bucket of one Rack.
#[derive(Debug)]
pub struct Objects {
    bucket: SettingsBucket,
    client: OnDemand<Client>,
}

/// What became of a write that must not replace anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// It stands; its S3 version.
    Written(String),
    /// Something stands there already.
    Taken,
}

impl Objects {
    /// The bucket called `name`.
    #[must_use]
    pub fn new(sdk: &SdkConfig, name: &str) -> Self {
        let bucket = SettingsBucket::new(sdk, name);
        let client = clients::s3(sdk);
        Self { bucket, client }
    }

    /// An object's bytes.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn read(&self, key: &str) -> Result<Option<Object>, CallError> {
        self.bucket.read(key).await
    }

    /// The report of a Release.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn report(&self, key: &str) -> Result<Option<SeenReport>, CallError> {
        let object = self.bucket.read(key).await?;
        Ok(object.and_then(|object| SeenReport::of(&object.bytes)))
    }

    /// The state of an App; an empty one where it has none.
    ///
    /// # Errors
    ///
    /// [`RackError`] when the call fails, or the state is of a version that this tool does not know.
    pub async fn state(&self, app: &AppName) -> Result<Promotion, RackError> {
        let key = keys::promotion(app);
        let Some(object) = self.bucket.read(&key).await? else {
            return Ok(Promotion::default());
        };
        let state = serde_json::from_slice(&object.bytes);
        state.map_err(|err| {
            let place = format!("line {}, column {}", err.line(), err.column());
            let attempted =
                format!("read the state of {app} ({place}); is this tool older than the Rack?");
            CallError::incomplete(attempted, "member that it should have").into()
        })
    }

    /// The newest requests of an App, newest first; inside, where the list is there and cannot be read.
    ///
    /// # Errors
    ///
    /// [`RackError`] when the call fails.
    pub async fn history(&self, app: &AppName) -> Result<Result<Index, String>, RackError> {
        let key = keys::history_index(app);
        let Some(object) = self.bucket.read(&key).await? else {
            return Ok(Ok(Index::default()));
        };
        let index = serde_json::from_slice(&object.bytes);
        Ok(index.map_err(|err| format!("{key}: line {}, column {}", err.line(), err.column())))
    }

    /// All objects under a prefix.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Listed>, CallError> {
        let request = self.client.list_objects_v2().bucket(self.bucket.name());
        let mut pages = request.prefix(prefix).into_paginator().send();
        let mut listed = Vec::new();
        while let Some(page) = pages.next().await {
            let attempted = || format!("list s3://{}/{prefix}", self.bucket.name());
            let page = page.map_err(|err| CallError::new(attempted(), &err))?;
            listed.extend(page.contents().iter().filter_map(|object| {
                let modified = DateTime::from_timestamp(object.last_modified()?.secs(), 0)?;
                Some(Listed {
                    key: object.key()?.to_owned(),
                    modified,
                })
            }));
        }
        Ok(listed)
    }

    /// The names of all Apps.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn apps(&self) -> Result<Vec<AppName>, CallError> {
        let (mut apps, mut after) = (Vec::new(), None);
        loop {
            let names = self.bucket.folders("apps/", after.as_deref()).await?;
            let Some(last) = names.last().cloned() else {
                return Ok(apps);
            };
            apps.extend(names.iter().filter_map(|name| AppName::new(name).ok()));
            after = Some(last);
        }
    }

    /// Whether there is anything of an App.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn has_app(&self, app: &AppName) -> Result<bool, CallError> {
        self.bucket.holds(&keys::app(app)).await
    }

    /// Whether there is anything of a Release.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn is_taken(&self, folder: &str) -> Result<bool, CallError> {
        self.bucket.holds(folder).await
    }

    /// Writes an object where none is.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn put_new(&self, key: &str, bytes: Vec<u8>) -> Result<Put, CallError> {
        let attempted = || format!("write s3://{}/{key}", self.bucket.name());
        let put = self.client.put_object().bucket(self.bucket.name()).key(key);
        let put = put.if_none_match("*").body(ByteStream::from(bytes));
        match put.send().await {
            Ok(answer) => match answer.version_id() {
                Some(version) => Ok(Put::Written(version.to_owned())),
                None => Err(CallError::incomplete(
                    attempted(),
                    "version; the bucket must be versioned",
                )),
            },
            // 412: there is one; 409: somebody is writing one (S3 user guide, "Conditional writes").
            Err(err)
                if err
                    .raw_response()
                    .is_some_and(|r| matches!(r.status().as_u16(), 409 | 412)) =>
            {
                Ok(Put::Taken)
            }
            Err(err) => Err(CallError::new(attempted(), &err)),
        }
    }
}
