//! The names of things, checked once and built in one place.
//!
//! Nothing else in the workspace spells an ECS family, an EventBridge rule, a secret or an object key.

pub mod arn_pattern;
pub mod bounds;
pub mod environment_file;
pub mod error_chain;
pub mod error_type;
pub mod image_reference;
pub mod json_error;
pub mod secret_reference;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// EventBridge refuses longer rule names (API reference, `PutRule`).
const RULE_NAME_MAX: usize = 64;
/// The tag of an ECS service that its owner lends to an App: `{rack}/{app}`.
pub const LENT_TO: &str = "convox:lent-to";
/// ECS refuses longer families and service names (API reference, `RegisterTaskDefinition`).
const ECS_NAME_MAX: usize = 255;

/// A name that breaks its rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {kind} name `{name}` is not valid: {rule}")]
pub struct NameError {
    kind: &'static str,
    name: String,
    rule: &'static str,
}

impl NameError {
    fn new(kind: &'static str, name: &str, rule: &'static str) -> Self {
        // A name can arrive from outside, so only a printable piece of it is repeated.
        let name = name.chars().filter(|c| !c.is_control()).take(80).collect();
        Self { kind, name, rule }
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $kind:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Checks `name` and keeps it.
            ///
            /// # Errors
            ///
            /// [`NameError`] when it breaks the rule that the type's documentation states.
            pub fn new(name: &str) -> Result<Self, NameError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(name) {
                    Ok(Self(name.to_owned()))
                } else {
                    Err(NameError::new($kind, name, $rule))
                }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;

            fn try_from(name: String) -> Result<Self, NameError> {
                Self::new(&name)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }
    };
}

name!(
    /// A Rack: `^[a-z](-?[a-z0-9])*$`, at most 24 characters. CloudFormation names databases after their stack: it drops the second
    /// of two hyphens and cuts long names, and the role that makes them allows `{rack}-*` only (`IdentifierUtils` of
    /// `aws-cloudformation/cloudformation-cli-java-plugin`).
    RackName, "Rack",
    "use a-z, 0-9 and single hyphens, start with a letter, end with none of them, at most 24 \
     characters",
    |name| is_dashed(name, 24) && !name.contains("--") && !name.ends_with('-')
);
name!(
    /// An App: `^[a-z][a-z0-9-]{0,62}$`.
    AppName, "App", "use a-z, 0-9 and -, start with a letter, at most 63 characters",
    |name| is_dashed(name, 63)
);
name!(
    /// A Release: `^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`.
    ReleaseId, "Release",
    "use A-Z, a-z, 0-9, _ and -, start with a letter or digit, at most 64 characters",
    |name| name.starts_with(|c: char| c.is_ascii_alphanumeric()) && is_ecs_name(name, 64)
);
name!(
    /// A Service of convox.yml: `^[a-z][a-z0-9-]*$` (`convox/rack:pkg/manifest/validate.go`).
    ServiceName, "Service", "use a-z, 0-9 and -, start with a letter",
    |name| is_dashed(name, ECS_NAME_MAX)
);
name!(
    /// A Timer of convox.yml. Convox checks nothing here; a container of that name must be possible.
    TimerName, "Timer", "use A-Z, a-z, 0-9, _ and -",
    |name| is_ecs_name(name, ECS_NAME_MAX)
);

