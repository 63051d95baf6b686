//! The calls of a promote once more, by boto3 and one after another, as a straightforward script would make them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use double::CALLER;
use double::Call;
use rig::World;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::repository;

/// A Python process with boto3's clients. Dropped, it is ended.
pub struct Boto3 {
    process: Child,
    answers: BufReader<ChildStdout>,
}

/// How a replay went.
#[derive(Deserialize)]
pub struct Replayed {
    /// In ms.
    pub took: f64,
    /// Calls that were refused this time, since what they make is there already.
    pub refused: usize,
}

impl Boto3 {
    /// Starts it in the account of `world`; its calls come through the same door as promote's.
    #[must_use]
    pub fn start(world: &World) -> Self {
        let python = repository().join(".venv/bench/bin/python");
        let mut process = Command::new(&python)
            .arg("promote.py")
            .current_dir(repository().join("tests/bench/python"))
            .envs(world.settings(&[("AWS_DEFAULT_REGION", "us-east-1"), (CALLER, "boto3")]))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{}: {error}; `make bench` installs it", python.display())
            });
        let answers = BufReader::new(process.stdout.take().expect("its output is piped"));
        Self { process, answers }
    }

    /// Makes the calls again. Blocks the thread.
    pub fn replay(&mut self, calls: &[Call]) -> Replayed {
        let calls: Vec<Value> = calls.iter().map(told).collect();
        let input = self.process.stdin.as_mut().expect("its input is piped");
        writeln!(input, "{}", Value::from(calls)).expect("the Python process reads");
        let mut answer = String::new();
        self.answers
            .read_line(&mut answer)
            .expect("the Python process answers");
        serde_json::from_str(&answer).expect("the Python process could make the calls")
    }
}

impl Drop for Boto3 {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn told(call: &Call) -> Value {
    json!({
        "service": call.service, "operation": call.operation, "path": call.path, "body": call.body,
        "status": call.status,
    })
}
