//! Ports, mostly of the loopback, for programs that must be told their port.
//!
//! Listeners of our own bind port 0 instead. A port given out here stays reserved until the process ends, also
//! against other test processes: each is locked by a file, and the kernel frees the lock however its owner ends.

use std::env;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

/// Below the range that the kernel takes ports for port 0 from, so that no such listener can take one first.
const FIRST: u16 = 20_000;
const LAST: u16 = 32_000;

static RESERVED: Mutex<Vec<(u16, File)>> = Mutex::new(Vec::new());

/// A port on 127.0.0.1 that nobody listens on and that no other test gets.
pub(crate) fn reserve() -> u16 {
    reserve_at(Ipv4Addr::LOCALHOST)
}

/// The same at another address of this machine.
pub(crate) fn reserve_at(host: Ipv4Addr) -> u16 {
    let mut reserved = RESERVED.lock().unwrap();
    let start = reserved.last().map_or(FIRST, |(port, _)| port + 1);
    let (port, lock) = (start..LAST)
        .find_map(|port| Some((port, lock(host, port)?)))
        .expect("no free port between 20000 and 32000");
    reserved.push((port, lock));
    port
}

fn lock(host: Ipv4Addr, port: u16) -> Option<File> {
    let folder = env::temp_dir().join("integration-tests-ports");
    fs::create_dir_all(&folder).expect("cannot create the folder of the port locks");
    let lock = File::create(folder.join(port.to_string())).ok()?;
    lock.try_lock().ok()?;
    TcpListener::bind((host, port)).ok()?;
    Some(lock)
}
