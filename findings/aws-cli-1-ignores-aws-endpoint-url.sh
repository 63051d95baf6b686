#!/usr/bin/env bash
# AWS CLI 1.46.3: with AWS_ENDPOINT_URL set, `aws rds` and `aws sqs` still talk to AWS itself.
#
# Versions:  awscli 1.46.3 (PyPI), Python 3.11
# Expected:  AWS_ENDPOINT_URL is where every service is asked, as the CLI's documentation has it ("Service-specific endpoints"),
#            and as `aws ec2` does.
# Behaviour: a customization for old certificates (overridesslcommonname) gives rds, sqs, emr, docdb, neptune and health an
#            endpoint of its own in some regions, us-east-1 among them, before AWS_ENDPOINT_URL is looked at. Only `--endpoint-url`
#            keeps it away.
# Output:    "ec2: 127.0.0.1, rds: elsewhere, sqs: elsewhere"
# Matters:   commands that are meant for an emulator leave the machine, and with real credentials change a real account.
#
# Exits 0 while it is so, 1 when it has changed. Nothing leaves this machine: a proxy that is not there keeps it back.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check awscli==1.46.3

export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1 AWS_MAX_ATTEMPTS=1 HOME="$folder"
export AWS_ENDPOINT_URL=http://127.0.0.1:1 HTTPS_PROXY=http://127.0.0.1:2 NO_PROXY=127.0.0.1

asked() {
  local said
  said=$("$folder/venv/bin/aws" "$@" 2>&1) || true
  case $said in
    *127.0.0.1:1/*) echo 127.0.0.1 ;;
    *) echo elsewhere ;;
  esac
}

seen="ec2: $(asked ec2 describe-vpcs), rds: $(asked rds describe-db-instances), sqs: $(asked sqs list-queues)"
echo "$seen"
[[ $seen == "ec2: 127.0.0.1, rds: elsewhere, sqs: elsewhere" ]]
