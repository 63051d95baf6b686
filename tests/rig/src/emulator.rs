//! One `MiniStack` for all tests of a process.
//!
//! It isolates accounts by a 12-digit access key id (facts of 1.5.33), so tests share it and never reset it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::OnceLock;
use std::time::Duration;

use crate::launcher::{self, Launched};
use crate::{poll, ports, tools};

const START_LIMIT: Duration = Duration::from_mins(1);
const ATTEMPTS: usize = 5;

/// A running emulator. It ends with the value, or with the process that started it.
#[derive(Debug)]
pub struct Emulator {
    port: u16,
    process: Launched,
}

/// The emulator of this process; the first call starts it.
pub fn shared() -> &'static Emulator {
    static SHARED: OnceLock<Emulator> = OnceLock::new();
    SHARED.get_or_init(Emulator::start)
}

impl Emulator {
    /// Starts another one and waits until it answers. Blocks the thread.
    #[must_use]
    pub fn start() -> Self {
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            let mut emulator = Self::launch(ports::reserve());
            if emulator.is_ready() {
                return emulator;
            }
            last = emulator.process.output();
        }
        panic!("the emulator did not start, {ATTEMPTS} times; its last output:\n{last}")
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Whether it answers now.
    #[must_use]
    pub fn answers(&self) -> bool {
        health(self.port).is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }

    /// The process behind it.
    pub fn process(&mut self) -> &mut Launched {
        &mut self.process
    }

    fn launch(port: u16) -> Self {
        let command = [tools::python().into(), "-m".into(), "ministack".into()];
        let env = BTreeMap::from([
            ("BIND_HOST".to_owned(), "127.0.0.1".to_owned()),
            ("GATEWAY_PORT".to_owned(), port.to_string()),
            // A Docker socket that happens to exist would change what the emulator does.
            (
                "DOCKER_HOST".to_owned(),
                "unix:///nonexistent.sock".to_owned(),
            ),
            ("TMPDIR".to_owned(), tools::scratch().display().to_string()),
        ]);
        let process = launcher::start("emulator", &command, &env);
        Self { port, process }
    }

    /// False when the process ended, most likely because somebody else took the port.
    fn is_ready(&mut self) -> bool {
        poll::until(START_LIMIT, || {
            let ended = self.process.ended().is_some();
            (ended || self.answers()).then_some(!ended)
        })
        .unwrap_or(false)
    }
}

fn health(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream
        .write_all(
            b"GET /_ministack/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        )
        .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}
