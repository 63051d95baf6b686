//! The scheduler: users with wishes, queues with redelivery, invocations that are stepped, crashed and timed out.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use names::AppId;
use promotion::{Desired, KEPT_MAX, WorkKind};
use rig::chance::Chance;

use super::counting;
use super::explored::Explored;
use super::invariants::Watch;
use super::message::{Body, work};
use super::model::Model;
use super::outside::{EnvVersion, Outside, environment_key};
use super::releases::{
    BAD, MIGRATING, OUTAGE, REFUSED, Rack, SPARING, STUCK, WIDE, WIDE_OUTAGE, WIDE_REFUSED,
};
use super::stack;
use super::store::{Access, Shared, Sim, at};

/// Steps of one schedule before it comes to rest.
const STEPS: usize = 320;
const RUNNING_MAX: usize = 3;
/// Lambda's limit, and SQS's visibility time-out and receives (template.yaml).
const LIMIT_SECONDS: i64 = 120;
const VISIBILITY_SECONDS: i64 = 300;
const RECEIVES_MAX: u32 = 5;
/// What the schedule of deployments calls what it does.
const ECS_GOES_BACK: &str = "ECS goes back";
const DEPLOYMENTS_END: &str = "deployments end";
/// Longer than a Rack waits for a Release to become live, by any clock.
const PATIENCE_SECONDS: i64 = 31 * 60;
/// Rounds of redelivery and reconciliation after which a schedule must be at rest.
const ROUNDS_MAX: usize = 80;
/// What is promoted where there are many Services.
const WIDE_AND_OTHERS: &[&str] = &[
    WIDE[0],
    WIDE[1],
    WIDE[2],
    WIDE[3],
    WIDE[4],
    WIDE[5],
    WIDE[6],
    WIDE[7],
    WIDE[8],
    WIDE[9],
    WIDE[10],
    WIDE[11],
    WIDE_REFUSED,
    WIDE_OUTAGE,
    "A",
];
/// Releases of a long history: with the first one, more than the versions that are kept.
const HISTORY: usize = KEPT_MAX + 3;

/// Who takes a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Queue {
    Work(WorkKind),
    Count,
    /// Looks at what ECS runs.
    Look,
}

#[derive(Debug, Clone)]
struct Queued {
    queue: Queue,
    body: Body,
    receives: u32,
    visible_at: i64,
}

struct Running {
    future: Pin<Box<dyn Future<Output = bool>>>,
    message: Queued,
    ends_at: i64,
}

/// A schedule: what outlives its invocations, and what is under way.
pub struct Schedule {
    pub sim: Shared,
    id: AppId,
    queued: Vec<Queued>,
    dead_letters: Vec<Queued>,
    running: Vec<Running>,
    invocations: usize,
    wishes: usize,
    releases: &'static [&'static str],
    has_history: bool,
    is_reconfigured: bool,
    pub met: Explored,
    pub watch: Watch,
}

/// Runs one schedule.
///
/// # Panics
///
/// When an invariant breaks, with the seed and what was done.
pub fn schedule(seed: u64) -> Explored {
    let mut chance = Chance::new(seed);
    let trouble = chance.one_of(&[0, 25, 8]);
    let is_wide = chance.once_in(50);
    let has_history = is_wide || chance.once_in(40);
    let is_reconfigured = chance.once_in(if has_history { 2 } else { 4 });
    // Three outages in a row are rare among all else, so they have schedules of their own.
    let (releases, wishes): (&[_], _) = if is_wide {
        (WIDE_AND_OTHERS, 8)
    } else if has_history {
        (&["A", "A", "A2", "C", "D", REFUSED, OUTAGE], 8)
    } else if chance.once_in(4) {
        (&[OUTAGE, OUTAGE, OUTAGE, "A"], 4 + chance.below(6))
    } else if chance.once_in(3) {
        (&["A", "A2", "C", "D", REFUSED, OUTAGE], 2 + chance.below(7))
    } else {
        (
            &["A", "B", "B", BAD, REFUSED, OUTAGE, STUCK],
            2 + chance.below(5),
        )
    };
    let mut rack = Rack::default();
    if is_reconfigured {
        rack.change(&mut chance);
        rack.change(&mut chance);
    }
    let mut schedule = Schedule::new(seed, chance, rack);
    schedule.sim.borrow_mut().trouble = trouble;
    (schedule.wishes, schedule.releases) = (wishes, releases);
    (schedule.has_history, schedule.is_reconfigured) = (has_history, is_reconfigured);
    schedule.explored(is_wide, has_history)
}

