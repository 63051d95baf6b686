//! The App's own stack in the model: what its template holds, what CloudFormation is at, and what the functions do with it.

use std::collections::{BTreeMap, BTreeSet};

use names::AppId;
use promotion::{Applied, Desired, Finished};
use release::app_stack::{Needs, StackNeeds};
use release::stack_state::{Failure, RequestToken, SeenStack, StackStep};
use serde_json::{Value, json};

use super::attempt::{Model, ModelError, REFUSED, STUCK};

/// How long CloudFormation works.
const WORKS_SECONDS: [i64; 4] = [1, 20, 20, 300];

/// The App's own stack.
#[derive(Debug, Clone, Default)]
pub struct Stack {
    /// What there is for tasks to use.
    holds: BTreeSet<String>,
    /// What CloudFormation is at.
    work: Option<Work>,
    /// The token of the last operation, where it failed.
    failed: Option<String>,
    number: usize,
}

#[derive(Debug, Clone)]
struct Work {
    /// `None`: the stack is deleted.
    to: Option<BTreeSet<String>>,
    token: String,
    ends_at: i64,
}

impl Stack {
    /// Whether tasks of a Release find what they need.
    pub fn serves(&self, release: &str) -> bool {
        needs(release).resources.is_subset(&self.holds)
    }

    /// Begins something, as CloudFormation does: one thing at a time, and a token stands for one.
    fn begin(&mut self, to: Option<BTreeSet<String>>, token: &str, ends_at: i64) {
        if let Some(work) = &self.work {
            assert_eq!(
                (&work.to, work.token.as_str()),
                (&to, token),
                "one thing at a time"
            );
            return;
        }
        let token = token.to_owned();
        self.work = Some(Work { to, token, ends_at });
    }

    /// What it holds for Releases before; while CloudFormation works, what it will.
    fn left(&self) -> StackNeeds {
        StackNeeds {
            access: Needs::default(),
            resources: self.template().clone(),
            rack: None,
            mounted_by_role: false,
        }
    }

    /// What its template says.
    fn template(&self) -> &BTreeSet<String> {
        let to = self.work.as_ref().and_then(|work| work.to.as_ref());
        to.unwrap_or(&self.holds)
    }

    fn seen(&self) -> SeenStack {
        let failure = self.failed.clone().map(|token| Failure {
            token,
            reason: "no room".to_owned(),
        });
        let status = match &self.work {
            Some(Work { to: None, .. }) => "DELETE_IN_PROGRESS",
            Some(_) => "UPDATE_IN_PROGRESS",
            None if self.failed.is_some() && self.holds.is_empty() => "ROLLBACK_COMPLETE",
            None if self.failed.is_some() => "UPDATE_ROLLBACK_COMPLETE",
            None => "UPDATE_COMPLETE",
        };
        SeenStack {
            arn: format!("stack/{}", self.number),
            status: status.to_owned(),
            tags: BTreeMap::new(),
            outputs: BTreeMap::new(),
            template: template(self.template()),
            failure,
        }
    }
}

/// CloudFormation comes to the end of what it was at: whether it did. What a template holds too much goes last.
pub fn settle(stack: &mut Option<Stack>, now: i64) -> bool {
    let Some(standing) = stack else { return false };
    let Some(work) = standing.work.take_if(|work| work.ends_at <= now) else {
        return false;
    };
    match work.to {
        None => *stack = None,
        Some(to) if to.contains(STUCK) => standing.failed = Some(work.token),
        Some(to) => {
            standing.failed = None;
            standing.holds = to;
        }
    }
    true
}

/// What a Release needs of the stack.
pub fn needs(release: &str) -> StackNeeds {
    let own = ["B", REFUSED, STUCK]
        .into_iter()
        .filter(|own| *own == release);
    StackNeeds {
        access: Needs::default(),
        resources: own.chain(["roles"]).map(str::to_owned).collect(),
        rack: None,
        mounted_by_role: false,
    }
}

fn template(holds: &BTreeSet<String>) -> Value {
    json!(holds)
}

impl Model {
    /// `None`: the stack is as the Release needs it. Else what the attempt ends with.
    pub async fn settle_stack(
        &self,
        id: &AppId,
        desired: &Desired,
        applied: Option<&Applied>,
        release: &str,
    ) -> Result<Option<Finished>, ModelError> {
        let request_id = desired.order.request_id.as_str();
        let running = applied.and_then(|applied| applied.stack.as_ref());
        let standing = self.access.sim.borrow().outside.stack.clone();
        let unknown = desired.interrupted || applied.is_none();
        let left = standing.as_ref().filter(|_| unknown).map(Stack::left);
        let before = running.into_iter().chain(&left);
        let holds = before.fold(needs(release), StackNeeds::and).resources;
        let template = template(&holds);
        let request = RequestToken::new(id, request_id);
        let seen = standing.as_ref().map(Stack::seen);
        let step = seen.map_or(StackStep::Create, |seen| seen.step(&template, &request));
        let token = request.of(&template.to_string());
        match step {
            StackStep::Ready => return Ok(None),
            StackStep::Failed(_) => {
                let failed = self.fail(id, desired, applied, "StackFailed", None, false);
                return Ok(Some(failed.await?));
            }
            StackStep::Wait(_) => {}
            StackStep::Replace => self.delete_stack(&token).await?,
            StackStep::Create | StackStep::Update => {
                let ends_at = self.stack_ends_at();
                self.write("change stack", |outside| {
                    let number = outside.stacks;
                    outside.stacks += 1;
                    let new = || Stack {
                        number,
                        ..Stack::default()
                    };
                    let stack = outside.stack.get_or_insert_with(new);
                    stack.begin(Some(holds), &token, ends_at);
                })
                .await?;
            }
        }
        Ok(Some(self.waiting(request_id, "the stack")))
    }

    /// Begins to delete the stack.
    pub async fn delete_stack(&self, token: &str) -> Result<(), ModelError> {
        let ends_at = self.stack_ends_at();
        self.write("delete stack", |outside| {
            if let Some(stack) = &mut outside.stack {
                stack.begin(None, token, ends_at);
            }
        })
        .await
    }

    /// Whether there is a stack, and whether CloudFormation is at work on it.
    pub fn stack_is_at_work(&self) -> Option<bool> {
        let sim = self.access.sim.borrow();
        let stack = sim.outside.stack.as_ref()?;
        Some(stack.work.is_some())
    }

    fn stack_ends_at(&self) -> i64 {
        let mut sim = self.access.sim.borrow_mut();
        let seconds = sim.chance.one_of(&WORKS_SECONDS);
        sim.now + seconds
    }
}