fn is_dashed(name: &str, max: usize) -> bool {
    name.len() <= max
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_ecs_name(name: &str, max: usize) -> bool {
    (1..=max).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// An App of a Rack: what every other name is built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppId {
    /// The Rack.
    pub rack: RackName,
    /// The App.
    pub app: AppName,
}

impl AppId {
    /// The App's secret: `{rack}/{app}`.
    #[must_use]
    pub fn secret(&self) -> String {
        format!("{}/{}", self.rack, self.app)
    }

    /// The App's CloudFormation stack: `{rack}-{app}-{hash8}`. Without the hash, `a-b` of Rack `r` and `b` of Rack `r-a`
    /// would be one name.
    #[must_use]
    pub fn stack(&self) -> String {
        let (rack, app) = (&self.rack, &self.app);
        format!("{rack}-{app}-{}", hash8(&format!("{rack}/{app}")))
    }

    /// The App of this Rack whose stack is called `stack`; `None` for any other name.
    #[must_use]
    pub fn parse_stack(rack: &RackName, stack: &str) -> Option<Self> {
        let rest = stack.strip_prefix(rack.as_str())?.strip_prefix('-')?;
        let (app, _) = rest.rsplit_once('-')?;
        let id = Self {
            rack: rack.clone(),
            app: AppName::new(app).ok()?,
        };
        (id.stack() == stack).then_some(id)
    }

    /// The CloudWatch Logs group of the App's containers; its stack creates it.
    #[must_use]
    pub fn log_group(&self) -> String {
        format!("{}/{}", self.rack.log_group(), self.app)
    }

    /// The secret with the generated password of a resource: `{rack}_{app}/{resource}/credentials`. No App's own secret
    /// has an underscore in its name.
    #[must_use]
    pub fn credentials_secret(&self, resource: &str) -> String {
        self.resource_secret(resource, "credentials")
    }

    /// The secret that tasks get a resource's variables from: `{rack}_{app}/{resource}/link`.
    #[must_use]
    pub fn link_secret(&self, resource: &str) -> String {
        self.resource_secret(resource, "link")
    }

    fn resource_secret(&self, resource: &str, what: &str) -> String {
        format!("{}_{}/{resource}/{what}", self.rack, self.app)
    }

    /// The ECS service and the family of a Service: `{rack}_{app}_{service}`.
    ///
    /// # Errors
    ///
    /// [`NameError`] when ECS would refuse it as too long.
    pub fn service(&self, service: &ServiceName) -> Result<String, NameError> {
        ecs_name(format!("{}_{}_{service}", self.rack, self.app))
    }

    /// The family of one-off processes of a Service: `{rack}_{app}_run_{service}`. A Service's own family has no third
    /// underscore, and a Timer's has `timer` where this has `run`.
    ///
    /// # Errors
    ///
    /// [`NameError`] when ECS would refuse it as too long.
    pub fn run(&self, service: &ServiceName) -> Result<String, NameError> {
        ecs_name(format!("{}_{}_run_{service}", self.rack, self.app))
    }

    /// The family of a Timer: `{rack}_{app}_timer_{timer}`.
    ///
    /// # Errors
    ///
    /// [`NameError`] when ECS would refuse it as too long.
    pub fn timer(&self, timer: &TimerName) -> Result<String, NameError> {
        ecs_name(format!("{}{timer}", self.timer_prefix()))
    }

    /// The EventBridge rule of a Timer: the family's name, cut to 64 characters with a hash where it is longer.
    #[must_use]
    pub fn rule(&self, timer: &TimerName) -> String {
        let name = format!("{}{timer}", self.timer_prefix());
        if name.len() <= RULE_NAME_MAX {
            return name;
        }
        let kept: String = name.chars().take(RULE_NAME_MAX - 9).collect();
        format!("{kept}-{}", hash8(&name))
    }

    /// What the names of all ECS services of this App start with, and of no other App's.
    #[must_use]
    pub fn service_prefix(&self) -> String {
        format!("{}_{}_", self.rack, self.app)
    }

    /// Whether a task definition, by its ARN, is of one of this App's families.
    #[must_use]
    pub fn names_definition(&self, arn: &str) -> bool {
        let name = arn.rsplit('/').next();
        name.is_some_and(|name| name.starts_with(&self.service_prefix()))
    }

    /// The App and the Service that an ECS service of this Rack runs; `None` for any other name.
    #[must_use]
    pub fn parse_service(rack: &RackName, ecs_service: &str) -> Option<(Self, ServiceName)> {
        // None of the three names can hold an underscore.
        let mut parts = ecs_service.split('_');
        let (first, app, service) = (parts.next()?, parts.next()?, parts.next()?);
        if first != rack.as_str() || parts.next().is_some() {
            return None;
        }
        let app = AppName::new(app).ok()?;
        Some((
            Self {
                rack: rack.clone(),
                app,
            },
            ServiceName::new(service).ok()?,
        ))
    }

    /// What the names of all rules of this App start with, and of no other App's.
    #[must_use]
    pub fn rule_prefix(&self) -> String {
        self.timer_prefix()
            .chars()
            .take(RULE_NAME_MAX - 9)
            .collect()
    }

    /// The CloudWatch Logs stream prefix of the App's containers of one kind.
    #[must_use]
    pub fn log_stream_prefix(&self, process_type: &str) -> String {
        format!("{}/{process_type}", self.app)
    }

    /// The tags of everything that is created for this App; what lacks them is somebody else's.
    #[must_use]
    pub fn tags(&self) -> BTreeMap<String, String> {
        [
            ("convox:rack", self.rack.as_str()),
            ("convox:app", self.app.as_str()),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
    }

    /// What the tag [`LENT_TO`] of an ECS service says when it is lent to this App.
    #[must_use]
    pub fn borrower(&self) -> String {
        format!("{}/{}", self.rack, self.app)
    }

    /// Whether `tags` say that this App may move an ECS service: that it is the App's own, or lent to it.
    #[must_use]
    pub fn may_move(&self, tags: &BTreeMap<String, String>) -> bool {
        self.owns(tags) || tags.get(LENT_TO) == Some(&self.borrower())
    }

    /// Whether `tags` say that something is this App's.
    #[must_use]
    pub fn owns(&self, tags: &BTreeMap<String, String>) -> bool {
        self.tags()
            .iter()
            .all(|(key, value)| tags.get(key) == Some(value))
    }

    /// What the families of all Timers of this App start with, and of no other App's.
    #[must_use]
    pub fn timer_prefix(&self) -> String {
        format!("{}_{}_timer_", self.rack, self.app)
    }
}

impl RackName {
    /// The CloudWatch Logs group of the Rack's containers; the template creates it.
    #[must_use]
    pub fn log_group(&self) -> String {
        format!("/convox/{self}")
    }
}

fn ecs_name(name: String) -> Result<String, NameError> {
    if name.len() <= ECS_NAME_MAX {
        Ok(name)
    } else {
        Err(NameError::new(
            "ECS",
            &name,
            "ECS allows 255 characters, use shorter names",
        ))
    }
}

/// The first eight hexadecimal digits of a SHA-256.
#[must_use]
pub fn hash8(text: &str) -> String {
    hex(Sha256::digest(text)).chars().take(8).collect()
}

/// Lower-case hexadecimal digits of `bytes`.
#[must_use]
pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    use fmt::Write as _;
    bytes.as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing to a String cannot fail
        text
    })
}

