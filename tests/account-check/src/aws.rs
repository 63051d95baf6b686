//! Runs a command of the AWS CLI, within a limit.

use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// For one command, the start of the CLI and its own retries included.
const LIMIT: Duration = Duration::from_mins(1);
/// Between two looks at whether it has ended.
const PAUSE: Duration = Duration::from_millis(10);
/// What AWS says of a call that the caller may not make.
const DENIALS: [&str; 4] = [
    "AccessDenied",
    "AuthorizationError",
    "UnauthorizedOperation",
    "not authorized to perform",
];

/// The caller's AWS CLI.
#[derive(Debug)]
pub struct Aws {
    /// What each command ends in: where to, which region.
    ending: Vec<String>,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It answered.
    Said(Value),
    /// The caller may not look there.
    NotAllowed,
    /// AWS refused it, in its own words.
    Refused(String),
    /// Nobody answered: no CLI, no network, no credentials, no time.
    None(String),
}

impl Aws {
    /// For an endpoint and a region, where they are not the CLI's own.
    pub fn new(endpoint: Option<String>, region: Option<String>) -> Self {
        let options = [("--endpoint-url", endpoint), ("--region", region)];
        let given = options
            .into_iter()
            .filter_map(|(option, value)| Some([option.to_owned(), value?]));
        Self {
            ending: given.flatten().collect(),
        }
    }

    /// A command as one types it.
    pub fn shown(&self, arguments: &[&str]) -> String {
        let ending = self.ending.iter().map(String::as_str);
        let words = ["aws"].into_iter().chain(arguments.iter().copied());
        words
            .chain(ending)
            .map(quoted)
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Runs a command that only reads.
    pub fn ask(&self, arguments: &[&str]) -> Answer {
        let mut command = Command::new("aws");
        command
            .args(arguments)
            .args(&self.ending)
            .args(["--output", "json", "--cli-connect-timeout", "5"])
            .args(["--cli-read-timeout", "20"])
            .env("AWS_MAX_ATTEMPTS", "2")
            .env("AWS_PAGER", "");
        match run(&mut command, LIMIT) {
            Ok(Ended {
                succeeded: true,
                output,
                ..
            }) => serde_json::from_str(&output).map_or_else(
                |_| Answer::None(format!("not JSON: {}", first_line(&output))),
                Answer::Said,
            ),
            Ok(ended) => refusal(&ended.complaints),
            Err(err) => Answer::None(format!("cannot run `aws`: {err}")),
        }
    }
}

fn refusal(complaints: &str) -> Answer {
    let said = first_line(complaints);
    if DENIALS.iter().any(|denial| complaints.contains(denial)) {
        Answer::NotAllowed
    } else if complaints.contains("An error occurred (") {
        Answer::Refused(said)
    } else {
        Answer::None(said)
    }
}

fn first_line(text: &str) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty());
    line.unwrap_or("it said nothing").trim().to_owned()
}

/// For a shell: in quotes where it needs them.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

struct Ended {
    succeeded: bool,
    output: String,
    complaints: String,
}

/// Runs a program to its end, or kills it at the limit.
fn run(command: &mut Command, limit: Duration) -> io::Result<Ended> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let (output, complaints) = (read(child.stdout.take()), read(child.stderr.take()));
    let succeeded = wait(&mut child, limit)?;
    let text = |reader: thread::JoinHandle<String>| reader.join().unwrap_or_default();
    Ok(Ended {
        succeeded,
        output: text(output),
        complaints: text(complaints),
    })
}

fn read(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read until then is all that there is.
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn wait(child: &mut Child, limit: Duration) -> io::Result<bool> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("no answer within {} s", limit.as_secs()),
            ));
        }
        thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_hangs_is_ended_at_its_limit() {
        let started = Instant::now();
        let mut hanging = Command::new("sleep");
        let ended = run(hanging.arg("600"), Duration::from_millis(50));
        let err = ended.err().unwrap();
        assert_eq!(err.kind(), io::ErrorKind::TimedOut);
        assert!(started.elapsed() < Duration::from_mins(5));
    }

    #[test]
    fn a_command_is_shown_as_a_shell_takes_it() {
        let aws = Aws::new(Some("http://127.0.0.1:4566".to_owned()), None);
        assert_eq!(
            aws.shown(&["iam", "list-roles", "--query", "Roles[?a=='b']"]),
            r"aws iam list-roles --query 'Roles[?a=='\''b'\'']' --endpoint-url http://127.0.0.1:4566"
        );
    }

    #[test]
    fn what_the_caller_may_not_see_is_told_from_what_is_not_there() {
        let call = "when calling the GetRole operation:";
        for (complaint, want) in [
            (
                format!("\nAn error occurred (AccessDenied) {call} no"),
                Answer::NotAllowed,
            ),
            (
                format!("An error occurred (UnauthorizedOperation) {call} no"),
                Answer::NotAllowed,
            ),
            (
                format!("\nAn error occurred (NoSuchEntity) {call} none"),
                Answer::Refused(format!("An error occurred (NoSuchEntity) {call} none")),
            ),
            (
                "Unable to locate credentials.".to_owned(),
                Answer::None("Unable to locate credentials.".to_owned()),
            ),
        ] {
            assert_eq!(refusal(&complaint), want, "{complaint}");
        }
    }
}
