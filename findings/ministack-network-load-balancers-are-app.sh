#!/usr/bin/env bash
# MiniStack 1.5.33: the ARN of a Network Load Balancer, and those of its listeners, say that it is an Application Load Balancer.
#
# Versions:  ministack 1.5.33, boto3 1.43.106, Python 3.11
# Expected:  "loadbalancer/net/…" and "listener/net/…" for a load balancer of Type network (Service Authorization Reference of
#            Elastic Load Balancing V2, resource types): policies tell the two kinds apart by nothing else.
# Behaviour: both say "app", while DescribeLoadBalancers answers the type "network".
# Output:    "network app app"
# Matters:   a policy that is held against calls recorded on the emulator allows, or denies, the wrong kind.
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
    elb = boto3.client(
        "elbv2",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    subnets = ["subnet-00000001", "subnet-00000002"]
    made = elb.create_load_balancer(Name="wire", Type="network", Subnets=subnets)["LoadBalancers"][0]
    group = elb.create_target_group(Name="wire", Protocol="TCP", Port=80, TargetType="ip", VpcId="vpc-00000001")
    action = {"Type": "forward", "TargetGroupArn": group["TargetGroups"][0]["TargetGroupArn"]}
    listener = elb.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"], Protocol="TCP", Port=1883, DefaultActions=[action]
    )["Listeners"][0]
    arn = made["LoadBalancerArn"]
    seen = elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]
    print(seen["Type"], arn.split("/")[1], listener["ListenerArn"].split("/")[1])
finally:
    emulator.terminate()
    emulator.wait()
PYTHON

seen=$("$folder/venv/bin/python" "$folder/look.py")
printf '%s\n' "$seen"
[[ $seen == "network app app" ]]
