//! What promote and app-deletion change, as AWS keeps it: a secret, task definitions, ECS services, rules, a stack.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use aws::call_error::CallError;
use aws::ecs::{AtGateways, Change, EcsService, NewService, Registered, Rollout, Ties};
use aws::event_rules::SeenRule;
use aws::schedules::SeenSchedule;
use aws::secrets::{LABELS_MAX, Stages, Written, own_label};
use lambda::unwanted::{Keep, Unwanted};
use manifest::capacity::{Capacity, LaunchType};
use manifest::{Course, Deployment};
use names::SecretArn;
use promote::facts::Surroundings;
use release::entrance::{Balancing, Connector};
use release::task_definition::TaskDefinition;
use release::timer_rule::{Network, Placement};

use super::commands::Commands;
use super::explored::Explored;
use super::releases::{Given, environment, given, resources_of};
use super::stack::Stack;
use super::store::at;

/// What the ARNs of this account and region begin with.
const ACCOUNT: &str = "us-east-1:123456789012";
/// How long the tasks of a deleted service take to stop.
const DRAINS_SECONDS: i64 = 90;

/// What a version of the secret holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub value: String,
    /// The same, read.
    pub variables: Given,
    /// The customer key that it is encrypted with.
    key: Option<String>,
}

/// The App's secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secret {
    /// How many there were before of its name.
    number: usize,
    /// By id.
    pub versions: BTreeMap<String, Version>,
    /// Those that their own labels keep.
    pub kept: BTreeSet<String>,
    /// The one called `AWSCURRENT`, and the one that was before.
    pub current: String,
    pub previous: String,
    /// Labels of somebody else, and the version that each is attached to.
    pub foreign: BTreeMap<String, String>,
    /// The ids of versions that were there once.
    pub gone: BTreeSet<String>,
    /// The ids of versions whose own labels were taken away.
    pub forgotten: BTreeSet<String>,
    /// Whether somebody else's version was made current after ours.
    pub is_overwritten: bool,
    /// The customer key that what is put is encrypted with.
    pub key: Option<String>,
    pub is_deleted: bool,
}

impl Secret {
    /// Its ARN: each that is created has another one.
    pub fn arn(&self) -> SecretArn {
        let number = self.number;
        SecretArn::returned(format!(
            "arn:aws:secretsmanager:{ACCOUNT}:secret:rack/shop-{number:06}"
        ))
    }

    /// A version that is put now.
    pub fn version(&self, value: &str) -> Version {
        Version {
            value: value.to_owned(),
            variables: serde_json::from_str(value).unwrap(),
            key: self.key.clone(),
        }
    }

    /// Encrypts it with another key: the versions with a label of AWS's, and all that follow.
    pub fn encrypt_anew(&mut self, key: Option<&String>) {
        self.key = key.cloned();
        let pending = self.foreign.get("AWSPENDING");
        for id in [&self.current, &self.previous].into_iter().chain(pending) {
            if let Some(version) = self.versions.get_mut(id) {
                version.key = key.cloned();
            }
        }
    }

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
        for (label, id) in &self.foreign {
            attach(id, label.clone());
        }
        Stages(stages)
    }

    /// Whether it has room for another label.
    pub fn has_room(&self) -> bool {
        self.stages().label_count() < LABELS_MAX
    }

    /// Attaches its own label to a version, and makes it current.
    fn label(&mut self, id: &str) -> Result<(), CallError> {
        let mut labelled = self.clone();
        labelled.kept.insert(id.to_owned());
        labelled.forgotten.remove(id);
        labelled.make_current(id);
        if labelled.stages().label_count() > LABELS_MAX {
            let code = "LimitExceededException";
            assert!(!self.foreign.is_empty(), "ours are too many: {self:?}");
            return Err(CallError::stated("attach a label", code, None));
        }
        *self = labelled;
        Ok(())
    }

    /// Moves `AWSCURRENT`.
    pub fn make_current(&mut self, id: &str) {
        self.is_overwritten = false;
        if self.current != id {
            self.previous = mem::replace(&mut self.current, id.to_owned());
        }
    }

    /// Secrets Manager deletes what has no label, when it likes.
    pub fn delete_unlabelled(&mut self) {
        let Stages(labelled) = self.stages();
        let gone = self
            .versions
            .extract_if(.., |id, _| !labelled.contains_key(id));
        self.gone.extend(gone.map(|(id, _)| id));
    }
}

