//! The settings bucket: objects, their versions, and writes that happen only if nobody else wrote.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use chrono::{DateTime, Utc};
use names::error_type::ErrorType;

use crate::call_error::CallError;
use crate::clients::{self, OnDemand};

/// How long the body of an object may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// What a function of 256 MB can hold and read: twice what a container reads, for what an envelope adds.
const OBJECT_MAX_BYTES: i64 = 32 << 20;

/// The bucket of one Rack.
#[derive(Debug)]
pub struct SettingsBucket {
    client: OnDemand<Client>,
    name: String,
}

/// An object that was read. The bytes can be secret, so there is no `Debug`.
pub struct Object {
    /// The content.
    pub bytes: Vec<u8>,
    /// What a conditional write compares; opaque.
    pub etag: String,
}

/// A version of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectVersion {
    /// The S3 version-id.
    pub id: String,
    /// When it was written, in whole seconds.
    pub last_modified: DateTime<Utc>,
}

/// What became of a conditional write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replaced {
    /// It is written; the new `ETag`.
    Yes(String),
    /// Somebody else wrote first.
    No,
}

impl SettingsBucket {
    /// The bucket called `name`.
    #[must_use]
    pub fn new(sdk: &SdkConfig, name: impl Into<String>) -> Self {
        Self {
            client: clients::s3(sdk),
            name: name.into(),
        }
    }

    /// The bucket's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The newest version of an object, `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`CallError`] for every other failure.
    pub async fn read(&self, key: &str) -> Result<Option<Object>, CallError> {
        self.get(key, None).await
    }

    /// One version of an object, `None` where it is gone.
    ///
    /// # Errors
    ///
    /// [`CallError`] for every other failure.
    pub async fn read_version(
        &self,
        key: &str,
        version: &str,
    ) -> Result<Option<Object>, CallError> {
        self.get(key, Some(version)).await
    }

    async fn get(&self, key: &str, version: Option<&str>) -> Result<Option<Object>, CallError> {
        let attempted = || format!("read {}", self.address(key));
        let request = self.client.get_object().bucket(&self.name).key(key);
        let answer = match request
            .set_version_id(version.map(str::to_owned))
            .send()
            .await
        {
            Ok(answer) => answer,
            Err(err) if is_missing(&err) => return Ok(None),
            Err(err) => return Err(key_told_apart(CallError::new(attempted(), &err))),
        };
        let size = answer.content_length().unwrap_or_default();
        if size > OBJECT_MAX_BYTES {
            let message = format!("it has {size} bytes, and at most {OBJECT_MAX_BYTES} are read");
            return Err(CallError::refused(
                attempted(),
                ErrorType::ObjectTooLarge,
                &message,
            ));
        }
        let etag = answer.e_tag().unwrap_or_default().to_owned();
        // The SDK's own limits end where the body begins.
        let body = tokio::time::timeout(BODY_TIMEOUT, answer.body.collect()).await;
        let body = body.ok().and_then(Result::ok);
        let body = body.ok_or_else(|| {
            CallError::stated(attempted(), "RequestTimeout", Some("the answer broke off"))
        })?;
        Ok(Some(Object {
            bytes: body.to_vec(),
            etag,
        }))
    }

    /// The newest version of an object, or the one called `version`; `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`CallError`] for every other failure.
    pub async fn version(
        &self,
        key: &str,
        version: Option<&str>,
    ) -> Result<Option<ObjectVersion>, CallError> {
        let request = self.client.head_object().bucket(&self.name).key(key);
        let answer = match request
            .set_version_id(version.map(str::to_owned))
            .send()
            .await
        {
            Ok(answer) => answer,
            // A missing key or version, or a delete marker.
            Err(err)
                if err
                    .raw_response()
                    .is_some_and(|r| matches!(r.status().as_u16(), 404 | 405)) =>
            {
                return Ok(None);
            }
            Err(err) => {
                return Err(CallError::new(
                    format!("look up {}", self.address(key)),
                    &err,
                ));
            }
        };
        let modified = answer
            .last_modified()
            .and_then(|at| DateTime::from_timestamp(at.secs(), 0));
        let Some((id, last_modified)) = answer.version_id().zip(modified) else {
            let attempted = format!("look up {}", self.address(key));
            let lacks = "version; the bucket must be versioned";
            return Err(CallError::incomplete(attempted, lacks));
        };
        Ok(Some(ObjectVersion {
            id: id.to_owned(),
            last_modified,
        }))
    }

