//! What a handler's calls are about in a stack of an App: the resources of the action's kinds, each with the tags that it has by
//! then.

use std::sync::OnceLock;

use double::iam::{Deployment, Need};
use serde_json::Value;

use super::super::deeds::{app_role, secret};
use super::super::reference;

/// A handler at work on a resource of an App.
pub(super) struct Handler<'a> {
    pub(super) of: &'a Deployment,
    pub(super) resource_type: &'a str,
    /// `create`, `read`, `update`, `delete` or `list`.
    pub(super) name: &'a str,
    /// Whether the templates of Apps have rules inside of security groups.
    pub(super) rules_inside: bool,
}

/// A kind of resources as IAM has them: its service, its name, and the resource of an App; `RACK` is the Rack.
type Kind = (&'static str, &'static str, &'static str);

const KINDS: &[Kind] = &[
    (
        "application-autoscaling",
        "scalabletarget",
        "scalable-target/1a2b",
    ),
    ("ec2", "security-group", "security-group/sg-1"),
    ("ec2", "vpc", "vpc/vpc-1"),
    ("elasticache", "cluster", "cluster:any"),
    (
        "elasticache",
        "parametergroup",
        "parametergroup:default.redis7",
    ),
    ("elasticache", "replicationgroup", "replicationgroup:any"),
    ("elasticache", "snapshot", "snapshot:any"),
    ("elasticache", "subnetgroup", "subnetgroup:any"),
    ("elasticfilesystem", "access-point", "access-point/fsap-1"),
    ("elasticfilesystem", "file-system", "file-system/fs-1"),
    (
        "elasticloadbalancing",
        "listener-rule/app",
        "listener-rule/app/any/1a/2b/3c",
    ),
    (
        "elasticloadbalancing",
        "listener/net",
        "listener/net/any/1a/2b",
    ),
    (
        "elasticloadbalancing",
        "loadbalancer/net/",
        "loadbalancer/net/any/1a",
    ),
    ("elasticloadbalancing", "targetgroup", "targetgroup/any/4d"),
    ("logs", "log-group", "log-group:/convox/RACK/shop"),
    ("rds", "db", "db:RACK-shop-1a2b3c4d-db"),
    ("rds", "og", "og:default:postgres-17"),
    ("rds", "pg", "pg:default.postgres17"),
    ("rds", "snapshot", "snapshot:RACK-shop-1a2b3c4d-snapshot-db"),
    ("rds", "subgrp", "subgrp:RACK-shop-1a2b3c4d-subnets"),
];

/// The kind of each type's own resource.
const OWN: [(&str, &str); 19] = [
    (
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "scalabletarget",
    ),
    (
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "scalabletarget",
    ),
    ("AWS::EC2::SecurityGroup", "security-group"),
    ("AWS::EC2::SecurityGroupIngress", "security-group"),
    ("AWS::EFS::AccessPoint", "access-point"),
    ("AWS::EFS::FileSystem", "file-system"),
    ("AWS::EFS::MountTarget", "file-system"),
    ("AWS::ElastiCache::CacheCluster", "cluster"),
    ("AWS::ElastiCache::ReplicationGroup", "replicationgroup"),
    ("AWS::ElastiCache::SubnetGroup", "subnetgroup"),
    ("AWS::ElasticLoadBalancingV2::Listener", "listener/net"),
    (
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        "listener-rule/app",
    ),
    (
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "loadbalancer/net/",
    ),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "targetgroup"),
    ("AWS::IAM::Role", "role"),
    ("AWS::Logs::LogGroup", "log-group"),
    ("AWS::RDS::DBInstance", "db"),
    ("AWS::RDS::DBSubnetGroup", "subgrp"),
    ("AWS::SecretsManager::Secret", "secret"),
];

/// Kinds whose resources are the engines' or the network's, and carry no tags of a Rack.
const OF_NO_RACK: [&str; 4] = ["og", "parametergroup", "pg", "vpc"];
/// What adds or takes tags, by its own resource alone.
const TAGGING: [&str; 9] = [
    "AddTags",
    "AddTagsToResource",
    "CreateTags",
    "DeleteTags",
    "RemoveTags",
    "RemoveTagsFromResource",
    "TagResource",
    "TagRole",
    "UntagResource",
];
/// What of these takes them.
const UNTAGGING: [&str; 4] = [
    "DeleteTags",
    "RemoveTags",
    "RemoveTagsFromResource",
    "UntagResource",
];
/// What makes a database or cache, whose name says of something else that it is created.
const MAKING: [&str; 4] = [
    "CreateCacheCluster",
    "CreateDBInstance",
    "CreateDBInstanceReadReplica",
    "RestoreDBInstanceFromDBSnapshot",
];

