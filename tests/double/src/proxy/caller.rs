//! The process that makes a call, found through its end of the connection, and its sudden death.
//!
//! Nothing has to be registered: whoever calls is killed, also one of several functions behind the same door. Reads
//! Linux's `/proc`, so the caller must run on this machine under our user, outside of a container.

use std::fs;
use std::net::SocketAddr;
use std::process;

use tokio::net::TcpStream;
use tokio::process::Command;

/// Kills whoever holds the other end of this connection.
pub(super) async fn kill(connection: &TcpStream) {
    let callers = holders(&socket(connection));
    assert!(
        !callers.is_empty(),
        "cannot find the process that made the call"
    );
    assert!(
        !callers.contains(&process::id()),
        "the fault would kill the test itself: only calls of a function can be killed"
    );
    let pids = callers.iter().map(u32::to_string);
    // The standard library kills only children of its own; the shell's `kill` is there wherever `/proc` is.
    let kill = Command::new("/bin/sh")
        .args(["-c", r#"kill -9 "$@""#, "kill"])
        .args(pids)
        .status()
        .await;
    assert!(
        kill.is_ok_and(|status| status.success()),
        "cannot kill the process that made the call"
    );
}

/// How `/proc/PID/fd` spells the socket at the other end.
///
/// Source: `proc_net_tcp.rst` of the kernel (columns 2, 3 and 10: own address, the other's, inode).
fn socket(connection: &TcpStream) -> String {
    let address = |address: std::io::Result<SocketAddr>| spelled(address.expect("is connected"));
    let other_end = [
        address(connection.peer_addr()),
        address(connection.local_addr()),
    ];
    let table = fs::read_to_string("/proc/net/tcp").expect("cannot read /proc/net/tcp");
    let inode = table.lines().find_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let ends = columns.get(1..3)?;
        (ends == other_end).then(|| columns.get(9).copied())?
    });
    format!("socket:[{}]", inode.unwrap_or_default())
}

/// Address and port in hexadecimal, the address in the machine's byte order: `0100007F:1F90`.
fn spelled(address: SocketAddr) -> String {
    let SocketAddr::V4(address) = address else {
        panic!("the doors listen on 127.0.0.1 only, not on {address}");
    };
    let ip = u32::from_ne_bytes(address.ip().octets());
    format!("{ip:08X}:{:04X}", address.port())
}

/// The processes that have a socket open: one, unless it was inherited.
fn holders(socket: &str) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("cannot list /proc");
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| holds(*pid, socket))
        .collect()
}

/// False as well for other users' processes, and for those that have ended meanwhile.
fn holds(pid: u32, socket: &str) -> bool {
    let files = fs::read_dir(format!("/proc/{pid}/fd"));
    files
        .into_iter()
        .flatten()
        .flatten()
        .any(|file| fs::read_link(file.path()).is_ok_and(|target| target.as_os_str() == socket))
}