/// A full Secrets Manager ARN, as Secrets Manager returned it; never a built one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretArn(String);

impl SecretArn {
    /// Keeps the ARN that Secrets Manager answered.
    #[must_use]
    pub fn returned(arn: impl Into<String>) -> Self {
        Self(arn.into())
    }

    /// The ARN that the secret called `name` will have in the account and region of the ARN `beside`, with `??????` for the six
    /// characters that Secrets Manager chooses when it creates it (API reference, `CreateSecret`, `ARN`).
    #[must_use]
    pub fn uncreated(name: &str, beside: &str) -> Self {
        let mut parts = beside.split(':').skip(1);
        let mut part = || parts.next().unwrap_or_default();
        let (partition, _, region, account) = (part(), part(), part(), part());
        Self(format!(
            "arn:{partition}:secretsmanager:{region}:{account}:secret:{name}-??????"
        ))
    }

    /// The ARN as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an ECS reference, `{arn}` alone or with a JSON key, stage or version, reads this secret. Secrets Manager also
    /// takes an ARN without the hyphen and the six characters that it ends in (API reference, `GetSecretValue`, `SecretId`).
    #[must_use]
    pub fn is_named_by(&self, value_from: &str) -> bool {
        let is_rest = |rest: &str| rest.is_empty() || rest.starts_with(':');
        let partial = self.0.rsplit_once('-').map(|(partial, _)| partial);
        let mut forms = [Some(self.as_str()), partial].into_iter().flatten();
        forms.any(|arn| value_from.strip_prefix(arn).is_some_and(is_rest))
    }

    /// What ECS reads one JSON key of the secret's current version by: `{arn}:{json_key}::`.
    ///
    /// All colons must be there (ECS developer guide, "Pass Secrets Manager secrets through environment variables").
    #[must_use]
    pub fn value_from(&self, json_key: &str) -> String {
        [&self.0, ":", json_key, "::"].concat()
    }

    /// What ECS reads one JSON key of one version of the secret by, whatever is current: `{arn}:{json_key}::{version_id}`.
    #[must_use]
    pub fn pinned(&self, json_key: &str, version_id: &str) -> String {
        [&self.0, ":", json_key, "::", version_id].concat()
    }

