"""Speaks the Lambda Runtime API and does what the event says."""

import json
import os
import sys
import threading
import urllib.request

RUNTIME = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"


def post(path, body):
    data = json.dumps(body).encode()
    urllib.request.urlopen(urllib.request.Request(f"{RUNTIME}/{path}", data, method="POST")).read()


def call_aws(service, target, body):
    """One call as an SDK makes it, with a signature that nobody checks; the answer."""
    scope = f"{os.environ['AWS_ACCESS_KEY_ID']}/20261122/us-east-1/{service}/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": target,
    }
    request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"], json.dumps(body).encode(), headers)
    return json.load(urllib.request.urlopen(request))


upcoming = {}  # what the event before has put on the next one
while True:
    invocation = urllib.request.urlopen(f"{RUNTIME}/next")
    request = invocation.headers["Lambda-Runtime-Aws-Request-Id"]
    event = json.load(invocation)
    print("printed by the function", flush=True)
    event, upcoming = event | upcoming, event.get("next", {})
    if "exit" in event:
        sys.exit(event["exit"])
    if "hang" in event:
        threading.Event().wait()
    if "error" in event:
        post(f"{request}/error", {"errorType": event["error"], "errorMessage": "as asked"})
    elif "call" in event:
        post(f"{request}/response", call_aws(*event["call"]))
    elif "environment" in event:
        post(f"{request}/response", dict(os.environ))
    elif "detail-type" in event:
        status = event["detail"]["status-details"]["status"]
        print(f"heard {status}", flush=True)
        post(f"{request}/response", {"status": status, "stack": event["detail"]["stack-id"]})
    else:
        post(f"{request}/response", event["answer"])
