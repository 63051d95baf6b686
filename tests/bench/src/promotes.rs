//! A promote: how long it takes, how many of its calls wait for one another, and how many there are.

use std::env;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use chrono::Utc;
use double::{Call, Fault};
use rig::{Function, World, events};
use serde_json::{Value, json};

use crate::replay::Boto3;
use crate::repository;
use crate::row::{Figure, Goal, Row, short};

const PART: &str = "promote";
/// Services and Timers of the Apps, without Timers first.
const SIZES: [(usize, usize); 5] = [(1, 0), (20, 0), (1, 1), (5, 2), (20, 4)];
/// What is added to each AWS call.
const LATENCY: Duration = Duration::from_millis(50);
const ROUNDS: usize = 5;
/// Of these, boto3 makes the same calls; one after another, that takes long.
const BOTO3_ROUNDS: usize = 3;
/// The kinds of promotes, in the order in which they are made, and the sequential round trips that each is to have at most.
const KINDS: [(&str, f64); 4] = [
    ("first", 13.0),
    ("changed", 7.0),
    ("unchanged", 5.0),
    ("rollback", 6.0),
];

/// One promote.
struct Promote {
    wall: f64,
    calls: Vec<Call>,
    /// How long boto3 takes for the same calls, where it was asked.
    boto3: Option<f64>,
}

/// Promotes of one kind, without and with latency.
struct Kind {
    name: &'static str,
    trips_at_most: f64,
    quick: Vec<Promote>,
    late: Vec<Promote>,
}

impl Kind {
    fn promotes(&mut self, late: bool) -> &mut Vec<Promote> {
        if late {
            &mut self.late
        } else {
            &mut self.quick
        }
    }
}

/// The lines of this part.
#[must_use]
pub fn rows() -> Vec<Row> {
    let runtime = tokio::runtime::Runtime::new().expect("cannot start a runtime");
    let sizes = SIZES.map(|size| runtime.block_on(of_size(size)));
    let mut rows: Vec<Row> = SIZES
        .iter()
        .zip(&sizes)
        .flat_map(|(size, kinds)| kinds.iter().flat_map(|kind| lines(kind, *size)))
        .collect();
    let [one, twenty, one_timed, _, twenty_timed] = &sizes;
    for (timers, small, large) in [("no", one, twenty), ("some", one_timed, twenty_timed)] {
        for (small, large) in small.iter().zip(large) {
            let more = Figure::exact(large.trips().value - small.trips().value);
            let what = format!(
                "{}, {timers} Timers: round trips more with 20 Services than with 1",
                small.name
            );
            rows.push(Row::new(PART, what, more, "").goal(Goal::Exactly(0.0)));
        }
    }
    rows
}

/// A changed promote of an App with so many Services and Timers, with 50 ms a call: its time in ms, and its calls.
#[must_use]
pub fn changed(services: usize, timers: usize) -> (f64, Vec<Call>) {
    let runtime = tokio::runtime::Runtime::new().expect("cannot start a runtime");
    runtime.block_on(async {
        let world = World::in_memory_over_http().await;
        let function = started(&world);
        let app = App::of(&world, &function, (services, timers));
        let [_, changed, ..] = app.each("shop", true).await;
        (changed.wall, changed.calls)
    })
}

fn started(world: &World) -> Function {
    let binary = repository().join("target/release/promote");
    world.start_program(&binary, &[("SECRETS_MANAGER_ENV", "Yes")])
}

impl Kind {
    fn trips(&self) -> Figure {
        let trips = self.late.iter().map(|one| count(chain(&one.calls).len()));
        Figure::of(trips.collect())
    }
}

async fn of_size((services, timers): (usize, usize)) -> [Kind; 4] {
    let world = World::in_memory_over_http().await;
    let function = started(&world);
    let app = App::of(&world, &function, (services, timers));
    let mut boto3 = Boto3::start(&world);
    app.kinds(&mut boto3).await
}

