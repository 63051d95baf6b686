//! KMS: the data keys of envelopes.

use aws_config::SdkConfig;
use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use zeroize::Zeroizing;

use crate::call_error::CallError;
use crate::clients::OnDemand;

/// Opens data keys with one KMS key.
#[derive(Debug)]
pub struct DataKeys {
    client: OnDemand<Client>,
    key_arn: String,
}

impl DataKeys {
    /// Data keys that `key_arn` encrypts; naming it keeps a foreign key's blob out.
    #[must_use]
    pub fn new(sdk: &SdkConfig, key_arn: impl Into<String>) -> Self {
        let sdk = sdk.clone();
        Self {
            client: OnDemand::new(move || Client::new(&sdk)),
            key_arn: key_arn.into(),
        }
    }

    /// A new data key: in clear, wiped when it is dropped, and encrypted.
    ///
    /// # Errors
    ///
    /// [`CallError`] when KMS refuses it or cannot be reached.
    pub async fn generate(&self) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>), CallError> {
        let attempted = || format!("make a data key with {}", self.key_arn);
        let request = self.client.generate_data_key().key_id(&self.key_arn);
        let answer = request.number_of_bytes(32).send().await;
        let answer = answer.map_err(|err| CallError::new(attempted(), &err))?;
        match (answer.plaintext, answer.ciphertext_blob) {
            (Some(plain), Some(encrypted)) => {
                Ok((Zeroizing::new(plain.into_inner()), encrypted.into_inner()))
            }
            _ => Err(CallError::incomplete(attempted(), "data key")),
        }
    }

    /// The data key in clear, wiped when it is dropped. Convox uses no encryption context.
    ///
    /// # Errors
    ///
    /// [`CallError`] when KMS refuses it or cannot be reached.
    pub async fn open(&self, encrypted: &[u8]) -> Result<Zeroizing<Vec<u8>>, CallError> {
        let request = self
            .client
            .decrypt()
            .key_id(&self.key_arn)
            .ciphertext_blob(Blob::new(encrypted));
        let answer = request.send().await;
        let answer = answer.map_err(|err| {
            CallError::new(format!("decrypt a data key with {}", self.key_arn), &err)
        })?;
        Ok(Zeroizing::new(
            answer
                .plaintext
                .unwrap_or_else(|| Blob::new(Vec::new()))
                .into_inner(),
        ))
    }
}
