//! What it costs a month, from the calls of one promote and AWS's prices.

use std::collections::BTreeMap;

use double::Call;

use crate::promotes;
use crate::row::{Figure, Row, short};

const PART: &str = "cost";

/// A Rack of usual size.
const APPS: f64 = 20.0;
const SERVICES: usize = 5;
const TIMERS: usize = 2;
const TASKS_PER_SERVICE: f64 = 2.0;
const VARIABLES: f64 = 20.0;
const PROMOTES_A_DAY: f64 = 2.0;
const TIMER_RUNS_A_DAY: f64 = 24.0;
const DAYS: f64 = 30.0;
/// As AWS counts a month.
const HOURS: f64 = 730.0;
/// A public load balancer has an address in each.
const ZONES: f64 = 2.0;

/// As template.yaml has them.
const MEMORY_GIB: f64 = 0.25;
const QUEUES_POLLED: f64 = 4.0;
const ALARMS: f64 = 17.0;
const DASHBOARDS: f64 = 1.0;
/// Lambda polls each queue on five connections, 20 s at a time (Lambda developer guide, "Using Lambda with Amazon SQS").
const POLLS_A_DAY: f64 = 5.0 * 3.0 * 60.0 * 24.0;
/// The schedule's: promote lists the Apps, and reads two states of each.
const LOOKS_A_DAY: f64 = 96.0;
/// A promote invokes promote and failure-count. Each event is sent to a queue, received and deleted.
const INVOCATIONS_A_PROMOTE: f64 = 2.0;
const REQUESTS_AN_EVENT: f64 = 3.0;

/// Dollars, for how many. On demand, us-east-1, without free tiers and volume discounts, as published in autumn 2026.
struct Price(f64, f64);

const SECRET: Price = Price(0.40, 1.0);
const SECRET_CALLS: Price = Price(0.05, 10_000.0);
const S3_WRITES: Price = Price(0.005, 1_000.0);
const S3_READS: Price = Price(0.0004, 1_000.0);
const EVENTS: Price = Price(1.00, 1e6);
const INVOCATIONS: Price = Price(0.20, 1e6);
const GIB_SECONDS: Price = Price(0.000_013_333_4, 1.0);
const QUEUE_REQUESTS: Price = Price(0.40, 1e6);
const ALARM: Price = Price(0.10, 1.0);
const DASHBOARD: Price = Price(3.00, 1.0);
const LOAD_BALANCER: Price = Price(0.0225, 1.0);
const LOAD_BALANCER_UNIT: Price = Price(0.008, 1.0);
const NETWORK_LOAD_BALANCER: Price = Price(0.0225, 1.0);
const NETWORK_LOAD_BALANCER_UNIT: Price = Price(0.006, 1.0);
const PUBLIC_ADDRESS: Price = Price(0.005, 1.0);

