//! The secrets of a resource: the password that is generated for it, and the variables that tasks get.
//!
//! CloudFormation composes both, so that no value passes through a function, an output or a task definition. Variables:
//! `convox/rack:provider/aws/formation/resource/*.json.tmpl`, `Outputs`; there, redis has `/0` in PORT and `:…@` in PASS.

use serde_json::{Value, json};

use super::logical_id::logical_id;
use super::outputs;
use super::rendering::Rendering;
use super::template::{get_att, set, sub};
use manifest::resources::{Resource, UrlParameters};

/// Kinds of logical ids.
pub(super) const CREDENTIALS: &str = "Credentials";
pub(super) const LINK: &str = "Link";

/// Secrets Manager's name for its own key of the account (API reference, `UpdateSecret`, `KmsKeyId`).
const ACCOUNTS_OWN_KEY: &str = "alias/aws/secretsmanager";

/// The user of every database, and the name of its first database, as Convox has it.
pub(super) const USER: &str = "app";
const PASSWORD_LENGTH: u32 = 40;
/// What a password must not hold: all of ASCII that would have to be encoded in a URL. (`ExcludePunctuation` alone would do
/// on AWS, not on every emulator.)
const EXCLUDED: &str = " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// What one resource's variables are made of. The parts of its endpoint are references: `${…}`.
pub(super) struct Link<'a> {
    /// Such as `postgres`; empty = a URL without one.
    pub(super) scheme: &'a str,
    /// The user; empty where there is none.
    pub(super) user: &'a str,
    /// The resource whose password opens it.
    pub(super) login: Option<&'a str>,
    /// Its address.
    pub(super) host: String,
    /// Its port.
    pub(super) port: String,
    /// What follows the port in the URL.
    pub(super) path: &'a str,
    /// What follows the path, where convox.yml says so.
    pub(super) parameters: Option<&'a UrlParameters>,
    /// The name of the database; empty where there is none.
    pub(super) name: &'a str,
}

/// The password of a resource, as CloudFormation resolves it inside of `Fn::Sub`.
pub(super) fn password(login: &str) -> String {
    let secret = logical_id(login, CREDENTIALS);
    format!("{{{{resolve:secretsmanager:${{{secret}.Id}}:SecretString:password}}}}")
}

impl Link<'_> {
    fn secret_string(&self) -> Value {
        let password = self.login.map(password).unwrap_or_default();
        let login = match self.login {
            Some(_) => format!("{}:{password}@", self.user),
            None => String::new(),
        };
        let (host, port) = (&self.host, &self.port);
        let scheme = match self.scheme {
            "" => String::new(),
            scheme => format!("{scheme}://"),
        };
        let user = if self.login.is_some() { self.user } else { "" };
        let query = match self.parameters {
            Some(parameters) => format!("?{}", parameters.as_str()),
            None => String::new(),
        };
        let variables = json!({
            "HOST": host,
            "NAME": self.name,
            "PASS": password,
            "PORT": port,
            "URL": format!("{scheme}{login}{host}:{port}{}{query}", self.path),
            "USER": user,
        });
        sub(&variables.to_string())
    }
}

impl Rendering<'_> {
    /// Adds the secret with the variables of `resource`, and the password that they need.
    pub(super) fn add_link(&mut self, resource: &Resource, link: &Link<'_>) {
        let id = Self::id(resource, LINK);
        let name = self.inputs.id.link_secret(&resource.name);
        let mut properties = json!({
            "Name": name,
            "Description": "Variables of a resource, for the tasks of the App",
            "SecretString": link.secret_string(),
            "Tags": self.template.tags_with(&resource.tags),
        });
        self.set_key(&id, &mut properties);
        self.template
            .add(&id, "AWS::SecretsManager::Secret", properties);
        let output = Self::id(resource, outputs::LINK);
        self.template.output(&output, get_att(&id, "Id"));
        if let Some(parameters) = link.parameters {
            let output = Self::id(resource, outputs::URL_PARAMETERS);
            self.template.output(&output, json!(parameters.digest()));
        }
        self.opened.links.push(id);
        self.logins.extend(link.login.map(str::to_owned));
    }

    /// Adds the secrets with the passwords that anything needs.
    pub(super) fn add_credentials(&mut self) {
        for login in std::mem::take(&mut self.logins) {
            let mut properties = json!({
                "Name": self.inputs.id.credentials_secret(&login),
                "Description": "Generated login of a resource of the App",
                "GenerateSecretString": {
                    "SecretStringTemplate": json!({"username": USER}).to_string(),
                    "GenerateStringKey": "password",
                    "PasswordLength": PASSWORD_LENGTH,
                    "ExcludeCharacters": EXCLUDED,
                    "ExcludePunctuation": true,
                },
                "Tags": self.template.tags(),
            });
            let id = logical_id(&login, CREDENTIALS);
            self.set_key(&id, &mut properties);
            self.template
                .add(&id, "AWS::SecretsManager::Secret", properties);
        }
    }

    /// Where a key stood before and none is wanted any more, the account's own has to be named: what is left out stays.
    fn set_key(&self, id: &str, properties: &mut Value) {
        let stood = self.before.property(id, "KmsKeyId");
        let own = stood.map(|_| ACCOUNTS_OWN_KEY);
        if let Some(key) = self.inputs.secret_key_arn.or(own) {
            set(properties, "KmsKeyId", json!(key));
        }
    }
}
