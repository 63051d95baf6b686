//! What the App is: the same process, as if nothing had been in front of it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use double::Fault;
use rig::World;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::{KEY, convox_env, run, url};

/// Starts an App behind `convox-env` and reads its first line.
async fn start(world: &World, script: &str) -> (Child, Lines<BufReader<ChildStdout>>, String) {
    let url = url(world, &world.put(KEY, "A=1").await);
    let variables = [("CONVOX_ENV_URL", url.as_str()), ("CONVOX_ENV_VARS", "A")];
    let mut command = convox_env(world, &variables);
    command.args(["sh", "-c", script]).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next_line().await.unwrap().expect("the App starts");
    (child, lines, first)
}

async fn signal(child: &Child, name: &str) {
    let pid = child.id().unwrap().to_string();
    let kill = Command::new("kill").args(["-s", name, &pid]).status();
    assert!(kill.await.unwrap().success());
}

#[tokio::test]
async fn the_app_has_the_process_id_and_ends_by_the_signal_that_it_gets() {
    let world = World::new().await;
    let (mut child, _lines, first) = start(&world, "echo $$; exec sleep 600").await;
    assert_eq!(first, child.id().unwrap().to_string());
    signal(&child, "TERM").await;
    let status = child.wait().await.unwrap();
    assert_eq!(status.signal(), Some(15), "{status}"); // 143 for whoever counts as shells do
}

#[tokio::test]
async fn the_app_can_handle_a_signal_and_end_as_it_likes() {
    let world = World::new().await;
    let script = "sleep 600 & trap 'kill $!; echo stopped; exit 42' TERM; echo ready; wait";
    let (mut child, mut lines, first) = start(&world, script).await;
    assert_eq!(first, "ready");
    signal(&child, "TERM").await;
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("stopped"));
    assert_eq!(child.wait().await.unwrap().code(), Some(42));
}

#[tokio::test]
async fn the_exit_code_is_the_apps() {
    let world = World::new().await;
    let url = url(&world, &world.put(KEY, "CODE=7").await);
    let variables = [
        ("CONVOX_ENV_URL", url.as_str()),
        ("CONVOX_ENV_VARS", "CODE"),
    ];
    for (script, want) in [
        ("exit 0", 0),
        ("exit 1", 1),
        ("exit $CODE", 7),
        ("exit 255", 255),
    ] {
        let output = run(&world, &variables, &["sh", "-c", script]).await;
        assert_eq!(output.status.code(), Some(want), "{script}");
    }
}

/// Arguments as they are, the working directory, signals that are ignored or blocked, and open files.
#[tokio::test]
async fn everything_but_the_variables_is_as_without_convox_env() {
    const SCRIPT: &str =
        "printf '%s|' \"$0\" \"$@\"; pwd; umask; grep Sig...: /proc/self/status; ls /proc/self/fd";
    let world = World::new().await;
    let url = url(&world, &world.put(KEY, "A=1").await);
    let variables = [("CONVOX_ENV_URL", url.as_str()), ("CONVOX_ENV_VARS", "A")];
    let command = [
        "sh", "-c", SCRIPT, "name", "--flag", "a b", "", "$A", "*", "--",
    ];
    let through = run(&world, &variables, &command).await;
    let direct = Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    assert!(String::from_utf8_lossy(&direct.stdout).contains("SigIgn:"));
    assert_eq!(
        without_libcs_own_signals(&through.stdout),
        without_libcs_own_signals(&direct.stdout)
    );
}

/// Signals 32 and 33 are the C library's, which sets them as soon as there is a thread (signal(7), "Real-time signals"); a
/// name is looked up in one.
fn without_libcs_own_signals(output: &[u8]) -> Vec<String> {
    let lines = String::from_utf8_lossy(output);
    let masked = |line: &str| match line.strip_prefix("SigIgn:\t") {
        Some(mask) => format!(
            "SigIgn: {:x}",
            u64::from_str_radix(mask, 16).unwrap() & !(3 << 31)
        ),
        None => line.to_owned(),
    };
    lines.lines().map(masked).collect()
}

/// Process 1 of a container has no default action for it, so it must have one of its own while it still reads.
#[tokio::test]
async fn term_ends_a_container_that_still_reads_its_environment() {
    let world = World::new().await;
    let url = url(&world, &world.put(KEY, "A=1").await);
    world.inject(Fault::Hang.on_service("s3"));
    let variables = [("CONVOX_ENV_URL", url.as_str())];
    let mut child = convox_env(&world, &variables).arg("true").spawn().unwrap();
    world.until_called("s3", "GetObject").await;
    signal(&child, "TERM").await;
    let status = child.wait().await.unwrap();
    assert_eq!(
        (status.code(), status.signal()),
        (Some(143), None),
        "{status}"
    );
}

#[tokio::test]
async fn a_command_that_cannot_start_ends_as_in_a_shell_and_is_named() {
    let world = World::new().await;
    let url = url(&world, &world.put(KEY, "A=1").await);
    let variables = [("CONVOX_ENV_URL", url.as_str()), ("PATH", "/bin:/usr/bin")];
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    fs::write(&script, "#!/nonexistent/interpreter\n").unwrap();
    fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
    let script = script.to_str().unwrap();
    for (command, code, says) in [
        (&[][..], 1, "no command given"),
        (&["nonexistent"], 127, "`nonexistent` not found"),
        (&["/nonexistent/app"], 127, "`/nonexistent/app` not found"),
        (&["/etc/passwd"], 126, "`/etc/passwd` is not executable"),
        (&["/usr"], 126, "`/usr` is not executable"),
        (&[script], 127, "interpreter"),
    ] {
        let output = run(&world, &variables, command).await;
        let said = super::stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{command:?}: {said}");
        assert!(said.contains(says), "{command:?}: {said}");
    }
}
