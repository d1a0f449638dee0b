"""Appending: durable receipts, group commit from many callers, several processes' worth of logs on one database."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from govkernel.audit import AuditLog, Receipt, verify
from govkernel.domain import EntityRef, Record
from govkernel.domain.merkle import leaf_hash, verify_consistency, verify_inclusion
from govkernel.errors import AuditError
from tests.audit.conftest import NOW, ORIGIN
from tests.simulators.records import sample_record


def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/audit.db"


async def append_all(log: AuditLog, records: list[Record]) -> list[Receipt]:
    return list(await asyncio.gather(*(log.append(record) for record in records)))


def with_principal(record: Record, identifier: str) -> Record:
    request = record.request.model_copy(update={"principal": EntityRef(type="User", id=identifier)})
    return record.model_copy(update={"request": request})


def test_a_receipt_says_where_the_record_is_and_proves_it(log: AuditLog):
    record = sample_record(0, NOW)
    receipt = asyncio.run(log.append(record))
    checkpoint = log.verifier.open(receipt.checkpoint)
    assert (receipt.index, checkpoint.size, checkpoint.root) == (0, 1, receipt.leaf_hash)
    assert receipt.leaf_hash == leaf_hash(record.model_dump_json().encode())
    assert log.row(0).record == record


def test_appends_at_once_are_committed_in_groups_without_gaps(log: AuditLog, tmp_path: Path):
    receipts = asyncio.run(append_all(log, [sample_record(n, NOW) for n in range(300)]))
    assert [receipt.index for receipt in receipts] == list(range(300))
    assert len({receipt.checkpoint for receipt in receipts}) < 100
    report = verify(url(tmp_path), log.verifier, NOW)
    assert (report.intact, report.size) == (True, 300)


def test_every_record_can_be_proved_and_every_checkpoint_is_continued(log: AuditLog):
    receipts = log.append_many([sample_record(n, NOW) for n in range(13)])
    log.append_many([sample_record(n, NOW) for n in range(13, 40)])
    for receipt in receipts:
        proof = log.prove(receipt.index)
        root = log.verifier.open(proof.checkpoint).root
        assert verify_inclusion(receipt.leaf_hash, proof.index, proof.size, proof.hashes, root)
    old, new = log.verifier.open(receipts[0].checkpoint), log.verifier.open(log.checkpoint())
    consistent = log.consistency(old.size, new.size)
    assert verify_consistency(old.size, new.size, old.root, new.root, consistent.hashes)
    assert (consistent.first_root, consistent.second_root) == (old.root, new.root)


def test_a_log_is_continued_after_it_was_closed(tmp_path: Path, key: Ed25519PrivateKey):
    for start in (0, 5, 10):
        log = AuditLog.open(url(tmp_path), origin=ORIGIN, signing_key=key)
        receipts = log.append_many([sample_record(n, NOW) for n in range(start, start + 5)])
        assert receipts[0].index == start
        asyncio.run(log.close())
    assert verify(url(tmp_path), log.verifier, NOW).intact


def test_several_writers_share_one_database(tmp_path: Path, key: Ed25519PrivateKey):
    logs = [AuditLog.open(url(tmp_path), origin=ORIGIN, signing_key=key, lock_timeout=10) for _ in range(3)]

    def write(number: int) -> list[int]:
        records = [sample_record(number * 1000 + n, NOW) for n in range(20)]
        return [log_.append_many([record])[0].index for record in records for log_ in (logs[number],)]

    with ThreadPoolExecutor(3) as threads:
        indexes = [index for found in threads.map(write, range(3)) for index in found]
    assert sorted(indexes) == list(range(60))
    assert verify(url(tmp_path), logs[0].verifier, NOW).size == 60
    for log in logs:
        asyncio.run(log.close())


def test_a_log_can_be_verified_while_it_grows(log: AuditLog, tmp_path: Path):
    with ThreadPoolExecutor(1) as thread:
        writing = thread.submit(lambda: [log.append_many([sample_record(n, NOW)]) for n in range(150)])
        reports = [verify(url(tmp_path), log.verifier, NOW)]
        while not writing.done():
            reports.append(verify(url(tmp_path), log.verifier, NOW))
        writing.result()
    assert all(report.intact for report in reports)
    assert verify(url(tmp_path), log.verifier, NOW).size == 150


@pytest.mark.parametrize("identifier", ["a\0b", "x" * 2048, "é" * 2048, '"\\', "\u202e", "🙂", ""])
def test_any_identifier_is_kept_as_it_was(log: AuditLog, tmp_path: Path, identifier: str):
    record = with_principal(sample_record(1, NOW), identifier)
    log.append_many([record])
    assert log.row(0).record == record
    assert verify(url(tmp_path), log.verifier, NOW).intact


def test_a_record_that_cannot_be_written_does_not_take_others_with_it(log: AuditLog):
    request = sample_record(1, NOW).request.model_copy(update={"attributes": {"half a pair": "\ud800"}})
    bad = sample_record(1, NOW).model_copy(update={"request": request})

    async def both() -> list[object]:
        return await asyncio.gather(
            log.append(sample_record(0, NOW)),
            log.append(bad),
            log.append(sample_record(2, NOW)),
            return_exceptions=True,
        )

    one, error, two = asyncio.run(both())
    assert isinstance(one, Receipt)
    assert isinstance(two, Receipt)
    assert isinstance(error, AuditError)
    assert error.code == "audit.record-invalid"


def test_a_time_without_zone_is_refused(log: AuditLog):
    record = sample_record(0, NOW)
    naive = record.decision.model_copy(update={"decided_at": datetime(2026, 1, 1)})
    with pytest.raises(AuditError, match="record-invalid"):
        asyncio.run(log.append(record.model_copy(update={"decision": naive})))


def test_a_record_larger_than_the_limit_is_refused(log: AuditLog):
    record = sample_record(0, NOW)
    request = record.request.model_copy(update={"attributes": {"note": "x" * (17 * 1024 * 1024)}})
    with pytest.raises(AuditError, match="record-too-large"):
        asyncio.run(log.append(record.model_copy(update={"request": request})))


def test_a_closed_log_refuses_and_what_waited_was_written(tmp_path: Path, key: Ed25519PrivateKey):
    log = AuditLog.open(url(tmp_path), origin=ORIGIN, signing_key=key)

    async def append_and_close() -> list[Receipt]:
        waiting = [asyncio.ensure_future(log.append(sample_record(n, NOW))) for n in range(50)]
        await asyncio.sleep(0)
        await log.close()
        return list(await asyncio.gather(*waiting))

    assert len(asyncio.run(append_and_close())) == 50
    with pytest.raises(AuditError, match=r"audit\.closed"):
        asyncio.run(log.append(sample_record(51, NOW)))
    assert verify(url(tmp_path), log.verifier, NOW).size == 50


@pytest.mark.parametrize(
    "bad", ["", "nonsense", "mysql://h/d", "sqlite://", "sqlite:///:memory:", "sqlite:///file:x?uri=true"]
)
def test_urls_we_cannot_use_are_refused(key: Ed25519PrivateKey, bad: str):
    with pytest.raises(AuditError, match=r"audit\.url"):
        AuditLog.open(bad, origin=ORIGIN, signing_key=key)


def test_a_new_database_is_for_its_owner_only(log: AuditLog, tmp_path: Path):
    assert (tmp_path / "audit.db").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("index", [-1, 0, 5, 2**63, 2**80])
def test_what_is_not_in_the_log_is_not_found(log: AuditLog, index: int):
    for ask in (log.row, log.prove, lambda at: log.consistency(0, at) if at else log.row(at)):
        with pytest.raises(AuditError, match="not-found"):
            ask(index)
