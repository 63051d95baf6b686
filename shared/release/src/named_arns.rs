//! The secrets and files that a convox.yml may name: what its App owns, and what the Rack's owner allows. Pure.
//!
//! Whoever writes a convox.yml gives the App's execution role the right to read what it names. So neither what belongs to
//! another App, of this Rack or of one that can be told by the name, nor what nobody has allowed can be named.

use crate::problem::UserError;
use manifest::{OwnFile, OwnSecret, Service};
use names::arn_pattern::is_like;
use names::environment_file::EnvironmentFile;
use names::error_type::ErrorType;
use names::secret_reference::SecretReference;
use names::{AppId, AppName, RackName, ServiceName};

/// What the Rack's owner lets convox.yml name beside what an App owns: ARNs, or patterns of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedArns {
    /// The parameter `AppSecretArns`.
    pub secrets: Vec<String>,
    /// The parameter `AppEnvironmentFileArns`.
    pub environment_files: Vec<String>,
}

/// An App, where it lives, and what it may name.
#[derive(Debug, Clone, Copy)]
pub struct Namer<'a> {
    /// The App.
    pub id: &'a AppId,
    /// The Rack's account.
    pub account: &'a str,
    /// The Rack's settings bucket.
    pub settings_bucket: &'a str,
    /// What the Rack's owner allows.
    pub allowed: &'a AllowedArns,
}

/// Whose something is, as far as its name tells.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Owner {
    /// The secret that promotes write.
    Environment,
    /// The App.
    App,
    /// Another App of the Rack, or the Rack.
    Rack,
    /// An App of another Rack.
    AnotherRack,
    /// Nobody of ours.
    Unknown,
}

/// What convox.yml names and may not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// The secret that promotes write.
    #[error(
        "{at} names the secret that this App's environment is written to; declare the variable in \
         `services.{service}.environment` instead"
    )]
    EnvironmentSecret {
        /// Where convox.yml names it.
        at: String,
        /// The Service.
        service: ServiceName,
    },
    /// A secret of another App of the Rack, or of the Rack.
    #[error(
        "{at} names a secret under `{rack}/` or `{rack}_`, and those belong to the Apps of this Rack; put the value into \
         this App's environment, or into a secret of another name"
    )]
    SecretOfRack {
        /// Where convox.yml names it.
        at: String,
        /// The Rack.
        rack: RackName,
    },
    /// A secret of an App of another Rack.
    #[error(
        "{at} names a secret of an App of another Rack; put the value into this App's environment, or into a secret of \
         another name"
    )]
    SecretOfAnotherRack {
        /// Where convox.yml names it.
        at: String,
    },
    /// A secret that nobody has allowed.
    #[error(
        "{at} names the secret `{arn}`, which the Rack's parameter AppSecretArns does not have; let the Rack's owner add it, \
         or put the value into this App's environment"
    )]
    Secret {
        /// Where convox.yml names it.
        at: String,
        /// Its ARN, as it may be shown.
        arn: String,
    },
    /// A file of another App of the Rack.
    #[error(
        "{at} names `{arn}`, which belongs to another App of this Rack; put the file under `apps/{app}/` of the settings \
         bucket"
    )]
    FileOfRack {
        /// Where convox.yml names it.
        at: String,
        /// Its ARN, as it may be shown.
        arn: String,
        /// The App.
        app: AppName,
    },
    /// A file that nobody has allowed.
    #[error(
        "{at} names `{arn}`, which the Rack's parameter AppEnvironmentFileArns does not have; let the Rack's owner add it, \
         or put the file under `apps/{app}/` of the settings bucket"
    )]
    File {
        /// Where convox.yml names it.
        at: String,
        /// Its ARN, as it may be shown.
        arn: String,
        /// The App.
        app: AppName,
    },
}

impl UserError for NotAllowed {
    fn error_type(&self) -> ErrorType {
        match self {
            Self::EnvironmentSecret { .. }
            | Self::SecretOfRack { .. }
            | Self::SecretOfAnotherRack { .. } => ErrorType::RackSecret,
            Self::Secret { .. } => ErrorType::SecretNotAllowed,
            Self::FileOfRack { .. } => ErrorType::RackEnvironmentFile,
            Self::File { .. } => ErrorType::EnvironmentFileNotAllowed,
        }
    }
}

