"""A one-off process: asked for by an event, it starts as a task of ECS with the Service's variables and a command of its own."""

import json
import os
import subprocess

import show
from aws import CREDENTIALS, REGION
from console import expect, step
from rack import ROOT
from shop import NAME, Shop
from watch import Watch

SERVICE = "worker"
# Asks for a variable of the environment without showing it.
COMMAND = 'test -n "$DATABASE_URL" && test -z "$SESSION_SECRET" && echo "a one-off process of $RELEASE has its variables"'


def one_off(shop: Shop, watch: Watch) -> None:
    step("a one-off process: somebody sends the event `Process Run Requested`")
    detail = {"rack": shop.rack.name, "app": NAME, "service": SERVICE, "command": COMMAND}
    entry = {"Source": "rack", "DetailType": "Process Run Requested", "Detail": json.dumps(detail)}
    shop.aws("events").put_events(Entries=[entry])
    started = watch.wait_for("Process Started")
    show.event("Process Started", started)
    expect(started["delivery"] == "SecretsManager", "its environment comes through the App's secret")
    task = shop.aws("ecs").describe_tasks(cluster=shop.rack.name, tasks=[started["taskArn"]])["tasks"][0]
    expect(task["taskDefinitionArn"] == started["taskDefinition"], "the task is there, with the definition that the event names")
    command = task["overrides"]["containerOverrides"][0]["command"]
    expect(command == ["sh", "-c", COMMAND], "it runs the command that was asked for")
    ran = subprocess.run(
        [ROOT / "target/debug/run-task", started["taskDefinition"], "--", *command],
        env=CREDENTIALS | {"AWS_ENDPOINT_URL": shop.aws.endpoint, "AWS_REGION": REGION, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=30,
    )
    said = f"a one-off process of {started['release']} has its variables"
    expect(ran.returncode == 0 and ran.stdout.strip() == said, "started on this machine, it has what worker declares and no more")
