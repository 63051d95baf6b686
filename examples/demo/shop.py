"""The example App: uploading its Releases, and looking at what AWS then holds for it."""

import json

from botocore.exceptions import ClientError

from console import NotAsExpected, wait_for
from rack import ROOT, Rack

FILES = ROOT / "examples/shop"
NAME = "shop"
SERVICES = ("web", "worker", "reports")
TIMERS = ("cleanup", "digest")
PROMOTE_LIMIT_S = 30
COUNT_LIMIT_S = 20
UPLOADED = {"convox.yml", "build.json", "env"}
WRITTEN = {"report.json", "promotion.json", "failures.json"}


def environment(additions: str = "") -> dict[str, str]:
    """examples/shop/env and more, read by the rules that its format has: the first `=` splits, the value is verbatim."""
    lines = ((FILES / "env").read_text() + additions).splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


class Shop:
    def __init__(self, rack: Rack):
        self.rack = rack
        self.aws = rack.aws

    # --- what the user does

    def upload(self, release: str, additions: str = "") -> None:
        """Three plain writes; the last one is the environment, and it promotes."""
        self.rack.put(self._key(f"releases/{release}", "convox.yml"), (FILES / "convox.yml").read_bytes())
        self.rack.put(self._key(f"releases/{release}", "build.json"), (FILES / "build.json").read_bytes())
        self.rack.put(self._key(f"releases/{release}", "env"), (FILES / "env").read_bytes() + additions.encode())

    def request_promote(self, release: str) -> None:
        self._send("Release Promote Requested", {"release": release})

    def delete(self) -> None:
        self._send("App Deleted", {})

    # --- what the functions did

    def report_version(self, release: str) -> str | None:
        return self._object(self._key(f"releases/{release}", "report.json"))[0]

    def wait_for_report(self, release: str, older_version: str | None = None) -> dict:
        """The report after that of `older_version`, once the promote is over; one that failed ends the demo with its message."""

        def newer() -> dict | None:
            version, body = self._object(self._key(f"releases/{release}", "report.json"))
            report = None if version == older_version else json.loads(body)
            return report if report and report["status"] != "waiting" else None

        report = wait_for(f"the report of {release}", newer, PROMOTE_LIMIT_S)
        if report.get("status") == "failed":
            raise NotAsExpected(f"expected {release} to be promoted: {report.get('errorType')}: {report.get('message')}")
        return report

    def stack(self) -> dict | None:
        """The App's own CloudFormation stack, while there is one."""
        tag = {"Key": "convox:app", "Value": NAME}
        stacks = self.aws("cloudformation").describe_stacks()["Stacks"]
        return next((stack for stack in stacks if tag in stack.get("Tags", [])), None)

    def states(self) -> list[dict]:
        """What promotion.json has said so far."""
        key = self._key("state", "promotion.json")
        return [json.loads(content) for written, content in self.written_objects() if written == key]

    def secret(self) -> dict:
        answer = self.aws("secretsmanager").get_secret_value(SecretId=f"{self.rack.name}/{NAME}")
        return {"name": answer["Name"], "version": answer["VersionId"], "content": json.loads(answer["SecretString"])}

    def described_secret(self) -> dict:
        """What is known of the secret without its content, also where it is scheduled for deletion."""
        return self.aws("secretsmanager").describe_secret(SecretId=f"{self.rack.name}/{NAME}")

    def failures_in_a_row(self, seq: int) -> int:
        """What the counter says once it has counted the outcome of that number."""

        def counted() -> dict | None:
            counter = json.loads(self._object(self._key("state", "failures.json"))[1] or "{}")
            return counter if counter.get("countedSeq", 0) >= seq else None

        return wait_for("failure-count to count", counted, COUNT_LIMIT_S)["consecutiveFailures"]

    def services(self) -> dict[str, str]:
        """Each ECS service's task definition, by Service; an ECS service that was deleted is none."""
        names = [self._ecs_name(service) for service in SERVICES]
        found = self.aws("ecs").describe_services(cluster=self.rack.name, services=names)["services"]
        by_name = {service["serviceName"]: service["taskDefinition"] for service in found if service["status"] == "ACTIVE"}
        return {service: by_name[name] for service, name in zip(SERVICES, names) if name in by_name}

    def rules(self) -> list[str]:
        return [rule["Name"] for rule in self.aws("events").list_rules(NamePrefix=self._ecs_name(""))["Rules"]]

    def timers(self) -> dict[str, dict]:
        """Each rule's schedule and task definition, by Timer."""
        return {timer: self._rule(self._ecs_name(f"timer_{timer}")) for timer in TIMERS}

    def running(self) -> list[str]:
        """The task definitions that Services run and Timers start."""
        return [*self.services().values(), *(rule["definition"] for rule in self.timers().values())]

    def definition(self, arn: str) -> dict:
        return self.aws("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]

    def all_definitions(self) -> list[dict]:
        """Those that were deregistered too."""
        pages = [
            page
            for status in ("ACTIVE", "INACTIVE")
            for page in self.aws("ecs").get_paginator("list_task_definitions").paginate(status=status)
        ]
        return [self.definition(arn) for page in pages for arn in page["taskDefinitionArns"]]

    def written_objects(self) -> list[tuple[str, str]]:
        """Key and content of every version below apps/ that we did not write ourselves."""
        pages = self.aws("s3").get_paginator("list_object_versions").paginate(Bucket=self.rack.bucket, Prefix="apps/")
        versions = [version for page in pages for version in page["Versions"]]
        written = [version for version in versions if version["Key"].rpartition("/")[2] not in UPLOADED]
        return [(version["Key"], self._read(version)) for version in written]

    # --- what must be there before

    def create_services(self) -> dict[str, str]:
        """The ECS services, as a Rack has them before the first promote: with some task definition that is replaced."""
        ecs = self.aws("ecs")
        placeholder = ecs.register_task_definition(
            family="placeholder",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[{"name": "placeholder", "image": "public.ecr.aws/docker/library/busybox:1.37"}],
        )["taskDefinition"]["taskDefinitionArn"]
        subnets = [subnet["SubnetId"] for subnet in self.aws("ec2").describe_subnets()["Subnets"][:2]]
        for service in SERVICES:
            ecs.create_service(
                cluster=self.rack.name,
                serviceName=self._ecs_name(service),
                taskDefinition=placeholder,
                desiredCount=1,
                launchType="FARGATE",
                networkConfiguration={"awsvpcConfiguration": {"subnets": subnets}},
                tags=[{"key": "convox:rack", "value": self.rack.name}, {"key": "convox:app", "value": NAME}],
            )
        return self.services()

    def _ecs_name(self, name: str) -> str:
        return f"{self.rack.name}_{NAME}_{name}"

    def _rule(self, name: str) -> dict:
        events = self.aws("events")
        target = events.list_targets_by_rule(Rule=name)["Targets"][0]
        return {
            "schedule": events.describe_rule(Name=name)["ScheduleExpression"],
            "definition": target["EcsParameters"]["TaskDefinitionArn"],
        }

    def _send(self, detail_type: str, detail: dict[str, str]) -> None:
        detail = {"rack": self.rack.name, "app": NAME, **detail}
        entry = {"Source": "rack", "DetailType": detail_type, "Detail": json.dumps(detail)}
        self.aws("events").put_events(Entries=[entry])

    def _key(self, folder: str, name: str) -> str:
        return f"apps/{NAME}/{folder}/{name}"

    def _read(self, version: dict) -> str:
        at = {"Key": version["Key"], "VersionId": version["VersionId"]}
        return self.aws("s3").get_object(Bucket=self.rack.bucket, **at)["Body"].read().decode()

    def _object(self, key: str) -> tuple[str | None, bytes]:
        try:
            answer = self.aws("s3").get_object(Bucket=self.rack.bucket, Key=key)
            return answer["VersionId"], answer["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None, b""
            raise
