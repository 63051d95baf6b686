//! What is done to put the applied Release back, as data. Pure.

use std::collections::{BTreeMap, BTreeSet};

use aws::secrets::{ReadableSecret, SecretError};
use lambda::unwanted::Removals;
use names::error_chain::Chain;
use promotion::{Definition, KeptVersion};
use release::timer_rule::TimerRule;

use super::Case;
use super::read::Seen;
use crate::apply::Run;
use crate::config::Config;
use crate::error::PromoteError;
use crate::plan::Action;

/// What puts the applied Release back.
pub(super) struct Undo<'a> {
    /// In their order.
    pub(super) steps: Vec<Step<'a>>,
    /// Why there are no more of them.
    pub(super) stopped: Option<PromoteError>,
    /// What is said of the App's stack, which is never put back.
    pub(super) stack: Option<String>,
}

/// One step.
pub(super) enum Step<'a> {
    /// A version of the secret is gone that definitions name: its environment is written again, under the same id.
    PutVersion(&'a KeptVersion),
    /// A version of the secret becomes the current one.
    MakeCurrent {
        /// The secret.
        secret: &'a ReadableSecret,
        /// The version's id.
        version_id: &'a str,
    },
    /// Something is done.
    Do {
        /// What.
        deed: Box<Deed<'a>>,
        /// What is said if it fails for good.
        failed: String,
        /// What was gone and is made again by it, in words.
        made: Option<String>,
    },
    /// What cannot be restored, in words.
    Left(String),
}

impl Step<'_> {
    /// What is made to run which revision, where it does that.
    pub(super) fn runs(&self) -> Option<Run<'_>> {
        match self {
            Self::Do { deed, .. } => match deed.as_ref() {
                Deed::Run { action, definition } => Some((action, definition)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether that is a Timer.
    pub(super) fn puts_a_timer(&self) -> bool {
        let runs = self.runs();
        runs.is_some_and(|(action, _)| matches!(action, Action::Put(_)))
    }
}

/// What is done, in one call or two.
pub(super) enum Deed<'a> {
    /// An ECS service, a rule or a schedule is made to run a revision.
    Run {
        /// How.
        action: Action<'a>,
        /// The revision's ARN.
        definition: &'a str,
    },
    /// A rule that is gone is created.
    MakeRuleAgain {
        /// Its name.
        name: &'a str,
        /// What it says.
        rule: TimerRule,
        /// Whether it did not fire.
        is_disabled: bool,
    },
    /// An ECS service that the failed request created is deleted.
    DeleteService(String),
    /// A rule that it created is removed.
    RemoveRule(String),
    /// A schedule that it created is removed.
    RemoveSchedule(String),
}

/// What is read and decided for one undo, and the steps so far.
pub(super) struct Draft<'a> {
    pub(super) config: &'a Config,
    pub(super) case: &'a Case<'a>,
    pub(super) seen: &'a Seen,
    pub(super) steps: Vec<Step<'a>>,
}

/// Decides what puts back the secret's current version, ECS services and rules; what was created beside them is removed.
pub(super) fn plan<'a>(config: &'a Config, case: &'a Case<'a>, seen: &'a Seen) -> Undo<'a> {
    let mut draft = Draft {
        config,
        case,
        seen,
        steps: Vec::new(),
    };
    let stopped = draft.all().err();
    Undo {
        steps: draft.steps,
        stopped,
        stack: stack(case, seen),
    }
}

impl<'a> Case<'a> {
    /// Whether the secret may be another one than the applied Release has.
    pub(super) fn names_the_secret(&self) -> bool {
        (self.interrupted || self.touched.secret) && !self.versions().is_empty()
    }

