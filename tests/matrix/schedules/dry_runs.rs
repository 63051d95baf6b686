//! A dry run says what the promote after it does: over states that Releases, people with tools of their own, and other settings of
//! the Rack have left.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread;

use aws::secrets::{SecretWrite, ValueWrite};
use lambda::answer::AnswerStatus;
use lambda::intake::Failure as _;
use lambda::work::RecordRead;
use names::ReleaseId;
use promote::facts::Wanted;
use promote::plan::{self, RevisionKind, SecretStep};
use promote::{Edge as _, Planned, PlannedDefinition, PlannedEnvironment, PromoteError, Report};
use promotion::{Allowed, Applied, WorkKind};
use rig::chance::Chance;
use rig::proof;

use super::counting;
use super::explore::Schedule;
use super::explored::Explored;
use super::message::Body;
use super::model::Model;
use super::outside::EnvVersion;
use super::releases::{BAD, Rack, WIDE};
use super::store::{Access, PROMOTION, Sim};

/// How many dry runs are compared with what came of them.
const DRY_RUNS: usize = 10_000;
/// Promotes of one App.
const PROMOTES: usize = 25;

/// What the dry run says, and its plan's step for the secret.
struct Said {
    planned: Result<Planned, PromoteError>,
    secret: Step,
}

