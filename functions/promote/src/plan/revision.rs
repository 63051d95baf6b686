//! What becomes of each Service and Timer: which revision it runs. Pure.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use aws::ecs::Registered;
use aws::secrets::{StandingSecret, Written};
use environment::Environment;
use manifest::Service;
use manifest::precedence::EnvVersion;
use names::ReleaseId;
use promotion::{APPLIED_MAX, Definition};
use release::task_definition::{self, EnvSource, Release, TaskDefinition};
use release::timer_rule::Network;

use serde::Serialize;

use super::movement::Action;
use super::outage::impossible_through_s3;
use super::{IngressPlan, Process};
use crate::config::Config;
use crate::facts::{Facts, Wanted};

/// What becomes of all Services and Timers where `source` gives them their environment.
#[derive(Clone)]
pub struct Route<'a> {
    /// Where tasks read the environment. An ARN that Secrets Manager has not chosen yet is [`SecretArn::uncreated`].
    ///
    /// [`SecretArn::uncreated`]: names::SecretArn::uncreated
    pub source: EnvSource,
    /// The variables of its definitions that only name the Release and its build.
    pub naming: Vec<&'static str>,
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
    /// The bytes of that which was rendered, as ECS counts them.
    pub size: usize,
    /// The digest of what of it the next Release may leave as it is, where it was needed already.
    core: Option<String>,
    /// Which revision says that, or all of it that matters to a task.
    pub revision: Revision,
    /// What makes it run that revision.
    pub action: Action<'a>,
    /// Whether that is done: what runs the revision already, and is as wanted, stays.
    pub moves: bool,
}

/// A revision of a task definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revision {
    /// The applied one: what a task of it gets is the same, whatever the Release is called.
    Keep(Known),
    /// One that an attempt left that died.
    Reuse(Known),
    /// A new one.
    Register,
}

/// How reports spell a [`Revision`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RevisionKind {
    /// The applied revision stays.
    Kept,
    /// One that was there before is used.
    Reused,
    /// A new one is registered.
    Registered,
}

/// A revision that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its ARN.
    pub arn: String,
    /// The digest of its definition.
    pub digest: String,
    /// The Release that it is of, where that is known and not the one that is promoted.
    pub release: Option<ReleaseId>,
    /// The version of the App's secret that it names, if it names one.
    pub secret_version_id: Option<String>,
}

/// What all steps are decided by.
pub(super) struct Draft<'p, 'a> {
    pub(super) config: &'p Config,
    pub(super) wanted: &'p Wanted<'a>,
    pub(super) facts: &'a Facts,
    pub(super) processes: &'p [Process<'a>],
    pub(super) release: &'p Release<'p>,
    pub(super) network: &'p Network,
    pub(super) ingress: &'p IngressPlan<'a>,
}

impl<'a> Route<'a> {
    /// Whether a definition that may be started with it names the version of the secret by its short label.
    pub(super) fn by_label(&self) -> bool {
        self.steps.iter().any(|step| {
            let is_kept = matches!(step.revision, Revision::Keep(_));
            !is_kept && step.definition.needs_label()
        })
    }

    /// The steps of what keeps its revision, each in its place.
    pub(super) fn kept(&self) -> Vec<Option<ProcessStep<'a>>> {
        let is_kept = |step: &ProcessStep<'_>| matches!(step.revision, Revision::Keep(_));
        let steps = self.steps.iter();
        let kept = steps.map(|step| is_kept(step).then(|| step.clone()));
        kept.collect()
    }

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
            version,
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
            if step.revision.names_another_than(version_id) {
                continue;
            }
            let definition = &mut step.definition;
            definition.fill_secret(&written.arn, &written.version_id);
            step.core = None;
            let newest = newest.get(&definition.family);
            step.revision = newest.map_or(Revision::Register, |newest| {
                Revision::left(&definition.digest(), newest, Some(&written.version_id))
            });
            let known = step.revision.known();
            step.moves = known.is_none_or(|known| step.action.is_needed(&known.arn));
        }
        filled.source = EnvSource::SecretsManager {
            secret_arn: written.arn.clone(),
            version_id: written.version_id.clone(),
            version: *version,
        };
        Cow::Owned(filled)
    }
}

