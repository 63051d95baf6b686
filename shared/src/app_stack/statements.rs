//! What the roles of an App's tasks may do, one statement each.
//!
//! IAM takes only so many characters of a role ([`super::role_limits`]), so what convox.yml names stands in them once.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::StackInputs;
use super::template::{get_att, object, set, sub};

/// The statements that name the Rack's keys.
pub(super) const DECRYPT_SECRETS: &str = "DecryptSecrets";
pub(super) const DECRYPT_ENVIRONMENTS: &str = "DecryptEnvironments";

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
    let own = format!(
        "arn:${{AWS::Partition}}:secretsmanager:${{AWS::Region}}:${{AWS::AccountId}}:secret:{}-??????",
        inputs.id.secret()
    );
    let links = links.iter().map(|link| get_att(link, "Id"));
    let named = needs.secrets.iter().map(|arn| json!(arn));
    let secrets: Vec<Value> = [sub(&own)].into_iter().chain(links).chain(named).collect();
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
        let files: Vec<String> = needs.files.iter().map(|arn| literal(arn)).collect();
        let (read, locate) = (["s3:GetObject"], ["s3:GetBucketLocation"]);
        statements.push(allow("ReadEnvironmentFiles", &read, json!(files)));
        let buckets = json!(needs.buckets);
        statements.push(allow("LocateEnvironmentFiles", &locate, buckets));
        // With an S3 Bucket Key the bucket stands in the object's place.
        let both = needs.buckets.iter();
        let both = both.flat_map(|bucket| [bucket.clone(), format!("{bucket}/*")]);
        let context = ("s3", "aws:s3:arn");
        statements.push(decrypt("DecryptEnvironmentFiles", context, &both.collect()));
    }
    statements
}

/// What containers themselves do.
pub(super) fn task(inputs: &StackInputs<'_>) -> Vec<Value> {
    let (bucket, app) = (inputs.settings_bucket, &inputs.id.app);
    let environments = format!("arn:${{AWS::Partition}}:s3:::{bucket}/apps/{app}/releases/*/env");
    let mut statements = vec![allow(
        "ReadEnvironments",
        &["s3:GetObject", "s3:GetObjectVersion"],
        sub(&environments),
    )];
    let left = &inputs.before_settings.environment_keys;
    if let Some(keys) = keys(inputs.environment_key_arn, left) {
        // S3 asks for it on the task's behalf, and convox-env itself for an envelope.
        statements.push(allow(DECRYPT_ENVIRONMENTS, &["kms:Decrypt"], keys));
    }
    statements
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
