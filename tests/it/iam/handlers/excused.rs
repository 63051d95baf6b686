//! What handlers list and Apps' stacks never come to, and what they need although no handler lists it.

use double::iam::{Deployment, Need};

use super::super::deeds::{app_role, need, secret, through};

/// A type, its permissions, and why none of its handlers comes to them in a stack of an App.
type Excuse = (&'static str, &'static [&'static str], &'static str);

const EXCUSED: &[Excuse] = &[
    (
        "AWS::ApplicationAutoScaling::ScalableTarget",
        &[
            "application-autoscaling:DeleteScheduledAction",
            "application-autoscaling:PutScheduledAction",
            "iam:PassRole",
            "lambda:DeleteProvisionedConcurrencyConfig",
            "lambda:GetProvisionedConcurrencyConfig",
            "lambda:PutProvisionedConcurrencyConfig",
        ],
        "nothing but ECS services is scaled, by no schedule, in the role that is linked to the service",
    ),
    (
        "AWS::ApplicationAutoScaling::ScalableTarget",
        &[
            "cloudwatch:DeleteAlarms",
            "cloudwatch:DescribeAlarms",
            "cloudwatch:PutMetricAlarm",
        ],
        "the alarms are those of policies: see what is needed unlisted",
    ),
    (
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        &["cloudwatch:GetMetricData"],
        "no policy predicts",
    ),
    (
        "AWS::IAM::Role",
        &["iam:DeleteRolePermissionsBoundary"],
        "a role keeps its boundary",
    ),
    (
        "AWS::Logs::LogGroup",
        &[
            "firehose:TagDeliveryStream",
            "logs:AssociateKmsKey",
            "logs:CreateLogDelivery",
            "logs:DeleteIndexPolicy",
            "logs:DeleteResourcePolicy",
            "logs:DisassociateKmsKey",
            "logs:PutBearerTokenAuthentication",
            "logs:PutDataProtectionPolicy",
            "logs:PutIndexPolicy",
            "logs:PutLogGroupDeletionProtection",
            "logs:PutResourcePolicy",
            "s3:REST.PUT.OBJECT",
        ],
        "nothing is set but the retention and tags",
    ),
    (
        "AWS::SecretsManager::Secret",
        &[
            "secretsmanager:RemoveRegionsFromReplication",
            "secretsmanager:ReplicateSecretToRegions",
        ],
        "no secret has replicas",
    ),
    (
        "AWS::RDS::DBInstance",
        &[
            "iam:GetRole",
            "iam:ListRoles",
            "iam:PassRole",
            "rds:AddRoleToDBInstance",
            "rds:RemoveRoleFromDBInstance",
        ],
        "no database has a role, and none is monitored",
    ),
    (
        "AWS::RDS::DBInstance",
        &["kms:CreateGrant", "kms:DescribeKey"],
        "encrypted with RDS's own key, whose policy admits who may use RDS; docs/databases.md says what one's own has to admit",
    ),
    (
        "AWS::RDS::DBInstance",
        &["secretsmanager:CreateSecret", "secretsmanager:TagResource"],
        "RDS manages no password",
    ),
    (
        "AWS::RDS::DBInstance",
        &[
            "rds:DescribeDBClusterSnapshots",
            "rds:DescribeDBClusters",
            "rds:RestoreDBInstanceToPointInTime",
            "rds:StartDBInstanceAutomatedBackupsReplication",
            "rds:StopDBInstanceAutomatedBackupsReplication",
        ],
        "no cluster, no point in time, no backups elsewhere",
    ),
    (
        "AWS::ElastiCache::ReplicationGroup",
        LOG_DELIVERY,
        "no log is delivered",
    ),
    (
        "AWS::ElastiCache::ReplicationGroup",
        &[
            "firehose:PutRecord",
            "firehose:PutRecordBatch",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
            "s3:GetObject",
        ],
        "no log is delivered, and nothing is read from S3",
    ),
    (
        "AWS::ElastiCache::ReplicationGroup",
        &[
            "kms:CreateGrant",
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:Encrypt",
            "kms:GenerateDataKey",
        ],
        "encrypted with a key of ElastiCache's own",
    ),
    (
        "AWS::ElastiCache::CacheCluster",
        LOG_DELIVERY,
        "no log is delivered",
    ),
    (
        "AWS::ElastiCache::CacheCluster",
        &[
            "logs:CreateLogStream",
            "logs:PutResourcePolicy",
            "s3:GetObject",
        ],
        "no log is delivered, and nothing is read from S3",
    ),
    (
        "AWS::ElasticLoadBalancingV2::Listener",
        &["cognito-idp:DescribeUserPoolClient"],
        "no listener asks who somebody is",
    ),
    (
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        &["cognito-idp:DescribeUserPoolClient"],
        "no rule asks who somebody is",
    ),
    (
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        &[
            "ec2:DescribeIpamPools",
            "elasticloadbalancing:ModifyCapacityReservation",
            "elasticloadbalancing:ModifyIpPools",
            "elasticloadbalancing:SetIpAddressType",
        ],
        "its addresses are of IPv4 and AWS's own, and no capacity is reserved",
    ),
    (
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        &[
            "elasticloadbalancing:DeregisterTargets",
            "elasticloadbalancing:RegisterTargets",
        ],
        "ECS registers tasks, in its own role",
    ),
    (
        "AWS::EFS::FileSystem",
        &[
            "elasticfilesystem:CreateReplicationConfiguration",
            "elasticfilesystem:DeleteReplicationConfiguration",
            "elasticfilesystem:UpdateFileSystemProtection",
            "iam:PassRole",
        ],
        "no file system is replicated",
    ),
    (
        "AWS::EFS::FileSystem",
        &[
            "kms:CreateGrant",
            "kms:DescribeKey",
            "kms:GenerateDataKeyWithoutPlaintext",
        ],
        "encrypted with EFS's own key, whose policy admits who may use EFS",
    ),
    (
        "AWS::EFS::FileSystem",
        &["elasticfilesystem:DeleteTags"],
        "of before there was UntagResource (EFS API reference, `DeleteTags`: deprecated)",
    ),
];

const LOG_DELIVERY: &[&str] = &[
    "firehose:TagDeliveryStream",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:UpdateLogDelivery",
];

pub(super) fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    let excused = EXCUSED.iter();
    excused.flat_map(|(resource_type, permissions, _)| {
        permissions.iter().map(move |one| (*resource_type, *one))
    })
}

