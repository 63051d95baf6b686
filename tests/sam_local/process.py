"""Processes in the background, each the leader of a group that is ended as a whole. Nothing else is ever signalled."""

import contextlib
import os
import pathlib
import signal
import subprocess
from collections.abc import Iterator


@contextlib.contextmanager
def running(command: list[str], environment: dict[str, str], log: pathlib.Path) -> Iterator[subprocess.Popen]:
    """Ctrl-C does not reach a group of its own, so it ends here and in order."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen, first: signal.Signals = signal.SIGTERM) -> None:
    process.send_signal(first)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=20)
    with contextlib.suppress(ProcessLookupError):  # what is left of the group
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
