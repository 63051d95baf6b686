//! Why an environment could not be fetched, and what to do about it.

use environment::EnvironmentError;

use crate::http::TOO_LARGE;
use crate::object_url::ObjectUrl;
use crate::service_error::ServiceError;

/// Why there is no environment.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The bucket, the key or the version is not there.
    #[error(
        "{object} does not exist, promote the Release again or restore that version of the object"
    )]
    Missing {
        /// What is not there.
        object: ObjectUrl,
    },
    /// S3 refused.
    #[error(
        "the task role may not read {object}, allow it {action} there and kms:Decrypt on the bucket's KMS key \
         (S3 says the same of a missing object)"
    )]
    Denied {
        /// What was to be read.
        object: ObjectUrl,
        /// What that takes.
        action: &'static str,
        /// What S3 said.
        source: Box<ServiceError>,
    },
    /// S3 could not be asked.
    #[error(
        "cannot get {object}, check that the task has a task role, that CONVOX_ENV_KEY is the ARN of the bucket's key, and the network's way to S3"
    )]
    Unreachable {
        /// What was to be read.
        object: ObjectUrl,
        /// Why.
        source: Box<ServiceError>,
    },
    /// The object is larger than any environment.
    #[error(
        "{object} has more than 16 MiB and is no environment; promote the Release again with the right object"
    )]
    TooLarge {
        /// What was read.
        object: ObjectUrl,
    },
    /// S3 answered with something else.
    #[error("S3 did not deliver {object}")]
    Read {
        /// What was to be read.
        object: ObjectUrl,
        /// What S3 said.
        source: Box<ServiceError>,
    },
    /// The object is not what it should be.
    #[error("{object} is no environment")]
    Invalid {
        /// What was read.
        object: ObjectUrl,
        /// Why.
        source: EnvironmentError,
    },
    /// An envelope, and no key to open it with.
    #[error(
        "{object} is an envelope, but CONVOX_ENV_KEY is not set; set it to the ARN of its KMS key (the Rack's \
         EnvironmentKeyArn) or write the object as plain lines"
    )]
    NoKey {
        /// The envelope.
        object: ObjectUrl,
    },
    /// KMS refused.
    #[error("the task role may not open the envelope {object}, allow it kms:Decrypt on {key_id}")]
    KeyDenied {
        /// The envelope.
        object: ObjectUrl,
        /// What was to open it.
        key_id: String,
        /// What KMS said.
        source: Box<ServiceError>,
    },
    /// The data key is another KMS key's.
    #[error(
        "the envelope {object} was not made with CONVOX_ENV_KEY, write it again with that key or set the right one"
    )]
    WrongKey {
        /// The envelope.
        object: ObjectUrl,
        /// What KMS said.
        source: Box<ServiceError>,
    },
    /// KMS failed, or could not be asked.
    #[error(
        "cannot open the envelope {object}, check that CONVOX_ENV_KEY is enabled, and the network's way to KMS"
    )]
    Decrypt {
        /// The envelope.
        object: ObjectUrl,
        /// Why.
        source: Box<ServiceError>,
    },
}

impl FetchError {
    /// What S3's answer means for `object`.
    pub fn from_s3(object: ObjectUrl, source: ServiceError) -> Self {
        let source = Box::new(source);
        match source.code() {
            "AccessDenied" => Self::Denied {
                action: match object.version {
                    Some(_) => "s3:GetObjectVersion",
                    None => "s3:GetObject",
                },
                object,
                source,
            },
            TOO_LARGE => Self::TooLarge { object },
            "NoSuchBucket" | "NoSuchKey" | "NoSuchVersion" => Self::Missing { object },
            "Unreachable" | "Timeout" | "RequestTimeout" => Self::Unreachable { object, source },
            _ => Self::Read { object, source },
        }
    }

    /// What KMS's answer means for the envelope `object`.
    pub fn from_kms(object: ObjectUrl, key_id: &str, source: ServiceError) -> Self {
        let source = Box::new(source);
        match source.code() {
            "AccessDeniedException" => Self::KeyDenied {
                object,
                key_id: key_id.to_owned(),
                source,
            },
            "IncorrectKeyException" | "InvalidCiphertextException" => {
                Self::WrongKey { object, source }
            }
            _ => Self::Decrypt { object, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use names::error_chain::Chain;

    #[test]
    fn what_s3_says_becomes_what_to_do() {
        for (url, code, want) in [
            (
                "s3://b/k?versionId=1",
                "AccessDenied",
                "allow it s3:GetObjectVersion there",
            ),
            ("s3://b/k", "AccessDenied", "allow it s3:GetObject there"),
            ("s3://b/k", "NoSuchBucket", "s3://b/k does not exist"),
            ("s3://b/k", "Timeout", "the network's way to S3"),
            ("s3://b/k", "Unreachable", "the task has a task role"),
            (
                "s3://b/k",
                "SlowDown",
                "S3 did not deliver s3://b/k: failed to read it: SlowDown: why",
            ),
        ] {
            let answer = ServiceError::new("read it", code, Some("why"));
            let err = FetchError::from_s3(ObjectUrl::parse(url).unwrap(), answer);
            let text = Chain(&err).to_string();
            assert!(text.contains(want), "{code}: {text}");
            assert!(text.contains(url), "{code}: {text}");
        }
    }

    #[test]
    fn what_kms_says_becomes_what_to_do() {
        for (code, want) in [
            ("AccessDeniedException", "allow it kms:Decrypt on arn:key"),
            ("IncorrectKeyException", "was not made with CONVOX_ENV_KEY"),
            (
                "InvalidCiphertextException",
                "was not made with CONVOX_ENV_KEY",
            ),
            ("DisabledException", "check that CONVOX_ENV_KEY is enabled"),
            ("Unreachable", "the network's way to KMS"),
        ] {
            let answer = ServiceError::new("decrypt it", code, None);
            let err =
                FetchError::from_kms(ObjectUrl::parse("s3://b/k").unwrap(), "arn:key", answer);
            let text = Chain(&err).to_string();
            assert!(text.contains(want), "{code}: {text}");
            assert!(text.contains("s3://b/k") && text.contains(code), "{text}");
        }
    }
}
