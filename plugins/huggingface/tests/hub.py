"""A hub on loopback that huggingface_hub downloads from, and caches made by hand that can lie."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER = "89abcdef0123456789abcdef0123456789abcdef"


def etag(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def put(
    cache: Path,
    files: Mapping[str, bytes],
    *,
    repository: str = "models--org--name",
    commit: str = COMMIT,
    refs: tuple[str, ...] = ("main",),
) -> Path:
    """A repository in a cache, as the hub's tools lay it out; its folder."""
    folder = cache / repository
    for path, content in files.items():
        blob = folder / "blobs" / etag(content)
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(content)
        link = folder / "snapshots" / commit / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"{'../' * (path.count('/') + 2)}blobs/{blob.name}")
    for ref in refs:
        place = folder / "refs" / ref
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(commit)
    return folder


@contextmanager
def serving(files: Mapping[str, bytes]) -> Iterator[str]:
    """The address of a hub that has one repository, ``org/name``, at one commit."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if "/tree/" in path:
                listed = [
                    {"type": "file", "path": name, "size": len(content), "oid": etag(content)[:40]}
                    for name, content in files.items()
                ]
                self._send(json.dumps(listed).encode(), {"Content-Type": "application/json"})
            elif path.startswith("/api/"):
                said = {"id": "org/name", "sha": COMMIT, "siblings": [{"rfilename": name} for name in files]}
                self._send(json.dumps(said).encode(), {"Content-Type": "application/json"})
            else:
                content = files[path.partition("/resolve/")[2].partition("/")[2]]
                self._send(content, {"ETag": f'"{etag(content)}"', "X-Repo-Commit": COMMIT})

        do_HEAD = do_GET

        def _send(self, content: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(200)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Be silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def download(address: str, cache: Path, kind: str = "model") -> None:
    """Have the real huggingface_hub fill a cache, in a process of its own."""
    code = (
        "import sys; from huggingface_hub import snapshot_download\n"
        "snapshot_download('org/name', cache_dir=sys.argv[1], endpoint=sys.argv[2], repo_type=sys.argv[3])"
    )
    theirs = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    subprocess.run(
        [sys.executable, "-c", code, str(cache), address, kind],
        check=True,
        capture_output=True,
        timeout=120,
        env={**theirs, "HF_HOME": str(cache.parent), "HF_HUB_DISABLE_TELEMETRY": "1"},
    )
