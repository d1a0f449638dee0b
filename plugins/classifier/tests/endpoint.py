"""A classifier on loopback that finds what a script says, and can be told to lie or to stall."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

Answer = tuple[int, dict[str, str], bytes]
WORDS = {"anna": "NAME", "berlin": "PLACE", "ignore": "ATTACK"}


@dataclass
class FakeClassifier:
    """Knows three words.

    Attributes:
        format: of its answers.
        unit: what its offsets count.
        token: what requests must carry; empty lets everybody in.
        asked: what was asked, in order.
        lie: changes an answer before it is sent.
        over: set when the server goes away, so that nothing outlives it.
    """

    format: str = "labels"
    unit: str = "characters"
    token: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    lie: Callable[[Answer], Answer] = lambda answer: answer
    over: Event = field(default_factory=Event)
    url: str = ""

    def answer(self, asked: dict[str, Any], authorization: str) -> Answer:
        self.asked.append(asked)
        if self.token and authorization != self.token:
            return 401, {}, b"You are not authenticated."
        text = next(asked[key] for key in ("inputs", "input", "text") if key in asked)
        return self.lie((200, {}, json.dumps(self._said(text)).encode()))

    def _said(self, text: str) -> Any:
        if self.format == "spans":
            return [
                {"entity_group": label, "score": 0.9, "word": word, **self._place(text, word)}
                for word, label in WORDS.items()
                if word in text
            ]
        if self.format == "govkernel":
            at = text.find("anna")
            found = {"type": "PERSON", "start": at, "end": at + 4, "score": 0.8, "detector": "encoder"}
            flagged = ["jailbreak"] if "ignore" in text else []
            return {
                "id": None,
                "findings": [found] if at >= 0 else [],
                "labels": dict.fromkeys(flagged, 0.9),
                "flagged": flagged,
            }
        attack = 0.9 if "ignore" in text else 0.1
        if self.format == "moderation":
            return {"id": "m", "results": [{"flagged": attack > 0.5, "category_scores": {"ATTACK": attack}}]}
        return [[{"label": "ATTACK", "score": attack}, {"label": "FINE", "score": 1 - attack}]]

    def _place(self, text: str, word: str) -> dict[str, int]:
        start = text.index(word)
        return {"start": self._count(text[:start]), "end": self._count(text[: start + len(word)])}

    def _count(self, text: str) -> int:
        if self.unit == "utf-16":
            return len(text.encode("utf-16-le")) // 2
        return len(text.encode()) if self.unit == "utf-8" else len(text)


@contextmanager
def serving(fake: FakeClassifier) -> Iterator[FakeClassifier]:
    """The classifier, listening on a free port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, headers, body = fake.answer(asked, self.headers.get("Authorization", ""))
            with suppress(ConnectionError):
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_address[1]}/predict"
    try:
        yield fake
    finally:
        fake.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
