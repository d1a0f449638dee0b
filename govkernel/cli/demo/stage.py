"""The stage of the demo: a temporary workspace, commands that are run and shown, servers that are stopped again."""

from __future__ import annotations

import json
import os
import shlex
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from govkernel.cli.output import console, plain, say
from govkernel.errors import GovkernelError

START_SECONDS: Final = 30.0
COMMAND_SECONDS: Final = 120.0


@dataclass(frozen=True)
class Reply:
    """An HTTP answer: status, headers, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Stage:
    """Runs commands in a workspace and shows them.

    Attributes:
        root: the workspace.
        act: number of the act being played.
    """

    root: Path
    act: int = 0
    _servers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.terminate()
        for server in self._servers:
            try:
                server.wait(timeout=10)
            except subprocess.TimeoutExpired:
                server.kill()

    def begin(self, title: str, sentence: str) -> None:
        """Open an act: a heading and one sentence."""
        self.act += 1
        say(f"\n[bold cyan]{self.act:>2}  {plain(title)}[/]")
        say(f"    [dim]{plain(sentence)}[/]")

    def note(self, text: str) -> None:
        """One line of what came out of it."""
        say(f"    {plain(text)}")

    def run(self, *arguments: str, expect: int = 0, show: bool = True) -> str:
        """Run ``govkernel ARGUMENTS`` in the workspace and show it with its output.

        Returns:
            Its standard output.

        Raises:
            GovkernelError: ``demo.surprise`` when the exit code is not the expected one.
        """
        say(f"    [bold]$ govkernel {plain(shlex.join(arguments))}[/]")
        done = subprocess.run(
            govkernel(*arguments),
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if show or done.returncode != expect:
            for line in (done.stdout + done.stderr).rstrip().splitlines():
                console.print(f"      {plain(line)}")
        if done.returncode != expect:
            raise GovkernelError(
                "demo.surprise",
                f"`govkernel {arguments[0]}` exited with {done.returncode} where {expect} was expected.",
                why=done.stderr.strip()[-300:],
                remedy="Run the command by hand in the workspace (--keep leaves it in place).",
            )
        return done.stdout

    def serve(self, *arguments: str, url: str, context: ssl.SSLContext | None = None, **env: str) -> None:
        """Start a server in the background and wait until ``url`` answers.

        Raises:
            GovkernelError: ``demo.server`` when it does not come up.
        """
        say(f"    [bold]$ govkernel {plain(shlex.join(arguments))} &[/]")
        self.start(govkernel(*arguments), url=url, context=context, **env)

    def start(
        self, command: Sequence[str], *, url: str, context: ssl.SSLContext | None = None, **env: str
    ) -> None:
        """Like :meth:`serve` for any command, unannounced."""
        log = self.root / f"server-{len(self._servers)}.log"
        with log.open("wb") as output:
            server = subprocess.Popen(
                list(command), cwd=self.root, stdout=output, stderr=output, env={**os.environ, **env}
            )
        self._servers.append(server)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and server.poll() is None:
            try:
                if http("GET", url, context=context).status == 200:
                    return
            except OSError:
                time.sleep(0.1)
        raise GovkernelError(
            "demo.server",
            f"`{shlex.join(command[-3:])}` did not come up.",
            why=log.read_text(errors="replace")[-400:],
            remedy="Run it by hand in the workspace (--keep leaves it in place).",
        )


def govkernel(*arguments: str) -> list[str]:
    """The command line that runs this very govkernel."""
    return [sys.executable, "-m", "govkernel", *arguments]


def free_port() -> int:
    """A TCP port on the loopback interface that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def http(
    method: str, url: str, body: Any = None, *, context: ssl.SSLContext | None = None, timeout: float = 30.0
) -> Reply:
    """One HTTP request to a loopback server; ``body`` is sent as JSON.

    Raises:
        OSError: no answer.
    """
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=timeout, context=context) as answer:  # noqa: S310
            return Reply(answer.status, dict(answer.headers), answer.read())
    except urllib.error.HTTPError as error:
        return Reply(error.code, dict(error.headers), error.read())
