//! What promote and app-deletion change, as AWS keeps it: a secret, task definitions, an ECS service, a rule, a stack.

use std::collections::{BTreeMap, BTreeSet};

use aws::call_error::CallError;
use aws::ecs::{Change, EcsService, NewService, Registered, Ties};
use aws::event_rules::SeenRule;
use manifest::capacity::{Capacity, LaunchType};
use names::SecretArn;
use release::task_definition::TaskDefinition;
use release::timer_rule::{Network, Placement};
use serde_json::Value;

use super::releases::{MARK, mark};
use super::stack::Stack;

/// What the ARNs of this account and region begin with.
const ACCOUNT: &str = "us-east-1:123456789012";
/// How long the tasks of a deleted service take to stop.
const DRAINS_SECONDS: i64 = 90;

/// The secret's versions, by id: the value that each holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secret {
    pub versions: BTreeMap<String, String>,
    pub current: String,
    pub is_deleted: bool,
}

/// A registered task definition.
pub struct Revision {
    pub arn: String,
    pub definition: TaskDefinition,
    pub is_active: bool,
}

/// The ECS service; one that is deleted is gone at a second.
#[derive(Debug, Clone)]
pub struct Service {
    pub seen: EcsService,
    pub gone_at: Option<i64>,
}

/// A version of a Release's environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvVersion {
    pub release: &'static str,
    pub id: String,
    pub at: i64,
}

/// Everything outside of the bucket's state.
#[derive(Default)]
pub struct Outside {
    pub environments: Vec<EnvVersion>,
    pub secret: Option<Secret>,
    pub service: Option<Service>,
    pub rule: Option<(String, SeenRule)>,
    /// Oldest first.
    pub revisions: Vec<Revision>,
    /// The revisions of what a deletion removed, which it deregisters.
    pub removed: Vec<String>,
    pub stack: Option<Stack>,
    /// How many stacks there have been.
    pub stacks: usize,
    /// The user's own settings cannot be read: every promote is refused.
    pub settings_are_broken: bool,
}

/// The secret's ARN.
pub fn secret_arn() -> SecretArn {
    SecretArn::returned(format!(
        "arn:aws:secretsmanager:{ACCOUNT}:secret:rack/shop-a1B2c3"
    ))
}

/// The cluster's ARN.
pub fn cluster_arn() -> String {
    format!("arn:aws:ecs:{ACCOUNT}:cluster/apps")
}

impl Outside {
    /// The newest version of a Release's environment.
    pub fn newest(&self, release: &str) -> Option<&EnvVersion> {
        let mut of_release = self.environments.iter();
        of_release.rfind(|version| version.release == release)
    }

    /// The service as it stands at a time; one that has drained is gone.
    pub fn service_at(&self, now: i64) -> Option<&EcsService> {
        let service = self.service.as_ref();
        let service = service.filter(|service| service.gone_at.is_none_or(|gone| now < gone));
        service.map(|service| &service.seen)
    }

    /// The same of a name.
    pub fn service_called(&self, name: &str, now: i64) -> Option<&EcsService> {
        self.service_at(now).filter(|service| service.name == name)
    }

    /// The rule of a name.
    pub fn rule_called(&self, name: &str) -> Option<&SeenRule> {
        let (called, rule) = self.rule.as_ref()?;
        (called == name).then_some(rule)
    }

    /// The revision that the rule starts.
    pub fn started_by_rule(&self) -> Option<&str> {
        let (_, rule) = self.rule.as_ref()?;
        Some(&rule.target.as_ref()?.task_definition)
    }

    /// The revisions that tasks may start with from now on.
    pub fn started(&self) -> impl Iterator<Item = &str> {
        let service = self.service.as_ref();
        let service = service.filter(|service| service.gone_at.is_none());
        let service = service.map(|service| service.seen.task_definition.as_str());
        let started = service.into_iter().chain(self.started_by_rule());
        started.filter(|arn| self.is_active(arn))
    }

    fn revision(&self, arn: &str) -> &Revision {
        let revision = self.revisions.iter().find(|revision| revision.arn == arn);
        revision.expect("what runs was registered")
    }

    /// Whether tasks can still be started with a revision.
    pub fn is_active(&self, arn: &str) -> bool {
        self.revision(arn).is_active
    }

    /// The Release whose revision that is.
    pub fn release_of(&self, arn: &str) -> &str {
        &self.revision(arn).definition.tags["convox:release"]
    }

    /// A task that starts now with this revision: the environment that it sees, unless it cannot read its secret.
    pub fn sees(&self, arn: &str) -> Result<String, String> {
        let [container] = self
            .revision(arn)
            .definition
            .container_definitions
            .as_slice()
        else {
            panic!("there is one container");
        };
        if let Some(reference) = container.secrets.get(MARK) {
            assert_eq!(reference, &secret_arn().value_from(MARK));
            return self.current_mark();
        }
        let url = &container.environment["CONVOX_ENV_URL"];
        let (_, id) = url.split_once("?versionId=").expect("a version is named");
        let mut versions = self.environments.iter();
        let version = versions.find(|version| version.id == id);
        let version = version.ok_or("the version is gone")?;
        Ok(mark(version.release, &version.id))
    }

