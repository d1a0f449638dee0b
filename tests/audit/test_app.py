"""The audit door over HTTP: answers, proofs that verify on the other side, refusals, and pages that only show text."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("fastapi", reason='pip install "govkernel[admission]"')
from fastapi.testclient import TestClient

from govkernel.audit import AuditLog
from govkernel.audit.app import create_app
from govkernel.domain import EntityRef
from govkernel.domain.merkle import leaf_hash, verify_consistency, verify_inclusion
from tests.audit.conftest import NOW
from tests.simulators.flaky_store import FlakyStore
from tests.simulators.records import sample_record

SIZE = 23
HOSTILE = '<script>alert("x")</script>&\'"><img src=x onerror=alert(1)>'
PLAIN_TAGS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "h1",
        "form",
        "label",
        "input",
        "button",
        "p",
    ),
    *(
        "code",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "a",
        "span",
        "ul",
        "li",
        "div",
        "strong",
        "h3",
        "br",
    ),
}


class Tags(HTMLParser):
    """Collects the tags and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.fixture
def client(log: AuditLog) -> Iterator[TestClient]:
    log.append_many([sample_record(n, NOW) for n in range(SIZE)])
    with TestClient(create_app(log, clock=lambda: NOW)) as opened:
        yield opened


def test_records_are_found(client: TestClient):
    found = client.get("/v1/records", params={"q": "decision:deny limit:3"}).json()
    assert found["total"] == 8
    assert [item["index"] for item in found["records"]] == [21, 18, 15]
    assert all(item["effect"] == "deny" and item["intact"] for item in found["records"])


def test_a_record_and_its_proof_can_be_checked_by_whoever_asked(client: TestClient, log: AuditLog):
    record = client.get("/v1/records/7").json()
    proof = client.get("/v1/records/7/proof").json()
    leaf = leaf_hash(record["payload"].encode())
    root = log.verifier.open(proof["checkpoint"]).root
    assert verify_inclusion(leaf, 7, proof["size"], [bytes.fromhex(item) for item in proof["hashes"]], root)
    assert client.get("/v1/checkpoint").text == proof["checkpoint"]


def test_consistency_can_be_checked_by_whoever_kept_a_root(client: TestClient):
    given = client.get("/v1/consistency", params={"from": 5, "to": SIZE}).json()
    old, new = bytes.fromhex(given["fromRoot"]), bytes.fromhex(given["toRoot"])
    assert verify_consistency(5, SIZE, old, new, [bytes.fromhex(item) for item in given["hashes"]])


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/records?q=colour:red", 400, "audit.query-field"),
        ("/v1/records?q=%22", 400, "audit.query-syntax"),
        ("/v1/records?q=" + "a" * 5000, 400, "audit.query-too-long"),
        ("/v1/records/23", 404, "audit.not-found"),
        ("/v1/records/-1/proof", 404, "audit.not-found"),
        ("/v1/records/99999999999999999999999999", 404, "audit.not-found"),
        ("/v1/records/seven", 400, "audit.request"),
        ("/v1/consistency?from=9&to=3", 404, "audit.not-found"),
        ("/v1/consistency?from=9", 400, "audit.request"),
        ("/nowhere", 404, "audit.request"),
        ("/docs", 404, "audit.request"),
    ],
)
def test_refusals_are_typed(client: TestClient, path: str, status: int, code: str):
    answer = client.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["error"]["remedy"]


def test_only_reading_is_possible(client: TestClient):
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert client.request(method, "/v1/records").status_code == 405


def test_a_database_that_is_gone_is_said_to_be(client: TestClient, tmp_path: Path, log: AuditLog):
    assert client.get("/healthz").json() == {"status": "ok"}
    with FlakyStore(tmp_path / "audit.db").replaced():
        log._engine.dispose()
        answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "audit.unavailable")
    log._engine.dispose()


@pytest.mark.parametrize(
    "path", ["/", "/records/3", "/v1/records", "/v1/checkpoint", "/v1/openapi.json", "/nowhere"]
)
def test_a_token_is_needed_where_one_is_configured(log: AuditLog, path: str):
    log.append_many([sample_record(n, NOW) for n in range(4)])
    client = TestClient(create_app(log, token="s3cret", clock=lambda: NOW))
    basic = base64.b64encode(b"anyone:s3cret").decode()
    bad = [
        None,
        "Bearer",
        "Bearer wrong",
        "Bearer s3cre",
        "Basic !!",
        "Basic czNjcmV0",
        "Digest s3cret",
        "s3cret",
    ]
    for value in bad:
        answer = client.get(path, headers={"Authorization": value} if value else {})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "audit.unauthorized")
        assert "Bearer" in answer.headers["www-authenticate"]
    for value in ("Bearer s3cret", "bearer s3cret", f"Basic {basic}"):
        assert client.get(path, headers={"Authorization": value}).status_code == (
            404 if path == "/nowhere" else 200
        )
    assert client.get("/healthz").status_code == 200


