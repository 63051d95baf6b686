//! S3: the settings bucket, encrypted with the environment key, and buckets of environment files.

use super::super::deployment::Deployment;
use super::super::facts::Facts;
use super::{Need, Row, unknown, via};
use crate::proxy::Call;

const READ: &str = "S3 API reference, GetObject and HeadObject, `versionId`: with one s3:GetObjectVersion, else s3:GetObject";
const MISSING: &str = "S3 API reference, GetObject and HeadObject: without s3:ListBucket a missing object is 403, not 404";
const WRITE: &str = "SAR for S3, PutObject";
const DELETE: &str = "SAR for S3, DeleteObject: without a version, it only marks";
const LIST: &str = "S3 API reference, ListObjectsV2: s3:ListBucket";
const LOCATE: &str = "SAR for S3, GetBucketLocation";
const DECRYPT: &str =
    "S3 user guide, \"Using server-side encryption with AWS KMS keys\": kms:Decrypt to read";
const ENCRYPT: &str = "S3 user guide, \"Using server-side encryption with AWS KMS keys\": kms:GenerateDataKey to write";

pub(super) fn needs(facts: &Facts<'_>, call: &Call) -> Row {
    let (path, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
    let (bucket, key) = path
        .trim_start_matches('/')
        .split_once('/')
        .unwrap_or((path, ""));
    let bucket = Deployment::bucket_arn(bucket.trim_matches('/'));
    let object = format!("{bucket}/{key}");
    let deployment = facts.deployment;
    let is_settings = bucket == Deployment::bucket_arn(&deployment.bucket);
    match call.operation.as_str() {
        "GetObject" | "HeadObject" => {
            let versioned = parameter(query, "versionId").is_some();
            let action = if versioned {
                "s3:GetObjectVersion"
            } else {
                "s3:GetObject"
            };
            let mut needs = vec![Need::new(action, object, READ)];
            if call.status == Some(404) {
                needs.push(Need::new("s3:ListBucket", bucket, MISSING));
            } else if call.operation == "GetObject" && is_settings {
                let key = facts.key_of_object(path);
                needs.push(of_bucket(via("s3", "kms:Decrypt", key, DECRYPT), &bucket));
            }
            Ok(needs)
        }
        "GetBucketLocation" => Ok(vec![Need::new("s3:GetBucketLocation", bucket, LOCATE)]),
        "DeleteObject" => Ok(vec![Need::new("s3:DeleteObject", object, DELETE)]),
        "PutObject" => Ok(vec![
            Need::new("s3:PutObject", object, WRITE),
            of_bucket(
                via(
                    "s3",
                    "kms:GenerateDataKey",
                    &deployment.environment_key,
                    ENCRYPT,
                ),
                &bucket,
            ),
        ]),
        "ListObjectsV2" => {
            let prefix = parameter(query, "prefix").unwrap_or_default();
            let prefix = prefix.replace("%2F", "/");
            Ok(vec![
                Need::new("s3:ListBucket", bucket, LIST).with("s3:prefix", prefix),
            ])
        }
        _ => unknown(call),
    }
}

/// What S3 tells KMS of an object in a bucket with an S3 Bucket Key.
///
/// Source: S3 user guide, "Reducing the cost of SSE-KMS with Amazon S3 Bucket Keys" (the bucket's ARN is the context).
fn of_bucket(need: Need, bucket: &str) -> Need {
    need.with("kms:EncryptionContext:aws:s3:arn", bucket)
        .with("kms:EncryptionContextKeys", "aws:s3:arn")
}

fn parameter<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value)
}
