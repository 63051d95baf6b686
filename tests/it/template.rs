//! template.yaml and the code agree: what a function reads is set, what starts it is what it accepts, and a message that
//! fails is delivered again as the lease needs it. The template that stands before it gives what it takes, the linters see
//! through its transform, and what outlives its stack is what has been written.

mod account;
mod console;
mod entrance;
mod functions;
mod lint;
mod rack_name;
mod retained;
mod room;
mod rules;
mod telling;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use double::iam;
use serde_json::json;

use functions::{functions, referred, rules_of};

fn repository() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap().to_owned()
}

/// The names in `required("…")` and `optional("…")` of a function's settings: its own, and those that it shares.
fn read_by(function: &str) -> BTreeSet<String> {
    let read = |path: &str| fs::read_to_string(repository().join(path)).unwrap_or_default();
    let own = read(&format!("functions/{function}/src/config.rs"));
    let main = read(&format!("functions/{function}/src/main.rs"));
    let mut text = own.split("#[cfg(test)]").next().unwrap().to_owned();
    for (settings, file) in [
        ("RackSettings::from_lookup", "rack_settings"),
        ("ReleaseSettings::from_lookup", "release_settings"),
    ] {
        if text.contains(settings) || main.contains(settings) {
            text += &read(&format!("shared/lambda/src/{file}.rs"));
        }
    }
    let calls = ["required(\"", "optional(\""].map(|call| text.split(call).skip(1));
    let names = calls.into_iter().flatten();
    let names = names.map(|rest| rest.split('"').next().unwrap().to_owned());
    names.collect()
}

#[test]
fn every_function_of_the_workspace_is_deployed() {
    let folders = fs::read_dir(repository().join("functions")).unwrap();
    let folders = folders.map(Result::unwrap);
    let folders = folders.filter(|folder| folder.path().is_dir());
    let folders = folders.map(|folder| folder.file_name().into_string().unwrap());
    let deployed: BTreeSet<String> = functions().into_iter().map(|f| f.name).collect();
    for folder in folders {
        assert!(deployed.contains(&folder), "functions/{folder}");
    }
}

#[test]
fn a_function_gets_every_variable_that_it_reads_and_no_other() {
    for function in functions() {
        let mut read = read_by(&function.name);
        read.remove("AWS_REGION"); // Lambda sets it
        let set = &function.properties["Environment"]["Variables"];
        let set: BTreeSet<String> = set.as_object().unwrap().keys().cloned().collect();
        assert_eq!(set, read, "{}", function.name);
    }
}

#[test]
fn functions_run_on_the_runtime_of_rust_binaries() {
    for function in functions() {
        let (name, properties) = (&function.name, &function.properties);
        assert_eq!(properties["Runtime"], "provided.al2023", "{name}");
        assert_eq!(properties["Handler"], "bootstrap", "{name}");
        assert_eq!(properties["LoggingConfig"]["LogFormat"], "JSON", "{name}");
        assert_eq!(properties["CodeUri"], format!("functions/{name}"));
        let logical_id = iam::logical_id(name);
        assert_eq!(function.logical_id, format!("{logical_id}Function"));
        assert_eq!(referred(&properties["Role"]), format!("{logical_id}Role"));
        assert_eq!(
            referred(&properties["LoggingConfig"]["LogGroup"]),
            format!("{logical_id}LogGroup")
        );
    }
}

#[test]
fn a_failed_message_comes_back_after_the_lease_and_often_enough() {
    let resources = &iam::template()["Resources"];
    for function in functions() {
        let (name, source) = (&function.name, &function.source);
        // The lease of a killed function is 200 s, longer than its own limit.
        let limit = function.properties["Timeout"].as_u64().unwrap();
        assert!(limit <= 120, "{name}: {limit}");
        assert_eq!(source["BatchSize"], 1, "{name}");
        assert_eq!(
            source["FunctionResponseTypes"],
            json!(["ReportBatchItemFailures"]),
            "{name}"
        );
        let concurrency = source["ScalingConfig"]["MaximumConcurrency"].as_u64();
        // Lambda takes no less than 2.
        assert!(
            concurrency.is_some_and(|most| (2..=5).contains(&most)),
            "{name}: {concurrency:?}"
        );
        let queue = &resources[function.queue()]["Properties"];
        assert_eq!(queue["VisibilityTimeout"], 300, "{name}");
        let redrive = &queue["RedrivePolicy"];
        assert!(
            redrive["maxReceiveCount"].as_u64().unwrap() >= 5,
            "{name}: {redrive}"
        );
        let dead = referred(&redrive["deadLetterTargetArn"]);
        assert_eq!(resources[dead]["Type"], "AWS::SQS::Queue", "{name}");
    }
}

