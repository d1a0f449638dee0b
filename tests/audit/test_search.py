"""Queries against a real log: what they find is what a plain reading of the records finds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from govkernel.audit import AuditLog
from govkernel.domain import Effect, Record
from govkernel.errors import AuditError
from tests.audit.conftest import NOW
from tests.simulators.records import sample_digest, sample_record

SIZE = 60
RECORDS = [sample_record(n, NOW - timedelta(hours=n)) for n in range(SIZE)]


@pytest.fixture
def filled(log: AuditLog) -> AuditLog:
    log.append_many(RECORDS)
    return log


def names(record: Record) -> list[str]:
    return [judged.artifact.name for judged in record.subjects]


def policies(record: Record) -> list[str]:
    return [reason.policy for reason in record.decision.reasons]


CASES: list[tuple[str, Callable[[Record], bool]]] = [
    ("", lambda r: True),
    ("decision:deny", lambda r: r.decision.effect is Effect.DENY),
    ("-decision:deny", lambda r: r.decision.effect is Effect.ALLOW),
    ("decision:deny,allow", lambda r: True),
    ("decision:deny decision:allow", lambda r: False),
    ("door:ci,guard", lambda r: r.request.door in {"ci", "guard"}),
    ("action:admit", lambda r: r.request.action == "admit"),
    ("principal:alice", lambda r: r.request.principal.id == "alice"),
    ('principal:"User::\\"alice\\""', lambda r: r.request.principal.id == "alice"),
    ('principal:"Group::\\"alice\\""', lambda r: False),
    ("principal:çelik,bob", lambda r: r.request.principal.id in {"çelik", "bob"}),
    ("principal:a*", lambda r: r.request.principal.id == "alice"),
    ("resource:team-1/*", lambda r: r.request.resource.id.startswith("team-1/")),
    ("resource:team-_/*", lambda r: False),
    ("resource:%", lambda r: False),
    ("environment:production", lambda r: r.request.environment == "production"),
    ('name:"mlflow://models/model-3/13"', lambda r: "mlflow://models/model-3/13" in names(r)),
    ("name:mlflow://models/model-3/*", lambda r: names(r)[0].startswith("mlflow://models/model-3/")),
    ("-name:mlflow://models/model-3/*", lambda r: not names(r)[0].startswith("mlflow://models/model-3/")),
    ("kind:model", lambda r: True),
    ("kind:prompt", lambda r: False),
    (f"artifact:{sample_digest(4)}", lambda r: r.subjects[0].artifact.digest == sample_digest(4)),
    ("policy:baseline/unsigned", lambda r: "baseline/unsigned" in policies(r)),
    ("policy:baseline/*", lambda r: bool(policies(r))),
    ("control:NIST-AI-RMF/MAP-4.1", lambda r: bool(policies(r))),
    ("fault:any", lambda r: bool(r.decision.faults)),
    ("fault:none", lambda r: not r.decision.faults),
    ("-fault:any decision:deny", lambda r: not r.decision.faults and not r.decision.allowed),
    ("fault:plugin.timeout", lambda r: bool(r.decision.faults)),
    ("fault:none,plugin.timeout", lambda r: True),
    ("since:1d", lambda r: r.decision.decided_at >= NOW - timedelta(days=1)),
    ("until:1d", lambda r: r.decision.decided_at < NOW - timedelta(days=1)),
    (
        "since:2d until:12h decision:allow",
        lambda r: (
            NOW - timedelta(days=2) <= r.decision.decided_at < NOW - timedelta(hours=12)
            and r.decision.allowed
        ),
    ),
    ("since:2026-03-01", lambda r: r.decision.decided_at >= NOW.replace(hour=0)),
    ("since:2026-03-01T10:30:00+01:00", lambda r: r.decision.decided_at >= NOW.replace(hour=9, minute=30)),
    ("service-7", lambda r: "service-7" in r.model_dump_json()),
    ("SERVICE-7", lambda r: "service-7" in r.model_dump_json()),
    ("-service-7", lambda r: "service-7" not in r.model_dump_json()),
    ('"signed and evaluated"', lambda r: r.decision.allowed),
    ("100%", lambda r: False),
    ("servic__7", lambda r: False),
    ('"about\\""', lambda r: False),
    ("limit:3", lambda r: True),
]


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text or "(all)" for text, _ in CASES])
def test_a_query_finds_what_reading_every_record_finds(
    filled: AuditLog, text: str, expected: Callable[[Record], bool]
):
    found = [record for record in RECORDS if expected(record)][::-1]
    limit = 3 if text == "limit:3" else 100
    assert [row.record for row in filled.query(text, NOW)] == found[:limit]
    assert filled.count(text, NOW) == len(found)


@pytest.mark.parametrize(
    "hostile",
    [
        "' OR 1=1 --",
        '" OR ""="',
        "%",
        "_",
        "\\",
        "*%_\\",
        "x'; DROP TABLE record; --",
        "\0",
        "Robert'); DROP TABLE",
        "?",
        ":idx",
        "{}",
    ],
)
@pytest.mark.parametrize(
    "field", ["name", "policy", "principal", "resource", "environment", "control", "id", "fault", "text"]
)
def test_no_value_is_more_than_a_value(filled: AuditLog, field: str, hostile: str):
    quoted = hostile.replace("\\", "\\\\").replace('"', '\\"')
    if (field, hostile) not in {("text", ":idx"), ("text", "_"), ("text", "{}")}:
        assert filled.count(f'{field}:"{quoted}"', NOW) == 0 or hostile == "*%_\\"
    assert filled.count("", NOW) == SIZE


@given(st.text(max_size=30))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_query_is_answered_or_refused(log: AuditLog, text: str):
    try:
        log.query(text, NOW)
    except AuditError as error:
        assert error.code.startswith("audit.query-")


def test_a_denied_request_is_found_by_the_name_it_asked_for_even_when_nothing_was_gathered(log: AuditLog):
    log.append_many([RECORDS[0].model_copy(update={"subjects": ()})])
    assert log.count("name:mlflow://models/model-0/0", NOW) == 1


def test_a_damaged_row_is_shown_as_such_and_hides_no_other(filled: AuditLog, tmp_path: Path):
    with filled._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE record SET payload = '{' WHERE idx = 5")
    rows = {row.index: row for row in filled.query("", NOW)}
    assert len(rows) == SIZE
    assert (rows[5].intact, rows[5].as_dict()["record"], rows[4].intact) == (False, None, True)
    with pytest.raises(AuditError, match="record-invalid"):
        _ = rows[5].record


def test_a_query_that_takes_too_long_is_stopped(filled: AuditLog, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("govkernel.audit.reader.DEADLINE", -1.0)
    filled.append_many([sample_record(n, NOW) for n in range(3000)])
    with pytest.raises(AuditError, match="query-timeout"):
        filled.count('"not in any record" -nowhere', NOW)
