//! A table of an account's CloudFormation stacks that keeps AWS's rules about operations, their states and their events.
//!
//! What an operation does to the account is the emulator's business, behind the proxy; here it is begun, told what
//! became of it, and ended when the test wants. One account, one region.

mod balancing;
mod checks;
mod ears;
mod ending;
mod event;
mod for_emulator;
mod reading;
mod stack;
mod template;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::REGION;
use crate::proxy::Refusal;
use crate::{clock, unique};
use ears::Ear;
use stack::{Kind, Operation, Stack};

pub(crate) use balancing::{is_led_to, refused};
pub use ears::End;
pub use for_emulator::as_the_emulator_knows_it;
pub(crate) use for_emulator::rule_arn;
pub(crate) use stack::{Effect, Failure};

/// The stacks of one account.
#[derive(Debug, Clone)]
pub(crate) struct StackTable {
    account: String,
    /// Oldest first; deleted ones stay.
    stacks: Vec<Stack>,
    /// Operations stay in progress until the test ends them.
    held: bool,
    /// Why the next operation fails.
    failing: Option<String>,
    /// Every event so far, as `EventBridge` has it.
    events: Vec<Value>,
    /// By function, the end events that it has not heard yet.
    ears: BTreeMap<String, Ear>,
    /// Service roles that are gone.
    gone_roles: BTreeSet<String>,
}

/// What becomes of a request.
#[derive(Debug)]
pub(crate) enum Begun {
    /// Nothing is to be done: it was done before.
    Already {
        /// The stack's ARN; empty for one that is not there.
        id: String,
    },
    /// An operation has begun.
    Now {
        /// The stack's ARN.
        id: String,
        /// Which operation of the stack it is.
        number: u64,
        /// Why it will fail, without any effect.
        fails: bool,
    },
}

impl StackTable {
    pub(crate) fn new(account: &str) -> Self {
        Self {
            account: account.to_owned(),
            stacks: Vec::new(),
            held: false,
            failing: None,
            events: Vec::new(),
            ears: BTreeMap::new(),
            gone_roles: BTreeSet::new(),
        }
    }

    pub(crate) fn hold(&mut self) {
        self.held = true;
    }

    pub(crate) fn fail(&mut self, reason: &str) {
        self.failing = Some(reason.to_owned());
    }

    pub(crate) fn events(&self) -> &[Value] {
        &self.events
    }

    pub(crate) fn delete_role(&mut self, arn: &str) {
        self.gone_roles.insert(arn.to_owned());
    }

    /// What IAM knows of a stack that is there: `StackId` and `Tags`; null for one that is not.
    pub(crate) fn standing(&self, name_or_id: &str) -> Value {
        let stack = self.find(name_or_id).filter(|stack| !stack.is_gone());
        stack.map_or(Value::Null, |stack| {
            let tags = stack.tags.iter();
            let tags: Value = tags
                .map(|(key, value)| json!({"Key": key, "Value": value}))
                .collect();
            json!({"StackId": stack.id, "Tags": tags})
        })
    }

    /// The template of a stack that is there; null for one that is not.
    pub(crate) fn standing_template(&self, name_or_id: &str) -> Value {
        let stack = self.find(name_or_id);
        let template = stack.and_then(|stack| checks::parsed(&stack.template));
        template.unwrap_or_default()
    }

    /// The same with the outputs that it has.
    pub(crate) fn stands(&self, name_or_id: &str) -> (Value, BTreeMap<String, String>) {
        let outputs = self.find(name_or_id).map(|stack| stack.outputs.clone());
        (
            self.standing_template(name_or_id),
            outputs.unwrap_or_default(),
        )
    }

    /// Whether the role of an operation is there: the request's, else the one that the stack had last.
    ///
    /// Source: CloudFormation user guide, "CloudFormation service role", and API reference, `DeleteStack`, `RoleARN`.
    fn check_role(&self, body: &Value, last: Option<&str>) -> Result<(), Refusal> {
        let role = body["RoleARN"].as_str().or(last);
        match role.filter(|role| self.gone_roles.contains(*role)) {
            None => Ok(()),
            Some(role) => Err(checks::validation(&format!(
                "Role {role} is invalid or cannot be assumed"
            ))),
        }
    }

    /// Whether the name or ARN leads to a stack of this table, also to a deleted one by its ARN.
    pub(crate) fn knows(&self, name_or_id: &str) -> bool {
        self.find(name_or_id).is_some()
    }

    /// Whether a stack of that name was deleted.
    pub(crate) fn had(&self, name: &str) -> bool {
        let mut stacks = self.stacks.iter();
        stacks.any(|stack| stack.name == name && stack.is_gone())
    }

    /// Checks a `CreateStack` and begins it.
    pub(crate) fn create(&mut self, body: &Value) -> Result<Begun, Refusal> {
        let name = checks::name(body)?;
        checks::request(body)?;
        if let Some(stack) = self.find(name) {
            if stack.asked_before(Kind::Create, body)? {
                return Ok(Begun::already(&stack.id));
            }
            let message = format!("Stack [{name}] already exists");
            return Err(Refusal::new("AlreadyExistsException", message));
        }
        self.check_role(body, None)?;
        let template = checks::template(body)?;
        checks::capabilities(body, &template)?;
        let id = format!(
            "arn:aws:cloudformation:{REGION}:{}:stack/{name}/{}",
            self.account,
            unique::uuid()
        );
        self.stacks.push(Stack::new(&id, name, body));
        Ok(self.begin(&id, Kind::Create, body))
    }

