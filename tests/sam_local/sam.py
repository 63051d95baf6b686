"""SAM CLI on template.yaml, with the binaries that the tests built."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import process
from console import LOGS, ROOT, NotAsExpected
from docker_daemon import ARCHITECTURE, Docker
from rack import CREDENTIALS, REGION, Rack

BUILT = ROOT / "target/debug"
LOG = LOGS / "sam.log"
LIMIT_S = 150


class Sam:
    def __init__(self, docker: Docker, rack: Rack, folder: pathlib.Path):
        self._folder = folder
        self._log = LOG.open("wb")
        self._functions = [path.name for path in (ROOT / "functions").iterdir() if path.is_dir()]
        for function in self._functions:
            package(function, folder / function)
        self._template = self._written("template.yaml", local_template(rack.endpoint, folder))
        self._variables = self._written("variables.json", json.dumps({"Parameters": rack.variables()}))
        parameters = rack.parameters() | {"Architecture": ARCHITECTURE}
        self._parameters = [f"{name}={value}" for name, value in parameters.items()]
        self._base_image = docker.base_image
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "LANG": "C.UTF-8",
            "DOCKER_HOST": docker.host,
            "AWS_ENDPOINT_URL": rack.endpoint,  # SAM CLI asks whose account it is
            "SAM_CLI_TELEMETRY": "0",
            "AWS_DEFAULT_REGION": REGION,
            **CREDENTIALS,
        }

    def invoke(self, name: str, event: str) -> object:
        """What the function answers to the event of that name, which begins with the function's."""
        command = [str(pathlib.Path(sys.executable).with_name("sam")), "local", "invoke", self._logical_id(name)]
        command += ["--template", str(self._template), "--event", str(self._written(f"{name}.json", event))]
        command += ["--env-vars", str(self._variables), "--parameter-overrides", *self._parameters]
        command += ["--invoke-image", self._base_image, "--skip-pull-image"]
        answer = self._run(command)
        try:
            return json.loads(answer)
        except ValueError:
            return f"no JSON: {answer.strip()[-150:]!r}"

    def _logical_id(self, event: str) -> str:
        function = max((name for name in self._functions if event.startswith(f"{name}-")), key=len, default=None)
        if function is None:
            raise NotAsExpected(f"expected events/{event}.json to begin with a function's name")
        return "".join(word.capitalize() for word in function.split("-")) + "Function"

    def _run(self, command: list[str]) -> str:
        with subprocess.Popen(
            command, cwd=self._folder, env=self._environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=self._log, text=True, start_new_session=True,
        ) as sam:  # fmt: skip
            try:
                return sam.communicate(timeout=LIMIT_S)[0]
            except subprocess.TimeoutExpired as error:
                raise NotAsExpected(f"expected `sam local invoke` to end within {LIMIT_S} s") from error
            finally:
                if sam.poll() is None:
                    process.end(sam, signal.SIGINT)  # lets it remove its container

    def _written(self, name: str, content: str) -> pathlib.Path:
        path = self._folder / name
        path.write_text(content)
        return path


def package(function: str, folder: pathlib.Path) -> None:
    """A folder as `sam build` leaves it: one executable `bootstrap`, stripped since an unoptimized one is mostly symbols."""
    folder.mkdir()
    shutil.copy(BUILT / function, folder / "bootstrap")
    if shutil.which("strip"):
        subprocess.run(["strip", folder / "bootstrap"], check=True)


def local_template(endpoint: str, folder: pathlib.Path) -> str:
    """The template with built functions for their sources, and the one variable that leads them to the emulator."""
    template = (ROOT / "template.yaml").read_text()
    template = re.sub(r"CodeUri: functions/", f"CodeUri: {folder}/", template)
    return re.sub(r"^( +)Variables:\n", rf"\g<0>\1  AWS_ENDPOINT_URL: {endpoint}\n", template, flags=re.MULTILINE)