pub(super) fn is(resource_type: &str, permission: &str) -> bool {
    all().any(|excused| excused == (resource_type, permission))
}

/// Needed although no handler lists it, each with its source.
pub(super) fn unlisted(of: &Deployment) -> Vec<Need> {
    let mut needs = interfaces(of);
    needs.extend(scaling(of));
    needs.push(balancing(of));
    let key = of.secret_key.as_deref().unwrap();
    let former = of.former_secret_key.as_deref().unwrap();
    let mut encrypted: Vec<Need> = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
        .map(|action| through("secretsmanager", action, key))
        .into();
    encrypted.push(through("secretsmanager", "kms:Decrypt", former));
    for need in &mut encrypted {
        need.source = "Secrets Manager API reference, UpdateSecret: with a customer key";
    }
    needs.extend(encrypted);
    let policy = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let attached = need("iam:AttachRolePolicy", app_role(of, &of.rack));
    let attached = attached.with("iam:PermissionsBoundary", &of.boundary);
    needs.push(attached.with("iam:PolicyARN", policy));
    let password = secret(of, &format!("{}_shop/db/credentials", of.rack));
    let mut read = need("secretsmanager:GetSecretValue", password);
    read.source = "CloudFormation user guide, dynamic references to Secrets Manager";
    needs.push(read);
    needs
}

/// What Application Auto Scaling does in the role's name.
fn scaling(of: &Deployment) -> Vec<Need> {
    const SOURCE: &str = "Application Auto Scaling user guide, identity-based policies: scaling an ECS service with target tracking";
    let service = of.arn("ecs", &format!("service/apps/{}_shop_web", of.rack));
    let alarm = format!(
        "alarm:TargetTracking-service/apps/{}_shop_web-AlarmLow-1a2b",
        of.rack
    );
    let alarm = of.arn("cloudwatch", &alarm);
    let on = |action: &str, resource: &str| Need::new(action, resource, SOURCE);
    let of_ours = |action: &str| on(action, &service).with("aws:ResourceTag/convox:rack", &of.rack);
    vec![
        on("cloudwatch:DescribeAlarms", "*"),
        on("cloudwatch:DeleteAlarms", &alarm),
        on("cloudwatch:PutMetricAlarm", &alarm),
        of_ours("ecs:DescribeServices"),
        of_ours("ecs:UpdateService"),
    ]
}

/// The first load balancer of an account makes the role that is linked to the service.
fn balancing(of: &Deployment) -> Need {
    const SOURCE: &str = "Elastic Load Balancing user guide, service-linked role: permissions of who creates a load balancer";
    let role = format!("arn:aws:iam::{}:role/aws-service-role/any", of.account);
    let linked = Need::new("iam:CreateServiceLinkedRole", role, SOURCE);
    linked.with("iam:AWSServiceName", "elasticloadbalancing.amazonaws.com")
}

fn interfaces(of: &Deployment) -> Vec<Need> {
    const SOURCE: &str = "EFS API reference, CreateMountTarget, DeleteMountTarget and ModifyMountTargetSecurityGroups: the permissions of \
                          EC2 for the interface";
    let on = |action: &str, resource: &str| {
        let resource = of.arn("ec2", resource);
        Need::new(&format!("ec2:{action}"), resource, SOURCE)
    };
    let (interface, group) = ("network-interface/eni-1", "security-group/sg-1");
    let mut needs = vec![
        on("CreateNetworkInterface", interface),
        on("CreateNetworkInterface", group),
        on("CreateNetworkInterface", "subnet/subnet-1"),
        on("DeleteNetworkInterface", interface),
        on("ModifyNetworkInterfaceAttribute", interface),
        on("ModifyNetworkInterfaceAttribute", group),
    ];
    needs.push(Need::new("ec2:DescribeNetworkInterfaces", "*", SOURCE));
    needs
}
