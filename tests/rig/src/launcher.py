"""Runs one command and ends it, with all it started, when our standard input closes.

The kernel closes the pipe however the test process ends, kill -9 included. If this launcher is killed itself,
the kernel kills the command. Only descendants of this process are ever signalled.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
libc = ctypes.CDLL(None)


def children():
    """The processes whose parent we are: the command, and what it left behind."""
    found = []
    for thread in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{thread}/children", encoding="ascii") as listed:
            found += [int(pid) for pid in listed.read().split()]
    return found


def end_when_the_pipe_closes(command):
    sys.stdin.buffer.read()
    command.kill()


signal.signal(signal.SIGINT, signal.SIG_IGN)  # the pipe decides, not the terminal
libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
command = subprocess.Popen(
    sys.argv[1:],
    stdin=subprocess.DEVNULL,
    preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
)
threading.Thread(target=end_when_the_pipe_closes, args=[command], daemon=True).start()
status = command.wait()
while left := children():  # a killed one's own children become ours, so this ends with none
    for pid in left:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
os._exit(status % 256)
