//! The container's entrypoint, as a built program in front of the emulator: what it fetches, what the App then is, and
//! what it says where there is nothing to start.

mod errors;
mod process;
mod variables;

use std::collections::BTreeMap;
use std::process::{Output, Stdio};

use rig::{World, binaries};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::process::Command;

/// The object that the containers of these tests read.
const KEY: &str = "apps/shop/releases/R1/env";

/// The URL of a version of it.
fn url(world: &World, version: &str) -> String {
    format!("s3://{}/{KEY}?versionId={version}", world.bucket)
}

/// `convox-env` with exactly a task's access to AWS, recorded and with faults, and these variables.
fn convox_env(world: &World, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(binaries::built("convox-env"));
    command
        .env_clear()
        .envs(world.task_access())
        .env("CONVOX_ENV_TEST_ENDPOINT", world.proxy.endpoint())
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

async fn run(world: &World, variables: &[(&str, &str)], command: &[&str]) -> Output {
    let mut convox_env = convox_env(world, variables);
    convox_env.args(command).output().await.unwrap()
}

/// What the App would see, without the access to AWS that the task gave it.
async fn sees(world: &World, variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    let output = run(world, variables, &["/usr/bin/env", "-0"]).await;
    assert!(output.status.success(), "{}", stderr(&output));
    let listed = String::from_utf8(output.stdout).unwrap();
    let pairs = listed.split_terminator('\0');
    let mut seen: BTreeMap<String, String> = pairs
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    for name in world.task_access().keys() {
        seen.remove(name);
    }
    seen
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A server that answers every request with `body` and then goes silent, `missing` bytes before its end; its address.
async fn serve(body: String, missing: usize) -> String {
    let length = body.len() + missing;
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 8192]).await; // a GET fits into one piece
            let _ = stream.write_all(answer.as_bytes()).await;
            open.push(stream);
        }
    });
    format!("http://{address}")
}
