//! Secrets Manager, and KMS through it where the secret has a customer key.

use serde_json::Value;

use super::super::facts::{Facts, Secret, tags};
use super::{Need, Row, text, unknown, via};
use crate::proxy::Call;

const OPERATION: &str =
    "SAR for Secrets Manager: the action of the operation's name, on the secret";
const TAG: &str =
    "Secrets Manager API reference, CreateSecret: with tags also secretsmanager:TagResource";
const CREATE_KEY: &str =
    "Secrets Manager API reference, CreateSecret: kms:GenerateDataKey and kms:Decrypt to the key";
const READ_KEY: &str =
    "Secrets Manager API reference, GetSecretValue: kms:Decrypt to a customer key";
const WRITE_KEY: &str = "Secrets Manager user guide, \"Secret encryption and decryption\": PutSecretValue generates a data \
                         key, and decrypts where the version exists";
const DELETION: &str = "SAR for Secrets Manager, DeleteSecret: the keys RecoveryWindowInDays and ForceDeleteWithoutRecovery hold what \
                        the request says";
const UPDATE_KEY: &str = "Secrets Manager API reference, UpdateSecret: kms:GenerateDataKey, kms:Encrypt and kms:Decrypt to the new key; what \
                          is encrypted anew is decrypted with the key before";
/// What a secret that does not exist yet may end in.
const SUFFIX: &str = "-AbCdEf";

pub(super) fn needs(facts: &Facts<'_>, call: &Call) -> Row {
    let operation = call.operation.as_str();
    let action = format!("secretsmanager:{operation}");
    if operation == "CreateSecret" {
        return Ok(creation(facts, call));
    }
    let id = text(&call.body, "SecretId");
    let secret = facts.secret(id);
    let mut needs = vec![on_secret(facts, &action, id, secret)];
    let key = secret.and_then(|secret| secret.key.as_deref());
    let through = |action: &str, source| key.map(|key| via("secretsmanager", action, key, source));
    match operation {
        "DeleteSecret" => {
            return Ok(needs
                .into_iter()
                .map(|need| deletion(need, &call.body))
                .collect());
        }
        "DescribeSecret" | "RestoreSecret" | "UpdateSecretVersionStage" => {}
        "GetSecretValue" => needs.extend(through("kms:Decrypt", READ_KEY)),
        "UpdateSecret" => {
            needs.extend(through("kms:Decrypt", UPDATE_KEY));
            let new = call.body["KmsKeyId"].as_str();
            if let Some(new) = new.filter(|new| new.starts_with("arn:")) {
                for action in ["kms:GenerateDataKey", "kms:Encrypt", "kms:Decrypt"] {
                    needs.push(via("secretsmanager", action, new, UPDATE_KEY));
                }
            }
        }
        "PutSecretValue" => {
            needs.extend(through("kms:GenerateDataKey", WRITE_KEY));
            needs.extend(through("kms:Decrypt", WRITE_KEY));
        }
        _ => return unknown(call),
    }
    Ok(needs)
}

fn creation(facts: &Facts<'_>, call: &Call) -> Vec<Need> {
    let name = text(&call.body, "Name");
    let arn = call.answer["ARN"].as_str().map(str::to_owned);
    let arn = arn.unwrap_or_else(|| bare(facts, &format!("{name}{SUFFIX}")));
    let tags = tags(&call.body["Tags"], "Key", "Value");
    let on_new = |action, source| {
        let need = Need::new(action, arn.clone(), source);
        need.with_tags("aws:RequestTag", &tags)
            .with("secretsmanager:Name", name)
    };
    let mut needs = vec![on_new("secretsmanager:CreateSecret", OPERATION)];
    if !tags.is_empty() {
        needs.push(on_new("secretsmanager:TagResource", TAG));
    }
    if let Some(key) = call.body["KmsKeyId"].as_str() {
        for action in ["kms:GenerateDataKey", "kms:Decrypt"] {
            needs.push(via("secretsmanager", action, key, CREATE_KEY));
        }
    }
    needs
}

/// What the request says of the end.
fn deletion(mut need: Need, body: &Value) -> Need {
    need.source = DELETION;
    for name in ["RecoveryWindowInDays", "ForceDeleteWithoutRecovery"] {
        if !body[name].is_null() {
            need = need.with(&format!("secretsmanager:{name}"), body[name].to_string());
        }
    }
    need
}

/// A secret that nobody has seen is asked for by what the call says of it: its name has no suffix.
fn on_secret(facts: &Facts<'_>, action: &str, id: &str, secret: Option<&Secret>) -> Need {
    let arn = match secret {
        Some(secret) => secret.arn.clone(),
        None if id.starts_with("arn:") => id.to_owned(),
        None => bare(facts, id),
    };
    let need = Need::new(action, arn, OPERATION).with("secretsmanager:SecretId", id);
    match secret {
        Some(secret) => need.with_tags("aws:ResourceTag", &secret.tags),
        None => need,
    }
}

fn bare(facts: &Facts<'_>, name: &str) -> String {
    facts
        .deployment
        .arn("secretsmanager", &format!("secret:{name}"))
}
