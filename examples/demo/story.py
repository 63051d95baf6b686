"""The story: what is delivered and how, an outage that lasts and its warning, a deletion and the way back."""

import contextlib
import json
import pathlib
import shutil
import tempfile
import time

import delivery
import deletion
import emulator
import process
import rack as racks
import warning
import watch
import webapp
from aws import Aws
from console import expect, fact, printed, say, step
from proxy import Proxy
from shop import WRITTEN, Shop, environment

LOG = racks.ROOT / "target/demo/demo.log"
# Seconds that promote gives Secrets Manager; the template's default is 10, less makes outages a shorter story.
SECRETS_MANAGER_TIMEOUT_S = 2
# A word of each function's own metrics.
LOGGED = ('"Promotes":', '"AppDeletions":', '"RackWarnings":', '"ProcessRuns":')
ADDITIONS = delivery.ADDITION + deletion.ADDITION


def tell() -> int:
    started = time.monotonic()
    with contextlib.ExitStack() as ends:
        home = pathlib.Path(tempfile.mkdtemp(prefix="convox-demo-"))
        ends.callback(shutil.rmtree, home, ignore_errors=True)
        groups = play(ends, home)
    gone = not any(emulator.alive(group) for group in groups) and not home.exists()
    expect(gone, "nothing of this is left running or lying around")
    say(f"\nThe demo took {time.monotonic() - started:.0f} s. Everything was as expected.")
    return 0


def play(ends: contextlib.ExitStack, home: pathlib.Path) -> tuple[int, ...]:
    step("a Rack on this machine: the emulator, template.yaml, a cluster with three ECS services")
    LOG.parent.mkdir(parents=True, exist_ok=True)
    LOG.unlink(missing_ok=True)
    port = emulator.free_port()
    proxy = Proxy(emulator.endpoint(port), home, LOG)
    ends.callback(emulator.end, proxy.process.pid)
    started = emulator.start(port, home, LOG, functions_endpoint=proxy.front)
    ends.callback(emulator.end, started.pid)
    shop = Shop(deploy(Aws(proxy.back)))
    before = shop.create_services()
    heard = watch.started(shop.rack)

    first = delivery.first_release(shop, proxy, before)
    delivery.release_in_an_outage(shop, proxy, first)
    delivery.release_after_the_outage(shop, proxy)
    delivery.rollback(shop)
    warning.outage_that_lasts(shop, proxy, heard)
    warning.outage_is_over(shop, proxy, heard)
    process.one_off(shop, heard)
    secret, own_stack = deletion.deletion(shop, proxy, heard)
    deletion.restore(shop, heard, secret, own_stack)
    with LOG.open("ab") as log:
        tasks = webapp.tell(shop.rack, home, log, ends)
    no_value_is_anywhere(shop, heard)
    return started.pid, proxy.process.pid, *(task.process.pid for task in tasks)


def deploy(aws: Aws) -> racks.Rack:
    parameters = {"SecretsManagerEnv": "Yes", "SecretsManagerTimeoutSeconds": str(SECRETS_MANAGER_TIMEOUT_S)}
    rack = racks.deploy(aws, parameters)
    fact("Rack", f"{rack.name}, SecretsManagerEnv=Yes")
    fact("settings bucket", rack.bucket)
    return rack


def no_value_is_anywhere(shop: Shop, heard: watch.Watch) -> None:
    step("no value of the environment and no generated password is where it does not belong")
    values = [value for value in environment(ADDITIONS).values() if "dummy" in value]
    passwords = generated(shop.rack)
    forms = [form for value in [*values, *passwords] for form in (value, json.dumps(value)[1:-1])]
    objects, log = shop.written_objects(), LOG.read_text(errors="replace")
    names = {key.rpartition("/")[2] for key, _ in objects}
    expect(names == WRITTEN, f"the functions wrote only {', '.join(sorted(WRITTEN))}")
    expect(all(words in log for words in LOGGED), "all four functions wrote to the log")
    for place, text in {
        "the reports and the state, in any version": "".join(content for _, content in objects),
        "the task definitions": json.dumps(shop.all_definitions(), default=str),
        "the Apps' stacks": json.dumps(shop.rack.stacks(), default=str),
        "the events": "".join(heard.texts()),
        "the functions' log": log,
        "this output": printed(),
    }.items():
        expect(not any(form in text for form in forms), f"none is in {place}")
    own = {f"demo-{stage}/{webapp.DATABASE}/{kind}" for stage in webapp.STAGES for kind in ("credentials", "link")}
    holding = {name for name, value in shop.rack.secrets().items() if any(password in value for password in passwords)}
    expect(holding == {f"{shop.rack.name}_{name}" for name in own}, "a generated password is in its own two secrets only")


def generated(rack: racks.Rack) -> list[str]:
    return [webapp.own_secrets(rack, stage)[0]["password"] for stage in webapp.STAGES]
