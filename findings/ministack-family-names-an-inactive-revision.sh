#!/usr/bin/env bash
# MiniStack 1.5.33: DescribeTaskDefinition by family alone answers with the newest revision, also where that is INACTIVE.
#
# Versions:  ministack 1.5.33, boto3 1.43.106, Python 3.11
# Expected:  the newest ACTIVE revision: ECS takes a family without a revision for that (service model, DescribeTaskDefinition).
# Behaviour: two revisions are registered and the second is deregistered; a description of the family shows revision 2, INACTIVE.
# Output:    "web:2 INACTIVE"
# Matters:   a test of a rollback, or of a deletion that was interrupted, takes a revision for usable that ECS would not name.
#
# Exits 0 while it is so, 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ministack==1.5.33 boto3==1.43.106 botocore==1.43.106

cat > "$folder/look.py" <<'PYTHON'
import os
import socket
import subprocess
import sys
import time

import boto3

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
settings = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "DOCKER_HOST": "unix:///nonexistent.sock"}
quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
emulator = subprocess.Popen([sys.executable, "-m", "ministack"], env=os.environ | settings, **quiet)
try:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.1)
    login = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    ecs = boto3.client("ecs", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1", **login)
    containers = [{"name": "web", "image": "example/web:1", "memory": 128}]
    for _ in range(2):
        newest = ecs.register_task_definition(family="web", containerDefinitions=containers)["taskDefinition"]
    ecs.deregister_task_definition(taskDefinition=newest["taskDefinitionArn"])
    described = ecs.describe_task_definition(taskDefinition="web")["taskDefinition"]
    print(f"web:{described['revision']} {described['status']}")
finally:
    emulator.terminate()
    emulator.wait()
PYTHON

seen=$("$folder/venv/bin/python" "$folder/look.py")
printf '%s\n' "$seen"
[[ $seen == "web:2 INACTIVE" ]]
