//! Scheduling for deletion, and restoring.

use serde_json::{Value, json};

use super::{Outcome, SecretStore, invalid_parameter, invalid_request, now};

const DAY_SECONDS: u32 = 86_400;
const WINDOW_DEFAULT: u64 = 30;

impl SecretStore {
    /// Source: facts/aws.md 2.6, 2.7.
    pub(super) fn delete(&mut self, body: &Value) -> Outcome {
        let forced = body["ForceDeleteWithoutRecovery"] == true;
        let asked = body["RecoveryWindowInDays"].as_u64();
        if forced && asked.is_some() {
            return Err(invalid_parameter(
                "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
            ));
        }
        let days = u32::try_from(asked.unwrap_or(WINDOW_DEFAULT));
        let Ok(days @ 7..=30) = days else {
            return Err(invalid_parameter(
                "RecoveryWindowInDays must be between 7 and 30 days (inclusive).",
            ));
        };
        let secret = self.find(body)?;
        if secret.deletion.is_some() {
            return Err(invalid_request(
                "You can't perform this operation on the secret because it was already scheduled for deletion.",
            ));
        }
        let date = if forced {
            now()
        } else {
            now() + f64::from(days * DAY_SECONDS)
        };
        secret.deletion = Some(date);
        let name = secret.name.clone();
        let answer = json!({"ARN": secret.arn, "Name": name, "DeletionDate": date});
        if forced {
            self.secrets.remove(&name);
        }
        Ok(answer)
    }

    /// Restoring an active secret is taken for a success without effect (facts/aws.md 2.6, unconfirmed).
    pub(super) fn restore(&mut self, body: &Value) -> Outcome {
        let secret = self.find(body)?;
        secret.deletion = None;
        Ok(json!({"ARN": secret.arn, "Name": secret.name}))
    }
}
