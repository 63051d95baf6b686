//! Starts programs that end with the test process, however that ends.
//!
//! A `Drop` does not run after `kill -9`, and a static is never dropped. So a small Python program holds a pipe of
//! ours, runs the command and kills it, with its descendants, once the pipe closes.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use double::unique;

use crate::tools;

const LAUNCHER: &str = include_str!("launcher.py");

/// A running program, its output in a file. Dropped, it and all it started are killed.
#[derive(Debug)]
pub struct Launched {
    launcher: Child,
    output: PathBuf,
}

/// Starts `command` with exactly the variables `env`; `name` only names the output's file.
#[must_use]
pub fn start(name: &str, command: &[OsString], env: &BTreeMap<String, String>) -> Launched {
    let output = tools::scratch().join(format!("{name}-{}.log", unique::word(12)));
    let log = File::create(&output).expect("cannot create the output file of a program");
    let launcher = Command::new(tools::python())
        .args(["-I", "-c", LAUNCHER])
        .args(command)
        .env_clear()
        .envs(env)
        .stdin(Stdio::piped())
        .stdout(log.try_clone().expect("cannot duplicate a file handle"))
        .stderr(log)
        .spawn()
        .expect("cannot start the launcher");
    Launched { launcher, output }
}

impl Launched {
    /// What it has written to its standard output and error so far.
    #[must_use]
    pub fn output(&self) -> String {
        let bytes = fs::read(&self.output).expect("cannot read the output of a program");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The file that [`Launched::output`] reads.
    #[must_use]
    pub fn output_path(&self) -> &Path {
        &self.output
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.launcher
            .try_wait()
            .expect("cannot ask for the state of a program")
    }

    /// Closes the pipe, as the kernel does when the test process dies, and waits for the end.
    pub fn end(&mut self) -> ExitStatus {
        drop(self.launcher.stdin.take());
        self.launcher.wait().expect("cannot wait for a program")
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        self.end();
        if !thread::panicking() {
            let _ = fs::remove_file(&self.output); // only a failed test's output is worth keeping
        }
    }
}
