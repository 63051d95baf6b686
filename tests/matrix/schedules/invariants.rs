//! The invariants of the design, as sentences and checks.

use std::collections::BTreeSet;

use promotion::events::Event;
use promotion::failures::Failures;
use promotion::history::Index;
use promotion::verdict::{Fate, is_older};
use promotion::{APPLIED_MAX, Applied, Promotion, Status, Work};

use super::counting;
use super::explored::Explored;
use super::message::Body;
use super::outside::{Service, environment_key};
use super::releases::{environment, given};
use super::store::{Sim, at};

/// How the events of requests that are not done end.
const SUPERSEDED: &str = "Superseded";
const WAITING: &str = "Waiting";

/// Where a request stands, as far as its own time and key say.
type Place = (i64, String);

/// What was seen of one schedule so far.
#[derive(Debug)]
pub struct Watch {
    seed: u64,
    /// Every request that was ever made, with its id.
    wishes: Vec<(Place, String)>,
    seen_version: u64,
    seen: Promotion,
    /// Requests that ended.
    ended: BTreeSet<String>,
    /// Requests whose event nobody got.
    lost: BTreeSet<String>,
    /// Every revision that tasks could start with.
    started: BTreeSet<String>,
    /// Changes of what is outside that were looked at.
    seen_changes: u64,
    /// Whether people break what is the App's as they like, and nothing holds.
    pub is_off: bool,
    pub met: Explored,
}

