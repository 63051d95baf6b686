"""Invokes every events/*.json with `sam local invoke`: the function as template.yaml describes it, in SAM CLI's container,
against the emulator. One line for each event. See `make sam-local`."""

import contextlib
import os
import pathlib
import signal
import sys
import tempfile

import docker_daemon
import emulator
from console import LOGS, ROOT, CannotRun, NotAsExpected, say
from rack import Rack
from sam import BUILT, Sam

INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EVENTS = ROOT / "events"

# What a sample event is answered with in a Rack that has its Release; any other `status` but `failed` is fine elsewhere.
STATUS = {
    "app-deletion-continue": "idle",
    "app-deletion-deleted": "deleted",
    "app-deletion-direct": "deleted",
    "failure-count-deployment-completed": "counted",
    "failure-count-event-of-no-kind": "ignored",
    "failure-count-event-of-no-kind-nor-rack": "ignored",
    "failure-count-request-of-no-rack": "ignored",
    "failure-count-request-of-no-source": "ignored",
    "failure-count-request-on-another-bus": "ignored",
    "failure-count-secret-write-failed": "counted",
    "failure-count-secret-write-skipped": "counted",
    "failure-count-secret-write-succeeded": "counted",
    "process-run-direct": "started",
    "process-run-requested": "started",
    "promote-continue": "idle",
    "promote-dry-run": "planned",
    "promote-object-created": "waiting",  # it is the first, and begins the App's stack; the next finds that created
    "promote-reconcile": "reconciled",
    "promote-reconcile-behind": "idle",
    "promote-requested": "promoted",
    "promote-s3-notification": "promoted",
    "promote-service-deployment-failed": "rolledBack",
    "promote-superseded": "superseded",
}


def main() -> int:
    for number in INTERRUPTS:
        signal.signal(number, interrupt)
    LOGS.mkdir(parents=True, exist_ok=True)
    try:
        with contextlib.ExitStack() as ends:
            return invoke_all(ends)
    except CannotRun as reason:
        say(f"skipped: {reason}")
        return 0
    except NotAsExpected as wrong:
        say(f"\nNot as expected: {wrong}\nThe logs of SAM CLI, the functions and the emulator: {LOGS.relative_to(ROOT)}/")
        return 1


def invoke_all(ends: contextlib.ExitStack) -> int:
    folder = pathlib.Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="sam-local-")))
    docker = ends.enter_context(docker_daemon.running(folder, BUILT / "promote"))
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = docker.gateway
    endpoint = ends.enter_context(emulator.running(docker.gateway, folder))
    rack = Rack.created(endpoint)
    sam = Sam(docker, rack, folder)
    # A process needs a Release that is applied.
    events = sorted(EVENTS.glob("*.json"), key=lambda event: (event.name.startswith("process-run"), event.name))
    wrong = [event.name for event in events if not answers_well(sam, rack, event)]
    if wrong:
        raise NotAsExpected(f"expected another answer to {', '.join(wrong)}")
    return 0


def answers_well(sam: Sam, rack: Rack, event: pathlib.Path) -> bool:
    answer = sam.invoke(event.stem, rack.as_of_now(event.read_text()))
    good = is_good(event.stem, answer)
    say(f"{'ok ' if good else 'BAD'} {event.name:<44} {shown(answer)}")
    return good


def is_good(event: str, answer: object) -> bool:
    if not isinstance(answer, dict) or "errorType" in answer:
        return False
    if "-sqs-" in event:
        return answer == {"batchItemFailures": []}
    status = answer.get("status")
    return status == STATUS[event] if event in STATUS else isinstance(status, str) and status != "failed"


def shown(answer: object) -> str:
    """An answer's outcome; a whole report would be pages."""
    if not isinstance(answer, dict):
        return repr(answer)[:200]
    told = {key: answer[key] for key in ("batchItemFailures", "status", "errorType", "message") if key in answer}
    return ", ".join(f"{key} {value}" for key, value in told.items())[:200] or f"only {', '.join(sorted(answer))}"[:200]


def interrupt(number: int, _frame) -> None:
    """Leaves through every clean-up on the way, which a second signal must not disturb."""
    for other in INTERRUPTS:
        signal.signal(other, signal.SIG_IGN)
    say("\ninterrupted, cleaning up")
    sys.exit(128 + number)


sys.exit(main())
