//! Programs that are run to their end.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use crate::launcher::{Launched, Program};
use tempfile::NamedTempFile;

const PAUSE: Duration = Duration::from_millis(10);

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its status, unless it took too long and was killed.
    pub status: Option<ExitStatus>,
    /// Its standard output.
    pub answer: String,
    /// What is in its log.
    pub log: String,
}

impl Ended {
    /// Whether it ended by itself, and well.
    #[must_use]
    pub fn well(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }
}

/// Runs a program to its end, which comes at the latest after `limit`.
pub async fn run(program: Program, limit: Duration) -> Ended {
    let file = NamedTempFile::new().expect("cannot create a file for an answer");
    let mut launched = program.answers_to(file.path()).start();
    let status = status(&mut launched, limit).await;
    let answer = fs::read(file.path()).expect("the file was just made");
    Ended {
        status,
        answer: String::from_utf8_lossy(&answer).into_owned(),
        log: launched.output(),
    }
}

/// How it ended, if it did in time.
pub async fn status(launched: &mut Launched, limit: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + limit;
    loop {
        let ended = launched.ended();
        if ended.is_some() || Instant::now() > end {
            return ended;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Where a program of that name is, if it is installed.
#[must_use]
pub fn which(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let mut files = env::split_paths(&path).map(|folder| folder.join(name));
    files.find(|file| file.is_file())
}

/// The search path of this process, for programs that get nothing else of ours.
#[must_use]
pub fn path() -> String {
    env::var("PATH").unwrap_or_default()
}
