//! What promote and app-deletion change: a secret, an ECS service, a rule; each a value that says whose work it is.

use std::collections::BTreeMap;

use super::stack::Stack;

/// The secret's versions, by id: the environment that each holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secret {
    pub versions: BTreeMap<String, String>,
    pub current: String,
    pub is_deleted: bool,
}

/// What runs: the environment that its tasks see, and the secret version that its definition names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    pub environment: String,
    pub secret_version: Option<String>,
    pub arn: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    Runs(Definition),
    /// Deleted, and its tasks still stop; gone at that second.
    Drains(i64),
}

/// A version of a Release's environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvVersion {
    pub release: &'static str,
    pub id: String,
    pub at: i64,
}

/// Everything outside of the bucket's state.
#[derive(Debug, Default)]
pub struct Outside {
    pub environments: Vec<EnvVersion>,
    pub secret: Option<Secret>,
    pub service: Option<Service>,
    pub rule: Option<Definition>,
    /// Registered revisions, oldest first; a deregistered one is none.
    pub revisions: Vec<Definition>,
    pub registered: usize,
    pub deregistered: Vec<String>,
    pub stack: Option<Stack>,
    /// How many stacks there have been.
    pub stacks: usize,
    /// The user's own settings cannot be read: every promote is refused.
    pub settings_are_broken: bool,
}

impl Outside {
    /// The newest version of a Release's environment.
    pub fn newest(&self, release: &str) -> Option<&EnvVersion> {
        let mut of_release = self.environments.iter();
        of_release.rfind(|version| version.release == release)
    }

    /// The service as it stands at a time; one that has drained is gone.
    pub fn service_at(&self, now: i64) -> Option<&Service> {
        let service = self.service.as_ref();
        service.filter(|service| !matches!(service, Service::Drains(until) if *until <= now))
    }

    /// A task that starts now with this definition: the environment that it sees, unless it cannot read its secret.
    pub fn sees(&self, definition: &Definition) -> Result<String, String> {
        if definition.secret_version.is_none() {
            return Ok(definition.environment.clone());
        }
        let secret = self.secret.as_ref().ok_or("there is no secret")?;
        if secret.is_deleted {
            return Err("the secret is scheduled for deletion".to_owned());
        }
        let environment = secret.versions.get(&secret.current);
        environment
            .cloned()
            .ok_or_else(|| "no current version".to_owned())
    }

    /// Registers a revision, unless the newest says the same.
    pub fn register(&mut self, environment: &str, secret_version: Option<&str>) -> Definition {
        let same = self.revisions.last().filter(|newest| {
            newest.environment == environment && newest.secret_version.as_deref() == secret_version
        });
        if let Some(newest) = same {
            return newest.clone();
        }
        self.registered += 1;
        let definition = Definition {
            environment: environment.to_owned(),
            secret_version: secret_version.map(str::to_owned),
            arn: format!("shop:{}", self.registered),
        };
        self.revisions.push(definition.clone());
        definition
    }
}
