//! The minutes in which a Timer is moved, second by second: AWS starts what is due at some second of its minute, if it stands
//! then. What was put in that very minute may be too late for it, or not.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use double::{Fault, clock};
use futures_util::future::join;
use rig::{Invocation, World, proof};
use serde_json::Value;

use super::super::app::App;
use super::super::pool::{self, Place};
use super::super::rack::Rack;
use super::super::scenario::Scenario;
use super::{Starter, standing};

/// The second of each minute in which AWS starts what is due.
#[derive(Debug, Clone, Copy)]
struct Seconds {
    rule: i64,
    schedule: i64,
}

const SECONDS: [(i64, i64); 3] = [(0, 59), (59, 0), (31, 28)];

/// When the Timer runs, by the clock of the moves, which begin at 3:05.
const SCHEDULES: [(&str, Runs); 6] = [
    ("5 3 * * *", Runs::Seldom),
    ("6 3 * * *", Runs::Seldom),
    ("5-6 3 * * *", Runs::MinuteByMinute),
    ("* * * * *", Runs::MinuteByMinute),
    ("*/2 * * * *", Runs::Seldom),
    ("1/2 * * * *", Runs::Seldom),
];

/// Whether there is a minute near without a run.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Runs {
    Seldom,
    MinuteByMinute,
}

/// One move.
struct Case {
    schedule: &'static str,
    runs: Runs,
    /// To a schedule, or to a rule.
    is_zoned: bool,
    /// Whether what ran the Timer cannot be removed, so that it is moved back.
    is_put_back: bool,
    /// How far into its minute the promote begins.
    begins_ms: i64,
    seconds: Seconds,
    /// Whether what was put in a minute starts what is due in it.
    is_hasty: bool,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = if self.is_zoned {
            "rule to schedule"
        } else {
            "schedule to rule"
        };
        let back = if self.is_put_back { " and back" } else { "" };
        let (ms, seconds) = (self.begins_ms, self.seconds);
        let hasty = if self.is_hasty { "hasty" } else { "slow" };
        write!(
            f,
            "`{}` {way}{back} from {ms} ms on, {seconds:?}, {hasty}",
            self.schedule
        )
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (schedule, runs) in SCHEDULES {
        for begins_ms in [5_000, 52_000] {
            for (rule, schedule_second) in SECONDS {
                let seconds = Seconds {
                    rule,
                    schedule: schedule_second,
                };
                for number in 0..8 {
                    cases.push(Case {
                        schedule,
                        runs,
                        is_zoned: number & 1 == 0,
                        is_put_back: number & 2 == 0,
                        is_hasty: number & 4 == 0,
                        begins_ms,
                        seconds,
                    });
                }
            }
        }
    }
    cases
}

fn manifest(timers: usize, schedule: &str, is_zoned: bool) -> String {
    let timezone = if is_zoned { ", timezone: UTC" } else { "" };
    let services = "services:\n  web:\n    image: example/web:1\n    environment: [DATABASE_URL]";
    let timer = |name: String| {
        format!("  {name}: {{schedule: '{schedule}', command: bin/run, service: web{timezone}}}\n")
    };
    let others = (1..timers).map(|number| format!("t{number}"));
    let names = ["cleanup".to_owned()].into_iter().chain(others);
    let timers: String = names.map(timer).collect();
    format!("{services}\ntimers:\n{timers}")
}

async fn upload(world: &World, app: &App, release: &str, manifest: String) -> Value {
    app.write_manifest(world, release, manifest).await;
    app.write_env(world, release, "DATABASE_URL=any\n").await
}

/// The App with its Timers on one kind, and the event that moves them to the other at 3:05 of a day of its own.
async fn before(
    rack: &Rack,
    app: &App,
    number: usize,
    manifests: [String; 2],
) -> (DateTime<Utc>, Value) {
    let day = TimeDelta::days(i64::try_from(number).unwrap());
    let three = "2027-01-01T03:00:00Z".parse::<DateTime<Utc>>().unwrap() + day;
    clock::set(three);
    let [from, to] = manifests;
    let first = upload(&rack.world, app, "R1", from).await;
    let promoted = rack.usual("promote").invoke(&first).await.answer();
    assert_eq!(promoted["status"], "promoted", "{promoted:#}");
    clock::set(three + TimeDelta::minutes(4));
    let event = upload(&rack.world, app, "R2", to).await;
    (three + TimeDelta::minutes(5), event)
}

