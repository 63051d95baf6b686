//! After a promote that failed for good: what differs from the applied Release is put back, so that the Release that
//! runs keeps its own environment. What cannot be is named, and remembered until a later promote has seen to it.

mod rules;
mod services;

use std::collections::{BTreeMap, BTreeSet};

use aws::call_error::{CallError, ErrorClass};
use aws::secrets::{self, SecretError};
use lambda::intake::Failure as _;
use lambda::unwanted::{Keep, Removals};
use manifest::Manifest;
use manifest::precedence::EnvDelivery;
use names::error_chain::Chain;
use names::{AppId, ReleaseId};
use promotion::{Applied, Definition, Desired};
use zeroize::Zeroizing;

use crate::apply::Executor;
use crate::edge::Edge;
use crate::error::PromoteError;
use crate::plan::Action;
use crate::progress::{Progress, Touched};

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
struct Undo<'a, E> {
    edge: &'a E,
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
pub async fn aftermath<E: Edge>(
    edge: &E,
    id: &AppId,
    desired: &Desired,
    applied: Option<&Applied>,
    progress: &Progress,
) -> Result<Aftermath, PromoteError> {
    if progress.wrote.is_empty() && !desired.interrupted {
        return Ok(Aftermath::default());
    }
    let Some(applied) = progress.applied.as_ref().or(applied) else {
        let says = what_stays(edge, id, desired, progress).await?;
        return Ok(Aftermath {
            says,
            // With nothing applied, the next request looks at everything anyway.
            unrestored: Vec::new(),
        });
    };
    let undo = Undo {
        edge,
        id,
        applied,
        touched: &progress.touched,
        request_id: &desired.order.request_id,
        interrupted: desired.interrupted,
        created: progress.created || desired.interrupted,
    };
    let back = match undo.all().await {
        Err(err) if err.class() == ErrorClass::Transient => return Err(err),
        back => back,
    };
    let release = &applied.release;
    let (mut says, left) = match back {
        Ok(back) => (back.says(release), back.left),
        Err(err) => {
            let failed = format!("Release {release} could not be put back: {}", Chain(&err));
            (vec![failed.clone()], vec![failed])
        }
    };
    says.extend(undo.stack().await?);
    Ok(Aftermath {
        says,
        unrestored: bounded(&left),
    })
}

/// What came of putting back ECS services and rules.
#[derive(Debug, Default)]
struct Back {
    /// What could not be, in words.
    left: Vec<String>,
    /// What was gone and is made again, in words.
    made: Vec<String>,
}

impl Back {
    /// Adds what was made again, unless that `failed`.
    fn note(&mut self, failed: Option<String>, made: String) {
        match failed {
            Some(failed) => self.left.push(failed),
            None => self.made.push(made),
        }
    }

    fn says(&self, release: &ReleaseId) -> Vec<String> {
        let back = format!("what was changed is back at Release {release}");
        let back = if self.left.is_empty() {
            back
        } else {
            let left = self.left.join("; ");
            format!("{back}, but for this, which the next promote looks at again: {left}")
        };
        let made = (!self.made.is_empty()).then(|| {
            format!(
                "this was gone and is made again, without what else was set on it by hand: {}",
                self.made.join("; ")
            )
        });
        [back].into_iter().chain(made).collect()
    }
}

fn bounded(left: &[String]) -> Vec<String> {
    let short = |text: &String| text.chars().take(CHARACTERS_MAX).collect();
    left.iter().take(REMEMBERED_MAX).map(short).collect()
}

