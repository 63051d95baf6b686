//! A built Lambda binary under AWS's Runtime Interface Emulator.
//!
//! A function that hears gets the events of stacks that it had to wait for, see [`hearing`].
//! The emulator answers HTTP 200 for the function's errors and for a time-out too; [`Invocation`] tells them apart.

mod hearing;

pub use hearing::hearing;

use std::collections::BTreeMap;
use std::error::Error;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::time::Duration;

use double::CALLER;
use double::proxy::StackEar;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::launcher::{self, Launched};
use crate::{binaries, poll, ports, tools};

const START_LIMIT: Duration = Duration::from_secs(20);
const ATTEMPTS: usize = 5;
/// How often, and how long after one another, the emulator is asked whether it has put a process that ended behind it.
const RESETS: usize = 50;
const RESET_PAUSE: Duration = Duration::from_millis(20);

/// A running function. Dropped, it is killed.
#[derive(Debug)]
pub struct Function {
    name: String,
    port: u16,
    /// Where the function asks for events.
    runtime_port: u16,
    timeout: Duration,
    process: Launched,
    /// The emulator takes one invocation at a time. True: the last one ended the function's process.
    turn: Mutex<bool>,
    /// How it hears of stacks, if it does.
    ear: Option<StackEar>,
}

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Invocation {
    /// The function's answer.
    Answer(Value),
    /// The function failed, ended, or ran out of time.
    Error {
        /// As the function named it; `Runtime.ExitError` is the runtime's, `Sandbox.Timedout` stands for a time-out,
        /// `Emulator.NoAnswer` for an emulator that gave up.
        error_type: String,
        /// For people.
        message: String,
    },
}

impl Function {
    /// Builds the package `name` and starts its binary with the variables `env`. Blocks the thread.
    #[must_use]
    pub fn start(name: &str, env: &[(String, String)], timeout_s: u64) -> Self {
        Self::start_program(&binaries::built(name), env, timeout_s)
    }