/// A registered task definition.
pub struct Revision {
    pub arn: String,
    pub definition: TaskDefinition,
    /// What its own Release gives to its tasks.
    pub own: Given,
    /// What the version of the environment has for them that it names, where it reads the object: that one stays.
    through_s3: Option<Given>,
    pub is_active: bool,
}

/// An ECS service; one that is deleted is gone at a second.
#[derive(Debug, Clone)]
pub struct Service {
    pub seen: EcsService,
    pub gone_at: Option<i64>,
    /// The revision that it ran before, which ECS goes back to where tasks of the next one do not start: until the deployment is
    /// complete.
    pub before: Option<String>,
    /// Whether it did.
    pub went_back: bool,
    /// What attaches it to gateways: only who looks for it sees that. And what did before.
    pub connectors: Vec<Connector>,
    pub connectors_before: Vec<Connector>,
    /// When it began to run what it runs.
    pub began_at: i64,
    /// Whether all of its tasks do.
    pub is_complete: bool,
    /// Every revision that all of its tasks ran once.
    pub completed: BTreeSet<String>,
}

/// A version of a Release's environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvVersion {
    pub release: &'static str,
    pub id: String,
    pub at: i64,
}

/// Where the bucket has a Release's environment. Keys order otherwise than names: `M-1/env` is before `M/env`.
pub fn environment_key(release: &str) -> String {
    format!("apps/shop/releases/{release}/env")
}

/// Everything outside of the bucket's state.
#[derive(Default)]
pub struct Outside {
    pub environments: Vec<EnvVersion>,
    pub secret: Option<Secret>,
    /// How many secrets there have been.
    pub secrets: usize,
    /// By name.
    pub services: BTreeMap<String, Service>,
    /// By name.
    pub rules: BTreeMap<String, SeenRule>,
    pub schedules: BTreeMap<String, SeenSchedule>,
    /// Oldest first.
    pub revisions: Vec<Revision>,
    /// The revisions of what a deletion removed, which it deregisters.
    pub removed: Vec<String>,
    pub stack: Option<Stack>,
    /// The tasks of release commands.
    pub commands: Commands,
    /// How many stacks there have been.
    pub stacks: usize,
    /// The user's own settings cannot be read: every promote is refused.
    pub settings_are_broken: bool,
    /// Whether Secrets Manager takes the id of a version that is gone for another one.
    pub takes_ids_anew: bool,
    /// How often anything of it changed.
    pub changes: u64,
    /// The revision that reads the secret as it is, which something was moved to before that was its Release's.
    pub moved_early: Option<String>,
    pub met: Explored,
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

    /// The services as they stand at a time; one that has drained is gone.
    pub fn services_at(&self, now: i64) -> impl Iterator<Item = &EcsService> {
        let services = self.services.values();
        let services =
            services.filter(move |service| service.gone_at.is_none_or(|gone| now < gone));
        services.map(|service| &service.seen)
    }

    /// The one of a name.
    pub fn service_called(&self, name: &str, now: i64) -> Option<&EcsService> {
        let mut services = self.services_at(now);
        services.find(|service| service.name == name)
    }

    /// The services that are not deleted.
    fn standing(&self) -> impl Iterator<Item = &Service> {
        let services = self.services.values();
        services.filter(|service| service.gone_at.is_none())
    }

    /// Whether ECS moved a service back.
    pub fn went_back(&self, name: &str) -> bool {
        let service = self.services.get(name);
        service.is_some_and(|service| service.went_back)
    }

