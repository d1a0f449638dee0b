"""An OPA that lies: it takes uploads like the real one and answers questions in any bad way it is told to."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

HUGE = 3 * 1024 * 1024


@dataclass
class LyingOpa:
    """Attributes: how it answers questions, the requests it saw, and where it listens."""

    manner: str | Callable[[Any], Any] = "permit"
    seen: list[str] = field(default_factory=list)
    uploads: dict[str, str] = field(default_factory=dict)
    url: str = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[LyingOpa]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                method, path, _ = line.decode().split(" ", 2)
                length = 0
                while (header := await reader.readline()) not in (b"\r\n", b""):
                    name, _, value = header.decode().partition(":")
                    length = int(value) if name.lower() == "content-length" else length
                body = await reader.readexactly(length)
                self.seen.append(f"{method} {path}")
                if not await self._answer(method, path, body, writer):
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    async def _answer(self, method: str, path: str, body: bytes, writer: asyncio.StreamWriter) -> bool:
        if "/policies/" in path:
            return await self._policies(method, path, body, writer)
        if callable(self.manner):
            return await _send(writer, 200, json.dumps(self.manner(json.loads(body))).encode())
        return await _MANNERS[self.manner](writer)

    async def _policies(self, method: str, path: str, body: bytes, writer: asyncio.StreamWriter) -> bool:
        if method == "PUT":
            self.uploads[path] = body.decode()
            return await _send(writer, 200, b"{}")
        tree = {"rules": [{"head": {"name": "decision"}}]}
        return await _send(
            writer, 200, json.dumps({"result": {"raw": self.uploads[path], "ast": tree}}).encode()
        )


async def _send(writer: asyncio.StreamWriter, status: int, body: bytes, extra: str = "") -> bool:
    head = f"HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    return True


def _says(status: int, body: bytes, extra: str = "") -> Callable[[asyncio.StreamWriter], Any]:
    async def answer(writer: asyncio.StreamWriter) -> bool:
        return await _send(writer, status, body, extra)

    return answer


def _decides(document: Any) -> Callable[[asyncio.StreamWriter], Any]:
    return _says(200, json.dumps({"result": document}).encode())


async def _hang(_writer: asyncio.StreamWriter) -> bool:
    await asyncio.sleep(3600)
    return False


async def _close(_writer: asyncio.StreamWriter) -> bool:
    return False


async def _half(writer: asyncio.StreamWriter) -> bool:
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"result": {"permit": [{"id": "lies/a"}]')
    await writer.drain()
    return False


PERMIT = {"permit": [{"id": "lies/a"}], "forbid": []}
_ALLOW = json.dumps({"result": PERMIT}).encode()

_MANNERS: dict[str, Callable[[asyncio.StreamWriter], Any]] = {
    "permit": _decides(PERMIT),
    "hang": _hang,
    "close": _close,
    "half": _half,
    "error 500": _says(500, _ALLOW),
    "error 401": _says(401, _ALLOW),
    "redirect": _says(307, b"", "Location: /v1/data/elsewhere\r\n"),
    "redirect with an answer": _says(302, _ALLOW, "Location: /\r\n"),
    "not json": _says(200, b"<html>ok</html>"),
    "not utf-8": _says(200, b'{"result": "\xff"}'),
    "twice": _says(
        200,
        b'{"result": {"permit": [], "forbid": []}, "result": {"permit": [{"id": "lies/a"}], "forbid": []}}',
    ),
    "nan": _says(200, b'{"result": {"permit": [{"id": "lies/a"}], "forbid": NaN}}'),
    "deep": _says(200, b'{"result":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "huge": _says(
        200, b'{"result": {"permit": [{"id": "lies/a", "reason": "' + b"x" * HUGE + b'"}], "forbid": []}}'
    ),
    "compressed": _says(200, gzip.compress(_ALLOW), "Content-Encoding: gzip\r\n"),
    "a list": _says(200, b"[]"),
    "undefined": _says(200, b"{}"),
    "true": _decides(True),
    "allow true": _decides({"allow": True}),
    "no forbid": _decides({"permit": [{"id": "lies/a"}]}),
    "null forbid": _decides({**PERMIT, "forbid": None}),
    "forbid as object": _decides({**PERMIT, "forbid": {}}),
    "something else beside": _decides({**PERMIT, "allow": True}),
    "another pack's id": _decides({**PERMIT, "permit": [{"id": "baseline/a"}]}),
    "a prefix of the pack's id": _decides({**PERMIT, "permit": [{"id": "lies"}]}),
    "a number as id": _decides({**PERMIT, "permit": [{"id": 7}]}),
    "no id": _decides({**PERMIT, "permit": [{}]}),
    "unknown obligation": _decides(
        {**PERMIT, "permit": [{"id": "lies/a", "obligations": [{"type": "hurry"}]}]}
    ),
    "unknown field": _decides({**PERMIT, "permit": [{"id": "lies/a", "effect": "allow"}]}),
    "too many": _decides({**PERMIT, "permit": [{"id": f"lies/{n}"} for n in range(1000)]}),
}

LIES = tuple(sorted(set(_MANNERS) - {"permit"}))