impl Namer<'_> {
    /// All that a Service names and may not.
    #[must_use]
    pub fn problems(&self, service: &Service) -> Vec<NotAllowed> {
        let secrets = service.deliveries.secrets.values();
        let secrets = secrets.filter_map(|own| self.secret(service, own));
        let files = service.deliveries.environment_files.iter().enumerate();
        let files = files.filter_map(|(index, own)| self.file(service, index, own));
        secrets.chain(files).collect()
    }

    fn secret(&self, service: &Service, own: &OwnSecret) -> Option<NotAllowed> {
        let at = format!("convox.yml line {}, `{}`", own.line, own.path);
        match self.owner_of_secret(&own.reference) {
            Owner::App => None,
            Owner::Environment => {
                let service = service.name.clone();
                Some(NotAllowed::EnvironmentSecret { at, service })
            }
            Owner::Rack => {
                let rack = self.id.rack.clone();
                Some(NotAllowed::SecretOfRack { at, rack })
            }
            Owner::AnotherRack => Some(NotAllowed::SecretOfAnotherRack { at }),
            Owner::Unknown if fits(&self.allowed.secrets, own.reference.arn()) => None,
            Owner::Unknown => {
                let arn = own.arn_shown.clone();
                Some(NotAllowed::Secret { at, arn })
            }
        }
    }

    /// A replica in another region has the same name, so the region does not count.
    fn owner_of_secret(&self, reference: &SecretReference) -> Owner {
        let (id, name) = (self.id, reference.name());
        if reference.account() != self.account {
            return Owner::Unknown;
        }
        let under = |prefix: String| name.starts_with(&prefix);
        if name == id.secret() {
            Owner::Environment
        } else if under(format!("{}_{}/", id.rack, id.app)) {
            Owner::App
        } else if under(format!("{}/", id.rack)) || under(format!("{}_", id.rack)) {
            Owner::Rack
        } else if is_of_a_resource(name) {
            Owner::AnotherRack
        } else {
            Owner::Unknown
        }
    }

    fn file(&self, service: &Service, index: usize, own: &OwnFile) -> Option<NotAllowed> {
        let (line, name, arn) = (service.line, &service.name, own.arn_shown.clone());
        let at = format!("convox.yml line {line}, `services.{name}.environmentFiles[{index}]`");
        let app = self.id.app.clone();
        match self.owner_of_file(&own.file) {
            Owner::App => None,
            Owner::Unknown if fits(&self.allowed.environment_files, own.file.as_str()) => None,
            Owner::Unknown => Some(NotAllowed::File { at, arn, app }),
            _ => Some(NotAllowed::FileOfRack { at, arn, app }),
        }
    }

    fn owner_of_file(&self, file: &EnvironmentFile) -> Owner {
        let (bucket, key) = file.place();
        if bucket != self.settings_bucket {
            Owner::Unknown
        } else if key.starts_with(&format!("apps/{}/", self.id.app)) {
            Owner::App
        } else if key.starts_with("apps/") {
            Owner::Rack
        } else {
            Owner::Unknown
        }
    }
}

fn fits(patterns: &[String], arn: &str) -> bool {
    patterns.iter().any(|pattern| is_like(pattern, arn))
}

