//! Pure: what a deletion removes now, what it waits for, or why it may not begin.

use std::collections::BTreeSet;

use aws::secrets::{Scheduled, SecretSeen};
use lambda::unwanted::Removals;
use names::{AppId, SecretArn};
use promotion::Applied;
use release::app_stack;
use release::stack_state::RequestToken;

use crate::error::DeletionError;
use crate::gather::Gathered;
use crate::notice::Notice;

/// Revisions that one run deregisters: ECS's burst, which promotes share.
const REVISIONS_MAX: usize = 20;
/// More names than this help nobody.
const NAMED_MAX: usize = 20;

/// What a deletion does.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    /// ECS services, rules and schedules to remove.
    pub removals: Removals,
    /// Revisions to deregister, at most 20.
    pub revisions: Vec<String>,
    /// Whether there are more of them.
    pub more_revisions: bool,
    /// ECS services that drain already.
    pub draining: Vec<String>,
    /// Whether its own stack is deleted, waited for, or not there.
    pub stack: StackDeletion,
    /// Whether the secret is scheduled for deletion, was before, or is not there.
    pub secret: SecretDeletion,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// The step that removes the App's own stack, once nothing runs any more.
#[derive(Debug, PartialEq, Eq)]
pub enum StackDeletion {
    /// There is none, or it is somebody else's.
    Nothing,
    /// CloudFormation is at work on it; the status.
    Wait(String),
    /// It is deleted.
    Delete {
        /// Its ARN.
        arn: String,
        /// The `ClientRequestToken`.
        token: String,
        /// The resources that leave a final snapshot.
        leave_snapshots: Vec<String>,
    },
}

/// The step that removes the secret, once nothing runs any more.
#[derive(Debug, PartialEq, Eq)]
pub enum SecretDeletion {
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
/// [`DeletionError::SecretStillRead`], [`DeletionError::DefinitionStillRun`] and [`DeletionError::StackStays`] where the deletion may not begin, or not go on.
pub fn plan(
    id: &AppId,
    request_id: &str,
    applied: Option<&Applied>,
    gathered: &Gathered,
) -> Result<Plan, DeletionError> {
    let mut warnings = Vec::new();
    let secret = match &gathered.secret {
        SecretSeen::Nothing => SecretDeletion::Nothing,
        SecretSeen::NotOurs => {
            let secret = id.secret();
            warnings.push(Notice::SecretNotOurs { secret }.to_string());
            SecretDeletion::Nothing
        }
        SecretSeen::Active(arn) => SecretDeletion::Schedule(arn.clone()),
        SecretSeen::Scheduled(scheduled) => SecretDeletion::Scheduled(scheduled.clone()),
    };
    if let SecretDeletion::Schedule(arn) = &secret {
        let services = gathered.others.readers(arn);
        if !services.is_empty() {
            return Err(DeletionError::SecretStillRead {
                secret: id.secret(),
                services: shown(&services),
            });
        }
    }
    // Roles and log group of its definitions go with the stack.
    let has_stack = gathered
        .stack
        .as_ref()
        .is_some_and(|seen| id.owns(&seen.tags));
    let services = gathered.others.run_definitions_of(id);
    if has_stack && !services.is_empty() {
        return Err(DeletionError::DefinitionStillRun {
            services: shown(&services),
        });
    }
    let stack = stack(id, request_id, gathered, &mut warnings)?;
    let is_active = |arn: &String| {
        let known = gathered.definitions.get(arn);
        known.is_some_and(|known| known.is_active)
    };
    // Others may start tasks with what they run.
    let lent = gathered.others.revisions();
    let mut revisions: Vec<String> = gathered
        .own_revisions(id, applied)
        .filter(|arn| is_active(arn) && !lent.contains(arn.as_str()))
        .collect();
    let more_revisions = revisions.len() > REVISIONS_MAX;
    revisions.truncate(REVISIONS_MAX);
    let draining = gathered.unwanted.own_services(id);
    let draining = draining.filter(|service| service.is_draining());
    Ok(Plan {
        removals: Removals::of(id, &gathered.unwanted),
        revisions,
        more_revisions,
        draining: draining.map(|service| service.name.clone()).collect(),
        stack,
        secret,
        warnings,
    })
}

/// The step that removes the App's stack, or why it cannot be removed.
fn stack(
    id: &AppId,
    request_id: &str,
    gathered: &Gathered,
    warnings: &mut Vec<String>,
) -> Result<StackDeletion, DeletionError> {
    let Some(seen) = &gathered.stack else {
        return Ok(StackDeletion::Nothing);
    };
    let name = id.stack();
    if !id.owns(&seen.tags) {
        warnings.push(Notice::StackNotOurs { stack: name }.to_string());
        return Ok(StackDeletion::Nothing);
    }
    let request = RequestToken::new(id, request_id);
    let protected = app_stack::protected(&seen.template);
    if !protected.is_empty() {
        return Err(DeletionError::ResourceProtected {
            resources: protected,
        });
    }
    if let Some(reason) = seen.failed(&request) {
        let reason = reason.to_owned();
        return Err(DeletionError::StackStays { name, reason });
    }
    Ok(if seen.delays_deletion() {
        StackDeletion::Wait(seen.status.clone())
    } else {
        let (arn, token) = (seen.arn.clone(), request.of("delete"));
        StackDeletion::Delete {
            arn,
            token,
            leave_snapshots: app_stack::leave_snapshots(&seen.template),
        }
    })
}

/// Names as messages have them: at most 20, since a cluster can have thousands.
fn shown(services: &BTreeSet<String>) -> String {
    let named = services.iter().take(NAMED_MAX);
    let mut named: Vec<String> = named.map(|name| format!("`{name}`")).collect();
    let more = services.len() - named.len();
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    named.join(", ")
}
