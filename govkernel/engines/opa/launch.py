"""Becomes another program that dies with its parent (prctl(2), PR_SET_PDEATHSIG, Linux).

Run as a script in a fresh interpreter, because code between fork and exec is not safe in a process with threads.
The kernel sends the signal when the *thread* that started it ends. Usage: ``launch.py PARENT_PID PROGRAM ARGS…``.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    """Bind to the parent, then become the command; leave at once when the parent is gone already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
