//! All writes of a deletion, in order: schedules, rules, ECS services, revisions, the stack, and the secret once nothing runs any more. Each can be
//! repeated.

use std::fmt::Write as _;

use aws::call_error::CallError;
use aws::secrets::Scheduled;
use futures_util::{StreamExt as _, stream};
use lambda::state_store::{StateStore, StoreError};
use names::AppId;

use crate::error::DeletionError;
use crate::plan::{Plan, SecretDeletion, StackDeletion};
use crate::shell::Shell;

/// Calls under way at once; ECS changes five services a second after a burst of 50.
const CALLS_AT_ONCE: usize = 4;

/// How far a deletion came.
#[derive(Debug, PartialEq, Eq)]
pub enum DeletionProgress {
    /// Nothing of the App is left; its secret, where there was one, is scheduled for deletion.
    Done(Option<Scheduled>),
    /// Something takes its time.
    Waits(String),
}

/// Applies the plan; `removed` is told what is gone, also where this ends in an error.
///
/// # Errors
///
/// [`DeletionError`] for the first write that failed.
pub async fn apply(
    shell: &Shell,
    id: &AppId,
    plan: &Plan,
    removed: &mut Vec<String>,
) -> Result<DeletionProgress, DeletionError> {
    let removals = &plan.removals;
    let (rules, services) = (&removals.rules, &removals.services);
    each(&removals.schedules, removed, "the schedule", async |name| {
        shell.schedules.remove(name).await
    })
    .await?;
    each(rules, removed, "the rule", async |rule| {
        shell.rules.remove(rule).await
    })
    .await?;
    each(services, removed, "the ECS service", async |service| {
        shell.cluster.delete_service(service).await
    })
    .await?;
    each(
        &plan.revisions,
        removed,
        "the task definition",
        async |arn| shell.cluster.deregister(arn).await,
    )
    .await?;
    if let Some(reason) = still_there(shell, plan).await? {
        return Ok(DeletionProgress::Waits(reason));
    }
    if let Some(reason) = delete_stack(shell, id, &plan.stack, removed).await? {
        return Ok(DeletionProgress::Waits(reason));
    }
    if shell.has_entrance {
        give_back(shell, id).await?;
    }
    let secret = shell.secrets.of(id);
    Ok(DeletionProgress::Done(match &plan.secret {
        SecretDeletion::Nothing => None,
        SecretDeletion::Schedule(arn) => secret.schedule_deletion(arn).await?,
        SecretDeletion::Scheduled(scheduled) => Some(scheduled.clone()),
    }))
}

/// Deletes the App's stack, which takes minutes: why there is to be waited, if there is.
async fn delete_stack(
    shell: &Shell,
    id: &AppId,
    step: &StackDeletion,
    removed: &mut Vec<String>,
) -> Result<Option<String>, CallError> {
    let name = id.stack();
    match step {
        StackDeletion::Nothing => Ok(None),
        StackDeletion::Wait(status) => Ok(Some(format!("the stack `{name}` is in {status}"))),
        StackDeletion::Delete {
            arn,
            token,
            leave_snapshots,
        } => {
            let role = &shell.app_stack_role_arn;
            shell.stacks.delete(arn, role, token).await?;
            removed.push(format!("the stack `{name}`"));
            let mut waits = format!("the stack `{name}` is being deleted");
            if !leave_snapshots.is_empty() {
                let _ = write!(
                    waits,
                    "; final snapshots stay of {}",
                    leave_snapshots.join(", ")
                ); // a String takes all
            }
            Ok(Some(waits))
        }
    }
}

/// Gives back the App's hosts and rule priorities: its rules are gone with its stack.
async fn give_back(shell: &Shell, id: &AppId) -> Result<(), StoreError> {
    let store = StateStore::reservations(&shell.bucket);
    let mut seen = store.read().await?;
    let change = store.change(&mut seen, |all| *all = all.settled(&id.app, &[]));
    change.await
}

/// Removes each of `names`, a few at a time, and only then says which failed.
async fn each(
    names: &[String],
    removed: &mut Vec<String>,
    what: &str,
    remove: impl AsyncFn(&str) -> Result<(), CallError>,
) -> Result<(), DeletionError> {
    let remove = &remove;
    let ended: Vec<(&String, Result<(), CallError>)> = stream::iter(names)
        .map(async |name| (name, remove(name).await))
        .buffered(CALLS_AT_ONCE)
        .collect()
        .await;
    let gone = ended.iter().filter(|(_, ended)| ended.is_ok());
    removed.extend(gone.map(|(name, _)| format!("{what} `{name}`")));
    let ended = ended.into_iter().map(|(_, ended)| ended);
    Ok(ended.collect::<Result<(), _>>()?)
}

/// What still runs, or still has to go; the secret must outlive it.
async fn still_there(shell: &Shell, plan: &Plan) -> Result<Option<String>, CallError> {
    if plan.more_revisions {
        return Ok(Some(
            "task definitions are left to deregister; ECS takes one a second".to_owned(),
        ));
    }
    let mut names = plan.removals.services.clone();
    names.extend(plan.draining.iter().cloned());
    let running = shell.cluster.services(&names).await?;
    let names: Vec<&str> = running.keys().map(String::as_str).collect();
    Ok((!names.is_empty())
        .then(|| format!("ECS services are still draining: {}", names.join(", "))))
}
