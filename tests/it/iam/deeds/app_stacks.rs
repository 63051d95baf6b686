//! What CloudFormation does for the stacks of Apps, and what it must not be able to do there.

use aws_sdk_cloudformation::types::Tag;
use double::iam::{
    Decision, Deployment, Facts, Need, Rule, assumption, missing, permits, template,
};
use rig::World;
use serde_json::{Value, json};

use super::{app_role, deployment, need, secret};
use crate::iam::policy;

const ROLE: &str = "AppStackRole";
/// Source: IAM user guide, "IAM and AWS STS quotas": the inline policies of a role, without white space.
const POLICIES_MAX: usize = 10_240;
/// Source: the same, a managed policy, which a boundary is one of.
const MANAGED_POLICY_MAX: usize = 6_144;

/// Statements about what belongs to no Rack, or only read.
const OF_NO_RACK: [&str; 7] = [
    "CacheGroups",
    "CreateSecurityGroups",
    "DatabaseGroups",
    "Look",
    "LookAtNetworkLoadBalancers",
    "MountTargetInterfaces",
    "Replicas",
];

fn tagged(need: Need, kind: &str, rack: &str) -> Need {
    need.with(&format!("aws:{kind}/convox:rack"), rack)
}

/// By name, path or tag of the Rack `rack`.
fn deeds(of: &Deployment, rack: &str) -> Vec<Need> {
    let role = app_role(of, rack);
    let named = [
        bounded(of, need("iam:CreateRole", &role)),
        bounded(of, need("iam:PutRolePermissionsBoundary", &role)),
        bounded(of, need("iam:PutRolePolicy", &role)),
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
    ];
    let mut deeds = Vec::from(named);
    deeds.extend(with_databases(of, rack, rack));
    deeds.extend(with_scaling(of, rack));
    deeds.extend(with_tagged(of, rack));
    deeds
}

/// What Application Auto Scaling does with an ECS service in the role's name.
fn with_scaling(of: &Deployment, rack: &str) -> Vec<Need> {
    let service = of.arn("ecs", &format!("service/apps/{rack}_shop_web"));
    let alarm = format!("alarm:TargetTracking-service/apps/{rack}_shop_web-AlarmHigh-1a2b");
    let alarm = of.arn("cloudwatch", &alarm);
    let standing = |action: &str| tagged(need(action, &service), "ResourceTag", rack);
    vec![
        standing("ecs:DescribeServices"),
        standing("ecs:UpdateService"),
        need("cloudwatch:PutMetricAlarm", &alarm),
        need("cloudwatch:DeleteAlarms", &alarm),
    ]
}

/// What Application Auto Scaling scales beside ECS services, and an ECS service that is called as ours are.
fn scaling_of_others(of: &Deployment) -> Vec<Need> {
    let target = of.arn("application-autoscaling", "scalable-target/1a2b");
    let mut all = Vec::new();
    for action in [
        "DeleteScalingPolicy",
        "DeregisterScalableTarget",
        "PutScalingPolicy",
        "RegisterScalableTarget",
    ] {
        let count = "ecs:service:DesiredCount";
        for (namespace, dimension) in [("dynamodb", count), ("ecs", "dynamodb:table:ReadCapacity")]
        {
            let need = need(&format!("application-autoscaling:{action}"), &target);
            let need = need.with("application-autoscaling:service-namespace", namespace);
            all.push(need.with("application-autoscaling:scalable-dimension", dimension));
        }
    }
    let tag = "application-autoscaling:TagResource";
    let untag = "application-autoscaling:UntagResource";
    all.push(tagged(need(tag, &target), "RequestTag", "another"));
    for action in [tag, untag] {
        all.push(tagged(need(action, &target), "ResourceTag", "another"));
    }
    let service = of.arn("ecs", &format!("service/apps/{}_shop_web", of.rack));
    for action in ["ecs:DescribeServices", "ecs:UpdateService"] {
        all.push(tagged(need(action, &service), "ResourceTag", "another"));
    }
    all
}

/// On a role that has the boundary, or is to have it.
fn bounded(of: &Deployment, need: Need) -> Need {
    need.with("iam:PermissionsBoundary", &of.boundary)
}

