//! After a promote that failed for good: what differs from the applied Release is put back, so that the Release that
//! runs keeps its own environment. What cannot be is named, and remembered until a later promote has seen to it.

mod rules;
mod services;

use std::collections::{BTreeMap, BTreeSet};

use shared::call_error::{CallError, ErrorClass};
use shared::error_chain::Chain;
use shared::intake::Failure as _;
use shared::leftovers::{Keep, Leftovers, Removals};
use shared::names::AppId;
use shared::precedence::EnvDelivery;
use shared::promotion::{Allowed, Applied, Definition, Desired};
use shared::secrets::{self, SecretError};
use zeroize::Zeroizing;

use crate::apply::{Progress, Touched};
use crate::error::PromoteError;
use crate::gather::{self, Wanted};
use crate::shell::Shell;

/// What the state remembers of one failure at most: places, and the characters of each.
const REMEMBERED_MAX: usize = 20;
const CHARACTERS_MAX: usize = 300;

/// What came of putting back.
#[derive(Debug, Default)]
pub struct Aftermath {
    /// What the message says of it.
    pub says: Vec<String>,
    /// What could not be restored, in bounds.
    pub unrestored: Vec<String>,
}

/// What is put back, and to what.
struct PutBack<'a> {
    shell: &'a Shell,
    id: &'a AppId,
    applied: &'a Applied,
    touched: &'a Touched,
    request_id: &'a str,
    /// Whether an earlier request may have changed more than `touched` says.
    interrupted: bool,
    /// Whether ECS services or rules may have been created.
    created: bool,
}

/// Puts back what this request, or an interrupted one before it, has written; says what stays.
///
/// # Errors
///
/// [`PromoteError`] when another delivery can help; the attempt then ends without a result and is repeated.
pub async fn aftermath(
    shell: &Shell,
    id: &AppId,
    desired: &Desired,
    applied: Option<&Applied>,
    progress: &Progress,
) -> Result<Aftermath, PromoteError> {
    if progress.wrote.is_empty() && !desired.interrupted {
        return Ok(Aftermath::default());
    }
    let Some(applied) = progress.applied.as_ref().or(applied) else {
        let says = what_stays(shell, id, desired, progress).await?;
        return Ok(Aftermath {
            says,
            unrestored: Vec::new(), // with nothing applied, the next request looks at everything anyway
        });
    };
    let put_back = PutBack {
        shell,
        id,
        applied,
        touched: &progress.touched,
        request_id: &desired.order.request_id,
        interrupted: desired.interrupted,
        created: progress.created || desired.interrupted,
    };
    let release = &applied.release;
    let (says, left) = match put_back.all().await {
        Ok(left) if left.is_empty() => (
            format!("what was changed is back at Release {release}"),
            left,
        ),
        Ok(left) => {
            let but = "what was changed is back at Release";
            let but_for = "but for this, which the next promote looks at again";
            (
                format!("{but} {release}, {but_for}: {}", left.join("; ")),
                left,
            )
        }
        Err(err) if err.class() == ErrorClass::Transient => return Err(err),
        Err(err) => {
            let failed = format!("Release {release} could not be put back: {}", Chain(&err));
            (failed.clone(), vec![failed])
        }
    };
    Ok(Aftermath {
        says: vec![says],
        unrestored: bounded(&left),
    })
}

fn bounded(left: &[String]) -> Vec<String> {
    let short = |text: &String| text.chars().take(CHARACTERS_MAX).collect();
    left.iter().take(REMEMBERED_MAX).map(short).collect()
}

/// What a failed first promote has left, in words.
async fn what_stays(
    shell: &Shell,
    id: &AppId,
    desired: &Desired,
    progress: &Progress,
) -> Result<Vec<String>, PromoteError> {
    let mut stays = progress.wrote.clone();
    if desired.interrupted {
        match running_anyway(shell, id).await {
            Ok(running) => stays.extend(running),
            Err(err) if err.class() == ErrorClass::Transient => return Err(err),
            Err(err) => stays.push(format!(
                "what an earlier attempt left, which cannot be looked at ({})",
                Chain(&err)
            )),
        }
    }
    let said = || {
        format!(
            "nothing was applied before, so this stays: {}",
            stays.join(", ")
        )
    };
    Ok((!stays.is_empty()).then(said).into_iter().collect())
}

