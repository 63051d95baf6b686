"""What the sample events are about: their Rack's bucket, key and cluster in the emulator, and their Release."""

import dataclasses
import datetime

import boto3

from console import ROOT

NAME = "myrack"
BUCKET = "myrack-settings"
RELEASE = "apps/shop/releases/RABCDEFGHIJ"
REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}

# What the sample events have where AWS would have put the version and the time of this round.
SAMPLE_VERSION = "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrH"
SAMPLE_TIME = "2026-11-02T10:20:00Z"


@dataclasses.dataclass
class Rack:
    endpoint: str
    key_arn: str

    @classmethod
    def created(cls, endpoint: str) -> "Rack":
        s3 = client(endpoint, "s3")
        client(endpoint, "ecs").create_cluster(clusterName=NAME)
        key = client(endpoint, "kms").create_key()["KeyMetadata"]["Arn"]
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        rack = cls(endpoint, key)
        for name in ("convox.yml", "build.json", "env"):
            rack.upload(name)
        return rack

    def upload(self, name: str) -> str:
        """Writes a file of the Release; gives its version."""
        body = (ROOT / "examples/shop" / name).read_bytes()
        return client(self.endpoint, "s3").put_object(Bucket=BUCKET, Key=f"{RELEASE}/{name}", Body=body)["VersionId"]

    def as_of_now(self, event: str) -> str:
        """The event as it would be sent now; one that tells of a written environment tells of one just written."""
        if SAMPLE_VERSION in event:
            event = event.replace(SAMPLE_VERSION, self.upload("env"))
        return event.replace(SAMPLE_TIME, datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))

    def parameters(self) -> dict[str, str]:
        """Of the template."""
        return {
            "Rack": NAME,
            "Cluster": NAME,
            "SecretsManagerEnv": "Yes",
            "Subnets": "subnet-00000001,subnet-00000002",  # the emulator's own
            "Vpc": "vpc-00000001",
            "Registry": "123456789012.dkr.ecr.us-east-1.amazonaws.com/apps",
        }

    def variables(self) -> dict[str, str]:
        """Of a function, in place of the template's references to what only a deployed stack has."""
        role = "arn:aws:iam::000000000000:role/"
        return {
            "SETTINGS_BUCKET": BUCKET,
            "ENVIRONMENT_KEY_ARN": self.key_arn,
            "TASK_EXECUTION_ROLE_ARN": f"{role}execution",
            "TASK_ROLE_ARN": f"{role}task",
            "TIMER_ROLE_ARN": f"{role}timer",
            "APP_STACK_ROLE_ARN": f"{role}app-stack",
            "APP_BOUNDARY_ARN": "arn:aws:iam::000000000000:policy/boundary",
        }


def client(endpoint: str, service: str):
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
