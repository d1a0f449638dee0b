"""What a client is told, in its own wire form: whole, in events, or that it failed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from govkernel.errors import GovkernelError
from runtime_guard.proxy.asgi import Send, respond, start
from runtime_guard.proxy.forms import WireForm


class Answer:
    """What was sent of one answer, so that a failure can still be told in the right way.

    Args:
        send: to the client.
        form: the wire form in which it is told.
    """

    def __init__(self, send: Send, form: WireForm) -> None:
        self._send = send
        self._form = form
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

    async def event(self, event: dict[str, Any]) -> None:
        """One event."""
        body = self._form.encode(event)
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