/// What a failed first promote has left, in words.
async fn what_stays(
    edge: &impl Edge,
    id: &AppId,
    desired: &Desired,
    progress: &Progress,
) -> Result<Vec<String>, PromoteError> {
    let mut stays = progress.wrote.clone();
    if desired.interrupted {
        match running_anyway(edge, id).await {
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
async fn running_anyway(edge: &impl Edge, id: &AppId) -> Result<Vec<String>, PromoteError> {
    let none = BTreeSet::new();
    let keep = Keep {
        services: &none,
        rules: &none,
    };
    let unwanted = edge.unwanted(id, keep).await?;
    let ours = Removals::of(id, &unwanted);
    let services = ours
        .services
        .iter()
        .map(|name| format!("the ECS service `{name}`"));
    let rules = ours.rules.iter().map(|name| format!("the rule `{name}`"));
    let stack = edge.stack(id).await?;
    let stack = stack.filter(|stack| id.owns(&stack.tags));
    let stack = stack.map(|_| format!("the stack `{}`", id.stack()));
    Ok(services.chain(rules).chain(stack).collect())
}

impl<E: Edge> Undo<'_, E> {
    /// Puts back the secret's current version, ECS services and rules; what was created beside them is removed.
    async fn all(&self) -> Result<Back, PromoteError> {
        let mut back = Back::default();
        if self.applied.delivery == EnvDelivery::SecretsManager
            && (self.interrupted || self.touched.secret)
        {
            back.left.extend(self.secret().await);
        }
        self.services(&mut back).await?;
        self.rules(&mut back).await?;
        if self.created {
            back.left.extend(self.remove_created().await?);
        }
        Ok(back)
    }

    /// The App's stack, in words, where it is not as the applied Release had it: it is never put back, since what it holds is
    /// people's data, and the next promote makes of it what its own convox.yml says. A change of it takes more than one
    /// attempt, so a request that was never interrupted has made none.
    async fn stack(&self) -> Result<Option<String>, PromoteError> {
        let Some(before) = self
            .applied
            .stack_digest
            .as_ref()
            .filter(|_| self.interrupted)
        else {
            return Ok(None);
        };
        let name = self.id.stack();
        let seen = match self.edge.stack(self.id).await {
            Ok(seen) => seen,
            Err(err) if err.class() == ErrorClass::Transient => return Err(err.into()),
            Err(err) => {
                let reason = Chain(&err);
                return Ok(Some(format!(
                    "whether the stack `{name}` was changed is not known ({reason})"
                )));
            }
        };
        let seen = seen.filter(|seen| self.id.owns(&seen.tags));
        let changed = seen.filter(|seen| seen.is_at_work() || seen.digest() != *before);
        Ok(changed.map(|seen| {
            format!(
                "the stack `{name}`, with its resources, is not put back: it stays as this \
                 request, or one before it that did not finish, made it ({}), and the next promote \
                 makes of it what its own convox.yml says",
                seen.status
            )
        }))
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
        let current = self.edge.make_current(id, &version.version_id).await;
        let failed = match current {
            Ok(true) => return None,
            // Old content under its old token would be no write, so it gets a token of its own.
            Ok(false) => match self.environment().await {
                Ok(value) => {
                    let token = secrets::token(id, &applied.release, &self.own_id(), &value);
                    let written = self.edge.read_and_write_secret(id, &value, &token).await;
                    written
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

    async fn perform(&self, action: &Action<'_>, definition: &str) -> Result<(), CallError> {
        let executor = Executor {
            edge: self.edge,
            id: self.id,
            request_id: &self.own_id(),
        };
        executor.perform(action, definition).await
    }

    async fn environment(&self) -> Result<Zeroizing<String>, PromoteError> {
        // It is large, and seldom needed.
        let environment = self.edge.applied_environment(self.id, self.applied);
        let environment = Box::pin(environment).await?;
        Ok(environment.environment.to_secret_string())
    }

    /// The manifest of the applied Release.
    async fn manifest(&self) -> Result<Manifest, PromoteError> {
        // It is large, and seldom needed.
        let release = self.edge.applied_release(self.id, self.applied);
        Ok(Box::pin(release).await?.manifest)
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
        let unwanted = self.edge.unwanted(self.id, keep).await?;
        let removals = Removals::of(self.id, &unwanted);
        let mut left = Vec::new();
        for service in &removals.services {
            let what = || format!("the ECS service `{service}`, which it created, still runs");
            left.extend(named(self.edge.delete_service(service).await, what)?);
        }
        for rule in &removals.rules {
            let what = || format!("the rule `{rule}`, which it created, is still there");
            left.extend(named(self.edge.remove_rule(rule).await, what)?);
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
