//! An App's CloudFormation stack as it stands -> what is to be done with it. Pure.
//!
//! Source of the statuses: CloudFormation user guide, "Understand CloudFormation stack creation events"; API reference,
//! `Stack`.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::app_stack::is_as_wanted;
use names::{AppId, RackName, hex};

/// An update is done when only what it replaced is still to be removed.
const CLEANING_UP: &str = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS";
/// Somebody made a change set that creates the stack. It holds nothing, and CloudFormation is not at work on it: it stays so
/// until the change set is executed or the stack deleted.
const UNDER_REVIEW: &str = "REVIEW_IN_PROGRESS";

/// A stack as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenStack {
    /// Its ARN.
    pub arn: String,
    /// Its `StackStatus`.
    pub status: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
    /// The template that it was made from, as [`read_template`](crate::app_stack::read_template) reads it.
    pub template: Value,
    /// Why its last operation failed, where its status says so.
    pub failure: Option<Failure>,
}

/// An operation that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The `ClientRequestToken` of the operation; empty where somebody else gave none.
    pub token: String,
    /// What CloudFormation says.
    pub reason: String,
}

/// What is to be done with a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StackStep {
    /// It is as wanted.
    Ready,
    /// It is at work; the status.
    Wait(String),
    /// It is created.
    Create,
    /// It is updated.
    Update,
    /// It never came up, or is half gone: it is deleted, and created after that.
    Replace,
    /// What is wanted has been tried for this very request and failed; CloudFormation's reason.
    Failed(String),
}

impl StackStep {
    /// Its name, for answers.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Wait(_) => "wait",
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Failed(_) => "failed",
        }
    }
}

impl SeenStack {
    /// What tells whether it was made from the same template at two times.
    #[must_use]
    pub fn digest(&self) -> String {
        hex(Sha256::digest(self.template.to_string()))
    }

    /// Whether CloudFormation is at work on it.
    #[must_use]
    pub fn is_at_work(&self) -> bool {
        self.status.ends_with("_IN_PROGRESS")
            && ![CLEANING_UP, UNDER_REVIEW].contains(&self.status.as_str())
    }

    /// Whether a deletion has to wait, since CloudFormation deletes no stack that it is at work on.
    #[must_use]
    pub fn delays_deletion(&self) -> bool {
        self.is_at_work() || self.status == CLEANING_UP
    }

    /// Whether what its template says exists, at least in part.
    #[must_use]
    pub fn has_come_up(&self) -> bool {
        let holds_nothing = self.is_broken() || self.status == UNDER_REVIEW;
        !holds_nothing || self.status == "DELETE_FAILED"
    }

    /// Whether it can only be deleted.
    fn is_broken(&self) -> bool {
        matches!(
            self.status.as_str(),
            "CREATE_FAILED" | "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "DELETE_FAILED"
        )
    }

    /// Why the last operation failed, if it did and was this request's.
    #[must_use]
    pub fn failed(&self, request: &RequestToken) -> Option<&str> {
        let failure = self.failure.as_ref()?;
        let own = failure.token.starts_with(&request.0);
        own.then_some(failure.reason.as_str())
    }

    /// What is to be done for a request so that it is made from `template`.
    #[must_use]
    pub fn step(&self, template: &Value, request: &RequestToken) -> StackStep {
        if self.is_at_work() {
            return StackStep::Wait(self.status.clone());
        }
        if let Some(reason) = self.failed(request) {
            return StackStep::Failed(reason.to_owned());
        }
        if self.is_broken() {
            return StackStep::Replace;
        }
        match self.status.as_str() {
            // Only `ContinueUpdateRollback` gets it out of this, and what to skip is not ours to guess.
            "UPDATE_ROLLBACK_FAILED" | "UPDATE_FAILED" => StackStep::Failed(format!(
                "it is in {}; let CloudFormation continue the rollback (aws cloudformation \
                 continue-update-rollback)",
                self.status
            )),
            UNDER_REVIEW => StackStep::Failed(format!(
                "it is in {UNDER_REVIEW}: somebody made a change set for it that was never \
                 executed, and it holds nothing; delete it (aws cloudformation delete-stack), and \
                 leave this stack to promotes"
            )),
            _ if is_as_wanted(&self.template, template) => StackStep::Ready,
            CLEANING_UP => StackStep::Wait(self.status.clone()),
            _ => StackStep::Update,
        }
    }
}

/// The App of this Rack whose stack has this ARN; `None` for every other stack.
#[must_use]
pub fn app_of(rack: &RackName, stack_arn: &str) -> Option<AppId> {
    let (_, named) = stack_arn.split_once(":stack/")?;
    AppId::parse_stack(rack, named.split('/').next()?)
}

/// What the `ClientRequestToken`s of one request's operations on its App's stack start with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestToken(String);

impl RequestToken {
    /// The request's.
    #[must_use]
    pub fn new(id: &AppId, request_id: &str) -> Self {
        let parts = [id.rack.as_str(), id.app.as_str(), request_id];
        Self(format!("convox-{}-", digits(&parts.join("\0"))))
    }

