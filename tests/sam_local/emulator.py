"""MiniStack, the AWS emulator, where SAM CLI's containers can reach it: on the address of Docker's bridge."""

import contextlib
import os
import pathlib
import socket
import urllib.request
from collections.abc import Iterator

import process
from console import LOGS, ROOT, NotAsExpected, wait_for

PROGRAM = ROOT / ".venv/emulator/bin/ministack"


@contextlib.contextmanager
def running(address: str, folder: pathlib.Path) -> Iterator[str]:
    """Starts it with its own home in `folder`; gives its endpoint."""
    home = folder / "emulator"
    home.mkdir()
    port = free_port(address)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "BIND_HOST": address,
        "GATEWAY_PORT": str(port),
        "DOCKER_HOST": "unix:///nonexistent.sock",  # ECS tasks are not run, even where there is a Docker
    }
    endpoint = f"http://{address}:{port}"
    with process.running([str(PROGRAM)], environment, LOGS / "emulator.log") as ministack:
        wait_for("the emulator to answer", lambda: answers(ministack, endpoint), limit_s=30)
        yield endpoint


def free_port(address: str) -> int:
    with socket.create_server((address, 0)) as probe:
        return probe.getsockname()[1]


def answers(ministack, endpoint: str) -> bool:
    if ministack.poll() is not None:
        raise NotAsExpected(f"expected the emulator to start, it ended with status {ministack.returncode}")
    with contextlib.suppress(OSError):
        with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=2) as response:
            return response.status == 200
    return False