    /// Writes what ECS reads one JSON key of the secret by after what stands in `to`: `{arn}:{json_key}:{label}:{version id}`.
    pub fn write_reference(&self, json_key: &str, version: &VersionPart, to: &mut String) {
        let (label, version_id) = match version {
            VersionPart::Current => ("", ""),
            VersionPart::Id(version_id) => ("", version_id.as_str()),
            VersionPart::ShortLabel(version_id) => (short_label(version_id), ""),
        };
        for part in [&self.0, ":", json_key, ":", label, ":", version_id] {
            to.push_str(part);
        }
    }

    /// The version that an ECS reference to this secret names, by its id or by its short label, with which the id begins; `None`
    /// where it names none, or another secret.
    #[must_use]
    pub fn version_in<'a>(&self, value_from: &'a str) -> Option<&'a str> {
        let (_, label, version_id) = self.parts(value_from)?;
        let named = if version_id.is_empty() {
            label
        } else {
            version_id
        };
        (!named.is_empty()).then_some(named)
    }

    /// JSON key, label and version id of an ECS reference to this secret; no key of ours has a colon.
    fn parts<'a>(&self, value_from: &'a str) -> Option<(&'a str, &'a str, &'a str)> {
        let rest = value_from.strip_prefix(self.as_str())?;
        let mut parts = rest.strip_prefix(':')?.split(':');
        let parts = (parts.next()?, parts.next()?, parts.next()?, parts.next());
        match parts {
            (key, label, version_id, None) => Some((key, label, version_id)),
            _ => None,
        }
    }
}

/// How an ECS reference names the version of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionPart {
    /// It names none: what is current when a task starts is read.
    Current,
    /// The version's id.
    Id(String),
    /// The short label of the version with this id, which takes fewer bytes.
    ShortLabel(String),
}

/// Characters of a version's short label.
const SHORT_LABEL: usize = 10;

/// The staging label by which a task definition names a version of the secret that it has no room to name by id: the id's first
/// characters. ECS splits a reference at colons, so it has none.
#[must_use]
pub fn short_label(version_id: &str) -> &str {
    version_id.get(..SHORT_LABEL).unwrap_or(version_id)
}

impl fmt::Display for SecretArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Object keys of the settings bucket.
pub mod keys {
    use super::{AppName, NameError, ReleaseId};

    /// How far the schedule's walk through all Apps has come; no App's.
    pub const WALK: &str = "reconcile.json";

    /// The folder of an App's objects, with its `/`.
    #[must_use]
    pub fn app(app: &AppName) -> String {
        format!("apps/{app}/")
    }

    /// The environment of a Release; writing it starts a promote.
    #[must_use]
    pub fn environment(app: &AppName, release: &ReleaseId) -> String {
        format!("apps/{app}/releases/{release}/env")
    }

    /// An environment of a Release that is not promoted yet; writing it starts nothing.
    #[must_use]
    pub fn draft(app: &AppName, release: &ReleaseId) -> String {
        format!("apps/{app}/releases/{release}/draft")
    }

    /// The folder of the objects of a Release, with its `/`.
    #[must_use]
    pub fn release(app: &AppName, release: &ReleaseId) -> String {
        format!("apps/{app}/releases/{release}/")
    }

    /// The manifest of a Release.
    #[must_use]
    pub fn release_manifest(app: &AppName, release: &ReleaseId) -> String {
        format!("apps/{app}/releases/{release}/convox.yml")
    }

    /// The manifest for Releases that bring none.
    #[must_use]
    pub fn app_manifest(app: &AppName) -> String {
        format!("apps/{app}/convox.yml")
    }

    /// The build of a Release.
    #[must_use]
    pub fn build(app: &AppName, release: &ReleaseId) -> String {
        format!("apps/{app}/releases/{release}/build.json")
    }

    /// What the promote of a Release did.
    #[must_use]
    pub fn report(app: &AppName, release: &ReleaseId) -> String {
        format!("apps/{app}/releases/{release}/report.json")
    }

    /// The settings of an App.
    #[must_use]
    pub fn app_settings(app: &AppName) -> String {
        format!("apps/{app}/app.json")
    }

    /// What is wanted, what is applied, who is at work.
    #[must_use]
    pub fn promotion(app: &AppName) -> String {
        format!("apps/{app}/state/promotion.json")
    }

