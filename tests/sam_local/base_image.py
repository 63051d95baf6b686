"""The image that functions run in: this machine's own shell and C library, so that what was built here runs, and nothing
has to be pulled.

SAM CLI adds AWS's Runtime Interface Emulator to it and mounts the function; neither needs more.
"""

import io
import pathlib
import re
import shutil
import subprocess
import tarfile

PROGRAMS = ("sh", "mv", "chmod", "cp", "rm")  # what the layer of SAM CLI runs
FOLDERS = ("tmp", "opt", "var/task", "var/rapid")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def stand_in(function: pathlib.Path) -> bytes:
    """The image as a tar archive, with the libraries that `function` needs."""
    programs = {f"bin/{name}": shutil.which(name) for name in PROGRAMS}
    files = programs | {name.lstrip("/"): name for name in libraries([*programs.values(), function])}
    if pathlib.Path(CERTIFICATES).exists():
        files[CERTIFICATES.lstrip("/")] = CERTIFICATES
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", dereference=True) as tar:
        for name in FOLDERS:
            tar.addfile(folder(name))
        for name, file in files.items():
            tar.add(file, arcname=name)
    return archive.getvalue()


def libraries(programs: list) -> set[str]:
    listed = subprocess.run(["ldd", *programs], capture_output=True, text=True).stdout
    return set(re.findall(r"^\s+(?:\S+ => )?(/\S+) \(", listed, re.MULTILINE))


def folder(name: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, 0o1777
    return entry
