//! Processes of this machine, by number and time of their start: a number alone can be somebody else's by now.

use std::fs;

/// A process, of which there is only one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// When it started, in the system's own words.
    pub started: String,
}

impl Process {
    /// The one with that number now.
    pub fn with(pid: i32) -> Option<Self> {
        let started = fields(pid)?.nth(STARTED)?;
        Some(Self { pid, started })
    }

    /// This one.
    ///
    /// # Panics
    ///
    /// Where the system has no `/proc`.
    pub fn own() -> Self {
        let pid = i32::try_from(std::process::id()).expect("numbers of processes are small");
        Self::with(pid).expect("/proc has this process")
    }

    /// Whether it is there, and has not only left its number.
    pub fn is_alive(&self) -> bool {
        let state = fields(self.pid).and_then(|mut fields| fields.next());
        Self::with(self.pid).as_ref() == Some(self) && state.is_some_and(|state| state != "Z")
    }

    /// All that it has started, and those have.
    pub fn descendants(&self) -> Vec<Self> {
        let children: Vec<Self> = children(self.pid).collect();
        let further = children.iter().flat_map(Self::descendants);
        let further: Vec<Self> = further.collect();
        children.into_iter().chain(further).collect()
    }
}

/// Of the fields behind the name, which may have spaces (proc(5), `/proc/pid/stat`): state is the first of them.
const STARTED: usize = 19;

fn fields(pid: i32) -> Option<impl Iterator<Item = String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<String> = fields.split_whitespace().map(str::to_owned).collect();
    Some(fields.into_iter())
}

fn children(pid: i32) -> impl Iterator<Item = Process> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter();
    let tasks = tasks.flatten().flatten();
    let listed = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let pids: Vec<i32> = listed
        .flat_map(|listed| {
            let pids = listed.split_whitespace().map(str::to_owned);
            pids.collect::<Vec<_>>()
        })
        .filter_map(|pid| pid.parse().ok())
        .collect();
    pids.into_iter().filter_map(Process::with)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_process_is_alive_until_it_ends_and_its_number_alone_is_not_enough() {
        let mut sleep = Command::new("sleep").arg("100").spawn().unwrap();
        let pid = i32::try_from(sleep.id()).unwrap();
        let process = Process::with(pid).unwrap();
        assert!(process.is_alive());
        assert!(Process::own().descendants().contains(&process));
        let started = "1".to_owned();
        assert!(!Process { pid, started }.is_alive());
        sleep.kill().unwrap();
        sleep.wait().unwrap();
        assert!(!process.is_alive());
    }
}