    /// The version that is current, where the applied Release is read from the secret.
    fn current(&self) -> Option<&'a str> {
        let secret = self.applied.secret.as_ref();
        secret.map(|secret| secret.version_id.as_str())
    }

    /// The versions that tasks of the applied Release read, the current one last.
    fn versions(&self) -> Vec<&'a str> {
        let mut versions = self.applied.named_versions();
        let current = self.current();
        if let Some(current) = current {
            versions.remove(current);
        }
        versions.into_iter().chain(current).collect()
    }

    /// What can make a version again.
    fn recorded(&self, version_id: &str) -> Option<&'a KeptVersion> {
        let mut versions = self.applied.versions.iter();
        versions.find(|version| version.id == version_id)
    }

    /// The Services whose ECS services may have been changed.
    pub(super) fn services(&self) -> Vec<(&'a String, &'a Definition)> {
        self.in_question(&self.applied.services, &self.touched.services)
    }

    /// The Timers whose rules or schedules may have been changed.
    pub(super) fn timers(&self) -> Vec<(&'a String, &'a Definition)> {
        self.in_question(&self.applied.timers, &self.touched.rules)
    }

    fn in_question(
        &self,
        known: &'a BTreeMap<String, Definition>,
        touched: &BTreeSet<String>,
    ) -> Vec<(&'a String, &'a Definition)> {
        let known = known.iter();
        known
            .filter(|(_, known)| self.interrupted || touched.contains(&known.runs_as))
            .collect()
    }
}

impl Draft<'_> {
    /// The steps of everything, until something could not be read.
    fn all(&mut self) -> Result<(), PromoteError> {
        self.secret();
        self.services()?;
        self.rules()?;
        self.created()
    }

    /// Every version that the applied Release's definitions name is there again, and its own is current. What cannot be read
    /// holds up nothing else.
    fn secret(&mut self) {
        let Some(seen) = &self.seen.secret else {
            return;
        };
        let secret = match seen {
            Ok(secret) => Some(secret),
            Err(SecretError::Missing { .. } | SecretError::ScheduledForDeletion { .. }) => None,
            Err(err) => {
                let (name, reason) = (self.case.id.secret(), Chain(err));
                return self.left(format!(
                    "the secret `{name}` could not be put back ({reason})"
                ));
            }
        };
        let versions = self.case.versions();
        let has = |version_id: &str| secret.is_some_and(|secret| secret.stages.has(version_id));
        for version_id in versions.iter().copied().filter(|id| !has(id)) {
            let step = match self.case.recorded(version_id) {
                Some(version) => Step::PutVersion(version),
                None => Step::Left(format!(
                    "version {version_id} of the secret `{}` is gone, and what made it is not \
                     written down",
                    self.case.id.secret()
                )),
            };
            self.steps.push(step);
        }
        let current = self.case.current();
        if let (Some(secret), Some(version_id)) = (secret, current.filter(|id| has(id)))
            && secret.stages.current() != Some(version_id)
        {
            self.steps.push(Step::MakeCurrent { secret, version_id });
        }
    }

    pub(super) fn left(&mut self, says: impl Into<String>) {
        self.steps.push(Step::Left(says.into()));
    }

    /// Removes what the failed promote, or an interrupted one before it, has created.
    fn created(&mut self) -> Result<(), PromoteError> {
        let Some(unwanted) = &self.seen.unwanted else {
            return Ok(());
        };
        let unwanted = unwanted.as_ref().map_err(Clone::clone)?;
        let Removals {
            services,
            rules,
            schedules,
        } = Removals::of(self.case.id, unwanted);
        let services = services.into_iter().map(|service| Step::Do {
            failed: format!("the ECS service `{service}`, which it created, still runs"),
            deed: Box::new(Deed::DeleteService(service)),
            made: None,
        });
        let rules = rules.into_iter().map(|rule| Step::Do {
            failed: format!("the rule `{rule}`, which it created, is still there"),
            deed: Box::new(Deed::RemoveRule(rule)),
            made: None,
        });
        let schedules = schedules.into_iter().map(|name| Step::Do {
            failed: format!("the schedule `{name}`, which it created, is still there"),
            deed: Box::new(Deed::RemoveSchedule(name)),
            made: None,
        });
        self.steps.extend(services.chain(rules).chain(schedules));
        Ok(())
    }
}

