"""The tests' strict proxy in front of the emulator: it refuses what AWS refuses, and a service can be made to hang."""

import json
import os
import pathlib
import subprocess

import emulator
from console import NotAsExpected, wait_for
from rack import ROOT


class Proxy:
    """The functions use its front door; the back door sees the same AWS but has no outages."""

    def __init__(self, upstream: str, folder: pathlib.Path, log: pathlib.Path, commands=subprocess.PIPE):
        """Takes commands from us, so that it ends with us, or from an open pipe that has another life."""
        self._answers = folder / "proxy.jsonl"
        program = [ROOT / "target/debug/strict-proxy", "--upstream", upstream]
        with self._answers.open("wb") as output, log.open("ab") as errors:
            self.process = subprocess.Popen(
                program, stdin=commands, stdout=output, stderr=errors, start_new_session=True
            )
        try:
            doors = self._answer(number=0)
        except BaseException:
            emulator.end(self.process.pid)
            raise
        self.front, self.back = doors["front"], doors["back"]

    def hang(self, service: str) -> None:
        self._tell(f"hang {service}")

    def lift(self) -> None:
        self._tell("lift")

    def calls(self, service: str) -> list[dict]:
        """The calls that the functions have made to a service."""
        return [call for call in self._tell("calls")["calls"] if call["service"] == service]

    def operations(self) -> list[str]:
        """What the functions have called, in that order."""
        return [call["operation"] for call in self._tell("calls")["calls"]]

    def _tell(self, command: str) -> dict:
        number = len(self._lines())
        self.process.stdin.write(f"{command}\n".encode())
        self.process.stdin.flush()
        return self._answer(number)

    def _answer(self, number: int) -> dict:
        return json.loads(wait_for("the proxy to answer", lambda: self._line(number), limit_s=10))

    def _line(self, number: int) -> str | None:
        if self.process.poll() is not None:
            raise NotAsExpected(f"expected the proxy to run, it ended with status {self.process.returncode}")
        lines = self._lines()
        return lines[number] if number < len(lines) else None

    def _lines(self) -> list[str]:
        """The answers that are complete."""
        return self._answers.read_text().split("\n")[:-1]


def standing(upstream: str, folder: pathlib.Path, log: pathlib.Path, pipe: pathlib.Path) -> Proxy:
    """One that outlives us. It holds the named pipe of its commands open itself, so that anybody can write to it."""
    os.mkfifo(pipe)
    with os.fdopen(os.open(pipe, os.O_RDWR), "wb") as commands:
        return Proxy(upstream, folder, log, commands)