/// The step for the secret.
enum Step {
    /// Nobody looked.
    Unseen,
    /// The secret is not written.
    Nothing,
    /// What is done, and the version that comes of it.
    Write(&'static str, Option<String>),
}

#[test]
fn a_dry_run_says_what_the_promote_after_it_does() {
    let _alone = crate::alone();
    let count = super::number("DRY_RUNS").map_or(DRY_RUNS, |count| count.try_into().unwrap());
    let first = super::number("SCHEDULES_FROM").unwrap_or(0);
    let apps = |remainder| {
        thread::spawn(move || {
            let (mut met, mut seed) = (Explored::default(), first + remainder);
            while met.of("dry runs") * 2 < count as u64 {
                met = [met, app(seed)].into_iter().sum();
                seed += 2;
            }
            met
        })
    };
    let ended = [0, 1].map(apps).map(thread::JoinHandle::join);
    let ended = ended.into_iter();
    let met: Explored = ended
        .map(|ended| ended.expect("a dry run says something else: see above"))
        .sum();
    println!("{met}");
    if count >= DRY_RUNS {
        met.assert_met(&MET, 5);
    }
    let count = met.of("dry runs");
    proof::covered(&format!("dry runs: {count}, each as the promote after it"));
}

/// What is met often enough.
const MET: [&str; 21] = [
    "a revision deregistered",
    "a rule deleted",
    "a rule rescheduled",
    "a rule without target",
    "a service deleted",
    "a service moved",
    "an own label taken away",
    "another version made current",
    "changed settings of the Rack",
    "create",
    "failed",
    "kept",
    "label",
    "put",
    "registered",
    "removals",
    "restore",
    "reused",
    "the secret scheduled for deletion",
    "the state is lost",
    "waits",
];

/// One App: Releases, and what others do between them.
fn app(seed: u64) -> Explored {
    let mut chance = Chance::new(seed);
    let mut rack = Rack::default();
    rack.change(&mut chance);
    let releases: &[&str] = match chance.below(24) {
        0 => &[WIDE[0], WIDE[1], "A", "C"],
        1..=7 => &["A", "B", BAD, "C"],
        _ => &["A", "A2", "C", "D"],
    };
    let mut schedule = Schedule::new(seed, chance, rack);
    schedule.watch.is_off = true;
    for _ in 0..PROMOTES {
        for _ in 0..schedule.below(4) {
            disturb(&mut schedule);
        }
        let release = releases[schedule.below(releases.len())];
        compare(&mut schedule, release);
        schedule.advance(1);
    }
    schedule.met
}

fn disturb(schedule: &mut Schedule) {
    match schedule.below(20) {
        0..=7 => {
            let mut sim = schedule.sim.borrow_mut();
            let Sim {
                outside, chance, ..
            } = &mut *sim;
            if let Some(met) = outside.break_something(chance) {
                schedule.met.count(met);
                sim.trace.push(met.to_owned());
            }
        }
        8..=16 => schedule.interfere(),
        17 => {
            let mut sim = schedule.sim.borrow_mut();
            sim.objects.remove(PROMOTION);
            schedule.met.count("the state is lost");
            sim.trace.push("the state is lost".to_owned());
        }
        _ => schedule.change_rack(),
    }
}

fn compare(schedule: &mut Schedule, release: &'static str) {
    let stands = schedule.sim.borrow().outside.newest(release).cloned();
    let again = stands.filter(|_| schedule.below(2) == 0);
    let (version, body) = match again {
        Some(version) => {
            let number = schedule.below(usize::MAX);
            let body = Body::Requested(release, format!("event-{number}"), schedule.now());
            (version, body)
        }
        None => match schedule.write_environment(release) {
            Body::Written(version, sequencer) => {
                (version.clone(), Body::Written(version, sequencer))
            }
            other => panic!("{other:?} is no upload"),
        },
    };
    let before = schedule.sim.borrow().promotion().applied;
    let looks_at_secret = schedule.below(4) == 0;
    let said = dry_run(schedule, &version, looks_at_secret);
    let begins = {
        let mut sim = schedule.sim.borrow_mut();
        sim.reports.clear();
        sim.trace.len()
    };
    schedule.take_alone(body);
    let sim = Rc::clone(&schedule.sim);
    let sim = sim.borrow();
    let case = Case {
        schedule,
        sim: &sim,
        begins,
        before: before.as_ref(),
    };
    case.compare(&said);
    schedule.met.count("dry runs");
}

/// Looks, without a step of anybody else; at the plan's step for the secret too, which the answer does not tell, now and then.
fn dry_run(schedule: &Schedule, version: &EnvVersion, looks_at_secret: bool) -> Said {
    let model = Model {
        kind: WorkKind::Promote,
        access: Access {
            sim: Rc::clone(&schedule.sim),
            owner: "dry run".to_owned(),
            clock_ahead: 0,
        },
        config: schedule.sim.borrow().rack.config(),
        promotes: RefCell::default(),
    };
    let (id, release) = (counting::id(), ReleaseId::new(version.release).unwrap());
    let changes = schedule.sim.borrow().outside.changes;
    let writes = schedule.sim.borrow().writes;
    let environment = PlannedEnvironment {
        version_id: &version.id,
        is_draft: false,
    };
    let said = ended(async {
        let planned = promote::planned(&model, &id, &release, environment, Allowed::default());
        let planned = Box::pin(planned).await;
        let state = schedule.sim.borrow().promotion();
        let wanted = Wanted {
            id: &id,
            release: &release,
            env_version_id: &version.id,
            applied: state.applied.as_ref(),
            record: &RecordRead::NotYet,
            interrupted: state.may_have_left_changes(),
            is_draft: false,
            allowed: Allowed::default(),
            may_stand: state.may_stand,
        };
        let facts = model.facts(&wanted).await;
        let facts = facts.as_ref().ok().filter(|_| looks_at_secret);
        let plan = facts.map(|facts| plan::plan(model.config, &wanted, facts, "dry-run"));
        let plan = plan.and_then(Result::ok);
        let secret = plan.map_or(Step::Unseen, |plan| secret_step(&plan.secret));
        Said { planned, secret }
    });
    let sim = schedule.sim.borrow();
    let wrote = (sim.outside.changes, sim.writes) != (changes, writes);
    assert!(!wrote, "a dry run writes nothing");
    said
}

fn secret_step(step: &SecretStep<'_>) -> Step {
    let SecretStep::Write(secret) = step else {
        return Step::Nothing;
    };
    let name = match &secret.write {
        SecretWrite::Create { .. } => "create",
        SecretWrite::Existing { then, .. } => match then {
            ValueWrite::Label { .. } => "label",
            ValueWrite::Put { .. } => "put",
            ValueWrite::Restore { .. } => "restore",
            _ => "none",
        },
    };
    Step::Write(name, secret.write.version_id().map(str::to_owned))
}

fn ended<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(ended) = future.as_mut().poll(&mut context) {
            return ended;
        }
    }
}

/// One dry run and the promote after it.
struct Case<'c> {
    schedule: &'c mut Schedule,
    sim: &'c Sim,
    begins: usize,
    before: Option<&'c Applied>,
}

