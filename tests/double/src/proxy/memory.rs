//! What stands behind the proxy's rules when no emulator does: the operations that the functions and their proofs use, in
//! memory, so that a whole account can be copied and put back.
//!
//! It answers as the emulator does; the proxy's rules before it make that as strict as AWS. An operation that is not here
//! stops the test. That both upstreams take a function to the same end is for the proofs on real processes to show.

mod containers;
mod event_rules;
mod keys;
mod objects;
mod schedules;
mod services;
mod stacks;
mod tasks;

use std::collections::BTreeMap;
use std::sync::Mutex;

use hyper::Method;
use serde_json::{Value, json};

use super::Refusal;
use super::answer::{self, Answer};
use super::incoming::Incoming;
use crate::REGION;
use crate::stacks::Effect;

/// One account.
#[derive(Debug)]
pub(super) struct Memory {
    state: Mutex<State>,
}

/// All that is in it.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    account: String,
    objects: objects::Objects,
    clusters: Vec<String>,
    definitions: Vec<Value>,
    services: Vec<Value>,
    tasks: Vec<Value>,
    rules: BTreeMap<String, event_rules::Rule>,
    schedules: schedules::Schedules,
    keys: Vec<String>,
    /// Tags of ECS's and `EventBridge`'s resources, by ARN, each in its service's spelling.
    tags: BTreeMap<String, Vec<Value>>,
    drawn: u64,
}

type Outcome = Result<Value, Refusal>;

impl Memory {
    pub(super) fn new(account: &str) -> Self {
        Self {
            state: Mutex::new(State {
                account: account.to_owned(),
                ..State::default()
            }),
        }
    }

    pub(super) fn snapshot(&self) -> State {
        self.state.lock().unwrap().clone()
    }

    pub(super) fn restore(&self, state: &State) {
        self.state.lock().unwrap().clone_from(state);
    }

    pub(super) fn answer(&self, incoming: &Incoming) -> Answer {
        let mut state = self.state.lock().unwrap();
        let outcome = match incoming.service.as_str() {
            "s3" => return objects::answer(&mut state, incoming),
            "cloudformation" => {
                let name = incoming.body["StackName"].as_str().unwrap_or_default();
                let message = format!("Stack with id {name} does not exist");
                let refusal = Refusal::new("ValidationError", message);
                return answer::query(&incoming.operation, Err(refusal));
            }
            "ecs" => containers::answer(&mut state, &incoming.operation, &incoming.body),
            "events" => event_rules::answer(&mut state, &incoming.operation, &incoming.body),
            "scheduler" => {
                let outcome = schedules::answer(&mut state, &incoming.operation, &incoming.body);
                return answer::rest_json(outcome);
            }
            "kms" => keys::answer(&mut state, &incoming.operation, &incoming.body),
            _ => unknown(&incoming.service, &incoming.operation),
        };
        answer::json(outcome)
    }

    /// What an operation on a stack does to the account.
    pub(super) fn stack(&self, operation: &str, name: &str, body: &Value) -> Effect {
        let account = self.state.lock().unwrap().account.clone();
        stacks::effect(&account, operation, name, body)
    }
}

impl State {
    fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{REGION}:{}:{resource}", self.account)
    }

    /// A number that this account has not drawn before.
    fn draw(&mut self) -> u64 {
        self.drawn += 1;
        self.drawn
    }

    fn id(&mut self) -> String {
        let number = self.draw();
        format!("00000000-0000-4000-8000-{number:012x}")
    }

    /// `TagResource`, `UntagResource` and the question for tags; `names`: how the service spells ARN, tags, key and keys.
    #[expect(clippy::unnecessary_wraps, reason = "as every operation's")]
    fn tagged(&mut self, operation: &str, body: &Value, names: [&str; 4]) -> Outcome {
        let [resource, list, key, keys] = names;
        let tags = self
            .tags
            .entry(text(body, resource).to_owned())
            .or_default();
        match operation {
            "TagResource" => {
                for tag in body[list].as_array().into_iter().flatten() {
                    tags.retain(|old| old[key] != tag[key]);
                    tags.push(tag.clone());
                }
                Ok(json!({}))
            }
            "UntagResource" => {
                let gone = body[keys].as_array().cloned().unwrap_or_default();
                tags.retain(|old| !gone.contains(&old[key]));
                Ok(json!({}))
            }
            _ => Ok(json!({list: tags})),
        }
    }
}

/// One page of a list: `answer[field]`, and the token of the next.
fn page(items: &[Value], body: &Value, size: &str, field: &str, token: [&str; 2]) -> Value {
    let [given, next] = token;
    let number = |value: &Value| value.as_u64().and_then(|value| usize::try_from(value).ok());
    let start = body[given].as_str().and_then(|token| token.parse().ok());
    let start: usize = start.unwrap_or_default();
    let end = items.len().min(start + number(&body[size]).unwrap_or(100));
    let mut answer = json!({field: items.get(start..end).unwrap_or_default()});
    if end < items.len() {
        answer[next] = json!(end.to_string());
    }
    answer
}

fn unknown(service: &str, operation: &str) -> ! {
    panic!(
        "nothing behind the proxy knows {service} {operation}: add it to tests/double/src/proxy/memory"
    )
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

fn is_read(method: &Method) -> bool {
    [Method::GET, Method::HEAD].contains(method)
}
