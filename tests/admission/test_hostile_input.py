"""Whatever is sent to the webhook, the answer is an AdmissionReview that says yes only to what was decided."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from govkernel.admission.review import MAX_BYTES, parse_review
from govkernel.errors import CODE_PATTERN, InputError
from tests.admission.conftest import UID, ToldKernel, pod, review

GOOD = json.dumps(review()).encode()
DEEP = GOOD.replace(b'"oldObject": null', b'"oldObject": ' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000)
HOSTILE = {
    "20 MB": (GOOD[:-1] + b" " * 20_000_000 + b"}", 413, "admission.too-large"),
    "10,000 deep": (DEEP, 400, "json.too-deep"),
    "duplicate key": (
        GOOD.replace(b'"name": "web"', b'"name": "web", "name": "x"', 1),
        400,
        "json.duplicate-key",
    ),
    "duplicate key, escaped": (
        GOOD.replace(b'"name": "web"', b'"name": "web", "n\\u0061me": "x"', 1),
        400,
        "json.duplicate-key",
    ),
    "not UTF-8": (GOOD.replace(b"alice", b"al\xffce"), 400, "json.not-utf8"),
    "a lone surrogate": (GOOD.replace(b"alice", b"al\\ud800ce"), 400, "json.not-utf8"),
    "NaN": (GOOD.replace(b'"dryRun": false', b'"dryRun": NaN'), 400, "json.not-finite"),
    "infinite": (GOOD.replace(b'"oldObject": null', b'"oldObject": {"a": 1e999}'), 400, "json.not-finite"),
    "truncated": (GOOD[:-30], 400, "json.malformed"),
    "two documents": (GOOD + GOOD, 400, "json.malformed"),
    "nothing": (b"", 400, "json.malformed"),
    "a list": (b"[]", 400, "admission.version"),
    "v1beta1": (GOOD.replace(b"k8s.io/v1", b"k8s.io/v1beta1", 1), 400, "admission.version"),
    "no request": (
        b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}',
        400,
        "admission.malformed",
    ),
    "no uid": (GOOD.replace(b'"uid"', b'"uuid"'), 400, "admission.malformed"),
    "a response": (GOOD.replace(b'"request"', b'"response"'), 400, "admission.malformed"),
    "unknown operation": (GOOD.replace(b"CREATE", b"PATCH"), 400, "admission.malformed"),
    "no object": (json.dumps(review(object=None)).encode(), 400, "admission.malformed"),
    "object is text": (json.dumps(review(object="x")).encode(), 400, "admission.malformed"),
    "username is a number": (GOOD.replace(b'"alice"', b"7"), 400, "admission.malformed"),
}


def answer(client: TestClient, body: bytes) -> tuple[int, dict[str, Any]]:
    got = client.post("/v1/admit", content=body, headers={"content-type": "application/json"})
    document = got.json()
    assert (document["apiVersion"], document["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
    assert "Traceback" not in got.text
    return got.status_code, document["response"]


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_read_is_denied_with_a_code_and_a_remedy(
    client: TestClient, kernel: ToldKernel, name: str
) -> None:
    body, status, code = HOSTILE[name]
    got, response = answer(client, body)
    assert got == status
    assert response["allowed"] is False
    assert "Fix: " in response["status"]["message"]
    found = response["auditAnnotations"]["faults"]
    assert CODE_PATTERN.fullmatch(found)
    assert found == code
    assert response["uid"] in (UID, "")
    assert kernel.asked == []


@pytest.mark.parametrize("name", ["20 MB", "10,000 deep", "duplicate key", "not UTF-8", "truncated"])
def test_the_uid_is_known_even_so(client: TestClient, name: str) -> None:
    assert answer(client, HOSTILE[name][0])[1]["uid"] == UID


def test_the_good_one_is_good(client: TestClient, kernel: ToldKernel) -> None:
    assert answer(client, GOOD) == (200, {"uid": UID, "allowed": True, "auditAnnotations": {**ANNOTATIONS}})
    (request,) = kernel.asked
    assert str(request.principal) == 'User::"alice"'
    assert request.environment == "production"
    assert request.workload.kind == "Pod"


ANNOTATIONS = {
    "decision-id": "01900000-0000-7000-8000-000000000001",
    "effect": "allow",
    "evidence": "sha256:" + "ab" * 32,
    "policies": "p/one",
    "policy-set": "sha256:" + "ab" * 32,
}


def test_a_body_at_the_limit_is_read(client: TestClient) -> None:
    assert answer(client, GOOD + b" " * (MAX_BYTES - len(GOOD)))[0] == 200
    assert answer(client, GOOD + b" " * (MAX_BYTES - len(GOOD) + 1))[0] == 413


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_review_or_a_typed_error(data: bytes) -> None:
    try:
        parse_review(data)
    except InputError as error:
        assert error.remedy


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@given(st.sampled_from(sorted(review()["request"])), JSON)
def test_any_field_may_be_anything(field: str, value: Any) -> None:
    try:
        parse_review(json.dumps(review(**{field: value})).encode())
    except InputError as error:
        assert error.remedy


@given(st.sampled_from(["containers", "initContainers", "volumes", "ephemeralContainers"]), JSON)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_pod_specification_is_answered(
    client: TestClient, kernel: ToldKernel, field: str, value: Any
) -> None:
    manifest = pod()
    manifest["spec"][field] = value
    status, response = answer(client, json.dumps(review(manifest)).encode())
    assert status == 200
    assert isinstance(response["allowed"], bool)
    assert kernel.asked  # whatever the answer, it was a decision
