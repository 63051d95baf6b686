//! The sample events in `events/`, each named after the function that it starts.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use chrono::{SecondsFormat, TimeDelta, Utc};
use rig::World;
use serde_json::Value;

/// What the samples have where AWS would have put its own.
const ACCOUNT: &str = "123456789012";
const RELEASE: &str = "RABCDEFGHIJ";
const TIME: &str = "2026-11-02T10:20:00Z";
const VERSION: &str = "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrH";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../events")
}

/// `{name}` of every `events/{function}-{name}.json`.
pub fn names(function: &str) -> BTreeSet<String> {
    let files = fs::read_dir(folder()).unwrap();
    let names = files.filter_map(|file| {
        let name = file.unwrap().file_name().into_string().unwrap();
        let name = name.strip_prefix(function)?.strip_prefix('-')?;
        Some(name.strip_suffix(".json")?.to_owned())
    });
    names.collect()
}

/// `events/{function}-{name}.json`, about this World's account, cluster, Rack and bucket, a second ahead.
pub fn sample(world: &World, function: &str, name: &str) -> Value {
    serde_json::from_str(&text(world, function, name)).unwrap()
}

/// The same about a Release and the version of its environment.
pub fn of_release(
    world: &World,
    function: &str,
    name: &str,
    release: &str,
    version: &str,
) -> Value {
    let text = text(world, function, name);
    let text = text.replace(RELEASE, release).replace(VERSION, version);
    serde_json::from_str(&text).unwrap()
}

fn text(world: &World, function: &str, name: &str) -> String {
    let file = folder().join(format!("{function}-{name}.json"));
    let text = fs::read_to_string(&file).unwrap();
    // A second on, so that it is newer than any write before it.
    let now = (Utc::now() + TimeDelta::seconds(1)).to_rfc3339_opts(SecondsFormat::Secs, true);
    // The samples' cluster has the Rack's name.
    text.replace("cluster/myrack", &format!("cluster/{}", world.cluster))
        .replace("/myrack/", &format!("/{}/", world.cluster))
        .replace("myrack-settings", &world.bucket)
        .replace("myrack", &world.rack)
        .replace(ACCOUNT, &world.account)
        .replace(TIME, &now)
}