/// What a new security group is asked for when its template has rules in it.
///
/// Source: aws/aws-cdk#13256: they are authorized, and the rule that AWS puts in is revoked, before the group has its tags.
const RULES_INSIDE: [&str; 3] = [
    "AuthorizeSecurityGroupEgress",
    "AuthorizeSecurityGroupIngress",
    "RevokeSecurityGroupEgress",
];

const BALANCING_ACTION: &str = "elasticloadbalancing:CreateAction";
const SOURCE: &str =
    "CloudFormation resource provider schemas, `handlers`; SAR for the kinds of resources";

fn kinds_of(action: &str) -> Vec<String> {
    static REFERENCE: OnceLock<Value> = OnceLock::new();
    let reference = REFERENCE.get_or_init(reference::reference);
    let (service, name) = action.split_once(':').unwrap();
    let known = &reference[service]["Actions"][name.to_lowercase()];
    assert!(!known.is_null(), "there is no action {action}");
    let kinds = known["Resources"].as_array().into_iter().flatten();
    kinds
        .map(|kind| kind.as_str().unwrap().to_lowercase())
        .collect()
}

impl Handler<'_> {
    /// What of the role a permission needs; nothing where no template of an App has what it is for.
    pub(super) fn needs(&self, permission: &str) -> Vec<Need> {
        let (service, name) = permission.split_once(':').unwrap();
        if permission == "iam:CreateServiceLinkedRole" {
            return vec![self.linked_role()];
        }
        if permission == "elasticloadbalancing:CreateRule" {
            let on = |listener: &String| self.requested(Need::new(permission, listener, SOURCE));
            return self.of.entrance.values().map(on).collect();
        }
        if self.comes_before_tags(name) && !self.rules_inside {
            return Vec::new();
        }
        let kinds = kinds_of(permission);
        if kinds.is_empty() {
            let need = Need::new(permission, "*", SOURCE);
            return vec![self.requested(need)]; // `CreateFileSystem`
        }
        let own = self.own_kind();
        let reads = ["Describe", "Get", "List"];
        let reads = reads.iter().any(|read| name.starts_with(read));
        let mut needs = Vec::new();
        for kind in &kinds {
            // The final snapshot gets its tags with its creation.
            let final_one = (own, &**kind, name) == ("db", "snapshot", "AddTagsToResource");
            let relevant = !TAGGING.contains(&name) || kind == own || final_one;
            if let Some(resource) = self.resource(service, kind).filter(|_| relevant) {
                let need = Need::new(permission, resource, SOURCE);
                needs.extend(if reads {
                    vec![need]
                } else {
                    self.at_hand(need, name, kind)
                });
            }
        }
        assert!(!needs.is_empty(), "no resource for {permission}: {kinds:?}");
        needs
    }

    /// Whether it is called of a security group that has no tags yet.
    fn comes_before_tags(&self, name: &str) -> bool {
        let creates = (self.resource_type, self.name) == ("AWS::EC2::SecurityGroup", "create");
        creates && RULES_INSIDE.contains(&name)
    }

    fn own_kind(&self) -> &'static str {
        let mut own = OWN.iter();
        let found = own.find(|(name, _)| *name == self.resource_type);
        found.unwrap_or_else(|| panic!("{}", self.resource_type)).1
    }

    fn resource(&self, service: &str, kind: &str) -> Option<String> {
        let of = self.of;
        match (service, kind) {
            ("iam", "role") => return Some(app_role(of, &of.rack)),
            ("secretsmanager", "secret") => {
                return Some(secret(of, &format!("{}_shop/db/link", of.rack)));
            }
            _ => {}
        }
        let mut kinds = KINDS.iter();
        let (_, _, resource) =
            kinds.find(|(of_service, name, _)| (*of_service, *name) == (service, kind))?;
        Some(of.arn(service, &resource.replace("RACK", &of.rack)))
    }

    /// The need with what the resource has by then.
    fn at_hand(&self, need: Need, name: &str, kind: &str) -> Vec<Need> {
        if OF_NO_RACK.contains(&kind) || self.comes_before_tags(name) {
            return vec![need];
        }
        let need = if need.action.starts_with("iam:") {
            need.with("iam:PermissionsBoundary", &self.of.boundary)
                .with("iam:PolicyARN", "arn:aws:iam::aws:policy/ReadOnlyAccess")
        } else {
            need
        };
        let need = if need.action.starts_with("application-autoscaling:") {
            need.with("application-autoscaling:service-namespace", "ecs")
                .with(
                    "application-autoscaling:scalable-dimension",
                    "ecs:service:DesiredCount",
                )
        } else {
            need
        };
        let ours = |need: Need| need.with("aws:ResourceTag/convox:rack", &self.of.rack);
        // A snapshot that is made, or was made by hand, has no tags; a final one has its database's.
        if kind == "snapshot" {
            let mut all = vec![need.clone(), ours(need.clone())];
            if name == "RestoreDBInstanceFromDBSnapshot" {
                let resource = self.of.arn("rds", "snapshot:by-hand");
                all.push(Need { resource, ..need });
            }
            return all;
        }
        let own = kind == self.own_kind();
        let tags = TAGGING.contains(&name);
        let adds = tags && !UNTAGGING.contains(&name);
        let made = own && self.name == "create" && (adds || is_making(name, kind));
        match (made, tags) {
            (true, true) => self.tagged_anew(need),
            (true, false) => vec![self.requested(need)],
            (false, true) => vec![ours(need).with("aws:RequestTag/site", "any")],
            (false, false) => vec![ours(need)],
        }
    }

    fn requested(&self, need: Need) -> Need {
        need.with("aws:RequestTag/convox:rack", &self.of.rack)
    }

    /// With the creation, or of a security group once it is there, whichever CloudFormation does.
    fn tagged_anew(&self, need: Need) -> Vec<Need> {
        let need = self.requested(need);
        let with_creation = |key: &str, value: &str| need.clone().with(key, value);
        match self.own_kind() {
            "security-group" => {
                let vpc = self.of.arn("ec2", &format!("vpc/{}", self.of.vpc));
                vec![
                    with_creation("ec2:CreateAction", "CreateSecurityGroup"),
                    need.with("ec2:Vpc", vpc),
                ]
            }
            "file-system" => vec![with_creation(
                "elasticfilesystem:CreateAction",
                "CreateFileSystem",
            )],
            "listener-rule/app" => vec![with_creation(BALANCING_ACTION, "CreateRule")],
            "listener/net" => vec![with_creation(BALANCING_ACTION, "CreateListener")],
            "loadbalancer/net/" => vec![with_creation(BALANCING_ACTION, "CreateLoadBalancer")],
            "targetgroup" => vec![with_creation(BALANCING_ACTION, "CreateTargetGroup")],
            "access-point" => vec![with_creation(
                "elasticfilesystem:CreateAction",
                "CreateAccessPoint",
            )],
            _ => vec![need],
        }
    }

    fn linked_role(&self) -> Need {
        let service = match self.resource_type.split("::").nth(1).unwrap() {
            "ApplicationAutoScaling" => "ecs.application-autoscaling",
            "RDS" => "rds",
            "ElastiCache" => "elasticache",
            "EFS" => "elasticfilesystem",
            other => panic!("a role that {other} is linked to"),
        };
        let account = &self.of.account;
        let role = format!("arn:aws:iam::{account}:role/aws-service-role/any");
        let need = Need::new("iam:CreateServiceLinkedRole", role, SOURCE);
        need.with("iam:AWSServiceName", format!("{service}.amazonaws.com"))
    }
}

/// Whether the action makes resources of the kind.
fn is_making(name: &str, kind: &str) -> bool {
    let kind = kind.trim_end_matches("/net/").replace('-', "");
    let named = name.to_lowercase();
    let created = named
        .strip_prefix("create")
        .is_some_and(|what| what == kind || what.ends_with(&kind) || what.starts_with(&kind));
    created || MAKING.contains(&name) || name == "CreateDBSubnetGroup"
}