/// Whether a secret is called as the stacks of Apps call those of resources: `{rack}_{app}/{resource}/link`, or
/// `…/credentials`.
fn is_of_a_resource(name: &str) -> bool {
    let Some((owner, of)) = name.split_once('/') else {
        return false;
    };
    let is_an_app = owner
        .split_once('_')
        .is_some_and(|(rack, app)| RackName::new(rack).is_ok() && AppName::new(app).is_ok());
    is_an_app && (of.ends_with("/link") || of.ends_with("/credentials"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use environment::Environment;

    const ACCOUNT: &str = "123456789012";

    fn said(secret: &str, allowed: &[&str]) -> Option<ErrorType> {
        let arn = if secret.starts_with("arn:") {
            secret.to_owned()
        } else {
            format!("arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:{secret}-AbCdEf")
        };
        problem(&format!("secrets: {{A: '{arn}'}}"), allowed)
    }

    fn file(arn: &str, allowed: &[&str]) -> Option<ErrorType> {
        problem(
            &format!("environmentFiles: ['arn:aws:s3:::{arn}']"),
            allowed,
        )
    }

    fn problem(body: &str, allowed: &[&str]) -> Option<ErrorType> {
        let text = format!("services:\n  web:\n    image: i\n    {body}\n");
        let loaded = manifest::load("convox.yml", text.as_bytes(), &Environment::default());
        let loaded = loaded.unwrap_or_else(|err| panic!("{text}{err}"));
        let id = AppId {
            rack: RackName::new("prod").unwrap(),
            app: AppName::new("shop").unwrap(),
        };
        let patterns = || allowed.iter().map(|&arn| arn.to_owned()).collect();
        let allowed = AllowedArns {
            secrets: patterns(),
            environment_files: patterns(),
        };
        let namer = Namer {
            id: &id,
            account: ACCOUNT,
            settings_bucket: "settings",
            allowed: &allowed,
        };
        let problems = namer.problems(&loaded.services[0]);
        problems.first().map(UserError::error_type)
    }

    #[test]
    fn secrets_of_other_apps_are_never_named_whatever_is_allowed() {
        for allowed in [&[][..], &["*"]] {
            let other = (!allowed.is_empty())
                .then_some(())
                .map_or(Some(ErrorType::SecretNotAllowed), |()| None);
            for (secret, want) in [
                ("prod/shop", Some(ErrorType::RackSecret)),
                ("prod/other", Some(ErrorType::RackSecret)),
                ("prod_other/db/link", Some(ErrorType::RackSecret)),
                ("prod_other/db/credentials", Some(ErrorType::RackSecret)),
                ("prod_shop-2/db/link", Some(ErrorType::RackSecret)),
                ("prod_anything", Some(ErrorType::RackSecret)),
                ("test_shop/db/link", Some(ErrorType::RackSecret)),
                ("prod-eu_shop/db/credentials", Some(ErrorType::RackSecret)),
                ("prod_shop/db/link", None),
                ("prod_shop/db/credentials", None),
                ("test_shop/db/password", other),
                ("production/db", other),
                ("db/main", other),
                (
                    "arn:aws:secretsmanager:us-east-1:210987654321:secret:prod/other-AbCdEf",
                    other,
                ),
                (
                    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/other-AbCdEf",
                    Some(ErrorType::RackSecret),
                ),
            ] {
                assert_eq!(said(secret, allowed), want, "{secret} {allowed:?}");
            }
        }
    }

    #[test]
    fn a_pattern_allows_what_fits_it() {
        let allowed = ["arn:aws:secretsmanager:*:123456789012:secret:shared/*"];
        assert_eq!(said("shared/license", &allowed), None);
        assert_eq!(
            said("other/license", &allowed),
            Some(ErrorType::SecretNotAllowed)
        );
        let theirs = "arn:aws:secretsmanager:us-east-1:210987654321:secret:shared/a-AbCdEf";
        assert_eq!(said(theirs, &allowed), Some(ErrorType::SecretNotAllowed));
    }

    #[test]
    fn files_are_the_apps_own_or_allowed_and_never_another_apps() {
        let files = &["arn:aws:s3:::files/shop/*"][..];
        for (arn, allowed, want) in [
            ("settings/apps/shop/shared.env", &[][..], None),
            ("settings/apps/shop/releases/R1/a.env", &[], None),
            (
                "settings/apps/other/a.env",
                &["*"],
                Some(ErrorType::RackEnvironmentFile),
            ),
            (
                "settings/apps/shop2/a.env",
                &["*"],
                Some(ErrorType::RackEnvironmentFile),
            ),
            ("settings/shared/a.env", &["*"], None),
            (
                "settings/shared/a.env",
                &[],
                Some(ErrorType::EnvironmentFileNotAllowed),
            ),
            ("files/shop/a.env", files, None),
            (
                "files/other/a.env",
                files,
                Some(ErrorType::EnvironmentFileNotAllowed),
            ),
            (
                "files/shop/a.env",
                &[],
                Some(ErrorType::EnvironmentFileNotAllowed),
            ),
            (
                "settings2/apps/other/a.env",
                &[],
                Some(ErrorType::EnvironmentFileNotAllowed),
            ),
        ] {
            assert_eq!(file(arn, allowed), want, "{arn} {allowed:?}");
        }
    }
}
