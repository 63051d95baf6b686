"""Starting and ending MiniStack, the AWS emulator that runs functions without Docker. Loopback only."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from console import NotAsExpected, wait_for


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def start(port: int, home: pathlib.Path, log: pathlib.Path, functions_endpoint: str) -> subprocess.Popen:
    """Starts the emulator in a process group of its own.

    A function inherits the emulator's environment under its own. That is how promote finds AWS at `functions_endpoint`:
    the template is deployed as it stands, without a variable for this machine.
    """
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "DOCKER_HOST": "unix:///nonexistent.sock",  # ECS tasks are not run, even where there is a Docker
        "AWS_ENDPOINT_URL": functions_endpoint,
    }
    program = pathlib.Path(sys.executable).with_name("ministack")
    with log.open("ab") as output:
        process = subprocess.Popen(
            [program], env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        wait_for("the emulator to answer", lambda: ready(port, process), limit_s=30)
    except BaseException:
        end(process.pid)
        raise
    return process


def endpoint(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def ready(port: int, process: subprocess.Popen) -> bool | None:
    if process.poll() is not None:
        raise NotAsExpected(f"expected the emulator to start, it ended with status {process.returncode}")
    return True if answers(endpoint(port)) else None


def answers(url: str) -> bool:
    """Whether the emulator answers there, also through the proxy."""
    try:
        with urllib.request.urlopen(f"{url}/_ministack/health", timeout=2) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False


def started_at(pid: int) -> str | None:
    """When the process started, in the system's own words: a process id alone can be somebody else's by now."""
    if pathlib.Path("/proc/self/stat").exists():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        return None
    answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True)
    return answer.stdout.strip() or None


def end(group: int) -> None:
    """Ends a program and all it runs (the emulator its functions), a process group."""
    for number, patience_s in ((signal.SIGTERM, 5), (signal.SIGKILL, 2)):
        try:
            os.killpg(group, number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline and alive(group):
            time.sleep(0.05)


def alive(group: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(group, os.WNOHANG)  # takes the exit status, if the process is our child
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