    /// Writes an object, whatever stood there.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the write fails.
    pub async fn write(&self, key: &str, bytes: Vec<u8>) -> Result<(), CallError> {
        let request = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(key)
            .body(ByteStream::from(bytes));
        let attempted = || format!("write {}", self.address(key));
        let answer = request.send().await;
        let answer = answer.map_err(|err| CallError::new(attempted(), &err))?;
        etag(answer.e_tag(), attempted).map(drop)
    }

    /// Writes an object only if it still is the one with `etag_before`; `None` = only if there is none.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the write fails for another reason than somebody else's write.
    pub async fn replace(
        &self,
        key: &str,
        bytes: Vec<u8>,
        etag_before: Option<&str>,
    ) -> Result<Replaced, CallError> {
        let request = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(key)
            .body(ByteStream::from(bytes));
        let attempted = || format!("write {}", self.address(key));
        let request = match etag_before {
            Some(etag) => request.if_match(etag),
            None => request.if_none_match("*"),
        };
        match request.send().await {
            Ok(answer) => Ok(Replaced::Yes(etag(answer.e_tag(), attempted)?)),
            // 412: it changed; 409: it is changing; 404: it is gone (S3 user guide, "Conditional writes").
            Err(err) if lost_the_race(&err) => Ok(Replaced::No),
            Err(err) => Err(CallError::new(attempted(), &err)),
        }
    }

    /// The names of the next folders directly under `prefix`, in S3's order: behind the one called `after`, or from the first
    /// on. At most 1,000; none: these were all.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn folders(
        &self,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Vec<String>, CallError> {
        // `0` is the character behind `/`: what comes behind this is in no folder of that name.
        let start = after.map(|name| format!("{prefix}{name}0"));
        let request = self
            .client
            .list_objects_v2()
            .bucket(&self.name)
            .prefix(prefix)
            .delimiter("/")
            .set_start_after(start);
        // A page can be empty and yet not the last (API reference, `ListObjectsV2`).
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(|err| CallError::new(format!("list {}", self.address(prefix)), &err))?;
            let folders = page.common_prefixes().iter();
            let names = folders.filter_map(|folder| folder.prefix()?.strip_prefix(prefix));
            let names: Vec<String> = names
                .map(|name| name.trim_end_matches('/').to_owned())
                .collect();
            if !names.is_empty() {
                return Ok(names);
            }
        }
        Ok(Vec::new())
    }

    /// The first keys under `prefix`, at most 1,000.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn keys(&self, prefix: &str) -> Result<Vec<String>, CallError> {
        let request = self.client.list_objects_v2().bucket(&self.name);
        let answer = request.prefix(prefix).send().await;
        let answer =
            answer.map_err(|err| CallError::new(format!("list {}", self.address(prefix)), &err))?;
        let keys = answer.contents().iter();
        Ok(keys.filter_map(|it| it.key().map(str::to_owned)).collect())
    }

    /// Deletes an object; its versions stay. One that is not there is fine.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn delete(&self, key: &str) -> Result<(), CallError> {
        let request = self.client.delete_object().bucket(&self.name);
        let answer = request.key(key).send().await;
        answer
            .map(drop)
            .map_err(|err| CallError::new(format!("delete {}", self.address(key)), &err))
    }

    /// Whether there is any object under `prefix`.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn holds(&self, prefix: &str) -> Result<bool, CallError> {
        let request = self.client.list_objects_v2().bucket(&self.name);
        let answer = request.prefix(prefix).max_keys(1).send().await;
        let answer =
            answer.map_err(|err| CallError::new(format!("list {}", self.address(prefix)), &err))?;
        Ok(!answer.contents().is_empty())
    }

    /// The newest object under `prefix` whose key is `wanted`: key and when it was written. Of several written in one second
    /// it is the one whose key comes last.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn newest(
        &self,
        prefix: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Option<(DateTime<Utc>, String)>, CallError> {
        let request = self
            .client
            .list_objects_v2()
            .bucket(&self.name)
            .prefix(prefix);
        let mut pages = request.into_paginator().send();
        let mut newest = None;
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(|err| CallError::new(format!("list {}", self.address(prefix)), &err))?;
            let dated = page.contents().iter().filter_map(|object| {
                let at = DateTime::from_timestamp(object.last_modified()?.secs(), 0)?;
                Some((at, object.key()?.to_owned()))
            });
            newest = dated.filter(|(_, key)| wanted(key)).max().max(newest);
        }
        Ok(newest)
    }

    fn address(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }
}

