//! An App's roles allow what the Rack's own do, for this App alone.

use std::collections::BTreeSet;

use double::iam::{self, Decision, Deployment, Need, Policy};
use manifest::resources::{DatabaseEngine, ResourceKind};
use release::app_stack::Needs;
use serde_json::{Value, json};

use super::lint::{entered, full};
use super::{Rack, database, files, load, resource};

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

#[test]
fn a_named_secret_that_carries_a_racks_tag_is_not_read_and_the_apps_own_is() {
    let secret =
        |name: &str| format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:{name}-AbCdEf");
    let (named, own) = (secret("db/main"), secret("myrack_shop/db/link"));
    let manifest =
        format!("services:\n  web:\n    image: i\n    secrets: {{A: '{named}', B: '{own}'}}\n");
    let rack = Rack {
        needs: Needs::of(&load(&manifest, &[])).unwrap(),
        ..Rack::new("myrack")
    };
    let template = rack.render(&[], None).template;
    let role = &template["Resources"]["ExecutionRole"]["Properties"];
    let mut document = role["Policies"][0]["PolicyDocument"].clone();
    let statements = document["Statement"].as_array_mut().unwrap();
    statements.retain(|statement| statement["Action"] == json!(["secretsmanager:GetSecretValue"]));
    let deployment = Deployment::of(&[("AWS_ACCESS_KEY_ID".to_owned(), "123456789012".to_owned())]);
    let mut policy = Policy::default();
    let document = deployment.resolved(&document).unwrap();
    policy.add_allowed(&document).unwrap();
    for (arn, tag, want) in [
        (&named, None, Decision::Allowed),
        (&named, Some("another"), Decision::NotAllowed),
        (&own, Some("myrack"), Decision::Allowed),
        (&secret("myrack/shop"), Some("myrack"), Decision::Allowed),
        (&secret("db/other"), None, Decision::NotAllowed),
    ] {
        let mut need = Need::new("secretsmanager:GetSecretValue", arn, "");
        if let Some(rack) = tag {
            need = need.with("aws:ResourceTag/convox:rack", rack);
        }
        assert_eq!(policy.decide(&need), want, "{arn} {tag:?}");
    }
}

