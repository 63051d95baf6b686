//! The most memory that a function has in RAM, for an App of the largest kind: 64 KB of environment, 50 Services.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use integration_tests::World;
use serde_json::{Value, json};

use crate::row::{Figure, Goal, Row};
use crate::stub::{self, Program};
use crate::{cold, repository};

const PART: &str = "memory";
const SERVICES: usize = 50;
const VARIABLES: usize = 63;
/// With its name it makes a line of about 1,000 bytes.
const VALUE_BYTES: usize = 990;
const GOAL: Goal = Goal::AtMost(40.0);

/// The lines of this part.
#[must_use]
pub fn rows() -> Vec<Row> {
    let runtime = tokio::runtime::Runtime::new().expect("cannot start a runtime");
    let world = runtime.block_on(World::new());
    let env = variables(&world);
    let run = |name: &str, event: &Value, status: &str| {
        let command = [repository()
            .join("target/release")
            .join(name)
            .into_os_string()];
        let folder = repository().to_string_lossy();
        let start = stub::start(
            &Program {
                command: &command,
                env: &env,
                folder: &folder,
            },
            &event.to_string(),
        );
        let answer: Value = serde_json::from_str(&start.answer).unwrap_or_default();
        assert_eq!(answer["status"], status, "{name}: {answer:#}");
        let what = format!("{name}: peak at 64 KB and {SERVICES} Services");
        Row::new(PART, what, Figure::exact(start.peak), "MB").goal(GOAL)
    };
    runtime.block_on(put(&world));
    let promote = asks(&world, "Release Promote Requested", "promote");
    run("promote", &promote, "waiting"); // for the App's stack
    let ends = world.proxy.end_stacks();
    let end = ends.last().expect("promote begins a stack");
    [
        run("promote", end, "promoted"),
        run(
            "process-run",
            &asks(&world, "Process Run Requested", "run"),
            "started",
        ),
        run(
            "failure-count",
            &asks(&world, "Secret Write Succeeded", "count"),
            "counted",
        ),
        run(
            "app-deletion",
            &asks(&world, "App Deleted", "delete"),
            "waiting",
        ),
    ]
    .into()
}

fn variables(world: &World) -> BTreeMap<String, String> {
    let mut env = cold::variables();
    env.extend(world.settings(&[("SECRETS_MANAGER_ENV", "Yes")]));
    env
}

async fn put(world: &World) {
    let mut manifest = "services:\n".to_owned();
    for service in 0..SERVICES {
        let of_service = "image: example/web:1\n    environment: [\"*\"]";
        let _ = writeln!(manifest, "  web-{service}:\n    {of_service}"); // a String takes all
    }
    let mut environment = String::new();
    for variable in 0..VARIABLES {
        let _ = writeln!(environment, "KEY_{variable}={}", "x".repeat(VALUE_BYTES));
    }
    world.put("apps/shop/convox.yml", manifest).await;
    world.put("apps/shop/releases/R1/env", environment).await;
    world.proxy.hold_stacks();
}

fn asks(world: &World, kind: &str, id: &str) -> Value {
    json!({
        "version": "0", "id": id, "detail-type": kind, "source": "secrets-manager-env", "account": "123456789012",
        "time": chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true), "region": "us-east-1", "resources": [],
        "detail": {"rack": world.rack, "app": "shop", "release": "R1", "service": "web-0", "seq": 1, "requestId": id},
    })
}
