//! Resolves references against Secrets Manager.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use futures_util::future::join_all;
use serde_json::{Map, Value};

use super::{LaunchFailure, go_print, reference};

/// The value of every reference. All are asked for at once; the failures of all are joined with `;`.
///
/// Source: facts/aws.md 1.3 (one call per distinct reference, in parallel; errors joined).
pub(super) async fn resolve(
    client: &Client,
    references: impl Iterator<Item = &str>,
) -> Result<BTreeMap<String, String>, LaunchFailure> {
    let distinct: BTreeSet<&str> = references.collect();
    let resolved = join_all(distinct.iter().map(|value_from| read(client, value_from))).await;
    let mut values = BTreeMap::new();
    let mut failures = Vec::new();
    for (value_from, outcome) in distinct.into_iter().zip(resolved) {
        match outcome {
            Ok(value) => drop(values.insert(value_from.to_owned(), value)),
            Err(reason) => failures.push(reason),
        }
    }
    if failures.is_empty() {
        Ok(values)
    } else {
        Err(LaunchFailure(failures.join(";")))
    }
}

async fn read(client: &Client, value_from: &str) -> Result<String, String> {
    let reference = reference::parse(value_from).map_err(|reason| {
        format!("trying to retrieve secret with value {value_from} resulted in error: {reason}")
    })?;
    let answer = client
        .get_secret_value()
        .secret_id(&reference.secret_id)
        .set_version_stage(reference.version_stage)
        .set_version_id(reference.version_id)
        .send()
        .await
        .map_err(|error| failure(&reference.secret_id, &error.into_service_error()))?;
    let text = answer.secret_string.unwrap_or_default(); // a binary secret is never used
    match reference.json_key {
        None => Ok(text),
        Some(key) => member(&text, &key),
    }
}

/// Source: aws/amazon-ecs-agent, agent/asm/asm.go (wordings), facts/aws.md 1.8.
fn failure(secret_id: &str, error: &impl ProvideErrorMetadata) -> String {
    let code = error.code().unwrap_or("RequestError");
    let message = error.message().unwrap_or("send request failed");
    if code != "ResourceNotFoundException" {
        return format!("{code}: {message}");
    }
    format!(
        "{code}: The task can't retrieve the secret with ARN '{secret_id}' from AWS Secrets Manager. Check whether the \
         secret exists in the specified Region: {code}: {message}"
    )
}

fn member(text: &str, key: &str) -> Result<String, String> {
    // The parser's own message is not used: Go's does not repeat the text either.
    let members: Map<String, Value> = serde_json::from_str(text)
        .map_err(|_| "the secret's value is not a JSON object".to_owned())?;
    let value = members.get(key).ok_or_else(|| {
        format!("retrieved secret from Secrets Manager did not contain json key {key}")
    })?;
    Ok(go_print::print(value))
}
