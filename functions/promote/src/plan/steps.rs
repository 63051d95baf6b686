//! What becomes of each Service and Timer: which revision it runs, and what the ECS service or the rule is told. Pure.

use std::borrow::Cow;

use aws::ecs::{Change, EcsService};
use aws::event_rules::SeenRule;
use aws::secrets::Written;
use manifest::Deployment;
use promotion::Definition;
use release::task_definition::{EnvSource, Release, TaskDefinition};
use release::timer_rule::{Network, Placement, TimerRule, TimerTarget};

use super::outage::impossible_through_s3;
use super::{Process, Runs};
use crate::config::Config;
use crate::facts::{Facts, Wanted};

/// What becomes of all Services and Timers where `source` gives them their environment.
#[derive(Clone)]
pub struct Route<'a> {
    /// Where tasks read the environment. An ARN that Secrets Manager has not chosen yet is [`SecretArn::uncreated`].
    ///
    /// [`SecretArn::uncreated`]: names::SecretArn::uncreated
    pub source: EnvSource,
    /// One for each process of the plan, in its order.
    pub steps: Vec<ProcessStep<'a>>,
    /// Why ECS or Linux would refuse it.
    pub impossible: Option<String>,
}

/// What becomes of one Service or Timer.
#[derive(Clone)]
pub struct ProcessStep<'a> {
    /// Its task definition.
    pub definition: TaskDefinition,
    /// Which revision says that.
    pub revision: Revision,
    /// What makes it run that revision.
    pub action: Action<'a>,
    /// Whether that is done: what runs the revision already, and is as wanted, stays.
    pub moves: bool,
}

/// A revision of a task definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revision {
    /// The applied one.
    Keep(Known),
    /// One that an attempt left that died.
    Reuse(Known),
    /// A new one.
    Register,
}

/// A revision that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its ARN.
    pub arn: String,
    /// The digest of its definition.
    pub digest: String,
}

/// What the ECS service or the rule of a process is told.
#[derive(Clone)]
pub enum Action<'a> {
    /// The ECS service is created.
    Create(NewEcsService),
    /// The ECS service is moved to the revision.
    Move(ServiceMove<'a>),
    /// The rule is created, or made to say this.
    Put(RulePut<'a>),
}

/// An ECS service to be.
#[derive(Clone)]
pub struct NewEcsService {
    /// Its name.
    pub name: String,
    /// How many tasks it runs.
    pub count: u32,
    /// Whether it runs one on every instance instead.
    pub is_daemon: bool,
    /// How its tasks are replaced.
    pub deployment: Deployment,
    /// Where they run.
    pub placement: Placement,
}

/// An ECS service that stands, and what changes beside its revision.
#[derive(Clone)]
pub struct ServiceMove<'a> {
    /// The service as it stands.
    pub found: &'a EcsService,
    /// How its tasks are replaced from now on.
    pub deployment: Option<Deployment>,
    /// What they run on from now on.
    pub placement: Option<Placement>,
    /// Their network from now on, where that alone changes.
    pub network: Option<Network>,
}

/// A rule, but for the revision that it starts.
#[derive(Clone)]
pub struct RulePut<'a> {
    /// Its name.
    pub name: String,
    /// The rule as it stands.
    pub seen: Option<&'a SeenRule>,
    /// `cron(…)` or `rate(…)`.
    pub schedule: String,
    /// The cluster.
    pub cluster_arn: String,
    /// The role that EventBridge starts the task with.
    pub role_arn: String,
    /// Where the task runs.
    pub placement: Placement,
}

/// What all steps are decided by.
pub(super) struct Draft<'p, 'a> {
    pub(super) config: &'p Config,
    pub(super) wanted: &'p Wanted<'a>,
    pub(super) facts: &'a Facts,
    pub(super) processes: &'p [Process<'a>],
    pub(super) release: &'p Release<'p>,
    pub(super) network: &'p Network,
}

