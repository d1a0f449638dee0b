"""The little of ASGI 3.0 the proxy needs: read a bounded body, answer, stream, notice that the client left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from govkernel.errors import InputError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class ClientLeft(Exception):
    """The client closed the connection."""


def headers_of(scope: Scope) -> dict[str, str]:
    """Request headers by lower-case name; of repeated ones, the last."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


async def read_body(receive: Receive, limit: int) -> bytes:
    """The request body.

    Raises:
        InputError: ``guard.request-too-large``, before more than ``limit`` bytes are held.
        ClientLeft: the connection was closed.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise InputError(
                "guard.request-too-large",
                "The request body is too large.",
                why=f"More than {limit} bytes.",
                remedy="Send less at once, or let the operator raise [guard] max_request.",
            )
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


async def wait_for_disconnect(receive: Receive) -> None:
    """Return when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def start(send: Send, status: int, content_type: str, headers: Mapping[str, str]) -> None:
    """Send status and headers."""
    sent = {"content-type": content_type, **headers}
    raw = [(name.encode("latin-1"), _printable(value).encode("latin-1")) for name, value in sent.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})


async def respond(
    send: Send, status: int, body: bytes, content_type: str = "application/json", **headers: str
) -> None:
    """Send a whole response; underscores in header names become dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items() if value}
    await start(send, status, content_type, {"content-length": str(len(body)), **named})
    await send({"type": "http.response.body", "body": body})


def _printable(value: str) -> str:
    return "".join(char for char in value if " " <= char <= "~")
