"""A timestamp authority's HTTP interface (RFC 3161, section 3.4) on loopback, as broken as it is told to be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from tests.simulators.timestamp_lies import Clock
from tests.simulators.timestamps import HONEST, StampOrders, answer
from tests.simulators.x509 import Held


@dataclass
class TimeServer:
    """A timestamp authority.

    Attributes:
        signer: signs.
        now: what its clock says; default the real one.
        orders: how it lies.
        status: HTTP status.
        raw: sends this instead of an answer.
        location: redirects there.
        hangs: answers nothing until it is let go.
        asked: how many requests came.
        url: where it listens.
    """

    signer: Held
    now: datetime | None = None
    orders: StampOrders = HONEST
    status: int = 200
    raw: bytes | None = None
    location: str = ""
    hangs: Event | None = None
    asked: list[bytes] = field(default_factory=list)
    url: str = ""

    def answered(self, request: bytes) -> bytes:
        self.asked.append(request)
        if self.hangs:
            self.hangs.wait()
        if self.raw is not None:
            return self.raw
        return answer(self.signer, request, self.now or datetime.now(UTC), self.orders)


@contextmanager
def serving_time(clock: Clock, **orders: Any) -> Iterator[TimeServer]:
    """Serve a clock's timestamps."""
    served = TimeServer(clock.signer(), **orders)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = served.answered(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.headers["Content-Type"] == "application/timestamp-query"
            self.send_response(302 if served.location else served.status)
            if served.location:
                self.send_header("Location", served.location)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    served.url = f"http://127.0.0.1:{server.server_port}/tsa"
    try:
        yield served
    finally:
        if served.hangs:
            served.hangs.set()
        server.shutdown()
        server.server_close()
