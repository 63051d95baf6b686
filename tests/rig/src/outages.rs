//! Outages on command: a named pipe that anybody on this machine can write to.
//!
//! `hang SERVICE`: calls of functions to that service get no answer from now on. `refuse SERVICE`: they are denied. `lift` ends
//! either.

use std::convert::Infallible;
use std::future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use double::proxy::Injection;
use double::{Fault, Proxy};
use rustix::fs::{CWD, Mode, mkfifoat};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::unix::pipe;

/// What takes the commands.
#[derive(Debug)]
pub struct Outages {
    pipe: PathBuf,
    is_out: AtomicBool,
}

impl Outages {
    /// Makes the pipe, which is not there yet.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    #[must_use]
    pub fn at(pipe: PathBuf) -> Self {
        mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR).expect("cannot make a named pipe");
        let is_out = AtomicBool::new(false);
        Self { pipe, is_out }
    }

    /// Where it is.
    #[must_use]
    pub fn pipe(&self) -> &Path {
        &self.pipe
    }

    /// Whether a service hangs or refuses.
    #[must_use]
    pub fn is_out(&self) -> bool {
        self.is_out.load(Ordering::Relaxed)
    }

    /// Does what comes through the pipe, for ever. What is no command is written to standard error.
    ///
    /// # Panics
    ///
    /// When the pipe cannot be opened.
    pub async fn obey(&self, proxy: &Proxy) -> Infallible {
        // Open for writing, too, so that it does not end with those who write to it.
        let opened = pipe::OpenOptions::new()
            .read_write(true)
            .open_receiver(&self.pipe);
        let mut lines = BufReader::new(opened.expect("cannot open the named pipe")).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            self.command(proxy, &line);
        }
        future::pending().await
    }

    fn command(&self, proxy: &Proxy, line: &str) {
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["hang", service] => self.break_off(proxy, Fault::Hang.on_service(*service)),
            ["refuse", service] => self.break_off(proxy, Fault::DENIED.on_service(*service)),
            ["lift"] => {
                proxy.lift();
                self.is_out.store(false, Ordering::Relaxed);
            }
            _ => eprintln!("`{line}`: the commands are hang SERVICE, refuse SERVICE and lift"),
        }
    }

    fn break_off(&self, proxy: &Proxy, injection: Injection) {
        proxy.inject(injection);
        self.is_out.store(true, Ordering::Relaxed);
    }
}