/// The runs of each minute, as its starters start them, until `end` is set and over.
async fn runs(
    world: &World,
    app: &App,
    case: &Case,
    (minute, end): (DateTime<Utc>, &Cell<Option<DateTime<Utc>>>),
) -> BTreeMap<DateTime<Utc>, Vec<Starter>> {
    let mut runs: BTreeMap<DateTime<Utc>, Vec<Starter>> = BTreeMap::new();
    let mut stood = standing(world, app).await;
    for number in 0.. {
        let minute = minute + TimeDelta::minutes(number);
        if end.get().is_some_and(|end| minute > end) {
            break;
        }
        if number > 0 {
            sleep_until(minute).await;
            stood = standing(world, app).await;
        }
        let of_minute = runs.entry(minute).or_default();
        let mut seconds = [(case.seconds.rule, false), (case.seconds.schedule, true)];
        seconds.sort_unstable();
        for (second, is_schedule) in seconds {
            let moment = minute + TimeDelta::seconds(second);
            // Before the promote begins, nothing but what stood all the time starts anything.
            sleep_until(moment).await;
            let stands = standing(world, app).await.into_iter();
            of_minute.extend(stands.filter(|starter| {
                starter.timezone.is_some() == is_schedule
                    && starter.is_due(moment.naive_utc())
                    && (case.is_hasty || stood.contains(starter))
            }));
        }
    }
    runs
}

async fn sleep_until(moment: DateTime<Utc>) {
    let left = moment - clock::now();
    tokio::time::sleep(left.to_std().unwrap_or_default()).await;
}

/// Delivers the event, and again after the time that its queue hides it.
async fn deliver(rack: &Rack, event: &Value) -> (Value, bool) {
    let mut is_first = true;
    loop {
        let begun = clock::now();
        match rack.usual("promote").invoke(event).await {
            Invocation::Answer(answer) => return (answer, is_first),
            Invocation::Error {
                error_type,
                message,
            } => {
                assert_eq!(error_type, "Timeout", "{message}");
                assert!(message.contains("too little time is left"), "{message}");
                rack.world.proxy.lift();
                sleep_until(begun + TimeDelta::seconds(300)).await;
            }
        }
        is_first = false;
    }
}

async fn run(rack: &Rack, number: usize, case: Case) {
    // Nothing of the cases before is left.
    rack.situation(Scenario::First.into(), 0).await;
    let (app, world) = (App::named("moved"), &rack.world);
    let manifests = [!case.is_zoned, case.is_zoned].map(|zoned| manifest(1, case.schedule, zoned));
    let (minute, event) = before(rack, &app, number, manifests).await;
    let from = standing(world, &app).await;
    if case.is_put_back {
        let (service, operation) = if case.is_zoned {
            ("events", "DeleteRule")
        } else {
            ("scheduler", "DeleteSchedule")
        };
        world.inject(Fault::DENIED.on(service, operation).times(1));
    }
    // What the minute began with starts what is due before the promote begins, too.
    clock::set(minute);
    let end = Cell::new(None);
    let promote = async {
        sleep_until(minute + TimeDelta::milliseconds(case.begins_ms)).await;
        let delivered = deliver(rack, &event).await;
        end.set(Some(clock::now() + TimeDelta::minutes(2)));
        delivered
    };
    let ((answer, at_once), runs) = join(promote, runs(world, &app, &case, (minute, &end))).await;
    world.proxy.lift();
    let status = if case.is_put_back && at_once {
        "failed"
    } else {
        "promoted"
    };
    assert_eq!(answer["status"], status, "{answer:#}");
    assert!(at_once || case.is_put_back, "there is time enough");
    let after = standing(world, &app).await;
    assert_eq!(after.len(), 1, "{after:?}");
    let stays = case.is_put_back && at_once;
    assert_eq!(after == from, stays, "{after:?}");

    let mut doubled = Vec::new();
    for (minute, runs) in &runs {
        let is_due = from[0].is_due(minute.naive_utc());
        assert_eq!(!runs.is_empty(), is_due, "{minute}: {runs:?}");
        doubled.extend((runs.len() > 1).then_some(*minute));
    }
    match case.runs {
        Runs::Seldom => assert!(doubled.is_empty(), "{doubled:?}: {runs:#?}"),
        // The minute in which the successor was put, and the one in whose first moments the other went.
        Runs::MinuteByMinute if !case.is_put_back => {
            let first = *doubled.first().unwrap_or(&minute);
            assert!(first <= minute + TimeDelta::minutes(2), "{doubled:?}");
            let apart = |it: &DateTime<Utc>| *it - first > TimeDelta::minutes(1);
            assert!(!doubled.iter().any(apart), "{doubled:?}");
        }
        Runs::MinuteByMinute => {}
    }
}

#[test]
fn a_run_is_started_once_whatever_second_aws_and_a_move_take() {
    let _alone = super::super::alone();
    let count = pool::each(Place::Memory, "minutes of moves", cases(), &run);
    proof::covered(&format!(
        "minutes in which a Timer is moved, or moved and put back: {count}; no run was missed, and none doubled where a minute \
         without one is near"
    ));
}

#[test]
fn many_timers_that_run_every_minute_share_one_wait() {
    let _alone = super::super::alone();
    pool::once(async |rack| {
        let (app, many) = (App::named("many"), 36);
        let manifests = [false, true].map(|zoned| manifest(many, "* * * * *", zoned));
        let (minute, event) = before(rack, &app, 0, manifests).await;
        clock::set(minute + TimeDelta::seconds(5));
        let answer = rack.usual("promote").invoke(&event).await.answer();
        assert_eq!(answer["status"], "promoted", "{answer:#}");
        let took = clock::now() - minute;
        assert!(took < TimeDelta::seconds(75), "{took}");
    });
}
