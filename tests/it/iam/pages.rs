//! The policies of docs/permissions.md are what IAM takes, and worth what the page says of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use double::iam::{Decision, Deployment, Effect, Need, Policy, Rule};
use serde_json::Value;

use super::reference;

const ACCOUNT: &str = "123456789012";
const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/ENVIRONMENT-KEY";
const BUS: &str = "arn:aws:events:us-east-1:123456789012:event-bus/default";
/// SAM developer guide, "Managing resource access and permissions": who transforms needs `CreateChangeSet` on it as well; the
/// service authorization reference does not list it.
const TRANSFORM: &str = "arn:aws:cloudformation:us-east-1:aws:transform/Serverless-2016-10-31";
const OWN_BUS: &str = "arn:aws:events:us-east-1:123456789012:event-bus/rack-commands";

/// The Rack of the page.
fn deployment() -> Deployment {
    let settings = [
        ("AWS_ACCESS_KEY_ID", ACCOUNT),
        ("RACK", "myrack"),
        ("SETTINGS_BUCKET", "BUCKET"),
        ("CLUSTER", "blue"),
        ("ENVIRONMENT_KEY_ARN", KEY),
        (
            "APP_STACK_ROLE_ARN",
            "arn:aws:iam::123456789012:role/app-stacks",
        ),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Deployment::of(&settings)
}

/// The policy of a key of one's own, as the page has it.
pub(super) fn key_policy() -> Value {
    documents().remove("Keys of your own").unwrap()
}

/// The stack with keys that it was given, each with that policy.
pub(super) fn under_keys_of_ones_own(of: &Deployment, document: &Value) -> Deployment {
    let keys = [&of.environment_key].into_iter();
    let keys = keys.chain(&of.secret_key).chain(&of.former_secret_key);
    Deployment {
        creates_key: false,
        key_policies: keys.map(|key| (key.clone(), document.clone())).collect(),
        ..of.clone()
    }
}

/// The actions that the policy of such a key leaves to IAM, each with the policy that is without it.
pub(super) fn key_policies_with_less() -> Vec<(String, Value)> {
    let whole = key_policy();
    let statements = whole["Statement"].as_array().unwrap();
    let mut places = statements.iter();
    let place = places
        .position(|one| one["Sid"] == "UseIsLeftToIam")
        .unwrap();
    let actions = texts(&statements[place]["Action"]).into_iter().enumerate();
    let lessened = actions.map(|(number, action)| {
        let mut less = whole.clone();
        let left = less["Statement"][place]["Action"].as_array_mut().unwrap();
        left.remove(number);
        (action.to_owned(), less)
    });
    lessened.collect()
}

/// The policy documents of the page, by the heading that each stands under.
fn documents() -> BTreeMap<String, Value> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/permissions.md");
    let page = fs::read_to_string(page).unwrap();
    let mut documents = BTreeMap::new();
    for section in page.split("\n## ").skip(1) {
        let heading = section.lines().next().unwrap();
        for block in section.split("```json\n").skip(1) {
            let text = block.split("```").next().unwrap();
            let document = serde_json::from_str(text);
            let document = document.unwrap_or_else(|err| panic!("{heading}: {err}\n{text}"));
            let twice = documents.insert(heading.to_owned(), document);
            assert!(twice.is_none(), "{heading} has two");
        }
    }
    documents
}

/// What somebody may do who has the policy under a heading, in an account with the Rack.
fn policy(heading: &str) -> Policy {
    let principal = format!("arn:aws:iam::{ACCOUNT}:role/somebody");
    let mut policy = Policy {
        principal: Some(principal.clone()),
        ..Policy::default()
    };
    policy.add_allowed(&documents()[heading]).unwrap();
    let bucket = deployment().bucket_policy(&principal).unwrap();
    let denials = bucket.rules.into_iter();
    let denials = denials.filter(|rule| rule.effect == Effect::Deny);
    policy.rules.extend(denials);
    policy
}

fn need(action: &str, resource: &str) -> Need {
    Need::new(action, resource, "what the page says")
}

fn object(action: &str, key: &str) -> Need {
    need(action, &format!("arn:aws:s3:::BUCKET/{key}"))
}

