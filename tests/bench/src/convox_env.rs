//! `convox-env`, by which the S3 delivery starts each container: what stands between the container's start and the App's.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use rig::World;

use crate::repository;
use crate::row::{Figure, Goal, Row};
use crate::tls::Servers;

const PART: &str = "convox-env";
const ROUNDS: usize = 40;
const VARIABLES: usize = 100;
/// The App that it starts says what its process ran so far; Linux counts on across `exec`.
const APP: [&str; 2] = ["/bin/cat", "/proc/self/schedstat"];

/// One start of the App.
struct Started {
    /// From the start to the App's end, in ms.
    wall: f64,
    /// In ms.
    cpu: f64,
    /// The most memory that convox-env was seen to have in RAM, in MB.
    peak: f64,
}

/// The lines of this part.
#[must_use]
pub fn rows() -> Vec<Row> {
    let program = built();
    let runtime = tokio::runtime::Runtime::new().expect("cannot start a runtime");
    let world = runtime.block_on(World::new());
    let version = runtime.block_on(put(&world));
    let servers = runtime.block_on(Servers::start(&world));
    let url = format!(
        "s3://{}/apps/shop/releases/R1/env?versionId={version}",
        world.bucket
    );
    let with = |servers: &BTreeMap<String, String>| {
        let mut env = world.task_access();
        env.insert("CONVOX_ENV_URL".to_owned(), url.clone());
        env.insert("CONVOX_ENV_VARS".to_owned(), "*".to_owned());
        env.extend(servers.clone());
        env
    };
    // Only S3 is asked: the object is no envelope.
    let s3 = servers.endpoints.get("AWS_ENDPOINT_URL_S3").cloned();
    let s3 = s3.expect("S3 is served");
    let mut trusting = BTreeMap::from([("CONVOX_ENV_TEST_ENDPOINT".to_owned(), s3)]);
    // Its own roots are part of the binary; one more takes their place here.
    trusting.insert("SSL_CERT_FILE".to_owned(), servers.root.clone());
    let ways = [
        ("nothing to read", BTreeMap::new()),
        ("100 variables over HTTP", with(&BTreeMap::new())),
        ("100 variables over TLS", with(&trusting)),
    ];
    let mut alone = Vec::new();
    let mut started = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        alone.push(start(&APP, &BTreeMap::new()));
        for ((_, env), started) in ways.iter().zip(&mut started) {
            let program = program.to_string_lossy();
            started.push(start(&[&program, APP[0], APP[1]], env));
        }
    }
    let bytes = fs::metadata(&program).expect("convox-env is built").len();
    #[expect(
        clippy::cast_precision_loss,
        reason = "a file's size is far below 2^52 bytes"
    )]
    let size = Figure::exact(bytes as f64 / 1e6);
    let mut rows = vec![Row::new(PART, "binary", size, "MB").goal(Goal::AtMost(3.0))];
    for ((what, _), started) in ways.iter().zip(&started) {
        rows.extend(lines(what, started, &alone));
    }
    rows
}

/// What convox-env adds to the App's own start, round by round.
fn lines(what: &str, started: &[Started], alone: &[Started]) -> [Row; 3] {
    let more = |of: fn(&Started) -> f64| {
        let more = started
            .iter()
            .zip(alone)
            .map(|(with, alone)| of(with) - of(alone));
        Figure::of(more.collect())
    };
    // One that was over before it was looked at says nothing.
    let peaks = started.iter().map(|started| started.peak);
    let peaks = peaks.filter(|peak| *peak > 0.0).collect();
    [
        Row::new(
            PART,
            format!("{what}: wall to exec"),
            more(|it| it.wall),
            "ms",
        ),
        Row::new(
            PART,
            format!("{what}: CPU to exec"),
            more(|it| it.cpu),
            "ms",
        )
        .goal(Goal::AtMost(5.0)),
        Row::new(PART, format!("{what}: peak"), Figure::of(peaks), "MB").goal(Goal::AtMost(6.0)),
    ]
}

/// The static binary where there is one, as `make convox-env` builds it.
fn built() -> PathBuf {
    let release = |folder: &str| repository().join(format!("target/{folder}release/convox-env"));
    let with_musl = release("x86_64-unknown-linux-musl/");
    if with_musl.exists() {
        with_musl
    } else {
        release("")
    }
}

async fn put(world: &World) -> String {
    let variables: Vec<(String, String)> = (0..VARIABLES)
        .map(|number| {
            (
                format!("SETTING_{number}"),
                format!("the value of {number}, of usual length"),
            )
        })
        .collect();
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    world.put_env("shop", "R1", &variables).await
}

fn start(command: &[&str], env: &BTreeMap<String, String>) -> Started {
    let began = Instant::now();
    let child = Command::new(command[0])
        .args(&command[1..])
        .env_clear()
        .envs(env)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "cannot start {}: {error}; `make bench` builds it",
                command[0]
            )
        });
    let peak = watched(child.id());
    let output = child
        .wait_with_output()
        .expect("the App's output can be read");
    let wall = began.elapsed().as_secs_f64() * 1e3;
    let ran = String::from_utf8_lossy(&output.stdout);
    let ran = ran
        .split(' ')
        .next()
        .and_then(|ran| ran.parse::<f64>().ok());
    let cpu = ran.unwrap_or_else(|| panic!("{} did not start the App", command[0])) / 1e6;
    Started { wall, cpu, peak }
}

/// Looks at the process until it has ended or become the App; `exec` starts the count of its memory anew.
fn watched(process: u32) -> f64 {
    let (status, name) = (
        format!("/proc/{process}/status"),
        format!("/proc/{process}/comm"),
    );
    let mut peak = 0.0_f64;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
        let is_convox_env = fs::read_to_string(&name).is_ok_and(|name| name.trim() == "convox-env");
        match kib {
            Some(kib) if is_convox_env => peak = peak.max(kib * 1024.0 / 1e6),
            _ => return peak,
        }
    }
}