/// Named after a stack of the Rack `name`, with the tag of the Rack `tag`.
fn with_databases(of: &Deployment, name: &str, tag: &str) -> Vec<Need> {
    let on = |kind: &str| of.arn("rds", &format!("{kind}:{name}-shop-1a2b3c4d-db"));
    let standing = |action: &str, kind: &str| tagged(need(action, on(kind)), "ResourceTag", tag);
    vec![
        standing("rds:DeleteDBInstance", "db"),
        standing("rds:ModifyDBInstance", "db"),
        standing("rds:PromoteReadReplica", "db"),
        standing("rds:RebootDBInstance", "db"),
        standing("rds:CreateDBSnapshot", "db"),
        standing("rds:AddTagsToResource", "db"),
        standing("rds:RemoveTagsFromResource", "db"),
        standing("rds:CreateDBInstance", "subgrp"),
        standing("rds:DeleteDBSubnetGroup", "subgrp"),
        standing("rds:ModifyDBSubnetGroup", "subgrp"),
        standing("rds:RestoreDBInstanceFromDBSnapshot", "snapshot"),
    ]
}

/// What is called anything, with the tag of the Rack.
fn with_tagged(of: &Deployment, rack: &str) -> Vec<Need> {
    let files = of.arn("elasticfilesystem", "file-system/fs-1");
    let cache = of.arn("elasticache", "replicationgroup:cache");
    let created = tagged(
        need("elasticfilesystem:CreateFileSystem", "*"),
        "RequestTag",
        rack,
    );
    let standing = |action: &str, on: &str| tagged(need(action, on), "ResourceTag", rack);
    let requested = |action: &str, on: &str| tagged(need(action, on), "RequestTag", rack);
    let with_creation = |on: &str, action: &str| {
        let tags = requested("elasticloadbalancing:AddTags", on);
        tags.with("elasticloadbalancing:CreateAction", action)
    };
    let [new_group, new_files] = new_tags(of);
    let [balancer, listener_of_it] = network_load_balancer(of);
    vec![
        requested("elasticloadbalancing:CreateLoadBalancer", &balancer),
        with_creation(&balancer, "CreateLoadBalancer"),
        with_creation(&listener_of_it, "CreateListener"),
        standing("elasticloadbalancing:CreateListener", &balancer),
        standing("elasticloadbalancing:DeleteLoadBalancer", &balancer),
        standing("elasticloadbalancing:SetSecurityGroups", &balancer),
        standing("elasticloadbalancing:DeleteListener", &listener_of_it),
        standing("elasticloadbalancing:ModifyListener", &listener_of_it),
        created,
        tagged(new_group, "RequestTag", rack),
        tagged(new_files, "RequestTag", rack),
        standing("elasticache:DeleteReplicationGroup", &cache),
        standing("elasticache:AddTagsToResource", &cache),
        standing("elasticfilesystem:DeleteFileSystem", &files),
        standing("ec2:DeleteSecurityGroup", &group(of)),
        standing("elasticloadbalancing:DeleteRule", &listener_rule(of)),
        standing("elasticloadbalancing:ModifyRule", &listener_rule(of)),
        standing("elasticloadbalancing:DeleteTargetGroup", &target_group(of)),
        standing("elasticloadbalancing:ModifyTargetGroup", &target_group(of)),
        requested("elasticloadbalancing:CreateTargetGroup", &target_group(of)),
        requested("elasticloadbalancing:CreateRule", listener(of, "Public")),
        requested("elasticloadbalancing:CreateRule", listener(of, "Internal")),
        with_creation(&target_group(of), "CreateTargetGroup"),
        with_creation(&listener_rule(of), "CreateRule"),
        // One of a resource's own tags, which is all that an update sends.
        standing("elasticfilesystem:TagResource", &files).with("aws:RequestTag/site", "x"),
        standing("ec2:CreateTags", &group(of)).with("aws:RequestTag/site", "x"),
    ]
}

fn group(of: &Deployment) -> String {
    of.arn("ec2", "security-group/sg-1")
}

fn listener<'d>(of: &'d Deployment, side: &str) -> &'d str {
    &of.entrance[&format!("{side}ListenerArn")]
}

fn listener_rule(of: &Deployment) -> String {
    of.arn("elasticloadbalancing", "listener-rule/app/public/1a/2b/3c")
}

fn target_group(of: &Deployment) -> String {
    of.arn("elasticloadbalancing", "targetgroup/any/4d")
}

/// A Network Load Balancer of an App, and a listener of it.
fn network_load_balancer(of: &Deployment) -> [String; 2] {
    ["loadbalancer/net/any/1a", "listener/net/any/1a/2b"]
        .map(|resource| of.arn("elasticloadbalancing", resource))
}

