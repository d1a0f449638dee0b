"""A server on loopback whose answers are a function, sent block by block, so that it can stall or never end."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

Answer = tuple[int, dict[str, str], Iterable[bytes]]
"""Status, headers and blocks of the body."""

Answering = Callable[[str, str, Mapping[str, str], bytes], Answer]
"""Answers a request: method, path with query, headers by lower-case name, body."""


@contextmanager
def answering(answer: Answering, tls: ssl.SSLContext | None = None, *, posts: bool = False) -> Iterator[str]:
    """The server's host and port, as long as it is there.

    Args:
        answer: what it says.
        tls: speak TLS.
        posts: take POST beside GET.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", "0")))
            status, more, blocks = answer(self.command, self.path, headers, body)
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            with suppress(OSError):  # whoever has read enough hangs up
                for block in blocks:
                    if block:
                        self.wfile.write(f"{len(block):x}\r\n".encode() + block + b"\r\n")
                self.wfile.write(b"0\r\n\r\n")

        if posts:
            do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Be silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
