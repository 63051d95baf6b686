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


while True:
    invocation = urllib.request.urlopen(f"{RUNTIME}/next")
    request = invocation.headers["Lambda-Runtime-Aws-Request-Id"]
    event = json.load(invocation)
    print("printed by the function", flush=True)
    if "exit" in event:
        sys.exit(event["exit"])
    if "hang" in event:
        threading.Event().wait()
    if "error" in event:
        post(f"{request}/error", {"errorType": event["error"], "errorMessage": "as asked"})
    elif "environment" in event:
        post(f"{request}/response", dict(os.environ))
    else:
        post(f"{request}/response", event["answer"])