    /// Starts any program that speaks the Lambda Runtime API.
    #[must_use]
    pub fn start_program(bootstrap: &Path, env: &[(String, String)], timeout_s: u64) -> Self {
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            let mut function = Self::launch(bootstrap, env, timeout_s);
            if function.is_ready() {
                return function;
            }
            last = function.output();
        }
        panic!("the runtime emulator did not start, {ATTEMPTS} times; its last output:\n{last}")
    }

    /// Invokes the function and waits for its end; nothing else comes of it. Calls at the same time take turns.
    pub async fn invoke_alone(&self, event: &Value) -> Invocation {
        let mut ended = self.turn.lock().await;
        let mut invocation = self.invoke_once(event).await;
        for _ in 0..RESETS {
            if !*ended || !invocation.met_a_reset() {
                break;
            }
            tokio::time::sleep(RESET_PAUSE).await;
            invocation = self.invoke_once(event).await;
        }
        *ended = invocation.ended_the_process();
        invocation
    }

    /// Invokes the function as [`Function::invoke`] does; its answer.
    ///
    /// # Panics
    ///
    /// When there was an error.
    pub async fn answer(&self, event: &Value) -> Value {
        self.invoke(event).await.answer()
    }

    async fn invoke_once(&self, event: &Value) -> Invocation {
        let url = format!(
            "http://127.0.0.1:{}/2015-03-31/functions/function/invocations",
            self.port
        );
        let request = Request::post(url)
            .body(Full::new(Bytes::from(event.to_string())))
            .expect("the address is valid");
        // A client per call: the emulator resets connections when it restarts the function.
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let answered = async {
            let response = client.request(request).await?;
            let status = response.status();
            let body = response.into_body().collect().await?.to_bytes();
            Ok::<_, Box<dyn Error>>((status, body))
        };
        let limit = self.timeout + START_LIMIT; // the function itself starts with the first invocation
        let answer = timeout(limit, answered).await;
        match answer.unwrap_or_else(|_| Err(format!("no end within {limit:?}").into())) {
            Ok((status, body)) if body.is_empty() => Invocation::Error {
                error_type: "Emulator.NoAnswer".to_owned(),
                message: format!("HTTP {status} and no body; output:\n{}", self.output()),
            },
            Ok((_, body)) => Invocation::of(&body),
            Err(error) => {
                let (name, output) = (&self.name, self.output());
                panic!("cannot invoke {name}: {error}; output:\n{output}")
            }
        }
    }

    /// What the function and its runtime have written to their outputs so far.
    #[must_use]
    pub fn output(&self) -> String {
        self.process.output()
    }

    fn launch(bootstrap: &Path, env: &[(String, String)], timeout_s: u64) -> Self {
        let name = bootstrap
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let (port, runtime_port) = (ports::reserve(), ports::reserve());
        let mut env: BTreeMap<String, String> = env.iter().cloned().collect();
        let fixed = [
            ("AWS_LAMBDA_FUNCTION_NAME", name.clone()),
            ("AWS_LAMBDA_FUNCTION_TIMEOUT", timeout_s.to_string()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128".to_owned()),
            ("_HANDLER", "bootstrap".to_owned()),
            (CALLER, name.clone()),
        ];
        env.extend(fixed.map(|(name, value)| (name.to_owned(), value)));
        // The emulator's own default is 0.0.0.0.
        let command = [
            tools::runtime_interface_emulator().into(),
            "--runtime-interface-emulator-address".into(),
            format!("127.0.0.1:{port}").into(),
            "--runtime-api-address".into(),
            format!("127.0.0.1:{runtime_port}").into(),
            "--log-level".into(),
            "warn".into(),
            bootstrap.into(),
        ];
        Self {
            process: launcher::start(&name, &command, &env),
            name,
            port,
            runtime_port,
            timeout: Duration::from_secs(timeout_s),
            turn: Mutex::new(false),
            ear: None,
        }
    }

    /// False when the emulator ended, most likely because somebody else took a port.
    ///
    /// It listens for the function beside all else: a function that it starts before that finds nobody, ends, and the emulator
    /// answers the event with nothing.
    fn is_ready(&mut self) -> bool {
        let listens = |port| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
        poll::until(START_LIMIT, || {
            let ended = self.process.ended().is_some();
            let listens = listens(self.port) && listens(self.runtime_port);
            (ended || listens).then_some(!ended)
        })
        .unwrap_or(false)
    }
}

impl Invocation {
    /// The emulator still cleaned up after the invocation before, so the event has reached no function.
    fn met_a_reset(&self) -> bool {
        matches!(self, Self::Error { error_type, message }
            if error_type == "Sandbox.Failure" && message.contains("ErrGateCanceled"))
    }

    fn ended_the_process(&self) -> bool {
        matches!(self, Self::Error { error_type, .. }
            if error_type.starts_with("Sandbox.") || error_type == "Runtime.ExitError")
    }

    fn of(bytes: &[u8]) -> Self {
        let Ok(answer) = serde_json::from_slice::<Value>(bytes) else {
            let message = String::from_utf8_lossy(bytes).into_owned();
            // `Task timed out after 3.00 seconds` comes as plain text.
            let timed_out = message.starts_with("Task timed out");
            let error_type = if timed_out {
                "Sandbox.Timedout"
            } else {
                "Runtime.NotJson"
            };
            return Self::Error {
                error_type: error_type.to_owned(),
                message,
            };
        };
        // A report of ours may have an `errorType` too; only the runtime's errors have an `errorMessage`.
        match (
            answer["errorType"].as_str(),
            answer["errorMessage"].as_str(),
        ) {
            (Some(error_type), Some(message)) => Self::Error {
                error_type: error_type.to_owned(),
                message: message.to_owned(),
            },
            _ => Self::Answer(answer),
        }
    }

    /// The answer; panics when there was an error.
    #[must_use]
    pub fn answer(self) -> Value {
        match self {
            Self::Answer(answer) => answer,
            Self::Error {
                error_type,
                message,
            } => panic!("the function failed with {error_type}: {message}"),
        }
    }
}