    /// How far ECS is with those of these services that stand.
    pub fn rollouts(&self, names: &[String]) -> BTreeMap<String, Rollout> {
        let services = self.standing();
        let services = services.filter(|service| names.contains(&service.seen.name));
        let rollouts = services.map(|service| {
            let rollout = Rollout {
                alarms: Vec::new(),
                revision: service.seen.task_definition.clone(),
                is_complete: service.is_complete,
                began_at: Some(at(service.began_at)),
                network: service.seen.network.clone(),
                events: Vec::new(),
            };
            (service.seen.name.clone(), rollout)
        });
        rollouts.collect()
    }

    /// What of the App stands and is not to be kept.
    pub fn unwanted(&self, keep: Keep<'_>, now: i64) -> Unwanted {
        let services = self.services_at(now);
        let services = services.filter(|service| !keep.services.contains(&service.name));
        let rules = self.rules.iter();
        let rules = rules.filter(|(name, _)| !keep.rules.contains(*name));
        let schedules = self.schedules.iter();
        let schedules = schedules.filter(|(name, _)| keep.schedules && !keep.rules.contains(*name));
        Unwanted {
            schedules: schedules
                .map(|(name, schedule)| (name.clone(), schedule.clone()))
                .collect(),
            services: services.cloned().collect(),
            rules: rules
                .map(|(name, rule)| (name.clone(), rule.clone()))
                .collect(),
        }
    }

    /// The revision that a rule starts.
    pub fn started_by(&self, rule: &str) -> Option<&str> {
        Some(&self.rules.get(rule)?.target.as_ref()?.task_definition)
    }

    /// The revision that a schedule starts.
    pub fn scheduled_by(&self, name: &str) -> Option<&str> {
        Some(&self.schedules.get(name)?.target()?.task_definition)
    }