/// The deployment that the templates of [`full`] are of.
fn of_full() -> Deployment {
    let settings = [
        ("AWS_ACCESS_KEY_ID", "123456789012"),
        ("RACK", "myrack"),
        ("SETTINGS_BUCKET", "settings-bucket"),
        (
            "APP_SECRET_ARNS",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:db/*",
        ),
        ("APP_ENVIRONMENT_FILE_ARNS", "arn:aws:s3:::bucket/*"),
    ];
    Deployment::of(&settings.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

/// A template's value with ARNs in place of the attributes that only its stack has.
fn with_arns(value: &Value, of: &Deployment, template: &Value) -> Value {
    match value {
        Value::Array(items) => items
            .iter()
            .map(|item| with_arns(item, of, template))
            .collect(),
        Value::Object(members) => {
            if let Some(id) = members
                .get("Fn::GetAtt")
                .and_then(|parts| parts[0].as_str())
            {
                let arn = match template["Resources"][id]["Type"].as_str().unwrap() {
                    "AWS::Logs::LogGroup" => of.arn("logs", "log-group:/convox/myrack/shop:*"),
                    "AWS::SecretsManager::Secret" => {
                        of.arn("secretsmanager", "secret:myrack_shop/db/link-AbCdEf")
                    }
                    "AWS::EFS::FileSystem" => of.arn("elasticfilesystem", "file-system/fs-1"),
                    "AWS::EFS::AccessPoint" => of.arn("elasticfilesystem", "access-point/fsap-1"),
                    other => panic!("{other} in a policy"),
                };
                return arn.into();
            }
            let members = members.iter();
            members
                .map(|(name, member)| (name.clone(), with_arns(member, of, template)))
                .collect()
        }
        other => other.clone(),
    }
}

/// All that a template's roles allow by themselves, each as something that they do.
fn done(template: &Value, of: &Deployment) -> Vec<Need> {
    let resources = template["Resources"].as_object().unwrap().values();
    let roles = resources.filter(|one| one["Type"] == "AWS::IAM::Role");
    let mut policy = Policy::default();
    for role in roles {
        for one in role["Properties"]["Policies"].as_array().unwrap() {
            let document = with_arns(&one["PolicyDocument"], of, template);
            let document = of.resolved(&document).unwrap();
            policy.add_allowed(&document).unwrap();
        }
    }
    let needs = policy.allowing().map(|(_, rule)| rule.as_need("this test"));
    needs.collect()
}

#[test]
fn every_role_has_the_boundary_and_does_nothing_beyond_it() {
    let of = of_full();
    let files = resource("files", ResourceKind::FileSystem(files("/data")));
    let db = resource(
        "db",
        ResourceKind::Database(database(DatabaseEngine::Postgres)),
    );
    let template = entered().render(&[files, db], None).template;
    for (id, resource) in template["Resources"].as_object().unwrap() {
        if resource["Type"] == "AWS::IAM::Role" {
            let boundary = &resource["Properties"]["PermissionsBoundary"];
            assert_eq!(
                boundary, "arn:aws:iam::123456789012:policy/convox/myrack/boundary",
                "{id}"
            );
        }
    }
    let boundary = of.boundary_policy().unwrap();
    let needs = done(&template, &of);
    assert!(needs.len() > 20, "{needs:?}");
    let beyond = |policy: &Policy| -> Vec<Need> {
        let refused = needs
            .iter()
            .filter(|need| policy.decide(need) != Decision::Allowed);
        refused.cloned().collect()
    };
    assert_eq!(beyond(&boundary), Vec::<Need>::new());
    let mounts = |action: &str| action.starts_with("elasticfilesystem:");
    let are_mounted = needs.iter().any(|need| mounts(&need.action));
    // What ECS moves requests by is a test of its own.
    let moves = |action: &str| action.starts_with("elasticloadbalancing:");
    let rules = boundary.allowing();
    let rules = rules.filter(|(_, rule)| !moves(&rule.action));
    for (place, rule) in rules.filter(|(_, rule)| are_mounted || !mounts(&rule.action)) {
        let idle = beyond(&boundary.without(place)).is_empty();
        assert!(!idle, "no role of an App does {rule}");
    }
}

#[test]
fn what_ecs_moves_requests_by_is_what_the_boundary_lets_it_do_with_the_racks_own() {
    let boundary = of_full().boundary_policy().unwrap();
    let role = super::reached::deployment_role();
    let rules = boundary.allowing().map(|(_, rule)| rule.action.clone());
    let of_boundary = rules.filter(|it| it.starts_with("elasticloadbalancing:"));
    assert_eq!(of_boundary.collect::<BTreeSet<String>>(), allowed(&role));
    let of_rack = "aws:ResourceTag/convox:rack";
    for (action, kind) in [
        ("ModifyRule", "listener-rule/app/balancer/1/2/3"),
        ("RegisterTargets", "targetgroup/group/1"),
        ("DeregisterTargets", "targetgroup/group/1"),
    ] {
        let arn = format!("arn:aws:elasticloadbalancing:us-east-1:123456789012:{kind}");
        let need = Need::new(&format!("elasticloadbalancing:{action}"), arn, "this test");
        let own = need.clone().with(of_rack, "myrack");
        assert!(boundary.decide(&own).is_allowed(), "{action}");
        let other = need.with(of_rack, "theirs");
        assert!(!boundary.decide(&other).is_allowed(), "{action}");
    }
}

#[test]
fn the_boundary_makes_no_role_an_administrator() {
    let of = of_full();
    let any = Deployment {
        app_policy_actions: "*".to_owned(),
        ..of.clone()
    };
    let (exact, any) = (
        of.boundary_policy().unwrap(),
        any.boundary_policy().unwrap(),
    );
    let need = |action: &str, resource: &str| Need::new(action, resource, "this test");
    let ours = "arn:aws:iam::123456789012:role/admin";
    for never in [
        need("iam:CreateUser", "arn:aws:iam::123456789012:user/any"),
        need("iam:PassRole", ours),
        need("iam:AttachRolePolicy", ours),
        need("organizations:LeaveOrganization", "*"),
        need("account:CloseAccount", "*"),
        need("sts:AssumeRole", ours),
    ] {
        assert_eq!(
            exact.decide(&never).is_allowed(),
            any.decide(&never).is_allowed()
        );
        assert!(!any.decide(&never).is_allowed(), "{never:?}");
    }
    for named in [
        need("sts:AssumeRole", "arn:aws:iam::210987654321:role/theirs"),
        need(
            "lambda:UpdateFunctionCode",
            "arn:aws:lambda:us-east-1:123456789012:function:f",
        ),
        need("s3:GetObject", "arn:aws:s3:::others/object"),
        need(
            "secretsmanager:GetSecretValue",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:others-AbCdEf",
        ),
        need("kms:Decrypt", "arn:aws:kms:us-east-1:123456789012:key/1")
            .with("kms:ViaService", "rds.us-east-1.amazonaws.com"),
    ] {
        assert!(!exact.decide(&named).is_allowed(), "{named:?}");
        assert!(any.decide(&named).is_allowed(), "{named:?}");
    }
}