    /// The revisions of a Release, once it was live.
    #[must_use]
    pub fn record(app: &AppName, release: &ReleaseId) -> String {
        format!("apps/{app}/state/releases/{release}.json")
    }

    /// The folder of what is kept of each request, with its `/`.
    #[must_use]
    pub fn history(app: &AppName) -> String {
        format!("apps/{app}/history/")
    }

    /// The list of the newest requests.
    #[must_use]
    pub fn history_index(app: &AppName) -> String {
        format!("{}index.json", history(app))
    }

    /// Where the Releases are marked whose verdict is not known yet, of all Apps.
    pub const UNSETTLED: &str = "unsettled/";

    /// The mark of a request's Release, by the key of its record in the history.
    #[must_use]
    pub fn unsettled(app: &AppName, record: &str) -> String {
        let file = record.rsplit('/').next().unwrap_or_default();
        format!("{UNSETTLED}{app}/{file}")
    }

    /// Whose mark that is; `None` for any other key.
    #[must_use]
    pub fn parse_unsettled(key: &str) -> Option<AppName> {
        let (app, _) = key.strip_prefix(UNSETTLED)?.split_once('/')?;
        AppName::new(app).ok()
    }

    /// The failure counter.
    #[must_use]
    pub fn failures(app: &AppName) -> String {
        format!("apps/{app}/state/failures.json")
    }

