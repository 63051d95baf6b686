//! A secret of the user's own, as a task definition names it: whole, by JSON key, by version.
//!
//! Sources: ECS developer guide, "Pass Secrets Manager secrets through Amazon ECS environment variables" (the form, and
//! that stage and id exclude each other); Secrets Manager user guide, "Troubleshoot" (why an ARN without its suffix is
//! found only by luck).

use std::fmt;

const SERVICE: &str = "secretsmanager";
/// Secrets Manager puts a hyphen and so many characters after a secret's name (user guide, "What's in a secret").
const SUFFIX: usize = 6;
const ACCOUNT_DIGITS: usize = 12;
/// API reference, `GetSecretValue`, `VersionStage`.
const STAGE_MAX: usize = 256;
/// API reference, `GetSecretValue`, `VersionId`.
const ID_MIN: usize = 32;
const ID_MAX: usize = 64;
/// API reference, `CreateSecret`, `Name`.
const NAME_MAX: usize = 512;

/// Why a text names no secret that ECS could read. It repeats nothing of the text, which can hold an interpolated value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Another kind of text.
    #[error(
        "it is no ARN: write the secret's whole ARN, `arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:NAME-SUFFIX`"
    )]
    NotAnArn,
    /// No partition of AWS.
    #[error("the second part of its ARN is no partition such as `aws`, `aws-cn` or `aws-us-gov`")]
    Partition,
    /// The ARN of something else.
    #[error("its ARN is not one of Secrets Manager: the third part must be `secretsmanager`")]
    Service,
    /// No region.
    #[error("the fourth part of its ARN is no region such as `us-east-1`")]
    Region,
    /// No account.
    #[error("the fifth part of its ARN is no account of 12 digits")]
    Account,
    /// Not a secret.
    #[error("its ARN names no secret: after the account comes `secret:NAME-SUFFIX`")]
    NotASecret,
    /// A name that no secret has.
    #[error(
        "the secret's name is not valid: letters, digits and `/_+=.@!-`, at most 512 characters"
    )]
    Name,
    /// A partial ARN.
    #[error(
        "its ARN is not whole: it must end in the hyphen and the six letters or digits that Secrets Manager puts after the \
         name; `aws secretsmanager describe-secret` shows them"
    )]
    Suffix,
    /// Neither none nor all of the three parts.
    #[error(
        "after the ARN comes nothing, or `:JSON-KEY:VERSION-STAGE:VERSION-ID` with all three colons, each part possibly \
         empty; a JSON key that holds a colon cannot be named"
    )]
    Colons,
    /// A JSON key that cannot be written.
    #[error(
        "a JSON key that holds a colon or a control character cannot be named: rename it in the secret"
    )]
    JsonKey,
    /// Both kinds of version.
    #[error("a version is named by its stage or by its id, not by both")]
    StageAndId,
    /// No stage.
    #[error(
        "a version stage has 1 to 256 characters, no colon and no space, such as `AWSPREVIOUS`"
    )]
    Stage,
    /// No id.
    #[error("a version id has 32 to 64 letters, digits and hyphens")]
    Id,
    /// Parts where only an ARN belongs.
    #[error(
        "beside `jsonKey`, `versionStage` and `versionId` the ARN stands alone, without parts of its own"
    )]
    PartsTwice,
}

/// Which version of a secret; none = `AWSCURRENT`.
#[derive(Clone, PartialEq, Eq)]
enum Version {
    Stage(String),
    Id(String),
}

/// What ECS reads one variable from.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretReference {
    arn: String,
    json_key: Option<String>,
    version: Option<Version>,
}

/// What may stand beside an ARN; empty counts as absent.
#[derive(Clone, Copy, Default)]
pub struct Parts<'a> {
    /// A key of the secret's JSON object.
    pub json_key: &'a str,
    /// Such as `AWSPREVIOUS`.
    pub version_stage: &'a str,
    /// The id of one version.
    pub version_id: &'a str,
}

