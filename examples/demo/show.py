"""What the demo shows of a promote: names, never values."""

import subprocess

import container
from aws import CREDENTIALS, REGION, Aws
from console import NotAsExpected, expect, fact, say
from rack import ROOT
from shop import Shop


def decision(report: dict) -> None:
    fact("delivery", f"{report['delivery']}, decided by {report['decidedBy']}")
    if fallback := report.get("fallback"):
        fact("fallback", fallback["errorType"])
    for warning in report.get("warnings", []):
        fact("warning", warning)


def event(detail_type: str, detail: dict) -> None:
    say(f"    {detail_type}")
    for name, value in detail.items():
        say(f"      {name:<19} {value}")


def secret(shop: Shop) -> None:
    seen = shop.secret()
    fact("secret", f"{seen['name']}, version {seen['version']}")
    fact("its keys", ", ".join(seen["content"]))


def moves(shop: Shop, before: dict[str, str]) -> None:
    after = shop.services()
    for service, arn in after.items():
        fact(f"Service {service}", f"moved from {short(before[service])} to {short(arn)}")
    for timer, rule in shop.timers().items():
        fact(f"Timer {timer}", f"{rule['schedule']} starts {short(rule['definition'])}")
    expect(not set(after.values()) & set(before.values()), "every ECS service runs another task definition than before")


def definitions(shop: Shop) -> None:
    for arn in shop.running():
        seen = shop.definition(arn)
        say(f"    {short(arn)}")
        fact("  secrets", ", ".join(container.secrets(seen)) or "none")
        fact("  variables", ", ".join(container.delivery_variables(seen)))


def as_the_agent_sees_it(aws: Aws, arn: str) -> None:
    """The tests' own resolver of task definitions: names, and where each comes from."""
    environment = {**CREDENTIALS, "AWS_ENDPOINT_URL": aws.endpoint, "AWS_REGION": REGION}
    program = ROOT / "target/debug/task-sees"
    result = subprocess.run([program, arn], env=environment, capture_output=True, text=True, timeout=30)
    if result.returncode != 0:
        raise NotAsExpected(f"expected task-sees to read {arn}, it said: {result.stderr.strip()}")
    for line in result.stdout.splitlines():
        say(f"      {line}")


def short(arn: str) -> str:
    return arn.rpartition("/")[2]
