"""The sequel: three failures in a row and their end, then a deletion and a return."""

import datetime
import time

import show
from console import expect, fact, step
from heard import Heard
from proxy import Proxy
from shop import Shop, environment

ROUND = "ROUND=dummy-value-of-round-"


def next_second() -> None:
    """Requests are ordered by whole seconds, as S3 tells them, and a deletion loses against a promote of its own second."""
    time.sleep(1)


def outages_in_a_row(shop: Shop, proxy: Proxy, heard: Heard) -> None:
    step("Releases R4, R5 and R6 while Secrets Manager is out again")
    proxy.hang("secretsmanager")
    for number in (4, 5, 6):
        shop.upload(f"R{number}", f"{ROUND}{number}\n")
        report = shop.wait_for_report(f"R{number}")
        fact(f"R{number}", f"{report['delivery']}, fallback {report.get('fallback', {}).get('errorType')}")
        expect(report["delivery"] == "S3", f"R{number} is live, through S3")
    warning = heard.first("Rack Warning")
    fact("Rack Warning", f"{warning['code']}, {warning['consecutiveFailures']} in a row")
    fact("it says", warning["message"])
    expect(warning["code"] == "SecretWriteFailing", "the Rack is warned that secret writes fail")
    expect(warning["consecutiveFailures"] == 3, "the third failure in a row warned, the outage of R2 does not count any more")


def outage_ends(shop: Shop, proxy: Proxy, heard: Heard) -> None:
    step("Release R7, Secrets Manager answers again")
    proxy.lift()
    shop.upload("R7")
    report = shop.wait_for_report("R7")
    show.decision(report)
    expect(report["delivery"] == "SecretsManager", "R7 is delivered through Secrets Manager")
    cleared = heard.first("Rack Warning Cleared")
    fact("cleared", f"{cleared['code']} after {cleared['consecutiveFailures']} failures")
    expect(len(heard.all("Rack Warning")) == 1, "the Rack was warned once")


def deletion(shop: Shop, heard: Heard) -> str:
    step("somebody sends the event `App Deleted`")
    next_second()
    shop.delete()
    told = heard.first("App Secret Deletion Scheduled")
    date = datetime.datetime.fromisoformat(told["deletionDate"])
    days = round((date - datetime.datetime.now(datetime.timezone.utc)).total_seconds() / 86_400)
    fact("secret", told["secretArn"])
    fact("can be restored", f"until {told['deletionDate']}, for {days} days")
    expect(days == 30, "the secret is scheduled for deletion in 30 days")
    expect(shop.secret_is_scheduled(), "Secrets Manager says the same")
    expect(not shop.active_services(), "no ECS service of the App runs")
    expect(not shop.rules(), "no rule of its Timers is left")
    return told["secretArn"]


def return_of_the_app(shop: Shop, secret_arn: str) -> None:
    step("Release R8: the App comes back within the window")
    next_second()
    shop.upload("R8", f"{ROUND}8\n")
    report = shop.wait_for_report("R8")
    show.decision(report)
    show.secret(shop)
    expect(report["delivery"] == "SecretsManager", "R8 is delivered through Secrets Manager")
    expect(report["secretArn"] == secret_arn, "the secret is the same one, restored")
    expect(set(shop.secret()["content"]) == {*environment(), "ROUND"}, "it holds the environment of R8")
    expect(len(shop.active_services()) == 3 and len(shop.rules()) == 2, "three ECS services and two rules are there again")
    say_what_runs(shop)


def say_what_runs(shop: Shop) -> None:
    for service, arn in shop.services().items():
        fact(f"Service {service}", f"runs {show.short(arn)}")
