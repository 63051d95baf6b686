//! What CloudFormation does for the stacks of Apps, and what it must not be able to do there.

use aws_sdk_cloudformation::types::Tag;
use integration_tests::World;
use integration_tests::iam::{
    Decision, Deployment, Facts, Need, assumption, missing, permits, template,
};
use serde_json::json;

use super::{app_role, deployment, need, secret};
use crate::iam::policy;

const ROLE: &str = "AppStackRole";
/// Source: IAM user guide, "IAM and AWS STS quotas": the inline policies of a role, without white space.
const POLICIES_MAX: usize = 10_240;

fn tagged(need: Need, kind: &str, rack: &str) -> Need {
    need.with(&format!("aws:{kind}/convox:rack"), rack)
}

/// By name, path or tag of the Rack `rack`.
fn deeds(of: &Deployment, rack: &str) -> Vec<Need> {
    let role = app_role(of, rack);
    let group = of.arn("ec2", "security-group/sg-1");
    let files = of.arn("elasticfilesystem", "file-system/fs-1");
    let cache = of.arn("elasticache", "replicationgroup:cache");
    let database = of.arn("rds", &format!("db:{rack}-shop-1a2b3c4d-db"));
    vec![
        need("iam:CreateRole", &role),
        need("iam:PutRolePolicy", &role),
        need("iam:DeleteRole", &role),
        need(
            "logs:CreateLogGroup",
            of.arn("logs", &format!("log-group:/convox/{rack}/shop")),
        ),
        need(
            "secretsmanager:CreateSecret",
            secret(of, &format!("{rack}_shop_db")),
        ),
        need(
            "secretsmanager:GetSecretValue",
            secret(of, &format!("{rack}_shop_db")),
        ),
        need("rds:CreateDBInstance", &database),
        need("rds:DeleteDBInstance", &database),
        tagged(
            need("elasticache:DeleteReplicationGroup", cache),
            "ResourceTag",
            rack,
        ),
        tagged(
            need("elasticfilesystem:CreateFileSystem", "*"),
            "RequestTag",
            rack,
        ),
        tagged(
            need("elasticfilesystem:DeleteFileSystem", files),
            "ResourceTag",
            rack,
        ),
        tagged(need("ec2:CreateTags", &group), "RequestTag", rack),
        tagged(need("ec2:DeleteSecurityGroup", &group), "ResourceTag", rack),
    ]
}

#[tokio::test]
async fn a_stack_may_change_what_is_its_racks_and_nothing_of_another() {
    let deployment = deployment().await;
    let policy = policy(&deployment, ROLE);
    for deed in deeds(&deployment, &deployment.rack) {
        assert_eq!(policy.decide(&deed), Decision::Allowed, "{deed:?}");
    }
    for deed in deeds(&deployment, "another") {
        assert_eq!(policy.decide(&deed), Decision::NotAllowed, "{deed:?}");
    }
    let passed = need("iam:PassRole", app_role(&deployment, &deployment.rack));
    let environment = secret(&deployment, &format!("{}/shop", deployment.rack));
    for deed in [
        need("secretsmanager:GetSecretValue", environment),
        need(
            "iam:CreateRole",
            format!("arn:aws:iam::{}:role/any", deployment.account),
        ),
        passed.with("iam:PassedToService", "ecs-tasks.amazonaws.com"),
    ] {
        assert_eq!(policy.decide(&deed), Decision::NotAllowed, "{deed:?}");
    }
}

/// The calls to CloudFormation are judged like any other.
#[tokio::test]
async fn promote_creates_stacks_of_its_rack_with_their_role_and_no_others() {
    let world = World::new().await;
    let stack = Deployment::of(&world.settings(&[]));
    let policy = policy(&stack, "PromoteRole");
    let client = aws_sdk_cloudformation::Client::new(&world.front_door_as("promote"));
    let ours = format!("{}-shop-1a2b3c4d", world.rack);
    let tag = Tag::builder().key("convox:rack").value(&world.rack).build();
    let body = json!({"Resources": {"Log": {"Type": "AWS::Logs::LogGroup"}}}).to_string();
    let create = |name: &str| client.create_stack().stack_name(name).template_body(&body);
    let good = create(&ours).role_arn(stack.role("AppStackRole")).tags(tag);
    good.send().await.unwrap();
    for bad in [
        create("another-shop-1a2b3c4d").role_arn(stack.role("AppStackRole")),
        create(&ours).role_arn(stack.role("TaskRole")),
        create(&ours),
    ] {
        let _ = bad.send().await; // the bench's CloudFormation knows no policies
    }
    let describe = client.describe_stacks().stack_name(&ours).send();
    describe.await.unwrap();
    client
        .delete_stack()
        .stack_name(&ours)
        .send()
        .await
        .unwrap();
    let calls = world.proxy.calls();
    let permits = permits(&stack, &calls, "promote");
    let actions: Vec<usize> = permits.iter().map(|permit| permit.needs.len()).collect();
    assert_eq!(
        actions,
        [3, 2, 2, 1, 1, 1],
        "a role is passed, tags are set"
    );
    let lacks = permits.iter().map(|permit| missing(&policy, permit));
    let lacks: Vec<bool> = lacks.map(|missing| !missing.is_empty()).collect();
    assert_eq!(lacks, [false, true, true, true, false, false]);
}

#[tokio::test]
async fn only_the_managed_policies_that_the_rack_names_can_be_attached() {
    let none = Deployment {
        app_policies: String::new(),
        ..deployment().await
    };
    let attach = |policy: &str| {
        let arn = format!("arn:aws:iam::aws:policy/{policy}");
        need("iam:AttachRolePolicy", app_role(&none, &none.rack)).with("iam:PolicyARN", arn)
    };
    let (read, admin) = (
        attach("AmazonS3ReadOnlyAccess"),
        attach("AdministratorAccess"),
    );
    assert_eq!(policy(&none, ROLE).decide(&read), Decision::NotAllowed);
    let some = Deployment {
        app_policies: "arn:aws:iam::aws:policy/AmazonS3*".to_owned(),
        ..none.clone()
    };
    assert_eq!(policy(&some, ROLE).decide(&read), Decision::Allowed);
    assert_eq!(policy(&some, ROLE).decide(&admin), Decision::NotAllowed);
}

#[tokio::test]
async fn only_cloudformation_takes_the_role_of_stacks() {
    let deployment = deployment().await;
    let facts = Facts::new(&deployment);
    let stack = super::stack(&deployment, "any");
    let trust = deployment.trust(ROLE).unwrap();
    for (service, want) in [
        ("cloudformation.amazonaws.com", Decision::Allowed),
        ("lambda.amazonaws.com", Decision::NotAllowed),
    ] {
        let taken = assumption(&facts, service, &stack);
        assert_eq!(trust.decide(&taken), want, "{service}");
    }
}

#[tokio::test]
async fn no_role_has_more_inline_policies_than_iam_takes() {
    let longest = Deployment {
        rack: "r".repeat(31),
        ..deployment().await
    };
    let resources = template()["Resources"].as_object().unwrap().iter();
    let roles = resources.filter(|(_, resource)| resource["Type"] == "AWS::IAM::Role");
    for (name, role) in roles {
        let policies = role["Properties"]["Policies"].as_array().unwrap().iter();
        let documents = policies.map(|policy| {
            let document = longest.resolved(&policy["PolicyDocument"]).unwrap();
            document.to_string().len()
        });
        let size: usize = documents.sum();
        assert!(size <= POLICIES_MAX, "{name}: {size}");
    }
}