/// Of load balancers and their listeners that are somebody else's, or of another kind.
fn with_network_load_balancers(of: &Deployment) -> Vec<Need> {
    let ours = |need: Need| tagged(need, "RequestTag", &of.rack);
    let action = "elasticloadbalancing:CreateAction";
    let tag = "elasticloadbalancing:AddTags";
    let [balancer, listener] = network_load_balancer(of);
    let application = of.arn("elasticloadbalancing", "loadbalancer/app/any/1a");
    vec![
        ours(need(
            "elasticloadbalancing:CreateLoadBalancer",
            &application,
        )),
        need("elasticloadbalancing:CreateLoadBalancer", &balancer),
        ours(need("elasticloadbalancing:CreateListener", &balancer)),
        need("elasticloadbalancing:DeleteLoadBalancer", &balancer),
        need("elasticloadbalancing:SetSecurityGroups", &balancer),
        need("elasticloadbalancing:DeleteListener", &listener),
        ours(need(tag, &balancer)),
        ours(need(tag, &listener)).with(action, "CreateRule"),
        need(tag, &listener).with(action, "CreateListener"),
    ]
}

/// Of target groups and rules that are somebody else's, and listeners that are not the Rack's.
fn with_the_entrance(of: &Deployment) -> Vec<Need> {
    let ours = |need: Need| tagged(need, "RequestTag", &of.rack);
    let elsewhere = of.arn("elasticloadbalancing", "listener/app/other/1a/2b");
    let tags = need("elasticloadbalancing:AddTags", listener_rule(of));
    let action = "elasticloadbalancing:CreateAction";
    vec![
        ours(need("elasticloadbalancing:CreateRule", elsewhere)),
        need("elasticloadbalancing:CreateRule", listener(of, "Public")),
        need("elasticloadbalancing:ModifyRule", listener_rule(of)),
        need(
            "elasticloadbalancing:DeleteListener",
            listener(of, "Public"),
        ),
        need(
            "elasticloadbalancing:ModifyListener",
            listener(of, "Public"),
        ),
        need("elasticloadbalancing:RegisterTargets", target_group(of)),
        need("elasticloadbalancing:CreateTargetGroup", target_group(of)),
        ours(tags.clone()),
        ours(need("elasticloadbalancing:AddTags", target_group(of))),
        ours(tags.clone()).with(action, "CreateListener"),
        tags.with(action, "CreateRule"),
    ]
}

/// A security group and a file system that are tagged while they are made.
fn new_tags(of: &Deployment) -> [Need; 2] {
    let files = of.arn("elasticfilesystem", "file-system/fs-1");
    let files = need("elasticfilesystem:TagResource", files);
    [
        need("ec2:CreateTags", group(of)).with("ec2:CreateAction", "CreateSecurityGroup"),
        files.with("elasticfilesystem:CreateAction", "CreateFileSystem"),
    ]
}

/// A security group that is tagged once it is there.
fn later_tags(of: &Deployment, vpc: &str) -> Need {
    let need = need("ec2:CreateTags", group(of));
    need.with("ec2:Vpc", of.arn("ec2", &format!("vpc/{vpc}")))
}

/// What no stack may do, whatever it is called and tagged.
fn never(of: &Deployment) -> Vec<Need> {
    let files = of.arn("elasticfilesystem", "file-system/fs-1");
    let environment = secret(of, &format!("{}/shop", of.rack));
    let passed = need("iam:PassRole", app_role(of, &of.rack));
    let linked = format!("arn:aws:iam::{}:role/aws-service-role/any", of.account);
    let linked = need("iam:CreateServiceLinkedRole", linked);
    let secret_key = of.secret_key.as_deref().unwrap();
    let former = of.former_secret_key.as_deref().unwrap();
    let [new_group, new_files] = new_tags(of);
    let cache = of.arn("elasticache", "replicationgroup:cache");
    let mut never = vec![
        need("secretsmanager:GetSecretValue", environment),
        need(
            "iam:CreateRole",
            format!("arn:aws:iam::{}:role/any", of.account),
        ),
        passed.with("iam:PassedToService", "ecs-tasks.amazonaws.com"),
        linked.with("iam:AWSServiceName", "lex.amazonaws.com"),
        need("kms:Decrypt", secret_key),
        need("kms:Encrypt", secret_key),
        need("kms:GenerateDataKey", secret_key),
        need("kms:Decrypt", former),
        // Tagged first, it would be ours to delete.
        tagged(need("ec2:CreateTags", group(of)), "RequestTag", &of.rack),
        tagged(later_tags(of, "vpc-other"), "RequestTag", &of.rack),
        tagged(
            tagged(later_tags(of, &of.vpc), "RequestTag", &of.rack),
            "ResourceTag",
            "another",
        ),
        later_tags(of, &of.vpc),
        tagged(
            need("elasticfilesystem:TagResource", files),
            "RequestTag",
            &of.rack,
        ),
        new_group,
        new_files,
        tagged(
            need("elasticache:AddTagsToResource", &cache),
            "ResourceTag",
            "another",
        ),
    ];
    never.extend(scaling_of_others(of));
    never.extend(every_thing_of_another(of));
    never.extend(without_boundary(of));
    never.extend(with_the_entrance(of));
    never.extend(with_network_load_balancers(of));
    never.extend(with_databases(of, &of.rack, "another")); // its Rack's name begins like ours
    never.extend(with_databases_of_names_alone(of));
    never
}

