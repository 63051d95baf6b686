//! `make lint` sees what SAM's transform makes of the template: cfn-lint alone sees only what is written in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use double::iam;
use serde_json::{Value, json};

use super::repository;

/// What CloudFormation would refuse, or run badly, only once SAM has transformed it: its name, what is replaced in the
/// template, by what, and what is said about it. `sam validate --lint` and cfn-lint pass each of them.
const BROKEN: [(&str, &str, &str, &str); 12] = [
    (
        "more messages in a batch than Lambda takes",
        r#""BatchSize":1"#,
        r#""BatchSize":50000"#,
        "E3034 at Resources/PromoteFunctionIntake/Properties/BatchSize",
    ),
    (
        "an empty batch",
        r#""BatchSize":1"#,
        r#""BatchSize":0"#,
        "E3034 at Resources/PromoteFunctionIntake/Properties/BatchSize",
    ),
    (
        "a batch that is waited for too long",
        r#""BatchSize":1"#,
        r#""MaximumBatchingWindowInSeconds":400"#,
        "E3034 at Resources/PromoteFunctionIntake/Properties/MaximumBatchingWindowInSeconds",
    ),
    (
        "fewer at a time than Lambda takes",
        r#""MaximumConcurrency":3"#,
        r#""MaximumConcurrency":1"#,
        "E3034 at Resources/PromoteFunctionIntake/Properties/ScalingConfig/MaximumConcurrency",
    ),
    (
        "an answer that Lambda does not know",
        r#"["ReportBatchItemFailures"]"#,
        r#"["ReportBatchItemFailure"]"#,
        "E3030 at Resources/PromoteFunctionIntake/Properties/FunctionResponseTypes/0",
    ),
    (
        "a queue that is not there",
        r#""Queue":{"Fn::GetAtt":["IntakeQueue","Arn"]}"#,
        r#""Queue":{"Fn::GetAtt":["IntakeQueu","Arn"]}"#,
        "E1010 at Resources/PromoteFunctionIntake/Properties/EventSourceArn/Fn::GetAtt",
    ),
    (
        "a kind of event that SAM does not know",
        r#""Type":"SQS""#,
        r#""Type":"Sqs""#,
        "Resource with id [PromoteFunction] is invalid. Event with id [Intake] is invalid.",
    ),
    (
        "a function without code",
        r#""CodeUri":"functions/promote","#,
        "",
        "Resource with id [PromoteFunction] is invalid.",
    ),
    (
        "a runtime that is not there",
        r#""provided.al2023""#,
        r#""provided.al2024""#,
        "E3030 at Resources/PromoteFunction/Properties/Runtime",
    ),
    (
        "a form of logs that is not there",
        r#""LogFormat":"JSON""#,
        r#""LogFormat":"Json""#,
        "E3030 at Resources/PromoteFunction/Properties/LoggingConfig/LogFormat",
    ),
    (
        "a processor that is not there",
        r#""AllowedValues":["arm64","x86_64"]"#,
        r#""AllowedValues":["arm64","x86-64"]"#,
        "W1030 at Parameters/Architecture/AllowedValues/1",
    ),
    (
        "messages that come back while the function is at work on them",
        r#""Timeout":120"#,
        r#""Timeout":600"#,
        "E3505 at Resources/IntakeQueue/Properties/VisibilityTimeout",
    ),
];

/// What the lint says about the templates, and whether it found anything.
pub fn lint(templates: &[&Path]) -> (String, bool) {
    let python = repository().join(".venv/sam/bin/python3");
    assert!(python.exists(), "SAM is missing: run `make tools` once");
    let output = Command::new(python)
        .arg(repository().join("tests/lint_templates.py"))
        .args(["--regions", "us-east-1", "--templates"])
        .args(templates)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    let code = output.status.code();
    assert!(matches!(code, Some(0 | 1)), "{code:?}: {complaints}");
    (said, code == Some(1))
}

/// The template without what has no part in this, and takes long: promote's function and queue, and what they refer to.
/// Policies of roles stand in the template as CloudFormation gets them.
fn promotes_part() -> String {
    let mut template = iam::template().clone();
    let resources = template["Resources"].as_object_mut().unwrap();
    for resource in resources.values_mut() {
        resource["Properties"]
            .as_object_mut()
            .unwrap()
            .remove("Policies");
    }
    let mut texts: BTreeMap<String, String> = resources
        .iter()
        .map(|(id, resource)| (id.clone(), resource.to_string()))
        .collect();
    let mut open = vec!["PromoteFunction".to_owned()];
    let mut kept = BTreeMap::new();
    while let Some(id) = open.pop() {
        let Some(text) = texts.remove(&id) else {
            continue;
        };
        let named = |other: &&String| {
            text.contains(&format!("\"{other}\"")) || text.contains(&format!("${{{other}"))
        };
        open.extend(texts.keys().filter(named).cloned());
        kept.insert(id, text);
    }
    resources.retain(|id, _| kept.contains_key(id));
    template["Outputs"] = json!({"Function": {"Value": {"Ref": "PromoteFunction"}}});
    Value::to_string(&template)
}

#[test]
fn what_the_transform_would_make_wrong_is_found() {
    let template = promotes_part();
    let folder = tempfile::tempdir().unwrap();
    let files = BROKEN.map(|(name, right, wrong, _)| {
        assert!(template.contains(right), "{name}: {right:?} is not there");
        let file = folder.path().join(format!("{name}.json"));
        fs::write(&file, template.replace(right, wrong)).unwrap();
        file
    });
    let (said, found) = lint(&files.each_ref().map(AsRef::as_ref));
    assert!(found, "{said}");
    for ((name, _, _, finding), file) in BROKEN.iter().zip(&files) {
        let about = format!("{}, transformed: ", file.display());
        let about = said.lines().filter_map(|line| line.strip_prefix(&about));
        let about: Vec<&str> = about.collect();
        assert!(
            about.iter().any(|line| line.starts_with(finding)),
            "{name}: {about:#?}"
        );
    }
}

#[test]
fn the_templates_themselves_have_no_finding() {
    let templates = [
        "template.yaml",
        "examples/account.yaml",
        "examples/ci/role.yaml",
    ];
    let templates = templates.map(|name| repository().join(name));
    let (said, found) = lint(&templates.each_ref().map(AsRef::as_ref));
    assert!(!found, "{said}");
}