fn lines(kind: &Kind, (services, timers): (usize, usize)) -> Vec<Row> {
    let size = format!("{services} + {timers}");
    let what = |what: &str| format!("{}, {size}: {what}", kind.name);
    let walls = |promotes: &[Promote]| Figure::of(promotes.iter().map(|one| one.wall).collect());
    let (quick, late) = (walls(&kind.quick), walls(&kind.late));
    let waits = (late.value - quick.value) / (LATENCY.as_secs_f64() * 1e3);
    let trips = kind.trips();
    let calls = &kind.late[kind.late.len() - 1].calls;
    if env::var_os("BENCH_CHAIN").is_some() {
        eprintln!("{}", told(kind.name, &size, calls));
    }
    let calls_in_all = Figure::exact(count(calls.len()));
    let mut rows = vec![
        Row::new(PART, what("wall, no latency"), quick, "ms"),
        Row::new(PART, what("wall, 50 ms a call"), late, "ms"),
        Row::new(PART, what("sequential round trips"), trips, "")
            .goal(Goal::AtMost(kind.trips_at_most))
            .beside(format!("the latency adds {waits:.1}")),
        Row::new(PART, what("calls in all"), calls_in_all, ""),
    ];
    for (latency, promotes) in [("no latency", &kind.quick), ("50 ms a call", &kind.late)] {
        let is_replayed = promotes.iter().any(|one| one.boto3.is_some());
        let slower = is_replayed.then(|| {
            let what = what(&format!("the same calls by boto3 ÷ promote, {latency}"));
            slower(&what, promotes)
        });
        rows.extend(slower);
    }
    rows.extend(goals(kind.name, calls, (services, timers)));
    rows
}

