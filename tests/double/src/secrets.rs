//! A small model of Secrets Manager that keeps AWS's rules about names, versions, tokens, labels and deletion.
//!
//! The emulator invents version ids and forgets what tokens mean, so its answers cannot be patched. One account,
//! one region, always consistent; eventual consistency is for faults to play.

mod adoption;
mod calls;
mod checks;
mod deletion;
mod deprecated;
mod labels;
mod secret;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::clock;
use crate::proxy::Refusal;
pub use deprecated::DeletedIds;
use secret::Secret;

type Outcome = Result<Value, Refusal>;

/// The secrets of one account, by name.
#[derive(Debug, Clone)]
pub(crate) struct SecretStore {
    account: String,
    secrets: BTreeMap<String, Secret>,
}

impl SecretStore {
    pub(crate) fn new(account: &str) -> Self {
        Self {
            account: account.to_owned(),
            secrets: BTreeMap::new(),
        }
    }

    /// Answers one call.
    pub(crate) fn call(&mut self, operation: &str, body: &Value) -> Outcome {
        match operation {
            "CreateSecret" => self.create(body),
            "PutSecretValue" => self.put_value(body),
            "GetSecretValue" => self.get_value(body),
            "DescribeSecret" => self.describe(body),
            "ListSecrets" => Ok(self.list(body)),
            "ListSecretVersionIds" => self.list_versions(body),
            "UpdateSecret" => self.update(body),
            "UpdateSecretVersionStage" => self.update_stage(body),
            "TagResource" => self.tag(body),
            "UntagResource" => self.untag(body),
            "DeleteSecret" => self.delete(body),
            "RestoreSecret" => self.restore(body),
            other => Err(Refusal::new(
                "UnknownOperationException",
                format!("the double's Secrets Manager has no {other}"),
            )),
        }
    }

    /// The secret that `SecretId` names, also one that is scheduled for deletion.
    fn find(&mut self, body: &Value) -> Result<&mut Secret, Refusal> {
        let id = body["SecretId"].as_str().unwrap_or_default();
        let mut secrets = self.secrets.values_mut();
        secrets
            .find(|secret| secret.is_named_by(id))
            .ok_or_else(|| not_found("Secrets Manager can't find the specified secret."))
    }

    /// The same, but refuses one that is scheduled for deletion.
    ///
    /// Source: facts/aws.md 2.6.
    fn find_active(&mut self, body: &Value) -> Result<&mut Secret, Refusal> {
        let secret = self.find(body)?;
        if secret.deletion.is_none() {
            return Ok(secret);
        }
        Err(invalid_request(
            "You can't perform this operation on the secret because it was marked for deletion.",
        ))
    }
}

/// Seconds since 1970, the form in which the JSON protocols carry time.
fn now() -> f64 {
    #[allow(
        clippy::cast_precision_loss,
        reason = "microseconds since 1970 have 51 bits"
    )]
    let micros = clock::now().timestamp_micros() as f64;
    micros / 1e6
}

fn not_found(message: &str) -> Refusal {
    Refusal::new("ResourceNotFoundException", message)
}

fn invalid_request(message: &str) -> Refusal {
    Refusal::new("InvalidRequestException", message)
}

fn invalid_parameter(message: &str) -> Refusal {
    Refusal::new("InvalidParameterException", message)
}