impl Route<'_> {
    /// The same steps for the secret as it was `written`. Where that has another ARN or version than was planned, as one that
    /// is created has, what reads it is registered anew.
    #[must_use]
    pub fn filled(&self, written: &Written) -> Cow<'_, Self> {
        let EnvSource::SecretsManager {
            secret_arn,
            version_id,
        } = &self.source
        else {
            return Cow::Borrowed(self);
        };
        if (secret_arn, version_id) == (&written.arn, &written.version_id) {
            return Cow::Borrowed(self);
        }
        let mut filled = self.clone();
        let steps = filled.steps.iter_mut();
        for step in steps.filter(|step| step.definition.reads_secret_of_app()) {
            let definition = &mut step.definition;
            definition.fill_secret(secret_arn, &written.arn, &written.version_id);
            step.revision = Revision::Register;
            step.moves = true;
        }
        filled.source = EnvSource::SecretsManager {
            secret_arn: written.arn.clone(),
            version_id: written.version_id.clone(),
        };
        Cow::Owned(filled)
    }
}

impl Revision {
    /// The revision, where it is there.
    #[must_use]
    pub fn known(&self) -> Option<&Known> {
        match self {
            Self::Keep(known) | Self::Reuse(known) => Some(known),
            Self::Register => None,
        }
    }
}

impl Action<'_> {
    /// Whether something is made that was not there.
    #[must_use]
    pub fn creates(&self) -> bool {
        match self {
            Self::Create(_) => true,
            Self::Move(_) => false,
            Self::Put(rule) => rule.seen.is_none(),
        }
    }
}

impl ServiceMove<'_> {
    /// What changes beside the revision.
    #[must_use]
    pub fn change(&self) -> Change<'_> {
        Change {
            deployment: self.deployment,
            placement: self.placement.as_ref(),
            network: self.network.as_ref(),
        }
    }
}

impl RulePut<'_> {
    /// All that the rule says, where it starts `definition`.
    #[must_use]
    pub fn rule(&self, definition: &str) -> TimerRule {
        TimerRule {
            schedule: self.schedule.clone(),
            target: TimerTarget {
                cluster_arn: self.cluster_arn.clone(),
                role_arn: self.role_arn.clone(),
                task_definition: definition.to_owned(),
                placement: self.placement.clone(),
            },
        }
    }
}

