//! One stack and the operation that is in progress on it.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::{Value, json};

use super::checks::{self, validation};
use super::event::StackEvent;
use super::{now, template, text};
use crate::REGION;
use crate::proxy::Refusal;
use crate::unique;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Create,
    Update,
    Delete,
}

#[derive(Debug, Clone)]
pub(super) struct Stack {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) status: &'static str,
    pub(super) reason: String,
    pub(super) template: String,
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) capabilities: Vec<String>,
    pub(super) role: Option<String>,
    pub(super) outputs: BTreeMap<String, String>,
    pub(super) created: String,
    pub(super) updated: Option<String>,
    pub(super) deleted: Option<String>,
    /// Oldest first.
    pub(super) events: Vec<StackEvent>,
    pub(super) operation: Option<Operation>,
    /// The requests that were accepted, by their client token.
    pub(super) asked: Vec<(Kind, Value)>,
    token: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Operation {
    pub(super) kind: Kind,
    pub(super) number: u64,
    pub(super) request: Value,
    /// The status that it found.
    pub(super) before: &'static str,
    pub(super) since: Instant,
    /// None while the emulator is at work.
    pub(super) effect: Option<Effect>,
}

/// What an operation did to the account.
#[derive(Debug, Clone, Default)]
pub(crate) struct Effect {
    /// The outputs of the stack.
    pub(crate) outputs: BTreeMap<String, String>,
    /// Why it was taken back.
    pub(crate) failure: Option<Failure>,
}

/// The resource that made an operation fail.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) resource: String,
    pub(crate) resource_type: String,
    pub(crate) reason: String,
}

impl Effect {
    pub(crate) fn failed(resource: String, resource_type: String, reason: String) -> Self {
        Self {
            failure: Some(Failure {
                resource,
                resource_type,
                reason,
            }),
            ..Self::default()
        }
    }
}

impl Kind {
    pub(super) fn verb(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    fn in_progress(self) -> &'static str {
        match self {
            Self::Create => "CREATE_IN_PROGRESS",
            Self::Update => "UPDATE_IN_PROGRESS",
            Self::Delete => "DELETE_IN_PROGRESS",
        }
    }
}

impl Stack {
    pub(super) fn new(id: &str, name: &str, body: &Value) -> Self {
        let mut stack = Self {
            id: id.to_owned(),
            name: name.to_owned(),
            status: "REVIEW_IN_PROGRESS",
            reason: String::new(),
            template: String::new(),
            parameters: BTreeMap::new(),
            tags: BTreeMap::new(),
            capabilities: Vec::new(),
            role: None,
            outputs: BTreeMap::new(),
            created: now(),
            updated: None,
            deleted: None,
            events: Vec::new(),
            operation: None,
            asked: Vec::new(),
            token: None,
        };
        stack.take_over(body);
        stack
    }

    pub(super) fn is_gone(&self) -> bool {
        self.status == "DELETE_COMPLETE"
    }

    /// What the stack is from now on; a role stays where the request names none.
    ///
    /// Source: CloudFormation API reference, `UpdateStack`, `RoleARN`.
    pub(super) fn take_over(&mut self, body: &Value) {
        text(body, "TemplateBody").clone_into(&mut self.template);
        self.parameters = pairs(&body["Parameters"], "ParameterKey", "ParameterValue");
        self.tags = self.wanted_tags(body);
        let capabilities = body["Capabilities"].as_array().into_iter().flatten();
        let capabilities = capabilities.filter_map(Value::as_str);
        self.capabilities = capabilities.map(str::to_owned).collect();
        if let Some(role) = body["RoleARN"].as_str() {
            self.role = Some(role.to_owned());
        }
    }

    /// Without tags in an update, the stack keeps its own.
    ///
    /// Source: CloudFormation API reference, `UpdateStack`, `Tags`.
    fn wanted_tags(&self, body: &Value) -> BTreeMap<String, String> {
        if body["Tags"].is_null() {
            self.tags.clone()
        } else {
            pairs(&body["Tags"], "Key", "Value")
        }
    }

    /// Whether this very request was accepted before, by its client token.
    ///
    /// Source: CloudFormation API reference, `ClientRequestToken` and `TokenAlreadyExistsException`.
    pub(super) fn asked_before(&self, kind: Kind, body: &Value) -> Result<bool, Refusal> {
        let token = &body["ClientRequestToken"];
        if token.is_null() {
            return Ok(false);
        }
        let mut asked = self.asked.iter();
        match asked.find(|(_, request)| request["ClientRequestToken"] == *token) {
            None => Ok(false),
            Some((of, request)) if *of == kind && request == body => Ok(true),
            Some(_) => Err(Refusal::new(
                "TokenAlreadyExistsException",
                format!("A client request token {token} already exists for another operation."),
            )),
        }
    }

