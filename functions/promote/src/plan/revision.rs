//! What becomes of each Service and Timer: which revision it runs. Pure.

use std::borrow::Cow;
use std::collections::BTreeMap;

use aws::ecs::Registered;
use aws::secrets::Written;
use promotion::Definition;
use release::task_definition::{EnvSource, Release, TaskDefinition};
use release::timer_rule::Network;

use super::Process;
use super::movement::Action;
use super::outage::impossible_through_s3;
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
    /// is created has, what reads it is registered anew, unless the `newest` revision of its family says the same.
    #[must_use]
    pub fn filled(
        &self,
        written: &Written,
        newest: &BTreeMap<String, Registered>,
    ) -> Cow<'_, Self> {
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
            let newest = newest.get(&definition.family);
            step.revision = newest.map_or(Revision::Register, |newest| {
                Revision::left(definition.digest(), Some(newest))
            });
            let known = step.revision.known();
            step.moves = known.is_none_or(|known| step.action.is_needed(&known.arn));
        }
        filled.source = EnvSource::SecretsManager {
            secret_arn: written.arn.clone(),
            version_id: written.version_id.clone(),
        };
        Cow::Owned(filled)
    }
}

impl Revision {
    /// The `newest` revision, one that an attempt left that died, where it says what has this digest; else a new one.
    fn left(digest: String, newest: Option<&Registered>) -> Self {
        let newest = newest.filter(|newest| newest.digest.as_ref() == Some(&digest));
        newest.map_or(Self::Register, |newest| {
            let arn = newest.arn.clone();
            Self::Reuse(Known { arn, digest })
        })
    }

    /// The revision, where it is there.
    #[must_use]
    pub fn known(&self) -> Option<&Known> {
        match self {
            Self::Keep(known) | Self::Reuse(known) => Some(known),
            Self::Register => None,
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
        (of_stack, Revision::left(digest, newest))
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
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use names::SecretArn;
    use release::task_definition::ContainerDefinition;

    use super::*;
    use crate::plan::RulePut;
    use release::timer_rule::Placement;

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
            let filled = route.filled(&written, &BTreeMap::new());
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

    #[test]
    fn what_a_dead_attempt_left_is_run_where_it_reads_the_secret_as_it_was_written() {
        let uncreated = SecretArn::uncreated("myrack/shop", BESIDE);
        let created = SecretArn::returned(CREATED);
        let says = definition(Some((&created, "v1")));
        for (digest, want) in [
            (Some(says.digest()), Some("myrack_shop_web:8")),
            (Some(definition(None).digest()), None),
            (None, None),
        ] {
            let newest = Registered {
                arn: "myrack_shop_web:8".to_owned(),
                is_active: true,
                secret_references: BTreeSet::new(),
                digest: digest.clone(),
                tags: BTreeMap::new(),
            };
            let route = Route {
                source: EnvSource::SecretsManager {
                    secret_arn: uncreated.clone(),
                    version_id: "v1".to_owned(),
                },
                steps: vec![kept(definition(Some((&uncreated, "v1"))))],
                impossible: None,
            };
            let newest = BTreeMap::from([(says.family.clone(), newest)]);
            let filled = route.filled(&written(&created, "v1"), &newest);
            let [step] = filled.steps.as_slice() else {
                panic!("there is one");
            };
            let known = step.revision.known().map(|known| known.arn.as_str());
            assert_eq!(known, want, "{digest:?}");
            assert!(step.moves, "the rule is not there yet: {digest:?}");
        }
    }
}
