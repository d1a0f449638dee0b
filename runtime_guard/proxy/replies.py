"""What a client is told, in its own wire form: whole, in events, or that it failed."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from types import MappingProxyType
from typing import Any

from govkernel.errors import GovkernelError
from runtime_guard.proxy import sse
from runtime_guard.proxy.asgi import Send, respond, start
from runtime_guard.proxy.forms import WireForm


class Answer:
    """What was sent of one answer, so that a failure can still be told in the right way.

    Args:
        send: to the client.
        form: the wire form in which it is told.
        clock: seconds, never going back.
    """

    def __init__(self, send: Send, form: WireForm, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._send = send
        self._form = form
        self._clock = clock
        self._latest = 0.0
        self._streaming = False
        self._ended = False
        self.told: Mapping[str, str] = {}
        """Headers that go with it, from the model server."""

    async def whole(self, body: bytes, decision: str) -> None:
        """The answer, in one."""
        self._ended = True
        await respond(self._send, 200, body, x_govkernel_decision=decision, **self.told)

    async def begin_stream(self, decision: str) -> None:
        """The beginning of an answer in events."""
        self._streaming = True
        headers = {"cache-control": "no-cache", "x-govkernel-decision": decision, **self.told}
        await start(self._send, 200, "text/event-stream; charset=utf-8", headers)
        self._latest = self._clock()

    async def event(self, event: dict[str, Any]) -> None:
        """One event."""
        await self._go_on(self._form.encode(event))

    async def beating(self, chunks: AsyncIterator[bytes], every: float) -> AsyncIterator[bytes]:
        """What the model server sends, while the client hears that it does, though its words are held back.

        Clients and the proxies before them give up connections on which nothing comes; a call of a tool may take long.

        Args:
            chunks: what the server sends, comments included.
            every: seconds without an event after which the next chunk is told of, by a comment.
        """
        async for chunk in chunks:
            if self._clock() - self._latest >= every:
                await self._go_on(sse.BEAT)
            yield chunk

    async def _go_on(self, body: bytes) -> None:
        self._latest = self._clock()
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def end_stream(self) -> None:
        """The end of an answer in events."""
        self._ended = True
        await self._send({"type": "http.response.body", "body": self._form.end})

    async def fail(self, status: int, error: GovkernelError, decision: str = "") -> None:
        """Tell the client: as a response, or as the last event of a stream that has begun."""
        if self._ended:
            return
        self._ended = True
        if not self._streaming:
            await respond_error(self._send, self._form, status, error, decision=decision, told=self.told)
            return
        body = self._form.encode(self._form.error(error, status))
        await self._send({"type": "http.response.body", "body": body})


async def respond_error(
    send: Send,
    form: WireForm,
    status: int,
    error: GovkernelError,
    *,
    decision: str = "",
    told: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """An error in the shape clients of this form know."""
    body = json.dumps(form.error(error, status)).encode()
    await respond(send, status, body, x_govkernel_decision=decision, **told)