impl<'a> Draft<'_, 'a> {
    /// The steps of all that could be rendered, from what was.
    pub(super) fn route(
        &self,
        source: EnvSource,
        rendered: Vec<(&Process<'a>, TaskDefinition)>,
    ) -> Route<'a> {
        let names = rendered
            .iter()
            .map(|(process, _)| process.name().to_owned());
        let names: Vec<String> = names.collect();
        let steps = rendered.into_iter();
        let steps = steps.map(|(process, definition)| self.step(process, definition, &source));
        let steps: Vec<ProcessStep<'a>> = steps.collect();
        let impossible = match source {
            EnvSource::SecretsManager { .. } => None,
            EnvSource::S3 { .. } => {
                let definitions = steps.iter().map(|step| &step.definition);
                let names = names.iter().map(String::as_str);
                impossible_through_s3(self.facts, names.zip(definitions))
            }
        };
        Route {
            source,
            steps,
            impossible,
        }
    }

    fn step(
        &self,
        process: &Process<'a>,
        of_stack: TaskDefinition,
        source: &EnvSource,
    ) -> ProcessStep<'a> {
        let (definition, revision) = self.revision(process, of_stack, source);
        let action = self.action(process);
        let known = revision.known();
        let moves = known.is_none_or(|known| action.is_needed(&known.arn));
        ProcessStep {
            definition,
            revision,
            action,
            moves,
        }
    }

    /// The revision that says what was rendered. A Service or Timer of an App that was promoted before it had a stack of its
    /// own keeps what it runs, with the Rack's roles and log group, until something else changes too, or that is dead.
    fn revision(
        &self,
        process: &Process<'_>,
        of_stack: TaskDefinition,
        source: &EnvSource,
    ) -> (TaskDefinition, Revision) {
        let surroundings = &self.facts.surroundings;
        let applied = self.alive(process);
        let newest = surroundings.newest.get(&of_stack.family);
        if applied.is_none() && newest.is_none() {
            return (of_stack, Revision::Register);
        }
        let known = |arn: &String, digest| {
            let arn = arn.clone();
            Known { arn, digest }
        };
        let digest = of_stack.digest();
        if let Some(applied) = applied {
            if applied.digest == digest {
                return (of_stack, Revision::Keep(known(&applied.arn, digest)));
            }
            let bare = self.bare(process, source);
            if let Some(bare) = bare.filter(|bare| bare.digest() == applied.digest) {
                let digest = applied.digest.clone();
                return (bare, Revision::Keep(known(&applied.arn, digest)));
            }
        }
        let newest = newest.filter(|newest| newest.digest.as_ref() == Some(&digest));
        match newest {
            Some(newest) => (of_stack, Revision::Reuse(known(&newest.arn, digest))),
            None => (of_stack, Revision::Register),
        }
    }

    /// What is applied, where tasks can still be started with it.
    fn alive(&self, process: &Process<'_>) -> Option<&Definition> {
        let dead = &self.facts.surroundings.dead;
        let applied = process.applied(self.wanted.applied?);
        applied.filter(|known| !dead.contains(&known.arn))
    }

    /// The definition without the App's stack, where the Rack has all that it needs.
    fn bare(&self, process: &Process<'_>, source: &EnvSource) -> Option<TaskDefinition> {
        if process.uses_the_stack() {
            return None;
        }
        let bare = Release {
            stack: None,
            ..*self.release
        };
        process.render(&bare, source).ok()
    }

    fn action(&self, process: &Process<'a>) -> Action<'a> {
        let placement = Placement::on(process.capacity, self.network);
        match &process.runs {
            Runs::Service {
                ecs_service,
                found: None,
            } => Action::Create(NewEcsService {
                name: ecs_service.clone(),
                count: process.service.scale.min,
                is_daemon: process.service.agent.is_some(),
                deployment: process.deployment(),
                placement,
            }),
            Runs::Service {
                found: Some(found), ..
            } => Action::Move(self.service_move(process, found, placement)),
            Runs::Timer {
                rule,
                schedule,
                seen,
                ..
            } => Action::Put(RulePut {
                name: rule.clone(),
                seen: *seen,
                schedule: schedule.clone(),
                cluster_arn: self.facts.cluster.arn.clone(),
                role_arn: self.config.timer_role_arn.clone(),
                placement,
            }),
        }
    }

    /// What else changes, of ours only: an ECS service that app.json names gets its task definition and nothing else.
    fn service_move(
        &self,
        process: &Process<'_>,
        found: &'a EcsService,
        placement: Placement,
    ) -> ServiceMove<'a> {
        let mut moved = ServiceMove {
            found,
            deployment: None,
            placement: None,
            network: None,
        };
        if !self.wanted.id.owns(&found.tags) {
            return moved;
        }
        let deployment = process.deployment();
        moved.deployment = (found.deployment != deployment).then_some(deployment);
        if found.capacity == process.capacity {
            moved.network = self.other_network(found, placement);
        } else {
            moved.placement = Some(placement);
        }
        moved
    }

    /// The network that a service of ours is to be in, where it is in another one.
    fn other_network(&self, found: &EcsService, placement: Placement) -> Option<Network> {
        let Placement::Fargate { network, .. } = placement else {
            return None;
        };
        let applied = self.wanted.applied;
        let before = applied.and_then(|applied| applied.network.as_ref());
        let seen = found.network.as_ref()?;
        network.differs_from(seen, before).then_some(network)
    }
}