/// The same, and what is another Rack's.
pub(super) fn misdeeds(of: &Deployment) -> Vec<Need> {
    let mut misdeeds = never(of);
    misdeeds.extend(deeds(of, "another"));
    misdeeds
}

/// What carries another Rack's tag, by everything that is done with databases, caches, file systems and security groups,
/// whatever it is called.
fn every_thing_of_another(of: &Deployment) -> Vec<Need> {
    let policy = policy(of, ROLE);
    let changes = |rule: &&Rule| {
        let services = [
            "ec2:",
            "elasticache:",
            "elasticfilesystem:",
            "elasticloadbalancing:",
            "rds:",
        ];
        let of_service = services
            .iter()
            .any(|service| rule.action.starts_with(service));
        of_service && !OF_NO_RACK.contains(&rule.sid.as_str())
    };
    let rules = policy.allowing().map(|(_, rule)| rule).filter(changes);
    let theirs = rules.map(|rule| {
        let thing = rule.resource.replace('*', "x");
        tagged(need(&rule.action, thing), "ResourceTag", "another")
    });
    theirs.collect()
}

/// Roles that could do anything.
fn without_boundary(of: &Deployment) -> Vec<Need> {
    let other = format!("arn:aws:iam::{}:policy/any", of.account);
    let role = app_role(of, &of.rack);
    let named = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let attach = |policy: &str| need("iam:AttachRolePolicy", &role).with("iam:PolicyARN", policy);
    let made = [
        need("iam:CreateRole", &role),
        need("iam:PutRolePermissionsBoundary", &role),
        need("iam:PutRolePolicy", &role),
        attach(named),
    ];
    let otherwise = made.clone();
    let otherwise = otherwise.map(|need| need.with("iam:PermissionsBoundary", &other));
    let freed = need("iam:DeleteRolePermissionsBoundary", &role);
    let mut all = Vec::from(made);
    all.extend(otherwise);
    all.extend([bounded(of, freed), bounded(of, attach(&other))]);
    all
}

/// A database that nobody's Rack has tagged.
fn with_databases_of_names_alone(of: &Deployment) -> Vec<Need> {
    let database = of.arn("rds", &format!("db:{}-by-hand", of.rack));
    let actions = ["DeleteDBInstance", "ModifyDBInstance", "RebootDBInstance"];
    let on = |action| need(&format!("rds:{action}"), &database);
    actions.into_iter().map(on).collect()
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
    for deed in never(&deployment) {
        assert_eq!(policy.decide(&deed), Decision::NotAllowed, "{deed:?}");
    }
}

/// Whichever of the two CloudFormation does.
#[tokio::test]
async fn a_security_group_gets_its_tags_with_its_creation_or_after_it() {
    let deployment = deployment().await;
    let policy = policy(&deployment, ROLE);
    let [with_it, _] = new_tags(&deployment);
    for deed in [with_it, later_tags(&deployment, &deployment.vpc)] {
        let deed = tagged(deed, "RequestTag", &deployment.rack);
        assert_eq!(policy.decide(&deed), Decision::Allowed, "{deed:?}");
    }
}

