//! An App's roles allow what the Rack's own do, for this App alone.

use std::collections::BTreeSet;

use integration_tests::iam::{self, Decision, Deployment, Need, Policy};
use serde_json::{Value, json};
use shared::app_stack::Needs;

use super::lint::full;
use super::{Rack, load};

/// All actions of a role's own policies, whatever conditions of the template they stand under.
fn actions(part: &Value, found: &mut BTreeSet<String>) {
    match part {
        Value::Array(items) => items.iter().for_each(|item| actions(item, found)),
        Value::Object(members) => {
            match &members.get("Action") {
                Some(Value::String(action)) => drop(found.insert(action.clone())),
                Some(Value::Array(all)) => {
                    found.extend(all.iter().map(|action| action.as_str().unwrap().to_owned()));
                }
                _ => {}
            }
            members.values().for_each(|member| actions(member, found));
        }
        _ => {}
    }
}

fn allowed(role: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    actions(&role["Properties"]["Policies"], &mut found);
    found
}

#[test]
fn they_allow_the_same_actions_to_the_same_service() {
    let of_app = full().render(&[], None).template;
    let of_rack = &iam::template()["Resources"];
    for (rack, app) in [
        ("TaskExecutionRole", "ExecutionRole"),
        ("TaskRole", "TaskRole"),
        ("TaskRole", "WebServiceRole"),
    ] {
        let (of_rack, of_app) = (&of_rack[rack], &of_app["Resources"][app]);
        let actions = allowed(of_app);
        assert_eq!(actions, allowed(of_rack), "{app}");
        assert!(actions.len() > 2, "{actions:?}");
        let trust = |role: &Value| {
            let statement = &role["Properties"]["AssumeRolePolicyDocument"]["Statement"][0];
            (
                statement["Principal"].clone(),
                statement["Condition"].to_string(),
            )
        };
        assert_eq!(trust(of_app), trust(of_rack), "{app}");
    }
}

#[test]
fn every_resource_that_is_the_apps_names_the_app() {
    let template = full().render(&[], None).template;
    for role in ["ExecutionRole", "TaskRole"] {
        let document = &template["Resources"][role]["Properties"]["Policies"][0]["PolicyDocument"];
        for statement in document["Statement"].as_array().unwrap() {
            let (sid, resource) = (statement["Sid"].as_str().unwrap(), &statement["Resource"]);
            let want = match sid {
                "ReadSecrets" => ":secret:myrack/shop-??????\"",
                "ReadEnvironments" => "/apps/shop/releases/*/env\"",
                "Log" => "\"LogGroup\"",
                _ => continue,
            };
            assert!(resource.to_string().contains(want), "{sid}: {resource}");
        }
    }
}

/// What the execution role may decrypt beyond what is encrypted with the Rack's own key.
fn decrypting(needs: Needs) -> Policy {
    let rack = Rack {
        needs,
        ..Rack::new("myrack")
    };
    let template = rack.render(&[], None).template;
    let role = &template["Resources"]["ExecutionRole"]["Properties"];
    let mut document = role["Policies"][0]["PolicyDocument"].clone();
    let statements = document["Statement"].as_array_mut().unwrap();
    statements.retain(|statement| statement["Action"] == json!(["kms:Decrypt"]));
    let deployment = Deployment::of(&[]);
    let mut policy = Policy::default();
    let document = deployment.resolved(&document).unwrap();
    policy.add_allowed(&document).unwrap();
    policy
}

#[test]
fn what_convox_yml_names_is_decrypted_whichever_key_it_has_and_nothing_else() {
    let secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db/main-AbCdEf";
    let (bucket, file) = ("arn:aws:s3:::files", "arn:aws:s3:::files/shop/a.env");
    let manifest = format!(
        "services:\n  web:\n    image: i\n    environmentFiles: ['{file}']\n    secrets: {{B: '{secret}:K::'}}\n"
    );
    let policy = decrypting(Needs::of(&load(&manifest, &[])).unwrap());
    let key = "arn:aws:kms:eu-west-1:210987654321:key/1";
    let arn = ("SecretARN", "aws:s3:arn");
    let (secrets, s3) = (
        "secretsmanager.eu-west-1.amazonaws.com",
        "s3.eu-west-1.amazonaws.com",
    );
    let (yes, no) = (Decision::Allowed, Decision::NotAllowed);
    for (action, via, context, value, want) in [
        ("Decrypt", secrets, arn.0, secret, &yes),
        ("Decrypt", s3, arn.1, file, &yes),
        ("Decrypt", s3, arn.1, bucket, &yes),
        (
            "Decrypt",
            secrets,
            arn.0,
            "arn:aws:secretsmanager:eu-west-1:210987654321:secret:db/main-AbCdEf",
            &no,
        ),
        (
            "Decrypt",
            secrets,
            arn.0,
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:db/main-AbCdEf",
            &no,
        ),
        ("Decrypt", s3, arn.1, "arn:aws:s3:::others", &no),
        ("Decrypt", s3, arn.0, secret, &no),
        ("Decrypt", secrets, arn.1, file, &no),
        ("Encrypt", secrets, arn.0, secret, &no),
    ] {
        let need = Need::new(&format!("kms:{action}"), key, "")
            .with("kms:ViaService", via)
            .with(&format!("kms:EncryptionContext:{context}"), value);
        assert_eq!(
            &policy.decide(&need),
            want,
            "{action} {via} {context} {value}"
        );
        let mut directly = need;
        directly.context.remove("kms:viaservice");
        assert_eq!(policy.decide(&directly), no, "{action} {context} {value}");
    }
    assert_eq!(decrypting(Needs::default()), Policy::default());
}