impl SecretReference {
    /// Takes `arn`, or `arn:json-key:version-stage:version-id`, apart.
    ///
    /// # Errors
    ///
    /// [`ReferenceError`] says which part is wrong.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let (arn, rest) = split(text)?;
        let Some(rest) = rest else {
            return Self::new(arn, Parts::default());
        };
        let mut pieces = rest.split(':');
        let mut piece = || pieces.next().ok_or(ReferenceError::Colons);
        let parts = Parts {
            json_key: piece()?,
            version_stage: piece()?,
            version_id: piece()?,
        };
        match pieces.next() {
            None => Self::new(arn, parts),
            Some(_) => Err(ReferenceError::Colons),
        }
    }

    /// The reference to a whole ARN and the parts beside it.
    ///
    /// # Errors
    ///
    /// [`ReferenceError`] says which part is wrong.
    pub fn of(arn: &str, parts: Parts<'_>) -> Result<Self, ReferenceError> {
        match split(arn)? {
            (arn, None) => Self::new(arn, parts),
            _ => Err(ReferenceError::PartsTwice),
        }
    }

    fn new(arn: &str, parts: Parts<'_>) -> Result<Self, ReferenceError> {
        let version = match (parts.version_stage, parts.version_id) {
            ("", "") => None,
            (stage, "") => Some(Version::Stage(checked_stage(stage)?)),
            ("", id) => Some(Version::Id(checked_id(id)?)),
            _ => return Err(ReferenceError::StageAndId),
        };
        let key = parts.json_key;
        if key.contains(':') || key.contains(char::is_control) {
            return Err(ReferenceError::JsonKey);
        }
        Ok(Self {
            arn: arn.to_owned(),
            json_key: (!key.is_empty()).then(|| key.to_owned()),
            version,
        })
    }

    /// The ARN of the secret, which a policy names.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// The key of the secret's JSON object; none where it is read whole.
    #[must_use]
    pub fn json_key(&self) -> Option<&str> {
        self.json_key.as_deref()
    }

    /// The account that the secret is in.
    #[must_use]
    pub fn account(&self) -> &str {
        self.arn.split(':').nth(4).unwrap_or_default()
    }

    /// The secret's name, without the suffix of its ARN.
    #[must_use]
    pub fn name(&self) -> &str {
        let id = self.arn.rsplit(':').next().unwrap_or_default();
        id.rsplit_once('-').map_or(id, |(name, _)| name)
    }

    /// Whether it names more than a whole secret, which old agents and platforms cannot read (ECS developer guide,
    /// "Pass Secrets Manager secrets …": agent 1.37.0, platform 1.4.0).
    #[must_use]
    pub fn has_parts(&self) -> bool {
        self.json_key.is_some() || self.version.is_some()
    }
}

/// `valueFrom` of ECS: the ARN alone, or with all three parts.
impl fmt::Display for SecretReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arn)?;
        if !self.has_parts() {
            return Ok(());
        }
        let (stage, id) = match &self.version {
            None => ("", ""),
            Some(Version::Stage(stage)) => (stage.as_str(), ""),
            Some(Version::Id(id)) => ("", id.as_str()),
        };
        let key = self.json_key.as_deref().unwrap_or_default();
        write!(f, ":{key}:{stage}:{id}")
    }
}

impl fmt::Debug for SecretReference {
    /// Nothing of it: convox.yml can interpolate a secret into it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretReference(..)")
    }
}

/// Whether a text can be an ARN's partition: `aws`, or `aws-` and more (`aws-cn`, `aws-us-gov`, `aws-iso-b` …).
pub(crate) fn is_partition(text: &str) -> bool {
    let rest = text.strip_prefix("aws");
    rest.is_some_and(|rest| rest.is_empty() || (rest.starts_with('-') && is_dashed(rest)))
}

