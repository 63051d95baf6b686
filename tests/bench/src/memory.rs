//! The most memory that a function has in RAM, for an App of the largest kind: 64 KB of environment, 50 Services.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{SecondsFormat, TimeDelta, Utc};
use rig::World;
use serde_json::{Value, json};

use crate::row::{Figure, Goal, Row};
use crate::{cold, stub};

const PART: &str = "memory";
const SERVICES: usize = 50;
const VARIABLES: usize = 63;
/// With its name it makes a line of about 1,000 bytes.
const VALUE_BYTES: usize = 990;
const GOAL: Goal = Goal::AtMost(40.0);
const ROUNDS: usize = 5;
const FUNCTIONS: [&str; 4] = ["promote", "process-run", "failure-count", "app-deletion"];

/// The lines of this part.
#[must_use]
pub fn rows() -> Vec<Row> {
    let runtime = tokio::runtime::Runtime::new().expect("cannot start a runtime");
    let world = runtime.block_on(World::new());
    let env = variables(&world);
    let mut peaks = FUNCTIONS.map(|_| Vec::new());
    for round in 0..ROUNDS {
        let app = format!("shop-{round}");
        runtime.block_on(put(&world, &app));
        // One second after another: in one second a deletion is older than a promote.
        let asks = |id, kind| asks(&world, &app, (id, kind));
        // The App's stack comes up first.
        peak(
            "promote",
            &asks(1, "Release Promote Requested"),
            "waiting",
            &env,
        );
        let ends = world.proxy.end_stacks();
        let end = ends.last().expect("promote begins a stack").clone();
        let events = [
            (end, "promoted"),
            (asks(2, "Process Run Requested"), "started"),
            (asks(3, "Secret Write Succeeded"), "counted"),
            (asks(4, "App Deleted"), "waiting"), // for the end of the stack
        ];
        for ((name, (event, status)), peaks) in FUNCTIONS.iter().zip(events).zip(&mut peaks) {
            peaks.push(peak(name, &event, status, &env));
        }
    }
    let row = |(name, peaks)| {
        let what = format!("{name}: peak at 64 KB and {SERVICES} Services");
        Row::new(PART, what, Figure::of(peaks), "MB").goal(GOAL)
    };
    FUNCTIONS.into_iter().zip(peaks).map(row).collect()
}

fn peak(name: &str, event: &Value, status: &str, env: &BTreeMap<String, String>) -> f64 {
    let start = stub::start_built(name, &event.to_string(), env);
    let answer: Value = serde_json::from_str(&start.answer).unwrap_or_default();
    assert_eq!(answer["status"], status, "{name}: {answer:#}");
    start.peak
}

fn variables(world: &World) -> BTreeMap<String, String> {
    let mut env = cold::variables();
    env.extend(world.settings(&[("SECRETS_MANAGER_ENV", "Yes")]));
    env
}

async fn put(world: &World, app: &str) {
    let mut manifest = "services:\n".to_owned();
    for service in 0..SERVICES {
        let of_service = "image: example/web:1\n    environment: [\"*\"]";
        let _ = writeln!(manifest, "  web-{service}:\n    {of_service}"); // a String takes all
    }
    let mut environment = String::new();
    for variable in 0..VARIABLES {
        let _ = writeln!(environment, "KEY_{variable}={}", "x".repeat(VALUE_BYTES));
    }
    world.put(&format!("apps/{app}/convox.yml"), manifest).await;
    let key = format!("apps/{app}/releases/R1/env");
    world.put(&key, environment).await;
    world.proxy.hold_stacks();
}

fn asks(world: &World, app: &str, (id, kind): (i64, &str)) -> Value {
    let time = Utc::now() + TimeDelta::seconds(id);
    let id = format!("{app}-{id}");
    json!({
        "version": "0", "id": id, "detail-type": kind, "source": "secrets-manager-env", "account": "123456789012",
        "time": time.to_rfc3339_opts(SecondsFormat::Secs, true), "region": "us-east-1", "resources": [],
        "detail": {"rack": world.rack, "app": app, "release": "R1", "service": "web-0", "seq": 1, "requestId": id},
    })
}
