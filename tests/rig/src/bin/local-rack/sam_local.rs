//! Invokes every `events/*.json` with `sam local invoke`: the function as `template.yaml` describes it, in SAM CLI's
//! container, against the emulator. One line for each event.

mod base_image;
mod daemon;
mod docker;
mod sam;

use std::fmt;
use std::fs;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::{Path, PathBuf};

use chrono::{SecondsFormat, Utc};
use futures_util::FutureExt as _;
use rig::emulator::{Emulator, Setup, free_address};
use rig::{World, tools};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Interrupts;
use crate::console::say;
use daemon::Docker;
use sam::Sam;

/// What the sample events have where AWS would have put the version and the time of this round.
const SAMPLE_VERSION: &str = "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrH";
const SAMPLE_TIME: &str = "2026-11-02T10:20:00Z";
/// The Release that they are about.
const RELEASE: &str = "apps/shop/releases/RABCDEFGHIJ";

/// What a sample event is answered with in a Rack that has its Release; any other `status` but `failed` is fine elsewhere.
const STATUS: [(&str, &str); 25] = [
    ("app-deletion-continue", "idle"),
    ("app-deletion-deleted", "deleted"),
    ("app-deletion-direct", "deleted"),
    ("failure-count-deployment-completed", "counted"),
    ("failure-count-event-of-no-kind", "ignored"),
    ("failure-count-event-of-no-kind-nor-rack", "ignored"),
    ("failure-count-request-of-no-rack", "ignored"),
    ("failure-count-request-of-no-source", "ignored"),
    ("failure-count-request-on-another-bus", "ignored"),
    ("failure-count-secret-write-failed", "counted"),
    ("failure-count-secret-write-skipped", "counted"),
    ("failure-count-secret-write-succeeded", "counted"),
    ("process-run-direct", "started"),
    ("process-run-requested", "started"),
    ("promote-continue", "idle"),
    ("promote-dry-run", "planned"),
    // It is the first, and begins the App's stack; the next finds that created.
    ("promote-object-created", "waiting"),
    ("promote-reconcile", "reconciled"),
    ("promote-reconcile-behind", "idle"),
    ("promote-requested", "promoted"),
    ("promote-s3-notification", "promoted"),
    ("promote-service-deployment-completed", "looked"),
    ("promote-service-deployment-failed", "looked"),
    ("promote-superseded", "superseded"),
    ("promote-verdict-look", "looked"),
];

/// This machine lacks something that the round needs.
#[derive(Debug)]
pub struct CannotRun(String);

impl fmt::Display for CannotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the logs of SAM CLI, the functions and the emulator are.
pub fn logs() -> PathBuf {
    tools::repository().join("target/sam-local")
}

/// The whole round.
///
/// # Panics
///
/// When an event is answered otherwise than expected.
pub async fn round() -> u8 {
    let mut interrupts = Interrupts::listen();
    let _ = fs::remove_dir_all(logs());
    fs::create_dir_all(logs()).expect("cannot create a folder in target");
    let folder = tempfile::Builder::new().prefix("sam-local-").tempdir();
    let folder = folder.expect("cannot create a folder");
    let ready = tokio::select! {
        ready = Docker::ready(folder.path()) => ready,
        number = interrupts.next() => return 128 + number,
    };
    let docker = match ready {
        Ok(docker) => docker,
        Err(reason) => {
            say(&format!("skipped: {reason}"));
            return 0;
        }
    };
    // However the round ends, images of ours are not to stay with somebody else's Docker.
    let invoked = AssertUnwindSafe(invoke_all(&docker, &folder)).catch_unwind();
    let ended = tokio::select! {
        invoked = invoked => invoked.map(|()| 0),
        number = interrupts.next() => {
            say("\ninterrupted, cleaning up");
            Ok(128 + number)
        }
    };
    docker.remove_images().await;
    ended.unwrap_or_else(|panic| resume_unwind(panic))
}

async fn invoke_all(docker: &Docker, folder: &TempDir) {
    docker.import_base_image().await;
    let home = folder.path().join("emulator");
    fs::create_dir(&home).expect("the folder was just made");
    let emulator = Emulator::start_as(&Setup {
        address: free_address(docker.gateway),
        home: &home,
        log: &logs().join("emulator.log"),
        functions_endpoint: None,
    })
    .await;
    let world = World::of_samples(&emulator).await;
    for file in ["convox.yml", "build.json", "env"] {
        upload(&world, file).await;
    }
    let sam = Sam::new(docker, &world, &emulator.url(), folder.path());
    let mut wrong = Vec::new();
    for event in events() {
        if !answers_well(&sam, &world, &event).await {
            wrong.push(name(&event));
        }
    }
    assert!(
        wrong.is_empty(),
        "expected another answer to {}",
        wrong.join(", ")
    );
}

