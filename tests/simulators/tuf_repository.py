"""A TUF repository (specification 1.0) with one target, that signs and serves whatever it is told to.

Metadata is written by python-tuf's own classes, so that only what a lie changes is wrong.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

TARGET = "trusted_root.json"
ROLES = ("root", "timestamp", "snapshot", "targets")
LONG = timedelta(days=30)


def signer() -> CryptoSigner:
    return CryptoSigner.generate_ecdsa()


@dataclass
class Repository:
    """A repository.

    Attributes:
        content: of the target.
        keys: that sign, by role; the first ``threshold`` of root's must.
        expires: when each role must be signed anew.
        files: what is served, by path below the URL.
        served: chunks instead of the file at a path.
        targets: all files that are listed, instead of the one.
        length: of the target, as it is listed.
        location: redirects there.
        first: what was served before a client came.
        released: lets answers that hang go, at the end.
        asked: paths that were asked for.
        url: where it listens.
    """

    content: bytes
    keys: dict[str, list[CryptoSigner]] = field(default_factory=lambda: {role: [signer()] for role in ROLES})
    threshold: int = 1
    expires: dict[str, datetime] = field(
        default_factory=lambda: dict.fromkeys(ROLES, datetime.now(UTC) + LONG)
    )
    versions: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ROLES, 0))
    targets: dict[str, bytes] | None = None
    length: int | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    served: dict[str, Callable[[], Iterator[bytes]]] = field(default_factory=dict)
    location: str = ""
    asked: list[str] = field(default_factory=list)
    url: str = ""
    first: dict[str, bytes] = field(default_factory=dict)
    released: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.rotate()
        self.publish()

    @property
    def initial(self) -> bytes:
        """The root that a person would hand out."""
        return self.files["1.root.json"]

    def rotate(self, by: list[CryptoSigner] | None = None, version: int | None = None) -> bytes:
        """A next root; by the old and the new keys, unless told otherwise."""
        old = list(self.keys.get("signed by", []))
        self.versions["root"] = version or self.versions["root"] + 1
        root = Root(version=self.versions["root"], expires=self.expires["root"], consistent_snapshot=True)
        for role in ROLES:
            for key in self.keys[role]:
                root.add_key(key.public_key, role)
        root.roles["root"].threshold = self.threshold
        content = _signed(root, [*old, *self.keys["root"]] if by is None else by)
        self.files[f"{self.versions['root']}.root.json"] = content
        self.keys["signed by"] = list(self.keys["root"])
        return content

    def publish(self, *, targets: bool = True, snapshot: bool = True) -> None:
        """Sign everything anew, one version on."""
        if targets:
            self._targets()
        if snapshot:
            self._snapshot()
        self._timestamp()

    def _targets(self) -> None:
        self.versions["targets"] += 1
        made = Targets(version=self.versions["targets"], expires=self.expires["targets"])
        for name, content in ({TARGET: self.content} if self.targets is None else self.targets).items():
            listed = TargetFile.from_data(name, content, ["sha256"])
            listed.length = listed.length if self.length is None else self.length
            made.targets[name] = listed
            self.files[f"targets/{hashlib.sha256(content).hexdigest()}.{name}"] = content
        self.files[f"{self.versions['targets']}.targets.json"] = _signed(made, self.keys["targets"])

    def _snapshot(self, **meta: int) -> None:
        self.versions["snapshot"] += 1
        made = Snapshot(version=self.versions["snapshot"], expires=self.expires["snapshot"])
        version = meta.get("targets", self.versions["targets"])
        made.meta["targets.json"] = _meta(version, self.files[f"{version}.targets.json"])
        self.files[f"{self.versions['snapshot']}.snapshot.json"] = _signed(made, self.keys["snapshot"])

    def _timestamp(self, **meta: int) -> None:
        self.versions["timestamp"] += 1
        made = Timestamp(version=self.versions["timestamp"], expires=self.expires["timestamp"])
        version = meta.get("snapshot", self.versions["snapshot"])
        made.snapshot_meta = _meta(version, self.files[f"{version}.snapshot.json"])
        self.files["timestamp.json"] = _signed(made, self.keys["timestamp"])

    @property
    def target_path(self) -> str:
        return f"targets/{hashlib.sha256(self.content).hexdigest()}.{TARGET}"


def _meta(version: int, content: bytes) -> MetaFile:
    listed = MetaFile.from_data(version, content, ["sha256"])
    listed.length = None  # signatures differ in length, and a lie should not be told by that alone
    return listed


def _signed(made: Any, by: list[CryptoSigner]) -> bytes:
    metadata = Metadata(made)
    for key in by:
        metadata.sign(key, append=True)
    return metadata.to_bytes()


@contextmanager
def serving(repository: Repository) -> Iterator[Repository]:
    """Serve a repository on loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_GET(self) -> None:
            path = self.path.removeprefix("/repository/")
            repository.asked.append(path)
            if repository.location:
                self.send_response(302)
                self.send_header("Location", repository.location + path)
                self.end_headers()
                return
            if path not in repository.files and path not in repository.served:
                self.send_error(404)
                return
            self.send_response(200)
            self.end_headers()
            chunks = repository.served.get(path, lambda: iter([repository.files[path]]))()
            try:
                for chunk in chunks:
                    self.wfile.write(chunk)
            except OSError:
                """The client had enough."""

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    repository.url = f"http://127.0.0.1:{server.server_port}/repository"
    try:
        yield repository
    finally:
        repository.released.set()
        server.shutdown()
        server.server_close()
