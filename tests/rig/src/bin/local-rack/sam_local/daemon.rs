//! The Docker daemon that SAM CLI's containers run on: the one that answers already, else one of our own for this round.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rig::launcher::{Launched, Program};
use rig::{binaries, tools};
use rustix::process::{Signal, geteuid};

use super::docker::Api;
use super::{CannotRun, base_image, logs};
use crate::processes::Process;
use crate::record::Record;
use rig::children::which;

const NO_DAEMON: &str =
    "no Docker daemon answers, and starting one takes root and an installed `dockerd`";
const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";
const START_LIMIT: Duration = Duration::from_mins(1);
/// What a daemon gets to end its containers and itself.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(100);
const BRIDGE: &str = "/sys/class/net/docker0";

/// A Docker with the image that functions run in.
#[derive(Debug)]
pub struct Docker {
    api: Api,
    repository: String,
    /// This machine's address as containers see it.
    pub gateway: Ipv4Addr,
    _own: Option<Own>,
}

impl Docker {
    /// One that answers.
    ///
    /// # Errors
    ///
    /// [`CannotRun`] where there is none, and none can be started.
    pub async fn ready(folder: &Path) -> Result<Self, CannotRun> {
        clear_what_dead_ones_left();
        let host = env::var("DOCKER_HOST").unwrap_or_else(|_| DEFAULT_HOST.to_owned());
        let mut api = Api { host };
        let mut own = None;
        if !api.answers().await {
            let started = Own::start(folder).await?;
            api = started.api.clone();
            own = Some(started);
        }
        let gateway = api.gateway().await;
        let gateway = gateway.ok_or_else(|| CannotRun("Docker has no bridge".to_owned()))?;
        let of_this_machine = gateway.parse().ok();
        let of_this_machine =
            of_this_machine.filter(|address: &Ipv4Addr| TcpListener::bind((*address, 0)).is_ok());
        let elsewhere = || {
            CannotRun(format!(
                "Docker's bridge {gateway} is not on this machine itself"
            ))
        };
        let repository = folder.file_name().unwrap_or_default().to_string_lossy();
        Ok(Self {
            api,
            repository: repository.to_lowercase(),
            gateway: of_this_machine.ok_or_else(elsewhere)?,
            _own: own,
        })
    }

    /// Where it is.
    pub fn host(&self) -> &str {
        &self.api.host
    }

    /// The name of the image that functions run in.
    pub fn base_image(&self) -> String {
        format!("{}:base", self.repository)
    }

    /// Makes that image.
    pub async fn import_base_image(&self) {
        let archive = base_image::stand_in(&binaries::built("promote"));
        self.api.import(&self.repository, "base", archive).await;
    }

    /// Removes it, and the one that SAM CLI made from it.
    pub async fn remove_images(&self) {
        self.api.remove_images(&self.repository).await;
    }
}

/// A daemon with all its files in a folder of ours. It leaves the firewall alone: containers only talk to this machine.
#[derive(Debug)]
struct Own {
    api: Api,
    daemon: Launched,
    traces: Traces,
    /// Tells a later round of the traces, should this one be killed.
    record: PathBuf,
}

/// What a daemon makes on this machine.
#[derive(Debug)]
struct Traces {
    folder: PathBuf,
    had_bridge: bool,
}

impl Own {
    async fn start(folder: &Path) -> Result<Self, CannotRun> {
        let program = which("dockerd").filter(|_| geteuid().is_root());
        let program = program.ok_or_else(|| CannotRun(NO_DAEMON.to_owned()))?;
        let home = folder.join("docker");
        fs::create_dir(&home).expect("the folder was just made");
        let file = |name: &str| home.join(name).display().to_string();
        let host = format!("unix://{}/docker.sock", folder.display());
        let command = [
            program.display().to_string(),
            format!("--data-root={}", file("data")),
            format!("--exec-root={}", file("exec")),
            format!("--pidfile={}", file("pid")),
            format!("--host={host}"),
            "--iptables=false".to_owned(),
            "--ip6tables=false".to_owned(),
            "--shutdown-timeout=3".to_owned(),
        ];
        let traces = Traces {
            folder: folder.to_owned(),
            had_bridge: Path::new(BRIDGE).exists(),
        };
        let record = traces.recorded();
        let daemon = Program::new("dockerd", command)
            .variables(env::vars())
            .logs_to(&logs().join("dockerd.log"));
        let mut own = Self {
            api: Api { host },
            daemon: daemon.start(),
            traces,
            record,
        };
        own.wait().await?;
        Ok(own)
    }

    async fn wait(&mut self) -> Result<(), CannotRun> {
        let end = Instant::now() + START_LIMIT;
        while !self.api.answers().await {
            if let Some(status) = self.daemon.ended() {
                return Err(CannotRun(format!(
                    "dockerd ends with {status} on this machine"
                )));
            }
            assert!(
                Instant::now() < end,
                "expected dockerd to answer within {START_LIMIT:?}"
            );
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.daemon.end_after(Signal::TERM, PATIENCE);
        self.traces.clear();
        let _ = fs::remove_file(&self.record);
    }
}

impl Traces {
    /// Writes them down as this process's.
    fn recorded(&self) -> PathBuf {
        let holder = Process::own();
        let file = records().join(format!("{}.json", holder.pid));
        fs::create_dir_all(records()).expect("cannot create a folder in target");
        let text = format!("{}\n{}", self.had_bridge, self.folder.display());
        let text = Some(text);
        Record { holder, text }.write(&file);
        file
    }

    /// Those of a record whose process has ended.
    fn of_dead(record: &Record) -> Option<Self> {
        let text = record.text.as_ref().filter(|_| !record.holder.is_alive())?;
        let (had_bridge, folder) = text.split_once('\n')?;
        Some(Self {
            folder: PathBuf::from(folder),
            had_bridge: had_bridge.parse().ok()?,
        })
    }

    /// Takes them away, but for the folder itself.
    fn clear(&self) {
        unmount(&self.folder);
        if !self.had_bridge && Path::new(BRIDGE).exists() {
            let _ = Command::new("ip")
                .args(["link", "delete", "docker0"])
                .output();
        }
    }
}

fn records() -> PathBuf {
    tools::repository().join("target/sam-local-running")
}

/// Removes folder, mounts and bridge of rounds that were killed; their daemons ended with them.
fn clear_what_dead_ones_left() {
    for file in fs::read_dir(records()).into_iter().flatten().flatten() {
        let traces = Record::read(&file.path()).and_then(|record| Traces::of_dead(&record));
        if let Some(traces) = traces {
            traces.clear();
            let _ = fs::remove_dir_all(&traces.folder);
            let _ = fs::remove_file(file.path());
        }
    }
}

/// What a daemon that was killed, or could not start, left mounted.
fn unmount(folder: &Path) {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(1));
    let ours: Vec<&str> = points
        .filter(|point| Path::new(point).starts_with(folder))
        .collect();
    for point in ours.into_iter().rev() {
        let _ = Command::new("umount").arg(point).output();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_dead_process_left_is_cleared() {
        let text = Some("false\n/tmp/sam-local-1".to_owned());
        let holder = Process::own();
        let alive = Record { holder, text };
        assert!(Traces::of_dead(&alive).is_none());
        let mut dead = alive.clone();
        dead.holder.started = "1".to_owned();
        let left = Traces::of_dead(&dead).unwrap();
        assert_eq!(left.folder, Path::new("/tmp/sam-local-1"));
        assert!(!left.had_bridge);
        dead.text = None;
        assert!(Traces::of_dead(&dead).is_none());
    }
}
