"""Runs git as if nobody had ever set it up: bounded in time, memory and files, asking nobody, running nothing.

No configuration, hook, prompt, helper, filter, submodule or variable of whoever runs us takes part, and of transports
only the one that the name says. Output is read by whoever asked for it, up to what they take.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import IO, Final

from govkernel.errors import GovkernelError
from govkernel_git.name import GitName
from govkernel_git.settings import MIB, GitSettings

BLOCK: Final = 1024 * 1024
MAX_LINE: Final = 64 * 1024
"""Bytes of a line, or of an entry of a tree."""

SAID: Final = 2000
"""Bytes of what git says about an error that are kept."""

PATIENCE: Final = 1.0
"""Seconds to wait for the last words of a process that has ended."""

_LIMITED: Final = (
    "import os,resource as r,sys\n"
    "for k,n in ((r.RLIMIT_FSIZE,1),(r.RLIMIT_DATA,2)): r.setrlimit(k,(int(sys.argv[n]),)*2)\n"
    "r.setrlimit(r.RLIMIT_CORE,(0,0))\n"
    "os.execv(sys.argv[3],sys.argv[3:])"
)
"""Takes on the limits, then becomes git: what a thread may not do between fork and exec."""

_CONFIGURATION: Final[Mapping[str, str]] = {
    "core.bigFileThreshold": "8m",
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.packedGitLimit": "256m",
    "core.packedGitWindowSize": "64m",
    "credential.helper": "",
    "fetch.unpackLimit": "1",
    "gc.auto": "0",
    "http.followRedirects": "false",
    "maintenance.auto": "false",
    "protocol.version": "2",
    "submodule.recurse": "false",
    "transfer.bundleURI": "false",
    "transfer.fsckObjects": "true",
}


class Running:
    """A command that runs.

    Args:
        process: of it, in a session of its own, with three pipes.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._stdin, self._stdout, self._stderr = _pipes(process)
        self._said = b""
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self.expired = False

    def write(self, data: bytes) -> None:
        """Tell it something.

        Raises:
            BrokenPipeError: it does not listen any more.
        """
        self._stdin.write(data)
        self._stdin.flush()

    def line(self) -> bytes:
        """The next line, without its end.

        Raises:
            EOFError: there is none, or it is longer than a line may be.
        """
        found = self._stdout.readline(MAX_LINE)
        if not found.endswith(b"\n"):
            raise EOFError
        return found[:-1]

    def records(self, end: bytes) -> Iterator[bytes]:
        """All it says, in pieces that end so.

        Raises:
            EOFError: one is longer than a line may be, or the last is not complete.
        """
        left = b""
        while block := self._stdout.read1(BLOCK):
            *whole, left = (left + block).split(end)
            yield from whole
            if len(left) > MAX_LINE:
                raise EOFError
        if left:
            raise EOFError

    def blocks(self, size: int) -> Iterator[bytes]:
        """So many bytes, in blocks.

        Raises:
            EOFError: there are not so many.
        """
        while size:
            block = self._stdout.read(min(size, BLOCK))
            if not block:
                raise EOFError
            size -= len(block)
            yield block

    def finish(self) -> None:
        """Say that there is nothing more to do, and wait for its end."""
        with suppress(BrokenPipeError):
            self._stdin.close()
        self._process.wait()
        self._listener.join(PATIENCE)  # what the process left running may hold the pipe

    def expire(self) -> None:
        """Its time is over."""
        self.expired = True
        self.kill()

    def kill(self) -> None:
        """End it with all its children."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Nobody listens any more."""
        self.kill()
        self.finish()
        self._stdout.close()
        self._stderr.close()

    def said(self) -> str:
        """What it said about an error, for people."""
        return ascii(" ".join(self._said.decode("utf-8", "replace").split()))[1:-1][:400]

    def _listen(self) -> None:
        while more := self._stderr.read(64 * 1024):
            self._said += more[: SAID - len(self._said)]


class Git:
    """Commands of git about one repository.

    Args:
        settings: limits and secrets.
        name: where the repository is.
        folder: empty, for what git writes.

    Raises:
        GovkernelError: ``git.missing``, ``git.authorization``.
    """

    def __init__(self, settings: GitSettings, name: GitName, folder: Path) -> None:
        binary = shutil.which(settings.git)
        if binary is None:
            raise GovkernelError(
                "git.missing",
                f"There is no {settings.git!r} on this machine.",
                remedy="Install git, or say where it is: `git` in [plugins.settings.git].",
            )
        self._name = name
        self._folder = folder
        limits = [str(max(settings.max_bytes, MIB)), str(settings.max_memory)]
        options = [f"{key}={value}" for key, value in _CONFIGURATION.items()]
        options += [f"http.sslCAInfo={settings.ca_bundle}"] if settings.ca_bundle else []
        self._command = [sys.executable, "-I", "-S", "-c", _LIMITED, *limits, binary]
        self._command += [part for option in options for part in ("-c", option)]
        self._environment = _environment(folder, name, settings.secret(name.host))

    @contextmanager
    def running(self, seconds: float, *arguments: str) -> Iterator[Running]:
        """A command, which is killed with all its children when its time is over or nobody listens any more.

        Args:
            seconds: that it may take.
            arguments: of git.

        Raises:
            GovkernelError: ``git.unavailable``: it failed, ended early or took too long.
        """
        process = subprocess.Popen(
            [*self._command, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self._folder,
            env=self._environment,
            start_new_session=True,
        )
        run, early = Running(process), False
        clock = threading.Timer(seconds, run.expire)
        clock.daemon = True
        clock.start()
        try:
            yield run
            run.finish()
        except (EOFError, BrokenPipeError):
            early = True
        finally:
            clock.cancel()
            run.close()
        if run.expired:
            raise self._failed(f"git {arguments[0]} took longer than {seconds:.0f} s.")
        if early or process.returncode:
            raise self._failed(f"git {arguments[0]} failed: {run.said() or process.returncode}")

    def run(self, seconds: float, *arguments: str) -> None:
        """A command of which nothing is wanted but that it succeeds; raises like :meth:`running`."""
        with self.running(seconds, *arguments):
            pass

    def _failed(self, why: str) -> GovkernelError:
        return GovkernelError(
            "git.unavailable",
            f"The repository {self._name.url} cannot be read.",
            why=why,
            remedy="Check that it is there, the secret for its host, and the limits in [plugins.settings.git].",
        )


def _environment(folder: Path, name: GitName, secret: str) -> dict[str, str]:
    """All variables that git sees; a secret stands in no argument, where everybody could read it."""
    told = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{name.transport}://{name.host}/.extraHeader",
        "GIT_CONFIG_VALUE_0": secret,
    }
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "LC_ALL": "C",
        "GIT_ALLOW_PROTOCOL": name.transport,
        "GIT_ASKPASS": "",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_DIR": str(folder / "fetched.git"),
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_TERMINAL_PROMPT": "0",
        **(told if secret else {}),
    }


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], BufferedReader, IO[bytes]]:
    if process.stdin is None or not isinstance(process.stdout, BufferedReader) or process.stderr is None:
        raise ValueError("the process needs three pipes")
    return process.stdin, process.stdout, process.stderr
