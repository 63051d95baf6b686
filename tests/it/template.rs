//! template.yaml and the code agree: what promote reads is set, what starts it is what it accepts, and a message that
//! fails is delivered again as the lease needs it.

mod rules;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

/// Prints the template as JSON, its intrinsic functions in the long form.
const PRINT: &str = "import json, sys; from samcli.yamlhelper import yaml_parse; \
                     print(json.dumps(yaml_parse(open(sys.argv[1]).read())))";

fn repository() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap().to_owned()
}

fn resources() -> Value {
    template()["Resources"].take()
}

fn template() -> Value {
    let python = repository().join(".venv/sam/bin/python3");
    assert!(
        python.exists(),
        "{} is missing: run `make tools` once",
        python.display()
    );
    let output = Command::new(python)
        .args(["-c", PRINT])
        .arg(repository().join("template.yaml"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The properties of promote, and those of the event source that feeds it.
fn promote(resources: &Value) -> (&Value, &Value) {
    let promote = &resources["PromoteFunction"]["Properties"];
    let events = promote["Events"].as_object().unwrap();
    assert_eq!(events.len(), 1, "promote has one intake");
    let source = events.values().next().unwrap();
    assert_eq!(source["Type"], "SQS");
    (promote, &source["Properties"])
}

/// The logical id in a `Ref` or a `Fn::GetAtt`.
fn referred(value: &Value) -> &str {
    let target = match value.get("Ref") {
        Some(target) => target,
        None => &value["Fn::GetAtt"][0],
    };
    target
        .as_str()
        .unwrap_or_else(|| panic!("{value} refers to nothing"))
}

/// The logical ids of the rules that feed a queue.
fn rules_of<'r>(resources: &'r Value, queue: &str) -> BTreeSet<&'r str> {
    let resources = resources.as_object().unwrap().iter();
    let rules = resources.filter(|(_, resource)| resource["Type"] == "AWS::Events::Rule");
    let feeding = rules.filter(|(_, rule)| {
        let targets = rule["Properties"]["Targets"].as_array().unwrap();
        targets
            .iter()
            .any(|target| referred(&target["Arn"]) == queue)
    });
    feeding.map(|(id, _)| id.as_str()).collect()
}

/// The names in `required("…")` and `optional("…")` of promote's settings.
fn read_by_promote() -> BTreeSet<String> {
    let file = repository().join("functions/promote/src/config.rs");
    let text = fs::read_to_string(file).unwrap();
    let (code, _) = text.split_once("#[cfg(test)]").unwrap();
    let calls = ["required(\"", "optional(\""].map(|call| code.split(call).skip(1));
    let names = calls.into_iter().flatten();
    names
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect()
}

#[test]
fn promote_gets_every_variable_that_it_reads_and_no_other() {
    let resources = resources();
    let (promote, _) = promote(&resources);
    let set = promote["Environment"]["Variables"].as_object().unwrap();
    let set: BTreeSet<String> = set.keys().cloned().collect();
    let mut read = read_by_promote();
    assert!(read.len() > 10, "{read:?}");
    assert!(read.remove("AWS_REGION"), "Lambda sets it");
    assert_eq!(set, read);
}

#[test]
fn promote_runs_on_the_runtime_of_rust_binaries() {
    let resources = resources();
    let (promote, _) = promote(&resources);
    assert_eq!(promote["Runtime"], "provided.al2023");
    assert_eq!(promote["Handler"], "bootstrap");
    let code = promote["CodeUri"].as_str().unwrap();
    assert!(
        repository().join(code).join("Cargo.toml").exists(),
        "{code}"
    );
}

#[test]
fn a_failed_message_comes_back_after_the_lease_and_often_enough() {
    let resources = resources();
    let (promote, source) = promote(&resources);
    assert_eq!(promote["Timeout"], 120);
    assert_eq!(source["BatchSize"], 1);
    assert_eq!(
        source["FunctionResponseTypes"],
        json!(["ReportBatchItemFailures"])
    );
    let queue = &resources[referred(&source["Queue"])]["Properties"];
    // The lease of a killed function is 200 s.
    assert_eq!(queue["VisibilityTimeout"], 300);
    let redrive = &queue["RedrivePolicy"];
    assert!(
        redrive["maxReceiveCount"].as_u64().unwrap() >= 5,
        "{redrive}"
    );
    let dead = referred(&redrive["deadLetterTargetArn"]);
    assert_eq!(resources[dead]["Type"], "AWS::SQS::Queue");
}

#[test]
fn every_rule_may_send_to_the_queue() {
    let resources = resources();
    let queue = referred(&promote(&resources).1["Queue"]);
    let rules = rules_of(&resources, queue);
    let policies = resources.as_object().unwrap().values();
    let mut policies = policies.filter(|resource| resource["Type"] == "AWS::SQS::QueuePolicy");
    let policy = policies
        .find(|policy| {
            let queues = policy["Properties"]["Queues"].as_array().unwrap();
            queues.iter().any(|other| referred(other) == queue)
        })
        .expect("the queue has a policy");
    let statement = &policy["Properties"]["PolicyDocument"]["Statement"][0];
    assert_eq!(statement["Principal"]["Service"], "events.amazonaws.com");
    let allowed = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
        .as_array()
        .unwrap();
    assert_eq!(allowed.iter().map(referred).collect::<BTreeSet<_>>(), rules);
}

/// What stands between backticks in a text.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_parameter_output_and_alarm_of_the_readme_exists_and_no_parameter_is_left_out() {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let template = template();
    let names = |section: &str| -> BTreeSet<&str> {
        let members = template[section].as_object().unwrap().keys();
        members.map(String::as_str).collect()
    };
    let section = |from: &str, to: &str| {
        let start = readme.find(from).unwrap();
        &readme[start..start + readme[start..].find(to).unwrap()]
    };
    let rows = section("## Configure", "## Deploy").lines();
    let first = rows.filter_map(|row| row.strip_prefix("| `")?.split_once('`'));
    let told: BTreeSet<&str> = first.map(|(parameter, _)| parameter).collect();
    assert_eq!(told, names("Parameters"));

    let deploy = section("## Deploy", "## Error types");
    let (resources, outputs) = (names("Resources"), names("Outputs"));
    let ends = |name: &&str| name.ends_with("Alarm") || name.ends_with("Rule");
    for name in quoted(deploy).filter(ends) {
        assert!(resources.contains(name), "the README names {name}");
    }
    for name in [
        "ReleaseUpload",
        "EnvironmentUpload",
        "Dashboard",
        "PromoteLogGroup",
    ] {
        assert!(
            quoted(deploy).any(|told| told == name),
            "the README says what {name} is for"
        );
        assert!(outputs.contains(name), "the README names {name}");
    }
    for alarm in resources.iter().filter(|name| name.ends_with("Alarm")) {
        assert!(
            quoted(deploy).any(|told| told == *alarm),
            "the README leaves out {alarm}"
        );
    }
}
