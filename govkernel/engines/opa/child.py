"""A local OPA that belongs to this process: on a private Unix socket, restarted when it dies, gone when we are.

The socket lies in a folder only we may enter, so no other user of the machine can ask it or change its policies.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from pathlib import Path
from typing import Final

from govkernel.engines.opa import launch
from govkernel.engines.opa.budget import Backoff, Clock
from govkernel.engines.opa.errors import not_here, unavailable

_MAX_SOCKET_PATH: Final = 100
_GRACE: Final = 1.0
_OPTIONS: Final = (
    "--unix-socket-perm=600",
    "--log-level=error",
    "--disable-telemetry",
    "--skip-version-check",
)


class OpaChild:
    """The child process; started when it is first needed.

    Args:
        binary: the ``opa`` binary, a path or a name on PATH.
        clock: the time, for the pauses between restarts.
    """

    def __init__(self, binary: str, *, clock: Clock = time.monotonic) -> None:
        self._binary = binary
        self._backoff = Backoff(clock)
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self.starts = 0

    def socket(self) -> tuple[Path, int]:
        """The socket of the live child, and how often it was started; starts it when it is not alive.

        Raises:
            PolicyError: ``opa.not-installed``, or ``opa.unavailable`` while it keeps dying.
        """
        with self._lock:
            if self._running is None or not self._running.alive():
                self._start()
            if self._running is None:
                raise unavailable("the local OPA could not be started")
            return self._running.socket, self.starts

    def complaint(self) -> str:
        """The end of what the child wrote to its error log."""
        return self._running.complaint() if self._running else ""

    def close(self) -> None:
        """End the child."""
        with self._lock:
            if self._running is not None:
                self._running.stop()
                self._running = None

    def _start(self) -> None:
        said = self.complaint()
        if self._running is not None:
            self._running.stop()
        wait = self._backoff.wait()
        if wait:
            raise unavailable(f"the local OPA died and is started again in {wait:.1f} s. {said}".strip())
        program = shutil.which(self._binary)
        if program is None:
            raise not_here(
                f"There is no program {self._binary!r}.",
                "Install OPA and set [opa] binary to it, or set [opa] url to a running server.",
            )
        self._backoff.started()
        self.starts += 1
        self._running = _Running(program)


class _Running:
    """One started process with its private folder."""

    def __init__(self, program: str) -> None:
        self._folder = Path(_private_folder())
        self.socket = self._folder / "opa.sock"
        self._log = self._folder / "log"
        command = [program, "run", "--server", f"--addr=unix://{self.socket}", *_OPTIONS]
        try:
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), *command],
                    cwd=self._folder,
                    env={"HOME": str(self._folder)},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    start_new_session=True,
                )
        except OSError as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise unavailable(f"the local OPA could not be started: {error}") from None
        self._end = weakref.finalize(self, _end, self._process, self._folder, os.getpid())

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def complaint(self) -> str:
        """The end of its log, one line."""
        try:
            return " ".join(self._log.read_text(encoding="utf-8", errors="replace").split())[-300:]
        except OSError:
            return ""

    def stop(self) -> None:
        """End it and remove its folder; once is enough."""
        self._end()


def _private_folder() -> str:
    """A folder only we may enter, with a name short enough for a socket in it (sun_path, unix(7))."""
    folder = tempfile.mkdtemp(prefix="govkernel-opa-")
    if len(folder) <= _MAX_SOCKET_PATH - len("/opa.sock"):
        return folder
    Path(folder).rmdir()
    return tempfile.mkdtemp(prefix="govkernel-opa-", dir="/tmp")


def _end(process: subprocess.Popen[bytes], folder: Path, owner: int) -> None:
    if os.getpid() != owner:  # a fork of us must not end what is not its own
        return
    for end in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            break
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, end)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
    shutil.rmtree(folder, ignore_errors=True)
