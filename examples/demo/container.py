"""What a container of a task definition would see, once through Secrets Manager and once through convox-env."""

import contextlib
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

from aws import CREDENTIALS, Aws
from console import NotAsExpected
from rack import ROOT

# The names that differ between two Releases of the same environment, or say how it is delivered.
OF_THE_RELEASE = {"RELEASE", "CONVOX_ENV_KEY", "CONVOX_ENV_URL", "CONVOX_ENV_VARS"}
PRINT_ENVIRONMENT = "import json, os; print(json.dumps(dict(os.environ)))"


def delivery_variables(definition: dict) -> dict[str, str]:
    container = definition["containerDefinitions"][0]
    return {variable["name"]: variable["value"] for variable in container.get("environment", [])}


def secrets(definition: dict) -> dict[str, str]:
    container = definition["containerDefinitions"][0]
    return {secret["name"]: secret["valueFrom"] for secret in container.get("secrets", [])}


def seen_through_secrets_manager(aws: Aws, definition: dict) -> dict[str, str]:
    """The ECS agent's rule: a reference is `{secret arn}:{json key}:{label}:{version id}`, read once when the container starts.

    With neither label nor version id it is that of the current version.
    """
    variables = delivery_variables(definition)
    for name, reference in secrets(definition).items():
        secret_arn, json_key, label, version_id = reference.rsplit(":", 3)
        named = {"VersionStage": label, "VersionId": version_id}
        version = {part: value for part, value in named.items() if value}
        content = aws("secretsmanager").get_secret_value(SecretId=secret_arn, **version)["SecretString"]
        variables[name] = json.loads(content)[json_key]
    return of_the_app(variables)


def seen_through_convox_env(aws: Aws, definition: dict) -> dict[str, str]:
    """Runs the real entrypoint with the container's variables, and a program after it that tells what it sees."""
    command = [ROOT / "target/debug/convox-env", sys.executable, "-c", PRINT_ENVIRONMENT]
    with task_credentials() as url:
        ours = {
            "CONVOX_ENV_TEST_CREDENTIALS": url,
            "CONVOX_ENV_TEST_ENDPOINT": aws.endpoint,
            "PATH": os.environ["PATH"],
            "PYTHONCOERCECLOCALE": "0",
        }
        variables = {**delivery_variables(definition), **ours}
        result = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=30)
    if result.returncode != 0:
        raise NotAsExpected(f"expected convox-env to start the App, it said: {result.stderr.strip()}")
    return of_the_app({name: value for name, value in json.loads(result.stdout).items() if name not in ours})


@contextlib.contextmanager
def task_credentials() -> Iterator[str]:
    """The address at which a task asks ECS for the credentials of its role."""
    answer = json.dumps(
        {
            "AccessKeyId": CREDENTIALS["AWS_ACCESS_KEY_ID"],
            "SecretAccessKey": CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            "Token": "test",
            "Expiration": "2100-01-01T00:00:00Z",
        }
    ).encode()

    class Credentials(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_) -> None:
            """Says nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Credentials) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def of_the_app(variables: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name not in OF_THE_RELEASE}
