"""What the demo prints, and how it says that something is not as expected."""

import time

_started = time.monotonic()
_printed: list[str] = []


class NotAsExpected(Exception):
    """The demo saw something else than it promises."""


def say(text: str = "") -> None:
    _printed.append(text)
    print(text, flush=True)


def step(title: str) -> None:
    say(f"\n[{time.monotonic() - _started:5.1f} s] {title}")


def fact(name: str, value: object) -> None:
    say(f"    {name:<18} {value}")


def expect(met: bool, expected: str) -> None:
    if not met:
        raise NotAsExpected(f"expected {expected}")
    say(f"    ok: {expected}")


def wait_for(what: str, probe, limit_s: float):
    """The first answer of `probe` that is not None; says every five seconds what is waited for."""
    started, said = time.monotonic(), 0
    while (answer := probe()) is None:
        waited = time.monotonic() - started
        if waited > limit_s:
            raise NotAsExpected(f"expected {what} within {limit_s:.0f} s")
        if waited // 5 > said:
            said = waited // 5
            say(f"    ... waiting for {what} ({waited:.0f} s)")
        time.sleep(0.1)
    return answer


def printed() -> str:
    return "\n".join(_printed)