/// Executions at once of all functions of a new account (Lambda developer guide, "Lambda quotas": reduced, and raised with use;
/// 10 is the least that people report).
const CONCURRENCY_OF_A_NEW_ACCOUNT: u64 = 10;

#[test]
fn a_new_account_has_an_execution_left_when_all_queues_are_full() {
    let most = |source: &serde_json::Value| source["ScalingConfig"]["MaximumConcurrency"].as_u64();
    let functions = functions();
    let at_once: u64 = functions
        .iter()
        .map(|function| most(&function.source).unwrap())
        .sum();
    assert!(at_once < CONCURRENCY_OF_A_NEW_ACCOUNT, "{at_once}");
}

#[test]
fn every_rule_may_send_to_its_queue() {
    let resources = &iam::template()["Resources"];
    for function in functions() {
        let queue = function.queue();
        let dead = &resources[queue]["Properties"]["RedrivePolicy"]["deadLetterTargetArn"];
        let both = BTreeSet::from([queue, referred(dead)]);
        let policies = resources.as_object().unwrap().values();
        let mut policies = policies.filter(|resource| resource["Type"] == "AWS::SQS::QueuePolicy");
        let policy = policies
            .find(|policy| all_referred(&policy["Properties"]["Queues"]).contains(queue))
            .unwrap_or_else(|| panic!("{queue} has no policy"));
        assert_eq!(all_referred(&policy["Properties"]["Queues"]), both);
        let statement = &policy["Properties"]["PolicyDocument"]["Statement"][0];
        assert_eq!(statement["Principal"]["Service"], "events.amazonaws.com");
        assert_eq!(all_referred(&statement["Resource"]), both);
        let allowed = all_referred(&statement["Condition"]["ArnEquals"]["aws:SourceArn"]);
        let rules: BTreeSet<&str> = rules_of(queue).into_keys().collect();
        assert_eq!(allowed, rules);
        for (rule, target) in rules_of(queue) {
            let given_up = referred(&target["DeadLetterConfig"]["Arn"]);
            assert_eq!(given_up, referred(dead), "{rule}");
        }
    }
}

fn all_referred(list: &serde_json::Value) -> BTreeSet<&str> {
    list.as_array().unwrap().iter().map(referred).collect()
}

/// What stands between backticks in a text.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// A page, and the names between backticks in the first column of its tables.
fn page(name: &str) -> (String, BTreeSet<String>) {
    let page = fs::read_to_string(repository().join("docs").join(name)).unwrap();
    let rows = page.lines().filter_map(|row| row.strip_prefix("| `"));
    let first = rows.flat_map(quoted_first);
    let first = first.map(str::to_owned).collect();
    (page, first)
}

/// The names of a first column that begins in a backtick.
fn quoted_first(row: &str) -> impl Iterator<Item = &str> {
    row.split('|').next().unwrap().split('`').step_by(2)
}

#[test]
fn every_parameter_output_and_alarm_of_the_pages_exists_and_none_is_left_out() {
    let template = iam::template();
    let names = |section: &str| -> BTreeSet<String> {
        let members = template[section].as_object().unwrap().keys();
        members.cloned().collect()
    };
    let (_, parameters) = page("configure.md");
    assert_eq!(parameters, names("Parameters"));
    let (_, outputs) = page("deploy.md");
    assert_eq!(outputs, names("Outputs"));

    let resources = names("Resources");
    let (alarms, told) = page("alarms.md");
    let ends = |name: &&str| name.ends_with("Alarm") || name.ends_with("Rule");
    for name in quoted(&alarms).filter(ends) {
        assert!(resources.contains(name), "docs/alarms.md names {name}");
    }
    for alarm in resources.iter().filter(|name| name.ends_with("Alarm")) {
        assert!(told.contains(alarm), "docs/alarms.md leaves out {alarm}");
    }
}