impl ProcessStep<'_> {
    /// The digest of what of it the next Release may leave as it is; `naming` are the variables of its route.
    #[must_use]
    pub fn core(&self, naming: &[&str]) -> String {
        let known = self.core.clone();
        known.unwrap_or_else(|| self.definition.core(naming))
    }

    /// Whether it stays at a revision that names a version of the secret.
    #[must_use]
    pub fn keeps_a_version(&self) -> bool {
        let known = self.revision.known();
        known.is_some_and(|known| known.secret_version_id.is_some())
    }
}

impl Known {
    /// The applied one.
    fn of(applied: &Definition) -> Self {
        Self {
            arn: applied.arn.clone(),
            digest: applied.digest.clone(),
            release: applied.release.clone(),
            secret_version_id: applied.secret_version_id.clone(),
        }
    }
}

/// Whether the variables that a Service declares are the same in both environments.
fn reads_the_same(service: &Service, before: &Environment, now: &Environment) -> bool {
    let declared = |environment: &Environment| -> Vec<String> {
        let declared = service.declared_of(environment);
        declared.map(|key| key.as_str().to_owned()).collect()
    };
    let keys = declared(now);
    keys == declared(before) && keys.iter().all(|key| before.get(key) == now.get(key))
}

impl Revision {
    /// The `newest` revision, one that an attempt left that died, where it says what has this digest; else a new one.
    fn left(digest: &str, newest: &Registered, version_id: Option<&str>) -> Self {
        if newest.digest.as_deref() != Some(digest) {
            return Self::Register;
        }
        Self::Reuse(Known {
            arn: newest.arn.clone(),
            digest: digest.to_owned(),
            release: None,
            secret_version_id: version_id.map(str::to_owned),
        })
    }

    /// Whether it is kept because of what it reads, whatever becomes of `version_id`.
    fn names_another_than(&self, version_id: &str) -> bool {
        let Self::Keep(known) = self else {
            return false;
        };
        let named = known.secret_version_id.as_deref();
        named.is_some_and(|named| named != version_id)
    }

    /// How reports spell it.
    #[must_use]
    pub fn kind(&self) -> RevisionKind {
        match self {
            Self::Keep(_) => RevisionKind::Kept,
            Self::Reuse(_) => RevisionKind::Reused,
            Self::Register => RevisionKind::Registered,
        }
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

/// What was rendered for a process, as what is there is compared with it: each digest is made when it is asked for, and once.
struct Candidate<'r> {
    definition: &'r TaskDefinition,
    source: &'r EnvSource,
    naming: &'r [&'r str],
    digest: OnceCell<String>,
    core: OnceCell<String>,
}

impl<'r> Candidate<'r> {
    fn new(definition: &'r TaskDefinition, source: &'r EnvSource, naming: &'r [&'r str]) -> Self {
        Self {
            definition,
            source,
            naming,
            digest: OnceCell::new(),
            core: OnceCell::new(),
        }
    }

    fn digest(&self) -> &str {
        self.digest.get_or_init(|| self.definition.digest())
    }

    fn core(&self) -> &str {
        self.core.get_or_init(|| self.definition.core(self.naming))
    }
}

