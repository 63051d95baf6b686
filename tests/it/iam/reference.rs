//! AWS's Service Authorization Reference, as cfn-lint brings it along: the actions exist, and have resources of that
//! form. It keeps the table of needs and the template from agreeing on something that IAM does not know.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use double::iam::{self, Deployment, Need, Policy, Rule};
use serde_json::Value;

use super::policy;
use super::scenario::Seen;

const PRINT: &str = "import importlib.util, os; \
                     lint = os.path.dirname(importlib.util.find_spec('cfnlint').origin); \
                     print(open(os.path.join(lint, 'data/AdditionalSpecs/Policies.json')).read())";

/// All services with their actions and resources.
pub(super) fn reference() -> Value {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = tests.join("../.venv/sam/bin/python3");
    let output = Command::new(python).args(["-c", PRINT]).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Why an action on a resource makes no sense to IAM; `resource` may be a pattern.
pub(super) fn nonsense(reference: &Value, action: &str, resource: &str) -> Option<String> {
    let (service, name) = action.split_once(':')?;
    let of_service = &reference[service];
    let known = &of_service["Actions"][name.to_lowercase()];
    if known.is_null() {
        return Some(format!("there is no action {action}"));
    }
    let Some(kinds) = known["Resources"].as_array() else {
        let wrong = resource != "*";
        return wrong.then(|| format!("{action} has no resources, and {resource} never fits"));
    };
    // Its one kind are instances, and a call that asks for a service's tasks names none: the key ecs:cluster bounds it.
    if (action, resource) == ("ecs:ListTasks", "*") {
        return None;
    }
    let kinds = kinds
        .iter()
        .map(|kind| kind.as_str().unwrap().to_lowercase());
    let formats = kinds.flat_map(|kind| formats(&of_service["Resources"][kind]));
    let mut formats = formats.map(|format| Policy {
        rules: vec![Rule::on(action, &format)],
        ..Policy::default()
    });
    let need = Need::new(action, resource, "");
    let fits = formats.any(|policy| policy.decide(&need) == iam::Decision::Allowed);
    (!fits).then(|| format!("{action} has no resources like {resource}"))
}

/// `arn:${Partition}:ecs:${Region}:${Account}:service/.*` -> `arn:*:ecs:*:*:service/*`
fn formats(kind: &Value) -> Vec<String> {
    let formats = kind["ARNFormats"].as_array().unwrap().iter();
    let pattern = |format: &Value| {
        let format = format.as_str().unwrap().replace(".*", "*");
        let variables = ["${Partition}", "${Region}", "${Account}"];
        variables
            .iter()
            .fold(format, |format, name| format.replace(name, "*"))
    };
    formats.map(pattern).collect()
}

#[tokio::test]
async fn every_action_exists_and_has_such_resources() {
    let reference = reference();
    let (seen, of_run) = (Seen::of_promote().await, Seen::of_process_run().await);
    let mut pairs = BTreeSet::new();
    for permit in seen.permits().into_iter().chain(of_run.permits()) {
        let needs = permit.needs.into_iter();
        pairs.extend(needs.map(|need| (need.action, need.resource)));
    }
    assert!(pairs.len() > 30, "{pairs:?}");
    for role in [
        "PromoteRole",
        "AppDeletionRole",
        "FailureCountRole",
        "ProcessRunRole",
        "TaskExecutionRole",
        "TaskRole",
        "TimerRole",
    ] {
        let policy = policy(&seen.deployment, role);
        let rules = policy.allowing().map(|(_, rule)| rule.clone());
        pairs.extend(rules.map(|rule| (rule.action, rule.resource)));
    }
    let wrong = pairs
        .iter()
        .filter_map(|(action, resource)| nonsense(&reference, action, resource));
    assert_eq!(wrong.collect::<Vec<_>>(), Vec::<String>::new());
}

/// Its statements name actions and resources of a kind together: each action has one that fits, and each resource too.
#[tokio::test]
async fn every_action_and_every_resource_of_the_stacks_role_has_its_counterpart() {
    let reference = reference();
    let deployment = Deployment {
        app_policies: "arn:aws:iam::aws:policy/*".to_owned(),
        ..Seen::of_process_run().await.deployment
    };
    let policy = policy(&deployment, "AppStackRole");
    let rules: Vec<&Rule> = policy.allowing().map(|(_, rule)| rule).collect();
    // A pattern for all resources of a service, or of all, has whatever the action has; only what reads may have that of all.
    let is_any = |rule: &Rule| {
        let verb = rule.action.split_once(':').map_or("", |(_, verb)| verb);
        let reads = ["Describe", "Get", "List"];
        let reads = reads.iter().any(|read| verb.starts_with(read));
        (rule.resource == "*" && reads) || rule.resource.splitn(6, ':').nth(5) == Some("*")
    };
    let makes_sense = |rule: &Rule| {
        let service = rule.action.split(':').next();
        let of_service = rule.resource == "*" || rule.resource.split(':').nth(2) == service;
        (is_any(rule) && of_service) || nonsense(&reference, &rule.action, &rule.resource).is_none()
    };
    for rule in &rules {
        let of_statement = rules.iter().filter(|other| other.sid == rule.sid);
        let mut sensible = of_statement.filter(|other| makes_sense(other));
        assert!(
            sensible.clone().any(|other| other.action == rule.action),
            "{rule}: no resource fits the action"
        );
        assert!(
            sensible.any(|other| other.resource == rule.resource),
            "{rule}: no action fits the resource"
        );
    }
}

#[test]
fn an_action_that_iam_does_not_know_is_noticed() {
    let reference = reference();
    for (action, resource, named) in [
        (
            "ecs:ListServices",
            "arn:aws:ecs:us-east-1:1:cluster/blue",
            "has no resources,",
        ),
        ("ecs:UpdateServices", "*", "no action"),
        (
            "events:PutRule",
            "arn:aws:events:us-east-1:1:event-bus/default",
            "no resources like",
        ),
    ] {
        let said = nonsense(&reference, action, resource).unwrap();
        assert!(said.contains(named), "{action}: {said}");
    }
}