    fn current_mark(&self) -> Result<String, String> {
        let secret = self.secret.as_ref().ok_or("there is no secret")?;
        if secret.is_deleted {
            return Err("the secret is scheduled for deletion".to_owned());
        }
        let value = secret.versions.get(&secret.current);
        let value = value.ok_or("there is no current version")?;
        let value: Value = serde_json::from_str(value).unwrap();
        Ok(value[MARK].as_str().unwrap().to_owned())
    }

    /// The newest revision of each family that tasks can be started with.
    pub fn newest_revisions(&self) -> BTreeMap<String, Registered> {
        let active = self.revisions.iter().filter(|revision| revision.is_active);
        let newest = active.map(|revision| {
            let definition = &revision.definition;
            let seen = Registered {
                arn: revision.arn.clone(),
                is_active: true,
                secret_references: BTreeSet::new(),
                digest: Some(definition.digest()),
                tags: definition.tags.clone(),
            };
            (definition.family.clone(), seen)
        });
        newest.collect()
    }

    /// Registers a revision.
    pub fn register(&mut self, definition: &TaskDefinition) -> String {
        let family = &definition.family;
        let known = self.revisions.iter();
        let known = known.filter(|known| known.definition.family == *family);
        let number = known.count() + 1;
        let arn = format!("arn:aws:ecs:{ACCOUNT}:task-definition/{family}:{number}");
        self.revisions.push(Revision {
            arn: arn.clone(),
            definition: definition.clone(),
            is_active: true,
        });
        arn
    }

    /// Writes a value under a token: restored where it must be, current in the end.
    pub fn put_secret(&mut self, token: &str, value: &str) {
        let secret = self.secret.get_or_insert_default();
        secret.is_deleted = false;
        let version = secret.versions.entry(token.to_owned());
        let held = version.or_insert_with(|| value.to_owned());
        assert_eq!(held, value, "a token stands for one value");
        token.clone_into(&mut secret.current);
    }

    /// ECS starts nothing with a revision that is none any more.
    fn starts(&self, arn: &str) -> Result<(), CallError> {
        if self.is_active(arn) {
            return Ok(());
        }
        let inactive = Some("TaskDefinition is inactive");
        Err(CallError::stated(
            "start tasks",
            "ClientException",
            inactive,
        ))
    }

    /// Creates the service.
    pub fn create_service(&mut self, new: &NewService<'_>, now: i64) -> Result<(), CallError> {
        self.starts(new.definition)?;
        let standing = self.service_at(now);
        assert!(standing.is_none(), "there is one service of a name");
        let mut seen = EcsService {
            name: new.name.to_owned(),
            arn: format!("arn:aws:ecs:{ACCOUNT}:service/apps/{}", new.name),
            status: "ACTIVE".to_owned(),
            task_definition: new.definition.to_owned(),
            capacity: Capacity::Fargate,
            platform_version: "LATEST".to_owned(),
            awsvpc: true,
            network: None,
            deployment: new.deployment,
            desired_count: new.count,
            is_daemon: new.is_daemon,
            is_rebalanced: false,
            controller: "ECS".to_owned(),
            load_balancers: Vec::new(),
            ties: Ties::default(),
            other_launch_type: None,
            platform_family: String::new(),
            may_run: BTreeSet::from([new.definition.to_owned()]),
            tags: new.tags.clone(),
        };
        place(&mut seen, new.placement);
        self.service = Some(Service {
            seen,
            gone_at: None,
        });
        Ok(())
    }

    /// Moves the service.
    pub fn move_service(
        &mut self,
        name: &str,
        definition: &str,
        change: Change<'_>,
    ) -> Result<(), CallError> {
        self.starts(definition)?;
        let service = self.service.as_mut();
        let service = service.filter(|service| service.gone_at.is_none());
        let service = service.filter(|service| service.seen.name == name);
        let Some(Service { seen, .. }) = service else {
            let code = "ServiceNotActiveException";
            return Err(CallError::stated("move ECS service", code, None));
        };
        definition.clone_into(&mut seen.task_definition);
        seen.deployment = change.deployment.unwrap_or(seen.deployment);
        if let Some(placement) = change.placement {
            place(seen, placement);
        }
        if let Some(network) = change.network {
            seen.network = Some(network.clone());
        }
        Ok(())
    }

    /// Removes the rule.
    pub fn remove_rule(&mut self) {
        self.removed
            .extend(self.started_by_rule().map(str::to_owned));
        self.rule = None;
    }

    /// Deletes the service: its tasks stop from now on.
    pub fn delete_service(&mut self, now: i64) {
        let service = self.service.as_mut();
        if let Some(service) = service.filter(|service| service.gone_at.is_none()) {
            "DRAINING".clone_into(&mut service.seen.status);
            service.gone_at = Some(now + DRAINS_SECONDS);
            self.removed.push(service.seen.task_definition.clone());
        }
    }

    /// Deregisters the revisions of what was removed.
    pub fn deregister(&mut self) {
        for revision in &mut self.revisions {
            revision.is_active &= !self.removed.contains(&revision.arn);
        }
    }
}

fn place(service: &mut EcsService, placement: &Placement) {
    let network: Option<Network>;
    (service.capacity, network) = match placement {
        Placement::Ec2 => (Capacity::Ec2, None),
        Placement::Fargate { network, .. } => (Capacity::Fargate, Some(network.clone())),
    };
    service.awsvpc = service.capacity.launch_type() == LaunchType::Fargate;
    service.network = network;
}