impl Watch {
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            wishes: Vec::new(),
            seen_version: 0,
            seen: Promotion::default(),
            ended: BTreeSet::new(),
            lost: BTreeSet::new(),
            started: BTreeSet::new(),
            seen_changes: 0,
            is_off: false,
            met: Explored::default(),
        }
    }

    /// The event about the newest wish is lost.
    pub fn lost(&mut self) {
        self.lost
            .extend(self.wishes.last().map(|(_, id)| id.clone()));
    }

    /// What was told of requests that are not done: `superseded` and `waiting`, once for each event.
    pub fn kinds(sim: &Sim) -> Vec<&'static str> {
        let kinds = [(SUPERSEDED, "superseded"), (WAITING, "waiting")];
        let kinds = kinds.into_iter().flat_map(|(end, kind)| {
            let told = sim
                .sent
                .iter()
                .filter(move |it| it.detail_type.ends_with(end));
            told.map(move |_| kind)
        });
        kinds.collect()
    }

    pub fn wished(&mut self, body: &Body) {
        self.wishes.push(match body {
            Body::Written(version, _) => (
                (version.at, environment_key(version.release)),
                version.id.clone(),
            ),
            Body::Requested(release, id, time) => ((*time, environment_key(release)), id.clone()),
            Body::Deleted(id, time) => ((*time, String::new()), id.clone()),
            Body::Continue | Body::StackChanged | Body::Outcome => return,
        });
    }

    /// Stops with what was done.
    pub fn broken(&self, sim: &Sim, sentence: &str) -> ! {
        let trace = sim.trace.join("\n");
        panic!(
            "schedule {} breaks: {sentence}\n{trace}\n{:#?}",
            self.seed,
            sim.promotion()
        )
    }

    fn holds(&self, sim: &Sim, sentence: &str, holds: bool) {
        if !holds {
            self.broken(sim, sentence);
        }
    }

    fn place(&self, request_id: &str) -> Option<&Place> {
        let mut wishes = self.wishes.iter();
        wishes
            .find(|(_, id)| id == request_id)
            .map(|(place, _)| place)
    }

    /// After every step: what no state may ever do.
    pub fn look(&mut self, sim: &Sim) {
        if self.is_off {
            return;
        }
        if self.seen_changes != sim.outside.changes {
            self.seen_changes = sim.outside.changes;
            self.assert_served(sim);
            self.assert_own(sim);
        }
        let version = sim
            .objects
            .get("apps/shop/state/promotion.json")
            .map_or(0, |object| object.1);
        if version == self.seen_version {
            return;
        }
        let state = sim.promotion();
        let places = |state: &Promotion| {
            let desired = state.desired.as_ref()?;
            self.place(&desired.order.request_id).cloned()
        };
        self.holds(
            sim,
            "what is wanted never goes back to an older request",
            places(&state) >= places(&self.seen),
        );
        let applied =
            |state: &Promotion| Some(self.place(&state.applied.as_ref()?.request_id)?.clone());
        self.holds(
            sim,
            "an older Release is never applied after a newer one",
            applied(&state)
                .is_none_or(|now| applied(&self.seen).is_none_or(|before| now >= before)),
        );
        let rows: Vec<&str> = state
            .outcomes
            .rows()
            .iter()
            .map(|row| row.request_id.as_str())
            .collect();
        let distinct: BTreeSet<&str> = rows.iter().copied().collect();
        self.holds(
            sim,
            "a request has one outcome",
            distinct.len() == rows.len(),
        );
        let numbers = state.outcomes.rows().iter().map(|row| row.seq);
        self.holds(
            sim,
            "outcomes are numbered without a gap",
            numbers.eq(1..=state.outcomes.last_seq()),
        );
        if let Some(desired) = &state.desired
            && matches!(desired.status, Status::Done | Status::Failed { .. })
        {
            self.ended.insert(desired.order.request_id.clone());
        }
        let named = state
            .applied
            .as_ref()
            .map_or(0, |it| it.named_versions().len());
        let says = "the definitions of a Release name at most eight versions";
        self.holds(sim, says, named <= APPLIED_MAX);
        if named == APPLIED_MAX {
            self.met.count("eight versions");
        }
        self.count_kept(&state);
        self.seen_version = version;
        self.seen = state;
    }

    /// Revisions that another Release has kept, and Releases that run with several versions of the secret.
    fn count_kept(&mut self, state: &Promotion) {
        let (Some(before), Some(now)) = (&self.seen.applied, &state.applied) else {
            return;
        };
        if before.request_id == now.request_id {
            return;
        }
        let arns: BTreeSet<&String> = before.definitions().map(|known| &known.arn).collect();
        for _ in now.definitions().filter(|known| arns.contains(&known.arn)) {
            self.met.count("kept revisions");
        }
        if now.named_versions().len() > 1 {
            self.met.count("several versions");
        }
    }

    /// At the end: what must have come of it; in words, what it was.
    pub fn at_rest(&self, sim: &Sim) -> &'static str {
        let state = sim.promotion();
        let Some(desired) = &state.desired else {
            self.holds(sim, "a wish is never forgotten", self.wishes.is_empty());
            return "no wishes";
        };
        let newest = self.wishes.iter().map(|(place, _)| place).max();
        let ours = self.place(&desired.order.request_id);
        self.holds(sim, "the newest request wins", ours == newest);
        if let Work::Promote {
            release,
            env_version_id,
            ..
        } = &desired.work
        {
            let rivals: Vec<&String> = self
                .wishes
                .iter()
                .filter(|(place, _)| Some(place) == newest)
                .map(|(_, id)| id)
                .collect();
            let all_written = rivals.iter().all(|id| id.starts_with("version-"));
            let current = sim
                .outside
                .newest(release.as_str())
                .map(|version| &version.id);
            self.holds(
                sim,
                "of two versions of one second the current one wins",
                !all_written || rivals.len() == 1 || Some(env_version_id) == current,
            );
        }
        self.holds(
            sim,
            "every event that was decided is sent",
            state.unsent.is_empty(),
        );
        self.holds(
            sim,
            "nobody holds the lease for ever",
            state
                .lease
                .as_ref()
                .is_none_or(|lease| lease.expires_at <= at(sim.now)),
        );
        self.assert_told(sim);
        self.assert_verdicts(sim);
        self.assert_counted(sim);
        self.assert_kept(sim, &state);
        if let Some(applied) = &state.applied {
            self.assert_settled(sim, applied);
        }
        match (&desired.status, &state.applied) {
            (Status::Done, None) => {
                self.assert_deleted(sim);
                return "deletions at the end";
            }
            (Status::Done, Some(applied)) => {
                self.holds(
                    sim,
                    "the newest request is applied",
                    applied.request_id == desired.order.request_id,
                );
                self.assert_current(sim, applied);
                self.assert_runs(sim, applied, None);
                return "promotes at the end";
            }
            (Status::Failed { unrestored, .. }, Some(applied)) => {
                self.assert_runs(sim, applied, Some(unrestored));
                if !unrestored.is_empty() {
                    return "failures at the end that tell what is not put back";
                }
            }
            _ => {}
        }
        "failures at the end"
    }

    /// Of what is applied it is known, and told, what became of it: what ECS runs says so.
    fn assert_settled(&self, sim: &Sim, applied: &Applied) {
        self.holds(sim, "no mark is left", sim.marks().is_empty());
        let told = Self::verdicts(sim, &applied.request_id);
        let said = |said: &str| told.iter().all(|kind| *kind == said) && !told.is_empty();
        let Some(watch) = &applied.watch else {
            return self.holds(sim, "what is live at once is told", said("Release Live"));
        };
        let wanted = match watch.told {
            Some(Fate::Live) => "Release Live",
            Some(Fate::RolledBack) => "Release Rolled Back",
            Some(Fate::Stuck) => "Release Stuck",
            Some(Fate::Replaced) | None => "nothing",
        };
        let says = format!("the verdict is told as it is written, `{wanted}`, not {told:?}");
        self.holds(sim, &says, said(wanted));
        let index: Index = sim.state("apps/shop/history/index.json");
        let mut entries = index.entries.iter();
        let entry = entries.find(|entry| entry.record == watch.record);
        let is_entered = entry.is_some_and(|entry| entry.verdict == watch.told);
        self.holds(sim, "the history has the verdict", is_entered);
        for (name, watched) in &watch.services {
            let known = &applied.services[name];
            let service = sim.outside.services.get(&known.runs_as);
            let service = service.filter(|service| service.gone_at.is_none());
            let stands = known.stands.as_ref().map(|stands| stands.arn.as_str());
            let is_right = match (watched.fate, service) {
                // A deletion that failed may have removed it since.
                (Some(Fate::Live), service) => {
                    let was_live = |service: &Service| service.completed.contains(&known.arn);
                    stands.is_none() && service.is_none_or(was_live)
                }
                (Some(Fate::RolledBack), service) => service
                    .is_none_or(|service| stands == Some(service.seen.task_definition.as_str())),
                (Some(Fate::Stuck), service) => service.is_none_or(|service| {
                    let is_early = at(service.began_at) < watch.since;
                    let is_other = service.seen.task_definition != known.arn;
                    // On AWS nothing goes back to what only a request that failed had run: that deployment was never complete.
                    let runs = service.seen.task_definition.as_str();
                    let ran_before = |newest: &str| is_older(runs, newest) || runs == newest;
                    let is_foreign = !is_older(runs, &known.arn)
                        && !watched.before.as_deref().is_some_and(ran_before);
                    !service.is_complete
                        || (is_other && (is_early || is_foreign || !service.went_back))
                }),
                _ => false,
            };
            let says = format!(
                "what became of {name} is {watched:?}, and {stands:?} stands: {service:?}, {known:?}, since {:?}",
                watch.since
            );
            self.holds(sim, &says, is_right);
        }
    }

    /// The verdicts that were told of a request.
    fn verdicts<'s>(sim: &'s Sim, request_id: &str) -> Vec<&'s str> {
        let kinds = ["Release Live", "Release Rolled Back", "Release Stuck"];
        let told = sim.sent.iter().filter(|event| {
            event.detail["requestId"] == request_id && kinds.contains(&event.detail_type.as_str())
        });
        told.map(|event| event.detail_type.as_str()).collect()
    }

    /// Of each request one verdict at most is told, and of none that was not promoted.
    fn assert_verdicts(&self, sim: &Sim) {
        for (_, id) in &self.wishes {
            let told: BTreeSet<&str> = Self::verdicts(sim, id).into_iter().collect();
            let promoted = sim.sent.iter().any(|event| {
                event.detail["requestId"] == *id && event.detail_type == "Release Promoted"
            });
            let says = format!("{id} has one verdict, and is promoted: {told:?}");
            self.holds(sim, &says, told.is_empty() || (promoted && told.len() == 1));
        }
    }

    /// CloudFormation never takes away what tasks use that may start now.
    fn assert_served(&self, sim: &Sim) {
        let (outside, stack) = (&sim.outside, sim.outside.stack.as_ref());
        let served = |arn| stack.is_some_and(|stack| stack.serves(outside.release_of(arn)));
        let all = outside.started().all(served);
        self.holds(sim, "the stack holds what the tasks that run need", all);
    }

    /// Whatever a task is started with that names its version, it never sees the environment of another Release; what runs, and
    /// what ECS would go back to, sees its own at any instant. What names none is moved to once the secret is its Release's.
    fn assert_own(&mut self, sim: &Sim) {
        let outside = &sim.outside;
        self.started.extend(outside.started().map(str::to_owned));
        if let Some(early) = &outside.moved_early {
            self.broken(
                sim,
                &format!("nothing is moved to {early} before the secret"),
            );
        }
        for arn in self.started.iter().filter(|arn| outside.is_active(arn)) {
            if outside.floats(arn) {
                continue;
            }
            let sees = outside.sees(arn);
            let is_own = sees.as_ref().map(|sees| sees == outside.own(arn));
            let must = outside.may_start(arn) && !outside.is_secret_deleted();
            let says = format!("a task of {arn} sees its own Release, not {sees:?}");
            self.holds(sim, &says, is_own.unwrap_or(!must));
        }
    }

    /// Every revision whose version is written down as kept can be gone back to. Only a request that forgot a version of long ago,
    /// and did not come to its end, leaves one written down that is not.
    fn assert_kept(&self, sim: &Sim, state: &Promotion) {
        let outside = &sim.outside;
        let Some(applied) = state
            .applied
            .as_ref()
            .filter(|_| !outside.is_secret_deleted())
        else {
            return;
        };
        let is_kept = |arn: &&String| {
            let versions = applied.versions.iter();
            // What is under another key is history that nothing goes back to.
            let versions = versions.filter(|version| {
                let key = version.key_arn.as_ref();
                key.is_none_or(|key| outside.may_decrypt(key))
            });
            let mut versions = versions.filter(|version| !outside.has_forgotten(&version.id));
            outside.is_active(arn) && versions.any(|version| outside.names(arn, &version.id))
        };
        for arn in self.started.iter().filter(is_kept) {
            let says = format!("a task of {arn}, whose version is kept, can start");
            self.holds(sim, &says, outside.sees(arn).is_ok());
        }
    }

    fn assert_told(&self, sim: &Sim) {
        let is_of = |event: &Event, id: &str| event.detail["requestId"] == id;
        let ends = |event: &Event, end: &str| event.detail_type.ends_with(end);
        let told = |id: &str, secret: bool| {
            sim.sent.iter().any(|event| {
                let is_end = !ends(event, SUPERSEDED) && !ends(event, WAITING);
                let is_continue = event.detail_type == "Promotion Continue";
                is_of(event, id)
                    && is_end
                    && !is_continue
                    && event.detail_type.starts_with("Secret Write") == secret
            })
        };
        let superseded = |id: &str| {
            let mut events = sim.sent.iter();
            events.any(|event| is_of(event, id) && ends(event, SUPERSEDED))
        };
        for (place, id) in &self.wishes {
            let said = told(id, false) || superseded(id) || self.lost.contains(id);
            self.holds(sim, &format!("what became of {id} is told"), said);
            // An explicit request of the same second stands elsewhere once another version is current.
            let is_upload = |id: &String| id.starts_with("version-");
            let mut requests = self.wishes.iter().filter(|(_, other)| !is_upload(other));
            let is_alone = requests.all(|(other, _)| other != place);
            let both = is_upload(id) && is_alone && self.ended.contains(id) && superseded(id);
            self.holds(sim, &format!("{id} is not superseded, it ended"), !both);
        }
        let all = self.ended.iter().all(|id| told(id, false));
        self.holds(sim, "every request that ended is told", all);
        let state = sim.promotion();
        let rows = state.outcomes.rows().iter();
        self.holds(
            sim,
            "every outcome is told",
            rows.clone().all(|row| told(&row.request_id, true)),
        );
    }

    /// The counter is what the rows alone say, and each warning was sent, and no other.
    fn assert_counted(&self, sim: &Sim) {
        let state = sim.promotion();
        let mut want = Failures::default();
        want.count(&counting::id(), &state.outcomes);
        let got = counting::failures(sim);
        let numbers = |failures: &Failures| {
            (
                failures.counted_seq,
                failures.consecutive_failures,
                failures.warned,
            )
        };
        self.holds(
            sim,
            "each outcome counts once",
            numbers(&got) == numbers(&want),
        );
        let warnings = |events: &[promotion::events::Event]| {
            let rack = events
                .iter()
                .filter(|event| event.detail_type.starts_with("Rack Warning"));
            rack.map(|event| serde_json::to_string(event).unwrap())
                .collect::<BTreeSet<_>>()
        };
        let (sent, want) = (warnings(&sim.sent), warnings(&want.unsent));
        self.holds(
            sim,
            "the Rack is warned of every third failure and of nothing else",
            sent == want,
        );
    }

    /// `AWSCURRENT` is on the version of the Release that was promoted last, until somebody else moves it.
    fn assert_current(&self, sim: &Sim, applied: &Applied) {
        let own = applied.secret.as_ref().map(|secret| &secret.version_id);
        let secret = sim.outside.secret.as_ref();
        let secret = secret.filter(|secret| !secret.is_overwritten);
        self.holds(
            sim,
            "the version of the applied Release is current",
            own.is_none_or(|own| secret.is_none_or(|secret| secret.current == *own)),
        );
    }

    fn assert_deleted(&self, sim: &Sim) {
        let outside = &sim.outside;
        self.holds(
            sim,
            "of a deleted App nothing runs",
            outside.services_at(sim.now).next().is_none()
                && outside.rules.is_empty()
                && outside.schedules.is_empty(),
        );
        self.holds(
            sim,
            "of a deleted App no stack is left",
            outside.stack.is_none(),
        );
        let gone = outside
            .secret
            .as_ref()
            .is_none_or(|secret| secret.is_deleted);
        self.holds(
            sim,
            "the secret of a deleted App is scheduled for deletion",
            gone,
        );
    }

    /// After the Release was applied last, all of it runs. After a failure what runs is its: a deletion before it may have
    /// removed what cannot be brought back, and what ECS refused to put back is told.
    fn assert_runs(&self, sim: &Sim, applied: &Applied, unrestored: Option<&[String]>) {
        let release = applied.release.as_str();
        let read = environment(release, &applied.env_version_id);
        let (outside, whole) = (&sim.outside, unrestored.is_none());
        let is_told = |what: &str| {
            let mut told = unrestored.into_iter().flatten();
            told.any(|told| told.starts_with(what) || told.starts_with("the secret "))
        };
        let secret = outside.secret.as_ref();
        let is_theirs = secret.is_some_and(|secret| secret.is_overwritten);
        let sees = |arn: &str| {
            let want = given(release, outside.family_of(arn), &read.environment);
            outside.sees(arn) == Ok(want) || (is_theirs && outside.floats(arn))
        };
        for known in applied.services.values() {
            // Where ECS had gone back before the request that failed, that is what is put back.
            let gone_back_to = known.stands.as_ref().filter(|_| !whole);
            let gone_back_to = gone_back_to.map(|stands| stands.arn.as_str());
            let name = &known.runs_as;
            match outside.service_called(name, sim.now) {
                Some(service) if !service.is_draining() => {
                    let excused = gone_back_to == Some(&service.task_definition)
                        || outside.went_back(name)
                        || is_told("the ECS service ");
                    self.holds(
                        sim,
                        &format!("tasks of {name} see the environment of the applied Release"),
                        sees(&service.task_definition) && service.task_definition == known.arn
                            || excused,
                    );
                    let at = outside.at_gateways(name).unwrap_or_default();
                    self.holds(
                        sim,
                        &format!("{name} is attached to gateways as the applied Release says"),
                        at.connectors == known.connectors || excused,
                    );
                }
                _ => self.holds(sim, &format!("{name} of the applied Release runs"), !whole),
            }
        }
        for known in applied.timers.values() {
            let name = &known.runs_as;
            let (of_rule, of_schedule) = (outside.started_by(name), outside.scheduled_by(name));
            let (own, other) = if known.timezone.is_some() {
                (of_schedule, of_rule)
            } else {
                (of_rule, of_schedule)
            };
            match own {
                Some(definition) => self.holds(
                    sim,
                    "tasks of the Timer see the environment of the applied Release",
                    outside.is_active(definition) && sees(definition)
                        || is_told("the rule ")
                        || is_told("the schedule "),
                ),
                None => self.holds(sim, "the rule of the applied Release is there", !whole),
            }
            self.holds(
                sim,
                "a Timer has a rule or a schedule, not both",
                other.is_none() || !whole,
            );
        }
        let applied: BTreeSet<&str> = applied
            .definitions()
            .map(|it| it.runs_as.as_str())
            .collect();
        let services = outside.services_at(sim.now);
        let services = services.filter(|service| !service.is_draining());
        let names = services.map(|service| service.name.as_str());
        let timers = outside.rules.keys().chain(outside.schedules.keys());
        let mut names = names.chain(timers.map(String::as_str));
        let only = names.all(|name| applied.contains(name));
        self.holds(
            sim,
            "what the applied Release does not have is gone",
            only || !whole,
        );
    }
}
