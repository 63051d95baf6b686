//! The container's process: only its own variables, signals passed on, its exit code ours.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};

use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use super::Container;
use super::metadata::Metadata;
use super::server::Server;
use super::volumes;

/// What images of the usual distributions set.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs the container to its end; `command` stands for what the image would run, and without one the definition's own counts.
/// The answer is the exit code, as a shell counts it.
///
/// # Errors
///
/// When there is no command, or it cannot be started, or a volume has no folder.
pub async fn run(container: &Container, command: &[OsString]) -> io::Result<u8> {
    let own = container.definition.command().iter().map(OsString::from);
    let own: Vec<OsString> = own.collect();
    let command = if command.is_empty() { &own } else { command };
    let volumes = volumes::of(&container.task, &container.definition)?;
    let metadata = Metadata::new(container, &volumes);
    let server = Server::start(metadata, &container.access.0).await?;
    let mut child = started(container, command, &server)?;
    server.watch(child.id());
    let (mut term, mut int) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    loop {
        tokio::select! {
            status = child.wait() => return Ok(exit_code(status?)),
            _ = term.recv() => pass_on(&child, "TERM").await,
            _ = int.recv() => pass_on(&child, "INT").await,
        }
    }
}

fn started(container: &Container, command: &[OsString], server: &Server) -> io::Result<Child> {
    let variables = &container.variables.0;
    let no_command = || {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "neither the definition nor `--` names a command",
        )
    };
    let (program, arguments) = command.split_first().ok_or_else(no_command)?;
    // The entrypoint of an image of ours; it does nothing where Secrets Manager delivers.
    let mut process = Command::new(&container.convox_env);
    process.arg(program).args(arguments);
    let launch = if container.is_on_fargate() {
        "AWS_ECS_FARGATE"
    } else {
        "AWS_ECS_EC2"
    };
    process
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", "/root")
        .env("AWS_EXECUTION_ENV", launch)
        .env("ECS_CONTAINER_METADATA_URI_V4", &server.metadata_url)
        .env(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            &server.credentials_url,
        );
    // A task finds AWS by itself; here it has to be told where its emulator is, and `convox-env` in words of its own.
    let access = &container.access.0;
    let is_endpoint = |name: &str| name.starts_with("AWS_ENDPOINT_URL");
    let emulator = access.iter().filter(|(name, _)| is_endpoint(name));
    process.envs(emulator).envs(variables);
    process.env("CONVOX_ENV_TEST_CREDENTIALS", &server.credentials_url);
    if let Some(endpoint) = access.get("AWS_ENDPOINT_URL") {
        process.env("CONVOX_ENV_TEST_ENDPOINT", endpoint);
    }
    process.stdin(Stdio::null()).kill_on_drop(true);
    process.spawn()
}

async fn pass_on(child: &Child, signal: &str) {
    if let Some(process) = child.id() {
        let kill = Command::new("kill")
            .args(["-s", signal, &process.to_string()])
            .status();
        let _ = kill.await; // it may have ended meanwhile
    }
}

fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