/// Runs one schedule of Releases with release commands, and one without.
///
/// # Panics
///
/// As [`schedule`].
pub fn with_commands(seed: u64) -> Explored {
    let mut chance = Chance::new(seed);
    let trouble = chance.one_of(&[0, 25, 8]);
    let wishes = 2 + chance.below(5);
    let mut schedule = Schedule::new(seed, chance, Rack::default());
    schedule.sim.borrow_mut().trouble = trouble;
    let releases: &[_] = &[MIGRATING[0], MIGRATING[1], MIGRATING[2], "A"];
    (schedule.wishes, schedule.releases) = (wishes, releases);
    schedule.explored(false, false)
}

impl Schedule {
    /// Goes through it to its end: what was met.
    fn explored(self, is_wide: bool, has_history: bool) -> Explored {
        let mut schedule = self;
        schedule.met.count("schedules");
        if is_wide {
            schedule.lay_wide_history();
        } else if has_history {
            schedule.lay_history();
        }
        for _ in 0..STEPS {
            schedule.step();
        }
        schedule.come_to_rest();
        schedule.come_to_verdicts();
        let ends = schedule.watch.at_rest(&schedule.sim.borrow());
        schedule.met.count(ends);
        for told in Watch::kinds(&schedule.sim.borrow()) {
            schedule.met.count(told);
        }
        let commands = schedule.sim.borrow().outside.commands.count();
        for _ in 0..commands {
            schedule.met.count("release commands");
        }
        let met_outside = schedule.sim.borrow().outside.met.clone();
        [schedule.met, schedule.watch.met, met_outside]
            .into_iter()
            .sum()
    }

    /// One that nothing happens in by itself.
    pub fn new(seed: u64, mut chance: Chance, rack: Rack) -> Self {
        let outside = Outside {
            takes_ids_anew: chance.once_in(2),
            ..Outside::default()
        };
        let sim = Rc::new(RefCell::new(Sim {
            chance,
            now: 0,
            trouble: 0,
            objects: BTreeMap::new(),
            sent: Vec::new(),
            undelivered: Vec::new(),
            rack,
            outside,
            reports: Vec::new(),
            writes: 0,
            trace: Vec::new(),
        }));
        Self {
            id: counting::id(),
            queued: Vec::new(),
            dead_letters: Vec::new(),
            running: Vec::new(),
            invocations: 0,
            wishes: 0,
            releases: &[],
            has_history: false,
            is_reconfigured: false,
            met: Explored::default(),
            watch: Watch::new(seed),
            sim,
        }
    }

    pub fn below(&self, end: usize) -> usize {
        self.sim.borrow_mut().chance.below(end)
    }

    fn step(&mut self) {
        self.route();
        match self.below(100) {
            0..=75 => self.poll_one(),
            76..=84 => self.start_one(),
            85..=90 => self.wish(),
            91..=95 => self.pass_time(),
            96 => self.crash(),
            97 => self.duplicate(),
            98 if self.below(3) == 0 => self.change_settings(),
            98 if self.is_reconfigured => self.change_rack(),
            99 if self.has_history || self.below(2) == 0 => self.interfere(),
            _ => self.reconcile(),
        }
        self.watch.look(&self.sim.borrow());
    }

    /// Somebody else, or AWS itself, changes what is the App's.
    pub fn interfere(&mut self) {
        let met = {
            let mut sim = self.sim.borrow_mut();
            let Sim {
                outside,
                chance,
                now,
                ..
            } = &mut *sim;
            outside.interfere(chance, *now)
        };
        let Some(met) = met else {
            return;
        };
        self.met.count(met);
        self.sim.borrow_mut().trace.push(met.to_owned());
        // ECS says so itself, sometimes late, or to nobody.
        if matches!(met, ECS_GOES_BACK | DEPLOYMENTS_END) && self.below(4) > 0 {
            let delay = self.sim.borrow_mut().chance.one_of(&[0, 0, 5, 200]);
            self.queue(Queue::Look, Body::Outcome, delay);
        }
    }

    /// Many Releases, one after the other and without trouble; then the first one is wanted again, whose version is gone.
    fn lay_history(&mut self) {
        let trouble = std::mem::take(&mut self.sim.borrow_mut().trouble);
        self.promote_alone("A");
        for _ in 0..HISTORY {
            let release = SPARING[self.below(SPARING.len())];
            self.promote_alone(release);
        }
        if self.is_reconfigured {
            self.give_another_key(SPARING);
        }
        {
            let mut sim = self.sim.borrow_mut();
            let secret = sim.outside.secret.as_mut();
            secret.expect("Releases are applied").delete_unlabelled();
            sim.trouble = trouble;
        }
        let body = Body::Requested("A", "event-back".to_owned(), self.now());
        self.watch.wished(&body);
        self.queue(Queue::Work(WorkKind::Promote), body, 0);
    }

