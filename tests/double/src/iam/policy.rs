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
    /// None of the ARNs, and a call without the key fits as well.
    ArnNotLike,
    /// `true` or `false`, whatever the case.
    Bool,
    /// The same, and a call without the key fits as well.
    BoolIfExists,
    /// `true`: the call does not carry the key; `false`: it does.
    Null,
    /// A whole number that is not smaller.
    NumericGreaterThanEquals,
    /// Equal texts.
    StringEquals,
    /// The same, and a call without the key fits as well.
    StringEqualsIfExists,
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
    /// Who is asking, where a resource policy cares.
    pub principal: Option<String>,
    /// What the policies of keys leave to IAM, by the key's ARN. Nothing else of such a key is allowed to anybody, whatever his own
    /// policies say (KMS developer guide, "Key policies in AWS KMS"); a key that is not here leaves all.
    pub keys: BTreeMap<String, Vec<Rule>>,
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

impl Decision {
    /// Whether it is allowed.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        *self == Self::Allowed
    }
}

impl Policy {
    /// Adds the statements of an identity policy.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] for a construct that is not known here.
    pub fn add_allowed(&mut self, document: &Value) -> Result<(), TemplateError> {
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

    /// Adds what a resource policy denies to everybody.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] for a construct that is not known here.
    pub fn add_denied(&mut self, document: &Value) -> Result<(), TemplateError> {
        for statement in document["Statement"].as_array().into_iter().flatten() {
            let (rules, everybody) = statement::rules(statement)?;
            let denied = rules.into_iter().filter(|rule| rule.effect == Effect::Deny);
            self.rules.extend(denied.filter(|_| everybody));
        }
        Ok(())
    }

    /// Adds the policy of a key: what it denies to everybody, and what it leaves to the account, that is to IAM. In it, `*` is the
    /// key itself.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] for a construct that is not known here.
    pub fn add_key(&mut self, document: &Value, key: &str) -> Result<(), TemplateError> {
        let left = self.keys.entry(key.to_owned()).or_default();
        for statement in document["Statement"].as_array().into_iter().flatten() {
            let (rules, everybody) = statement::rules(statement)?;
            let account = statement["Principal"]["AWS"].as_str();
            let account = account.is_some_and(|principal| principal.ends_with(":root"));
            for mut rule in rules {
                key.clone_into(&mut rule.resource);
                match rule.effect {
                    Effect::Deny if everybody => self.rules.push(rule),
                    Effect::Allow if account => left.push(rule),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Whether a need is met.
    #[must_use]
    pub fn decide(&self, need: &Need) -> Decision {
        let need = match &self.principal {
            Some(principal) => &need.clone().with("aws:PrincipalArn", principal),
            None => need,
        };
        if let Some(left) = self.keys.get(&need.resource)
            && !left.iter().any(|rule| rule.fits(need))
        {
            return Decision::NotAllowed;
        }
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

    /// Something that it says something about: patterns stand for themselves.
    #[must_use]
    pub fn as_need(&self, source: &'static str) -> Need {
        let need = Need::new(&self.action, &self.resource, source);
        let present = self
            .conditions
            .iter()
            .filter(|condition| condition.operator != Operator::Null);
        present.fold(need, |need, condition| {
            let value = condition.values.first().cloned().unwrap_or_default();
            need.with(&condition.key, value)
        })
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
    /// A key that the call does not carry never fits, unless the operator says so.
    fn holds(&self, context: &BTreeMap<String, String>) -> bool {
        let Some(actual) = context.get(&self.key) else {
            return match self.operator {
                Operator::ArnNotLike | Operator::BoolIfExists | Operator::StringEqualsIfExists => {
                    true
                }
                Operator::Null => self.values.iter().any(|value| value == "true"),
                _ => false,
            };
        };
        let mut values = self.values.iter();
        if self.operator == Operator::ArnNotLike {
            return values.all(|value| !arn_fits(value, actual));
        }
        values.any(|value| match self.operator {
            Operator::ArnLike | Operator::ArnNotLike => arn_fits(value, actual),
            Operator::Null => value == "false",
            Operator::Bool | Operator::BoolIfExists => value.eq_ignore_ascii_case(actual),
            Operator::NumericGreaterThanEquals => is_at_least(actual, value),
            Operator::StringEquals | Operator::StringEqualsIfExists => value == actual,
            Operator::StringLike => fits(value, actual),
        })
    }
}

fn is_at_least(actual: &str, least: &str) -> bool {
    let number = |text: &str| text.parse::<i64>().ok();
    match (number(actual), number(least)) {
        (Some(actual), Some(least)) => actual >= least,
        _ => false,
    }
}

impl Operator {
    /// The operator called `name` in a policy.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "ArnEquals" | "ArnLike" => Some(Self::ArnLike),
            "ArnNotLike" => Some(Self::ArnNotLike),
            "Bool" => Some(Self::Bool),
            "BoolIfExists" => Some(Self::BoolIfExists),
            "Null" => Some(Self::Null),
            "NumericGreaterThanEquals" => Some(Self::NumericGreaterThanEquals),
            "StringEquals" => Some(Self::StringEquals),
            "StringEqualsIfExists" => Some(Self::StringEqualsIfExists),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_hold_as_iam_says() {
        let window = (Operator::NumericGreaterThanEquals, "30");
        let kept = (Operator::BoolIfExists, "false");
        let not = (Operator::ArnNotLike, "arn:aws:iam::*:role/a");
        for ((operator, value), actual, want) in [
            (window, Some("30"), true),
            (window, Some("100"), true),
            (window, Some("7"), false),
            (window, Some("often"), false),
            (window, None, false),
            (kept, Some("False"), true),
            (kept, Some("true"), false),
            (kept, None, true),
            ((Operator::Bool, "false"), None, false),
            ((Operator::Null, "true"), None, true),
            ((Operator::Null, "true"), Some("a"), false),
            ((Operator::Null, "false"), None, false),
            ((Operator::Null, "false"), Some("a"), true),
            ((Operator::StringEqualsIfExists, "a"), None, true),
            ((Operator::StringEqualsIfExists, "a"), Some("a"), true),
            ((Operator::StringEqualsIfExists, "a"), Some("b"), false),
            (not, None, true),
            (not, Some("arn:aws:iam::1:role/b"), true),
            (not, Some("arn:aws:iam::1:role/a"), false),
        ] {
            let condition = Condition {
                operator,
                key: "key".to_owned(),
                values: vec![value.to_owned()],
            };
            let actual = actual.map(|actual| ("key".to_owned(), actual.to_owned()));
            let context = actual.into_iter().collect();
            assert_eq!(
                condition.holds(&context),
                want,
                "{operator:?} {value} {context:?}"
            );
        }
    }
}
