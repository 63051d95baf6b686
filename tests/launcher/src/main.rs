//! `launcher PROGRAM [ARGUMENT...]`: runs one program and ends it, with all that it started, when standard input closes.
//!
//! The kernel closes the pipe however its other end dies, `kill -9` included. If this launcher is killed itself, the kernel
//! kills the program. What a program leaves behind becomes ours, whatever process group it is in, and is killed too. A byte
//! that comes through the pipe is the number of a signal for the program. Only descendants of this process are ever
//! signalled.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, getpid, getppid, kill_process,
    set_child_subreaper, set_parent_process_death_signal, waitid, waitpid,
};

const USAGE: &str = "usage: launcher PROGRAM [ARGUMENT...]";
/// The launcher calls itself with this, to become the program with the kernel's promise made.
const BECOME: &str = "--become";

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let ended = match arguments.split_first() {
        Some((first, rest)) if first == BECOME => become_program(rest),
        Some(_) => hold(&arguments),
        None => Err(io::Error::other(USAGE)),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("launcher: {error}");
        ExitCode::from(127)
    })
}

/// The program, while it can be signalled: its number may be somebody else's once it is waited for.
static PROGRAM: Mutex<Option<Pid>> = Mutex::new(None);

fn hold(command: &[OsString]) -> io::Result<ExitCode> {
    set_child_subreaper(Some(getpid()))?;
    let mut program = Command::new("/proc/self/exe")
        .arg(BECOME)
        .arg(getpid().as_raw_pid().to_string())
        .args(command)
        .stdin(Stdio::null())
        .spawn()?;
    let pid = Pid::from_child(&program);
    set(Some(pid));
    thread::spawn(obey_the_pipe);
    waitid(
        WaitId::Pid(pid),
        WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
    )?;
    set(None);
    let status = program.wait()?;
    end_what_is_left()?;
    Ok(exit_code(status))
}

fn set(program: Option<Pid>) {
    *PROGRAM.lock().unwrap_or_else(PoisonError::into_inner) = program;
}

fn obey_the_pipe() {
    let mut byte = [0];
    while io::stdin().read_exact(&mut byte).is_ok() {
        let [number] = byte;
        send(Signal::from_named_raw(number.into()).unwrap_or(Signal::KILL));
    }
    send(Signal::KILL);
}

fn send(signal: Signal) {
    let program = PROGRAM.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pid) = *program {
        let _ = kill_process(pid, signal); // it may have ended, and waits for being waited for
    }
}

/// A killed process's own children become ours, so this ends with none.
fn end_what_is_left() -> io::Result<()> {
    loop {
        let left = children()?;
        if left.is_empty() {
            return Ok(());
        }
        for pid in left {
            let _ = kill_process(pid, Signal::KILL);
            waitpid(Some(pid), WaitOptions::empty())?;
        }
    }
}

fn children() -> io::Result<Vec<Pid>> {
    let mut found = Vec::new();
    for task in fs::read_dir("/proc/self/task")? {
        let listed = fs::read_to_string(task?.path().join("children")).unwrap_or_default();
        let pids = listed.split_whitespace().filter_map(|pid| pid.parse().ok());
        found.extend(pids.filter_map(Pid::from_raw));
    }
    Ok(found)
}

/// Makes the kernel promise to kill this process with the launcher, then is the program. The promise is bound to the
/// launcher's thread that started this one, its main one, which lives as long as it does.
fn become_program(arguments: &[OsString]) -> io::Result<ExitCode> {
    let usage = || io::Error::other(USAGE);
    let (launcher, command) = arguments.split_first().ok_or_else(usage)?;
    let (program, arguments) = command.split_first().ok_or_else(usage)?;
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let parent = getppid().map(|pid| pid.as_raw_pid().to_string());
    if parent.is_none_or(|parent| *launcher != *parent) {
        return Ok(ExitCode::FAILURE); // it has died before the promise was made
    }
    let error = Command::new(program).args(arguments).exec();
    Err(io::Error::other(format!("{}: {error}", program.display())))
}

fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    let code = code.and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}
