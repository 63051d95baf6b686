//! KMS: keys, and data keys whose ciphertext holds the plaintext. Nothing here keeps a secret.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::Refusal;
use super::{Outcome, State, text, unknown};
use crate::unique;

const SEALED: &[u8] = b"sealed:";

pub(super) fn answer(state: &mut State, operation: &str, body: &Value) -> Outcome {
    match operation {
        "CreateKey" => {
            let id = state.id();
            let arn = state.arn("kms", &format!("key/{id}"));
            state.keys.push(arn.clone());
            Ok(metadata(&arn))
        }
        "DescribeKey" => Ok(metadata(find(state, body)?)),
        "GenerateDataKey" => {
            let arn = find(state, body)?;
            let plaintext = random(body);
            let ciphertext = [SEALED, plaintext.as_slice()].concat();
            Ok(json!({
                "KeyId": arn,
                "Plaintext": STANDARD.encode(plaintext),
                "CiphertextBlob": STANDARD.encode(ciphertext),
            }))
        }
        "GenerateRandom" => Ok(json!({"Plaintext": STANDARD.encode(random(body))})),
        "Decrypt" => {
            let ciphertext = STANDARD.decode(text(body, "CiphertextBlob"));
            let ciphertext = ciphertext.unwrap_or_default();
            let plaintext = ciphertext
                .strip_prefix(SEALED)
                .ok_or_else(|| Refusal::new("InvalidCiphertextException", ""))?;
            let arn = find(state, body)?;
            Ok(
                json!({"KeyId": arn, "Plaintext": STANDARD.encode(plaintext), "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}),
            )
        }
        other => unknown("kms", other),
    }
}

/// The ARN of the key that is named by id or ARN, or of the only one.
fn find<'s>(state: &'s State, body: &Value) -> Result<&'s str, Refusal> {
    let named = text(body, "KeyId");
    let mut keys = state.keys.iter();
    let key =
        keys.find(|arn| named.is_empty() || *arn == named || arn.ends_with(&format!("/{named}")));
    let key = key
        .ok_or_else(|| Refusal::new("NotFoundException", format!("Key '{named}' does not exist")));
    key.map(String::as_str)
}

fn metadata(arn: &str) -> Value {
    let id = arn.rsplit('/').next();
    json!({"KeyMetadata": {"KeyId": id, "Arn": arn, "Enabled": true, "KeyState": "Enabled"}})
}

fn random(body: &Value) -> Vec<u8> {
    let length = body["NumberOfBytes"].as_u64().unwrap_or(32);
    let length = usize::try_from(length).expect("some bytes");
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend(unique::number().to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