fn is_dashed(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The checked ARN, and what stands after the colon that follows it.
fn split(text: &str) -> Result<(&str, Option<&str>), ReferenceError> {
    let mut sections = text.splitn(7, ':');
    let mut section = || sections.next().ok_or(ReferenceError::NotAnArn);
    if section()? != "arn" {
        return Err(ReferenceError::NotAnArn);
    }
    let (partition, service) = (section()?, section()?);
    let (region, account, kind) = (section()?, section()?, section()?);
    let rest = sections.next().ok_or(ReferenceError::NotASecret)?;
    let wrong = [
        (!is_partition(partition), ReferenceError::Partition),
        (service != SERVICE, ReferenceError::Service),
        (
            region.is_empty() || !is_dashed(region),
            ReferenceError::Region,
        ),
        (!is_account(account), ReferenceError::Account),
        (kind != "secret", ReferenceError::NotASecret),
    ];
    if let Some((_, error)) = wrong.into_iter().find(|(is_wrong, _)| *is_wrong) {
        return Err(error);
    }
    let id = rest.split(':').next().unwrap_or_default();
    check_id(id)?;
    let after = rest
        .strip_prefix(id)
        .and_then(|rest| rest.strip_prefix(':'));
    let parts = after.map_or(0, |after| after.len() + 1);
    let arn = text
        .get(..text.len() - parts)
        .ok_or(ReferenceError::NotAnArn)?;
    Ok((arn, after))
}

fn is_account(text: &str) -> bool {
    text.len() == ACCOUNT_DIGITS && text.bytes().all(|b| b.is_ascii_digit())
}

/// `NAME-SUFFIX`.
fn check_id(id: &str) -> Result<(), ReferenceError> {
    // Nobody creates a secret with `!` in its name; those that services of AWS own have it: `rds!db-…`, `events!…` (Secrets
    // Manager user guide, "Secrets managed by other AWS services").
    let valid = |b: u8| b.is_ascii_alphanumeric() || b"/_+=.@!-".contains(&b);
    if !id.bytes().all(valid) {
        return Err(ReferenceError::Name);
    }
    let (name, suffix) = id.rsplit_once('-').ok_or(ReferenceError::Suffix)?;
    if suffix.len() != SUFFIX || !suffix.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(ReferenceError::Suffix);
    }
    if (1..=NAME_MAX).contains(&name.len()) {
        Ok(())
    } else {
        Err(ReferenceError::Name)
    }
}

fn checked_stage(stage: &str) -> Result<String, ReferenceError> {
    let bad = |c: char| c == ':' || c.is_control() || c.is_whitespace();
    if stage.chars().count() > STAGE_MAX || stage.contains(bad) {
        return Err(ReferenceError::Stage);
    }
    Ok(stage.to_owned())
}

