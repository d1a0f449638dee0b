"""The log in a real PostgreSQL: the same promises as in SQLite."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Engine, text

from govkernel.audit import AuditLog, upgrade, verify
from govkernel.audit.database import ADVISORY_LOCK, open_engine, open_read_only, transaction
from govkernel.audit.tables import METADATA
from govkernel.domain import EntityRef
from govkernel.domain.merkle import verify_inclusion
from govkernel.errors import AuditError
from tests.audit.conftest import NOW, ORIGIN
from tests.audit.test_search import CASES, RECORDS
from tests.simulators.records import sample_record

pytest.importorskip("psycopg", reason='no driver: pip install "govkernel[postgres]"')

from tests.simulators.postgres import INSTALL_HINT, Server, find_binaries, running_server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip(INSTALL_HINT)
    with running_server(binaries) as running:
        yield running


@pytest.fixture
def url(server: Server) -> str:
    return server.new_database()


@pytest.fixture
def log(url: str, key: Ed25519PrivateKey, tmp_path) -> Iterator[AuditLog]:
    spool = tmp_path / "spool.jsonl"
    opened = AuditLog.open(url, origin=ORIGIN, signing_key=key, lock_timeout=0.3, spool=spool)
    yield opened
    asyncio.run(opened.close())


@contextmanager
def connected(engine: Engine) -> Iterator[Connection]:
    with transaction(engine) as connection:
        yield connection
    engine.dispose()


def run(url: str, sql: str) -> None:
    with connected(open_engine(url)) as connection:
        connection.execute(text(sql))


def test_append_query_prove_verify(log: AuditLog, url: str):
    log.append_many(RECORDS)
    for query, expected in CASES:
        if "limit" not in query:
            assert [row.record for row in log.query(query, NOW)] == [
                item for item in RECORDS if expected(item)
            ][::-1], query
    proof = log.prove(17)
    assert verify_inclusion(
        proof.leaf_hash, 17, proof.size, proof.hashes, log.verifier.open(proof.checkpoint).root
    )
    report = verify(url, log.verifier, NOW)
    assert (report.intact, report.size) == (True, len(RECORDS))


def test_migrations_make_the_tables_of_the_code(url: str):
    upgrade(url)
    with connected(open_engine(url)) as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


@pytest.mark.parametrize("identifier", ["a\0b", "é" * 2048, "🙂" * 2048, "'; DROP TABLE record; --"])
def test_any_identifier_is_kept_as_it_was(log: AuditLog, url: str, identifier: str):
    request = sample_record(1, NOW).request.model_copy(
        update={"principal": EntityRef(type="User", id=identifier)}
    )
    record = sample_record(1, NOW).model_copy(update={"request": request})
    log.append_many([record])
    assert log.row(0).record == record
    assert verify(url, log.verifier, NOW).intact


def test_several_writers_take_turns(url: str, key: Ed25519PrivateKey):
    with ThreadPoolExecutor(4) as threads:  # they also race to make the tables
        logs = list(
            threads.map(
                lambda _: AuditLog.open(url, origin=ORIGIN, signing_key=key, lock_timeout=20), range(4)
            )
        )
        receipts = list(threads.map(lambda n: logs[n % 4].append_many([sample_record(n, NOW)]), range(60)))
    assert sorted(item.index for (item,) in receipts) == list(range(60))
    report = verify(url, logs[0].verifier, NOW)
    assert (report.intact, report.size) == (True, 60)
    for log in logs:
        asyncio.run(log.close())


def test_a_held_lock_is_an_error_and_the_spooled_record_arrives_later(log: AuditLog, url: str):
    with connected(open_engine(url)) as connection:
        connection.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
        with pytest.raises(AuditError, match=r"audit\.locked"):
            asyncio.run(log.append(sample_record(0, NOW)))
        log.spool(sample_record(0, NOW))
    asyncio.run(log.append(sample_record(1, NOW)))
    assert [row.record for row in log.query("", NOW)] == [sample_record(1, NOW), sample_record(0, NOW)]


def test_an_edited_row_is_named_and_a_changed_end_is_not_signed_again(
    log: AuditLog, url: str, key: Ed25519PrivateKey
):
    log.append_many([sample_record(n, NOW) for n in range(9)])
    run(url, "UPDATE record SET payload = replace(payload, '\"deny\"', '\"allow\"') WHERE idx = 3")
    (finding,) = verify(url, log.verifier, NOW).findings
    assert (finding.code, finding.rows) == ("audit.row-changed", (3, 3))
    run(url, "DELETE FROM node WHERE level = 3")
    again = AuditLog.open(url, origin=ORIGIN, signing_key=key)
    with pytest.raises(AuditError, match=r"audit\.corrupt"):
        asyncio.run(again.append(sample_record(9, NOW)))
    asyncio.run(again.close())


def test_without_a_spool_file_spooling_says_so(url: str, key: Ed25519PrivateKey):
    log = AuditLog.open(url, origin=ORIGIN, signing_key=key)
    with pytest.raises(AuditError, match="no-spool"):
        log.spool(sample_record(0, NOW))
    asyncio.run(log.close())


def test_a_slow_query_is_stopped(log: AuditLog):
    with (
        pytest.raises(AuditError, match="query-timeout"),
        transaction(log._engine, deadline=0.2) as connection,
    ):
        connection.execute(text("SELECT pg_sleep(5)"))


def test_verification_sees_one_moment_and_cannot_write(log: AuditLog, url: str):
    log.append_many([sample_record(0, NOW)])
    engine = open_read_only(url)
    with pytest.raises(AuditError, match=r"audit\.unavailable"), connected(engine) as connection:
        connection.execute(text("DELETE FROM record"))
    engine.dispose()
    assert log.count("", NOW) == 1


def test_a_killed_writer_leaves_a_valid_log(url: str, key: Ed25519PrivateKey):
    command = [sys.executable, "-m", "tests.audit.appender", url, "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        read = [process.stdout.readline() for _ in range(60)]
        process.kill()
        read += process.stdout.readlines()
    acknowledged = {int(line.split()[0]): int(line.split()[1]) for line in read if line.endswith("\n")}
    log = AuditLog.open(url, origin=ORIGIN, signing_key=key)
    assert verify(url, log.verifier, NOW).intact
    assert all(log.row(index).record == sample_record(number, NOW) for index, number in acknowledged.items())
    asyncio.run(log.close())


def test_a_server_that_stops_is_an_error_and_one_that_is_back_is_used_again(log: AuditLog, server: Server):
    log.append_many([sample_record(0, NOW)])
    server.stop()
    try:
        with pytest.raises(AuditError, match=r"audit\.unavailable"):
            asyncio.run(log.append(sample_record(1, NOW)))
    finally:
        server.start()
    assert log.append_many([sample_record(2, NOW)])[0].index == 1


def test_no_server_is_an_error(key: Ed25519PrivateKey, tmp_path):
    with pytest.raises(AuditError, match=r"audit\.unavailable"):
        AuditLog.open(f"postgresql://u@/x?host={tmp_path}", origin=ORIGIN, signing_key=key)
