"""The story: a Release through Secrets Manager, one through S3 while Secrets Manager is out, recovery, a rollback; and the
sequel."""

import contextlib
import json
import pathlib
import shutil
import tempfile
import time

import container
import emulator
import rack as racks
import sequel
import show
from aws import Aws
from console import expect, fact, printed, say, step
from heard import Heard
from proxy import Proxy
from shop import Shop, environment

LOG = racks.ROOT / "target/demo/demo.log"
# Seconds that promote gives Secrets Manager; the template's default is 10, less makes the outage a shorter story.
SECRETS_MANAGER_TIMEOUT_S = 2
ADDITION = "ADDED_LATER=dummy-value-of-the-third-release\n"


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


def play(ends: contextlib.ExitStack, home: pathlib.Path) -> tuple[int, int]:
    step("a Rack on this machine: the emulator, template.yaml, a cluster with three ECS services")
    LOG.parent.mkdir(parents=True, exist_ok=True)
    LOG.unlink(missing_ok=True)
    port = emulator.free_port()
    proxy = Proxy(emulator.endpoint(port), home, LOG)
    ends.callback(emulator.end, proxy.process.pid)
    process = emulator.start(port, home, LOG, functions_endpoint=proxy.front)
    ends.callback(emulator.end, process.pid)
    shop = Shop(deploy(Aws(proxy.back)))
    before = shop.create_services()
    heard = Heard(shop.aws)

    first = first_release(shop, before)
    release_in_an_outage(shop, proxy, first)
    release_after_the_outage(shop, proxy)
    rollback(shop)
    sequel.outages_in_a_row(shop, proxy, heard)
    sequel.outage_ends(shop, proxy, heard)
    secret_arn = sequel.deletion(shop, heard)
    sequel.return_of_the_app(shop, secret_arn)
    no_value_is_anywhere(shop, heard)
    return process.pid, proxy.process.pid


def deploy(aws: Aws) -> racks.Rack:
    parameters = {"SecretsManagerEnv": "Yes", "SecretsManagerTimeoutSeconds": str(SECRETS_MANAGER_TIMEOUT_S)}
    rack = racks.deploy(aws, parameters)
    fact("Rack", f"{rack.name}, SecretsManagerEnv=Yes")
    fact("settings bucket", rack.bucket)
    return rack


def first_release(shop: Shop, before: dict[str, str]) -> dict[str, str]:
    step("Release R1: examples/shop is uploaded with three plain writes, the environment last")
    shop.upload("R1")
    report = shop.wait_for_report("R1")
    show.decision(report)
    expect(report["delivery"] == "SecretsManager", "R1 is delivered through Secrets Manager")
    expect(report["decidedBy"] == "Rack", "the Rack's setting decided")
    show.secret(shop)
    expect(shop.secret()["content"] == environment(), "the secret holds exactly the uploaded environment")
    show.moves(shop, before)
    show.definitions(shop)
    expect(all(uses_secret(shop, arn) for arn in shop.running()), "all Services and Timers read the secret key by key")
    say("    what a task of web sees:")
    show.as_the_agent_sees_it(shop.aws, shop.services()["web"])
    return shop.services()


def release_in_an_outage(shop: Shop, proxy: Proxy, first: dict[str, str]) -> None:
    step("Release R2, the same environment, while Secrets Manager accepts connections and never answers")
    through_secrets_manager = {service: seen_by(shop, arn) for service, arn in first.items()}
    proxy.hang("secretsmanager")
    shop.upload("R2")
    report = shop.wait_for_report("R2")
    show.decision(report)
    expect(report["delivery"] == "S3", "R2 is delivered through S3")
    expect(report["decidedBy"] == "Rack", "the report still says that the Rack's setting decided")
    expect(bool(report.get("fallback", {}).get("errorType")), "the report says why Secrets Manager was not used")
    unanswered = [call for call in proxy.calls("secretsmanager") if call["status"] is None]
    expect(bool(unanswered), "promote called Secrets Manager and got no answer")
    show.moves(shop, first)
    show.definitions(shop)
    expect(not any(uses_secret(shop, arn) for arn in shop.running()), "no Service or Timer needs Secrets Manager")
    say("    what a task of web sees, through convox-env:")
    show.as_the_agent_sees_it(shop.aws, shop.services()["web"])
    for service, arn in shop.services().items():
        through_s3 = container.seen_through_convox_env(shop.aws, shop.definition(arn))
        expect(
            through_s3 == through_secrets_manager[service],
            f"{service} sees the same {len(through_s3)} variables through convox-env, by name and value",
        )


def release_after_the_outage(shop: Shop, proxy: Proxy) -> None:
    step("Release R3, Secrets Manager answers again; its environment has one more variable")
    before = shop.services()
    proxy.lift()
    shop.upload("R3", ADDITION)
    report = shop.wait_for_report("R3")
    show.decision(report)
    expect(report["delivery"] == "SecretsManager", "R3 is delivered through Secrets Manager")
    show.secret(shop)
    expect("ADDED_LATER" in shop.secret()["content"], "the secret has the new variable")
    show.moves(shop, before)
    expect("ADDED_LATER" in secrets_of(shop, "reports"), "reports, which asks for everything, reads it")
    expect("ADDED_LATER" not in secrets_of(shop, "web"), "web, which does not ask for it, does not")


def rollback(shop: Shop) -> None:
    step("back to R1: somebody sends the event `Release Promote Requested`")
    # Requests are ordered by whole seconds, as S3 tells them, and within one second by the Release's name.
    time.sleep(1)
    before, older_version = shop.services(), shop.report_version("R1")
    shop.request_promote("R1")
    report = shop.wait_for_report("R1", older_version)
    show.decision(report)
    expect(report["delivery"] == "SecretsManager", "R1 is delivered through Secrets Manager again")
    expect(shop.secret()["content"] == environment(), "the secret holds the environment of R1 again")
    show.moves(shop, before)
    labels = shop.definition(shop.services()["web"])["containerDefinitions"][0]["dockerLabels"]
    expect(labels.get("convox.release") == "R1", "web runs R1")


def no_value_is_anywhere(shop: Shop, heard: Heard) -> None:
    step("no value of the environment is where it does not belong")
    values = [*environment().values(), *(line.strip().split("=")[1] for line in (ADDITION, sequel.ROUND))]
    forms = [form for value in values if "dummy" in value for form in (value, json.dumps(value)[1:-1])]
    for place, text in {
        "the reports and the state": "".join(shop.written_objects().values()),
        "the task definitions": json.dumps(shop.all_definitions(), default=str),
        "the events": heard.text(),
        "the functions' log": LOG.read_text(errors="replace"),
        "this output": printed(),
    }.items():
        expect(not any(form in text for form in forms), f"none is in {place}")


def uses_secret(shop: Shop, arn: str) -> bool:
    return bool(container.secrets(shop.definition(arn)))


def secrets_of(shop: Shop, service: str) -> dict[str, str]:
    return container.secrets(shop.definition(shop.services()[service]))


def seen_by(shop: Shop, arn: str) -> dict[str, str]:
    return container.seen_through_secrets_manager(shop.aws, shop.definition(arn))
