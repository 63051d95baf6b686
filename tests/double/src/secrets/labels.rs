//! Staging labels: each sits on one version, a secret has few, and `AWSPREVIOUS` follows `AWSCURRENT`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::secret::Secret;
use super::{Outcome, SecretStore, checks, invalid_parameter, not_found, now};
use crate::proxy::Refusal;

pub(super) const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";
/// On all versions of a secret, AWS's own among them. Source: facts/aws.md 2.1.
const LABELS_MAX: usize = 20;

impl SecretStore {
    /// Source: Secrets Manager API reference, `UpdateSecretVersionStage`; facts/aws.md 2.4.
    pub(super) fn update_stage(&mut self, body: &Value) -> Outcome {
        let text = |field: &str| body[field].as_str();
        let stage = checks::label(&body["VersionStage"])?;
        let secret = self.find_active(body)?;
        let holder = secret.version_with(stage).map(|(id, _)| id.clone());
        check_removal(
            stage,
            holder.as_deref(),
            text("RemoveFromVersionId"),
            text("MoveToVersionId"),
        )?;
        if let Some(target) = text("MoveToVersionId") {
            if !secret.versions.contains_key(target) {
                return Err(not_found(
                    "Secrets Manager can't find the specified secret version.",
                ));
            }
            check_room(secret, &[stage], target)?;
            attach(secret, stage, target);
        } else {
            detach(secret, stage);
        }
        secret.changed = now();
        Ok(json!({"ARN": secret.arn, "Name": secret.name}))
    }
}

/// Refuses labels that are too many for the secret once they are on a version; a label that only moves adds none.
///
/// Source: Secrets Manager user guide, "Quotas", "Labels attached across all versions of a secret"; API reference,
/// `LimitExceededException`. The words are from a log that a user published; AWS documents none.
pub(super) fn check_room(secret: &Secret, added: &[&str], id: &str) -> Result<(), Refusal> {
    let stages = secret.versions.values().flat_map(|it| &it.stages);
    let mut labels: BTreeSet<&str> = stages.map(String::as_str).collect();
    labels.extend(added);
    let holder = secret.version_with(CURRENT).map(|(holder, _)| holder);
    if added.contains(&CURRENT) && holder.is_some_and(|holder| holder != id) {
        labels.insert(PREVIOUS);
    }
    if labels.len() <= LABELS_MAX {
        return Ok(());
    }
    let message = "You exceeded the maximum number of staging labels allowed on a secret.";
    Err(Refusal::new("LimitExceededException", message))
}

/// Puts the label on one version and takes it from the other.
pub(super) fn attach(secret: &mut Secret, stage: &str, id: &str) {
    let holder = secret.version_with(stage).map(|(id, _)| id.clone());
    if holder.as_deref() == Some(id) {
        return;
    }
    detach(secret, stage);
    if let Some(version) = secret.versions.get_mut(id) {
        version.stages.push(stage.to_owned());
    }
    if let (CURRENT, Some(left)) = (stage, holder) {
        attach(secret, PREVIOUS, &left);
    }
}

fn detach(secret: &mut Secret, stage: &str) {
    for version in secret.versions.values_mut() {
        version.stages.retain(|own| own != stage);
    }
}

fn check_removal(
    stage: &str,
    holder: Option<&str>,
    remove_from: Option<&str>,
    move_to: Option<&str>,
) -> Result<(), Refusal> {
    if stage == CURRENT && move_to.is_none() {
        return Err(invalid_parameter(
            "You can't remove the staging label AWSCURRENT from a version. Move it to another version.",
        ));
    }
    if remove_from == holder || (holder == move_to && remove_from.is_none()) {
        return Ok(());
    }
    let message = format!(
        "The parameter RemoveFromVersionId must name the version that the staging label {stage} is attached to."
    );
    Err(invalid_parameter(&message))
}
