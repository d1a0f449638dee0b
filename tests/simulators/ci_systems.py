"""CI systems that give their jobs identity tokens, as a job sees each: variables, endpoints, programs on the PATH."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

VARIABLES = (
    "SIGSTORE_ID_TOKEN",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "BUILDKITE",
    "CIRCLECI",
    "GOOGLE_SERVICE_ACCOUNT_NAME",
)
RUNNER_SECRET = "runner-very-secret"


@dataclass
class System:
    """A CI system.

    Attributes:
        token: that it gives to the job.
        status: of its endpoint.
        raw: it answers this instead.
        hangs: it answers nothing until it is let go.
        marker: a program hangs while this file is there.
        asked: what came in.
        url: of its endpoint.
    """

    token: str
    status: int = 200
    raw: bytes | None = None
    hangs: Event | None = None
    marker: Path | None = None
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, path: str, headers: Any) -> bytes:
        """What its endpoints say."""
        self.asked.append(path)
        if self.hangs:
            self.hangs.wait()
        if self.raw is not None:
            return self.raw
        query = parse_qs(urlsplit(path).query)
        match urlsplit(path).path:
            case "/github":
                assert headers["Authorization"] == f"bearer {RUNNER_SECRET}"
                assert query == {"audience": ["sigstore"], "api-version": ["2.0"]}
                return json.dumps({"value": self.token}).encode()
            case "/gcp/identity":
                assert headers["Metadata-Flavor"] == "Google"
                assert query["audience"] == ["sigstore"]
                return self.token.encode()
            case "/gcp/token":
                return json.dumps({"access_token": RUNNER_SECRET}).encode()
            case "/gcp/signer@acme.example:generateIdToken":
                assert headers["Authorization"] == f"Bearer {RUNNER_SECRET}"
                return json.dumps({"token": self.token}).encode()
        raise AssertionError(path)


@contextmanager
def running(system: System) -> Iterator[System]:
    """Serve a system's endpoints on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = system.answer(self.path, self.headers)
            self.send_response(system.status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.do_GET()

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    system.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield system
    finally:
        if system.hangs:
            system.hangs.set()
        if system.marker:
            system.marker.unlink()
        server.shutdown()
        server.server_close()


Job = Callable[[System, pytest.MonkeyPatch, Path], None]


def nowhere(patch: pytest.MonkeyPatch) -> None:
    """On no CI system."""
    for name in VARIABLES:
        patch.delenv(name, raising=False)
    patch.setattr("id._internal.oidc.ambient._GCP_PRODUCT_NAME_FILE", "/nowhere")


def github(system: System, patch: pytest.MonkeyPatch, folder: Path) -> None:
    patch.setenv("GITHUB_ACTIONS", "true")
    patch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", RUNNER_SECRET)
    patch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{system.url}/github?api-version=2.0")


def gitlab(system: System, patch: pytest.MonkeyPatch, folder: Path) -> None:
    patch.setenv("GITLAB_CI", "true")
    patch.setenv("SIGSTORE_ID_TOKEN", system.token)


def buildkite(system: System, patch: pytest.MonkeyPatch, folder: Path) -> None:
    patch.setenv("BUILDKITE", "true")
    _program("buildkite-agent", "oidc request-token --audience sigstore", system, patch, folder)


def circleci(system: System, patch: pytest.MonkeyPatch, folder: Path) -> None:
    patch.setenv("CIRCLECI", "true")
    asked = 'run oidc get --claims {"aud": "sigstore"} --root-issuer'
    _program("circleci", asked, system, patch, folder)


def gcp(system: System, patch: pytest.MonkeyPatch, folder: Path) -> None:
    """A machine of Compute Engine."""
    (folder / "product_name").write_text("Google Compute Engine\n")
    ambient = "id._internal.oidc.ambient"
    patch.setattr(f"{ambient}._GCP_PRODUCT_NAME_FILE", str(folder / "product_name"))
    patch.setattr(f"{ambient}._GCP_IDENTITY_REQUEST_URL", f"{system.url}/gcp/identity")


def gcp_account(system: System, patch: pytest.MonkeyPatch, folder: Path) -> None:
    """A job of Google Cloud that acts as a service account."""
    ambient = "id._internal.oidc.ambient"
    patch.setenv("GOOGLE_SERVICE_ACCOUNT_NAME", "signer@acme.example")
    patch.setattr(f"{ambient}._GCP_TOKEN_REQUEST_URL", f"{system.url}/gcp/token")
    patch.setattr(f"{ambient}._GCP_GENERATEIDTOKEN_REQUEST_URL", f"{system.url}/gcp/{{}}:generateIdToken")


JOBS: dict[str, Job] = {
    "GitHub Actions": github,
    "GitLab": gitlab,
    "Buildkite": buildkite,
    "CircleCI": circleci,
    "Google Compute Engine": gcp,
    "a Google service account": gcp_account,
}


def _program(name: str, asked: str, system: System, patch: pytest.MonkeyPatch, folder: Path) -> None:
    """A program on the PATH that prints the token if it is asked in the right words, or fails, or never ends."""
    place = folder / "bin"
    place.mkdir(exist_ok=True)
    wait = ":"
    if system.hangs:
        system.marker = folder / "hangs"
        system.marker.touch()
        wait = f"while [ -e '{system.marker}' ]; do sleep 0.05; done"
    script = f"#!/bin/sh\n{wait}\n[ \"$*\" = '{asked}' ] || exit 3\n[ {system.status} = 200 ] || exit 1\n"
    (place / name).write_text(f"{script}echo '{system.token}'\n")
    (place / name).chmod(0o755)
    patch.setenv("PATH", f"{place}{os.pathsep}{os.environ['PATH']}")