    /// The revisions that tasks may start with from now on.
    pub fn started(&self) -> impl Iterator<Item = &str> {
        let services = self.standing();
        let services = services.map(|service| service.seen.task_definition.as_str());
        let rules = self.rules.keys();
        let schedules = self.schedules.keys();
        let schedules = schedules.filter_map(|name| self.scheduled_by(name));
        let started = services.chain(rules.filter_map(|rule| self.started_by(rule)));
        let started = started.chain(schedules);
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

    /// The family of a revision.
    pub fn family_of(&self, arn: &str) -> &str {
        &self.revision(arn).definition.family
    }

    /// The Release whose revision that is.
    pub fn release_of(&self, arn: &str) -> &str {
        &self.revision(arn).definition.tags["convox:release"]
    }

    /// What a task of this revision has to see: what its own Release gives to it.
    pub fn own(&self, arn: &str) -> &Given {
        &self.revision(arn).own
    }

    /// A task that starts now with this revision: the variables that it sees, unless it cannot read its secret.
    pub fn sees(&self, arn: &str) -> Result<Given, String> {
        let revision = self.revision(arn);
        if let Some(given) = &revision.through_s3 {
            return Ok(given.clone());
        }
        let containers = revision.definition.container_definitions.iter();
        let secrets = containers.flat_map(|container| container.secrets.iter());
        let seen = secrets.map(|(name, reference)| {
            let arn = self.secret.as_ref().ok_or("there is no secret")?.arn();
            let version_id = arn.version_in(&reference);
            let wanted = match version_id {
                Some(version_id) => format!("{arn}:{name}::{version_id}"),
                None => arn.value_from(name),
            };
            if *reference != wanted {
                return Err(format!("{reference} is not of {arn}"));
            }
            let held = self.held(version_id)?;
            let value = held.get(name);
            let value = value.ok_or_else(|| format!("{version_id:?} has no {name}"))?;
            Ok((name.to_owned(), value.clone()))
        });
        seen.collect()
    }

    /// What a version of the secret, or the current one, holds for tasks.
    fn held(&self, version_id: Option<&str>) -> Result<&Given, String> {
        let secret = self.secret.as_ref().ok_or("there is no secret")?;
        if secret.is_deleted {
            return Err("the secret is scheduled for deletion".to_owned());
        }
        let version_id = version_id.unwrap_or(&secret.current);
        let version = secret.versions.get(version_id);
        let version = version.ok_or_else(|| format!("version {version_id} is gone"))?;
        if let Some(key) = &version.key
            && !self.may_decrypt(key)
        {
            return Err(format!(
                "tasks may not decrypt version {version_id} with {key}"
            ));
        }
        Ok(&version.variables)
    }

    /// Whether the execution role of the App's stack may use a key.
    pub fn may_decrypt(&self, key: &str) -> bool {
        let stack = self.stack.as_ref();
        stack.is_some_and(|stack| stack.keys().contains(key))
    }

    /// Whether a revision reads the secret as it is when its tasks start.
    pub fn floats(&self, arn: &str) -> bool {
        let references = self.references(arn);
        let mut references = references.iter();
        references.any(|reference| reference.ends_with("::"))
    }

    /// What the environment that a definition reads from S3 has for its tasks.
    fn through_s3(&self, definition: &TaskDefinition) -> Option<Given> {
        let [container] = definition.container_definitions.as_slice() else {
            panic!("there is one container");
        };
        let url = container.environment.get("CONVOX_ENV_URL")?;
        let (_, id) = url.split_once("?versionId=").expect("a version is named");
        let mut versions = self.environments.iter();
        let version = versions.find(|version| version.id == id);
        let EnvVersion { release, id, .. } = version.expect("versions stay");
        let read = environment(release, id);
        let of = &definition.tags["convox:release"];
        Some(given(of, &definition.family, &read.environment))
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
                has_gateway_port: self.has_gateway_port(&revision.arn),
                tags: definition.tags.clone(),
            };
            (definition.family.clone(), seen)
        });
        newest.collect()
    }

    /// Registers a revision whose own Release gives that to its tasks.
    pub fn register(&mut self, definition: &TaskDefinition, own: Given) -> String {
        let family = &definition.family;
        let known = self.revisions.iter();
        let known = known.filter(|known| known.definition.family == *family);
        let number = known.count() + 1;
        let arn = format!("arn:aws:ecs:{ACCOUNT}:task-definition/{family}:{number}");
        self.revisions.push(Revision {
            arn: arn.clone(),
            definition: definition.clone(),
            own,
            through_s3: self.through_s3(definition),
            is_active: true,
        });
        arn
    }

    /// The secret; created, where there is none.
    pub fn create_secret(&mut self) -> &mut Secret {
        let number = &mut self.secrets;
        self.secret.get_or_insert_with(|| {
            *number += 1;
            Secret {
                number: *number,
                ..Secret::default()
            }
        })
    }

    /// Writes a value under an id: restored where it must be, kept by its label and current in the end. Whether the id could be
    /// taken.
    pub fn put_secret(&mut self, id: &str, value: &str) -> Result<bool, CallError> {
        self.create_secret();
        let secret = self.secret.get_or_insert_default();
        secret.is_deleted = false;
        if secret.gone.contains(id) {
            self.met.count("ids of versions that are gone");
            if !self.takes_ids_anew {
                self.met.count("next ids");
                return Ok(false);
            }
        }
        let stands = secret.versions.contains_key(id);
        let new = secret.version(value);
        let held = secret.versions.entry(id.to_owned()).or_insert(new);
        assert_eq!(held.value, value, "an id stands for one value");
        let labelled = self.label(id);
        if labelled.is_err() && !stands {
            let secret = self.secret.as_mut();
            secret.and_then(|secret| secret.versions.remove(id));
        }
        labelled.map(|_| true)
    }

    /// What a write of a version has come to.
    pub fn written(&self, id: &str, changed: bool) -> Written {
        let secret = self.secret.as_ref();
        Written {
            arn: secret.expect("it was written").arn(),
            version_id: id.to_owned(),
            changed,
            not_current: None,
        }
    }

    /// Attaches the labels that a version lacks; whether it lacked any.
    pub fn label(&mut self, id: &str) -> Result<bool, CallError> {
        let Some(secret) = self.secret.as_mut() else {
            return Ok(false);
        };
        let lacks = secret.current != id || !secret.kept.contains(id);
        if let Err(err) = secret.label(id) {
            self.met.count("no room for a label");
            return Err(err);
        }
        Ok(lacks)
    }

    /// Takes a version's own label away.
    pub fn forget(&mut self, id: &str) {
        if let Some(secret) = &mut self.secret
            && secret.kept.remove(id)
        {
            secret.forgotten.insert(id.to_owned());
            self.met.count("forgotten versions");
        }
    }

    /// What a revision refers to.
    pub fn references(&self, arn: &str) -> BTreeSet<String> {
        let containers = self.revision(arn).definition.container_definitions.iter();
        let references = containers.flat_map(|container| container.secrets.iter());
        references.map(|(_, from)| from.into_owned()).collect()
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

    /// Whether a revision calls a port as gateways find it.
    fn has_gateway_port(&self, arn: &str) -> bool {
        let containers = self.revision(arn).definition.container_definitions.iter();
        let ports = containers.flat_map(|container| &container.port_mappings);
        let mut named = ports.filter_map(|port| port.named.as_ref());
        named.any(|named| Connector::is_called(&named.name))
    }

    /// ECS attaches nothing to a port that is not there, and nobody may ask it to.
    fn assert_attaches(&self, arn: &str, connectors: &[Connector]) {
        let is_there = connectors.is_empty() || self.has_gateway_port(arn);
        assert!(is_there, "{arn} has no port for what attaches its service");
    }

    /// How a service is attached to gateways.
    pub fn at_gateways(&self, name: &str) -> Option<AtGateways> {
        let service = self.services.get(name)?;
        Some(AtGateways {
            connectors: service.connectors.clone(),
            urls: Vec::new(),
        })
    }

    /// Says of services how they are attached to gateways.
    pub fn attach(&self, surroundings: &mut Surroundings) {
        let services = surroundings.services.keys();
        let others = surroundings.unwanted.services.iter();
        let names = services.chain(others.map(|service| &service.name));
        let at = names.filter_map(|name| Some((name.clone(), self.at_gateways(name)?)));
        let at = at.collect();
        surroundings.attach(at);
    }

    /// Creates the service.
    pub fn create_service(&mut self, new: &NewService<'_>, now: i64) -> Result<(), CallError> {
        self.starts(new.definition)?;
        self.assert_attaches(new.definition, new.connectors);
        let standing = self.service_called(new.name, now);
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
            deployment: new.deployment.clone(),
            is_deploying: false,
            gone_back_from: None,
            revisions: Vec::new(),
            exec: new.exec,
            desired_count: new.count,
            is_daemon: new.is_daemon,
            is_rebalanced: false,
            controller: "ECS".to_owned(),
            balancing: Balancing::default(),
            grace: 0,
            at_gateways: AtGateways::default(),
            ties: Ties::default(),
            other_launch_type: None,
            platform_family: String::new(),
            may_run: BTreeSet::from([new.definition.to_owned()]),
            tags: new.tags.clone(),
        };
        place(&mut seen, new.placement);
        let service = Service {
            seen,
            gone_at: None,
            before: None,
            went_back: false,
            connectors: new.connectors.to_vec(),
            connectors_before: Vec::new(),
            began_at: now,
            is_complete: false,
            completed: BTreeSet::new(),
        };
        self.services.insert(new.name.to_owned(), service);
        Ok(())
    }

    /// Moves the service.
    pub fn move_service(
        &mut self,
        name: &str,
        (definition, now): (&str, i64),
        change: Change<'_>,
    ) -> Result<(), CallError> {
        self.starts(definition)?;
        let stand = self.services.get(name).map(|it| it.connectors.clone());
        let stand = stand.unwrap_or_default();
        self.assert_attaches(definition, change.connectors.unwrap_or(&stand));
        let service = self.services.get_mut(name);
        let service = service.filter(|service| service.gone_at.is_none());
        let Some(service) = service else {
            let code = "ServiceNotActiveException";
            return Err(CallError::stated("move ECS service", code, None));
        };
        let seen = &mut service.seen;
        if seen.task_definition != definition {
            let before = mem::replace(&mut seen.task_definition, definition.to_owned());
            seen.may_run = BTreeSet::from([before.clone(), definition.to_owned()]);
            service.before = Some(before);
            service.connectors_before.clone_from(&stand);
            (service.began_at, service.is_complete) = (now, false);
        }
        service.went_back = false;
        if let Some(connectors) = change.connectors {
            service.connectors = connectors.to_vec();
            self.met.count("connectors");
        }
        if let Some(deployment) = change.deployment {
            // As `deployments::seen` has it: what is not said stays.
            let course = deployment.course.clone();
            let usual = course.as_ref() == Some(&Course::default());
            let stands = seen.deployment.course.take();
            let course = course.or(stands).filter(|_| !usual);
            seen.deployment = Deployment {
                course,
                ..*deployment
            };
        }
        if let Some(placement) = change.placement {
            place(seen, placement);
        }
        if let Some(network) = change.network {
            seen.network = Some(network.clone());
        }
        seen.exec = change.exec.unwrap_or(seen.exec);
        seen.desired_count = change.count.unwrap_or(seen.desired_count);
        Ok(())
    }

    /// The services that ECS can move back to the revision before, where that needs nothing of the stack.
    pub fn can_go_back(&self) -> Vec<String> {
        let can = self.standing().filter(|service| {
            let before = service.before.as_ref();
            let before = before.filter(|arn| self.is_active(arn));
            before.is_some_and(|arn| resources_of(self.release_of(arn)).is_empty())
        });
        can.map(|service| service.seen.name.clone()).collect()
    }

    /// ECS moves a service back.
    pub fn go_back(&mut self, name: &str, now: i64) {
        if let Some(service) = self.services.get_mut(name)
            && let Some(before) = service.before.clone()
        {
            service.seen.task_definition.clone_from(&before);
            service.connectors = mem::take(&mut service.connectors_before);
            service.completed.insert(before.clone());
            service.seen.may_run = BTreeSet::from([before]);
            service.went_back = true;
            (service.began_at, service.is_complete) = (now, true);
        }
    }

    /// The deployments are complete: nothing goes back any more.
    pub fn complete_deployments(&mut self) {
        for service in self.services.values_mut() {
            let Service { seen, before, .. } = service;
            *before = None;
            seen.may_run = BTreeSet::from([seen.task_definition.clone()]);
            service.is_complete = true;
            service.completed.insert(seen.task_definition.clone());
        }
    }

    /// Whether ECS or EventBridge may start a task with a revision now: what runs, and what ECS would go back to.
    pub fn may_start(&self, arn: &str) -> bool {
        let mut standing = self.standing();
        self.started().any(|started| started == arn)
            || standing.any(|service| service.before.as_deref() == Some(arn))
    }

    /// Whether a version of the secret was forgotten.
    pub fn has_forgotten(&self, version_id: &str) -> bool {
        let secret = self.secret.as_ref();
        secret.is_some_and(|secret| secret.forgotten.contains(version_id))
    }

    /// Whether nothing can read the secret.
    pub fn is_secret_deleted(&self) -> bool {
        self.secret.as_ref().is_none_or(|secret| secret.is_deleted)
    }

    /// Whether a revision names a version of the secret.
    pub fn names(&self, arn: &str, version_id: &str) -> bool {
        let references = self.references(arn);
        let mut references = references.iter();
        references.any(|reference| reference.ends_with(version_id))
    }

    /// Removes a rule.
    pub fn remove_rule(&mut self, name: &str) {
        self.removed
            .extend(self.started_by(name).map(str::to_owned));
        self.rules.remove(name);
    }

    /// Removes a schedule.
    pub fn remove_schedule(&mut self, name: &str) {
        self.removed
            .extend(self.scheduled_by(name).map(str::to_owned));
        self.schedules.remove(name);
    }

    /// Deletes a service: its tasks stop from now on.
    pub fn delete_service(&mut self, name: &str, now: i64) {
        let service = self.services.get_mut(name);
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
