"""A model server that says what it is told to, in any way it is told to: honest, slow, broken or hostile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class ScriptedUpstream:
    """An ASGI application.

    Attributes:
        url: where it is served; set by whoever serves it.
        content: what it answers, whole or streamed in ``pieces``.
        pieces: pieces of a streamed answer; default is ``content`` in one.
        raw: bytes to send as they are, instead of a well-formed answer.
        chunks: how the bytes of a stream are cut on the wire.
        status, content_type: of the response.
        message: keys to add to the message (tool calls, refusals, …).
        stall: never answer.
        hang_up: end the stream without [DONE].
        coding: say that the body is compressed so.
        told: more headers of the response.
        models: what is answered to questions about models.
        seen: request bodies.
        headers: request headers of the last request.
        path: of the last request, with its query.
    """

    url: str = ""
    content: str = "Hello."
    pieces: list[str] | None = None
    deltas: list[dict[str, Any]] | None = None
    raw: bytes | None = None
    chunk_size: int = 0
    status: int = 200
    content_type: str = ""
    message: dict[str, Any] = field(default_factory=dict)
    choice: dict[str, Any] = field(default_factory=dict)
    stall: bool = False
    hang_up: bool = False
    coding: str = ""
    told: dict[str, str] = field(default_factory=dict)
    models: dict[str, Any] = field(
        default_factory=lambda: {"object": "list", "data": [{"id": "m", "object": "model"}]}
    )
    seen: list[dict[str, Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    path: str = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        self.headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.path = "?".join(filter(None, [scope["path"], scope["query_string"].decode()]))
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        if "/models" in scope["path"]:
            await self._send(send, [json.dumps(self.models).encode()])
            return
        asked = json.loads(body)
        self.seen.append(asked)
        if self.stall:
            await asyncio.Event().wait()
        if self.raw is not None:
            await self._send(send, self._cut(self.raw), "text/event-stream" if asked.get("stream") else "")
        elif asked.get("stream"):
            await self._send(send, self._cut(b"".join(self._events())), "text/event-stream")
        else:
            await self._send(send, [json.dumps(self._whole()).encode()])

    def _whole(self) -> dict[str, Any]:
        message = {"role": "assistant", "content": self.content, **self.message}
        choice = {"index": 0, "message": message, "finish_reason": "stop", **self.choice}
        return {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}

    def _events(self) -> Iterable[bytes]:
        deltas = self.deltas or [{"content": piece} for piece in self.pieces or [self.content]]
        for delta in [{"role": "assistant"}, *deltas]:
            yield self._event(delta, None)
        if self.hang_up:
            return
        yield self._event({}, "stop")
        yield b"data: [DONE]\n\n"

    def _event(self, delta: dict[str, Any], finish: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, **self.choice}
        chunk = {
            "id": "c1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [choice],
        }
        return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"

    def _cut(self, data: bytes) -> list[bytes]:
        size = self.chunk_size or len(data) or 1
        return [data[start : start + size] for start in range(0, len(data), size)]

    async def _send(self, send: Any, parts: Iterable[bytes], content_type: str = "") -> None:
        kind = self.content_type or content_type or "application/json"
        headers = [(b"content-type", kind.encode())]
        headers += [(name.encode(), value.encode()) for name, value in self.told.items()]
        if self.coding:
            headers.append((b"content-encoding", self.coding.encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