    /// Checks an `UpdateStack` and begins it.
    pub(crate) fn update(&mut self, body: &Value) -> Result<Begun, Refusal> {
        checks::request(body)?;
        let name = text(body, "StackName");
        let stack = self.find(name).filter(|stack| !stack.is_gone());
        let stack = stack.ok_or_else(|| missing(name))?;
        if stack.asked_before(Kind::Update, body)? {
            return Ok(Begun::already(&stack.id));
        }
        stack.check_update()?;
        self.check_role(body, stack.role.as_deref())?;
        let template = checks::template(body)?;
        checks::capabilities(body, &template)?;
        if !stack.differs(body, &template) {
            return Err(checks::validation("No updates are to be performed."));
        }
        let id = stack.id.clone();
        Ok(self.begin(&id, Kind::Update, body))
    }

    /// Checks a `DeleteStack` and begins it; of a stack that is not there nothing is to be done.
    ///
    /// Source: CloudFormation API reference, `DeleteStack`.
    pub(crate) fn delete(&mut self, body: &Value) -> Result<Begun, Refusal> {
        checks::token(body)?;
        let name = text(body, "StackName");
        let Some(stack) = self.find(name).filter(|stack| !stack.is_gone()) else {
            return Ok(Begun::already(""));
        };
        if stack.asked_before(Kind::Delete, body)? || stack.status == "DELETE_IN_PROGRESS" {
            return Ok(Begun::already(&stack.id));
        }
        stack.check_deletion()?;
        self.check_role(body, stack.role.as_deref())?;
        let id = stack.id.clone();
        Ok(self.begin(&id, Kind::Delete, body))
    }

    /// The emulator would not take it: as if it had never been asked.
    pub(crate) fn withdraw(&mut self, id: &str) {
        let Some(place) = self.stacks.iter().position(|stack| stack.id == id) else {
            return;
        };
        let stack = &mut self.stacks[place];
        let Some(operation) = stack.operation.take() else {
            return;
        };
        stack.asked.pop();
        self.events.pop();
        if operation.kind == Kind::Create {
            self.stacks.remove(place);
        } else {
            stack.events.pop();
            stack.status = operation.before;
        }
    }

    /// What the operation did; it is ended later.
    pub(crate) fn has_effect(&mut self, id: &str, number: u64, effect: Effect) {
        let stack = self.stacks.iter_mut().find(|stack| stack.id == id);
        let operation = stack.and_then(|stack| stack.operation.as_mut());
        if let Some(operation) = operation.filter(|operation| operation.number == number) {
            operation.effect = Some(effect);
        }
    }

    /// By ARN any stack, by name one that is still there.
    fn find(&self, name_or_id: &str) -> Option<&Stack> {
        let mut stacks = self.stacks.iter().rev();
        stacks
            .find(|stack| stack.id == name_or_id || (stack.name == name_or_id && !stack.is_gone()))
    }

    fn begin(&mut self, id: &str, kind: Kind, body: &Value) -> Begun {
        let failing = self.failing.take();
        let stack = self.stacks.iter_mut().find(|stack| stack.id == id);
        let stack = stack.expect("the caller has found it");
        let number = unique::number();
        let operation = Operation {
            kind,
            number,
            request: body.clone(),
            before: stack.status,
            since: Instant::now(),
            effect: failing.as_ref().map(|reason| {
                let (resource, resource_type) = stack.victim(kind, body);
                Effect::failed(resource, resource_type, reason.clone())
            }),
        };
        stack.begin(operation);
        self.events.push(stack.changed(&self.account));
        Begun::Now {
            id: id.to_owned(),
            number,
            fails: failing.is_some(),
        }
    }

    /// Ends the operations that have had their effect at least `age` ago, held ones too; answers the events.
    fn end(&mut self, age: Duration) -> Vec<End> {
        let mut ends = Vec::new();
        for stack in &mut self.stacks {
            let ripe = |operation: &Operation| {
                operation.effect.is_some() && operation.since.elapsed() >= age
            };
            if stack.operation.as_ref().is_some_and(ripe) {
                stack.end();
                let event = stack.changed(&self.account);
                self.events.push(event.clone());
                let app = stack.tags.get("convox:app").cloned();
                ends.push(End { app, event });
            }
        }
        ends
    }

    /// Ends what is in progress, and what comes later is held no more. Nobody hears of it but the caller.
    pub(crate) fn end_all(&mut self) -> Vec<Value> {
        self.held = false;
        let ends = self.end(Duration::ZERO);
        ends.into_iter().map(|end| end.event).collect()
    }

    /// Ends what is in progress and not held; the functions that listen will hear of it.
    pub(crate) fn end_unheld(&mut self, age: Duration) -> Vec<Value> {
        if self.held {
            return Vec::new();
        }
        let ends = self.end(age);
        for ear in self.ears.values_mut() {
            ear.unheard.extend(ends.iter().cloned());
        }
        ends.into_iter().map(|end| end.event).collect()
    }
}

impl Begun {
    fn already(id: &str) -> Self {
        Self::Already { id: id.to_owned() }
    }
}

fn missing(name: &str) -> Refusal {
    checks::validation(&format!("Stack [{name}] does not exist"))
}

fn text<'a>(body: &'a Value, field: &str) -> &'a str {
    body[field].as_str().unwrap_or_default()
}

/// What CloudFormation and `EventBridge` say of now.
fn now() -> String {
    clock::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
