//! Limits on what a request may hold; facts/aws.md 2.1 unless a line says otherwise.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::labels::CURRENT;
use super::secret::Content;
use super::{invalid_parameter, invalid_request};
use crate::proxy::Refusal;

const VALUE_MAX: usize = 65_536;
const NAME_MAX: usize = 512;
const DESCRIPTION_MAX: usize = 2048;
const LABEL_MAX: usize = 256;
const LABELS_OF_A_PUT_MAX: usize = 20;

pub(super) fn name(body: &Value) -> Result<&str, Refusal> {
    let name = body["Name"].as_str().unwrap_or_default();
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@-".contains(&byte);
    if (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(valid) {
        return Ok(name);
    }
    Err(validation(
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
    ))
}

/// The token becomes the version id. The SDK fills in one where the caller gave none.
pub(super) fn token(body: &Value) -> Result<&str, Refusal> {
    let token = body["ClientRequestToken"]
        .as_str()
        .ok_or_else(|| invalid_parameter("You must provide a ClientRequestToken value."))?;
    if (32..=64).contains(&token.chars().count()) {
        return Ok(token);
    }
    Err(out_of_range("clientRequestToken", 32, 64))
}

/// The value of the request, if it has one.
pub(super) fn content(body: &Value) -> Result<Option<Content>, Refusal> {
    if body["SecretString"].is_string() && body["SecretBinary"].is_string() {
        return Err(invalid_parameter(
            "You can't specify both a binary secret value and a string secret value in the same secret.",
        ));
    }
    let content = Content::of(body);
    let size = match &content {
        None => return Ok(None),
        Some(Content::Text(text)) => text.len(),
        Some(Content::Binary(base64)) => {
            let bytes = STANDARD.decode(base64);
            bytes
                .map_err(|_| invalid_parameter("SecretBinary is not base64."))?
                .len()
        }
    };
    if (1..=VALUE_MAX).contains(&size) {
        return Ok(content);
    }
    Err(out_of_range("secretString", 1, VALUE_MAX))
}

pub(super) fn description(body: &Value) -> Result<(), Refusal> {
    if body["Description"].as_str().unwrap_or_default().len() > DESCRIPTION_MAX {
        return Err(out_of_range("description", 0, DESCRIPTION_MAX));
    }
    Ok(())
}

/// The labels that a put attaches: `AWSCURRENT` where it names none.
///
/// Source: Secrets Manager API reference, `PutSecretValue`, `VersionStages`.
pub(super) fn labels(body: &Value) -> Result<Vec<&str>, Refusal> {
    let Some(labels) = body["VersionStages"].as_array() else {
        return Ok(vec![CURRENT]);
    };
    if (1..=LABELS_OF_A_PUT_MAX).contains(&labels.len()) {
        return labels.iter().map(label).collect();
    }
    Err(out_of_range("versionStages", 1, LABELS_OF_A_PUT_MAX))
}

/// Source: Secrets Manager API reference, `UpdateSecretVersionStage`, `VersionStage`.
pub(super) fn label(value: &Value) -> Result<&str, Refusal> {
    let label = value.as_str().unwrap_or_default();
    if (1..=LABEL_MAX).contains(&label.chars().count()) {
        return Ok(label);
    }
    Err(out_of_range("versionStage", 1, LABEL_MAX))
}

/// The tags of a request, checked.
pub(super) fn tags(body: &Value) -> Result<Vec<(String, String)>, Refusal> {
    let tags = body["Tags"].as_array().into_iter().flatten();
    tags.map(|tag| {
        let text = |field: &str| tag[field].as_str().unwrap_or_default().to_owned();
        let (key, value) = (text("Key"), text("Value"));
        if key.starts_with("aws:") {
            return Err(invalid_request(
                "Tag keys that start with aws: are reserved.",
            ));
        }
        if !(1..=128).contains(&key.chars().count()) || value.chars().count() > 256 {
            return Err(out_of_range("tags", 1, 128));
        }
        Ok((key, value))
    })
    .collect()
}

fn out_of_range(field: &str, least: usize, most: usize) -> Refusal {
    validation(&format!(
        "1 validation error detected: Value at '{field}' failed to satisfy constraint: Member must have length \
         between {least} and {most}"
    ))
}

fn validation(message: &str) -> Refusal {
    Refusal::new("ValidationException", message)
}
