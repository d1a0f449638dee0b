"""The guard proxy before a local model server, beside the server alone and beside proxies written by hand.

Every side is a process of its own; 16 connections ask, without pause, for a short answer to a short message.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import aiohttp

from tests.benchmarks.compare import interleaved, show

CONNECTIONS = 16
REQUESTS = 20
TEXT = (
    "Hello, since the update on Tuesday the export of our monthly invoices stops at page 3 of 12. "
    "Could you look into it? My colleague jane.roe@example.com has the same problem."
)
ASK = {"model": "m", "messages": [{"role": "user", "content": TEXT}]}


def main() -> None:
    """Print requests per second of each side."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        model = stack.enter_context(_served(_uvicorn("model_server")))
        upstream = {"UPSTREAM": f"{model}/v1"}
        sides = {
            "model server alone": model,
            "relay by FastAPI and httpx, nothing screened": stack.enter_context(
                _served(_uvicorn("relay", "--factory"), upstream)
            ),
            "guard proxy: screened, decided, recorded": stack.enter_context(_guard(Path(folder), model)),
            "FastAPI, httpx and Presidio by hand": stack.enter_context(
                _served(_uvicorn("screened", "--factory"), upstream)
            ),
        }
        with asyncio.Runner() as runner:
            session = runner.run(_session())
            work: dict[str, Callable[[], int]] = {
                name: partial(_run, runner, session, url) for name, url in sides.items()
            }
            show(f"proxy, {CONNECTIONS} connections", interleaved(work), "requests/s")
            runner.run(session.close())


async def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS))


def _run(runner: asyncio.Runner, session: aiohttp.ClientSession, url: str) -> int:
    return runner.run(_ask_all(session, f"{url}/v1/chat/completions"))


async def _ask_all(session: aiohttp.ClientSession, url: str) -> int:
    async def one() -> None:
        for _ in range(REQUESTS):
            async with session.post(url, json=ASK) as answer:
                await answer.read()
                assert answer.status == 200, await answer.text()

    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    return CONNECTIONS * REQUESTS


def _uvicorn(name: str, *options: str) -> list[str]:
    app = f"tests.benchmarks.peers:{name}"
    quiet = ["--log-level", "info", "--no-access-log"]
    return [sys.executable, "-m", "uvicorn", app, "--port", "0", *quiet, *options]


@contextmanager
def _guard(folder: Path, model: str) -> Iterator[str]:
    govkernel = [sys.executable, "-m", "govkernel"]
    subprocess.run([*govkernel, "init"], cwd=folder, check=True, capture_output=True)
    variables = {"GOVKERNEL_GUARD__UPSTREAM": f"{model}/v1", "GOVKERNEL_GUARD__PORT": "0"}
    with _served([*govkernel, "serve", "guard"], variables, folder) as url:
        yield url


@contextmanager
def _served(
    command: list[str], variables: dict[str, str] | None = None, folder: Path | None = None
) -> Iterator[str]:
    """A server's URL, which it prints when it accepts connections."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(variables or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        said = []
        for line in process.stdout:
            said.append(line)
            if found := re.search(r"http://\S+:\d+", line):
                yield found.group()
                return
        raise RuntimeError("".join(said))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


if __name__ == "__main__":
    main()
