"""The Docker daemon that SAM CLI's containers run on: the one that answers already, else one of our own for this round."""

import contextlib
import dataclasses
import os
import pathlib
import platform
import shutil
import socket
import subprocess
from collections.abc import Iterator

import docker

import base_image
import process
from console import LOGS, CannotRun, wait_for

ARCHITECTURE = "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"


@dataclasses.dataclass
class Docker:
    host: str
    gateway: str  # the machine's address as containers see it
    base_image: str


@contextlib.contextmanager
def running(folder: pathlib.Path, function: pathlib.Path) -> Iterator[Docker]:
    """`function` is one that the image must be able to run."""
    with contextlib.ExitStack() as ends:
        host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        if not connected(host):
            host = ends.enter_context(own(folder))
        client = connected(host)
        address = gateway(client)
        repository = folder.name.lower()
        ends.callback(remove_images, client, repository)
        client.api.import_image_from_data(base_image.stand_in(function), repository=repository, tag="base")
        yield Docker(host, address, f"{repository}:base")


def connected(host: str) -> docker.DockerClient | None:
    with contextlib.suppress(docker.errors.DockerException, OSError):
        client = docker.DockerClient(base_url=host, version="auto")
        if client.ping():
            return client
    return None


def remove_images(client: docker.DockerClient, repository: str) -> None:
    """Ours, and the one that SAM CLI made from it."""
    for image in client.images.list(repository):
        client.images.remove(image.id, force=True)


def gateway(client: docker.DockerClient) -> str:
    address = client.networks.get("bridge").attrs["IPAM"]["Config"][0].get("Gateway", "172.17.0.1")
    try:
        socket.create_server((address, 0)).close()
    except OSError as error:
        raise CannotRun(f"Docker's bridge {address} is not on this machine itself") from error
    return address


@contextlib.contextmanager
def own(folder: pathlib.Path) -> Iterator[str]:
    """A daemon with all its files in `folder`. It leaves the firewall alone: containers only talk to this machine."""
    program = shutil.which("dockerd")
    if os.geteuid() != 0 or program is None:
        raise CannotRun("no Docker daemon answers, and starting one takes root and an installed `dockerd`")
    home, host = folder / "docker", f"unix://{folder}/docker.sock"
    home.mkdir()
    flags = {
        "--data-root": home / "data",
        "--exec-root": home / "exec",
        "--pidfile": home / "pid",
        "--host": host,
        "--iptables": "false",
        "--ip6tables": "false",
        "--shutdown-timeout": 3,
    }
    had_bridge = has_bridge()
    command = [program, *(f"{name}={value}" for name, value in flags.items())]
    with contextlib.ExitStack() as ends:
        ends.callback(unmount, home)
        if not had_bridge:
            ends.callback(remove_bridge)
        dockerd = ends.enter_context(process.running(command, dict(os.environ), LOGS / "dockerd.log"))
        wait_for("dockerd to answer", lambda: answers(dockerd, host), limit_s=60)
        yield host


def answers(dockerd: subprocess.Popen, host: str) -> bool:
    if dockerd.poll() is not None:
        raise CannotRun(f"dockerd ends with status {dockerd.returncode} on this machine")
    return connected(host) is not None


def unmount(home: pathlib.Path) -> None:
    """What a daemon that was killed, or could not start, left mounted."""
    mounts = [line.split()[1] for line in pathlib.Path("/proc/self/mounts").read_text().splitlines()]
    for mount in reversed([mount for mount in mounts if mount.startswith(f"{home}/")]):
        subprocess.run(["umount", mount], check=False)


def has_bridge() -> bool:
    return pathlib.Path("/sys/class/net/docker0").exists()


def remove_bridge() -> None:
    if has_bridge() and shutil.which("ip"):
        subprocess.run(["ip", "link", "delete", "docker0"], check=False)
