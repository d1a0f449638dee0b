"""A webhook around a kernel that can be told what to answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

pytest.importorskip("fastapi", reason='pip install "govkernel[admission]"')
from fastapi.testclient import TestClient

from govkernel.admission.app import create_app
from govkernel.admission.plugin import WorkloadsPlugin
from govkernel.domain import Decision, Digest, Effect, Reason, Record, Request
from govkernel.plugins import PluginHost

UID = "705ab4f5-6393-11e8-b7cc-42010a800002"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@dataclass
class ToldKernel:
    """Answers what it is told to, and keeps what it was asked."""

    effect: Effect = Effect.ALLOW
    before: Callable[[], Any] | None = None
    update: dict[str, Any] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)

    async def judge(self, request: Request) -> Record:
        self.asked.append(request)
        if self.before:
            await self.before()
        reason = Reason(policy="p/one", effect=self.effect, message="Because.", remedy="Do this.")
        digest = Digest.sha256("ab" * 32)
        decision = Decision(
            id="01900000-0000-7000-8000-000000000001",
            effect=self.effect,
            reasons=(reason,),
            policy_set=digest,
            evidence=digest,
            decided_at=NOW,
        ).model_copy(update=self.update)
        return Record(request=request, decision=decision)


@pytest.fixture
def kernel() -> ToldKernel:
    return ToldKernel()


@pytest.fixture
def host() -> PluginHost:
    made = PluginHost()
    made.register("workloads", WorkloadsPlugin(), builtin=True)
    return made


@pytest.fixture
def client(kernel: ToldKernel, host: PluginHost) -> TestClient:
    """The webhook, as an API server reaches it."""
    return TestClient(create_app(kernel, host, environments={"prod": "production"}, deadline=2.0))


def pod(**container: Any) -> dict[str, Any]:
    """A pod with one container."""
    main = {"name": "main", "image": "docker.io/library/nginx:1", **container}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "prod"},
        "spec": {"containers": [main]},
    }


def review(manifest: dict[str, Any] | None = None, **request: Any) -> dict[str, Any]:
    """An AdmissionReview as an API server sends it; absent values are null, as Go writes them."""
    found = pod() if manifest is None else manifest
    group, _, version = found["apiVersion"].rpartition("/")
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": UID,
            "kind": {"group": group, "version": version, "kind": found["kind"]},
            "resource": {"group": group, "version": version, "resource": found["kind"].lower() + "s"},
            "requestKind": {"group": group, "version": version, "kind": found["kind"]},
            "name": found["metadata"].get("name", ""),
            "namespace": "prod",
            "operation": "CREATE",
            "userInfo": {"username": "alice", "groups": ["system:authenticated"], "extra": None},
            "object": found,
            "oldObject": None,
            "dryRun": False,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
            **request,
        },
    }