    /// Source: CloudFormation user guide, "Stack status codes", and what `UpdateStack` answers.
    pub(super) fn check_update(&self) -> Result<(), Refusal> {
        let steady = [
            "CREATE_COMPLETE",
            "UPDATE_COMPLETE",
            "UPDATE_ROLLBACK_COMPLETE",
        ];
        if steady.contains(&self.status) {
            return Ok(());
        }
        let (id, status) = (&self.id, self.status);
        Err(validation(&format!(
            "Stack:{id} is in {status} state and can not be updated."
        )))
    }

    /// Source: CloudFormation user guide, "Delete a stack": not while it is updated; a creation is cancelled.
    pub(super) fn check_deletion(&self) -> Result<(), Refusal> {
        if self.status != "UPDATE_IN_PROGRESS" {
            return Ok(());
        }
        let (id, status) = (&self.id, self.status);
        Err(validation(&format!(
            "Stack [{id}] cannot be deleted while in status {status}"
        )))
    }

    /// Whether an update has anything to do.
    pub(super) fn differs(&self, body: &Value, new: &Value) -> bool {
        let old = checks::parsed(&self.template).unwrap_or_default();
        template::as_compared(&old) != template::as_compared(new)
            || self.tags != self.wanted_tags(body)
            || self.parameters != pairs(&body["Parameters"], "ParameterKey", "ParameterValue")
    }

    /// A resource for a failure: one that the operation changes.
    pub(super) fn victim(&self, kind: Kind, body: &Value) -> (String, String) {
        let old = checks::parsed(&self.template).unwrap_or_default();
        let new = match kind {
            Kind::Update => checks::parsed(text(body, "TemplateBody")).unwrap_or_default(),
            Kind::Create | Kind::Delete => old.clone(),
        };
        let resources = new["Resources"].as_object();
        let resources = || resources.into_iter().flatten();
        let changed = resources().find(|(name, new)| *new != &old["Resources"][name.as_str()]);
        let victim = changed.or_else(|| resources().next());
        victim.map_or_else(Default::default, |(name, resource)| {
            (name.clone(), text(resource, "Type").to_owned())
        })
    }

    pub(super) fn begin(&mut self, operation: Operation) {
        let token = operation.request["ClientRequestToken"].as_str();
        self.token = token.map(str::to_owned);
        if operation.kind == Kind::Update {
            self.updated = Some(now());
        }
        self.asked.push((operation.kind, operation.request.clone()));
        self.set(operation.kind.in_progress(), "User Initiated");
        self.operation = Some(operation);
    }

    /// The stack's own status, which is an event of its own.
    pub(super) fn set(&mut self, status: &'static str, reason: &str) {
        self.status = status;
        reason.clone_into(&mut self.reason);
        let (id, name) = (self.id.clone(), self.name.clone());
        self.note(&name, "AWS::CloudFormation::Stack", &id, status, reason);
    }

    /// Something happened to a resource.
    pub(super) fn note(
        &mut self,
        resource: &str,
        resource_type: &str,
        physical_id: &str,
        status: &str,
        reason: &str,
    ) {
        self.events.push(StackEvent {
            id: unique::uuid(),
            resource: resource.to_owned(),
            resource_type: resource_type.to_owned(),
            physical_id: physical_id.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            token: self.token.clone(),
            time: now(),
        });
    }

    /// The event that `EventBridge` has of the stack's status.
    ///
    /// Source: CloudFormation user guide, "Managing events with `EventBridge`", stack status change events.
    pub(super) fn changed(&self, account: &str) -> Value {
        json!({
            "version": "0",
            "id": unique::uuid(),
            "detail-type": "CloudFormation Stack Status Change",
            "source": "aws.cloudformation",
            "account": account,
            "time": crate::clock::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            "region": REGION,
            "resources": [self.id],
            "detail": {
                "stack-id": self.id,
                "status-details": {"status": self.status, "status-reason": self.reason},
                "client-request-token": self.token.as_deref().unwrap_or_default(),
            },
        })
    }
}

/// A list of names and values of a request.
pub(super) fn pairs(list: &Value, name: &str, value: &str) -> BTreeMap<String, String> {
    let list = list.as_array().into_iter().flatten();
    list.map(|pair| (text(pair, name).to_owned(), text(pair, value).to_owned()))
        .collect()
}
