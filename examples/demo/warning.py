"""The acts of an outage that lasts: the third failure in a row warns the Rack, the next success clears the warning."""

import show
from console import expect, fact, step
from delivery import runs, through_s3
from proxy import Proxy
from shop import Shop
from watch import Watch

FAILING = ("R4", "R5", "R6")
CODE = "SecretWriteFailing"


def outage_that_lasts(shop: Shop, proxy: Proxy, watch: Watch) -> None:
    step(f"Releases {', '.join(FAILING)}, while Secrets Manager is out again, and stays so")
    rolled_back = watch.wait_for("Secret Write Succeeded", release="R1", seq=4)["seq"]  # not R1's first, which has 1
    expect(shop.failures_in_a_row(rolled_back) == 0, "the failure of R2 does not count any more: R3 and R1 were written")
    proxy.hang("secretsmanager")
    for number, release in enumerate(FAILING, start=1):
        expect(not watch.all("Rack Warning"), f"nobody is warned before {release}")
        failed_release(shop, watch, release, in_a_row=number)
    warning = watch.wait_for("Rack Warning")
    show.event("Rack Warning", warning)
    expect(warning["code"] == CODE, "its code says that secret writes fail")
    expect(warning["consecutiveFailures"] == len(FAILING), "it counts three in a row")


def failed_release(shop: Shop, watch: Watch, release: str, in_a_row: int) -> None:
    shop.upload(release)
    report = shop.wait_for_report(release)
    failed = watch.wait_for("Secret Write Failed", release=release)
    failures = shop.failures_in_a_row(failed["seq"])
    fact(f"Release {release}", f"delivery {report['delivery']}, {failed['errorType']}, failures in a row: {failures}")
    expect(failures == in_a_row, f"the counter says {in_a_row}")
    expect(runs(shop) == {release} and through_s3(shop), f"{release} is live, and nothing of it needs Secrets Manager")


def outage_is_over(shop: Shop, proxy: Proxy, watch: Watch) -> None:
    step("Release R7, Secrets Manager answers again")
    proxy.lift()
    shop.upload("R7")
    report = shop.wait_for_report("R7")
    show.decision(report)
    expect(report["delivery"] == "SecretsManager", "R7 is delivered through Secrets Manager")
    cleared = watch.wait_for("Rack Warning Cleared")
    show.event("Rack Warning Cleared", cleared)
    expect(cleared["code"] == CODE, "the warning of secret writes is cleared")
    expect(cleared["consecutiveFailures"] == len(FAILING), "it was three failures long")
    expect(len(watch.all("Rack Warning")) == 1, "the Rack was warned exactly once")
    written = watch.wait_for("Secret Write Succeeded", release="R7")["seq"]
    expect(shop.failures_in_a_row(written) == 0, "the counter says 0")
