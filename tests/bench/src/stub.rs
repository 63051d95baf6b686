//! A stand-in for Lambda's Runtime API: starts a program, hands it one event and watches the clock.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::repository;

/// Longer than any of the programs needs.
const LIMIT: Duration = Duration::from_mins(1);
const ANSWERED: &str = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";

/// What a program is started with.
pub struct Program<'a> {
    /// The program and its arguments.
    pub command: &'a [OsString],
    /// Its whole environment.
    pub env: &'a BTreeMap<String, String>,
    /// The folder that it runs in.
    pub folder: &'a str,
}

/// How one start went.
pub struct Start {
    /// From the process's start to its first question for an event, in ms.
    pub to_next: f64,
    /// From the event to the answer, in ms.
    pub to_answer: f64,
    /// The CPU time of all its threads from the event to the answer, in ms.
    pub cpu: f64,
    /// The most memory that it had in RAM, in MB.
    pub peak: f64,
    /// What it answered.
    pub answer: String,
}

enum Seen {
    Asked(Instant),
    Sent(Instant),
    Answered(Instant, String),
}

/// Starts the program, gives it `event` and ends it after its answer.
#[must_use]
pub fn start(program: &Program<'_>, event: &str) -> Start {
    let listener = TcpListener::bind("127.0.0.1:0").expect("cannot listen on a free port");
    let address = listener.local_addr().expect("a listener has an address");
    let (tell, seen) = channel();
    let event: Arc<str> = event.into();
    thread::spawn(move || serve(&listener, &tell, &event));
    let mut command = Command::new(&program.command[0]);
    command
        .args(&program.command[1..])
        .env_clear()
        .envs(program.env)
        .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
        .current_dir(program.folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let began = Instant::now();
    let mut child = command.spawn().unwrap_or_else(|error| {
        let program = program.command[0].display();
        panic!("cannot start {program}: {error}; `make bench` builds it")
    });
    let start = watch(&child, began, &seen, program);
    child.kill().expect("cannot end the program");
    child.wait().expect("cannot wait for the program");
    start
}

/// The same of a release build of ours.
#[must_use]
pub fn start_built(name: &str, event: &str, env: &BTreeMap<String, String>) -> Start {
    let program = repository().join("target/release").join(name);
    let program = Program {
        command: &[program.into_os_string()],
        env,
        folder: &repository().to_string_lossy(),
    };
    start(&program, event)
}

fn watch(child: &Child, began: Instant, seen: &Receiver<Seen>, program: &Program<'_>) -> Start {
    let next = || {
        let next = seen.recv_timeout(LIMIT);
        next.unwrap_or_else(|_| panic!("{} does not answer", program.command[0].display()))
    };
    let mut start = Start {
        to_next: 0.0,
        to_answer: 0.0,
        cpu: 0.0,
        peak: 0.0,
        answer: String::new(),
    };
    let mut sent = began;
    loop {
        match next() {
            Seen::Asked(at) => {
                start.to_next = ms(at - began);
                start.cpu = cpu(child.id());
            }
            Seen::Sent(at) => sent = at,
            Seen::Answered(at, answer) => {
                start.to_answer = ms(at - sent);
                start.cpu = cpu(child.id()) - start.cpu;
                start.peak = peak(child.id());
                start.answer = answer;
                return start;
            }
        }
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// What its threads ran so far, in ms (Linux, `Documentation/scheduler/sched-stats.rst`).
fn cpu(process: u32) -> f64 {
    let threads = fs::read_dir(format!("/proc/{process}/task")).expect("the process runs");
    let ran = threads.flatten().filter_map(|thread| {
        let stats = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        stats.split(' ').next()?.parse::<f64>().ok()
    });
    ran.sum::<f64>() / 1e6
}

fn peak(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.expect("Linux states the peak of memory") * 1024.0 / 1e6
}

fn serve(listener: &TcpListener, tell: &Sender<Seen>, event: &Arc<str>) {
    for stream in listener.incoming().flatten() {
        let (tell, event) = (tell.clone(), event.clone());
        thread::spawn(move || answer(stream, &tell, &event));
    }
}

/// One connection. The second question for an event is never answered: the program is ended then.
fn answer(stream: TcpStream, tell: &Sender<Seen>, event: &str) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    let mut asked = 0;
    while let Some((path, body)) = request(&mut reader) {
        let now = Instant::now();
        if path.ends_with("/invocation/next") {
            asked += 1;
            if asked == 2 {
                continue;
            }
            tell.send(Seen::Asked(now)).ok()?;
            // Only now, so that the measuring is not measured.
            thread::sleep(Duration::from_millis(2));
            tell.send(Seen::Sent(Instant::now())).ok()?;
            stream.write_all(with_event(event).as_bytes()).ok()?;
        } else {
            stream.write_all(ANSWERED.as_bytes()).ok()?;
            tell.send(Seen::Answered(now, body)).ok()?;
        }
    }
    Some(())
}

fn with_event(event: &str) -> String {
    let deadline = chrono::Utc::now().timestamp_millis() + 60_000;
    let length = event.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: 8476a536\r\n\
         Lambda-Runtime-Deadline-Ms: {deadline}\r\nLambda-Runtime-Trace-Id: Root=1-5-5\r\n\
         Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:123456789012:function:f\r\n\
         Content-Length: {length}\r\n\r\n{event}"
    )
}

/// Path and body of the next request.
fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let (mut length, mut chunked) = (0, false);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(bytes) = header.strip_prefix("content-length:") {
            length = bytes.trim().parse().ok()?;
        }
        chunked |= header == "transfer-encoding: chunked";
    }
    let mut body = Vec::new();
    if chunked {
        while let Some(part) = chunk(reader).filter(|part| !part.is_empty()) {
            body.extend(part);
        }
    } else {
        body.resize(length, 0);
        reader.read_exact(&mut body).ok()?;
    }
    Some((path, String::from_utf8_lossy(&body).into_owned()))
}

fn chunk(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut size = String::new();
    reader.read_line(&mut size).ok()?;
    let mut bytes = vec![0; usize::from_str_radix(size.trim(), 16).ok()? + 2];
    reader.read_exact(&mut bytes).ok()?;
    bytes.truncate(bytes.len() - 2);
    Some(bytes)
}
