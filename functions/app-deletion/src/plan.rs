//! Pure: what a deletion removes now, what it waits for, or why it may not begin.

use std::collections::BTreeSet;

use shared::leftovers::Removals;
use shared::names::{AppId, SecretArn};
use shared::promotion::Applied;
use shared::secrets::{Scheduled, SecretSeen};

use crate::error::DeletionError;
use crate::gather::Gathered;

/// Revisions that one run deregisters: ECS's burst, which promotes share.
const REVISIONS_MAX: usize = 20;

/// What a deletion does.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    /// ECS services and rules to remove.
    pub removals: Removals,
    /// Revisions to deregister, at most 20.
    pub revisions: Vec<String>,
    /// Whether there are more of them.
    pub more_revisions: bool,
    /// ECS services that drain already.
    pub draining: Vec<String>,
    /// What becomes of the secret.
    pub secret: SecretStep,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// What becomes of the secret, once nothing runs any more.
#[derive(Debug, PartialEq, Eq)]
pub enum SecretStep {
    /// There is none, or it is somebody else's.
    Nothing,
    /// It is scheduled for deletion.
    Schedule(SecretArn),
    /// It is scheduled already.
    Scheduled(Scheduled),
}

/// Decides on what was read.
///
/// # Errors
///
/// [`DeletionError::SecretStillRead`] where the deletion may not begin.
pub fn plan(
    id: &AppId,
    applied: Option<&Applied>,
    gathered: &Gathered,
) -> Result<Plan, DeletionError> {
    let mut warnings = gathered.warnings.clone();
    let secret = match &gathered.secret {
        SecretSeen::Nothing => SecretStep::Nothing,
        SecretSeen::NotOurs => {
            warnings.push(format!(
                "the secret `{}` lacks the tags convox:rack and convox:app of this App, so it is somebody else's and stays",
                id.secret()
            ));
            SecretStep::Nothing
        }
        SecretSeen::Active(arn) => SecretStep::Schedule(arn.clone()),
        SecretSeen::Scheduled(scheduled) => SecretStep::Scheduled(scheduled.clone()),
    };
    if let SecretStep::Schedule(arn) = &secret {
        let services = readers(id, gathered, arn);
        if !services.is_empty() {
            return Err(DeletionError::SecretStillRead {
                secret: id.secret(),
                services: services.into_iter().collect(),
            });
        }
    }
    let is_active = |arn: &String| {
        let known = gathered.definitions.get(arn);
        known.is_some_and(|known| known.is_active)
    };
    // Others may start tasks with what they run.
    let lent: BTreeSet<&str> = gathered.readers(id).map(|(_, arn)| arn).collect();
    let mut revisions: Vec<String> = gathered
        .own_revisions(id, applied)
        .filter(|arn| is_active(arn) && !lent.contains(arn.as_str()))
        .collect();
    let more_revisions = revisions.len() > REVISIONS_MAX;
    revisions.truncate(REVISIONS_MAX);
    let draining = gathered.leftovers.own_services(id);
    let draining = draining.filter(|service| service.is_draining());
    Ok(Plan {
        removals: Removals::of(id, &gathered.leftovers),
        revisions,
        more_revisions,
        draining: draining.map(|service| service.name.clone()).collect(),
        secret,
        warnings,
    })
}

/// ECS services that are not the App's own and whose tasks read its secret.
fn readers(id: &AppId, gathered: &Gathered, secret: &SecretArn) -> BTreeSet<String> {
    let reads = |arn: &str| {
        let known = gathered.definitions.get(arn);
        known.is_some_and(|known| {
            let mut references = known.secret_references.iter();
            references.any(|reference| secret.is_named_by(reference))
        })
    };
    gathered
        .readers(id)
        .filter(|(_, arn)| reads(arn))
        .map(|(name, _)| format!("`{name}`"))
        .collect()
}
