//! After a promote that failed for good: what differs from the applied Release is put back, so that the Release that
//! runs keeps its own environment. What cannot be is named, and remembered until a later promote has seen to it.
//!
//! As a promote: what stands is read, what is done with it is decided as data, and that is performed.

mod plan;
mod read;
mod rules;
mod services;

use std::collections::BTreeSet;

use aws::call_error::{CallError, ErrorClass};
use chrono::{DateTime, Utc};
use lambda::intake::Failure as _;
use lambda::unwanted::{Keep, Removals};
use lambda::work::Due;
use names::error_chain::Chain;
use names::{AppId, ReleaseId};
use promotion::{Applied, Desired, KeptVersion, MayStand};

use crate::apply::{Executor, Run};
use crate::edge::Edge;
use crate::error::PromoteError;
use crate::progress::{Progress, Touched};

use plan::{Deed, Step};

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

/// What is put back to, and how much may be in question.
struct Case<'a> {
    id: &'a AppId,
    applied: &'a Applied,
    touched: &'a Touched,
    /// Whether an earlier request may have changed more than `touched` says.
    interrupted: bool,
    /// Whether ECS services, rules or schedules may have been created.
    created: bool,
    /// What has to be looked for.
    may_stand: MayStand,
}

/// Puts back what this request, or an interrupted one before it, has written; says what stays.
///
/// # Errors
///
/// [`PromoteError`] when another delivery can help; the attempt then ends without a result and is repeated.
pub async fn aftermath<E: Edge>(
    edge: &E,
    due: Due<'_>,
    progress: &Progress,
) -> Result<Aftermath, PromoteError> {
    let Due { id, desired, .. } = due;
    if progress.wrote.is_empty() && !desired.interrupted {
        return Ok(Aftermath::default());
    }
    let Some(applied) = progress.applied.as_ref().or(due.applied) else {
        let says = what_stays(edge, id, desired, progress).await?;
        return Ok(Aftermath {
            says,
            // With nothing applied, the next request looks at everything anyway.
            unrestored: Vec::new(),
        });
    };
    let case = Case {
        id,
        applied,
        touched: &progress.touched,
        interrupted: desired.interrupted,
        created: progress.created || desired.interrupted,
        may_stand: progress.may_stand,
    };
    let seen = Box::pin(read::read(edge, &case)).await?; // large
    let plan = plan::plan(edge.config(), &case, &seen);
    let performer = Performer {
        edge,
        id,
        // Tokens of writes are other ones than those of the request.
        own_id: format!("put back after {}", desired.order.request_id),
        ends_at: due.ends_at,
    };
    let mut back = Back::default();
    // Those of Timers may have to wait, and do it at once.
    let at_once = |one: &Step<'_>, next: &Step<'_>| one.puts_a_timer() && next.puts_a_timer();
    for steps in plan.steps.chunk_by(at_once) {
        performer.perform(steps, &mut back).await?;
    }
    let release = &applied.release;
    let (mut says, left) = match &plan.stopped {
        None => (back.says(release), back.left),
        Some(err) => {
            let failed = format!("Release {release} could not be put back: {}", Chain(err));
            (vec![failed.clone()], vec![failed])
        }
    };
    says.extend(plan.stack);
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
    /// Notes how something ended that was done.
    fn note(&mut self, step: &Step<'_>, ended: Result<(), CallError>) -> Result<(), PromoteError> {
        let Step::Do { failed, made, .. } = step else {
            return Ok(());
        };
        match ended {
            Ok(()) => self.made.extend(made.iter().cloned()),
            Err(err) if err.class() == ErrorClass::Transient => return Err(err.into()),
            Err(err) => self.left.push(format!("{failed} ({})", Chain(&err))),
        }
        Ok(())
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

/// Whoever performs the steps.
struct Performer<'a, E> {
    edge: &'a E,
    id: &'a AppId,
    own_id: String,
    ends_at: DateTime<Utc>,
}

impl<E: Edge> Performer<'_, E> {
    /// Performs one step, or those of some Timers at once; what failed for good is left, and the others are still made.
    async fn perform(&self, steps: &[Step<'_>], back: &mut Back) -> Result<(), PromoteError> {
        let runs: Option<Vec<_>> = steps.iter().map(Step::runs).collect();
        let Some(runs) = runs else {
            for step in steps {
                self.perform_one(step, back).await?;
            }
            return Ok(());
        };
        let ended = self.run(runs).await;
        for (step, ended) in steps.iter().zip(ended) {
            back.note(step, ended)?;
        }
        Ok(())
    }

    async fn perform_one(&self, step: &Step<'_>, back: &mut Back) -> Result<(), PromoteError> {
        match step {
            Step::Left(says) => back.left.push(says.clone()),
            Step::PutVersion(version) => {
                let put = self.put_version(version).await;
                back.left
                    .extend(put.err().map(|why| self.not_back(&version.id, &why)));
            }
            Step::MakeCurrent { secret, version_id } => {
                let made = self.edge.make_current(self.id, secret, version_id).await;
                let why = made.err().map(|err| Chain(&err).to_string());
                back.left
                    .extend(why.map(|why| self.not_back(version_id, &why)));
            }
            Step::Do { deed, .. } => back.note(step, self.done(deed).await)?,
        }
        Ok(())
    }

    async fn run(&self, runs: Vec<Run<'_>>) -> Vec<Result<(), CallError>> {
        let executor = Executor {
            edge: self.edge,
            id: self.id,
            request_id: &self.own_id,
            ends_at: self.ends_at,
        };
        executor.perform_all(runs).await
    }

    async fn done(&self, deed: &Deed<'_>) -> Result<(), CallError> {
        match deed {
            Deed::Run { action, definition } => {
                let ended = self.run(vec![(action, definition)]).await;
                ended.into_iter().collect()
            }
            Deed::MakeRuleAgain {
                name,
                rule,
                is_disabled,
            } => {
                let (edge, tags) = (self.edge, self.id.tags());
                edge.make_rule_again(name, rule, *is_disabled, &tags).await
            }
            Deed::DeleteService(name) => self.edge.delete_service(name).await,
            Deed::RemoveRule(name) => self.edge.remove_rule(name).await,
            Deed::RemoveSchedule(name) => self.edge.remove_schedule(name).await,
        }
    }

    /// A Secrets Manager that cannot be asked does not hold up the rest.
    fn not_back(&self, version_id: &str, why: &str) -> String {
        format!(
            "the secret `{}` could not be put back to version {version_id} ({why})",
            self.id.secret()
        )
    }

    /// Writes a version again, from what made it.
    async fn put_version(&self, version: &KeptVersion) -> Result<(), String> {
        let made_of = version
            .release
            .as_ref()
            .zip(version.env_version_id.as_deref());
        let Some((release, env_version_id)) = made_of else {
            return Err("what made it is not written down".to_owned());
        };
        // It is large, and seldom needed.
        let read = Box::pin(self.edge.environment(self.id, release, env_version_id)).await;
        let read = read.map_err(|err| Chain(&PromoteError::from(err)).to_string())?;
        let value = read.environment.to_secret_string();
        let put = self.edge.put_version_back(self.id, version, &value);
        put.await.map(drop).map_err(|err| Chain(&err).to_string())
    }
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
        match running_anyway(edge, id, progress.may_stand.schedules).await {
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
async fn running_anyway(
    edge: &impl Edge,
    id: &AppId,
    schedules: bool,
) -> Result<Vec<String>, PromoteError> {
    let none = BTreeSet::new();
    let keep = Keep {
        services: &none,
        rules: &none,
        schedules,
    };
    let unwanted = edge.unwanted(id, keep).await?;
    let ours = Removals::of(id, &unwanted);
    let services = ours
        .services
        .iter()
        .map(|name| format!("the ECS service `{name}`"));
    let rules = ours.rules.iter().map(|name| format!("the rule `{name}`"));
    let schedules = ours.schedules.iter();
    let schedules = schedules.map(|name| format!("the schedule `{name}`"));
    let stack = edge.stack(id).await?;
    let stack = stack.filter(|stack| id.owns(&stack.tags));
    let stack = stack.map(|_| format!("the stack `{}`", id.stack()));
    Ok(services
        .chain(rules)
        .chain(schedules)
        .chain(stack)
        .collect())
}
