//! Why a task could not read its secret, from the words of the ECS agent.
//!
//! Source: ECS developer guide, "Resolving `ResourceInitializationError` errors"; `aws/amazon-ecs-agent:agent/asm/asm.go`. The
//! reason itself is not passed on: what stands in a malformed secret can be quoted in it.

use serde::{Deserialize, Serialize};

/// What stands before the JSON key that is not there.
const BEFORE_KEY: &str = "did not contain json key ";

/// Why a task could not read its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// What kind of failure.
    pub cause: Cause,
    /// The JSON key, where the agent names one.
    pub key: Option<String>,
}

/// What kept a task from its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// The secret has no such key.
    KeyMissing,
    /// The execution role may not read the secret, or not use its KMS key.
    AccessDenied,
    /// There is no such secret, or no such version.
    SecretMissing,
    /// It is scheduled for deletion.
    SecretDeleted,
    /// No answer in time.
    Unreachable,
    /// Too many calls.
    Throttled,
    /// Anything else.
    Other,
}

/// A part of the agent's words, in lower case, and what it means; the first that is found counts.
const SIGNS: [(&str, Cause); 16] = [
    (BEFORE_KEY, Cause::KeyMissing),
    ("accessdenied", Cause::AccessDenied),
    ("not authorized to perform", Cause::AccessDenied),
    ("marked for deletion", Cause::SecretDeleted),
    ("marked deleted", Cause::SecretDeleted),
    ("scheduled for deletion", Cause::SecretDeleted),
    ("resourcenotfoundexception", Cause::SecretMissing),
    ("can't find the specified secret", Cause::SecretMissing),
    ("throttling", Cause::Throttled),
    ("rate exceeded", Cause::Throttled),
    ("context deadline exceeded", Cause::Unreachable),
    ("requestcanceled", Cause::Unreachable),
    ("timeout", Cause::Unreachable),
    ("unreachable", Cause::Unreachable),
    ("no such host", Cause::Unreachable),
    ("connection", Cause::Unreachable),
];

impl Reason {
    /// Reads the `stoppedReason` of a task; `None` where it has nothing to do with Secrets Manager.
    #[must_use]
    pub fn parse(stopped_reason: &str) -> Option<Self> {
        let lower = stopped_reason.to_lowercase();
        // "unable to pull secrets or registry auth" alone can as well be the registry.
        let about_secrets = ["secret from asm", "secrets manager", "secretsmanager"];
        if !about_secrets.iter().any(|part| lower.contains(part)) {
            return None;
        }
        // Names that the user chose stand in ARNs, and mean nothing.
        let words = lower
            .split_whitespace()
            .filter(|word| !word.contains("arn:"));
        let words = words.collect::<Vec<_>>().join(" ");
        let sign = SIGNS.iter().find(|(part, _)| words.contains(part));
        Some(Self {
            cause: sign.map_or(Cause::Other, |(_, cause)| *cause),
            key: key(stopped_reason),
        })
    }

    /// The cause as half a sentence.
    #[must_use]
    pub fn in_words(&self, secret: &str) -> String {
        let key = self.key.as_deref();
        match self.cause {
            Cause::KeyMissing => match key {
                Some(key) => format!("the secret `{secret}` has no key `{key}`"),
                None => format!("the secret `{secret}` lacks a key that the task names"),
            },
            Cause::AccessDenied => format!("its execution role may not read the secret `{secret}`"),
            Cause::SecretMissing => format!("the secret `{secret}`, or its version, is not there"),
            Cause::SecretDeleted => format!("the secret `{secret}` is scheduled for deletion"),
            Cause::Unreachable => "Secrets Manager did not answer".to_owned(),
            Cause::Throttled => "Secrets Manager was asked too often at once".to_owned(),
            Cause::Other => format!("the secret `{secret}` could not be read"),
        }
    }
}

