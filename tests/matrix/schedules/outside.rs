//! What promote and app-deletion change, as AWS keeps it: a secret, task definitions, an ECS service, a rule, a stack.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use aws::call_error::CallError;
use aws::ecs::{Change, EcsService, NewService, Registered, Ties};
use aws::event_rules::SeenRule;
use aws::secrets::{LABELS_MAX, Stages, own_label};
use manifest::capacity::{Capacity, LaunchType};
use names::SecretArn;
use release::task_definition::TaskDefinition;
use release::timer_rule::{Network, Placement};
use serde_json::Value;

use super::releases::{MARK, mark, resources_of};
use super::stack::Stack;

/// What the ARNs of this account and region begin with.
const ACCOUNT: &str = "us-east-1:123456789012";
/// How long the tasks of a deleted service take to stop.
const DRAINS_SECONDS: i64 = 90;

/// The secret's versions, by id: the value that each holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secret {
    pub versions: BTreeMap<String, String>,
    /// Those that their own labels keep.
    pub kept: BTreeSet<String>,
    /// The one called `AWSCURRENT`, and the one that was before.
    pub current: String,
    pub previous: String,
    pub is_deleted: bool,
}

impl Secret {
    /// The labels of its versions.
    pub fn stages(&self) -> Stages {
        let mut stages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut attach = |id: &String, label: String| {
            if self.versions.contains_key(id) {
                stages.entry(id.clone()).or_default().insert(label);
            }
        };
        for id in &self.kept {
            attach(id, own_label(id));
        }
        attach(&self.current, "AWSCURRENT".to_owned());
        attach(&self.previous, "AWSPREVIOUS".to_owned());
        let labels: usize = stages.values().map(BTreeSet::len).sum();
        assert!(labels <= LABELS_MAX, "{labels} labels: {stages:?}");
        Stages(stages)
    }

    /// Moves `AWSCURRENT`.
    pub fn make_current(&mut self, id: &str) {
        if self.current != id {
            self.previous = mem::replace(&mut self.current, id.to_owned());
        }
    }

    /// Secrets Manager deletes what has no label, when it likes.
    pub fn delete_unlabelled(&mut self) {
        let Stages(labelled) = self.stages();
        self.versions.retain(|id, _| labelled.contains_key(id));
    }
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
    /// The revision that the service ran before, which ECS goes back to where tasks of the next one do not start.
    pub before: Option<String>,
    /// Whether it did.
    pub went_back: bool,
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
            let version_id = secret_arn().version_in(reference).map(str::to_owned);
            let version_id = version_id.expect("references name a version");
            assert_eq!(reference, &secret_arn().pinned(MARK, &version_id));
            return self.mark_of(&version_id);
        }
        let url = &container.environment["CONVOX_ENV_URL"];
        let (_, id) = url.split_once("?versionId=").expect("a version is named");
        let mut versions = self.environments.iter();
        let version = versions.find(|version| version.id == id);
        let version = version.ok_or("the version is gone")?;
        Ok(mark(version.release, &version.id))
    }

    fn mark_of(&self, version_id: &str) -> Result<String, String> {
        let secret = self.secret.as_ref().ok_or("there is no secret")?;
        if secret.is_deleted {
            return Err("the secret is scheduled for deletion".to_owned());
        }
        let value = secret.versions.get(version_id);
        let value = value.ok_or_else(|| format!("version {version_id} is gone"))?;
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
                secret_references: self.references(&revision.arn),
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

    /// Writes a value under an id: restored where it must be, kept by its label and current in the end.
    pub fn put_secret(&mut self, id: &str, value: &str) {
        let secret = self.secret.get_or_insert_default();
        secret.is_deleted = false;
        let version = secret.versions.entry(id.to_owned());
        let held = version.or_insert_with(|| value.to_owned());
        assert_eq!(held, value, "an id stands for one value");
        self.label(id);
    }

    /// Attaches the labels that a version lacks; whether it lacked any.
    pub fn label(&mut self, id: &str) -> bool {
        let Some(secret) = self.secret.as_mut() else {
            return false;
        };
        let lacks = secret.current != id || !secret.kept.contains(id);
        secret.kept.insert(id.to_owned());
        secret.make_current(id);
        lacks
    }

    /// What a revision refers to.
    pub fn references(&self, arn: &str) -> BTreeSet<String> {
        let containers = self.revision(arn).definition.container_definitions.iter();
        let references = containers.flat_map(|container| container.secrets.values());
        references.cloned().collect()
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
        (self.before, self.went_back) = (None, false);
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
        if seen.task_definition != definition {
            self.before = Some(mem::replace(
                &mut seen.task_definition,
                definition.to_owned(),
            ));
        }
        self.went_back = false;
        seen.deployment = change.deployment.unwrap_or(seen.deployment);
        if let Some(placement) = change.placement {
            place(seen, placement);
        }
        if let Some(network) = change.network {
            seen.network = Some(network.clone());
        }
        Ok(())
    }

    /// ECS moves the service back to the revision before, where that needs nothing of the stack; whether it does.
    pub fn go_back(&mut self) -> bool {
        let before = self.before.clone().filter(|arn| self.is_active(arn));
        let before = before.filter(|arn| resources_of(self.release_of(arn)).is_empty());
        let service = self.service.as_mut();
        let service = service.filter(|service| service.gone_at.is_none());
        let (Some(before), Some(Service { seen, .. })) = (before, service) else {
            return false;
        };
        seen.task_definition.clone_from(&before);
        seen.may_run = BTreeSet::from([before]);
        self.went_back = true;
        true
    }

    /// Whether ECS or EventBridge may start a task with a revision now: what runs, and what ECS would go back to.
    pub fn may_start(&self, arn: &str) -> bool {
        let service = self.service.as_ref();
        let stands = service.is_some_and(|service| service.gone_at.is_none());
        self.started().any(|started| started == arn)
            || (stands && self.before.as_deref() == Some(arn))
    }

    /// Whether nothing can read the secret.
    pub fn is_secret_deleted(&self) -> bool {
        self.secret.as_ref().is_none_or(|secret| secret.is_deleted)
    }

    /// Whether a revision names a version of the secret.
    pub fn names(&self, arn: &str, version_id: &str) -> bool {
        let references = self.references(arn);
        let mut named = references
            .iter()
            .filter_map(|it| secret_arn().version_in(it));
        named.any(|named| named == version_id)
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
