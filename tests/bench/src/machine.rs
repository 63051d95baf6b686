//! When and where a run was made.

use std::fs;
use std::thread;

use serde::{Deserialize, Serialize};

/// The machine and the day, as the table states them.
#[derive(Debug, Serialize, Deserialize)]
pub struct Machine {
    /// The day, in UTC.
    pub date: String,
    /// The processor, as Linux names it.
    pub processor: String,
    /// How many cores the run had.
    pub cores: usize,
    /// Memory, in GiB.
    pub memory: u64,
    /// The kernel's release.
    pub kernel: String,
}

impl Machine {
    /// This one, now.
    #[must_use]
    pub fn here() -> Self {
        let kib = field("/proc/meminfo", "MemTotal");
        let kib = kib.split(' ').next().and_then(|kib| kib.parse().ok());
        Self {
            date: chrono::Utc::now().format("%Y-%m-%d").to_string(),
            processor: field("/proc/cpuinfo", "model name"),
            cores: thread::available_parallelism().map_or(1, usize::from),
            memory: kib.unwrap_or(0) / (1 << 20),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }
}

fn field(file: &str, name: &str) -> String {
    let text = read(file);
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_once(':'));
    value
        .map_or("unknown", |(_, value)| value.trim())
        .to_owned()
}

fn read(file: &str) -> String {
    fs::read_to_string(file).unwrap_or_default()
}
