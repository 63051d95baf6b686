"""The acts of a deletion: what runs is gone, the secret waits 30 days for its end, and a new Release brings it back."""

import datetime
import time

import show
import stack
from console import expect, fact, step
from delivery import runs, secrets_of, uses_secret
from proxy import Proxy
from shop import SERVICES, TIMERS, Shop, environment
from warning import failed_release
from watch import Watch

ADDITION = "SECOND_LIFE=dummy-value-of-the-release-after-the-deletion\n"
RECOVERY_WINDOW = datetime.timedelta(days=30)


def deletion(shop: Shop, proxy: Proxy, watch: Watch) -> tuple[str, str]:
    """Gives the ARNs of the secret and of the stack that is gone."""
    step("Release R8 meets another outage, so that the deletion has a failure to forget")
    proxy.hang("secretsmanager")
    failed_release(shop, watch, "R8", in_a_row=1)
    proxy.lift()

    step("the end of the App: somebody sends the event `App Deleted`")
    # Requests are ordered by whole seconds, and within one a deletion comes before a promote: R8 would win.
    time.sleep(1)
    ran, own_stack = shop.running(), shop.stack()["StackId"]
    shop.delete()
    scheduled = watch.wait_for("App Secret Deletion Scheduled")
    show.event("App Secret Deletion Scheduled", scheduled)
    expect(shop.services() == {}, "its ECS services are gone")
    expect(shop.rules() == [], "the rules of its Timers are gone")
    expect(not any(is_active(shop, arn) for arn in ran), "the task definitions that they ran are deregistered")
    stack.is_gone(shop)
    secret = shop.described_secret()
    expect("DeletedDate" in secret, "its secret is scheduled for deletion")
    expect(scheduled["secretArn"] == secret["ARN"], "the event names the secret")
    expect(in_30_days(scheduled["deletionDate"]), "the event's date is 30 days ahead")
    deleted = watch.wait_for("Secret Write Skipped")["seq"]
    expect(shop.failures_in_a_row(deleted) == 0, "the counter says 0, the failure of R8 is forgotten")
    return secret["ARN"], own_stack


def restore(shop: Shop, watch: Watch, arn: str, stack_before: str) -> None:
    step("second thoughts: Release R9 is uploaded; its environment has one more variable")
    shop.upload("R9", ADDITION)
    report = shop.wait_for_report("R9")
    stack.is_another(shop, stack_before)
    show.decision(report)
    expect(report["delivery"] == "SecretsManager", "R9 is delivered through Secrets Manager")
    show.secret(shop)
    secret = shop.described_secret()
    expect("DeletedDate" not in secret, "the secret is not scheduled for deletion any more")
    expect(secret["ARN"] == arn, "it is the same secret, by its ARN")
    expect(shop.secret()["content"] == environment(ADDITION), "it holds exactly the new environment")
    for service, definition in shop.services().items():
        fact(f"Service {service}", f"runs {show.short(definition)}")
    expect(set(shop.services()) == set(SERVICES), "every Service has its ECS service again")
    expect(len(shop.rules()) == len(TIMERS), "every Timer has its rule again")
    expect(runs(shop) == {"R9"}, "all of them run R9")
    expect(all(uses_secret(shop, definition) for definition in shop.running()), "all read the secret key by key")
    stack.gives_roles(shop)
    expect("SECOND_LIFE" in secrets_of(shop, "reports"), "reports reads the new variable")
    written = watch.wait_for("Secret Write Succeeded", release="R9")["seq"]
    expect(shop.failures_in_a_row(written) == 0, "the counter starts at 0")
    expect(len(watch.all("Rack Warning")) == 1, "the Rack was warned once in all of this")


def is_active(shop: Shop, arn: str) -> bool:
    return shop.definition(arn)["status"] == "ACTIVE"


def in_30_days(date: str) -> bool:
    off = datetime.datetime.fromisoformat(date) - datetime.datetime.now(datetime.UTC) - RECOVERY_WINDOW
    return abs(off) < datetime.timedelta(minutes=5)