/// What an interrupted first promote has left running.
async fn running_anyway(shell: &Shell, id: &AppId) -> Result<Vec<String>, PromoteError> {
    let none = BTreeSet::new();
    let keep = Keep {
        services: &none,
        rules: &none,
    };
    let leftovers = Leftovers::find(shell.places(), id, None, true, keep).await?;
    let ours = Removals::of(id, &leftovers);
    let services = ours
        .services
        .iter()
        .map(|name| format!("the ECS service `{name}`"));
    let rules = ours.rules.iter().map(|name| format!("the rule `{name}`"));
    let stack = shell.stacks.outputs(id).await?;
    let stack = stack.map(|_| format!("the stack `{}`", id.stack()));
    Ok(services.chain(rules).chain(stack).collect())
}

impl PutBack<'_> {
    /// Puts back the secret's current version, ECS services and rules; what was created beside them is removed. The answer
    /// names what could not be.
    async fn all(&self) -> Result<Vec<String>, PromoteError> {
        let mut left = Vec::new();
        if self.applied.delivery == EnvDelivery::SecretsManager
            && (self.interrupted || self.touched.secret)
        {
            left.extend(self.secret().await);
        }
        left.extend(self.services().await?);
        left.extend(self.rules().await?);
        if self.created {
            left.extend(self.remove_created().await?);
        }
        Ok(left)
    }

    /// What of `known` may have been changed.
    fn in_question<'k>(
        &self,
        known: &'k BTreeMap<String, Definition>,
        touched: &BTreeSet<String>,
    ) -> Vec<(&'k String, &'k Definition)> {
        known
            .iter()
            .filter(|(_, known)| self.interrupted || touched.contains(&known.runs_as))
            .collect()
    }

    /// A Secrets Manager that cannot be asked does not hold up the rest.
    async fn secret(&self) -> Option<String> {
        let (id, applied) = (self.id, self.applied);
        let version = applied.secret.as_ref()?;
        let secret = self.shell.secrets.of(id);
        let failed = match secret.make_current(&version.version_id).await {
            Ok(true) => return None,
            // Old content under its old token would be no write, so it gets a token of its own.
            Ok(false) => match self.environment().await {
                Ok(value) => {
                    let token = secrets::token(id, &applied.release, &self.own_id(), &value);
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

    /// What tokens of writes are made of, which are other ones than those of the request.
    fn own_id(&self) -> String {
        format!("put back after {}", self.request_id)
    }

    fn of_applied(&self) -> Wanted<'_> {
        Wanted {
            id: self.id,
            release: &self.applied.release,
            env_version_id: &self.applied.env_version_id,
            applied: None,
            interrupted: false,
            allowed: Allowed::default(),
        }
    }

    async fn environment(&self) -> Result<Zeroizing<String>, PromoteError> {
        let environment = gather::environment(self.shell, &self.of_applied()).await?;
        Ok(environment.environment.to_secret_string())
    }

    /// Removes what the failed promote, or an interrupted one before it, has created.
    async fn remove_created(&self) -> Result<Vec<String>, PromoteError> {
        let names = |known: &BTreeMap<String, Definition>| -> BTreeSet<String> {
            known.values().map(|known| known.runs_as.clone()).collect()
        };
        let (services, rules) = (names(&self.applied.services), names(&self.applied.timers));
        let keep = Keep {
            services: &services,
            rules: &rules,
        };
        let shell = self.shell;
        let leftovers = Leftovers::find(shell.places(), self.id, None, true, keep).await?;
        let removals = Removals::of(self.id, &leftovers);
        let mut left = Vec::new();
        for service in &removals.services {
            let what = || format!("the ECS service `{service}`, which it created, still runs");
            left.extend(named(shell.cluster.delete_service(service).await, what)?);
        }
        for rule in &removals.rules {
            let what = || format!("the rule `{rule}`, which it created, is still there");
            left.extend(named(shell.rules.remove(rule).await, what)?);
        }
        Ok(left)
    }
}

/// What a call that failed for good has left, in words: the others are still made.
fn named(
    ended: Result<(), CallError>,
    what: impl FnOnce() -> String,
) -> Result<Option<String>, PromoteError> {
    match ended {
        Ok(()) => Ok(None),
        Err(err) if err.class() == ErrorClass::Transient => Err(err.into()),
        Err(err) => Ok(Some(format!("{} ({})", what(), Chain(&err)))),
    }
}
