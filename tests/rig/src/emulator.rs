//! One `MiniStack` for all tests of a process.
//!
//! It isolates accounts by a 12-digit access key id (facts of 1.5.33), so tests share it and never reset it.

use std::env;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::launcher::{Launched, Program};
use crate::{poll, ports, tools};

const START_LIMIT: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(10);
const ATTEMPTS: usize = 5;

/// Starts it so that none of its threads is interrupted while it works: it serves calls to ECS in threads, and one that
/// goes over all tasks fails with a 500 when another adds one meanwhile, though what it was asked for is made.
const START: &str = "import runpy, sys; sys.setswitchinterval(1); sys.argv = ['ministack']; \
                     runpy.run_module('ministack', run_name='__main__', alter_sys=True)";

/// A running emulator. It ends with the value, or with the process that started it.
#[derive(Debug)]
pub struct Emulator {
    address: SocketAddrV4,
    process: Launched,
}

/// An emulator of somebody's own, that runs functions or is heard elsewhere than on the loopback.
#[derive(Debug)]
pub struct Setup<'s> {
    /// Where it listens, see [`free_address`].
    pub address: SocketAddrV4,
    /// Its home, and that of the functions.
    pub home: &'s Path,
    /// What gets its output, and that of the functions.
    pub log: &'s Path,
    /// Where its functions find AWS: they inherit its variables under their own.
    pub functions_endpoint: Option<&'s str>,
}

/// An address of this machine that nobody listens at, and that no other test gets.
#[must_use]
pub fn free_address(host: Ipv4Addr) -> SocketAddrV4 {
    SocketAddrV4::new(host, ports::reserve_at(host))
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
            let address = free_address(Ipv4Addr::LOCALHOST);
            let scratch = tools::scratch().display().to_string();
            let program = program(address).variables([("TMPDIR", scratch)]);
            let mut emulator = Self::launch(address, program);
            if emulator.is_ready() {
                return emulator;
            }
            last = emulator.process.output();
        }
        panic!("the emulator did not start, {ATTEMPTS} times; its last output:\n{last}")
    }

    /// Starts one of the caller's own and waits until it answers.
    pub async fn start_as(setup: &Setup<'_>) -> Self {
        let home = setup.home.display().to_string();
        let endpoint = setup.functions_endpoint;
        let program = program(setup.address)
            .variables([("PATH", &*env::var("PATH").unwrap_or_default())])
            .variables([("HOME", &*home), ("TMPDIR", &home), ("LANG", "C.UTF-8")])
            .variables(endpoint.map(|endpoint| ("AWS_ENDPOINT_URL", endpoint)))
            .logs_to(setup.log);
        let mut emulator = Self::launch(setup.address, program);
        let end = Instant::now() + START_LIMIT;
        while !emulator.answers() {
            let lives = emulator.process.ended().is_none() && Instant::now() < end;
            assert!(
                lives,
                "the emulator did not start: see {}",
                setup.log.display()
            );
            tokio::time::sleep(PAUSE).await;
        }
        emulator
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Whether it answers now.
    #[must_use]
    pub fn answers(&self) -> bool {
        answers(self.address)
    }

    /// The process behind it.
    pub fn process(&mut self) -> &mut Launched {
        &mut self.process
    }

    fn launch(address: SocketAddrV4, program: Program) -> Self {
        let process = program.start();
        Self { address, process }
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

/// The emulator, to listen there.
fn program(address: SocketAddrV4) -> Program {
    let command: [OsString; 3] = [tools::python().into(), "-c".into(), START.into()];
    Program::new("emulator", command).variables([
        ("BIND_HOST", address.ip().to_string()),
        ("GATEWAY_PORT", address.port().to_string()),
        // A Docker socket that happens to exist would change what the emulator does.
        ("DOCKER_HOST", "unix:///nonexistent.sock".to_owned()),
    ])
}

/// Whether an emulator answers there.
fn answers(address: SocketAddrV4) -> bool {
    health(address).is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

fn health(address: SocketAddrV4) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
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
