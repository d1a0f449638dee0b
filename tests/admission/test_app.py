"""The webhook over HTTP: what it asks, what it lets through unasked, and that no fault of ours is a yes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from govkernel.admission import app as app_module
from govkernel.admission.app import create_app
from govkernel.admission.message import MAX_WARNING, MAX_WARNINGS
from govkernel.domain import Artifact, Effect, Evidence, Judged, Obligation, Reason
from govkernel.hookspecs import hookimpl
from govkernel.plugins import PluginHost
from tests.admission.conftest import UID, ToldKernel, pod, review


def ask(client: TestClient, body: dict[str, Any]) -> dict[str, Any]:
    got = client.post("/v1/admit", json=body)
    assert got.status_code == 200
    response: dict[str, Any] = got.json()["response"]
    assert response["uid"] == UID
    return response


def test_a_denial_says_what_why_what_to_do_and_where_to_look(client: TestClient, kernel: ToldKernel) -> None:
    kernel.effect = Effect.DENY
    response = ask(client, review())
    assert response["allowed"] is False
    assert response["status"]["code"] == 403
    assert response["status"]["message"].splitlines() == [
        "Pod prod/web is denied by govkernel:",
        "- p/one: Because. — Fix: Do this.",
        "Look it up: govkernel audit query id:01900000-0000-7000-8000-000000000001",
    ]


def test_a_message_of_many_reasons_is_bounded_and_says_how_many_are_left(
    client: TestClient, kernel: ToldKernel
) -> None:
    kernel.effect = Effect.DENY
    reason = Reason(policy="p/x", effect=Effect.DENY, message="x" * 400, remedy="y" * 400)
    many = [reason.model_copy(update={"policy": f"p/{number}"}) for number in range(500)]
    kernel.update = {"reasons": tuple(many)}
    message = ask(client, review())["status"]["message"]
    assert len(message) <= 4096
    assert "more reasons" in message
    assert message.splitlines()[-1].startswith("Look it up: ")


def test_warnings_are_short_and_few(client: TestClient, kernel: ToldKernel) -> None:
    warned = Reason(policy="p/w", effect=Effect.DENY, message="w" * 900)
    kernel.update = {
        "warnings": tuple(warned.model_copy(update={"policy": f"p/{number}"}) for number in range(50)),
        "obligations": (Obligation(type="warn", arguments=("mind the gap",), policy="p/o"),),
    }
    response = ask(client, review())
    assert response["allowed"] is True
    assert len(response["warnings"]) == MAX_WARNINGS
    assert all(len(line) <= MAX_WARNING for line in response["warnings"])


@pytest.mark.parametrize("obligation", ["redact", "requireApproval", "somethingNew"])
def test_an_obligation_that_cannot_be_fulfilled_here_is_a_denial(
    client: TestClient, kernel: ToldKernel, obligation: str
) -> None:
    kernel.update = {"obligations": (Obligation(type=obligation, policy="p/o"),)}
    response = ask(client, review())
    assert response["allowed"] is False
    assert obligation in response["status"]["message"]


@pytest.mark.parametrize(("pinned", "allowed"), [(True, True), (False, False)])
def test_pinned_digests_fulfil_their_obligation(host: PluginHost, pinned: bool, allowed: bool) -> None:
    class Pinned(ToldKernel):
        async def judge(self, request: Any) -> Any:
            record = await super().judge(request)
            digest = record.decision.evidence
            artifact = Artifact(kind="model", name="mlflow://models/m/1", digest=digest, pinned=pinned)
            return record.model_copy(
                update={"subjects": (Judged(artifact=artifact, evidence=Evidence(subject=digest)),)}
            )

    told = Pinned(update={"obligations": (Obligation(type="pinDigest", policy="p/o"),)})
    response = ask(TestClient(create_app(told, host)), review())
    assert response["allowed"] is allowed


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"operation": "DELETE", "object": None, "oldObject": pod()}, "DELETE starts nothing new"),
        ({"operation": "CONNECT", "object": None}, "CONNECT starts nothing new"),
        ({"subResource": "status"}, "sub-resource status names no artifact"),
        ({"operation": "UPDATE", "oldObject": pod()}, "the update changes nothing that is judged"),
    ],
)
def test_what_starts_nothing_is_let_through_unasked(
    client: TestClient, kernel: ToldKernel, change: dict[str, Any], why: str
) -> None:
    kernel.effect = Effect.DENY
    response = ask(client, review(**change))
    assert response["allowed"] is True
    assert response["auditAnnotations"] == {"not-judged": why}
    assert kernel.asked == []


@pytest.mark.parametrize(
    "change",
    [
        {"operation": "UPDATE", "oldObject": pod(image="docker.io/library/nginx:0")},
        {"operation": "UPDATE", "oldObject": None},
        {"operation": "UPDATE", "subResource": "ephemeralcontainers", "oldObject": None},
        {"subResource": "somethingnew"},
        {"dryRun": True},
    ],
)
def test_what_may_start_something_is_asked(
    client: TestClient, kernel: ToldKernel, change: dict[str, Any]
) -> None:
    kernel.effect = Effect.DENY
    assert ask(client, review(**change))["allowed"] is False
    assert len(kernel.asked) == 1


def test_a_label_that_policies_see_makes_an_update_worth_asking(
    client: TestClient, kernel: ToldKernel
) -> None:
    old = pod()
    old["metadata"]["labels"] = {"tier": "test"}
    ask(client, review(operation="UPDATE", oldObject=old))
    assert len(kernel.asked) == 1


def test_a_service_account_is_one(client: TestClient, kernel: ToldKernel) -> None:
    ask(client, review(userInfo={"username": "system:serviceaccount:ci:deployer", "groups": None}))
    assert str(kernel.asked[0].principal) == 'ServiceAccount::"ci/deployer"'


def test_a_kernel_that_hangs_is_a_denial(host: PluginHost) -> None:
    kernel = ToldKernel(before=lambda: asyncio.Event().wait())
    response = ask(TestClient(create_app(kernel, host, deadline=0.05)), review())
    assert response["allowed"] is False
    assert "[admission.deadline]" in response["status"]["message"]


def test_a_kernel_that_breaks_is_a_denial_without_its_words(host: PluginHost) -> None:
    async def broken() -> None:
        raise ZeroDivisionError("secret words")

    response = ask(TestClient(create_app(ToldKernel(before=broken), host)), review())
    assert response["allowed"] is False
    assert "[admission.unexpected]" in response["status"]["message"]
    assert "secret" not in json.dumps(response)


def test_an_extractor_that_breaks_is_a_recorded_denial(
    client: TestClient, kernel: ToldKernel, host: PluginHost
) -> None:
    class Broken:
        @hookimpl
        def govkernel_artifact_extractors(self) -> list[Any]:
            return [self]

        def extract(self, manifest: Any) -> Any:
            raise ZeroDivisionError

    host.register("broken", Broken())
    response = ask(client, review())
    assert response["allowed"] is False
    assert "broken" in response["status"]["message"]
    assert kernel.asked[0].artifacts[0].uri.startswith("unknown:")


def test_a_flood_is_denied_not_queued(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, kernel: ToldKernel
) -> None:
    monkeypatch.setattr(app_module, "MAX_REVIEWS", 0)
    response = ask(client, review())
    assert response["allowed"] is False
    assert "[admission.busy]" in response["status"]["message"]


def test_the_cluster_can_look_after_it(client: TestClient, host: PluginHost) -> None:
    assert client.get("/healthz").json() == {"healthy": True}
    assert client.get("/readyz").status_code == 200
    ask(client, review())
    assert 'effect="allow"' in client.get("/metrics").text
    host.register("misspelt", type("Misspelt", (), {"govkernel_nothing": hookimpl(lambda self: [])})())
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert "misspelt" in ready.text


def test_only_these_paths_are_answered(client: TestClient) -> None:
    assert client.get("/v1/admit").status_code == 405
    assert client.get("/docs").status_code == 404
    assert client.get("/openapi.json").status_code == 404