impl Cause {
    /// A stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KeyMissing => "KeyMissing",
            Self::AccessDenied => "AccessDenied",
            Self::SecretMissing => "SecretMissing",
            Self::SecretDeleted => "SecretDeleted",
            Self::Unreachable => "Unreachable",
            Self::Throttled => "Throttled",
            Self::Other => "Other",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn fix(self) -> &'static str {
        match self {
            Self::KeyMissing => {
                "Promote a Release whose environment has the key, or take it out of the Service's \
                 environment"
            }
            Self::AccessDenied => {
                "Give the task's execution role secretsmanager:GetSecretValue on the secret, and \
                 kms:Decrypt on its key"
            }
            Self::SecretMissing => "Promote again, which writes the secret anew",
            Self::SecretDeleted => "Promote again, which restores the secret",
            Self::Unreachable => {
                "Give the task's subnets a way to Secrets Manager: a NAT gateway, an endpoint, or \
                 a public address"
            }
            Self::Throttled => "Start fewer tasks at once; ECS tries again by itself",
            Self::Other => "The stopped task's reason in ECS has the details",
        }
    }
}

/// The key that the agent misses; only what can be the name of a variable is one.
fn key(reason: &str) -> Option<String> {
    let (_, after) = reason.split_once(BEFORE_KEY)?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let key: String = after
        .trim_start_matches(['\'', '"', '`'])
        .chars()
        .take_while(|c| is_name(*c))
        .collect();
    let key = key.trim_end_matches('.');
    (!key.is_empty()).then(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agents_words_are_told_apart() {
        let fargate = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval \
                       failed: unable to retrieve secret from asm: service call has been retried 1 time(s): ";
        for (end, cause, key) in [
            (
                "retrieved secret from Secrets Manager did not contain json key DATABASE_URL",
                Cause::KeyMissing,
                Some("DATABASE_URL"),
            ),
            (
                "retrieved secret from Secrets Manager did not contain json key a.b-c; something else",
                Cause::KeyMissing,
                Some("a.b-c"),
            ),
            (
                "AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/x is not authorized to perform: \
                 secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:us-east-1:123456789012:secret:r/a",
                Cause::AccessDenied,
                None,
            ),
            (
                "failed to fetch secret: RequestCanceled: request context canceled caused by: context deadline exceeded",
                Cause::Unreachable,
                None,
            ),
            (
                "InvalidRequestException: You can't perform this operation on the secret because it was marked for deletion.",
                Cause::SecretDeleted,
                None,
            ),
            ("ThrottlingException: Rate exceeded", Cause::Throttled, None),
            (
                "Get \"https://secretsmanager.us-east-1.amazonaws.com/\": net/http: TLS handshake timeout",
                Cause::Unreachable,
                None,
            ),
            (
                "secret arn:aws:secretsmanager:us-east-1:123456789012:secret:r/throttling-AbCdEf: invalid character 'h'",
                Cause::Other,
                None,
            ),
            (
                "invalid character 'h' looking for beginning of value",
                Cause::Other,
                None,
            ),
        ] {
            let reason = Reason::parse(&format!("{fargate}{end}")).unwrap();
            assert_eq!((reason.cause, reason.key.as_deref()), (cause, key), "{end}");
        }
        let agent = "ResourceNotFoundException: The task can't retrieve the secret with ARN 'x' from AWS Secrets Manager. \
                     Check whether the secret exists in the specified Region";
        assert_eq!(Reason::parse(agent).unwrap().cause, Cause::SecretMissing);
    }

    #[test]
    fn what_is_not_about_secrets_is_none() {
        for reason in [
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: \
             unable to retrieve ecr registry auth: service call has been retried 1 time(s): AccessDeniedException",
            "CannotPullContainerError: pull image manifest has been retried 5 time(s)",
            "unable to retrieve secrets from ssm: ParameterNotFound",
            "",
        ] {
            assert_eq!(Reason::parse(reason), None, "{reason}");
        }
    }

    #[test]
    fn no_words_of_the_agent_are_passed_on() {
        let reason =
            "secret from asm: canary-value-in-a-malformed-secret did not contain json key ;canary";
        let reason = Reason::parse(reason).unwrap();
        let said = format!("{}{reason:?}", reason.in_words("r/a"));
        assert!(!said.contains("canary"), "{said}");
    }
}
