//! What the roles of an App's tasks may do, one statement each.
//!
//! IAM takes only so many characters of a role ([`super::role_limits`]), so what convox.yml names stands in them once.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::template::{get_att, object, set, sub};
use super::{Needs, StackInputs};

/// The statements that name the Rack's keys.
pub(super) const DECRYPT_SECRETS: &str = "DecryptSecrets";
pub(super) const DECRYPT_ENVIRONMENTS: &str = "DecryptEnvironments";

/// What a client of a file system does.
pub(super) const CLIENT_ACTIONS: [&str; 3] = [
    "elasticfilesystem:ClientMount",
    "elasticfilesystem:ClientRootAccess",
    "elasticfilesystem:ClientWrite",
];
/// Through which access point it does that.
pub(super) const ACCESS_POINT_KEY: &str = "elasticfilesystem:AccessPointArn";

fn allow(sid: &str, actions: &[&str], resource: Value) -> Value {
    object([
        ("Sid", sid.into()),
        ("Effect", "Allow".into()),
        ("Action", actions.to_vec().into()),
        ("Resource", resource),
    ])
}

/// What starts tasks; `links` are the logical ids of the secrets that they are linked by.
pub(super) fn execution(inputs: &StackInputs<'_>, links: &[String]) -> Vec<Value> {
    let needs = inputs.needs;
    let pull = [
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
    ];
    let repositories = sub("arn:${AWS::Partition}:ecr:*:*:repository/*");
    // The question marks are the six characters after a secret's name: nothing longer matches.
    let (secret, place) = (inputs.id.secret(), "${AWS::Region}:${AWS::AccountId}");
    let own = format!("arn:${{AWS::Partition}}:secretsmanager:{place}:secret:{secret}-??????");
    let links = links.iter().map(|link| get_att(link, "Id"));
    let (resources, named) = by_owner(inputs);
    let resources = resources.iter().map(|arn| json!(arn));
    let secrets: Vec<Value> = [sub(&own)]
        .into_iter()
        .chain(links)
        .chain(resources)
        .collect();
    let mut statements = vec![
        allow("ImageLogin", &["ecr:GetAuthorizationToken"], "*".into()),
        allow("PullImages", &pull, repositories),
        allow(
            "Log",
            &["logs:CreateLogStream", "logs:PutLogEvents"],
            get_att("LogGroup", "Arn"),
        ),
        allow(
            "ReadSecrets",
            &["secretsmanager:GetSecretValue"],
            secrets.into(),
        ),
    ];
    if !named.is_empty() {
        let mut read = allow(
            "ReadNamedSecrets",
            &["secretsmanager:GetSecretValue"],
            json!(named),
        );
        // Those of Apps carry their Rack's tag, whatever they are called and whichever Rack that is.
        let condition = json!({"Null": {"aws:ResourceTag/convox:rack": "true"}});
        set(&mut read, "Condition", condition);
        statements.push(read);
    }
    if let Some(keys) = keys(inputs.secret_key_arn, &inputs.before_settings.secret_keys) {
        let via = sub("secretsmanager.${AWS::Region}.${AWS::URLSuffix}");
        let mut decrypt = allow(DECRYPT_SECRETS, &["kms:Decrypt"], keys);
        let condition = json!({"StringEquals": {"kms:ViaService": via}});
        set(&mut decrypt, "Condition", condition);
        statements.push(decrypt);
    }
    if !needs.secrets.is_empty() {
        let context = ("secretsmanager", "SecretARN");
        statements.push(decrypt(
            "DecryptOwnSecrets",
            context,
            &homes(&needs.secrets),
        ));
    }
    if !needs.files.is_empty() {
        statements.extend(environment_files(needs));
    }
    statements
}

/// What reads the files of `environmentFiles`.
fn environment_files(needs: &Needs) -> [Value; 3] {
    let files: Vec<String> = needs.files.iter().map(|arn| literal(arn)).collect();
    // With an S3 Bucket Key the bucket stands in the object's place.
    let both = needs.buckets.iter();
    let both = both.flat_map(|bucket| [bucket.clone(), format!("{bucket}/*")]);
    let context = ("s3", "aws:s3:arn");
    [
        allow("ReadEnvironmentFiles", &["s3:GetObject"], json!(files)),
        allow(
            "LocateEnvironmentFiles",
            &["s3:GetBucketLocation"],
            json!(needs.buckets),
        ),
        decrypt("DecryptEnvironmentFiles", context, &both.collect()),
    ]
}

