"""The demo: a Rack on this machine that Releases are promoted to by plain uploads. See `make help`."""

import os
import signal
import sys

import standing
import story
from console import NotAsExpected, say
from rack import ROOT

INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: list[str]) -> int:
    for number in INTERRUPTS:
        signal.signal(number, interrupt)
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    try:
        match arguments:
            case ["demo"]:
                return story.tell()
            case ["up", secrets_manager_env]:
                return standing.up(secrets_manager_env)
            case ["web"]:
                return standing.web()
            case ["down"]:
                return standing.down()
        say("usage: demo | up Yes|No | web | down")
        return 2
    except NotAsExpected as wrong:
        log = story.LOG if "demo" in arguments else standing.LOG
        say(f"\nNot as expected: {wrong}\nThe log of the emulator and the functions: {log.relative_to(ROOT)}")
        return 1


def interrupt(number: int, _frame) -> None:
    """Leaves through every clean-up on the way, which a second signal must not disturb."""
    for other in INTERRUPTS:
        signal.signal(other, signal.SIG_IGN)
    say("\ninterrupted, cleaning up")
    sys.exit(128 + number)


sys.exit(main(sys.argv[1:]))
