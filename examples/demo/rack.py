"""A Rack in the emulator: template.yaml itself, deployed as `sam deploy` would, and the ECS cluster it needs."""

import dataclasses
import io
import pathlib
import platform
import re
import shutil
import subprocess
import tempfile
import zipfile

from aws import Aws
from console import NotAsExpected, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAME = "myrack"
REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com/apps"
ARTIFACTS = "artifacts"
CODE_URI = re.compile(r"CodeUri: functions/([a-z-]+)")


@dataclasses.dataclass
class Rack:
    aws: Aws
    outputs: dict[str, str]

    @property
    def name(self) -> str:
        return self.outputs["RackName"]

    @property
    def bucket(self) -> str:
        return self.outputs["SettingsBucket"]

    def put(self, key: str, body: bytes) -> None:
        self.aws("s3").put_object(Bucket=self.bucket, Key=key, Body=body)

    def stacks(self) -> list[dict]:
        """The Apps' stacks, with all that CloudFormation tells of them."""
        cloudformation = self.aws("cloudformation")
        return [
            {
                "stack": stack,
                "template": cloudformation.get_template(StackName=stack["StackName"])["TemplateBody"],
                "events": cloudformation.describe_stack_events(StackName=stack["StackName"])["StackEvents"],
            }
            for stack in cloudformation.describe_stacks()["Stacks"]
        ]

    def secrets(self) -> dict[str, str]:
        """Every secret of the account, by name."""
        secrets = self.aws("secretsmanager")
        pages = secrets.get_paginator("list_secrets").paginate()
        names = [secret["Name"] for page in pages for secret in page["SecretList"]]
        return {name: secrets.get_secret_value(SecretId=name)["SecretString"] for name in names}


def deploy(aws: Aws, parameters: dict[str, str]) -> Rack:
    aws("ecs").create_cluster(clusterName=NAME)
    aws("s3").create_bucket(Bucket=ARTIFACTS)
    template = (ROOT / "template.yaml").read_text()
    for function in CODE_URI.findall(template):
        aws("s3").put_object(Bucket=ARTIFACTS, Key=f"{function}.zip", Body=package(ROOT / "target/debug" / function))
    # Too large for a request of its own.
    aws("s3").put_object(Bucket=ARTIFACTS, Key="template.yaml", Body=packaged(template).encode())
    aws("cloudformation").create_stack(
        StackName=NAME,
        TemplateURL=f"https://s3.amazonaws.com/{ARTIFACTS}/template.yaml",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in (default_parameters(aws) | parameters).items()
        ],
    )
    stack = wait_for("the stack to be created", lambda: finished_stack(aws), limit_s=60)
    return Rack(aws, {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]})


def found(aws: Aws) -> Rack:
    """The Rack that is there already."""
    stack = finished_stack(aws)
    return Rack(aws, {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]})


def packaged(template: str) -> str:
    """The template with each function's source replaced by its package, which is all that `sam package` changes."""
    return CODE_URI.sub(rf"CodeUri: s3://{ARTIFACTS}/\1.zip", template)


def default_parameters(aws: Aws) -> dict[str, str]:
    machine = platform.machine().lower()
    vpc = subnets(aws)[0]["VpcId"]
    return {
        "Architecture": "arm64" if machine in ("arm64", "aarch64") else "x86_64",
        "Cluster": NAME,
        "AppEnvironmentFileArns": "arn:aws:s3:::demo-*",
        "AppSecretArns": "arn:aws:secretsmanager:*:*:secret:demo/*",
        "Rack": NAME,
        "Registry": REGISTRY,
        "SecurityGroups": security_group(aws, vpc),
        "Subnets": ",".join(subnet["SubnetId"] for subnet in subnets(aws)),
        "Vpc": vpc,
    }


def subnets(aws: Aws) -> list[dict]:
    return aws("ec2").describe_subnets()["Subnets"][:2]


def security_group(aws: Aws, vpc: str) -> str:
    """The one that every VPC has."""
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
    return aws("ec2").describe_security_groups(Filters=filters)["SecurityGroups"][0]["GroupId"]


def finished_stack(aws: Aws) -> dict | None:
    stack = aws("cloudformation").describe_stacks(StackName=NAME)["Stacks"][0]
    if stack["StackStatus"].endswith("IN_PROGRESS"):
        return None
    if stack["StackStatus"] != "CREATE_COMPLETE":
        raise NotAsExpected(f"expected the stack to be created: {'; '.join(failures(aws)) or stack['StackStatus']}")
    return stack


def failures(aws: Aws) -> list[str]:
    events = aws("cloudformation").describe_stack_events(StackName=NAME)["StackEvents"]
    return [
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
        for event in events
        if event["ResourceStatus"].endswith("FAILED")
    ]


def package(binary: pathlib.Path) -> bytes:
    """A zip as Lambda takes it: one executable `bootstrap`, stripped since an unoptimized build is mostly symbols."""
    with tempfile.TemporaryDirectory() as folder:
        bootstrap = pathlib.Path(folder) / "bootstrap"
        shutil.copy(binary, bootstrap)
        if shutil.which("strip"):
            subprocess.run(["strip", bootstrap], check=True)
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
            file.write(bootstrap, "bootstrap")
        return archive.getvalue()
