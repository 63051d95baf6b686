"""A promote's calls by boto3, one after another: each line names them, each answer says how long they took."""

import json
import sys
import time
import urllib.parse

import boto3
from botocore import xform_name
from botocore.exceptions import ClientError

session = boto3.Session()
clients = {
    name: session.client(name)
    for name in ("s3", "secretsmanager", "ecs", "events", "kms", "cloudformation")
}


def of_s3(path, body):
    """Bucket, key and query of a path of the REST API, as boto3 wants them."""
    path, _, query = path.partition("?")
    query = dict(urllib.parse.parse_qsl(query))
    bucket, _, key = urllib.parse.unquote(path).lstrip("/").partition("/")
    parameters = {"Bucket": bucket}
    if key:
        parameters["Key"] = key
    else:
        parameters["Prefix"] = query.get("prefix", "")
    if "versionId" in query:
        parameters["VersionId"] = query["versionId"]
    if body is not None:
        parameters["Body"] = json.dumps(body)
    return parameters


def of_cloudformation(form):
    """The plain fields of a form; what is nested, only creations and updates have."""
    return {
        name: value
        for name, value in form.items()
        if "." not in name and name not in ("Action", "Version")
    }


def make(call):
    """Makes one call; true where only the second time it is refused, as a creation is."""
    service, body = call["service"], call["body"]
    if service == "s3":
        parameters = of_s3(call["path"], body)
    elif service == "cloudformation":
        parameters = of_cloudformation(body)
    else:
        parameters = body
    try:
        answer = getattr(clients[service], xform_name(call["operation"]))(**parameters)
    except ClientError:
        return call["status"] < 400
    if call["operation"] == "GetObject":
        answer["Body"].read()
    return False


for line in sys.stdin:
    calls = json.loads(line)
    began = time.perf_counter()
    refused = sum(make(call) for call in calls)
    took = (time.perf_counter() - began) * 1e3
    print(json.dumps({"took": took, "refused": refused}), flush=True)
