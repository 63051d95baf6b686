#!/usr/bin/env bash
# MiniStack 1.5.33: under calls at the same time CreateService answers 500 now and then, though the service is made.
#
# Versions:  ministack 1.5.33, boto3 1.43.106, Python 3.11
# Expected:  calls of one account do not disturb those of another; a 500 made nothing, or its repetition is answered like the first.
# Behaviour: a handful of services in some thousand calls: "InternalError: dictionary changed size during iteration". The service is
#            ACTIVE, and the SDK's own retry is told that its creation "was not idempotent". Calls to ECS are served in threads, and
#            one of them goes over the tasks of all accounts while another adds some. With `sys.setswitchinterval(1)` in the
#            emulator's process it was not met again (0 of 5,888 calls, 44 of 5,512 without it, 2 cores).
# Output:    "500, and the service is ACTIVE"
# Matters:   a test that creates services while others do fails once in some thousand times, at a call that was right.
#
# Exits 0 while it is so (most often within a minute), 1 when it was not met within five.
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
import threading
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

WORKERS = 12
LIMIT = 300

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
settings = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "DOCKER_HOST": "unix:///nonexistent.sock"}
quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
met = threading.Event()
seen = []
end = time.monotonic() + LIMIT


def ecs(account: str):
    return boto3.session.Session().client(
        "ecs",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id=account,
        aws_secret_access_key="none",
        config=Config(retries={"total_max_attempts": 1}),
    )


def work(worker: int) -> None:
    accounts = 0
    while not met.is_set() and time.monotonic() < end:
        client = ecs(f"{worker:04}{accounts:08}")
        accounts += 1
        client.create_cluster(clusterName="cluster")
        containers = [{"name": "main", "image": "image", "memory": 64}]
        client.register_task_definition(family="family", containerDefinitions=containers)
        for name in ("one", "two", "three", "four"):
            try:
                client.create_service(cluster="cluster", serviceName=name, taskDefinition="family", desiredCount=2)
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] != 500:
                    raise
                service = client.describe_services(cluster="cluster", services=[name])["services"][0]
                seen.append(f"500, and the service is {service['status']}")
                met.set()


server = subprocess.Popen([sys.executable, "-m", "ministack"], env={**os.environ, **settings}, **quiet)
try:
    for _ in range(300):
        with socket.socket() as look:
            if look.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    workers = [threading.Thread(target=work, args=(number,)) for number in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(*seen[:1])
finally:
    server.terminate()
    server.wait()
PYTHON

output=$("$folder/venv/bin/python" "$folder/look.py")
echo "$output"
[ "$output" = "500, and the service is ACTIVE" ]
