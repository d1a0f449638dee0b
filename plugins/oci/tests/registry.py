"""A registry on loopback that can be told to lie (OCI distribution-spec 1.1)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"

Answer = tuple[int, dict[str, str], bytes]


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass
class Store:
    """One repository, ``acme/helper``.

    Attributes:
        answers: what is sent for a path below the repository, e.g. ``manifests/latest``.
        referrers_api: it has one.
        token: what it wants; None lets everybody in.
        realm: where it sends for tokens; empty is itself.
        asked: paths and authorizations, in order.
        lie: changes an answer before it is sent.
    """

    answers: dict[str, bytes] = field(default_factory=dict)
    referrers_api: bool = True
    token: str | None = None
    realm: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    lie: Callable[[str, Answer], Answer] = lambda _, answer: answer
    host: str = ""

    def put(self, document: dict[str, Any], *tags: str) -> str:
        """A manifest under its digest and tags; the digest."""
        content = json.dumps(document).encode()
        for name in (sha256(content), *tags):
            self.answers[f"manifests/{name}"] = content
        return sha256(content)

    def artifact(self, tag: str = "latest", *files: str) -> str:
        """A model with files in layers."""
        layers = [{"annotations": {"org.opencontainers.image.title": name}} for name in files]
        return self.put({"mediaType": MANIFEST, "layers": layers}, tag)

    def refer(self, subject: str, *bundles: bytes, kind: str = BUNDLE) -> None:
        """Bundles beside an artifact, by the API or the fallback tag."""
        listed = []
        for bundle in bundles:
            self.answers[f"blobs/{sha256(bundle)}"] = bundle
            digest = self.put({"layers": [{"mediaType": kind, "digest": sha256(bundle)}]})
            listed.append({"artifactType": kind, "digest": digest})
        index = {"mediaType": INDEX, "manifests": listed}
        if self.referrers_api:
            self.answers[f"referrers/{subject}"] = json.dumps(index).encode()
        else:
            self.put(index, subject.replace(":", "-"))

    def answer(self, path: str, authorization: str) -> Answer:
        self.asked.append((path, authorization))
        if path.startswith("/token"):
            return 200, {}, json.dumps({"token": self.token}).encode()
        if self.token and authorization != f"Bearer {self.token}":
            realm = self.realm or f"http://{self.host}/token"
            wanted = f'Bearer realm="{realm}",service="registry",scope="repository:acme/helper:pull"'
            return 401, {"WWW-Authenticate": wanted}, b""
        name = path.removeprefix("/v2/acme/helper/")
        content = self.answers.get(name)
        return self.lie(name, (404, {}, b"") if content is None else (200, {}, content))


@contextmanager
def serving(store: Store) -> Iterator[Store]:
    """The store, reachable at ``store.host``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, content = store.answer(self.path, self.headers.get("Authorization", ""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Be silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    store.host = f"127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
