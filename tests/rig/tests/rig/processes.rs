//! What the rig starts ends, whichever way its owner ends.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rig::emulator::Emulator;
use rig::{assert_absent, canary, launcher};

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

/// `kill -9` of the owner: a shell of ours that holds the pipe, as a test process would.
#[test]
fn a_program_ends_when_its_owner_is_killed() {
    let python = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../.venv/emulator/bin/python3"
    );
    let source = include_str!("../../src/launcher.py");
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut owner = Command::new("/bin/bash")
        .args(["-c", r#"exec 9> >(exec "$0" -I -c "$1" /bin/sh -c 'echo $$; exec sleep 1000'); exec sleep 1000"#])
        .args([python, source])
        .stdin(Stdio::null())
        .stdout(log.reopen().unwrap())
        .spawn()
        .unwrap();
    let output = || fs::read_to_string(log.path()).unwrap();
    eventually("it has started", || output().ends_with('\n'));
    assert!(runs(output().trim()));
    owner.kill().unwrap();
    owner.wait().unwrap();
    eventually("it is gone", || !runs(output().trim()));
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
