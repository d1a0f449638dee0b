"""A tracking server on loopback that can be told to lie (MLflow REST API 2.0, mlflow-artifacts)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.simulators.loopback import Answer, answering

API, ARTIFACTS = "/api/2.0/mlflow/", "/api/2.0/mlflow-artifacts/artifacts"
RUN = "6042ff66d8aa4893b591534300e1fe4f"
FOLDER = "0/models/m-1/artifacts"


@dataclass
class FakeTracking:
    """One registered model, ``fraud``, whose version 3 has the alias ``champion``.

    Attributes:
        files: content by path below the version's folder.
        uri: where the version's files are said to be.
        token: what requests must carry; empty lets everybody in.
        asked: what was asked, in order: path, query.
        lie: changes an answer before it is sent.
        over: set when the server goes away, so that no answer outlives it.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    uri: str = f"mlflow-artifacts:/{FOLDER}"
    token: str = ""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    lie: Callable[[str, dict[str, str], Answer], Answer] = lambda _path, _query, answer: answer
    over: Event = field(default_factory=Event)
    url: str = ""

    def answer(self, target: str, authorization: str) -> Answer:
        parts = urlsplit(target)
        path, query = unquote(parts.path), dict(parse_qsl(parts.query, keep_blank_values=True))
        self.asked.append((path, query))
        if self.token and authorization != self.token:
            return 401, {}, [b"You are not authenticated."]
        return self.lie(path, query, self._answer(path, query))

    def _answer(self, path: str, query: dict[str, str]) -> Answer:
        if path == ARTIFACTS:
            return said({"files": entries} if (entries := self._entries(query["path"])) else {})
        if path.startswith(f"{ARTIFACTS}/"):
            content = self.files.get(path.removeprefix(f"{ARTIFACTS}/{FOLDER}/"))
            return missing("RESOURCE_DOES_NOT_EXIST", 404) if content is None else (200, {}, [content])
        match path.removeprefix(API), query.get("name"), query.get("version") or query.get("alias"):
            case "model-versions/get", "fraud", "3" | "03":
                return said(self.version())
            case "registered-models/alias", "fraud", "champion":
                return said(self.version())
            case "registered-models/alias", _, _:
                return missing("INVALID_PARAMETER_VALUE", 400)
            case "model-versions/get-download-uri", "fraud", "3":
                return said({"artifact_uri": self.uri})
            case "runs/get", _, _ if query.get("run_id") == RUN:
                return said({"run": {"info": {"artifact_uri": "mlflow-artifacts:/0/models/m-1"}}})
        return missing("RESOURCE_DOES_NOT_EXIST", 404)

    def version(self, **changed: Any) -> dict[str, Any]:
        """What the registry says of the version."""
        told = {"name": "fraud", "version": "3", "source": "models:/m-1", "status": "READY"}
        return {"model_version": {**told, "last_updated_timestamp": 1, **changed}}

    def _entries(self, folder: str) -> list[dict[str, Any]]:
        inside = folder.removeprefix(FOLDER).strip("/")
        prefix = f"{inside}/" if inside else ""
        below = [name.removeprefix(prefix) for name in self.files if name.startswith(prefix)]
        folders = sorted({name.partition("/")[0] for name in below if "/" in name})
        files = [name for name in below if "/" not in name]
        return [
            *({"path": name, "is_dir": True} for name in folders),
            *({"path": name, "is_dir": False, "file_size": len(self.files[prefix + name])} for name in files),
        ]

    def drip(self, block: bytes = b" ") -> Iterator[bytes]:
        """Bytes now and then, without end."""
        while not self.over.wait(0.02):
            yield block

    def stall(self) -> Iterator[bytes]:
        """Nothing, for as long as the server is there."""
        self.over.wait(60)
        yield b""


def said(document: Any) -> Answer:
    """An answer in JSON."""
    return 200, {"Content-Type": "application/json"}, [json.dumps(document).encode()]


def missing(code: str, status: int) -> Answer:
    """An error as MLflow words it."""
    return status, {}, [json.dumps({"error_code": code, "message": "no"}).encode()]


@contextmanager
def serving(tracking: FakeTracking) -> Iterator[FakeTracking]:
    """The server, reachable at ``tracking.url``."""

    def answer(_method: str, path: str, headers: Mapping[str, str], _body: bytes) -> Answer:
        return tracking.answer(path, headers.get("authorization", ""))

    with answering(answer) as host:
        tracking.url = f"http://{host}"
        try:
            yield tracking
        finally:
            tracking.over.set()