fn through_s3(action: &str) -> Need {
    need(action, KEY).with("kms:ViaService", Deployment::via("s3"))
}

fn event(source: &str, detail_type: &str) -> Need {
    let put = need("events:PutEvents", BUS).with("events:source", source);
    put.with("events:detail-type", detail_type)
}

fn invoke(function: &str) -> Need {
    let function = format!("arn:aws:lambda:us-east-1:{ACCOUNT}:function:{function}");
    need("lambda:InvokeFunction", &function)
}

fn stack(action: &str, name: &str) -> Need {
    let stack = format!("arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/{name}/8f1c");
    need(action, &stack)
}

fn may(heading: &str, can: &[Need], cannot: &[Need]) {
    let policy = policy(heading);
    for (needs, want) in [(can, true), (cannot, false)] {
        for need in needs {
            let decision = policy.decide(need);
            let allowed = decision == Decision::Allowed;
            assert_eq!(allowed, want, "{heading}: {need:?} is {decision:?}");
        }
    }
}

#[test]
fn an_uploader_writes_releases_of_its_app_and_no_state() {
    let put = |key| object("s3:PutObject", key);
    let can = [
        put("apps/shop/app.json"),
        put("apps/shop/convox.yml"),
        put("apps/shop/releases/R1/convox.yml"),
        put("apps/shop/releases/R1/build.json"),
        put("apps/shop/releases/R1/env"),
        through_s3("kms:GenerateDataKey"),
    ];
    let cannot = [
        put("apps/shop/releases/R1/report.json"),
        put("apps/shop/state/promotion.json"),
        put("apps/shop/history/index.json"),
        put("apps/shop2/releases/R1/env"),
        put("apps/other/releases/R1/env"),
        put("entrance.json"),
        put("reconcile.json"),
        object("s3:GetObject", "apps/shop/releases/R1/env"),
        object("s3:DeleteObject", "apps/shop/releases/R1/env"),
        through_s3("kms:Decrypt"),
        need("kms:GenerateDataKey", KEY),
        event("rack", "App Deleted"),
        invoke("PROMOTE-FUNCTION"),
    ];
    may("Who uploads", &can, &cannot);
}

#[test]
fn a_deployer_promotes_and_reads_reports_and_neither_deletes_nor_runs() {
    let can = [
        event("rack", "Release Promote Requested"),
        invoke("PROMOTE-FUNCTION"),
        object("s3:GetObject", "apps/shop/releases/R1/report.json"),
        object("s3:GetObject", "apps/shop/history/index.json"),
        through_s3("kms:Decrypt"),
        stack("cloudformation:DescribeStacks", "rack"),
    ];
    let cannot = [
        event("rack", "App Deleted"),
        event("rack", "Process Run Requested"),
        event("secrets-manager-env", "Promotion Continue"),
        need("events:PutEvents", BUS),
        invoke("APP-DELETION-FUNCTION"),
        invoke("PROCESS-RUN-FUNCTION"),
        object("s3:GetObject", "apps/shop/releases/R1/env"),
        object("s3:PutObject", "apps/shop/releases/R1/env"),
        need("kms:Decrypt", KEY),
        stack("cloudformation:UpdateStack", "myrack-shop-1a2b3c4d"),
    ];
    may("Who deploys", &can, &cannot);
}

#[test]
fn who_lets_a_deployment_go_on_promotes_nothing_and_reaches_one_app() {
    let on = |action: &str, kind: &str, of: &str| {
        let resource = format!("arn:aws:ecs:us-east-1:{ACCOUNT}:{kind}/blue/{of}");
        need(&format!("ecs:{action}"), &resource)
    };
    let deployment = "service-deployment";
    let (ours, others) = ("myrack_shop_web/1a2b", "myrack_shop2_web/1a2b");
    let can = [
        object("s3:GetObject", "apps/shop/state/promotion.json"),
        through_s3("kms:Decrypt"),
        stack("cloudformation:DescribeStacks", "rack"),
        on("ListServiceDeployments", "service", "myrack_shop_web"),
        on("DescribeServiceDeployments", deployment, ours),
        on("ContinueServiceDeployment", deployment, ours),
    ];
    let cannot = [
        object("s3:GetObject", "apps/shop/releases/R1/env"),
        object("s3:PutObject", "apps/shop/state/promotion.json"),
        on("ContinueServiceDeployment", deployment, others),
        on("UpdateService", "service", "myrack_shop_web"),
        on("StopServiceDeployment", deployment, ours),
        event("rack", "Release Promote Requested"),
        invoke("PROMOTE-FUNCTION"),
    ];
    may("Who lets a deployment go on", &can, &cannot);
    // What pauses is not ended by who deploys.
    let no = [on("ContinueServiceDeployment", deployment, ours)];
    may("Who deploys", &[], &no);
}

