//! The search for values: none of the environment's and no generated password is where it does not belong.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rig::World;
use serde_json::{Value, json};

use crate::console::{check, printed, step};
use crate::deletion;
use crate::delivery;
use crate::demo_app::{self, STAGES};
use crate::shop::{Shop, environment};
use crate::unsigned;
use crate::watch::Watch;

const WRITTEN: [&str; 6] = [
    "failures.json",
    INDEX,
    OF_A_REQUEST,
    OF_A_RELEASE,
    "promotion.json",
    "report.json",
];
/// The history's list.
const INDEX: &str = "history/index.json";
/// What the history has of each request.
const OF_A_REQUEST: &str = "history/{request}.json";
/// What the state has of each Release that was live.
const OF_A_RELEASE: &str = "state/releases/{release}.json";
/// A word of each function's own metrics.
const LOGGED: [&str; 4] = [
    "\"Promotes\":",
    "\"AppDeletions\":",
    "\"RackWarnings\":",
    "\"ProcessRuns\":",
];

/// Searches all that the functions wrote, and all that was printed.
pub async fn none(shop: &Shop<'_>, watch: &Watch<'_>, log: &Path) {
    step("no value of the environment and no generated password is where it does not belong");
    let world = shop.rack.world();
    let additions = [delivery::ADDITION, deletion::ADDITION];
    let values = environment(&additions).into_values();
    let values = values.filter(|value| value.contains("dummy"));
    let passwords = passwords(world).await;
    let forms: Vec<String> = values.chain(passwords.clone()).flat_map(forms).collect();
    assert!(forms.len() > 10, "there are values to search for");
    let objects = shop.written_objects().await;
    let written: BTreeSet<&str> = objects.iter().map(|(key, _)| kind(key)).collect();
    check(
        written == BTreeSet::from(WRITTEN),
        &format!("the functions wrote only {}", WRITTEN.join(", ")),
    );
    let log = fs::read(log).expect("cannot read the log");
    let log = String::from_utf8_lossy(&log).into_owned();
    check(
        LOGGED.iter().all(|words| log.contains(words)),
        "all four functions wrote to the log",
    );
    let places = [
        (
            "the reports and the state, in any version",
            contents(&objects),
        ),
        ("the task definitions", definitions(world).await),
        ("the Apps' stacks", stacks(world).await),
        ("the events", watch.texts().await),
        ("the functions' log", log),
        ("this output", printed()),
    ];
    for (place, text) in places {
        assert!(!text.is_empty(), "there is something in {place}");
        let found = forms.iter().any(|form| text.contains(form));
        check(!found, &format!("none is in {place}"));
    }
    let own = STAGES
        .iter()
        .flat_map(|stage| demo_app::own_secrets(world, stage));
    let holding = holding(world, &passwords).await;
    check(
        holding == own.collect::<BTreeSet<_>>(),
        "a generated password is in its own two secrets only",
    );
}

/// What an object is.
fn kind(key: &str) -> &str {
    match key.rsplit_once('/') {
        Some((folder, _)) if folder.ends_with("/state/releases") => OF_A_RELEASE,
        Some((folder, "index.json")) if folder.ends_with("/history") => INDEX,
        Some((folder, _)) if folder.ends_with("/history") => OF_A_REQUEST,
        Some((_, name)) => name,
        None => key,
    }
}

/// A text as it stands, and as it stands in JSON and in what is printed for debugging.
fn forms(value: String) -> [String; 2] {
    let json = Value::from(value.as_str()).to_string();
    let json = json[1..json.len() - 1].to_owned();
    [value, json]
}

fn contents(objects: &[(String, String)]) -> String {
    objects
        .iter()
        .map(|(_, content)| content.as_str())
        .collect()
}

async fn passwords(world: &World) -> Vec<String> {
    let mut passwords = Vec::new();
    for stage in STAGES {
        let [credentials, _] = demo_app::generated(world, stage).await;
        let password = credentials["password"].as_str().unwrap_or_default();
        assert!(password.len() > 10, "a password is generated for {stage}");
        passwords.push(password.to_owned());
    }
    passwords
}

/// All task definitions as they are on the wire, those that were deregistered too.
async fn definitions(world: &World) -> String {
    let mut texts = String::new();
    for status in ["ACTIVE", "INACTIVE"] {
        let mut next = Value::Null;
        loop {
            let mut request = json!({"status": status});
            if !next.is_null() {
                request["nextToken"] = next;
            }
            let page = unsigned::json(world, "ecs", &ecs("ListTaskDefinitions"), &request).await;
            for arn in page["taskDefinitionArns"].as_array().into_iter().flatten() {
                let request = json!({"taskDefinition": arn});
                let operation = ecs("DescribeTaskDefinition");
                texts += &unsigned::call(world, "ecs", &operation, &request).await;
            }
            next = page["nextToken"].clone();
            if next.is_null() {
                break;
            }
        }
    }
    texts
}

fn ecs(operation: &str) -> String {
    format!("AmazonEC2ContainerServiceV20141113.{operation}")
}

/// The stacks, with all that CloudFormation tells of them.
async fn stacks(world: &World) -> String {
    let cloudformation = &world.cloudformation;
    let described = cloudformation.describe_stacks().send().await;
    let described = described.expect("cannot read the stacks");
    let mut texts = String::new();
    for stack in described.stacks() {
        let name = stack.stack_name().unwrap_or_default();
        let template = cloudformation.get_template().stack_name(name).send().await;
        let template = template.expect("a stack has a template");
        let events = cloudformation.describe_stack_events().stack_name(name);
        let events = events.send().await.expect("a stack has events");
        let body = template.template_body().unwrap_or_default();
        texts.extend([format!("{stack:?}{events:?}"), body.to_owned()]);
    }
    texts
}

/// The names of the secrets that hold one of these.
async fn holding(world: &World, passwords: &[String]) -> BTreeSet<String> {
    let secrets = &world.secrets_manager;
    let mut pages = secrets.list_secrets().into_paginator().send();
    let mut holding = BTreeSet::new();
    while let Some(page) = pages.next().await {
        for secret in page.expect("cannot list the secrets").secret_list() {
            let name = secret.name().unwrap_or_default();
            let read = secrets.get_secret_value().secret_id(name).send().await;
            let read = read.expect("cannot read a secret");
            let text = read.secret_string().unwrap_or_default();
            if passwords.iter().any(|password| text.contains(password)) {
                holding.insert(name.to_owned());
            }
        }
    }
    holding
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_with_quotes_is_found_in_json_too() {
        let value = r#"a "quoted" \ word"#;
        let [plain, json] = forms(value.to_owned());
        assert!(format!("it is {value}").contains(&plain));
        assert!(json!({"a": value}).to_string().contains(&json));
        assert!(format!("{value:?}").contains(&json));
    }
}