impl<'a> Draft<'_, 'a> {
    /// The steps of all that could be rendered, from what was.
    pub(super) fn route(
        &self,
        source: EnvSource,
        rendered: Vec<(&Process<'a>, TaskDefinition, usize)>,
    ) -> Route<'a> {
        let naming = task_definition::naming_variables(self.release, &source);
        let renewed = self.renewed(&rendered, (&source, &naming));
        let steps = rendered.into_iter();
        let steps = steps.map(|(process, definition, size)| {
            self.step(process, (definition, size), (&source, &naming), &renewed)
        });
        let steps: Vec<ProcessStep<'a>> = steps.collect();
        let mut route = Route {
            source,
            naming,
            steps,
            impossible: None,
        };
        route.impossible = self.impossible(&route, |_| true);
        route
    }

    /// What S3 delivers in the secret's place is what this Release changes: the rest stays at its version of the secret.
    pub(super) fn keep(&self, s3: &mut Route<'a>, kept: Vec<Option<ProcessStep<'a>>>) {
        let stays: Vec<bool> = kept.iter().map(Option::is_some).collect();
        for (step, kept) in s3.steps.iter_mut().zip(kept) {
            if let Some(kept) = kept {
                *step = kept;
            }
        }
        s3.impossible = self.impossible(s3, |place| !stays.get(place).copied().unwrap_or_default());
    }

    /// Why ECS or Linux would refuse S3 delivery of the steps in those places.
    fn impossible(&self, route: &Route<'_>, concerns: impl Fn(usize) -> bool) -> Option<String> {
        if matches!(route.source, EnvSource::SecretsManager { .. }) {
            return None;
        }
        let steps = route.steps.iter().zip(self.processes).enumerate();
        let steps = steps.filter(|(place, _)| concerns(*place));
        let mut steps = steps.map(|(_, (step, process))| (process.name(), step.size));
        let concerned = steps.next()?;
        impossible_through_s3(self.facts, [concerned].into_iter().chain(steps))
    }

    fn step(
        &self,
        process: &Process<'a>,
        (of_stack, size): (TaskDefinition, usize),
        (source, naming): (&EnvSource, &[&str]),
        renewed: &BTreeSet<&str>,
    ) -> ProcessStep<'a> {
        let rendered = Candidate::new(&of_stack, source, naming);
        let (bare, revision) = self.revision(process, &rendered, renewed);
        let core = rendered.core.into_inner();
        let action = self.action(process);
        let known = revision.known();
        let moves = known.is_none_or(|known| action.is_needed(&known.arn));
        ProcessStep {
            definition: bare.unwrap_or(of_stack),
            size,
            core,
            revision,
            action,
            moves,
        }
    }

    /// The revision that says what was rendered, or all of it that a task notices. A Service or Timer of an App that was promoted
    /// before it had a stack of its own keeps what it runs, with the Rack's roles and log group, until something else changes
    /// too, or that is dead: then with the definition that says so.
    fn revision(
        &self,
        process: &Process<'_>,
        rendered: &Candidate<'_>,
        renewed: &BTreeSet<&str>,
    ) -> (Option<TaskDefinition>, Revision) {
        let surroundings = &self.facts.surroundings;
        let applied = self.alive(process).filter(|_| !self.wanted.allowed.restart);
        if let Some(applied) = applied {
            let keep = Revision::Keep(Known::of(applied));
            if applied.digest == rendered.digest()
                || self.is_same(process, applied, rendered, renewed)
            {
                return (None, keep);
            }
            let bare = self.bare(process, rendered.source);
            if let Some(bare) = bare.filter(|bare| bare.digest() == applied.digest) {
                rendered.core();
                return (Some(bare), keep);
            }
        }
        let is_recorded = |recorded: &&Definition| self.says(recorded, rendered, renewed);
        if let Some(recorded) = self.recorded(process).filter(is_recorded) {
            return (None, Revision::Reuse(Known::of(recorded)));
        }
        let definition = rendered.definition;
        let version_id = rendered.source.pinned();
        let version_id = version_id.filter(|_| definition.reads_secret_of_app());
        let newest = surroundings.newest.get(&definition.family);
        let left = newest.map(|newest| Revision::left(rendered.digest(), newest, version_id));
        (None, left.unwrap_or(Revision::Register))
    }

    /// Whether a task of the applied revision gets what one of the Release would: then nothing but names differs, and it stays.
    fn is_same(
        &self,
        process: &Process<'_>,
        applied: &Definition,
        rendered: &Candidate<'_>,
        renewed: &BTreeSet<&str>,
    ) -> bool {
        let before = self.facts.before();
        let environment = &self.facts.release.environment.environment;
        self.says(applied, rendered, renewed)
            && before.is_some_and(|before| reads_the_same(process.service, before, environment))
    }

    /// Whether a revision says what was rendered, but for names and the values that it reads, and its version of the secret is
    /// there for tasks that start.
    fn says(&self, known: &Definition, rendered: &Candidate<'_>, renewed: &BTreeSet<&str>) -> bool {
        let named = known.secret_version_id.as_deref();
        let stands = match rendered.source {
            EnvSource::S3 { .. } => named.is_none(),
            EnvSource::SecretsManager { version, .. } => {
                *version == EnvVersion::Release && named.is_none_or(|named| self.stands(named))
            }
        };
        stands
            && !named.is_some_and(|named| renewed.contains(named))
            && known.core.as_deref() == Some(rendered.core())
    }

    /// What the Release ran when it was live before, where tasks can still be started with it: the environment is the same.
    fn recorded(&self, process: &Process<'_>) -> Option<&'a Definition> {
        let record = self.facts.record.as_ref()?;
        let of_kind = if process.is_timer() {
            &record.timers
        } else {
            &record.services
        };
        let recorded = of_kind.get(process.name());
        let dead = &self.facts.surroundings.dead;
        recorded.filter(|known| !self.wanted.allowed.restart && !dead.contains(&known.arn))
    }

    /// Whether a version of the secret is there for tasks that start, as far as that is known.
    fn stands(&self, version_id: &str) -> bool {
        let key_arn = self.config.secret_key_arn.as_deref();
        let applied = self.wanted.applied;
        if applied.is_some_and(|applied| applied.is_under_another_key(version_id, key_arn)) {
            return false;
        }
        let standing = self.facts.secret.as_ref();
        let is_missing = standing.is_none_or(StandingSecret::is_missing);
        let stages = standing.and_then(|standing| standing.stages());
        !is_missing && stages.is_none_or(|stages| stages.keeps(version_id))
    }

    /// The versions that nothing is kept at any more, or goes back to, although it could be: all definitions together name at most
    /// [`APPLIED_MAX`], so that there is room for history, and the oldest are left first.
    fn renewed(
        &self,
        rendered: &[(&Process<'a>, TaskDefinition, usize)],
        (source, naming): (&EnvSource, &[&str]),
    ) -> BTreeSet<&'a str> {
        let mut renewed = BTreeSet::new();
        let (Some(applied), Some(wanted)) = (self.wanted.applied, source.pinned()) else {
            return renewed;
        };
        let record = self.facts.record.iter();
        let recorded = record.flat_map(|it| it.services.values().chain(it.timers.values()));
        let all = applied.definitions().chain(recorded);
        let all: BTreeSet<&str> = all
            .filter_map(|known| known.secret_version_id.as_deref())
            .collect();
        if all.len() < APPLIED_MAX {
            return renewed;
        }
        let rendered = rendered.iter();
        let rendered =
            rendered.map(|(process, it, _)| (*process, Candidate::new(it, source, naming)));
        let rendered: Vec<(&Process<'a>, Candidate<'_>)> = rendered.collect();
        let age = |named: &&&str| {
            let mut versions = applied.versions.iter();
            versions.position(|version| version.id == **named)
        };
        loop {
            let named = rendered.iter().filter_map(|(process, rendered)| {
                let applied = self.alive(process);
                let kept = applied.filter(|known| self.is_same(process, known, rendered, &renewed));
                let recorded = || {
                    let recorded = self.recorded(process);
                    recorded.filter(|known| self.says(known, rendered, &renewed))
                };
                kept.or_else(recorded)?.secret_version_id.as_deref()
            });
            let named: BTreeSet<&'a str> = named.filter(|named| *named != wanted).collect();
            if named.len() < APPLIED_MAX {
                return renewed;
            }
            // One that is in no row is older than all.
            let oldest = named
                .iter()
                .max_by_key(|named| age(named).unwrap_or(usize::MAX));
            renewed.extend(oldest.copied());
        }
    }

    /// What is applied, where tasks can still be started with it.
    fn alive(&self, process: &Process<'_>) -> Option<&'a Definition> {
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

    use environment::EnvKey;
    use names::{SecretArn, VersionPart};
    use release::task_definition::{ContainerDefinition, SecretOfApp, Secrets};

    use super::*;
    use crate::plan::TimerPut;
    use release::timer_rule::Placement;

    const BESIDE: &str = "arn:aws:ecs:us-east-1:123456789012:cluster/apps";
    const CREATED: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:myrack/shop-a1B2c3";

    fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
        let owned = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        owned.into()
    }

    fn definition(reads: Option<(&SecretArn, &str)>) -> TaskDefinition {
        let own = "arn:aws:ssm:us-east-1:123456789012:parameter/own";
        let others = pairs([("OWN", own)]);
        let mut secrets = Secrets {
            of_app: None,
            others,
        };
        let mut docker_labels = BTreeMap::new();
        if let Some((arn, version_id)) = reads {
            secrets.of_app = Some(SecretOfApp {
                arn: arn.clone(),
                version: VersionPart::Id(version_id.to_owned()),
                keys: vec![EnvKey::new("KEY").unwrap()],
            });
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

    fn kept(definition: TaskDefinition, version_id: Option<&str>) -> ProcessStep<'static> {
        let known = Known {
            arn: "myrack_shop_web:7".to_owned(),
            digest: definition.digest(),
            release: None,
            secret_version_id: version_id.map(str::to_owned),
        };
        let rule = TimerPut {
            name: "rule".to_owned(),
            rule: None,
            scheduled: None,
            schedule: "rate(1 day)".to_owned(),
            timezone: None,
            dead_letter_arn: String::new(),
            is_disabled: false,
            cluster_arn: BESIDE.to_owned(),
            role_arn: String::new(),
            placement: Placement::Ec2,
        };
        ProcessStep {
            size: definition.size_bytes(),
            definition,
            core: None,
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
            not_current: None,
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
                    version: EnvVersion::Release,
                },
                naming: Vec::new(),
                steps: steps
                    .map(|reads| kept(definition(reads), reads.map(|(_, named)| named)))
                    .to_vec(),
                impossible: None,
            };
            let filled = route.filled(&written, &BTreeMap::new());
            let EnvSource::SecretsManager {
                secret_arn,
                version_id,
                ..
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
    fn what_is_kept_at_another_version_stays_whatever_is_written() {
        let created = SecretArn::returned(CREATED);
        let route = Route {
            source: EnvSource::SecretsManager {
                secret_arn: created.clone(),
                version_id: "v1".to_owned(),
                version: EnvVersion::Release,
            },
            naming: Vec::new(),
            steps: vec![kept(definition(Some((&created, "v1"))), Some("v0"))],
            impossible: None,
        };
        let filled = route.filled(&written(&created, "v2"), &BTreeMap::new());
        let known = filled.steps[0]
            .revision
            .known()
            .map(|known| known.arn.as_str());
        assert_eq!(
            (known, filled.steps[0].moves),
            (Some("myrack_shop_web:7"), false)
        );
        assert_eq!(filled.source.pinned(), Some("v2"));
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
                has_gateway_port: false,
                tags: BTreeMap::new(),
            };
            let route = Route {
                source: EnvSource::SecretsManager {
                    secret_arn: uncreated.clone(),
                    version_id: "v1".to_owned(),
                    version: EnvVersion::Release,
                },
                naming: Vec::new(),
                steps: vec![kept(definition(Some((&uncreated, "v1"))), Some("v1"))],
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
