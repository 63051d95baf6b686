"""The acts of delivery: through Secrets Manager, through S3 while Secrets Manager is out, recovery, a rollback."""

import time

import container
import show
import stack
from console import expect, say, step
from proxy import Proxy
from shop import Shop, environment

ADDITION = "ADDED_LATER=dummy-value-of-the-third-release\n"


def first_release(shop: Shop, proxy: Proxy, before: dict[str, str]) -> dict[str, str]:
    step("Release R1: examples/shop is uploaded with three plain writes, the environment last")
    shop.upload("R1")
    report = shop.wait_for_report("R1")
    stack.came_first(shop, proxy)
    show.decision(report)
    expect(report["delivery"] == "SecretsManager", "R1 is delivered through Secrets Manager")
    expect(report["decidedBy"] == "Rack", "the Rack's setting decided")
    show.secret(shop)
    expect(shop.secret()["content"] == environment(), "the secret holds exactly the uploaded environment")
    show.moves(shop, before)
    show.definitions(shop)
    expect(all(uses_secret(shop, arn) for arn in shop.running()), "all Services and Timers read the secret key by key")
    stack.gives_roles(shop)
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
    expect(through_s3(shop), "no Service or Timer needs Secrets Manager")
    say("    what a task of web sees, through convox-env:")
    show.as_the_agent_sees_it(shop.aws, shop.services()["web"])
    for service, arn in shop.services().items():
        seen = container.seen_through_convox_env(shop.aws, shop.definition(arn))
        expect(
            seen == through_secrets_manager[service],
            f"{service} sees the same {len(seen)} variables through convox-env, by name and value",
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
    expect(runs(shop) == {"R1"}, "all Services and Timers run R1")


def uses_secret(shop: Shop, arn: str) -> bool:
    return bool(container.secrets(shop.definition(arn)))


def through_s3(shop: Shop) -> bool:
    return not any(uses_secret(shop, arn) for arn in shop.running())


def runs(shop: Shop) -> set[str]:
    """The Releases that Services run and Timers start."""
    definitions = [shop.definition(arn) for arn in shop.running()]
    return {definition["containerDefinitions"][0]["dockerLabels"]["convox.release"] for definition in definitions}


def secrets_of(shop: Shop, service: str) -> dict[str, str]:
    return container.secrets(shop.definition(shop.services()[service]))


def seen_by(shop: Shop, arn: str) -> dict[str, str]:
    return container.seen_through_secrets_manager(shop.aws, shop.definition(arn))
