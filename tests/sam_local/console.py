"""What the round prints, where its logs are, how it ends early, and how it waits."""

import pathlib
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOGS = ROOT / "target/sam-local"


class CannotRun(Exception):
    """This machine lacks something that the round needs."""


class NotAsExpected(Exception):
    """The round saw something else than it promises."""


def say(text: str) -> None:
    print(text, flush=True)


def wait_for(what: str, probe, limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    while not probe():
        if time.monotonic() > deadline:
            raise NotAsExpected(f"expected {what} within {limit_s:.0f} s")
        time.sleep(0.1)
