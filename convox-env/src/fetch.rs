//! Reads the environment object from S3 and, where it is an envelope, has KMS decrypt its data key.

use std::time::SystemTime;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use environment::{EnvironmentObject, ReadEnvironment};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::credentials::Credentials;
use crate::endpoint::Endpoints;
use crate::fetch_error::FetchError;
use crate::http::{Client, HttpRequest};
use crate::service_error::ServiceError;
use crate::settings::Settings;
use crate::signing::signed;
use crate::task::Task;

/// Speaks to S3 and KMS with the task's role.
struct Aws {
    client: Client,
    credentials: Credentials,
    endpoints: Endpoints,
}

/// Reads the environment that `settings` name.
///
/// # Errors
///
/// [`FetchError`], naming the object and the fix.
pub fn fetch(settings: &Settings, client: Client) -> Result<ReadEnvironment, FetchError> {
    let object = || settings.object.clone();
    let invalid = |source| FetchError::Invalid {
        object: object(),
        source,
    };
    let aws = Aws::new(&settings.task, client).map_err(|err| FetchError::from_s3(object(), err))?;
    let url = aws.endpoints.object(&settings.object);
    let bytes = aws
        .get(&url)
        .map_err(|err| FetchError::from_s3(object(), err))?;
    let envelope = match environment::read(&bytes).map_err(invalid)? {
        EnvironmentObject::Plain(read) => return Ok(read),
        EnvironmentObject::Sealed(envelope) => envelope,
    };
    let Some(key_id) = &settings.key_id else {
        return Err(FetchError::NoKey { object: object() });
    };
    let opened = aws.decrypt(key_id, envelope.encrypted_data_key());
    let data_key = opened.map_err(|err| FetchError::from_kms(object(), key_id, err))?;
    envelope.open(&data_key).map_err(invalid)
}

impl Aws {
    fn new(task: &Task, client: Client) -> Result<Self, ServiceError> {
        let endpoints = Endpoints::of(task).ok_or_else(|| {
            let why = "neither CONVOX_ENV_KEY nor CONVOX_ENV_REGION names a region";
            ServiceError::new("find S3", "Unreachable", Some(why))
        })?;
        let credentials = Credentials::find(&client, task)?;
        Ok(Self {
            client,
            credentials,
            endpoints,
        })
    }

    fn get(&self, url: &str) -> Result<Zeroizing<Vec<u8>>, ServiceError> {
        self.client.send(|| {
            let request = HttpRequest {
                attempted: "read it",
                url: url.to_owned(),
                headers: Vec::new(),
                body: None,
            };
            self.sign(request, "s3")
        })
    }

    /// The data key in clear. Naming the key keeps a foreign one's blob out; Convox uses no encryption context.
    ///
    /// Source: KMS API reference, `Decrypt`.
    fn decrypt(&self, key_id: &str, encrypted: &[u8]) -> Result<Zeroizing<Vec<u8>>, ServiceError> {
        const ATTEMPTED: &str = "decrypt its data key";
        let body = json!({"CiphertextBlob": BASE64_STANDARD.encode(encrypted), "KeyId": key_id});
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", "TrentService.Decrypt"),
        ];
        let answer = self.client.send(|| {
            let request = HttpRequest {
                attempted: ATTEMPTED,
                url: self.endpoints.kms(),
                headers: headers
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .to_vec(),
                body: Some(body.to_string().into_bytes()),
            };
            self.sign(request, "kms")
        })?;
        plaintext(&answer).ok_or_else(|| {
            ServiceError::new(ATTEMPTED, "BadResponse", Some("the answer cannot be read"))
        })
    }

    fn sign(&self, request: HttpRequest, service: &str) -> Result<HttpRequest, ServiceError> {
        let region = &self.endpoints.region;
        signed(
            request,
            &self.credentials,
            region,
            service,
            SystemTime::now(),
        )
    }
}

fn plaintext(answer: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let plaintext = answer.get("Plaintext")?.as_str()?;
    Some(Zeroizing::new(BASE64_STANDARD.decode(plaintext).ok()?))
}