    /// The `ClientRequestToken` of one operation: the same request never does the same twice, and the events that
    /// CloudFormation writes of it name it.
    #[must_use]
    pub fn of(&self, operation: &str) -> String {
        format!("{}{}", self.0, digits(operation))
    }
}

fn digits(text: &str) -> String {
    hex(Sha256::digest(text)).chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use names::{AppName, RackName};

    fn seen(status: &str, failure: Option<(&str, &str)>) -> SeenStack {
        SeenStack {
            arn: "arn".to_owned(),
            status: status.to_owned(),
            tags: BTreeMap::new(),
            outputs: BTreeMap::new(),
            template: json!({"is": "there"}),
            failure: failure.map(|(token, reason)| Failure {
                token: token.to_owned(),
                reason: reason.to_owned(),
            }),
        }
    }

    fn id(app: &str) -> AppId {
        AppId {
            rack: RackName::new("r").unwrap(),
            app: AppName::new(app).unwrap(),
        }
    }

    #[test]
    fn what_is_to_be_done_follows_from_status_template_and_last_failure() {
        let (same, other) = (json!({"is": "there"}), json!({"is": "new"}));
        let wait = |status: &str| StackStep::Wait(status.to_owned());
        let failed = StackStep::Failed("no room".to_owned());
        let request = RequestToken::new(&id("shop"), "q1");
        let mine = request.of("some other template");
        let theirs = RequestToken::new(&id("shop"), "q2").of("t");
        for (status, failure, as_it_is, changed) in [
            ("CREATE_COMPLETE", None, StackStep::Ready, StackStep::Update),
            ("UPDATE_COMPLETE", None, StackStep::Ready, StackStep::Update),
            (
                "CREATE_IN_PROGRESS",
                None,
                wait("CREATE_IN_PROGRESS"),
                wait("CREATE_IN_PROGRESS"),
            ),
            (
                "UPDATE_ROLLBACK_IN_PROGRESS",
                None,
                wait("UPDATE_ROLLBACK_IN_PROGRESS"),
                wait("UPDATE_ROLLBACK_IN_PROGRESS"),
            ),
            (CLEANING_UP, None, StackStep::Ready, wait(CLEANING_UP)),
            (
                "DELETE_IN_PROGRESS",
                None,
                wait("DELETE_IN_PROGRESS"),
                wait("DELETE_IN_PROGRESS"),
            ),
            (
                "UPDATE_ROLLBACK_COMPLETE",
                Some((mine.as_str(), "no room")),
                failed.clone(),
                failed.clone(),
            ),
            (
                "UPDATE_ROLLBACK_COMPLETE",
                Some((theirs.as_str(), "no room")),
                StackStep::Ready,
                StackStep::Update,
            ),
            (
                "ROLLBACK_COMPLETE",
                Some((mine.as_str(), "no room")),
                failed.clone(),
                failed.clone(),
            ),
            (
                "ROLLBACK_COMPLETE",
                Some((theirs.as_str(), "no room")),
                StackStep::Replace,
                StackStep::Replace,
            ),
            (
                "DELETE_FAILED",
                Some(("", "protected")),
                StackStep::Replace,
                StackStep::Replace,
            ),
        ] {
            let stack = seen(status, failure);
            assert_eq!(stack.step(&same, &request), as_it_is, "{status}");
            assert_eq!(stack.step(&other, &request), changed, "{status}");
        }
        let review = seen("REVIEW_IN_PROGRESS", None);
        assert!(!review.is_at_work() && !review.has_come_up() && !review.delays_deletion());
        for template in [&same, &other] {
            let step = review.step(template, &request);
            assert!(
                matches!(&step, StackStep::Failed(reason) if reason.contains("delete-stack")),
                "nothing ever ends it by itself: {step:?}"
            );
        }
        let stuck = seen("UPDATE_ROLLBACK_FAILED", None).step(&same, &request);
        assert!(
            matches!(stuck, StackStep::Failed(reason) if reason.contains("continue-update-rollback"))
        );
    }

    #[test]
    fn a_stack_names_its_app() {
        let rack = RackName::new("r").unwrap();
        let shop = AppId {
            rack: rack.clone(),
            app: AppName::new("my-shop").unwrap(),
        };
        let arn =
            |name: &str| format!("arn:aws:cloudformation:us-east-1:123456789012:stack/{name}/1a2b");
        assert_eq!(app_of(&rack, &arn(&shop.stack())), Some(shop));
        for other in ["r", "r-my-shop", "r-my-shop-00000000", "s-my-shop-00000000"] {
            assert_eq!(app_of(&rack, &arn(other)), None, "{other}");
        }
        assert_eq!(app_of(&rack, "r-my-shop"), None);
    }

    #[test]
    fn a_token_is_what_cloudformation_takes_and_says_who_does_what() {
        let token_of = |app, request, what| RequestToken::new(&id(app), request).of(what);
        let first = token_of("shop", "q1", "t");
        assert!(first.len() <= 128 && first.starts_with("convox-"));
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        assert!(first.bytes().all(allowed));
        assert_eq!(first, token_of("shop", "q1", "t"));
        for other in [
            token_of("shop", "q2", "t"),
            token_of("blog", "q1", "t"),
            token_of("shop", "q1", "u"),
        ] {
            assert_ne!(first, other);
        }
    }
}
