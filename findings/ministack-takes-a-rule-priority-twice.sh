#!/usr/bin/env bash
# MiniStack 1.5.33: CloudFormation makes two listener rules of one listener with the same priority.
#
# Versions:  ministack 1.5.33, boto3 1.43.106, Python 3.11
# Expected:  the second rule fails with PriorityInUse, and the stack is rolled back: no two rules of a listener have the same
#            priority (API reference of Elastic Load Balancing, CreateRule).
# Behaviour: a stack with two AWS::ElasticLoadBalancingV2::ListenerRule of priority 1 ends in CREATE_COMPLETE, and both stand.
# Output:    "CREATE_COMPLETE 1 1"
# Matters:   two stacks that choose the same priority, which cannot both be made on AWS, look fine in a test.
#
# Exits 0 while it is so, 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ministack==1.5.33 boto3==1.43.106 botocore==1.43.106

cat > "$folder/look.py" <<'PYTHON'
import json
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


def rule(host: str) -> dict:
    properties = {
        "ListenerArn": {"Ref": "Listener"},
        "Priority": 1,
        "Conditions": [{"Field": "host-header", "HostHeaderConfig": {"Values": [host]}}],
        "Actions": [{"Type": "forward", "TargetGroupArn": {"Ref": "Group"}}],
    }
    return {"Type": "AWS::ElasticLoadBalancingV2::ListenerRule", "Properties": properties}


resources = {
    "Balancer": {
        "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "Properties": {"Subnets": ["subnet-00000001", "subnet-00000002"]},
    },
    "Group": {
        "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
        "Properties": {"Port": 80, "Protocol": "HTTP", "TargetType": "ip", "VpcId": "vpc-00000001"},
    },
    "Listener": {
        "Type": "AWS::ElasticLoadBalancingV2::Listener",
        "Properties": {
            "LoadBalancerArn": {"Ref": "Balancer"},
            "Port": 80,
            "Protocol": "HTTP",
            "DefaultActions": [{"Type": "forward", "TargetGroupArn": {"Ref": "Group"}}],
        },
    },
    "One": rule("one.example.com"),
    "Two": rule("two.example.com"),
}
template = {"Resources": resources, "Outputs": {"Listener": {"Value": {"Ref": "Listener"}}}}

emulator = subprocess.Popen([sys.executable, "-m", "ministack"], env=os.environ | settings, **quiet)
try:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.1)
    login = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    where = {"endpoint_url": f"http://127.0.0.1:{port}", "region_name": "us-east-1"}
    stacks = boto3.client("cloudformation", **where, **login)
    stacks.create_stack(StackName="two", TemplateBody=json.dumps(template))
    for _ in range(300):
        stack = stacks.describe_stacks(StackName="two")["Stacks"][0]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            break
        time.sleep(0.1)
    balancing = boto3.client("elbv2", **where, **login)
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    rules = balancing.describe_rules(ListenerArn=outputs["Listener"])["Rules"] if outputs else []
    priorities = sorted(rule["Priority"] for rule in rules if rule["Priority"] != "default")
    print(stack["StackStatus"], *priorities)
finally:
    emulator.terminate()
    emulator.wait()
PYTHON

seen=$("$folder/venv/bin/python" "$folder/look.py")
printf '%s\n' "$seen"
[[ $seen == "CREATE_COMPLETE 1 1" ]]