/// What docs/permissions.md says that the role could take although it is nobody's Rack's, in two steps: its tag, and what needs
/// the tag. Of a snapshot there is no second one.
fn to_be_taken(of: &Deployment) -> Vec<[Option<Need>; 2]> {
    let on_cache = |action: &str, kind: &str| {
        let resource = of.arn("elasticache", &format!("{kind}:sessions"));
        Some(need(&format!("elasticache:{action}"), resource))
    };
    let on_database = |action: &str, kind: &str| {
        let resource = of.arn("rds", &format!("{kind}:{}-by-hand", of.rack));
        Some(need(&format!("rds:{action}"), resource))
    };
    let tag = "AddTagsToResource";
    let group = |action: &str| Some(need(&format!("ec2:{action}"), group(of)));
    vec![
        [
            on_cache(tag, "replicationgroup"),
            on_cache("DeleteReplicationGroup", "replicationgroup"),
        ],
        [
            on_cache(tag, "cluster"),
            on_cache("DeleteCacheCluster", "cluster"),
        ],
        [
            on_cache(tag, "subnetgroup"),
            on_cache("DeleteCacheSubnetGroup", "subnetgroup"),
        ],
        [
            on_database(tag, "db"),
            on_database("DeleteDBInstance", "db"),
        ],
        [
            on_database(tag, "subgrp"),
            on_database("DeleteDBSubnetGroup", "subgrp"),
        ],
        [on_database(tag, "snapshot"), None],
        [
            Some(later_tags(of, &of.vpc)),
            group("RevokeSecurityGroupIngress"),
        ],
        [Some(later_tags(of, &of.vpc)), group("DeleteSecurityGroup")],
    ]
}

/// IAM cannot prevent it, so the page has to say it; and the way out that it names is one.
#[tokio::test]
async fn what_the_page_says_that_the_role_takes_is_taken_without_a_tag_and_not_with_one() {
    let deployment = deployment().await;
    let policy = policy(&deployment, ROLE);
    let may = |need: Need| policy.decide(&need) == Decision::Allowed;
    let asked = |need: &Need| tagged(need.clone(), "RequestTag", &deployment.rack);
    for [tag, take] in to_be_taken(&deployment) {
        let tag = tag.unwrap();
        assert!(may(asked(&tag)), "{tag:?}");
        let kept = tagged(asked(&tag), "ResourceTag", "-");
        assert!(!may(kept), "{tag:?}");
        if let Some(take) = take {
            assert!(!may(take.clone()), "{take:?}");
            assert!(!may(tagged(take.clone(), "ResourceTag", "-")), "{take:?}");
            let taken = tagged(take.clone(), "ResourceTag", &deployment.rack);
            assert!(may(taken), "{take:?}");
        }
    }
    for elsewhere in [
        need("rds:AddTagsToResource", deployment.arn("rds", "db:by-hand")),
        need(
            "rds:DeleteDBSnapshot",
            deployment.arn("rds", "snapshot:by-hand"),
        ),
        later_tags(&deployment, "vpc-other"),
    ] {
        assert!(!may(asked(&elsewhere)), "{elsewhere:?}");
    }
    let page = include_str!("../../../../docs/permissions.md");
    let (_, said) = page
        .split_once("### What the stacks' role reaches")
        .unwrap();
    let (said, _) = said.split_once("\n### ").unwrap();
    for part in ["`convox:rack`", "`myrack-…`", "`Vpc`", "Value=-", "account"] {
        assert!(said.contains(part), "{part}");
    }
}

#[tokio::test]
async fn a_database_is_restored_from_any_snapshot_but_another_racks() {
    let deployment = deployment().await;
    let policy = policy(&deployment, ROLE);
    let restore = "rds:RestoreDBInstanceFromDBSnapshot";
    let on = |resource: &str| need(restore, deployment.arn("rds", resource));
    let own = format!("{}-shop-1a2b3c4d-snapshot-db-1", deployment.rack);
    let shared = deployment.arn("rds", "snapshot:seed");
    let shared = shared.replace(&deployment.account, "210987654321");
    for taken in [
        on(&format!("db:{}-shop-1a2b3c4d-db", deployment.rack)),
        on(&format!("snapshot:{own}")),
        tagged(
            on(&format!("snapshot:{own}")),
            "ResourceTag",
            &deployment.rack,
        ),
        on("snapshot:by-hand"),
        on("snapshot:rds:legacy-2026-11-29-03-04"),
        need(restore, shared),
        on("og:default:postgres-17"),
        on("pg:default.postgres17"),
    ] {
        assert_eq!(policy.decide(&taken), Decision::Allowed, "{taken:?}");
    }
    let group = on(&format!("subgrp:{}-shop-1a2b3c4d-subnets", deployment.rack));
    let group = tagged(group, "ResourceTag", &deployment.rack);
    assert_eq!(policy.decide(&group), Decision::Allowed);
    let theirs = tagged(on("snapshot:by-hand"), "ResourceTag", "another");
    assert_eq!(policy.decide(&theirs), Decision::NotAllowed);
}