/// The App's stack, in words, where it is not as the applied Release had it: it is never put back, since what it holds is
/// people's data, and the next promote makes of it what its own convox.yml says. A change of it takes more than one
/// attempt, so a request that was never interrupted has made none.
fn stack(case: &Case<'_>, seen: &Seen) -> Option<String> {
    let before = case.applied.stack_digest.as_ref()?;
    let name = case.id.stack();
    let seen = match seen.stack.as_ref()? {
        Ok(seen) => seen.as_ref()?,
        Err(err) => {
            let reason = Chain(err);
            return Some(format!(
                "whether the stack `{name}` was changed is not known ({reason})"
            ));
        }
    };
    let changed = seen.is_at_work() || seen.digest() != *before;
    let says = || {
        format!(
            "the stack `{name}`, with its resources, is not put back: it stays as this \
             request, or one before it that did not finish, made it ({}), and the next promote \
             makes of it what its own convox.yml says",
            seen.status
        )
    };
    (case.id.owns(&seen.tags) && changed).then(says)
}

#[cfg(test)]
mod tests {
    use aws::call_error::CallError;
    use aws::secrets::{Stages, own_label};
    use lambda::unwanted::Unwanted;
    use manifest::capacity::Capacity;
    use manifest::precedence::EnvDelivery;
    use names::{AppId, AppName, RackName, ReleaseId};
    use promotion::{Applied, MayStand, SecretVersion};
    use release::stack_state::SeenStack;
    use serde_json::{Value, json};

    use super::*;
    use crate::progress::Touched;
    use crate::undo::read::Look;

    const WEB: &str = "myrack_shop_web";
    const NIGHTLY: &str = "myrack_shop_timer_nightly";

    fn id() -> AppId {
        AppId {
            rack: RackName::new("myrack").unwrap(),
            app: AppName::new("shop").unwrap(),
        }
    }

