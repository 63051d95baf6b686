//! Policies and IAM's decision: an explicit deny wins, then an allow is needed.
//!
//! Source: IAM user guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators".

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::matching::{arn_fits, fits, fits_any_case};
use super::needs::Need;
use super::resolve::TemplateError;
use super::statement;

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It allows.
    Allow,
    /// It denies.
    Deny,
}

/// How a condition compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// Equal ARNs, with wildcards in each part; `ArnEquals` is the same.
    ArnLike,
    /// `true` or `false`, whatever the case.
    Bool,
    /// Equal texts.
    StringEquals,
    /// Equal texts, with wildcards.
    StringLike,
}

/// A condition: one key, and the values of which one must fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// How it compares.
    pub operator: Operator,
    /// The context key, in lower case.
    pub key: String,
    /// The values.
    pub values: Vec<String>,
}

/// One action on one resource, as a statement has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The statement's name.
    pub sid: String,
    /// What it does.
    pub effect: Effect,
    /// The action, perhaps with wildcards.
    pub action: String,
    /// The resource, perhaps with wildcards.
    pub resource: String,
    /// All of these must hold.
    pub conditions: Vec<Condition>,
}

/// What a role may do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// Each action and resource by itself.
    pub rules: Vec<Rule>,
}

/// What IAM decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// At least one rule allows it, and none denies it.
    Allowed,
    /// The named statement denies it.
    Denied(String),
    /// Nothing allows it.
    NotAllowed,
}

impl Policy {
    /// Adds the statements of an identity policy.
    pub(super) fn add_allowed(&mut self, document: &Value) -> Result<(), TemplateError> {
        for statement in document["Statement"].as_array().into_iter().flatten() {
            let (rules, _) = statement::rules(statement)?;
            self.rules.extend(rules);
        }
        Ok(())
    }

    /// Adds the statements of a role's trust policy.
    pub(super) fn add_trusted(&mut self, document: &Value) -> Result<(), TemplateError> {
        for statement in document["Statement"].as_array().into_iter().flatten() {
            self.rules.extend(statement::trust(statement)?);
        }
        Ok(())
    }

    /// Adds what a resource policy denies to everybody. In the policy of a key, `*` is that key.
    pub(super) fn add_denied(
        &mut self,
        document: &Value,
        key: Option<&str>,
    ) -> Result<(), TemplateError> {
        for statement in document["Statement"].as_array().into_iter().flatten() {
            let (rules, everybody) = statement::rules(statement)?;
            let denied = rules.into_iter().filter(|rule| rule.effect == Effect::Deny);
            for mut rule in denied.filter(|_| everybody) {
                if let Some(key) = key {
                    key.clone_into(&mut rule.resource);
                }
                self.rules.push(rule);
            }
        }
        Ok(())
    }

    /// Whether a need is met.
    #[must_use]
    pub fn decide(&self, need: &Need) -> Decision {
        let mut fitting = self.rules.iter().filter(|rule| rule.fits(need)).peekable();
        if fitting.peek().is_none() {
            return Decision::NotAllowed;
        }
        match fitting.find(|rule| rule.effect == Effect::Deny) {
            Some(rule) => Decision::Denied(rule.sid.clone()),
            None => Decision::Allowed,
        }
    }

    /// The rules that allow something, each with its place.
    pub fn allowing(&self) -> impl Iterator<Item = (usize, &Rule)> {
        let rules = self.rules.iter().enumerate();
        rules.filter(|(_, rule)| rule.effect == Effect::Allow)
    }

    /// The same policy without the rule at `place`.
    #[must_use]
    pub fn without(&self, place: usize) -> Self {
        let mut rest = self.clone();
        rest.rules.remove(place);
        rest
    }

    /// The same policy without condition `condition` of the rule at `place`.
    #[must_use]
    pub fn without_condition(&self, place: usize, condition: usize) -> Self {
        let mut looser = self.clone();
        looser.rules[place].conditions.remove(condition);
        looser
    }
}

impl Rule {
    /// Allows an action on a resource, without conditions.
    #[must_use]
    pub fn on(action: &str, resource: &str) -> Self {
        Self {
            sid: String::new(),
            effect: Effect::Allow,
            action: action.to_owned(),
            resource: resource.to_owned(),
            conditions: Vec::new(),
        }
    }

    /// Whether it says anything about `need`.
    #[must_use]
    pub fn fits(&self, need: &Need) -> bool {
        fits_any_case(&self.action, &need.action)
            && arn_fits(&self.resource, &need.resource)
            && self
                .conditions
                .iter()
                .all(|condition| condition.holds(&need.context))
    }
}

impl Condition {
    /// A key that the call does not carry never fits.
    fn holds(&self, context: &BTreeMap<String, String>) -> bool {
        let Some(actual) = context.get(&self.key) else {
            return false;
        };
        self.values.iter().any(|value| match self.operator {
            Operator::ArnLike => arn_fits(value, actual),
            Operator::Bool => value.eq_ignore_ascii_case(actual),
            Operator::StringEquals => value == actual,
            Operator::StringLike => fits(value, actual),
        })
    }
}

impl Operator {
    /// The operator called `name` in a policy.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "ArnEquals" | "ArnLike" => Some(Self::ArnLike),
            "Bool" => Some(Self::Bool),
            "StringEquals" => Some(Self::StringEquals),
            "StringLike" => Some(Self::StringLike),
            _ => None,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} on {}", self.sid, self.action, self.resource)
    }
}
