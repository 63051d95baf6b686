"""The demo App's pages in a real browser, where there is one: Debian's `chromium`."""

import pathlib
import shutil
import subprocess
import tempfile

from console import NotAsExpected, expect, say
from rack import ROOT

FOLDER = ROOT / "target/demo"
LIMIT_S = 60
ATTEMPTS = 2
# A phone and a desk.
WIDTHS = {"phone": "500,1000", "desk": "1280,900"}
LONG = "500,1600"


def look(tasks) -> None:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        say("    there is no Chromium: the pages were not looked at in a browser")
        return
    with tempfile.TemporaryDirectory(prefix="convox-demo-browser-") as profile:
        browser = Browser(program, profile)
        for task in tasks:
            stage = task.stage
            shown = browser.document(f"{task.address}/secrets?reveal=API_TOKEN")
            expect(f"dummy-{stage}-token" in shown and "password-new" not in shown,
                   f"{stage}: the browser shows what was revealed, and nothing else")
            expect(f">{stage}</code>" in browser.document(f"{task.address}/environment"),
                   f"{stage}: the browser shows the environment's name")
            for width, size in WIDTHS.items():
                picture = FOLDER / f"{stage}-{width}.png"
                browser.picture(f"{task.address}/secrets", size, picture)
                expect(picture.stat().st_size > 10_000, f"{stage}: {picture.relative_to(ROOT)} is a picture of it")
            picture = FOLDER / f"{stage}-resources.png"
            browser.picture(f"{task.address}/resources", LONG, picture)
            expect(picture.stat().st_size > 10_000, f"{stage}: {picture.relative_to(ROOT)} is one of its resources")


class Browser:
    def __init__(self, program: str, profile: str):
        # In a container it has neither a sandbox of its own nor much shared memory.
        self._command = [program, "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
                         "--hide-scrollbars", f"--user-data-dir={profile}"]

    def document(self, address: str) -> str:
        """The document as the browser has it, once it is loaded."""
        return self._run("--dump-dom", address).stdout.decode()

    def picture(self, address: str, size: str, file: pathlib.Path) -> None:
        file.unlink(missing_ok=True)
        self._run(f"--window-size={size}", f"--screenshot={file}", address)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess:
        for attempt in range(ATTEMPTS):
            try:
                return subprocess.run([*self._command, *arguments], check=True, capture_output=True, timeout=LIMIT_S)
            except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
                failure = error
                say(f"    ... the browser failed, attempt {attempt + 1} of {ATTEMPTS}")
        raise NotAsExpected(f"expected the browser to load {arguments[-1]}: {failure}")
