//! Starts programs that end with the process that started them, however that ends.
//!
//! A `Drop` does not run after `kill -9`, and a static is never dropped. So a small program of ours, `tests/launcher`, holds a pipe,
//! runs the command and kills it, with its descendants, once the pipe closes. Libraries that wrap processes end groups or
//! sessions, and only while their owner lives; the kernel's own signal at a parent's death reaches children and not
//! grandchildren, and comes when a thread dies.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use double::unique;
use rustix::process::Signal;

use crate::{binaries, poll, tools};

/// A program to start, with exactly the variables that it is given.
#[derive(Debug)]
pub struct Program {
    name: String,
    command: Vec<OsString>,
    env: BTreeMap<String, String>,
    folder: Option<PathBuf>,
    log: Option<PathBuf>,
    answer: Option<PathBuf>,
}

/// A running program, its output in a file. Dropped, it and all it started are killed.
#[derive(Debug)]
pub struct Launched {
    launcher: Child,
    output: PathBuf,
    /// Whether somebody else reads the output later.
    is_kept: bool,
}

/// Starts `command` with exactly the variables `env`; `name` only names the output's file.
#[must_use]
pub fn start(name: &str, command: &[OsString], env: &BTreeMap<String, String>) -> Launched {
    Program::new(name, command.iter().cloned())
        .variables(env.clone())
        .start()
}

impl Program {
    /// A command; `name` only names the output's file.
    #[must_use]
    pub fn new<W: Into<OsString>>(name: &str, command: impl IntoIterator<Item = W>) -> Self {
        Self {
            name: name.to_owned(),
            command: command.into_iter().map(Into::into).collect(),
            env: BTreeMap::new(),
            folder: None,
            log: None,
            answer: None,
        }
    }

    /// With these variables, too.
    #[must_use]
    pub fn variables<N: Into<String>, V: Into<String>>(
        mut self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let variables = variables.into_iter();
        self.env
            .extend(variables.map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Works in that folder.
    #[must_use]
    pub fn works_in(self, folder: &Path) -> Self {
        let folder = Some(folder.to_owned());
        Self { folder, ..self }
    }

    /// Adds its output to that file, which stays.
    #[must_use]
    pub fn logs_to(self, log: &Path) -> Self {
        let log = Some(log.to_owned());
        Self { log, ..self }
    }

    /// Writes its standard output, and nothing else, to that file.
    #[must_use]
    pub fn answers_to(self, answer: &Path) -> Self {
        let answer = Some(answer.to_owned());
        Self { answer, ..self }
    }

    /// Starts it.
    #[must_use]
    pub fn start(self) -> Launched {
        let is_kept = self.log.is_some();
        let output = self.log.unwrap_or_else(|| {
            tools::scratch().join(format!("{}-{}.log", self.name, unique::word(12)))
        });
        let log = File::options().create(true).append(true).open(&output);
        let log = log.expect("cannot open the output file of a program");
        let answer = match &self.answer {
            Some(path) => File::create(path).expect("cannot create the answer of a program"),
            None => log.try_clone().expect("cannot duplicate a file handle"),
        };
        let mut launcher = Command::new(binaries::built("launcher"));
        launcher.args(&self.command).env_clear().envs(&self.env);
        launcher.process_group(0); // the pipe decides, not the terminal
        if let Some(folder) = &self.folder {
            launcher.current_dir(folder);
        }
        launcher.stdin(Stdio::piped()).stdout(answer).stderr(log);
        let launcher = launcher.spawn().expect("cannot start the launcher");
        Launched {
            launcher,
            output,
            is_kept,
        }
    }
}

impl Launched {
    /// What it has written to its standard output and error so far.
    #[must_use]
    pub fn output(&self) -> String {
        let bytes = fs::read(&self.output).expect("cannot read the output of a program");
        String::from_utf8_lossy(&bytes).into_owned()
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

    /// Asks the program to end by a signal, and gives it some time to do so before it is killed. Blocks the thread.
    pub fn end_after(&mut self, signal: Signal, patience: Duration) -> ExitStatus {
        let number = u8::try_from(signal.as_raw()).expect("signals have small numbers");
        if let Some(pipe) = &mut self.launcher.stdin {
            let _ = pipe.write_all(&[number]); // it may have ended
        }
        poll::until(patience, || self.ended());
        self.end()
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        self.end();
        if !self.is_kept && !thread::panicking() {
            let _ = fs::remove_file(&self.output); // only a failed test's output is worth keeping
        }
    }
}