def test_pages_carry_a_strict_policy_that_allows_their_own_style_only(client: TestClient):
    for path in ("/", "/records/3", "/nowhere", "/v1/records"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy
        assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")
    style = re.search(r"<style>(.*?)</style>", client.get("/").text, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style.group(1).encode()).digest()).decode()
    assert f"'sha256-{digest}'" in client.get("/").headers["content-security-policy"]


def test_the_page_shows_what_was_found(client: TestClient):
    page = client.get("/", params={"q": "decision:deny limit:2"}).text
    assert "2 of 8 matching record(s)" in page
    assert 'href="/records/21"' in page
    assert "baseline/unsigned" in page
    assert "No record matches" in client.get("/", params={"q": "principal:nobody"}).text


def test_the_page_says_what_is_wrong_with_a_query(client: TestClient):
    answer = client.get("/", params={"q": "colour:red"})
    assert answer.status_code == 400
    assert "column 1" in answer.text
    assert 'value="colour:red"' in answer.text


def test_a_record_page_shows_the_proof(client: TestClient, log: AuditLog):
    page = client.get("/records/7").text
    assert all(item.hex() in page for item in log.prove(7).hashes)
    assert client.get("/records/99").status_code == 404


def test_a_record_page_says_who_stated_what_about_each_artifact(client: TestClient, log: AuditLog):
    rows = log.query("limit:50", NOW)
    row = next(row for row in rows if any(subject.evidence.accepted for subject in row.record.subjects))
    page = client.get(f"/records/{row.index}").text
    subject = next(subject for subject in row.record.subjects if subject.evidence.accepted)
    accepted = subject.evidence.accepted[0]
    shown = page[page.index("<h2>Evidence</h2>") : page.index("<h2>Record</h2>")]
    assert str(subject.artifact.digest) in shown
    assert accepted.statement.predicate_type in shown
    assert f"stated by <strong>{accepted.signers[0].name}</strong>" in shown


def test_what_strangers_wrote_is_text_on_every_page(log: AuditLog):
    record = sample_record(0, NOW)
    reason = record.decision.reasons or sample_record(3, NOW).decision.reasons
    decision = record.decision.model_copy(
        update={
            "reasons": (
                reason[0].model_copy(update={"message": HOSTILE, "policy": HOSTILE, "remedy": HOSTILE}),
            )
        }
    )
    request = record.request.model_copy(
        update={
            "principal": EntityRef(type="User", id=HOSTILE),
            "resource": EntityRef(type="Model", id=HOSTILE),
            "environment": HOSTILE,
        }
    )
    log.append_many([record.model_copy(update={"decision": decision, "request": request})])
    client = TestClient(create_app(log, clock=lambda: NOW))
    for path in ("/", f"/?q={HOSTILE}", "/records/0"):
        tags = Tags(client.get(path).text)
        assert not {"script", "img"} & set(tags.tags)
        assert "onerror" not in tags.attributes


@given(st.text(max_size=40))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_query_gives_a_page(client: TestClient, text: str):
    answer = client.get("/", params={"q": text})
    assert answer.status_code in {200, 400}
    assert set(Tags(answer.text).tags) <= PLAIN_TAGS


def test_a_damaged_record_is_marked_and_its_page_warns(client: TestClient, log: AuditLog):
    with log._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE record SET payload = '<b>not json' WHERE idx = 20")
    assert "damaged" in client.get("/").text
    page = client.get("/records/20")
    assert page.status_code == 200
    assert "not the one whose hash was logged" in page.text
    assert "&lt;b&gt;not json" in page.text
    assert client.get("/v1/records/20").json()["record"] is None


def test_a_record_whose_proof_fails_says_so(client: TestClient, log: AuditLog):
    with log._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE record SET leaf_hash = zeroblob(32) WHERE idx = 20")
    assert client.get("/v1/records/20/proof").json()["error"]["code"] == "audit.corrupt"
    assert "audit.corrupt" in client.get("/records/20").text


def test_an_empty_log_has_a_page_and_no_checkpoint(log: AuditLog):
    client = TestClient(create_app(log))
    assert client.get("/v1/checkpoint").text == ""
    assert client.get("/").status_code == 200
    assert asyncio.run(log.close()) is None