/// The lines of this part.
#[must_use]
pub fn rows() -> Vec<Row> {
    let (wall, calls) = promotes::changed(SERVICES, TIMERS);
    let mut rows = by_api(&calls);
    let count = |fits: &dyn Fn(&Call) -> bool| {
        let count = calls.iter().filter(|call| fits(call)).count();
        f64::from(u32::try_from(count).expect("there are few calls"))
    };
    let promotes = APPS * PROMOTES_A_DAY * DAYS;
    let looks = LOOKS_A_DAY * DAYS;
    let services = f64::from(u32::try_from(SERVICES).expect("there are few"));
    let timers = f64::from(u32::try_from(TIMERS).expect("there are few"));
    let starts = promotes * services * TASKS_PER_SERVICE + APPS * timers * TIMER_RUNS_A_DAY * DAYS;
    let s3_writes = count(&|call| call.service == "s3" && call.changes_something());
    let s3_reads = count(&|call| call.service == "s3" && !call.changes_something());
    let secret_calls = count(&|call| call.service == "secretsmanager");
    let events = count(&|call| call.operation == "PutEvents");
    // Of promote; failure-count and the looks are taken to be as long, which is too much.
    let seconds = wall / 1e3;
    let items = [
        ("secrets, one per App", APPS, SECRET),
        (
            "Secrets Manager, calls of promotes",
            promotes * secret_calls,
            SECRET_CALLS,
        ),
        (
            "Secrets Manager, each variable of each task that starts",
            starts * VARIABLES,
            SECRET_CALLS,
        ),
        ("S3, writes", promotes * (s3_writes + 1.0), S3_WRITES),
        (
            "S3, reads",
            promotes * s3_reads + looks * (1.0 + 2.0 * APPS),
            S3_READS,
        ),
        ("EventBridge, events", promotes * (events + 1.0), EVENTS),
        (
            "Lambda, invocations",
            promotes * INVOCATIONS_A_PROMOTE + looks,
            INVOCATIONS,
        ),
        (
            "Lambda, GiB-seconds",
            (promotes * INVOCATIONS_A_PROMOTE + looks) * seconds * MEMORY_GIB,
            GIB_SECONDS,
        ),
        (
            "SQS, nearly all of it Lambda asking",
            QUEUES_POLLED * POLLS_A_DAY * DAYS
                + promotes * INVOCATIONS_A_PROMOTE * REQUESTS_AN_EVENT,
            QUEUE_REQUESTS,
        ),
        ("CloudWatch, alarms", ALARMS, ALARM),
        ("CloudWatch, the dashboard", DASHBOARDS, DASHBOARD),
    ];
    let parts = priced(&items);
    let total: f64 = parts.iter().map(|row| row.figure.value).sum();
    rows.extend(parts);
    let beside = format!(
        "{APPS} Apps of {SERVICES} Services and {TIMERS} Timers, {PROMOTES_A_DAY} promotes a day each, {VARIABLES} variables a task"
    );
    rows.push(Row::new(PART, "a month in all", Figure::exact(total), "$").beside(beside));
    rows.extend(priced(&OF_AN_ENTRANCE));
    rows
}

/// What a Rack with an entrance, or with Apps that have `nlb`, pays besides, for each load balancer, in hours.
const OF_AN_ENTRANCE: [(&str, f64, Price); 5] = [
    (
        "besides: a load balancer, public or internal",
        HOURS,
        LOAD_BALANCER,
    ),
    (
        "besides: its addresses, of a public one in two zones",
        ZONES * HOURS,
        PUBLIC_ADDRESS,
    ),
    (
        "besides: each unit (LCU) that it carries all the time",
        HOURS,
        LOAD_BALANCER_UNIT,
    ),
    (
        "besides: an App's load balancer of `nlb`, public or internal",
        HOURS,
        NETWORK_LOAD_BALANCER,
    ),
    (
        "besides: each unit (NLCU) that it carries all the time",
        HOURS,
        NETWORK_LOAD_BALANCER_UNIT,
    ),
];

fn priced(items: &[(&str, f64, Price)]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (what, quantity, Price(dollars, per)) in items {
        let cost = quantity * dollars / per;
        let of = if *per > 1.0 {
            format!(" for {}", thousands(*per))
        } else {
            String::new()
        };
        let beside = format!("{} at ${dollars}{of}", thousands(*quantity));
        rows.push(Row::new(PART, *what, Figure::exact(cost), "$").beside(beside));
    }
    rows
}

/// How many calls of each API a changed promote makes, with what they are.
fn by_api(calls: &[Call]) -> Vec<Row> {
    let mut of_api: BTreeMap<&str, BTreeMap<&str, u32>> = BTreeMap::new();
    for call in calls {
        let operations = of_api.entry(&call.service).or_default();
        *operations.entry(&call.operation).or_default() += 1;
    }
    let row = |(api, operations): (&str, BTreeMap<&str, u32>)| {
        let count = f64::from(operations.values().sum::<u32>());
        let listed: Vec<String> = operations
            .iter()
            .map(|(operation, count)| format!("{operation} {count}"))
            .collect();
        let what = format!("one promote, changed, {SERVICES} + {TIMERS}: calls of {api}");
        Row::new(PART, what, Figure::exact(count), "").beside(listed.join(", "))
    };
    of_api.into_iter().map(row).collect()
}

fn thousands(number: f64) -> String {
    match number {
        number if number >= 1e6 => format!("{} million", short(number / 1e6)),
        number if number >= 1e4 => format!("{} thousand", short(number / 1e3)),
        number => short(number),
    }
}