    fn config() -> Config {
        let setting = |name: &str| {
            let value = match name {
                "RACK" => "myrack",
                "CLUSTER" => "apps",
                _ if name.ends_with("_ARN") => "arn:aws:iam::123456789012:role/any",
                "SETTINGS_BUCKET" | "AWS_REGION" => "any",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let config = Config::from_lookup(|name| match name {
            "SECRET_KEY_ARN" | "ENVIRONMENT_KEY_ARN" => None,
            name => setting(name),
        });
        config.unwrap()
    }

    fn known(runs_as: &str, schedule: Option<&str>) -> Definition {
        Definition {
            arn: format!("{runs_as}:7"),
            digest: "digest".to_owned(),
            core: None,
            release: None,
            secret_version_id: None,
            runs_as: runs_as.to_owned(),
            schedule: schedule.map(str::to_owned),
            timezone: None,
            capacity: None,
            deployment: None,
            exec: false,
            count: None,
            was: None,
            balancing: None,
            connectors: Vec::new(),
            set: None,
            stands: None,
        }
    }

    fn applied() -> Applied {
        Applied {
            release: ReleaseId::new("R1").unwrap(),
            request_id: "request".to_owned(),
            env_version_id: "version".to_owned(),
            delivery: EnvDelivery::S3,
            secret: None,
            services: BTreeMap::from([("web".to_owned(), known(WEB, None))]),
            timers: BTreeMap::from([("nightly".to_owned(), known(NIGHTLY, Some("rate(1 day)")))]),
            versions: Vec::new(),
            going_back_to: BTreeSet::new(),
            stack: None,
            cluster: None,
            network: None,
            stack_digest: Some("before".to_owned()),
            watch: None,
        }
    }

    fn stack(status: &str, template: Value) -> SeenStack {
        SeenStack {
            arn: "arn".to_owned(),
            status: status.to_owned(),
            tags: id().tags(),
            outputs: BTreeMap::new(),
            template,
            failure: None,
        }
    }

    fn nothing() -> Seen {
        Seen {
            secret: None,
            services: Ok(BTreeMap::new()),
            manifest: None,
            rules: BTreeMap::from([(NIGHTLY.to_owned(), Ok(None))]),
            schedules: BTreeMap::new(),
            active: BTreeMap::new(),
            cluster: None,
            unwanted: Some(Ok(Unwanted::default())),
            stack: None,
        }
    }

    /// A secret with these versions.
    fn readable(versions: &[&str], current: &str) -> ReadableSecret {
        let labels = |id: &str| {
            let current = (id == current).then(|| "AWSCURRENT".to_owned());
            [own_label(id)].into_iter().chain(current).collect()
        };
        let versions = versions.iter();
        let versions = versions.map(|id| ((*id).to_owned(), labels(id)));
        ReadableSecret {
            arn: names::SecretArn::returned("arn"),
            stages: Stages(versions.collect()),
        }
    }

    fn version(id: &str) -> KeptVersion {
        KeptVersion {
            id: id.to_owned(),
            release: Some(ReleaseId::new("R1").unwrap()),
            env_version_id: Some("version".to_owned()),
            key_arn: None,
            by_label: false,
        }
    }

    #[test]
    fn every_version_that_is_named_is_put_back_under_its_id_and_the_own_one_is_current_in_the_end()
    {
        let mut applied = applied();
        applied.delivery = EnvDelivery::SecretsManager;
        applied.secret = Some(SecretVersion {
            arn: names::SecretArn::returned("arn"),
            version_id: "v3".to_owned(),
        });
        for (known, id) in applied.services.values_mut().zip(["v1"]) {
            known.secret_version_id = Some(id.to_owned());
        }
        applied.versions = ["v3", "v1"].map(version).to_vec();
        let missing = || SecretError::Missing {
            name: "myrack/shop".to_owned(),
        };
        let denied = CallError::stated("describe", "AccessDeniedException", None);
        let unreadable = "the secret `myrack/shop` could not be put back (failed to describe: AccessDeniedException)";
        for (secret, want) in [
            (Ok(readable(&["v1", "v3"], "v3")), vec![]),
            (
                Ok(readable(&["v1", "v3", "v4"], "v4")),
                vec!["make v3 current"],
            ),
            (
                Ok(readable(&["v3", "v4"], "v4")),
                vec!["put v1", "make v3 current"],
            ),
            (Ok(readable(&["v4"], "v4")), vec!["put v1", "put v3"]),
            (Err(missing()), vec!["put v1", "put v3"]),
            (Err(SecretError::Call(denied)), vec![unreadable]),
        ] {
            let says = format!("{secret:?}");
            let seen = Seen {
                secret: Some(secret),
                ..nothing()
            };
            let (mut steps, _, _) = undone(&applied, &seen);
            steps.retain(|step| step.contains(" v") || step.contains("secret"));
            assert_eq!(steps, want, "{says}");
        }
    }

    /// Makes that unreadable.
    type Denied = fn(&mut Seen, CallError);

    /// The steps in words, what stopped them, and what is said of the stack.
    fn undone(applied: &Applied, seen: &Seen) -> (Vec<String>, Option<String>, Option<String>) {
        let (id, config, touched) = (id(), config(), Touched::default());
        let case = Case {
            id: &id,
            applied,
            touched: &touched,
            interrupted: true,
            created: true,
            may_stand: MayStand {
                schedules: true,
                connectors: true,
            },
        };
        let undo = plan(&config, &case, seen);
        let steps = undo.steps.iter().map(|step| match step {
            Step::PutVersion(version) => format!("put {}", version.id),
            Step::MakeCurrent { version_id, .. } => format!("make {version_id} current"),
            Step::Do { failed, .. } => failed.clone(),
            Step::Left(says) => says.clone(),
        });
        let stopped = undo.stopped.map(|err| Chain(&err).to_string());
        (steps.collect(), stopped, undo.stack)
    }

    #[test]
    fn what_cannot_be_read_stops_what_comes_after_it_and_nothing_before() {
        let denied = || CallError::stated("look", "AccessDeniedException", None);
        let secret = "make v1 current".to_owned();
        let gone = format!("the ECS service `{WEB}` is gone, and it was not this App's to create");
        let rule = format!("the rule `{NIGHTLY}` is gone, and what it said is not written down");
        let cases: [(Denied, Vec<&String>); 3] = [
            (|seen, err| seen.services = Err(err), vec![&secret]),
            (
                |seen, err| seen.rules = BTreeMap::from([(NIGHTLY.to_owned(), Err(err))]),
                vec![&secret, &gone],
            ),
            (
                |seen, err| seen.unwanted = Some(Look::Err(err)),
                vec![&secret, &gone, &rule],
            ),
        ];
        let mut applied = applied();
        applied.delivery = EnvDelivery::SecretsManager;
        applied.secret = Some(SecretVersion {
            arn: names::SecretArn::returned("arn"),
            version_id: "v1".to_owned(),
        });
        for (deny, want) in cases {
            let mut seen = nothing();
            seen.secret = Some(Ok(readable(&["v1", "v2"], "v2")));
            deny(&mut seen, denied());
            let (steps, stopped, _) = undone(&applied, &seen);
            assert_eq!(steps.iter().collect::<Vec<_>>(), want);
            let says = stopped.expect("it stops");
            assert!(says.contains("AccessDeniedException"), "{says}");
        }
    }

    #[test]
    fn no_rule_is_made_again_for_a_revision_that_nothing_can_start() {
        let mut applied = applied();
        applied.cluster = Some("arn:aws:ecs:us-east-1:123456789012:cluster/apps".to_owned());
        let nightly = applied.timers.values_mut();
        nightly.for_each(|nightly| nightly.capacity = Some(Capacity::Ec2));
        for (active, want) in [
            (
                Some(true),
                format!("the rule `{NIGHTLY}` could not be put back"),
            ),
            (None, format!("the rule `{NIGHTLY}` could not be put back")),
            (
                Some(false),
                format!(
                    "the rule `{NIGHTLY}` cannot start {NIGHTLY}:7 any more, which a deletion \
                     deregistered"
                ),
            ),
        ] {
            let active = active.map(|active| (NIGHTLY.to_owned(), Ok(active)));
            let seen = Seen {
                active: active.into_iter().collect(),
                ..nothing()
            };
            let (steps, stopped, _) = undone(&applied, &seen);
            assert_eq!((steps.last(), stopped), (Some(&want), None));
        }
    }

    #[test]
    fn services_in_a_cluster_of_before_are_left_there() {
        let mut applied = applied();
        applied.cluster = Some("arn:aws:ecs:us-east-1:123456789012:cluster/former".to_owned());
        let (steps, _, _) = undone(&applied, &nothing());
        assert!(
            steps[0].ends_with("so none was made in `apps`"),
            "{steps:?}"
        );
    }

    #[test]
    fn a_stack_that_was_changed_is_named_in_one_sentence() {
        let same = stack("UPDATE_COMPLETE", json!({"is": "there"}));
        let mut applied = applied();
        applied.stack_digest = Some(same.digest());
        for (seen, is_named) in [
            (same.clone(), false),
            (stack("UPDATE_IN_PROGRESS", json!({"is": "there"})), true),
            (stack("UPDATE_COMPLETE", json!({"is": "new"})), true),
        ] {
            let status = seen.status.clone();
            let seen = Seen {
                stack: Some(Ok(Some(seen))),
                ..nothing()
            };
            let (_, _, says) = undone(&applied, &seen);
            assert_eq!(says.is_some(), is_named, "{status}: {says:?}");
            assert!(!says.unwrap_or_default().contains("  "), "{status}");
        }
    }
}