#[tokio::test]
async fn a_replica_copies_any_database_of_the_account_in_any_region() {
    let deployment = deployment().await;
    let policy = policy(&deployment, ROLE);
    let near = deployment.arn("rds", "db:legacy");
    let far = near.replace("us-east-1", "eu-west-1");
    for source in [near.clone(), far] {
        let copied = need("rds:CreateDBInstanceReadReplica", source);
        let of_another = tagged(copied.clone(), "ResourceTag", "another");
        assert_eq!(policy.decide(&copied), Decision::Allowed, "{copied:?}");
        assert_eq!(policy.decide(&of_another), Decision::Allowed);
    }
    let created = need("rds:CreateDBInstance", near);
    assert_eq!(policy.decide(&created), Decision::NotAllowed);
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
        let _ = bad.send().await; // the double's CloudFormation knows no policies
    }
    let describe = client.describe_stacks().stack_name(&ours).send();
    describe.await.unwrap();
    let delete = client.delete_stack().stack_name(&ours);
    let delete = delete.role_arn(stack.role("AppStackRole"));
    delete.send().await.unwrap();
    let calls = world.proxy.calls();
    let permits = permits(&stack, &calls, "promote");
    let actions: Vec<usize> = permits.iter().map(|permit| permit.needs.len()).collect();
    assert_eq!(
        actions,
        [3, 2, 2, 1, 1, 2],
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
        let attach = need("iam:AttachRolePolicy", app_role(&none, &none.rack));
        bounded(&none, attach).with("iam:PolicyARN", arn)
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

/// CloudFormation says whose it is for some of what it does: taken either way.
#[tokio::test]
async fn only_cloudformation_takes_the_role_of_stacks_whatever_it_says_of_itself() {
    let deployment = deployment().await;
    let facts = Facts::new(&deployment);
    let stack = super::stack(&deployment, "any");
    let trust = deployment.trust(ROLE).unwrap();
    for (service, want) in [
        ("cloudformation.amazonaws.com", Decision::Allowed),
        ("lambda.amazonaws.com", Decision::NotAllowed),
    ] {
        let taken = assumption(&facts, service, &stack);
        let silent = need("sts:AssumeRole", "*").with("principal", service);
        assert_eq!(trust.decide(&taken), want, "{service}");
        assert_eq!(trust.decide(&silent), want, "{service} without context");
    }
}

/// In the longest form: with all parameters, the longest names of a Rack and a region, some lists of ten.
#[tokio::test]
async fn no_policy_has_more_characters_than_iam_takes() {
    let ten = |arn: &str| [arn; 10].join(",");
    let longest = Deployment {
        rack: "r".repeat(31),
        app_policies: ten("arn:aws:iam::123456789012:policy/teams/a-policy-of-a-team"),
        app_policy_actions: ten("elasticfilesystem:Describe*"),
        named: [
            ten(
                "arn:aws:secretsmanager:us-east-1:123456789012:secret:team/credentials-of-something-*",
            ),
            ten("arn:aws:s3:::a-bucket-of-environment-files/of-a-team/*"),
        ],
        ..deployment().await
    };
    let size = |document: &Value| longest.resolved(document).unwrap().to_string().len();
    let mut counted = 0;
    for (name, resource) in template()["Resources"].as_object().unwrap() {
        let properties = &resource["Properties"];
        let (size, most) = match resource["Type"].as_str() {
            Some("AWS::IAM::Role") => {
                let policies = properties["Policies"].as_array().unwrap().iter();
                let sizes = policies.map(|policy| size(&policy["PolicyDocument"]));
                (sizes.sum(), POLICIES_MAX)
            }
            Some("AWS::IAM::ManagedPolicy") => {
                (size(&properties["PolicyDocument"]), MANAGED_POLICY_MAX)
            }
            _ => continue,
        };
        counted += 1;
        assert!(size <= most, "{name}: {size} of {most}");
    }
    assert_eq!(counted, 13, "roles and managed policies");
}
