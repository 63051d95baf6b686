//! A file of variables in S3 that ECS itself hands to a container: `environmentFiles`.
//!
//! Source: ECS developer guide, "Pass environment variables to an Amazon ECS container" (ARN form, the ending `.env`, at
//! most ten files).

use std::fmt;

use crate::secret_reference::is_partition;

/// ECS takes no more files for one container.
pub const ENVIRONMENT_FILES_MAX: usize = 10;

/// The ending that ECS asks for.
const ENDING: &str = ".env";

/// Why a text names no such file. It repeats nothing of the text, which can hold an interpolated value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Another kind of text.
    #[error("it is no ARN of an S3 object: write `arn:PARTITION:s3:::BUCKET/KEY.env`")]
    NotAnArn,
    /// No partition of AWS.
    #[error("the second part of its ARN is no partition such as `aws`, `aws-cn` or `aws-us-gov`")]
    Partition,
    /// The ARN of something else.
    #[error(
        "its ARN is not one of an S3 object: the third part must be `s3`, the fourth and fifth empty"
    )]
    Service,
    /// No bucket, or no key.
    #[error("its ARN names no object: after `:::` comes `BUCKET/KEY.env`")]
    Object,
    /// A character that no policy can hold, so that no role could be allowed to read it.
    #[error(
        "its name has a character that IAM takes in no policy, so no task could be allowed to read it: rename the object, with \
         letters, digits and signs up to U+00FF alone, best those of ASCII"
    )]
    Character,
    /// Another ending.
    #[error("its name must end in `.env`, or ECS refuses it")]
    Ending,
}

/// The ARN of such a file.
#[derive(Clone, PartialEq, Eq)]
pub struct EnvironmentFile(String);

impl EnvironmentFile {
    /// Checks `arn` and keeps it.
    ///
    /// # Errors
    ///
    /// [`FileError`] says what is wrong.
    pub fn parse(arn: &str) -> Result<Self, FileError> {
        let mut sections = arn.splitn(6, ':');
        let mut section = || sections.next().ok_or(FileError::NotAnArn);
        if section()? != "arn" {
            return Err(FileError::NotAnArn);
        }
        let (partition, service) = (section()?, section()?);
        let (region, account, object) = (section()?, section()?, section()?);
        if !is_partition(partition) {
            return Err(FileError::Partition);
        }
        if service != "s3" || !region.is_empty() || !account.is_empty() {
            return Err(FileError::Service);
        }
        let (bucket, key) = object.split_once('/').ok_or(FileError::Object)?;
        if !is_bucket(bucket) || key.is_empty() || key.contains(char::is_control) {
            return Err(FileError::Object);
        }
        if !key.chars().all(is_of_a_policy) {
            return Err(FileError::Character);
        }
        if key.ends_with(ENDING) {
            Ok(Self(arn.to_owned()))
        } else {
            Err(FileError::Ending)
        }
    }

    /// The ARN as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The bucket that it is in, and its key there.
    #[must_use]
    pub fn place(&self) -> (&str, &str) {
        let object = self.0.splitn(6, ':').last().unwrap_or_default();
        object.split_once('/').unwrap_or_default()
    }

    /// The ARN of the bucket that it is in.
    #[must_use]
    pub fn bucket_arn(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }
}

/// Whether a policy can hold the character; control characters are none of a file's.
///
/// Source: IAM user guide, "IAM and AWS STS quotas", IAM name requirements (U+0020 to U+00FF); IAM API reference,
/// `PutRolePolicy`, `PolicyDocument`.
fn is_of_a_policy(c: char) -> bool {
    (' '..='\u{FF}').contains(&c)
}

/// Source: S3 user guide, "General purpose bucket naming rules".
fn is_bucket(name: &str) -> bool {
    let valid = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-';
    (3..=63).contains(&name.len()) && name.bytes().all(valid)
}

impl fmt::Debug for EnvironmentFile {
    /// Nothing of it: convox.yml can interpolate a secret into it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnvironmentFile(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_objects_of_s3_that_end_in_env_are_files() {
        for (arn, want) in [
            ("arn:aws:s3:::my-bucket/app.env", None),
            ("arn:aws-cn:s3:::my.bucket/a/b: c/.env", None),
            ("arn:aws-us-gov:s3:::my-bucket/x.env", None),
            ("s3://my-bucket/app.env", Some(FileError::NotAnArn)),
            ("arn:aws:s3:::", Some(FileError::Object)),
            ("arn:aws:s3", Some(FileError::NotAnArn)),
            ("arn:aws:s3:::my-bucket", Some(FileError::Object)),
            ("arn:aws:s3:::my-bucket/", Some(FileError::Object)),
            ("arn:aws:s3:::My_Bucket/x.env", Some(FileError::Object)),
            ("arn:aws:s3:::my-bucket/x\n.env", Some(FileError::Object)),
            ("arn:aws:s3:::my-bucket/Zürich ÿ.env", None),
            (
                "arn:aws:s3:::my-bucket/Łódź.env",
                Some(FileError::Character),
            ),
            (
                "arn:aws:s3:::my-bucket/\u{100}/a.env",
                Some(FileError::Character),
            ),
            ("arn:aws:s3:::my-bucket/app.txt", Some(FileError::Ending)),
            ("arn:aws:s3:::my-bucket/app.ENV", Some(FileError::Ending)),
            ("arn:gcp:s3:::my-bucket/app.env", Some(FileError::Partition)),
            ("arn:aws:ssm:::my-bucket/app.env", Some(FileError::Service)),
            (
                "arn:aws:s3:us-east-1:123456789012:accesspoint/a/x.env",
                Some(FileError::Service),
            ),
        ] {
            let got = EnvironmentFile::parse(arn);
            assert_eq!(got.as_ref().err(), want.as_ref(), "{arn}");
            if let Ok(file) = got {
                assert_eq!(file.as_str(), arn);
                let (bucket, key) = file.place();
                assert!(arn.ends_with(&format!(":::{bucket}/{key}")), "{arn}");
                assert_eq!(format!("{file:?}"), "EnvironmentFile(..)");
            }
        }
    }
}
