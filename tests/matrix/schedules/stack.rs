//! The App's own stack in the model: what its template holds, and what CloudFormation is at.

use std::collections::BTreeSet;

use names::AppId;
use release::app_stack::{Before, read_template};
use release::stack_state::{Failure, SeenStack};
use serde_json::Value;

use super::releases::{STUCK, resources_of};

/// How long CloudFormation works.
pub const WORKS_SECONDS: [i64; 4] = [1, 20, 20, 300];

/// The App's own stack.
#[derive(Debug, Clone, Default)]
pub struct Stack {
    /// What stands; null where nothing came up.
    template: Value,
    /// The resources that tasks can use.
    holds: BTreeSet<String>,
    /// The customer keys that tasks can have the App's secret decrypted with.
    keys: BTreeSet<String>,
    /// What CloudFormation is at.
    work: Option<Work>,
    /// The token of the last operation, where it failed.
    failed: Option<String>,
    number: usize,
}

#[derive(Debug, Clone)]
struct Work {
    /// `None`: the stack is deleted.
    to: Option<Value>,
    token: String,
    ends_at: i64,
}

impl Stack {
    /// One that is about to be created.
    pub fn new(number: usize) -> Self {
        Self {
            number,
            ..Self::default()
        }
    }

    /// Whether tasks of a Release find what they need.
    pub fn serves(&self, release: &str) -> bool {
        !self.template.is_null() && resources_of(release).is_subset(&self.holds)
    }

    /// The customer keys that tasks can have the App's secret decrypted with.
    pub fn keys(&self) -> &BTreeSet<String> {
        &self.keys
    }

    /// Whether CloudFormation is at work on it.
    pub fn is_at_work(&self) -> bool {
        self.work.is_some()
    }

    /// Begins something, as CloudFormation does: one thing at a time, and a token stands for one.
    pub fn begin(&mut self, body: Option<&str>, token: &str, ends_at: i64) {
        let to = body.map(read_template);
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

    /// The stack as CloudFormation shows it; while it works, with the template that it is to have.
    pub fn seen(&self, id: &AppId) -> SeenStack {
        let failure = self.failed.clone().map(|token| Failure {
            token,
            reason: "no room".to_owned(),
        });
        let is_new = self.template.is_null();
        let status = match &self.work {
            Some(Work { to: None, .. }) => "DELETE_IN_PROGRESS",
            Some(_) if is_new => "CREATE_IN_PROGRESS",
            Some(_) => "UPDATE_IN_PROGRESS",
            None if self.failed.is_some() && is_new => "ROLLBACK_COMPLETE",
            None if self.failed.is_some() => "UPDATE_ROLLBACK_COMPLETE",
            None => "UPDATE_COMPLETE",
        };
        let to = self.work.as_ref().and_then(|work| work.to.as_ref());
        let outputs = self.template["Outputs"].as_object().into_iter().flatten();
        SeenStack {
            arn: format!("stack/{}", self.number),
            status: status.to_owned(),
            tags: id.tags(),
            outputs: outputs
                .map(|(name, _)| (name.clone(), name.clone()))
                .collect(),
            template: to.unwrap_or(&self.template).clone(),
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
    let Some(to) = work.to else {
        *stack = None;
        return true;
    };
    let before = Before::read(&to).holds();
    let holds = before.resources;
    if holds.contains(STUCK) {
        standing.failed = Some(work.token);
    } else {
        standing.failed = None;
        standing.holds = holds;
        standing.keys = before.rack.unwrap_or_default().secret_keys;
        standing.template = to;
    }
    true
}