/// What KMS refuses, S3 answers as its own, with the action in the message (S3 user guide, "Troubleshoot access denied (403
/// Forbidden) errors", encryption), or with the code `KMS.…` where the key cannot be used at all.
fn key_told_apart(err: CallError) -> CallError {
    let of_kms = err.code().starts_with("KMS.")
        || err.code() == "AccessDenied" && err.message().is_some_and(|said| said.contains("kms:"));
    if of_kms {
        err.told_apart(
            ErrorType::EnvironmentKeyDenied,
            ", since KMS does not let this function use the key that it is encrypted with; if the \
             Rack's EnvironmentKeyArn was changed, set it back, or let the former key's own policy \
             admit the account's use through S3",
        )
    } else {
        err
    }
}

/// S3 names the object that it wrote; an answer without that proves nothing.
fn etag(etag: Option<&str>, attempted: impl Fn() -> String) -> Result<String, CallError> {
    let etag = etag.filter(|etag| !etag.is_empty());
    let etag = etag.ok_or_else(|| CallError::incomplete(attempted(), "ETag"))?;
    Ok(etag.to_owned())
}

fn lost_the_race(err: &SdkError<PutObjectError, HttpResponse>) -> bool {
    let status = err
        .raw_response()
        .map(|response| response.status().as_u16());
    matches!(status, Some(409 | 412)) || err.code() == Some("NoSuchKey")
}

fn is_missing<R>(err: &SdkError<GetObjectError, R>) -> bool {
    err.as_service_error().is_some_and(|err| {
        err.is_no_such_key() || matches!(err.code(), Some("NoSuchVersion" | "MethodNotAllowed"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_may_not_be_used_is_no_object_that_may_not_be_read() {
        let of_kms = "User: arn:aws:sts::123456789012:assumed-role/r/f is not authorized to perform: kms:Decrypt on resource: arn";
        for (code, message, want) in [
            ("AccessDenied", of_kms, "EnvironmentKeyDenied"),
            ("KMS.DisabledException", "disabled", "EnvironmentKeyDenied"),
            ("AccessDenied", "Access Denied", "AccessDenied"),
            ("SlowDown", "kms:Decrypt", "SlowDown"),
        ] {
            let err = CallError::stated("read s3://b/k", code, Some(message));
            let err = key_told_apart(err);
            assert_eq!(err.code(), want, "{code} {message}");
            let chain = names::error_chain::Chain(&err).to_string();
            assert!(chain.contains(message) && chain.contains(code), "{chain}");
            assert_eq!(
                chain.contains("set it back"),
                want == "EnvironmentKeyDenied",
                "{chain}"
            );
        }
    }
}