/// What containers themselves do; `file_systems` are logical ids, each with that of its access point.
pub(super) fn task(inputs: &StackInputs<'_>, file_systems: &[(String, String)]) -> Vec<Value> {
    let bucket = format!("arn:${{AWS::Partition}}:s3:::{}", inputs.settings_bucket);
    let environments = format!("{bucket}/apps/{}/releases/*/env", inputs.id.app);
    // Without `s3:GetObject` a task reads those versions alone whose ids it was told: the one that its Release is delivered from.
    let unversioned = inputs.unversioned_reads.then_some("s3:GetObject");
    let actions: Vec<&str> = unversioned
        .into_iter()
        .chain(["s3:GetObjectVersion"])
        .collect();
    let mut statements = vec![allow("ReadEnvironments", &actions, sub(&environments))];
    let left = &inputs.before_settings.environment_keys;
    if let Some(keys) = keys(inputs.environment_key_arn, left) {
        // What S3 decrypts on the task's behalf; with an S3 Bucket Key the bucket stands in the object's place.
        let mut decrypt = allow(DECRYPT_ENVIRONMENTS, &["kms:Decrypt"], keys.clone());
        let condition = json!({
            "StringEquals": {"kms:ViaService": sub("s3.${AWS::Region}.${AWS::URLSuffix}")},
            "StringLike": {"kms:EncryptionContext:aws:s3:arn": [sub(&bucket), sub(&environments)]},
        });
        set(&mut decrypt, "Condition", condition);
        statements.push(decrypt);
        // What convox-env itself does with an envelope, which has no context; all that AWS encrypts for somebody has one.
        let mut open = allow("DecryptEnvelopes", &["kms:Decrypt"], keys);
        let condition = json!({
            "Null": {"kms:EncryptionContextKeys": "true", "kms:ViaService": "true"},
        });
        set(&mut open, "Condition", condition);
        statements.push(open);
    }
    statements.extend(mount(file_systems));
    statements
}

/// By ECS Exec the agent beside a container talks to Systems Manager as the task's role; these have no resources in IAM (ECS
/// developer guide, "Task IAM role", "ECS Exec permissions").
pub(super) fn enter() -> Value {
    let actions = [
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    ];
    allow("LetPeopleIn", &actions, "*".into())
}

/// ECS mounts file systems as the task's role. Containers keep the users that they run as, and that is root more often than
/// not: without `ClientRootAccess` EFS takes root for nobody (EFS user guide, "Root squashing").
fn mount(file_systems: &[(String, String)]) -> Option<Value> {
    if file_systems.is_empty() {
        return None;
    }
    let arns = |ids: Vec<&String>| -> Value {
        let arns = ids.into_iter().map(|id| get_att(id, "Arn"));
        arns.collect()
    };
    let all = file_systems.iter();
    let (ids, access_points) = all.map(|(id, point)| (id, point)).unzip();
    let mut mount = allow("MountFileSystems", &CLIENT_ACTIONS, arns(ids));
    let condition = json!({
        "StringEquals": {ACCESS_POINT_KEY: arns(access_points)},
    });
    set(&mut mount, "Condition", condition);
    Some(mount)
}

/// The secrets that convox.yml names: those of the App's own resources, and those of nobody's App.
fn by_owner<'a>(inputs: &StackInputs<'a>) -> (Vec<&'a String>, Vec<&'a String>) {
    let id = inputs.id;
    let own = format!(":secret:{}_{}/", id.rack, id.app);
    let named = inputs.needs.secrets.iter();
    named.partition(|arn| arn.contains(&own))
}

/// The key of now and those of `before`: one alone stands by itself.
fn keys(now: Option<&str>, before: &BTreeSet<String>) -> Option<Value> {
    let before = before.iter().map(String::as_str);
    let all: Vec<&str> = now
        .into_iter()
        .chain(before.filter(|key| Some(*key) != now))
        .collect();
    match all.as_slice() {
        [] => None,
        [one] => Some(json!(one)),
        all => Some(json!(all)),
    }
}

/// The accounts and regions that secrets are in, as patterns of ARNs.
fn homes(secrets: &BTreeSet<String>) -> BTreeSet<String> {
    let home = |arn: &String| {
        let parts = arn.split(':').take(6);
        parts.chain(["*"]).collect::<Vec<_>>().join(":")
    };
    secrets.iter().map(home).collect()
}

/// Whichever key encrypts what convox.yml names, of any account or region: only the service uses it, and only for what is
/// like one of `arns`, which it tells KMS as its context. Which of those the role reads, another statement says, without
/// which the service never asks KMS; so nothing is named a second time. A customer key's own policy still has to admit the
/// role.
///
/// Sources: Secrets Manager user guide, "Secret encryption and decryption", encryption context; S3 user guide, "Using
/// server-side encryption with AWS KMS keys", encryption context.
fn decrypt(sid: &str, (service, context): (&str, &str), arns: &BTreeSet<String>) -> Value {
    let keys = sub("arn:${AWS::Partition}:kms:*:*:key/*");
    let mut decrypt = allow(sid, &["kms:Decrypt"], keys);
    let (context, via) = (
        format!("kms:EncryptionContext:{context}"),
        sub(&format!("{service}.*.${{AWS::URLSuffix}}")),
    );
    let condition = json!({
        "StringLike": {context: arns, "kms:ViaService": via},
    });
    set(&mut decrypt, "Condition", condition);
    decrypt
}

/// An ARN that a policy takes for itself, not as a pattern (IAM user guide, "Policy variables", special characters).
fn literal(arn: &str) -> String {
    let escaped = |c: char| match c {
        '*' | '?' | '$' => format!("${{{c}}}"),
        c => c.to_string(),
    };
    arn.chars().map(escaped).collect()
}
