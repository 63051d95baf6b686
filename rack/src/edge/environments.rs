//! Environment objects with the caller's rights: opened where they are sealed, and sealed again as they were.

use aws::clients::SdkConfig;
use aws::data_keys::DataKeys;
use environment::{Envelope, Environment, EnvironmentObject, read};
use names::{AppName, ReleaseId, keys};

use super::objects::Objects;
use super::rack::Rack;
use crate::core::object::encoded;
use crate::error::RackError;

/// An environment that was read.
#[derive(Debug)]
pub struct Opened {
    /// What it holds.
    pub environment: Environment,
    /// Whether the object is an envelope.
    pub is_sealed: bool,
    /// Whether it is a draft.
    pub is_draft: bool,
}

/// Reads and writes environment objects.
#[derive(Debug)]
pub struct Environments<'s> {
    objects: &'s Objects,
    rack: &'s Rack,
    sdk: &'s SdkConfig,
}

impl<'s> Environments<'s> {
    /// Those of a Rack.
    #[must_use]
    pub fn new(sdk: &'s SdkConfig, rack: &'s Rack, objects: &'s Objects) -> Self {
        Self { objects, rack, sdk }
    }

    /// The environment of a Release, or its draft.
    ///
    /// # Errors
    ///
    /// [`RackError`] when there is neither, or it cannot be read.
    pub async fn open(&self, app: &AppName, release: &ReleaseId) -> Result<Opened, RackError> {
        let keys = [
            (keys::environment(app, release), false),
            (keys::draft(app, release), true),
        ];
        for (key, is_draft) in keys {
            if let Some(object) = self.objects.read(&key).await? {
                let (environment, is_sealed) = self.opened(&key, &object.bytes).await?;
                return Ok(Opened {
                    environment,
                    is_sealed,
                    is_draft,
                });
            }
        }
        let (app, release) = (app.to_string(), release.to_string());
        Err(RackError::NoRelease { app, release })
    }

    async fn opened(&self, key: &str, bytes: &[u8]) -> Result<(Environment, bool), RackError> {
        let wrong = |source| RackError::Environment {
            object: key.to_owned(),
            source,
        };
        match read(bytes).map_err(wrong)? {
            EnvironmentObject::Plain(read) => Ok((read.environment, false)),
            EnvironmentObject::Sealed(envelope) => {
                let data_key = self
                    .data_keys()?
                    .open(envelope.encrypted_data_key())
                    .await?;
                let read = envelope.open(&data_key).map_err(wrong)?;
                Ok((read.environment, true))
            }
        }
    }

    /// The bytes of an object with this environment.
    ///
    /// # Errors
    ///
    /// [`RackError`] when it is to be sealed and cannot be.
    pub async fn object(
        &self,
        environment: &Environment,
        sealed: bool,
    ) -> Result<Vec<u8>, RackError> {
        let plain = encoded(environment);
        if !sealed {
            return Ok(plain.to_vec());
        }
        let (data_key, encrypted) = self.data_keys()?.generate().await?;
        let mut nonce = [0; 24];
        getrandom::getrandom(&mut nonce).map_err(|_| RackError::NoRandom)?;
        let envelope = Envelope::seal(&plain, (&data_key, &encrypted), nonce);
        let envelope = envelope.map_err(|source| RackError::Environment {
            object: "envelope".to_owned(),
            source,
        })?;
        Ok(envelope.to_object())
    }

    fn data_keys(&self) -> Result<DataKeys, RackError> {
        Ok(DataKeys::new(
            self.sdk,
            self.rack.output("EnvironmentKeyArn")?,
        ))
    }
}