/// The samples; those of process-run come last, as a process needs a Release that is applied.
fn events() -> Vec<PathBuf> {
    let files = fs::read_dir(tools::repository().join("events"));
    let files = files.expect("there are samples").flatten();
    let paths = files.map(|file| file.path());
    let mut events: Vec<PathBuf> = paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    events.sort_by_key(|event| (name(event).starts_with("process-run"), name(event)));
    events
}

fn name(event: &Path) -> String {
    let stem = event.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// Writes a file of the Release; its version.
async fn upload(world: &World, file: &str) -> String {
    let body = fs::read(tools::repository().join("examples/shop").join(file));
    let body = body.expect("cannot read a file of examples/shop");
    world.put(&format!("{RELEASE}/{file}"), body).await
}

async fn answers_well(sam: &Sam, world: &World, path: &Path) -> bool {
    let name = name(path);
    let mut event = fs::read_to_string(path).expect("cannot read a sample");
    // One that tells of a written environment tells of one just written.
    if event.contains(SAMPLE_VERSION) {
        event = event.replace(SAMPLE_VERSION, &upload(world, "env").await);
    }
    let now = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
    let event = event.replace(SAMPLE_TIME, &now);
    let answer = sam.invoke(&name, &event).await;
    let good = is_good(&name, &answer);
    let verdict = if good { "ok " } else { "BAD" };
    say(&format!(
        "{verdict} {:<44} {}",
        format!("{name}.json"),
        shown(&answer)
    ));
    good
}

fn is_good(event: &str, answer: &Value) -> bool {
    if !answer.is_object() || !answer["errorType"].is_null() {
        return false;
    }
    if event.contains("-sqs-") {
        return *answer == json!({"batchItemFailures": []});
    }
    let status = answer["status"].as_str();
    match STATUS.into_iter().find(|(name, _)| *name == event) {
        Some((_, expected)) => status == Some(expected),
        None => status.is_some_and(|status| status != "failed"),
    }
}

/// An answer's outcome; a whole report would be pages.
fn shown(answer: &Value) -> String {
    let Some(members) = answer.as_object() else {
        return start(&answer.to_string());
    };
    let telling = ["batchItemFailures", "status", "errorType", "message"];
    let told = telling.iter().filter_map(|name| {
        let value = members.get(*name)?;
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        Some(format!("{name} {text}"))
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() {
        let names: Vec<&str> = members.keys().map(String::as_str).collect();
        return start(&format!("only {}", names.join(", ")));
    }
    start(&told.join(", "))
}

fn start(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_expected_status_is_of_a_sample() {
        let samples: BTreeSet<String> = events().iter().map(|event| name(event)).collect();
        for (event, _) in STATUS {
            assert!(samples.contains(event), "there is no events/{event}.json");
        }
        let last = events().pop().unwrap();
        assert!(name(&last).starts_with("process-run"), "{}", last.display());
    }

    #[test]
    fn an_answer_is_good_if_it_is_the_expected_one() {
        for (event, answer, good) in [
            ("promote-dry-run", json!({"status": "planned"}), true),
            ("promote-dry-run", json!({"status": "failed"}), false),
            ("promote-other", json!({"status": "anything"}), true),
            ("promote-other", json!({"status": "failed"}), false),
            (
                "promote-other",
                json!({"status": "idle", "errorType": "E"}),
                false,
            ),
            (
                "promote-sqs-continue",
                json!({"batchItemFailures": []}),
                true,
            ),
            (
                "promote-sqs-continue",
                json!({"batchItemFailures": [1]}),
                false,
            ),
            ("promote-sqs-continue", json!("no JSON"), false),
        ] {
            assert_eq!(is_good(event, &answer), good, "{event} {answer}");
        }
    }

    #[test]
    fn an_answer_is_shown_in_a_line() {
        let answer = json!({"status": "failed", "message": "why", "services": {}});
        assert_eq!(shown(&answer), "status failed, message why");
        assert_eq!(shown(&json!({"b": 1, "a": 2})), "only a, b");
        assert_eq!(shown(&json!("x".repeat(300))).len(), 200);
    }
}
