//! One-off tasks: each client token starts one, and room for them. The emulator starts one for every call.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::super::answer::{self, Answer};
use super::super::incoming::Incoming;
use super::super::{Refusal, Shared};
use super::{array, invalid_parameter, launch, revisions, services, tags, text};

/// Source: ECS API reference, `RunTask`, `clientToken`.
const TOKEN_MAX: usize = 64;
const STARTED_BY_MAX: usize = 128;
const OVERRIDES_MAX: usize = 8192;
const COUNT_MAX: i64 = 10;

/// The first request with each token, and its answer.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Runs(HashMap<String, (Value, Value)>);

/// Starts a task, unless its token has started one.
///
/// Source: ECS API reference, "Ensuring idempotency" (per cluster; the same parameters: the first answer again; others:
/// `ConflictException`) and `RunTask` (`ConflictException`: `resourceIds` are the tasks of that token).
pub(super) async fn run(shared: &Shared, incoming: &Incoming) -> Result<Answer, Refusal> {
    let body = &incoming.body;
    check(body)?;
    services::check_cluster(&shared.upstream, incoming).await?;
    let token = text(body, "clientToken").to_owned();
    let mut runs = shared.runs.lock().await; // two calls with one token come one after the other
    if let Some((request, first)) = runs.0.get(&token) {
        return Ok(if request == body {
            answer::json(Ok(first.clone()))
        } else {
            let tasks = array(first, "tasks").iter().map(|task| &task["taskArn"]);
            answer::conflict(&tasks.cloned().collect::<Vec<_>>())
        });
    }
    let definition = revisions::check(&shared.upstream, incoming).await?;
    check_container(body, &definition)?;
    launch::check(body, &definition)?;
    if let Some(reason) = &*shared.refused_tasks.lock().unwrap() {
        let failure = json!({"reason": reason});
        return Ok(answer::json(Ok(
            json!({"tasks": [], "failures": [failure]}),
        )));
    }
    let answer = shared.upstream.forward(incoming).await;
    let first: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    for task in array(&first, "tasks") {
        shared.commands.lock().unwrap().started(task);
    }
    if !token.is_empty() && !array(&first, "tasks").is_empty() {
        runs.0.insert(token, (body.clone(), first));
    }
    Ok(answer)
}

/// What the request says by itself.
fn check(body: &Value) -> Result<(), Refusal> {
    services::check_token(text(body, "clientToken"), TOKEN_MAX)?;
    check_started_by(text(body, "startedBy"))?;
    check_overrides(&body["overrides"])?;
    tags::check(body, "tags")?;
    let count = body["count"].as_i64().unwrap_or(1);
    if !(1..=COUNT_MAX).contains(&count) {
        return Err(invalid_parameter("count has to be between 1 and 10."));
    }
    if body["propagateTags"] == "SERVICE" {
        return Err(invalid_parameter("SERVICE is no propagateTags of a task."));
    }
    Ok(())
}

/// Source: ECS API reference, `RunTask`, `startedBy` (up to 128 letters, digits, `-`, `/` and `_`).
fn check_started_by(started_by: &str) -> Result<(), Refusal> {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-/_".contains(&byte);
    if started_by.len() <= STARTED_BY_MAX && started_by.bytes().all(valid) {
        return Ok(());
    }
    Err(invalid_parameter("startedBy is not valid."))
}

/// Source: facts/aws.md 1.4 (ECS API reference, `RunTask`, `overrides`: 8,192 characters, those of its JSON included).
fn check_overrides(overrides: &Value) -> Result<(), Refusal> {
    let size = overrides.to_string().chars().count();
    if overrides.is_null() || size <= OVERRIDES_MAX {
        return Ok(());
    }
    Err(invalid_parameter(format!(
        "Overrides have {size} characters, at most {OVERRIDES_MAX} are allowed: {overrides}"
    )))
}

/// Source: ECS API reference, `ContainerOverride`, `name` (a container of the task definition); message: as reported.
fn check_container(body: &Value, definition: &Value) -> Result<(), Refusal> {
    let containers = array(definition, "containerDefinitions");
    let exists = |name: &Value| {
        containers
            .iter()
            .any(|container| container["name"] == *name)
    };
    let overridden = array(&body["overrides"], "containerOverrides");
    match overridden.iter().find(|one| !exists(&one["name"])) {
        None => Ok(()),
        Some(_) => Err(invalid_parameter(
            "Override for a container that is not in the TaskDefinition.",
        )),
    }
}