    /// Whose environment an object key names; `None` for any other key.
    ///
    /// The inner error is for a key of the right shape with names that break their rules. `*` of an
    /// EventBridge pattern also matches `/`, so `apps/a/b/releases/c/env` can arrive here.
    #[must_use]
    pub fn parse_environment(key: &str) -> Option<Result<(AppName, ReleaseId), NameError>> {
        let (app, release) = key
            .strip_prefix("apps/")?
            .strip_suffix("/env")?
            .split_once("/releases/")?;
        Some(AppName::new(app).and_then(|app| Ok((app, ReleaseId::new(release)?))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(rack: &str, app: &str) -> AppId {
        AppId {
            rack: RackName::new(rack).unwrap(),
            app: AppName::new(app).unwrap(),
        }
    }

    #[test]
    fn a_secret_is_named_by_its_arn_whole_or_without_its_last_seven_characters() {
        let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:r/shop";
        let secret = SecretArn::returned(format!("{arn}-AbCdEf"));
        for (reference, want) in [
            (format!("{arn}-AbCdEf"), true),
            (format!("{arn}-AbCdEf:KEY::"), true),
            (format!("{arn}-AbCdEf:KEY:a1b2c3d4e5:"), true),
            (
                format!("{arn}-AbCdEf:KEY::{}", "0123456789abcdef".repeat(2)),
                true,
            ),
            (arn.to_owned(), true),
            (format!("{arn}:KEY::"), true),
            (format!("{arn}-AbCdEg:KEY::"), false),
            (format!("{arn}-AbCdEg:KEY:a1b2c3d4e5:"), false),
            (format!("{arn}-admin:KEY::"), false),
            (format!("{arn}2-AbCdEf"), false),
        ] {
            assert_eq!(secret.is_named_by(&reference), want, "{reference}");
        }
    }

    #[test]
    fn names_keep_their_rules() {
        for (name, rack, app, release) in [
            ("a", true, true, true),
            ("a-1", true, true, true),
            ("1a", false, false, true),
            ("A", false, false, true),
            ("a_b", false, false, true),
            ("-a", false, false, false),
            ("", false, false, false),
            ("a/b", false, false, false),
            ("ä", false, false, false),
            ("a--b", false, true, true),
            ("a-", false, true, true),
            (&"a".repeat(24), true, true, true),
            (&"a".repeat(25), false, true, true),
            (&"a".repeat(63), false, true, true),
            (&"a".repeat(64), false, false, true),
            (&"a".repeat(65), false, false, false),
        ] {
            assert_eq!(RackName::new(name).is_ok(), rack, "Rack {name}");
            assert_eq!(AppName::new(name).is_ok(), app, "App {name}");
            assert_eq!(ReleaseId::new(name).is_ok(), release, "Release {name}");
        }
    }

    #[test]
    fn a_long_rule_name_is_cut_with_a_hash_and_keeps_the_prefix() {
        let id = id("myrack", &"a".repeat(50));
        let (one, two) = ("cleanup-of-everything-one", "cleanup-of-everything-two");
        let rules = [one, two].map(|timer| id.rule(&TimerName::new(timer).unwrap()));
        for rule in &rules {
            assert_eq!(rule.len(), 64);
            assert!(rule.starts_with(&id.rule_prefix()), "{rule}");
        }
        assert_ne!(rules[0], rules[1]);
        let short = super::tests::id("r", "a").rule(&TimerName::new("clean").unwrap());
        assert_eq!(short, "r_a_timer_clean");
    }

    #[test]
    fn a_family_that_ecs_would_refuse_is_an_error() {
        let service = ServiceName::new(&"s".repeat(255)).unwrap();
        assert!(
            id("r", "a")
                .service(&service)
                .unwrap_err()
                .to_string()
                .contains("255")
        );
    }

    #[test]
    fn the_family_of_a_process_is_no_services_and_no_timers() {
        let (id, name) = (id("r", "shop"), |name| ServiceName::new(name).unwrap());
        assert_eq!(id.run(&name("web")).unwrap(), "r_shop_run_web");
        assert_eq!(id.service(&name("run")).unwrap(), "r_shop_run");
        let long = "s".repeat(255 - "r_shop_run_".len());
        assert!(id.run(&name(&long)).is_ok());
        let refused = id.run(&name(&format!("{long}s"))).unwrap_err();
        assert!(refused.to_string().contains("255"), "{refused}");
    }

    #[test]
    fn an_ecs_service_of_the_rack_is_told_from_others() {
        let rack = RackName::new("r").unwrap();
        for (name, want) in [
            ("r_shop_web", Some("shop web")),
            ("r_shop_timer_web", None),
            ("r_shop_run_web", None),
            ("other_shop_web", None),
            ("r_shop", None),
            ("web", None),
        ] {
            let got = AppId::parse_service(&rack, name)
                .map(|(id, service)| format!("{} {service}", id.app));
            assert_eq!(got.as_deref(), want, "{name}");
        }
    }

    #[test]
    fn a_stack_is_of_one_app_of_one_rack() {
        let (one, two) = (id("r", "a-b"), id("r-a", "b"));
        assert_ne!(one.stack(), two.stack());
        for (rack, stack, want) in [
            ("r", one.stack(), Some("a-b")),
            ("r-a", two.stack(), Some("b")),
            ("r-a", one.stack(), None),
            ("r", two.stack(), None),
            ("r", format!("{}0", one.stack()), None),
            ("r", "r-a-b".to_owned(), None),
            ("r", "r-a-b-00000000".to_owned(), None),
            ("r", "r".to_owned(), None),
            ("r", String::new(), None),
        ] {
            let got = AppId::parse_stack(&RackName::new(rack).unwrap(), &stack);
            assert_eq!(
                got.as_ref().map(|id| id.app.as_str()),
                want,
                "{rack} {stack}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn a_stack_name_says_its_app_and_fits(rack in "[a-z](-?[a-z0-9]){0,11}", app in "[a-z][a-z0-9-]{0,62}") {
            let id = id(&rack, &app);
            let stack = id.stack();
            proptest::prop_assert!(stack.len() <= 128 && stack.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
            proptest::prop_assert_eq!(AppId::parse_stack(&id.rack, &stack), Some(id));
        }
    }

    #[test]
    fn only_environment_keys_are_read_as_such() {
        for (key, want) in [
            ("apps/shop/releases/R1/env", Some(Ok("shop R1"))),
            ("apps/shop/releases/R1/env.bak", None),
            ("apps/shop/releases/R1/draft", None),
            ("apps/shop/env", None),
            ("other/shop/releases/R1/env", None),
            ("apps/shop/releases/R1/report.json", None),
            ("apps/Shop/releases/R1/env", Some(Err("App"))),
            ("apps/a/b/releases/R1/env", Some(Err("App"))),
            ("apps/shop/releases/a b/env", Some(Err("Release"))),
            ("apps/shop/releases/a/releases/b/env", Some(Err("Release"))),
        ] {
            let got = keys::parse_environment(key);
            match (got, want) {
                (None, None) => {}
                (Some(Ok((app, release))), Some(Ok(want))) => {
                    assert_eq!(format!("{app} {release}"), want);
                }
                (Some(Err(err)), Some(Err(kind))) => {
                    assert!(err.to_string().contains(kind), "{key}: {err}");
                }
                (got, _) => panic!("{key}: {got:?}"),
            }
        }
    }
}