impl Case<'_> {
    fn compare(self, said: &Said) {
        let first = self.sim.reports.first();
        let first = first.expect("the request was worked on").as_ref();
        match &said.planned {
            Err(err) => {
                let failed = first.and_then(|report| report.error_type.clone());
                self.same("the error", &Some(err.error_type()), &failed);
                self.schedule.met.count("failed");
            }
            Ok(planned) if planned.waits_for.is_some() || planned.stack != "ready" => {
                self.same("that it waits", &first.map(|report| report.status), &None);
                self.schedule.met.count("waits");
            }
            Ok(planned) => {
                let report = first.expect("it does not wait");
                self.promoted(planned, report);
                self.secret(said, report);
                self.count(planned, report, said);
            }
        }
    }

    fn same<T: PartialEq + std::fmt::Debug>(&self, what: &str, planned: &T, done: &T) {
        if planned != done {
            let says = format!("a dry run says {what} {planned:?}, and {done:?} was done");
            self.schedule.watch.broken(self.sim, &says);
        }
    }

    fn promoted(&self, planned: &Planned, report: &Report) {
        let status = (report.status, report.message.as_ref());
        self.same("that", &(AnswerStatus::Promoted, None), &status);
        self.same("of delivery", &Some(planned.delivery), &report.delivery);
        self.same("of levels", &Some(planned.decided_by), &report.decided_by);
        let fallback = |fallback: &promote::Fallback| fallback.error_type.clone();
        self.same(
            "of a fallback",
            &planned.fallback.as_ref().map(fallback),
            &report.fallback.as_ref().map(fallback),
        );
        let version = (&planned.env_version_id, &report.env_version_id);
        self.same("of the environment", version.0, version.1);
        self.same("of removals", &planned.removed, &report.removed);
        let processes = |planned: &BTreeMap<String, PlannedDefinition>| -> Vec<_> {
            let each = planned.iter().map(|(name, it)| {
                (
                    name.clone(),
                    it.revision,
                    it.changes,
                    it.task_definition.clone(),
                )
            });
            each.collect()
        };
        let done = report.services.iter().chain(&report.timers);
        let done: Vec<(String, RevisionKind, bool, Option<String>)> = done
            .map(|(name, it)| {
                let old = it.old_task_definition.clone();
                (name.clone(), it.revision, it.changed, old)
            })
            .collect();
        let planned_of = [&planned.services, &planned.timers];
        let planned_of = planned_of.into_iter().flat_map(processes).collect();
        if !self.took_another_id() {
            self.same("of Services and Timers", &planned_of, &done);
        }
        self.kept(planned, report);
    }

    /// A dry run names what is kept as it stands; the promote adds nothing but its own Release.
    fn kept(&self, planned: &Planned, report: &Report) {
        let stands = self.before.map(Applied::kept_releases).unwrap_or_default();
        self.same("of kept Releases", &planned.kept_releases, &stands);
        let own = BTreeSet::from([report.release.clone()]);
        let new: BTreeSet<&String> = report.kept_releases.difference(&stands).collect();
        let is_own = new.into_iter().all(|release| own.contains(release));
        self.same("that only its own is new", &true, &is_own);
    }

    /// Whether Secrets Manager refused the id of a version that is gone, which nobody can know before: what reads it is
    /// registered with the next one.
    fn took_another_id(&self) -> bool {
        let puts = self
            .calls()
            .filter(|call| call.starts_with("put a version") || call.starts_with("put the first"));
        puts.count() > 1
    }

    /// The calls of the promote.
    fn calls(&self) -> impl Iterator<Item = &str> {
        let lines = self.sim.trace[self.begins..].iter();
        lines.filter_map(|line| line.strip_suffix(" Good")?.split_once(' ').map(|it| it.1))
    }

    fn secret(&self, said: &Said, report: &Report) {
        let done = self.calls().find_map(|call| match call {
            "create the secret" => Some("create"),
            "restore the secret" => Some("restore"),
            "put a version" => Some("put"),
            "label the version" => Some("label"),
            _ => None,
        });
        let (step, version_id) = match &said.secret {
            Step::Unseen => return,
            Step::Nothing => (None, None),
            Step::Write(step, version_id) => (Some(*step), version_id.clone()),
        };
        self.same("of the secret", &step, &done);
        if !self.took_another_id() {
            self.same("of its version", &version_id, &report.secret_version_id);
        }
    }

    fn count(self, planned: &Planned, report: &Report, said: &Said) {
        let took_another_id = self.took_another_id();
        let met = &mut self.schedule.met;
        let all = report.services.values().chain(report.timers.values());
        for moved in all {
            met.count(match moved.revision {
                RevisionKind::Kept => "kept",
                RevisionKind::Reused => "reused",
                RevisionKind::Registered => "registered",
            });
        }
        if let Step::Write(step, _) = said.secret {
            met.count(step);
        }
        if !planned.removed.is_empty() {
            met.count("removals");
        }
        if took_another_id {
            met.count("other ids than planned");
        }
    }
}
