//! Events as `EventBridge` delivers them to the functions: the samples in `events/`, about the App and World of a test.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::World;

/// What the samples have where AWS would have put its own.
const ACCOUNT: &str = "123456789012";
const RELEASE: &str = "RABCDEFGHIJ";
const TIME: &str = "2026-11-02T10:20:00Z";
const VERSION: &str = "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrH";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../events")
}

fn text(name: &str) -> String {
    let file = folder().join(format!("{name}.json"));
    fs::read_to_string(&file).unwrap_or_else(|err| panic!("cannot read {}: {err}", file.display()))
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("the sample is JSON")
}

/// `{name}` of every `events/{function}-{name}.json`.
#[must_use]
pub fn samples(function: &str) -> BTreeSet<String> {
    let files = fs::read_dir(folder()).expect("there are samples");
    let names = files.filter_map(|file| {
        let name = file.ok()?.file_name().into_string().ok()?;
        let name = name.strip_prefix(function)?.strip_prefix('-')?;
        Some(name.strip_suffix(".json")?.to_owned())
    });
    names.collect()
}

/// `events/{name}.json`, about this World's account, cluster, Rack and bucket, a second ahead.
#[must_use]
pub fn sample(world: &World, name: &str) -> Value {
    parsed(&about(world, name))
}

/// The same about a Release and the version of its environment.
#[must_use]
pub fn sample_of(world: &World, name: &str, release: &str, version: &str) -> Value {
    let text = about(world, name);
    parsed(&text.replace(RELEASE, release).replace(VERSION, version))
}

fn about(world: &World, name: &str) -> String {
    // A second on, so that it is newer than any write before it.
    let now = (Utc::now() + TimeDelta::seconds(1)).to_rfc3339_opts(SecondsFormat::Secs, true);
    // The samples' cluster has the Rack's name.
    text(name)
        .replace("cluster/myrack", &format!("cluster/{}", world.cluster))
        .replace("/myrack/", &format!("/{}/", world.cluster))
        .replace("myrack-settings", &world.bucket)
        .replace("myrack", &world.rack)
        .replace(ACCOUNT, &world.account)
        .replace(TIME, &now)
}

/// S3's event about the environment object of a Release.
#[must_use]
pub fn written(world: &World, app: &str, release: &str, version_id: &str) -> Value {
    let mut event = parsed(&text("promote-object-created"));
    event["account"] = world.account.as_str().into();
    event["resources"] = json!([format!("arn:aws:s3:::{}", world.bucket)]);
    event["detail"]["bucket"]["name"] = world.bucket.as_str().into();
    event["detail"]["object"]["key"] = format!("apps/{app}/releases/{release}/env").into();
    event["detail"]["object"]["version-id"] = version_id.into();
    event["detail"]["object"]["sequencer"] = next_sequencer().into();
    event
}

/// S3's sequencers of one key rise with its writes.
fn next_sequencer() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    format!("{:018X}", LAST.fetch_add(1, Ordering::Relaxed))
}

/// An event of a Rack's own: `Release Promote Requested`, `App Deleted`, `Process Run Requested`.
#[must_use]
pub fn of_rack(kind: &str, id: &str, time: DateTime<Utc>, detail: &Value) -> Value {
    sent("rack", kind, id, time, detail)
}

/// An event that one function sends another, of now.
#[must_use]
pub fn of_functions(kind: &str, id: &str, detail: &Value) -> Value {
    sent("secrets-manager-env", kind, id, Utc::now(), detail)
}

/// An event of any source.
#[must_use]
pub fn sent(source: &str, kind: &str, id: &str, time: DateTime<Utc>, detail: &Value) -> Value {
    let mut event = parsed(&text("promote-requested"));
    event["source"] = source.into();
    event["detail-type"] = kind.into();
    event["id"] = id.into();
    event["time"] = time.to_rfc3339_opts(SecondsFormat::Secs, true).into();
    event["detail"] = detail.clone();
    event
}

/// A batch of the one message `message-1` with this text, as SQS delivers it.
#[must_use]
pub fn queued(body: &impl Display) -> Value {
    let mut batch = parsed(&text("promote-sqs-requested"));
    batch["Records"][0]["messageId"] = "message-1".into();
    batch["Records"][0]["body"] = body.to_string().into();
    batch
}
