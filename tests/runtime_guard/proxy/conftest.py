"""A proxy served for real on loopback, before a scripted model server, with policy as a function."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from runtime_guard.plugin import default_screen
from runtime_guard.proxy.app import GuardApp
from runtime_guard.proxy.settings import GuardSettings
from runtime_guard.proxy.upstream import StaticUpstream
from runtime_guard.screen import Screen
from tests.simulators.policy import Policy
from tests.simulators.upstream import ScriptedUpstream


@pytest.fixture(scope="session")
def screen() -> Screen:
    """The detectors that ship with the guard."""
    return default_screen()


@pytest.fixture
def policy() -> Policy:
    return Policy()


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    scripted = ScriptedUpstream()
    with served(scripted) as url:
        scripted.url = f"{url}/v1"
        yield scripted


@pytest.fixture
def settings() -> GuardSettings:
    """Small limits, so that tests of limits are quick."""
    return GuardSettings(
        max_request=256 * 1024, max_response=256 * 1024, max_line=64 * 1024, idle_seconds=0.5
    )


@pytest.fixture
def proxy(
    policy: Policy, upstream: ScriptedUpstream, screen: Screen, settings: GuardSettings
) -> Iterator[str]:
    """The base URL of a guard proxy."""
    app = GuardApp(settings, policy.decide, screen, [StaticUpstream(upstream.url)])
    with served(app) as url:
        yield f"{url}/v1"


class served:
    """Serve an ASGI application on a free loopback port, in a thread."""

    def __init__(self, app: Any) -> None:
        self._sock = socket.socket()
        self._sock.bind(("127.0.0.1", 0))
        self._server = uvicorn.Server(
            uvicorn.Config(app, log_level="error", lifespan="auto", timeout_graceful_shutdown=2)
        )
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._server.serve([self._sock])), daemon=True
        )

    def __enter__(self) -> str:
        self._sock.listen(128)
        self._thread.start()
        return f"http://127.0.0.1:{self._sock.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._sock.close()
