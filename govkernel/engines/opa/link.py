"""One OPA and the calls made to it: deadline, retries within a budget, circuit breaker, one pool per event loop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar
from weakref import WeakKeyDictionary

from govkernel.engines.opa.budget import Breaker, Clock, RetryBudget
from govkernel.engines.opa.child import OpaChild
from govkernel.engines.opa.errors import not_here, too_slow, unavailable
from govkernel.engines.opa.settings import OpaSettings

if TYPE_CHECKING:
    from pathlib import Path

    from govkernel.engines.opa.client import StrictClient

T = TypeVar("T")
_POLL: Final = 0.01
_Loop = asyncio.AbstractEventLoop


class OpaLink:
    """The way to one OPA: a server by URL, or our own child.

    Args:
        settings: how to reach it.
        clock: the time, in seconds that never go back.
    """

    def __init__(self, settings: OpaSettings, clock: Clock = time.monotonic) -> None:
        self._settings = settings
        self._child = None if settings.url else OpaChild(settings.binary, clock=clock)
        self._budget = RetryBudget()
        self._breaker = Breaker(clock)
        self._listens = 0
        self._clients: WeakKeyDictionary[_Loop, tuple[int, StrictClient]] = WeakKeyDictionary()

    @property
    def healthy(self) -> bool:
        """Whether the last calls came back."""
        return self._breaker.healthy

    @property
    def starts(self) -> int:
        """How often our child was started: what was uploaded before is gone. 0 for a server."""
        return self._child.starts if self._child else 0

    async def call(self, operation: Callable[[StrictClient], Awaitable[T]], deadline: float) -> T:
        """Do something with the client.

        Args:
            operation: what to do; done again when the connection fails and the retry budget allows.
            deadline: seconds for all of it.

        Raises:
            PolicyError: ``opa.unavailable``, ``opa.deadline``, or what ``operation`` raises.
        """
        client_module = _client_module()
        if not self._breaker.admits():
            raise unavailable("The last calls failed; it is probed once a second.")
        self._budget.called()
        try:
            async with asyncio.timeout(deadline):
                result = await self._attempts(operation, client_module.CONNECTION_ERRORS)
        except TimeoutError:
            self._breaker.failed()
            raise too_slow(deadline) from None
        except client_module.CLIENT_ERRORS as error:
            self._breaker.failed()
            raise unavailable(f"{type(error).__name__}: {error}"[:300]) from None
        self._breaker.succeeded()
        return result

    def may_repeat(self) -> bool:
        """Whether extra work for one call is within the retry budget; if so it is paid for."""
        return self._budget.spend()

    async def close(self) -> None:
        """Close the pool of this event loop and end our child."""
        held = self._clients.pop(asyncio.get_running_loop(), None)
        if held is not None:
            await held[1].close()
        if self._child is not None:
            await asyncio.to_thread(self._child.close)

    async def _attempts(
        self, operation: Callable[[StrictClient], Awaitable[T]], retryable: tuple[type[Exception], ...]
    ) -> T:
        for left in range(self._settings.retries, -1, -1):
            try:
                return await operation(await self._client())
            except retryable:
                if not left or not self._budget.spend():
                    raise
        raise unavailable("The connection failed each time.")

    async def _client(self) -> StrictClient:
        loop = asyncio.get_running_loop()
        socket, starts = await self._socket()
        held = self._clients.get(loop)
        if held is not None and held[0] == starts:
            return held[1]
        client: StrictClient = await _client_module().StrictClient(self._settings, socket).open()
        self._clients[loop] = (starts, client)
        if held is not None:
            await held[1].close()
        return client

    async def _socket(self) -> tuple[Path | None, int]:
        """The child's socket, once it listens; None for a server."""
        if self._child is None:
            return None, 0
        socket, starts = self._child.socket()
        while self._listens != starts and not await _accepts(socket):
            await asyncio.sleep(_POLL)
            socket, starts = self._child.socket()
        self._listens = starts
        return socket, starts


async def _accepts(socket: Path) -> bool:
    """Whether someone listens there: between bind(2) and listen(2) there is a file, and a refusal."""
    try:
        _, writer = await asyncio.open_unix_connection(socket)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def _client_module() -> Any:
    """The client, imported when it is first needed: it brings aiohttp."""
    try:
        from govkernel.engines.opa import client  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError as error:
        raise not_here(
            f"The Python package {error.name!r} is missing.",
            'Install the extra: `pip install "govkernel[opa]"`.',
        ) from None
    return client