    /// Releases with many Services, one after the other and without trouble.
    fn lay_wide_history(&mut self) {
        let trouble = std::mem::take(&mut self.sim.borrow_mut().trouble);
        let count = WIDE.len() - self.below(WIDE.len() / 2);
        for release in WIDE.into_iter().take(count) {
            self.promote_alone(release);
        }
        if self.is_reconfigured {
            self.give_another_key([WIDE[0], WIDE[1]]);
        }
        self.sim.borrow_mut().trouble = trouble;
    }

    /// The Rack has another customer key, and the App is promoted twice: what runs then is under that one.
    fn give_another_key(&mut self, releases: [&'static str; 2]) {
        self.sim.borrow_mut().rack.give_another_key();
        for release in releases {
            self.promote_alone(release);
        }
    }

    fn promote_alone(&mut self, release: &'static str) {
        let body = self.write_environment(release);
        self.take_alone(body);
    }

    /// A request, and nothing beside it until all is at rest.
    pub fn take_alone(&mut self, body: Body) {
        self.watch.wished(&body);
        self.queue(Queue::Work(WorkKind::Promote), body, 0);
        self.run_dry();
        self.sim.borrow_mut().outside.complete_deployments();
        self.advance(1);
    }

    pub fn now(&self) -> i64 {
        self.sim.borrow().now
    }

    fn poll_one(&mut self) {
        if self.running.is_empty() {
            return self.start_one();
        }
        let place = self.below(self.running.len());
        self.poll(place);
    }

    /// One step of an invocation, up to its next call.
    fn poll(&mut self, place: usize) {
        self.met.count("steps");
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(succeeded) = self.running[place].future.as_mut().poll(&mut context) else {
            return;
        };
        let mut message = self.running.remove(place).message;
        if succeeded {
            return; // the mapping deletes the message
        }
        self.met.count("redeliveries");
        message.visible_at = self.now();
        self.put(message);
    }

    fn start_one(&mut self) {
        let now = self.now();
        let visible: Vec<usize> = (0..self.queued.len())
            .filter(|place| self.queued[*place].visible_at <= now)
            .collect();
        if visible.is_empty() || self.running.len() >= RUNNING_MAX {
            return;
        }
        let place = visible[self.below(visible.len())];
        let mut message = self.queued.remove(place);
        message.receives += 1;
        self.start(message);
    }

    fn start(&mut self, message: Queued) {
        self.invocations += 1;
        let owner = format!("invocation-{}", self.invocations);
        let clock_ahead = self.sim.borrow_mut().chance.one_of(&[0, 0, 30, 60]);
        let access = Access {
            sim: Rc::clone(&self.sim),
            owner: owner.clone(),
            clock_ahead,
        };
        let ends_at = self.now() + LIMIT_SECONDS;
        let line = format!("{owner} takes {message:?}, its clock is {clock_ahead} s ahead");
        self.sim.borrow_mut().trace.push(line);
        let (id, body) = (self.id.clone(), message.body.clone());
        let config = self.sim.borrow().rack.config();
        let future: Pin<Box<dyn Future<Output = bool>>> = match message.queue {
            Queue::Count => Box::pin(async move { counting::count(&access, &id).await }),
            Queue::Look => Box::pin(async move {
                let model = Model {
                    kind: WorkKind::Promote,
                    access,
                    config,
                    promotes: RefCell::default(),
                };
                let marks = model.access.sim.borrow().marks();
                let looked = promote::look_and_sweep(&model, &model.access, &id, marks);
                looked.await.is_ok()
            }),
            Queue::Work(kind) => Box::pin(async move {
                let model = Model {
                    kind,
                    access,
                    config,
                    promotes: RefCell::default(),
                };
                work(&model, &owner, id, body, ends_at).await
            }),
        };
        self.running.push(Running {
            future,
            message,
            ends_at,
        });
    }

    /// A message that failed comes back, five times in all.
    fn put(&mut self, message: Queued) {
        if message.receives < RECEIVES_MAX {
            self.queued.push(message);
        } else {
            self.met.count("dead letters");
            self.dead_letters.push(message);
        }
    }

    fn crash(&mut self) {
        if self.running.is_empty() {
            return;
        }
        let place = self.below(self.running.len());
        self.met.count("crashes");
        self.end(place);
    }

    /// The process is gone; SQS learns it from the visibility time-out.
    fn end(&mut self, place: usize) {
        let mut message = self.running.remove(place).message;
        message.visible_at = self.now() + VISIBILITY_SECONDS;
        self.sim
            .borrow_mut()
            .trace
            .push(format!("dies: {message:?}"));
        self.put(message);
    }

    fn pass_time(&mut self) {
        let seconds = self
            .sim
            .borrow_mut()
            .chance
            .one_of(&[0, 1, 1, 1, 2, 5, 20, 60, 250]);
        self.advance(seconds);
    }

    pub fn advance(&mut self, seconds: i64) {
        self.sim.borrow_mut().now += seconds;
        let now = self.now();
        self.settle_stack();
        self.settle_commands();
        while let Some(late) = self.running.iter().position(|it| it.ends_at <= now) {
            self.met.count("time limits");
            self.end(late);
        }
    }

    /// CloudFormation comes to an end, and says so to both functions; sometimes late, or to nobody.
    fn settle_stack(&mut self) {
        let now = self.now();
        if !stack::settle(&mut self.sim.borrow_mut().outside.stack, now) {
            return;
        }
        {
            let mut sim = self.sim.borrow_mut();
            sim.outside.changes += 1;
            sim.trace.push("the stack settles".to_owned());
        }
        for kind in [WorkKind::Promote, WorkKind::Delete] {
            let delay = self.sim.borrow_mut().chance.one_of(&[0, 0, 0, 5, 200]);
            if self.below(20) == 0 {
                self.met.count("lost stack events");
                continue;
            }
            self.met.count("stack events");
            self.queue(Queue::Work(kind), Body::StackChanged, delay);
        }
    }

    /// Release commands come to an end, and ECS says so to promote; sometimes late, or to nobody.
    fn settle_commands(&mut self) {
        let ended = {
            let mut sim = self.sim.borrow_mut();
            let now = sim.now;
            sim.outside.commands.settle(now)
        };
        for _ in 0..ended {
            self.sim
                .borrow_mut()
                .trace
                .push("a release command ends".to_owned());
            let delay = self.sim.borrow_mut().chance.one_of(&[0, 0, 0, 5, 200]);
            if self.below(20) == 0 {
                self.met.count("lost ends of release commands");
                continue;
            }
            self.met.count("ends of release commands");
            let promote = Queue::Work(WorkKind::Promote);
            self.queue(promote, Body::StackChanged, delay);
        }
    }

    fn duplicate(&mut self) {
        if self.queued.is_empty() {
            return;
        }
        self.met.count("duplicates");
        let mut copy = self.queued[self.below(self.queued.len())].clone();
        copy.receives = 0;
        self.queued.push(copy);
    }

    /// Somebody writes an `app.json` that cannot be read, or mends it: what could be promoted cannot any more, and back.
    fn change_settings(&mut self) {
        self.met.count("changed settings");
        let outside = &mut self.sim.borrow_mut().outside;
        outside.settings_are_broken = !outside.settings_are_broken;
    }

    /// Somebody sets up the Rack anew.
    pub fn change_rack(&mut self) {
        self.met.count("changed settings of the Rack");
        let mut sim = self.sim.borrow_mut();
        let Sim { rack, chance, .. } = &mut *sim;
        rack.change(chance);
        let line = format!("{rack:?}");
        sim.trace.push(line);
    }

    /// Something that somebody wants.
    fn wish(&mut self) {
        if self.wishes == 0 {
            return;
        }
        self.wishes -= 1;
        let now = self.now();
        let id = format!("event-{}", self.wishes);
        let release = self.releases[self.below(self.releases.len())];
        // What was long ago is gone back to more often where there is a history.
        let asks = if self.has_history { 4..8 } else { 5..6 };
        let is_there = self.sim.borrow().outside.newest(release).is_some();
        let (queue, body) = match self.below(8) {
            wish if asks.contains(&wish) && is_there => {
                (WorkKind::Promote, Body::Requested(release, id, now))
            }
            0..=4 => (WorkKind::Promote, self.write_environment(release)),
            _ => (WorkKind::Delete, Body::Deleted(id, now)),
        };
        self.watch.wished(&body);
        let lost = matches!(body, Body::Written(..)) && self.below(20) == 0;
        if lost {
            self.met.count("lost events");
            self.watch.lost();
            return;
        }
        let delay = self.sim.borrow_mut().chance.one_of(&[0, 0, 0, 3, 90]);
        self.queue(Queue::Work(queue), body, delay);
    }

    /// A new message, to be seen in so many seconds.
    fn queue(&mut self, queue: Queue, body: Body, delay: i64) {
        let visible_at = self.now() + delay;
        self.queued.push(Queued {
            queue,
            body,
            receives: 0,
            visible_at,
        });
    }

    pub fn write_environment(&mut self, release: &'static str) -> Body {
        let mut sim = self.sim.borrow_mut();
        let count = sim.outside.environments.len();
        let version = EnvVersion {
            release,
            id: format!("version-{}", 99 - count),
            at: sim.now,
        };
        sim.outside.environments.push(version.clone());
        Body::Written(version, format!("{:04X}", count + 1))
    }

    /// Events reach the queue of their rule.
    fn route(&mut self) {
        let events = std::mem::take(&mut self.sim.borrow_mut().undelivered);
        for event in events {
            let (queue, body) = match (event.detail_type.as_str(), event.detail.get("kind")) {
                ("Promotion Continue", Some(kind)) if kind == "promote" => {
                    (Queue::Work(WorkKind::Promote), Body::Continue)
                }
                ("Promotion Continue", Some(_)) => (Queue::Work(WorkKind::Delete), Body::Continue),
                (name, _) if name.starts_with("Secret Write") => (Queue::Count, Body::Outcome),
                _ => continue,
            };
            self.met.count(match queue {
                Queue::Count | Queue::Look => "hints",
                Queue::Work(_) => "hand-overs",
            });
            self.queue(queue, body, 0);
        }
    }

    /// The schedule's look: work that nobody does, and rows that nobody counted.
    fn reconcile(&mut self) {
        let (left, behind) = {
            let sim = self.sim.borrow();
            let (promotion, now) = (sim.promotion(), at(sim.now));
            (promotion.left_alone(now), counting::is_behind(&sim))
        };
        let left = left.map(|kind| (Queue::Work(kind), Body::Continue));
        let behind = behind.then_some((Queue::Count, Body::Outcome));
        if self.below(4) == 0 {
            self.look();
        }
        for (queue, body) in left.into_iter().chain(behind) {
            self.met.count("reconciliations");
            self.queue(queue, body, 0);
        }
    }

    /// The look of every five minutes, where a mark says that a verdict is not known.
    fn look(&mut self) {
        if !self.sim.borrow().marks().is_empty() {
            self.met.count("looks");
            self.queue(Queue::Look, Body::Outcome, 0);
        }
    }

    /// What is live in time is, and of the rest nobody waits any longer.
    fn come_to_verdicts(&mut self) {
        if self.below(2) == 0 {
            self.sim.borrow_mut().outside.complete_deployments();
        }
        self.look();
        self.run_dry();
        self.advance(PATIENCE_SECONDS);
        // Of what was stuck only ECS tells how it ended, and here it does.
        self.queue(Queue::Look, Body::Outcome, 0);
        self.run_dry();
    }

    /// Once a day: a write that is newer than all that was asked for, and nobody announced.
    fn find_lost(&mut self) {
        let newest = {
            let sim = self.sim.borrow();
            let environments = sim.outside.environments.iter().enumerate();
            let newest = environments.max_by_key(|(place, version)| {
                (version.at, environment_key(version.release), *place)
            });
            newest.map(|(_, version)| version.clone())
        };
        if let Some(version) = newest {
            let body = Body::Written(version, String::new());
            self.queue(Queue::Work(WorkKind::Promote), body, 0);
        }
    }

    /// No more trouble: what is queued is delivered, operators redrive what was given up, the schedule goes on.
    fn come_to_rest(&mut self) {
        self.sim.borrow_mut().trouble = 0;
        self.find_lost();
        let dead = std::mem::take(&mut self.dead_letters);
        self.queued.extend(dead.into_iter().map(|message| Queued {
            receives: 0,
            ..message
        }));
        self.run_dry();
    }

    /// Until nothing is queued and nothing is open.
    fn run_dry(&mut self) {
        for _ in 0..ROUNDS_MAX {
            self.route();
            while !self.running.is_empty() {
                self.poll(0);
                self.watch.look(&self.sim.borrow());
            }
            self.route();
            if self.queued.is_empty() {
                if self.is_at_rest() {
                    return;
                }
                self.advance(901);
                self.reconcile();
            } else {
                self.advance(self.next_visible());
                self.start_one();
            }
        }
        self.watch
            .broken(&self.sim.borrow(), "every schedule comes to rest");
    }

    /// Seconds until a message can be taken.
    fn next_visible(&self) -> i64 {
        let next = self.queued.iter().map(|message| message.visible_at).min();
        (next.unwrap_or_default() - self.now()).max(0)
    }

    fn is_at_rest(&self) -> bool {
        let sim = self.sim.borrow();
        let state = sim.promotion();
        let open = state.desired.as_ref().is_some_and(Desired::is_open);
        !open && state.unsent.is_empty() && !counting::is_behind(&sim)
    }
}
