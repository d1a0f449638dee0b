"""What happens when the store fails: a typed error within a bound, nothing half written, nothing lost."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from govkernel.audit import AuditLog, verify
from govkernel.errors import AuditError
from tests.audit.conftest import NOW, ORIGIN
from tests.simulators.flaky_store import FlakyStore
from tests.simulators.records import sample_record


@pytest.fixture
def store(tmp_path: Path) -> FlakyStore:
    return FlakyStore(tmp_path / "audit.db")


def code_of_append(log: AuditLog, n: int) -> str:
    with pytest.raises(AuditError) as caught:
        asyncio.run(log.append(sample_record(n, NOW)))
    assert caught.value.remedy
    return caught.value.code


def intact(store: FlakyStore, log: AuditLog) -> int:
    report = verify(f"sqlite:///{store.path}", log.verifier, NOW)
    assert report.intact, [str(item) for item in report.findings]
    return report.size


def test_a_locked_database_is_an_error_and_the_spooled_record_arrives_later(log: AuditLog, store: FlakyStore):
    log.append_many([sample_record(0, NOW)])
    with store.locked():
        assert code_of_append(log, 1) == "audit.locked"
        log.spool(sample_record(1, NOW))
    asyncio.run(log.append(sample_record(2, NOW)))
    assert [log.row(at).record for at in range(3)] == [sample_record(n, NOW) for n in range(3)]
    assert intact(store, log) == 3


def test_a_full_disk_is_an_error_and_the_log_goes_on_afterwards(log: AuditLog, store: FlakyStore):
    log.append_many([sample_record(0, NOW)])
    with store.full(log._engine), pytest.raises(AuditError) as caught:
        for start in range(100, 10_000, 300):
            log.append_many([sample_record(n, NOW) for n in range(start, start + 300)])
    assert caught.value.code == "audit.unavailable"
    assert "full" in caught.value.why
    log.append_many([sample_record(9, NOW)])
    assert intact(store, log) == log.count("", NOW)


def test_a_failing_commit_leaves_nothing_behind(log: AuditLog, store: FlakyStore):
    log.append_many([sample_record(0, NOW)])
    with store.failing_commit(log._engine):
        assert code_of_append(log, 1) == "audit.unavailable"
    assert log.append_many([sample_record(2, NOW)])[0].index == 1
    assert intact(store, log) == 2


def test_a_database_that_was_replaced_is_not_written_to(log: AuditLog, store: FlakyStore):
    log.append_many([sample_record(0, NOW)])
    with store.replaced():
        assert code_of_append(log, 1) == "audit.unavailable"
    log.append_many([sample_record(2, NOW)])
    assert intact(store, log) == 2


def test_a_database_that_was_rolled_back_is_not_extended(log: AuditLog, store: FlakyStore):
    log.append_many([sample_record(n, NOW) for n in range(3)])
    log.append_many([sample_record(3, NOW)])
    tamper(
        store,
        "DELETE FROM record WHERE idx >= 3; DELETE FROM checkpoint WHERE size > 3;"
        "DELETE FROM node WHERE level = 2 OR idx = 1;",
    )
    assert code_of_append(log, 4) == "audit.corrupt"


def test_a_log_that_was_emptied_while_it_was_open_is_not_begun_anew(log: AuditLog, store: FlakyStore):
    log.append_many([sample_record(0, NOW)])
    tamper(store, "DELETE FROM record; DELETE FROM checkpoint; DELETE FROM node")
    assert code_of_append(log, 1) == "audit.corrupt"


def test_another_history_by_the_same_key_is_not_extended(
    log: AuditLog, store: FlakyStore, key: Ed25519PrivateKey, tmp_path: Path
):
    log.append_many([sample_record(n, NOW) for n in range(2)])
    other = AuditLog.open(f"sqlite:///{tmp_path}/other.db", origin=ORIGIN, signing_key=key)
    other.append_many([sample_record(n, NOW) for n in range(10, 15)])
    asyncio.run(other.close())
    tables = ("record", "checkpoint", "node")
    copying = "".join(
        f"DELETE FROM {name}; INSERT INTO {name} SELECT * FROM other.{name};" for name in tables
    )
    tamper(store, f"ATTACH '{tmp_path}/other.db' AS other; {copying}")
    assert code_of_append(log, 3) == "audit.corrupt"


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE checkpoint SET note = replace(note, 'example', 'exomple')",
        "UPDATE node SET hash = zeroblob(32)",
        "DELETE FROM node",
        "UPDATE record SET leaf_hash = zeroblob(32) WHERE idx = 2",
        "DELETE FROM record WHERE idx = 2",
        "INSERT INTO record SELECT 3, decision_id, decided_at, door, action, effect, principal, principal_id, "
        "resource, resource_id, policy_set, environment, payload, leaf_hash FROM record WHERE idx = 0",
    ],
)
def test_a_log_whose_end_was_changed_is_not_signed_again(
    log: AuditLog, store: FlakyStore, key: Ed25519PrivateKey, sql: str
):
    log.append_many([sample_record(n, NOW) for n in range(3)])
    tamper(store, sql)
    again = AuditLog.open(f"sqlite:///{store.path}", origin=ORIGIN, signing_key=key)
    assert code_of_append(again, 4) == "audit.corrupt"
    asyncio.run(again.close())


def test_another_key_cannot_continue_a_log(log: AuditLog, store: FlakyStore):
    log.append_many([sample_record(0, NOW)])
    other = AuditLog.open(f"sqlite:///{store.path}", origin=ORIGIN, signing_key=Ed25519PrivateKey.generate())
    assert code_of_append(other, 1) == "audit.corrupt"
    asyncio.run(other.close())


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path, key: Ed25519PrivateKey):
    with pytest.raises(AuditError, match=r"audit\.unavailable"):
        AuditLog.open(f"sqlite:///{tmp_path}/nowhere/audit.db", origin=ORIGIN, signing_key=key)


def test_a_file_that_is_no_database_is_an_error(tmp_path: Path, key: Ed25519PrivateKey):
    (tmp_path / "audit.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(AuditError, match=r"audit\.unavailable"):
        AuditLog.open(f"sqlite:///{tmp_path}/audit.db", origin=ORIGIN, signing_key=key)


def test_a_database_of_a_newer_version_is_refused(log: AuditLog, store: FlakyStore, key: Ed25519PrivateKey):
    tamper(store, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(AuditError, match=r"audit\.schema"):
        AuditLog.open(f"sqlite:///{store.path}", origin=ORIGIN, signing_key=key)
    with pytest.raises(AuditError, match=r"audit\.schema"):
        verify(f"sqlite:///{store.path}", log.verifier, NOW)


def tamper(store: FlakyStore, sql: str) -> None:
    connection = sqlite3.connect(store.path)
    connection.executescript(sql)
    connection.commit()
    connection.close()