impl Action<'_> {
    /// Whether it changes anything, where the revision is one that is there. What drains is made anew.
    fn is_needed(&self, definition: &str) -> bool {
        match self {
            Self::Create(_) => true,
            Self::Move(moved) => {
                moved.found.task_definition != definition
                    || moved.found.is_draining()
                    || moved.change() != Change::default()
            }
            Self::Put(rule) => {
                let says = |seen: &SeenRule| seen.says(&rule.rule(definition));
                !rule.seen.is_some_and(says)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use names::SecretArn;
    use release::task_definition::ContainerDefinition;

    use super::*;

    const BESIDE: &str = "arn:aws:ecs:us-east-1:123456789012:cluster/apps";
    const CREATED: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:myrack/shop-a1B2c3";

    fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
        let owned = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        owned.into()
    }

    fn definition(reads: Option<(&SecretArn, &str)>) -> TaskDefinition {
        let own = "arn:aws:ssm:us-east-1:123456789012:parameter/own";
        let (mut secrets, mut docker_labels) = (pairs([("OWN", own)]), BTreeMap::new());
        if let Some((arn, version_id)) = reads {
            secrets.insert("KEY".to_owned(), arn.value_from("KEY"));
            docker_labels = pairs([("convox.secret.version", version_id)]);
        }
        let container = ContainerDefinition {
            name: "web".to_owned(),
            image: "example/web:1".to_owned(),
            cpu: 256,
            memory: 512,
            essential: true,
            command: Vec::new(),
            environment: BTreeMap::new(),
            environment_files: Vec::new(),
            secrets,
            docker_labels,
            port_mappings: Vec::new(),
            mount_points: Vec::new(),
            readonly_root_filesystem: false,
            stop_timeout: None,
            open_files: 1024,
            init_process_enabled: false,
            privileged: false,
            awslogs: BTreeMap::new(),
        };
        TaskDefinition {
            family: "myrack_shop_web".to_owned(),
            task_role_arn: String::new(),
            execution_role_arn: String::new(),
            network_mode: "bridge".to_owned(),
            container_definitions: vec![container],
            volumes: Vec::new(),
            requires_compatibilities: Vec::new(),
            cpu: None,
            memory: None,
            runtime_platform: None,
            tags: BTreeMap::new(),
        }
    }

    fn kept(definition: TaskDefinition) -> ProcessStep<'static> {
        let known = Known {
            arn: "myrack_shop_web:7".to_owned(),
            digest: definition.digest(),
        };
        let rule = RulePut {
            name: "rule".to_owned(),
            seen: None,
            schedule: "rate(1 day)".to_owned(),
            cluster_arn: BESIDE.to_owned(),
            role_arn: String::new(),
            placement: Placement::Ec2,
        };
        ProcessStep {
            definition,
            revision: Revision::Keep(known),
            action: Action::Put(rule),
            moves: false,
        }
    }

    fn written(arn: &SecretArn, version_id: &str) -> Written {
        Written {
            arn: arn.clone(),
            version_id: version_id.to_owned(),
            changed: true,
        }
    }

    #[test]
    fn what_reads_a_secret_is_registered_anew_where_it_was_written_as_another_one_than_planned() {
        let uncreated = SecretArn::uncreated("myrack/shop", BESIDE);
        let created = SecretArn::returned(CREATED);
        for (planned, written, is_anew) in [
            (&uncreated, written(&created, "v1"), true),
            (&created, written(&created, "v1"), false),
            (&created, written(&created, "v2"), true),
        ] {
            let steps = [Some((planned, "v1")), None];
            let route = Route {
                source: EnvSource::SecretsManager {
                    secret_arn: planned.clone(),
                    version_id: "v1".to_owned(),
                },
                steps: steps.map(|reads| kept(definition(reads))).to_vec(),
                impossible: None,
            };
            let filled = route.filled(&written);
            let EnvSource::SecretsManager {
                secret_arn,
                version_id,
            } = &filled.source
            else {
                panic!("the secret delivers");
            };
            assert_eq!(
                (secret_arn, version_id),
                (&written.arn, &written.version_id)
            );
            let [reads, does_not] = filled.steps.as_slice() else {
                panic!("there are two");
            };
            let want = definition(Some((&written.arn, &written.version_id)));
            assert!(reads.definition == want, "{planned}");
            assert_eq!(reads.revision == Revision::Register, is_anew, "{planned}");
            assert_eq!(reads.moves, is_anew, "{planned}");
            assert!(does_not.definition == definition(None), "{planned}");
            assert!(!does_not.moves && does_not.revision.known().is_some());
        }
        let (lengths, planned) = (
            [&uncreated, &created].map(|arn| arn.as_str().len()),
            CREATED,
        );
        assert_eq!(lengths, [planned.len(); 2], "sizes are known before");
    }
}