#[test]
fn who_deploys_the_rack_hands_over_a_role_and_touches_no_other_stack() {
    let role = format!("arn:aws:iam::{ACCOUNT}:role/deploy-rack");
    let pass = |role: &str, to| need("iam:PassRole", role).with("iam:PassedToService", to);
    let packages = |action| need(action, "arn:aws:s3:::my-packages/rack/0123.template");
    let can = [
        stack("cloudformation:CreateChangeSet", "rack"),
        stack("cloudformation:ExecuteChangeSet", "rack"),
        pass(&role, "cloudformation.amazonaws.com"),
        packages("s3:PutObject"),
        packages("s3:GetObject"),
    ];
    let cannot = [
        stack("cloudformation:ExecuteChangeSet", "rack-2"),
        stack("cloudformation:CreateChangeSet", "myrack-shop-1a2b3c4d"),
        stack("cloudformation:UpdateStack", "rack"),
        pass(&role, "lambda.amazonaws.com"),
        pass(
            &format!("arn:aws:iam::{ACCOUNT}:role/convox/myrack/shop"),
            "cloudformation.amazonaws.com",
        ),
        object("s3:PutObject", "apps/shop/releases/R1/env"),
    ];
    may("Who deploys the Rack", &can, &cannot);
}

#[test]
fn a_bus_of_ones_own_takes_events_of_those_who_command_only() {
    let document = &documents()["What `events:PutEvents` is worth"];
    for (role, want) in [
        ("deploy-apps", Decision::Allowed),
        ("somebody", Decision::Denied("OnlyWhoCommands".to_owned())),
    ] {
        let mut policy = Policy {
            rules: vec![Rule::on("events:PutEvents", "*")],
            principal: Some(format!("arn:aws:iam::{ACCOUNT}:role/{role}")),
            ..Policy::default()
        };
        policy.add_denied(document).unwrap();
        let put = need("events:PutEvents", OWN_BUS);
        assert_eq!(policy.decide(&put), want, "{role}");
    }
}

/// As for the stack's role: of a statement's actions and resources each has one that fits.
#[test]
fn the_policies_of_the_page_name_what_iam_knows() {
    let reference = reference::reference();
    for (heading, document) in documents() {
        assert_eq!(document["Version"], "2012-10-17", "{heading}");
        for statement in document["Statement"].as_array().unwrap() {
            let sid = statement["Sid"].as_str().unwrap();
            let [actions, resources] = ["Action", "Resource"].map(|name| texts(&statement[name]));
            if resources == [TRANSFORM] {
                assert_eq!(actions, ["cloudformation:CreateChangeSet"], "{heading}");
                continue;
            }
            let pairs = actions
                .iter()
                .flat_map(|action| resources.iter().map(move |resource| (*action, *resource)));
            let makes_sense = |(action, resource): &(&str, &str)| {
                let wrong = reference::nonsense(&reference, action, resource);
                // Every action can be allowed on everything.
                wrong.is_none_or(|wrong| *resource == "*" && !wrong.contains("no action"))
            };
            let sensible: Vec<_> = pairs.filter(makes_sense).collect();
            let known: BTreeSet<&str> = sensible.iter().flat_map(|(a, r)| [*a, *r]).collect();
            for one in actions.iter().chain(&resources) {
                assert!(known.contains(one), "{heading}, {sid}: {one}");
            }
        }
    }
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        list => {
            let items = list.as_array().unwrap().iter();
            items.map(|item| item.as_str().unwrap()).collect()
        }
    }
}