/// What the calls of such a promote are to come to.
fn goals(kind: &str, calls: &[Call], (services, timers): (usize, usize)) -> Vec<Row> {
    let what = |what: &str| format!("{kind}, {services} + {timers}: {what}");
    let writes = calls.iter().filter(|call| call.is_write()).count();
    let reads = calls
        .iter()
        .filter(|call| !call.changes_something())
        .count();
    let of = |service: &str, wanted: &[&str]| {
        let fits =
            |call: &&Call| call.service == service && wanted.contains(&call.operation.as_str());
        count(calls.iter().filter(fits).count())
    };
    let exactly = |wanted: usize| Goal::Exactly(count(wanted));
    let row =
        |name: &str, value: f64, unit: &str| Row::new(PART, what(name), Figure::exact(value), unit);
    let (all, secret) = (
        services + timers,
        ["CreateSecret", "PutSecretValue", "UpdateSecretVersionStage"],
    );
    match kind {
        "unchanged" => {
            vec![row("writes of secrets, ECS, rules", count(writes), "").goal(exactly(0))]
        }
        "changed" => vec![
            row("reads", count(reads), "").goal(Goal::AtMost(20.0)),
            row("writes of secrets", of("secretsmanager", &secret), "").goal(exactly(1)),
            row("registrations", of("ecs", &["RegisterTaskDefinition"]), "").goal(exactly(all)),
            row(
                "moves",
                of("ecs", &["UpdateService"]) + of("events", &["PutTargets"]),
                "",
            )
            .goal(exactly(all)),
        ],
        "rollback" => vec![
            row("puts", of("secretsmanager", &["PutSecretValue"]), "").goal(exactly(0)),
            row("registrations", of("ecs", &["RegisterTaskDefinition"]), "").goal(exactly(0)),
            row(
                "moves",
                of("ecs", &["UpdateService"]) + of("events", &["PutTargets"]),
                "",
            )
            .goal(exactly(all)),
        ],
        _ => Vec::new(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are few calls")]
fn count(calls: usize) -> f64 {
    calls as f64
}

/// Each promote beside boto3 that made the same calls.
fn slower(what: &str, promotes: &[Promote]) -> Row {
    let both = promotes
        .iter()
        .filter_map(|one| Some((one.boto3?, one.wall)));
    let (boto3, ours): (Vec<f64>, Vec<f64>) = both.unzip();
    let beside = format!("{} ms", short(Figure::of(boto3.clone()).value));
    Row::new(PART, what, Figure::ratio(&boto3, &ours), "×").beside(beside)
}

/// The most calls of which each began when the one before had ended.
fn chain(calls: &[Call]) -> Vec<&Call> {
    let mut by_end: Vec<&Call> = calls.iter().filter(|call| call.ended.is_some()).collect();
    by_end.sort_by_key(|call| call.ended);
    let mut chain: Vec<&Call> = Vec::new();
    for call in by_end {
        if chain
            .last()
            .is_none_or(|last| last.ended <= Some(call.began))
        {
            chain.push(call);
        }
    }
    chain
}

fn told(kind: &str, size: &str, calls: &[Call]) -> String {
    let start = calls.first().map_or_else(Instant::now, |call| call.began);
    let mut told = format!("{kind}, {size}:\n");
    for call in calls {
        let at = |at: Instant| at.duration_since(start).as_millis();
        let (began, ended) = (at(call.began), call.ended.map_or(0, at));
        let _ = writeln!(told, "{began:>6} {ended:>6} {call} {}", call.path); // a String takes all
    }
    told
}

/// What is promoted.
struct App<'a> {
    world: &'a World,
    function: &'a Function,
    manifest: String,
}

impl<'a> App<'a> {
    fn of(world: &'a World, function: &'a Function, (services, timers): (usize, usize)) -> Self {
        let manifest = manifest(services, timers);
        Self {
            world,
            function,
            manifest,
        }
    }

    async fn kinds(&self, boto3: &mut Boto3) -> [Kind; 4] {
        let mut kinds = KINDS.map(|(name, trips_at_most)| Kind {
            name,
            trips_at_most,
            quick: Vec::new(),
            late: Vec::new(),
        });
        for round in 0..ROUNDS {
            for late in [false, true] {
                let name = format!("app-{round}-{late}");
                let promotes = self.each(&name, late).await;
                for (kind, mut promote) in kinds.iter_mut().zip(promotes) {
                    // A label can be moved away from a version once.
                    if round < BOTO3_ROUNDS && kind.name != "rollback" {
                        promote.boto3 = Some(self.replayed(kind.name, &promote.calls, late, boto3));
                    }
                    kind.promotes(late).push(promote);
                }
            }
        }
        kinds
    }

    /// A new App's first promote, one with another value, the same once more, and back to the first.
    async fn each(&self, app: &str, late: bool) -> [Promote; 4] {
        self.world
            .put(&format!("apps/{app}/convox.yml"), self.manifest.clone())
            .await;
        let first = self.upload(app, ("R1", "one"), late).await;
        let changed = self.upload(app, ("R2", "two"), late).await;
        let unchanged = self.upload(app, ("R2", "two"), late).await;
        // Requests of one second are in the order of their Releases' names.
        let second = Utc::now().timestamp();
        while Utc::now().timestamp() == second {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let back = json!({ "app": app, "release": "R1" });
        let back = self.promote(&back, late).await;
        [first, changed, unchanged, back]
    }

    /// How long boto3 takes for the calls of a promote that is over, in ms.
    fn replayed(&self, kind: &str, calls: &[Call], late: bool, boto3: &mut Boto3) -> f64 {
        self.delay(late);
        let replayed = tokio::task::block_in_place(|| boto3.replay(calls));
        self.world.proxy.lift();
        // A stack, a secret and ECS services are created once.
        assert!(
            kind == "first" || replayed.refused == 0,
            "{kind}: boto3 is refused"
        );
        replayed.took
    }

    fn delay(&self, late: bool) {
        if late {
            let latency = Fault::Latency(LATENCY).on_any_call();
            self.world.inject(latency);
        }
    }

    async fn upload(&self, app: &str, (release, value): (&str, &str), late: bool) -> Promote {
        let version = self
            .world
            .put_env(app, release, &[("DATABASE_URL", value), ("TOKEN", "t")])
            .await;
        let event = events::written(self.world, app, release, &version);
        self.promote(&event, late).await
    }

    async fn promote(&self, event: &Value, late: bool) -> Promote {
        self.world.proxy.clear();
        self.delay(late);
        let began = Instant::now();
        let report = self.function.invoke(event).await.answer();
        let wall = began.elapsed().as_secs_f64() * 1e3;
        self.world.proxy.lift();
        assert_eq!(report["status"], "promoted", "{report:#}");
        Promote {
            wall,
            calls: self.world.proxy.calls(),
            boto3: None,
        }
    }
}

fn manifest(services: usize, timers: usize) -> String {
    let mut manifest = "services:\n".to_owned();
    for service in 0..services {
        let _ = writeln!(
            manifest,
            "  web-{service}:\n    image: example/web:1\n    environment: [DATABASE_URL, TOKEN]"
        );
    }
    manifest.push_str("timers:\n");
    for timer in 0..timers {
        let _ = writeln!(
            manifest,
            "  tick-{timer}:\n    schedule: \"0 3 * * *\"\n    command: bin/tick\n    service: web-0"
        );
    }
    manifest
}
