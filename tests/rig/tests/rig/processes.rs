//! What the rig starts ends, whichever way its owner ends.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rig::emulator::Emulator;
use rig::launcher::{self, Program};
use rig::{assert_absent, binaries, canary};
use rustix::process::Signal;

/// Waits, with a bound, until the condition holds.
fn eventually(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < end, "not within 20 s: {what}");
        thread::yield_now();
    }
}

fn runs(pid: &str) -> bool {
    let status = fs::read_to_string(PathBuf::from("/proc").join(pid).join("status"));
    status.is_ok_and(|status| !status.contains("State:\tZ"))
}

#[test]
fn an_emulator_ends_when_its_pipe_closes() {
    let mut emulator = Emulator::start();
    assert!(emulator.answers());
    emulator.process().end();
    eventually("the emulator is gone", || !emulator.answers());
}

/// The command and a child of its own in another process group, as the runtime emulator starts functions.
#[test]
fn a_programs_orphans_end_with_it() {
    let script = "setsid sleep 1000 & echo $! $$; exec sleep 1000";
    let command = ["/bin/sh".into(), "-c".into(), script.into()];
    let path = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
    let mut program = launcher::start("orphans", &command, &path);
    eventually("both have started", || program.output().ends_with('\n'));
    let output = program.output();
    let pids: Vec<&str> = output.split_whitespace().collect();
    assert!(pids.iter().all(|pid| runs(pid)), "{output}");
    program.end();
    eventually("both are gone", || !pids.iter().any(|pid| runs(pid)));
}

/// What holds a pipe to a launcher that runs `sleep`, and the numbers of the launcher and of what it runs.
fn held() -> (Child, [String; 2]) {
    let log = tempfile::NamedTempFile::new().unwrap();
    let owner = Command::new("/bin/bash")
        .args([
            "-c",
            r#"exec 9> >(exec "$0" /bin/sh -c 'echo $PPID $$; exec sleep 1000'); exec sleep 1000"#,
        ])
        .arg(binaries::built("launcher"))
        .stdin(Stdio::null())
        .stdout(log.reopen().unwrap())
        .spawn()
        .unwrap();
    let output = || fs::read_to_string(log.path()).unwrap();
    eventually("it has started", || output().ends_with('\n'));
    let output = output();
    let (launcher, program) = output.trim().split_once(' ').unwrap();
    assert!(runs(launcher) && runs(program), "{output}");
    (owner, [launcher.to_owned(), program.to_owned()])
}

/// `kill -9` of the owner: a shell of ours that holds the pipe, as a test process would.
#[test]
fn a_program_ends_when_its_owner_is_killed() {
    let (mut owner, pids) = held();
    owner.kill().unwrap();
    owner.wait().unwrap();
    eventually("both are gone", || !pids.iter().any(|pid| runs(pid)));
}

#[test]
fn a_program_ends_when_its_launcher_is_killed() {
    let (mut owner, [launcher, program]) = held();
    let killed = Command::new("kill").args(["-9", &launcher]).status();
    assert!(killed.unwrap().success());
    eventually("it is gone", || !runs(&program));
    owner.kill().unwrap();
    owner.wait().unwrap();
}

/// A program that traps a signal gets it, and its own end is its status; one that does not end is killed.
#[test]
fn a_program_is_asked_to_end_before_it_is_killed() {
    let ask = |script: &str, patience| {
        let program = Program::new("asked", ["/bin/sh", "-c", script]);
        let mut program = program.variables([("PATH", "/usr/bin:/bin")]).start();
        eventually("it has started", || program.output().contains("ready"));
        program.end_after(Signal::TERM, patience)
    };
    let trapped = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done";
    assert_eq!(ask(trapped, Duration::from_secs(20)).code(), Some(7));
    let deaf = "trap '' TERM; echo ready; while :; do sleep 0.01; done";
    let killed = ask(deaf, Duration::from_millis(100));
    assert_eq!(killed.code(), Some(128 + 9));
}

#[test]
fn an_answer_and_a_log_are_files_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let (log, answer) = (folder.path().join("log"), folder.path().join("answer"));
    for _ in 0..2 {
        let mut program = Program::new("both", ["/bin/sh", "-c", "echo told; pwd >&2"])
            .works_in(folder.path())
            .logs_to(&log)
            .answers_to(&answer)
            .start();
        eventually("it has ended", || {
            fs::read(&answer).is_ok_and(|it| !it.is_empty())
        });
        program.end_after(Signal::CONT, Duration::from_secs(20));
    }
    assert_eq!(fs::read_to_string(&answer).unwrap(), "told\n");
    let logged = fs::read_to_string(&log).unwrap();
    assert_eq!(logged.lines().count(), 2, "a log goes on: {logged}");
}

#[test]
fn a_canary_is_found_wherever_it_is() {
    let (one, other) = (canary::value("NAME"), canary::value("NAME"));
    assert_ne!(one, other);
    assert!(
        one.starts_with("canary-") && one.ends_with("-NAME"),
        "{one}"
    );
    assert_absent(&["", "nothing here"]);
    let found =
        std::panic::catch_unwind(|| assert_absent(&["before".to_owned(), format!("log: {one}")]));
    let message = *found.unwrap_err().downcast::<String>().unwrap();
    assert!(
        message.contains("NAME") && message.contains("log: ") && !message.contains(&one),
        "{message}"
    );
}
