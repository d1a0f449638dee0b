"""Run the doors as servers in one process: one kernel, one log, any of admission, guard and audit.

Each door is an ASGI application made by its own room; this module gives it the kernel, an address and TLS, and
stops all of them together on SIGINT or SIGTERM, letting requests under way finish.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from govkernel.assemble import Assembly, assembled
from govkernel.config import Settings
from govkernel.errors import ConfigError

if TYPE_CHECKING:
    import uvicorn

Door = str
Listening = Callable[[Door, str], None]

GRACE_SECONDS: Final = 10
BACKLOG: Final = 2048


@dataclass(frozen=True)
class Served:
    """An ASGI application with where and how to serve it."""

    door: Door
    app: Any
    host: str
    port: int
    tls: dict[str, Any] = field(default_factory=dict)


async def open_doors(doors: Sequence[Door], settings: Settings, listening: Listening) -> None:
    """Serve until told to stop.

    Args:
        doors: any of ``admission``, ``guard`` and ``audit``.
        settings: the workspace.
        listening: called with each door and its URL once it accepts connections.

    Raises:
        ConfigError: ``serve.missing-extra``, ``serve.address`` or whatever is wrong with the workspace.
        PluginError: an installed plugin does not load.
    """
    async with assembled(settings) as parts, contextlib.AsyncExitStack() as stack:
        for fault in parts.host.broken():
            raise fault
        served = [await stack.enter_async_context(_application(door, parts)) for door in doors]
        servers = [(item, _server(item)) for item in served]
        sockets = [_listen(item) for item, _ in servers]
        _stop_on_signals([server for _, server in servers])
        for (item, _), sock in zip(servers, sockets, strict=True):
            scheme = "https" if item.tls else "http"
            listening(item.door, f"{scheme}://{item.host}:{sock.getsockname()[1]}")
        running = [
            asyncio.create_task(server.serve([sock]))
            for (_, server), sock in zip(servers, sockets, strict=True)
        ]
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for _, server in servers:
            server.should_exit = True
        await asyncio.gather(*running)


@contextlib.asynccontextmanager
async def _application(door: Door, parts: Assembly) -> AsyncIterator[Served]:
    try:
        opened = _OPENERS[door](parts)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(("govkernel", "runtime_guard")):
            raise
        extra = "guard" if door == "guard" else "admission"
        raise ConfigError(
            "serve.missing-extra",
            f"The {door} door needs packages that are not installed.",
            why=f"No module named {error.name!r}.",
            remedy=f'Run `pip install "govkernel[{extra}]"`.',
        ) from None
    async with opened as served:
        yield served


@contextlib.asynccontextmanager
async def _admission(parts: Assembly) -> AsyncIterator[Served]:
    from govkernel.admission.app import create_app
    from govkernel.admission.tls import uvicorn_tls

    table = parts.settings.admission
    app = create_app(parts.kernel, parts.host, environments=table.environments)
    tls = uvicorn_tls(parts.settings.path(table.tls), table.names)
    yield Served("admission", app, table.host, table.port, tls)


@contextlib.asynccontextmanager
async def _audit(parts: Assembly) -> AsyncIterator[Served]:
    from govkernel.audit.app import create_app

    table = parts.settings.audit
    yield Served("audit", create_app(parts.log, token=table.token), table.host, table.port)


@contextlib.asynccontextmanager
async def _guard(parts: Assembly) -> AsyncIterator[Served]:
    from govkernel.guarding import guard_app

    table = parts.settings.guard
    async with guard_app(parts) as app:
        yield Served("guard", app, table.host, table.port)


_OPENERS: Final = {"admission": _admission, "audit": _audit, "guard": _guard}


def _server(item: Served) -> uvicorn.Server:
    import uvicorn

    class Server(uvicorn.Server):
        """A server that leaves signals to us: several run in this process."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Nothing to capture."""
            yield

    return Server(
        uvicorn.Config(
            item.app,
            log_level="warning",
            access_log=False,
            server_header=False,
            ws="none",
            lifespan="on",
            timeout_graceful_shutdown=GRACE_SECONDS,
            **item.tls,
        )
    )


def _listen(item: Served) -> socket.socket:
    family = socket.AF_INET6 if ":" in item.host else socket.AF_INET
    # asyncio sets TCP_NODELAY only where the protocol is named; without it an answer waits 40 ms for an ACK
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((item.host, item.port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise ConfigError(
            "serve.address",
            f"The {item.door} door cannot listen on {item.host}:{item.port}.",
            why=str(error),
            remedy="Stop what uses the address, or choose another with --host and --port.",
        ) from None
    sock.setblocking(False)
    return sock


def _stop_on_signals(servers: Sequence[uvicorn.Server]) -> None:
    def stop() -> None:
        for server in servers:
            server.should_exit = True

    if sys.platform != "win32":
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, stop)
