//! After a promote that failed for good: what differs from the applied Release is put back, so that the Release that
//! runs keeps its own environment.

use std::collections::BTreeMap;

use shared::error_chain::Chain;
use shared::event_rules::SeenRule;
use shared::names::AppId;
use shared::precedence::EnvDelivery;
use shared::promotion::{Applied, Definition};
use shared::secrets::{self, SecretError};
use shared::timer_rule::TimerRule;

use crate::error::PromoteError;
use crate::gather::{self, Wanted};
use crate::shell::Shell;

/// Puts back the secret's current version, ECS services and rules of `applied`. The answer names what could not be.
///
/// # Errors
///
/// [`PromoteError`] when ECS or EventBridge cannot be asked; the attempt then ends without a result and is repeated.
pub async fn put_back(
    shell: &Shell,
    id: &AppId,
    applied: &Applied,
    request_id: &str,
) -> Result<Vec<String>, PromoteError> {
    let mut left = Vec::new();
    if applied.delivery == EnvDelivery::SecretsManager {
        left.extend(put_back_secret(shell, id, applied, request_id).await);
    }
    put_back_services(shell, &applied.services).await?;
    put_back_rules(shell, id, &applied.timers).await?;
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
                secret
                    .write_through(&value, &token)
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
    };
    let environment = gather::environment(shell, &wanted).await?;
    Ok(environment.environment.to_secret_string())
}

async fn put_back_services(
    shell: &Shell,
    services: &BTreeMap<String, Definition>,
) -> Result<(), PromoteError> {
    let applied: BTreeMap<&String, &String> = services
        .values()
        .filter_map(|known| Some((known.runs_as.as_ref()?, &known.arn)))
        .collect();
    let names: Vec<String> = applied.keys().map(|name| (*name).clone()).collect();
    let running = shell.cluster.services(&names).await?;
    for (name, service) in &running {
        if let Some(arn) = applied
            .get(name)
            .filter(|arn| ***arn != service.task_definition)
        {
            shell.cluster.move_service(name, arn).await?;
        }
    }
    Ok(())
}

async fn put_back_rules(
    shell: &Shell,
    id: &AppId,
    timers: &BTreeMap<String, Definition>,
) -> Result<(), PromoteError> {
    for known in timers.values() {
        let (Some(rule), Some(schedule)) = (&known.runs_as, &known.schedule) else {
            continue;
        };
        let Some(seen) = shell.rules.see(rule).await? else {
            continue;
        };
        let Some(target) = seen.target.clone() else {
            continue;
        };
        let before = TimerRule {
            schedule: schedule.clone(),
            target: shared::timer_rule::TimerTarget {
                task_definition: known.arn.clone(),
                ..target
            },
        };
        if !SeenRule::says(&seen, &before) {
            shell
                .rules
                .put(rule, &before, Some(&seen), &id.tags())
                .await?;
        }
    }
    Ok(())
}
