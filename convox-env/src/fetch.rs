//! Reads the environment object from S3 and, where it is an envelope, has KMS decrypt its data key.

use std::ffi::OsStr;

use shared::clients::{self, CallLimits};
use shared::data_keys::DataKeys;
use shared::environment::{self, EnvironmentObject, ReadEnvironment};
use shared::settings_bucket::SettingsBucket;

use crate::fetch_error::FetchError;
use crate::object_url::ObjectUrl;
use crate::roots;
use crate::settings::Settings;

/// Reads the environment that `settings` name.
///
/// # Errors
///
/// [`FetchError`], naming the object and the fix.
pub fn fetch<'a>(
    settings: &Settings,
    limits: CallLimits,
    lookup: impl Fn(&str) -> Option<&'a OsStr>,
) -> Result<ReadEnvironment, FetchError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| FetchError::Network {
            object: settings.object.clone(),
            source,
        })?;
    let read = runtime.block_on(read(settings, limits, lookup));
    // Not dropped: that would wait for a name lookup that outlived its call.
    runtime.shutdown_background();
    read
}

async fn read<'a>(
    settings: &Settings,
    limits: CallLimits,
    lookup: impl Fn(&str) -> Option<&'a OsStr>,
) -> Result<ReadEnvironment, FetchError> {
    let object = || settings.object.clone();
    let invalid = |source| FetchError::Invalid {
        object: object(),
        source,
    };
    let sdk = clients::load_trusting(limits, roots::pem()).await;
    let s3 = clients::s3(&sdk, |name| Some(lookup(name)?.to_str()?.to_owned()));
    let bytes = get(s3, object()).await?;
    let envelope = match environment::read(&bytes).map_err(invalid)? {
        EnvironmentObject::Plain(read) => return Ok(read),
        EnvironmentObject::Sealed(envelope) => envelope,
    };
    let Some(key_id) = &settings.key_id else {
        return Err(FetchError::NoKey { object: object() });
    };
    let data_keys = DataKeys::new(clients::kms(&sdk), key_id);
    let opened = data_keys.open(envelope.encrypted_data_key()).await;
    let data_key = opened.map_err(|err| FetchError::from_kms(object(), key_id, err))?;
    envelope.open(&data_key).map_err(invalid)
}

async fn get(s3: aws_sdk_s3::Client, object: ObjectUrl) -> Result<Vec<u8>, FetchError> {
    let bucket = SettingsBucket::new(s3, &object.bucket);
    let read = match &object.version {
        Some(version) => bucket.read_version(&object.key, version).await,
        None => bucket.read(&object.key).await,
    };
    match read {
        Ok(Some(read)) => Ok(read.bytes),
        Ok(None) => Err(FetchError::Missing { object }),
        Err(err) => Err(FetchError::from_s3(object, err)),
    }
}
