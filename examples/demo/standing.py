"""The Rack that `make demo-up` leaves running, and its end."""

import contextlib
import json
import pathlib
import shutil

import emulator
import proxy as proxies
import rack as racks
import watch
import webapp
from aws import CREDENTIALS, REGION, Aws
from console import fact, say, step

FOLDER = racks.ROOT / "target/demo"
RECORD = FOLDER / "running.json"
LOG = FOLDER / "demo-up.log"
HOME = FOLDER / "home"
PIPE = HOME / "proxy"


def up(secrets_manager_env: str) -> int:
    if secrets_manager_env not in ("Yes", "No"):
        say(f'RACK_SECRETS_MANAGER_ENV is "{secrets_manager_env}"; it must be "Yes" or "No"')
        return 2
    if (running := record()) and is_running(running):
        say(f"A Rack is already running at {running['endpoint']}; `make demo-down` ends it.")
        return 1
    remove_leftovers()
    step(f"starting a Rack with SecretsManagerEnv={secrets_manager_env}")
    explain(start(secrets_manager_env))
    return 0


def web() -> int:
    """A Rack, and the demo App in both environments."""
    if (status := up("Yes")) != 0:
        return status
    running = record()
    rack = racks.found(Aws(running["endpoint"]))
    with LOG.open("ab") as log:
        tasks = webapp.started(rack, HOME, log)
    note(running["endpoint"], *map(int, running["processes"]), *(task.process.pid for task in tasks))
    step("the demo App in two environments")
    for task in tasks:
        task.wait()
        fact(task.stage, task.address)
    return 0


def start(secrets_manager_env: str) -> racks.Rack:
    HOME.mkdir(parents=True)
    LOG.unlink(missing_ok=True)
    port = emulator.free_port()
    proxy = proxies.standing(emulator.endpoint(port), HOME, LOG, PIPE)
    try:
        note(proxy.back, proxy.process.pid)
        process = emulator.start(port, HOME, LOG, functions_endpoint=proxy.front)
        note(proxy.back, proxy.process.pid, process.pid)
        return racks.deploy(Aws(proxy.back), {"SecretsManagerEnv": secrets_manager_env})
    except BaseException:
        remove_leftovers()
        raise


def note(endpoint: str, *pids: int) -> None:
    processes = {pid: emulator.started_at(pid) for pid in pids}
    RECORD.write_text(json.dumps({"endpoint": endpoint, "processes": processes}) + "\n")


def record() -> dict | None:
    with contextlib.suppress(FileNotFoundError, ValueError):
        return json.loads(RECORD.read_text())
    return None


def is_running(running: dict) -> bool:
    return bool(ours(running)) and emulator.answers(running["endpoint"])


def ours(running: dict) -> list[int]:
    """A group whose leader has gone is still ours: its number is not given away before the last member ends."""
    processes = running.get("processes", {}).items()
    return [int(pid) for pid, started in processes if emulator.started_at(int(pid)) in (started, None)]


def down() -> int:
    was_running = record() is not None
    remove_leftovers()
    say("The Rack has ended." if was_running else "No Rack was running.")
    return 0


def remove_leftovers() -> None:
    for pid in ours(record() or {}):
        emulator.end(pid)
    RECORD.unlink(missing_ok=True)
    shutil.rmtree(HOME, ignore_errors=True)


def explain(rack: racks.Rack) -> None:
    fact("endpoint", rack.aws.endpoint)
    fact("Rack", rack.name)
    fact("settings bucket", rack.bucket)
    fact("functions' log", LOG.relative_to(racks.ROOT))
    say(commands(rack, watch.started(rack).queue))


def commands(rack: racks.Rack, queue: str) -> str:
    endpoint, bucket = rack.aws.endpoint, rack.bucket
    detail = json.dumps({"rack": rack.name, "app": "shop"})
    deletion = json.dumps([{"Source": "rack", "DetailType": "App Deleted", "Detail": detail}])
    exports = " ".join(f"{name}={value}" for name, value in CREDENTIALS.items())
    return f"""
To promote an App, upload its files, env last (any AWS CLI will do; this one came with the tools):

    export {exports} AWS_DEFAULT_REGION={REGION}
    aws() {{ {cli()} --endpoint-url {endpoint} "$@"; }}
    release=s3://{bucket}/apps/shop/releases/R1
    aws s3 cp examples/shop/convox.yml $release/convox.yml
    aws s3 cp examples/shop/build.json $release/build.json
    aws s3 cp examples/shop/env        $release/env

To see what happened, a second later:

    aws s3 cp $release/report.json -

The Rack's setting is that of `make demo-up RACK_SECRETS_MANAGER_ENV=Yes|No`. An App opts in with

    echo '{{"params": {{"SecretsManagerEnv": "Yes"}}}}' | aws s3 cp - s3://{bucket}/apps/shop/app.json

and a Release decides with `params: {{SecretsManagerEnv: "Yes"}}` or "No" in its convox.yml.
Secrets Manager is out for promote, and not for you, between these two:

    echo hang secretsmanager > {PIPE.relative_to(racks.ROOT)}
    echo lift > {PIPE.relative_to(racks.ROOT)}

The third promote in a row that Secrets Manager fails warns the Rack. What the Rack says, ten events at a time, each once:

    aws sqs receive-message --queue-url {queue} --max-number-of-messages 10 --query 'Messages[].[Body]' --output text

To delete the App; a new Release brings it back, its secret too:

    aws events put-events --entries '{deletion}'

ECS services and rules that an App lacks are created by its first promote.

`make demo-down` ends it."""


def cli() -> pathlib.Path | str:
    ours = pathlib.Path(".venv/emulator/bin/aws")
    return ours if (racks.ROOT / ours).exists() else "command aws"
