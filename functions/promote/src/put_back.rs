//! After a promote that failed for good: what differs from the applied Release is put back, so that the Release that
//! runs keeps its own environment.

use std::collections::{BTreeMap, BTreeSet};

use shared::capacity::Capacity;
use shared::ecs::{Change, EcsService};
use shared::error_chain::Chain;
use shared::leftovers::{Keep, Leftovers, Removals};
use shared::names::AppId;
use shared::precedence::EnvDelivery;
use shared::promotion::{Allowed, Applied, Definition};
use shared::secrets::{self, SecretError};
use shared::timer_rule::{Placement, TimerRule, TimerTarget};

use crate::error::PromoteError;
use crate::gather::{self, Wanted};
use crate::shell::Shell;

/// Puts back the secret's current version, ECS services and rules of `applied`; what was `created` beside them is removed.
/// The answer names what could not be put back.
///
/// # Errors
///
/// [`PromoteError`] when ECS or EventBridge cannot be asked; the attempt then ends without a result and is repeated.
pub async fn put_back(
    shell: &Shell,
    id: &AppId,
    applied: &Applied,
    request_id: &str,
    created: bool,
) -> Result<Vec<String>, PromoteError> {
    let mut left = Vec::new();
    if applied.delivery == EnvDelivery::SecretsManager {
        left.extend(put_back_secret(shell, id, applied, request_id).await);
    }
    left.extend(put_back_services(shell, &applied.services).await?);
    left.extend(put_back_rules(shell, id, &applied.timers).await?);
    if created {
        remove_created(shell, id, applied).await?;
    }
    Ok(left)
}

/// A Secrets Manager that cannot be asked does not hold up the rest.
async fn put_back_secret(
    shell: &Shell,
    id: &AppId,
    applied: &Applied,
    request_id: &str,
) -> Option<String> {
    let version = applied.secret.as_ref()?;
    let secret = shell.secrets.of(id);
    let failed = match secret.make_current(&version.version_id).await {
        Ok(true) => return None,
        // Old content under its old token would be no write, so it gets a token of its own.
        Ok(false) => match environment_of(shell, id, applied).await {
            Ok(value) => {
                let token = secrets::token(
                    id,
                    &applied.release,
                    &format!("put back after {request_id}"),
                    &value,
                );
                let look = secret.look().await;
                secret
                    .write_through(&value, &token, look)
                    .await
                    .err()
                    .map(|err: SecretError| Chain(&err).to_string())
            }
            Err(err) => Some(Chain(&err).to_string()),
        },
        Err(err) => Some(Chain(&err).to_string()),
    };
    failed.map(|reason| {
        format!(
            "the secret `{}` could not be put back to version {} ({reason})",
            id.secret(),
            version.version_id
        )
    })
}

async fn environment_of(
    shell: &Shell,
    id: &AppId,
    applied: &Applied,
) -> Result<zeroize::Zeroizing<String>, PromoteError> {
    let wanted = Wanted {
        id,
        release: &applied.release,
        env_version_id: &applied.env_version_id,
        applied: None,
        interrupted: false,
        allowed: Allowed::default(),
    };
    let environment = gather::environment(shell, &wanted).await?;
    Ok(environment.environment.to_secret_string())
}

async fn put_back_services(
    shell: &Shell,
    services: &BTreeMap<String, Definition>,
) -> Result<Vec<String>, PromoteError> {
    let names: Vec<String> = services
        .values()
        .map(|known| known.runs_as.clone())
        .collect();
    let running = shell.cluster.services(&names).await?;
    let mut left = Vec::new();
    for known in services.values() {
        match running.get(&known.runs_as) {
            Some(service) => match back(service, known) {
                Back::Nothing => {}
                Back::Impossible => left.push(format!(
                    "the ECS service `{}` runs on Fargate now, and ECS cannot move it back to instances",
                    known.runs_as
                )),
                Back::Move(capacity) => {
                    let placement =
                        capacity.map(|capacity| Placement::on(capacity, &shell.config.network));
                    let change = Change {
                        placement: placement.as_ref(),
                        ..Change::default()
                    };
                    let moved = shell
                        .cluster
                        .move_service(&service.name, &known.arn, change);
                    moved.await?;
                }
            },
            None => left.push(format!("the ECS service `{}` is gone", known.runs_as)),
        }
    }
    Ok(left)
}

/// The way of an ECS service back to what it ran.
#[derive(Debug, PartialEq, Eq)]
enum Back {
    Nothing,
    Move(Option<Capacity>),
    Impossible,
}

fn back(service: &EcsService, known: &Definition) -> Back {
    let capacity = known.capacity.filter(|known| *known != service.capacity);
    match capacity {
        Some(Capacity::Ec2) => Back::Impossible,
        None if service.task_definition == known.arn => Back::Nothing,
        capacity => Back::Move(capacity),
    }
}

async fn put_back_rules(
    shell: &Shell,
    id: &AppId,
    timers: &BTreeMap<String, Definition>,
) -> Result<Vec<String>, PromoteError> {
    let mut left = Vec::new();
    for known in timers.values() {
        let seen = shell.rules.see(&known.runs_as).await?;
        let target = seen.as_ref().and_then(|seen| seen.target.clone());
        let (Some(seen), Some(target), Some(schedule)) = (&seen, target, &known.schedule) else {
            left.push(format!("the rule `{}` is gone", known.runs_as));
            continue;
        };
        let placement = known
            .capacity
            .map(|capacity| Placement::on(capacity, &shell.config.network));
        let before = TimerRule {
            schedule: schedule.clone(),
            target: TimerTarget {
                task_definition: known.arn.clone(),
                placement: placement.unwrap_or_else(|| target.placement.clone()),
                ..target
            },
        };
        if !seen.says(&before) {
            let tags = &id.tags();
            shell
                .rules
                .put(&known.runs_as, &before, Some(seen), tags)
                .await?;
        }
    }
    Ok(left)
}

/// Removes what the failed promote, or an interrupted one before it, has created.
async fn remove_created(shell: &Shell, id: &AppId, applied: &Applied) -> Result<(), PromoteError> {
    let names = |known: &BTreeMap<String, Definition>| -> BTreeSet<String> {
        known.values().map(|known| known.runs_as.clone()).collect()
    };
    let (services, rules) = (names(&applied.services), names(&applied.timers));
    let keep = Keep {
        services: &services,
        rules: &rules,
    };
    let leftovers = Leftovers::find(shell.places(), id, None, true, keep).await?;
    let removals = Removals::of(id, &leftovers);
    for service in &removals.services {
        shell.cluster.delete_service(service).await?;
    }
    for rule in &removals.rules {
        shell.rules.remove(rule).await?;
    }
    Ok(())
}
