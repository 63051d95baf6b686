//! What the task metadata endpoint version 4 says. Source: facts/aws.md 6 (fields of the agent's responses); every number
//! that this machine has is measured here.

use std::fs;
use std::time::Instant;

use chrono::{SecondsFormat, Utc};
use double::unique;
use serde_json::{Value, json};

use super::Container;
use super::volumes::Volume;

/// One task's answers.
#[derive(Debug)]
pub(super) struct Metadata {
    task: Value,
    container: Value,
    docker_id: String,
    /// The counters at the last look, and when that was.
    before: Option<(Instant, Traffic)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Traffic {
    received: u64,
    sent: u64,
}

impl Metadata {
    pub(super) fn new(started: &Container, volumes: &[Volume]) -> Self {
        let (task, container) = (&started.task, &started.definition);
        let id = unique::word(32);
        let docker_id = format!("{id}-{}", unique::word(10));
        let arn = task.task_definition_arn().unwrap_or_default();
        let place = arn.split(":task-definition/").next().unwrap_or_default();
        let name = container.name().unwrap_or_default();
        let logs = container.log_configuration();
        let options = logs
            .and_then(|logs| logs.options())
            .cloned()
            .unwrap_or_default();
        let options: std::collections::BTreeMap<_, _> = options.into_iter().collect();
        let labels = container.docker_labels().cloned().unwrap_or_default();
        let labels: std::collections::BTreeMap<_, _> = labels.into_iter().collect();
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Nanos, true);
        let mut container = json!({
            "DockerId": docker_id,
            "Name": name,
            "DockerName": name,
            "Image": container.image(),
            "ImageID": "",
            "Labels": labels,
            "DesiredStatus": "RUNNING",
            "KnownStatus": "RUNNING",
            "Limits": {"CPU": container.cpu(), "Memory": container.memory()},
            "CreatedAt": now,
            "StartedAt": now,
            "Type": "NORMAL",
            "LogDriver": logs.map(|logs| logs.log_driver().as_str()),
            "LogOptions": options,
            "ContainerARN": format!("{place}:container/local/{id}/{}", unique::word(12)),
            "Networks": [{"NetworkMode": task.network_mode().map(aws_sdk_ecs::types::NetworkMode::as_str), "IPv4Addresses": ["127.0.0.1"]}],
        });
        // The agent leaves an empty list out.
        if !volumes.is_empty() {
            container["Volumes"] = volumes.iter().map(volume).collect();
        }
        Self {
            task: json!({
                "Cluster": "local",
                "TaskARN": format!("{place}:task/local/{id}"),
                "Family": task.family(),
                "Revision": task.revision().to_string(),
                "DesiredStatus": "RUNNING",
                "KnownStatus": "RUNNING",
                "Limits": {"CPU": vcpus(task.cpu()), "Memory": number(task.memory())},
                "PullStartedAt": now,
                "PullStoppedAt": now,
                "AvailabilityZone": "local",
                "LaunchType": if started.is_on_fargate() { "FARGATE" } else { "EC2" },
                "Containers": [container],
            }),
            container,
            docker_id,
            before: None,
        }
    }

    /// The answer for a path behind the endpoint's address; `None` where the endpoint has nothing there.
    pub(super) fn answer(&mut self, path: &str, process: Option<u32>) -> Option<Value> {
        match path {
            "" | "/" => Some(self.container.clone()),
            "/task" => Some(self.task.clone()),
            "/stats" => Some(self.stats(process)),
            "/task/stats" => {
                let stats = self.stats(process);
                Some(json!({(self.docker_id.clone()): stats}))
            }
            _ => None,
        }
    }

    /// Docker's shape. A rate needs two looks, so the first has none, as the agent's.
    fn stats(&mut self, process: Option<u32>) -> Value {
        let now = traffic();
        let at = Instant::now();
        let mut stats = json!({
            "read": Utc::now().to_rfc3339_opts(SecondsFormat::Nanos, true),
            "id": self.docker_id,
            "name": self.container["Name"],
            "memory_stats": {"usage": process.and_then(resident_bytes)},
            "networks": {"eth0": {"rx_bytes": now.received, "tx_bytes": now.sent}},
        });
        if let Some((then, before)) = self.before.replace((at, now)) {
            let seconds = at.duration_since(then).as_secs_f64().max(0.001);
            let rate = |now: u64, before: u64| per_second(now.saturating_sub(before), seconds);
            stats["network_rate_stats"] = json!({
                "rx_bytes_per_sec": rate(now.received, before.received),
                "tx_bytes_per_sec": rate(now.sent, before.sent),
            });
        }
        stats
    }
}

fn volume(volume: &Volume) -> Value {
    json!({
        "DockerName": volume.docker_name,
        "Source": volume.source,
        "Destination": volume.destination,
    })
}

fn per_second(bytes: u64, seconds: f64) -> f64 {
    u32::try_from(bytes).map_or(f64::from(u32::MAX), f64::from) / seconds
}

fn number(text: Option<&str>) -> Option<u64> {
    text?.parse().ok()
}

/// A task's CPU units as the endpoint has them.
fn vcpus(units: Option<&str>) -> Option<f64> {
    let units: u32 = units?.parse().ok()?;
    Some(f64::from(units) / 1024.0)
}

/// The bytes of all interfaces (proc(5), `/proc/net/dev`).
fn traffic() -> Traffic {
    let table = fs::read_to_string("/proc/net/dev").unwrap_or_default();
    let mut all = Traffic::default();
    for line in table.lines() {
        let Some((_, counters)) = line.split_once(':') else {
            continue;
        };
        let mut counters = counters
            .split_whitespace()
            .map(|counter| counter.parse().unwrap_or(0));
        all.received += counters.next().unwrap_or(0);
        all.sent += counters.nth(7).unwrap_or(0);
    }
    all
}

/// What of a process is in memory (proc(5), `VmRSS`).
fn resident_bytes(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
