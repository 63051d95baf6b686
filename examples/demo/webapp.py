"""The demo App in two environments: promoted, started from the task definitions that promote registered, and looked at."""

import contextlib
import html
import json
import os
import pathlib
import re
import subprocess
import urllib.error
import urllib.request

import browser
import emulator
from aws import CREDENTIALS, REGION
from console import NotAsExpected, expect, fact, step, wait_for
from rack import ROOT, Rack

FILES = ROOT / "examples/demo-app"
STAGES = ("test", "production")
DELIVERED_BY = {"test": "S3", "production": "SecretsManager"}
BUCKET = "demo-files"
DATABASE, VOLUME = "main-db", "/uploads"
OF_DATABASE = tuple(f"MAIN_DB_{part}" for part in ("URL", "USER", "PASS", "HOST", "PORT", "NAME"))
PROMOTE_LIMIT_S = 30
START_LIMIT_S = 20


class Task:
    """A task of the demo App on this machine, in a process group of its own."""

    def __init__(self, rack: Rack, stage: str, definition: str, home: pathlib.Path, log):
        self.stage, self.definition, self.port = stage, definition, emulator.free_port()
        environment = CREDENTIALS | {
            "AWS_ENDPOINT_URL": rack.aws.endpoint,
            "AWS_REGION": REGION,
            "PATH": os.environ["PATH"],
            "TMPDIR": str(home),  # where the folders are that stand for file systems
        }
        # `env` stands for what the image itself sets.
        image = ["env", f"PORT={self.port}", "BIND=127.0.0.1", ROOT / "target/debug/demo-app"]
        self.process = subprocess.Popen(
            [ROOT / "target/debug/run-task", definition, "--", *image],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def page(self, path: str) -> str:
        with urllib.request.urlopen(self.address + path, timeout=5) as response:
            return response.read().decode()

    def rows(self, path: str) -> dict[str, list[str]]:
        """The page's table: the other cells of each row, by the text of its first."""
        rows = re.findall(r"<tr><th scope=\"row\">(.*?)</tr>", self.page(path), re.DOTALL)
        cells = [re.split(r"</th>|</td>", row) for row in rows]
        plain = [[html.unescape(re.sub(r"<[^>]*>", "", cell)).strip() for cell in row] for row in cells]
        return {row[0]: row[1:] for row in plain}

    def wait(self) -> None:
        wait_for(f"the demo App in {self.stage} to answer", self._answers, START_LIMIT_S)

    def _answers(self) -> bool | None:
        if self.process.poll() is not None:
            raise NotAsExpected(f"expected the demo App in {self.stage} to run, it ended with {self.process.returncode}")
        with contextlib.suppress(urllib.error.URLError, OSError):
            return self.page("/health") == "ok\n" or None
        return None


def tell(rack: Rack, home: pathlib.Path, log, ends: contextlib.ExitStack) -> list[Task]:
    step("the demo App in two environments, from the task definitions that promote registered")
    tasks = started(rack, home, log)
    for task in tasks:
        ends.callback(emulator.end, task.process.pid)
    for task in tasks:
        task.wait()
        look(task)
        look_at_resources(rack, task)
    test, production = ([task.page(path) for path in ("/", "/environment", "/secrets")] for task in tasks)
    expect(all(a != b for a, b in zip(test, production)), "test and production differ on every page")
    browser.look(tasks)
    return tasks


def started(rack: Rack, home: pathlib.Path, log) -> list[Task]:
    """Promotes both Apps and starts a task of each."""
    rack.aws("s3").create_bucket(Bucket=BUCKET)
    for stage in STAGES:
        upload(rack, stage)
    definitions = {stage: promoted(rack, stage) for stage in STAGES}
    return [Task(rack, stage, definition, home, log) for stage, definition in definitions.items()]


def upload(rack: Rack, stage: str) -> None:
    rack.aws("s3").put_object(Bucket=BUCKET, Key=f"{stage}.env", Body=(FILES / f"files/{stage}.env").read_bytes())
    secrets = rack.aws("secretsmanager")
    arn = secrets.create_secret(Name=f"demo/database-{stage}", SecretString=password(stage, "old"))["ARN"]
    secrets.put_secret_value(SecretId=arn, SecretString=password(stage, "new"))
    release = release_of(stage)
    rack.put(f"{release}/convox.yml", (FILES / "convox.yml").read_bytes())
    own = f"FILES_BUCKET={BUCKET}\nDATABASE_SECRET_ARN={arn}\n"
    rack.put(f"{release}/env", (FILES / f"env.{stage}").read_bytes() + own.encode())


def promoted(rack: Rack, stage: str) -> str:
    """The task definition that came of it."""
    report = wait_for(f"the report of demo-{stage}", lambda: report_of(rack, release_of(stage)), PROMOTE_LIMIT_S)
    if report["status"] != "promoted":
        raise NotAsExpected(f"expected demo-{stage} to be promoted: {report.get('message')}")
    if report["delivery"] != DELIVERED_BY[stage]:
        raise NotAsExpected(f"expected demo-{stage} to be delivered by {DELIVERED_BY[stage]}, not {report['delivery']}")
    return report["services"]["web"]["newTaskDefinition"]


def release_of(stage: str) -> str:
    return f"apps/demo-{stage}/releases/R1"


def report_of(rack: Rack, release: str) -> dict | None:
    s3 = rack.aws("s3")
    try:
        report = json.loads(s3.get_object(Bucket=rack.bucket, Key=f"{release}/report.json")["Body"].read())
        return report if report["status"] != "waiting" else None
    except s3.exceptions.NoSuchKey:
        return None


def password(stage: str, age: str) -> str:
    return json.dumps({"username": "dummy-user", "password": f"dummy-{stage}-password-{age}"})


def look(task: Task) -> None:
    stage, secrets = task.stage, task.rows("/secrets")
    fact(stage, task.definition.rpartition("/")[2])
    plain = task.rows("/environment")
    expect(plain["STAGE"][0] == stage, f"{stage}: plain variables are those of {stage}")
    features = (FILES / f"files/{stage}.env").read_text().partition("=")[2].strip()
    expect(plain["FEATURES"][0] == features, f"{stage}: ECS read its environment file")
    way = {"S3": "convox-env read it from S3", "SecretsManager": "ECS read it from Secrets Manager"}[DELIVERED_BY[stage]]
    expect(secrets["API_TOKEN"][1] == way, f"{stage}: of API_TOKEN the page says: {way}")
    expect("dummy-" not in task.page("/secrets"), f"{stage}: every secret is masked")
    for name, value in {
        "API_TOKEN": f"dummy-{stage}-token",
        "DATABASE": password(stage, "new"),
        "DATABASE_PASSWORD": f"dummy-{stage}-password-new",
        "DATABASE_PASSWORD_BEFORE": f"dummy-{stage}-password-old",
    }.items():
        shown = task.rows(f"/secrets?reveal={name}")[name][2]
        expect(shown.removesuffix(" hide") == value, f"{stage}: {name} arrived as it should ({secrets[name][0]})")
    task.rows("/task")  # a rate needs two looks
    metadata = task.rows("/task")
    expect(metadata["Task definition"][0] == task.definition.rpartition("/")[2], f"{stage}: the task knows its definition")
    expect(metadata["Launch type"][0] == "FARGATE" and "bytes" in metadata["Network receive rate"][0],
           f"{stage}: launch type and network rates are there")


def look_at_resources(rack: Rack, task: Task) -> None:
    stage, rows = task.stage, task.rows("/resources")
    way = "ECS read it from Secrets Manager"
    expect(all(rows[name][1] == way for name in OF_DATABASE), f"{stage}: {', '.join(OF_DATABASE)} arrived: {way}")
    credentials, link = own_secrets(rack, stage)
    expect(credentials["password"] == link["PASS"], f"{stage}: the password is the generated one")
    expect(link["PASS"] not in task.page("/resources"), f"{stage}: none of them is shown")
    path, listed = rows["uploads"][:2]
    expect(path == VOLUME and "-uploads-" in listed, f"{stage}: the task has the file system uploads at {VOLUME}")


def own_secrets(rack: Rack, stage: str) -> list[dict[str, str]]:
    """What CloudFormation generated for the database, and what tasks get of it."""
    secrets = rack.aws("secretsmanager")
    names = (f"{rack.name}_demo-{stage}/{DATABASE}/{kind}" for kind in ("credentials", "link"))
    return [json.loads(secrets.get_secret_value(SecretId=name)["SecretString"]) for name in names]
