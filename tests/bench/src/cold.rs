//! Cold start: from the process's start to its first question for an event, and the first event.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;

use serde_json::json;

use crate::repository;
use crate::row::{Figure, Goal, Row, short};
use crate::stub::{self, Program, Start};

const PART: &str = "cold start";
const ROUNDS: usize = 30;
/// Python takes long, and its spread is small.
const PYTHON_EVERY: usize = 3;
/// The functions, and an event that each ignores: another Rack's.
const FUNCTIONS: [(&str, &str); 4] = [
    ("promote", "Release Promote Requested"),
    ("app-deletion", "App Deleted"),
    ("failure-count", "Secret Write Failed"),
    ("process-run", "Process Run Requested"),
];

/// The lines of this part.
#[must_use]
pub fn rows() -> Vec<Row> {
    let env = variables();
    let (mut ours, mut empty, mut python) = (FUNCTIONS.map(|_| Vec::new()), Vec::new(), Vec::new());
    // In turn, so that what slows the machine down slows all.
    for round in 0..ROUNDS {
        for ((name, kind), starts) in FUNCTIONS.iter().zip(&mut ours) {
            let start = stub::start_built(name, &event(kind), &env);
            assert!(
                start.answer.contains("ignored"),
                "{name} answered {}",
                start.answer
            );
            starts.push(start);
        }
        empty.push(stub::start_built(
            "empty-function",
            &event("App Deleted"),
            &env,
        ));
        if round % PYTHON_EVERY == 0 {
            python.push(in_python(&env));
        }
    }
    let (floor, boto3) = (to_next(&empty), Figure::of(to_next(&python)));
    let mut rows = Vec::new();
    for ((name, _), starts) in FUNCTIONS.iter().zip(&ours) {
        let times = to_next(starts);
        let figure = Figure::of(times.clone());
        let slower = Figure {
            value: boto3.value / figure.value,
            low: boto3.low / figure.high,
            high: boto3.high / figure.low,
        };
        rows.extend([
            Row::new(
                PART,
                format!("{name}: start to first `/next`"),
                figure,
                "ms",
            ),
            Row::new(
                PART,
                format!("{name} ÷ empty function"),
                Figure::ratio(&times, &floor),
                "×",
            )
            .goal(Goal::AtMost(1.3))
            .beside(format!("{} ms", short(Figure::of(floor.clone()).value))),
            Row::new(PART, format!("boto3 ÷ {name}"), slower, "×")
                .goal(Goal::AtLeast(50.0))
                .beside(format!("{} ms", short(boto3.value))),
            Row::new(
                PART,
                format!("{name}: first event, no AWS call"),
                to_answer(starts),
                "ms",
            ),
        ]);
    }
    rows.push(Row::new(
        PART,
        "boto3: first event, no AWS call",
        to_answer(&python),
        "ms",
    ));
    rows
}

fn to_answer(starts: &[Start]) -> Figure {
    Figure::of(starts.iter().map(|start| start.to_answer).collect())
}

fn to_next(starts: &[Start]) -> Vec<f64> {
    starts.iter().map(|start| start.to_next).collect()
}

/// All variables that any function wants; none is a real account's.
#[must_use]
pub fn variables() -> BTreeMap<String, String> {
    let role = "arn:aws:iam::123456789012:role/any";
    let roles = [
        "TASK_EXECUTION_ROLE_ARN",
        "TASK_ROLE_ARN",
        "TIMER_ROLE_ARN",
        "TIMER_DEAD_LETTER_ARN",
        "APP_STACK_ROLE_ARN",
        "APP_BOUNDARY_ARN",
    ];
    let others = [
        ("RACK", "myrack"),
        ("SETTINGS_BUCKET", "settings"),
        ("CLUSTER", "apps"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "123456789012"),
        ("AWS_SECRET_ACCESS_KEY", "not-a-secret"),
        ("AWS_LAMBDA_FUNCTION_NAME", "f"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "g"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "s"),
        ("_HANDLER", "bootstrap"),
    ];
    let roles = roles.map(|name| (name, role));
    let all = others.into_iter().chain(roles);
    let path = ("PATH".to_owned(), env::var("PATH").unwrap_or_default());
    let all = all.map(|(name, value)| (name.to_owned(), value.to_owned()));
    all.chain([path]).collect()
}

fn in_python(env: &BTreeMap<String, String>) -> Start {
    let python = repository().join(".venv/bench/bin/python").into_os_string();
    let command: [OsString; 4] = [
        python,
        "-m".into(),
        "awslambdaric".into(),
        "function.handler".into(),
    ];
    let folder = repository().join("tests/bench/python");
    let program = Program {
        command: &command,
        env,
        folder: &folder.to_string_lossy(),
    };
    stub::start(&program, &event("App Deleted"))
}

fn event(kind: &str) -> String {
    json!({
        "version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": kind, "source": "rack",
        "account": "123456789012", "time": "2026-11-12T00:00:00Z", "region": "us-east-1", "resources": [],
        "detail": {"rack": "another", "app": "shop", "release": "R1", "service": "web", "seq": 1, "requestId": "r"},
    })
    .to_string()
}