fn checked_id(id: &str) -> Result<String, ReferenceError> {
    let valid = id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !valid || !(ID_MIN..=ID_MAX).contains(&id.len()) {
        return Err(ReferenceError::Id);
    }
    Ok(id.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db/main-AbCd12";
    const ID: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn all_forms_of_ecs_are_read_and_written_back() {
        let password = Some("password");
        for (parts, written, key) in [
            (String::new(), String::new(), None),
            (":password::".into(), ":password::".into(), password),
            (
                ":password:a1b2c3d4e5:".into(),
                ":password:a1b2c3d4e5:".into(),
                password,
            ),
            (
                format!(":password::{ID}"),
                format!(":password::{ID}"),
                password,
            ),
            ("::AWSPREVIOUS:".into(), "::AWSPREVIOUS:".into(), None),
            (
                format!(":a.b/c d::{ID}"),
                format!(":a.b/c d::{ID}"),
                Some("a.b/c d"),
            ),
            (format!(":::{ID}"), format!(":::{ID}"), None),
            (":::".into(), String::new(), None),
        ] {
            let read = SecretReference::parse(&format!("{ARN}{parts}")).unwrap();
            assert_eq!(read.to_string(), format!("{ARN}{written}"), "{parts}");
            assert_eq!(
                (read.arn(), read.name(), read.account()),
                (ARN, "db/main", "123456789012")
            );
            assert_eq!(read.json_key(), key, "{parts}");
            assert_eq!(read.has_parts(), !written.is_empty(), "{parts}");
        }
        for partition in [
            "aws",
            "aws-cn",
            "aws-us-gov",
            "aws-iso",
            "aws-iso-b",
            "aws-eusc",
        ] {
            let arn = ARN.replacen("aws", partition, 1);
            assert!(SecretReference::parse(&arn).is_ok(), "{arn}");
        }
    }

    #[test]
    fn what_ecs_could_not_read_is_refused_with_the_part_that_is_wrong() {
        use ReferenceError as E;
        let with = |from: &str, to: &str| ARN.replacen(from, to, 1);
        for (text, want) in [
            ("db/main".to_owned(), E::NotAnArn),
            (String::new(), E::NotAnArn),
            ("arn:aws:secretsmanager:us-east-1".to_owned(), E::NotAnArn),
            (with(":aws:", ":amazon:"), E::Partition),
            (with(":aws:", ":awsome:"), E::Partition),
            (with("secretsmanager", "ssm"), E::Service),
            (with("us-east-1", ""), E::Region),
            (with("us-east-1", "*"), E::Region),
            (with("123456789012", "12345"), E::Account),
            (with("secret:", "parameter:"), E::NotASecret),
            (with(":secret:db/main-AbCd12", ":secret"), E::NotASecret),
            (with("db/main", "db main"), E::Name),
            (with("db/main", "*"), E::Name),
            (with("db/main", ""), E::Name),
            (with("-AbCd12", ""), E::Suffix),
            (with("-AbCd12", "-AbCd1"), E::Suffix),
            (with("-AbCd12", "-AbCd12x"), E::Suffix),
            (with("-AbCd12", "-??????"), E::Name),
            (format!("{ARN}:password"), E::Colons),
            (format!("{ARN}:password:"), E::Colons),
            (format!("{ARN}:a:b:c:"), E::Colons),
            (format!("{ARN}:a:release:{ID}:"), E::Colons), // the agent takes no stage that holds a colon either
            (format!("{ARN}::AWSCURRENT:{ID}"), E::StageAndId),
            (format!("{ARN}::a stage:"), E::Stage),
            (format!("{ARN}::{}:", "s".repeat(257)), E::Stage),
            (format!("{ARN}:::v1"), E::Id),
            (format!("{ARN}:::{}", "1".repeat(65)), E::Id),
            (format!("{ARN}:a\nb::"), E::JsonKey),
        ] {
            assert_eq!(SecretReference::parse(&text).err(), Some(want), "{text}");
        }
    }

    #[test]
    fn a_secret_that_a_service_of_aws_owns_can_be_named() {
        for name in [
            "rds!db-1a2b3c4d",
            "redshift!cluster-admin",
            "events!connection/api/1",
        ] {
            let arn = ARN.replacen("db/main", name, 1);
            let read = SecretReference::parse(&format!("{arn}:password::")).unwrap();
            assert_eq!((read.name(), read.arn()), (name, arn.as_str()));
        }
    }

    #[test]
    fn the_mapping_form_takes_a_bare_arn_and_no_colon_in_a_key() {
        let key = |json_key| Parts {
            json_key,
            ..Parts::default()
        };
        let read = SecretReference::of(ARN, key("password")).unwrap();
        assert_eq!(read.to_string(), format!("{ARN}:password::"));
        let refused = |arn: &str, parts| SecretReference::of(arn, parts).err();
        assert_eq!(refused(ARN, key("a:b")), Some(ReferenceError::JsonKey));
        let twice = refused(&format!("{ARN}:a::"), key("b"));
        assert_eq!(twice, Some(ReferenceError::PartsTwice));
        let both = Parts {
            version_stage: "AWSPREVIOUS",
            version_id: ID,
            ..key("a")
        };
        assert_eq!(refused(ARN, both), Some(ReferenceError::StageAndId));
    }

    #[test]
    fn no_error_and_no_debug_output_repeats_the_text() {
        let read = SecretReference::parse(ARN).unwrap();
        assert_eq!(format!("{read:?}"), "SecretReference(..)");
        let error = SecretReference::parse("canary").unwrap_err();
        assert!(!format!("{error:?} {error}").contains("canary"));
    }

    fn version() -> impl Strategy<Value = (String, String)> {
        prop_oneof![
            Just((String::new(), String::new())),
            "[A-Za-z0-9_-]{1,20}".prop_map(|stage| (stage, String::new())),
            "[a-z0-9-]{32,64}".prop_map(|id| (String::new(), id)),
        ]
    }

    proptest! {
        #[test]
        fn a_reference_reads_back_what_it_writes(
            name in "[A-Za-z0-9/_+=.@!-]{1,40}", suffix in "[A-Za-z0-9]{6}",
            key in "[^:\\p{Cc}]{0,20}", (stage, id) in version(), partition in "aws(-[a-z]{2,4}){0,2}",
        ) {
            let arn = format!("arn:{partition}:secretsmanager:eu-west-1:123456789012:secret:{name}-{suffix}");
            let parts = Parts { json_key: &key, version_stage: &stage, version_id: &id };
            let built = SecretReference::of(&arn, parts).unwrap();
            prop_assert_eq!(built.name(), name.as_str());
            let written = built.to_string();
            let read = SecretReference::parse(&written).unwrap();
            prop_assert!(read == built);
            prop_assert_eq!(read.to_string(), written);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            if let Ok(read) = SecretReference::parse(&text) {
                prop_assert!(SecretReference::parse(&read.to_string()).unwrap() == read);
            }
            let _ = SecretReference::parse(&format!("{ARN}:{text}"));
        }
    }
}
