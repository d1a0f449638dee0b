"""The spool: what is in it is never lost, never doubled, and never forged into the log."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from govkernel.audit import AuditLog
from govkernel.audit.entry import entry_of
from govkernel.audit.spool import Spool
from govkernel.errors import AuditError
from tests.audit.conftest import NOW, ORIGIN
from tests.simulators.records import sample_record


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.spool.jsonl"


def reopened(tmp_path: Path, key: Ed25519PrivateKey) -> AuditLog:
    return AuditLog.open(f"sqlite:///{tmp_path}/audit.db", origin=ORIGIN, signing_key=key)


def test_what_was_spooled_is_in_the_log_when_it_is_opened(log: AuditLog, tmp_path: Path, key, path: Path):
    for n in range(3):
        log.spool(sample_record(n, NOW))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = reopened(tmp_path, key)
    assert [row.record for row in again.query("", NOW)] == [sample_record(n, NOW) for n in (2, 1, 0)]
    assert path.read_bytes() == b""
    asyncio.run(again.close())


def test_a_spool_that_was_ingested_but_not_cleared_is_not_doubled(log: AuditLog, path: Path):
    for n in (0, 1, 1):
        log.spool(sample_record(n, NOW))
    content = path.read_bytes()
    log.append_many([sample_record(2, NOW)])
    path.write_bytes(content)  # as if the process had died between commit and clearing
    log.append_many([sample_record(3, NOW)])
    assert [row.record for row in log.query("", NOW)][::-1] == [sample_record(n, NOW) for n in (0, 1, 2, 3)]


@pytest.mark.parametrize("cut", [1, 2, 40, 400])
def test_a_torn_last_line_is_recognised_and_kept_aside(log: AuditLog, path: Path, cut: int):
    log.spool(sample_record(0, NOW))
    log.spool(sample_record(1, NOW))
    path.write_bytes(path.read_bytes()[:-cut])
    log.spool(sample_record(2, NOW))
    log.append_many([sample_record(3, NOW)])
    whole = (0, 1, 2, 3) if cut == 1 else (0, 2, 3)
    assert [row.record for row in log.query("", NOW)][::-1] == [sample_record(n, NOW) for n in whole]
    assert path.with_name(path.name + ".damaged").exists() == (cut > 1)


def test_no_changed_line_reaches_the_log(log: AuditLog, path: Path):
    log.spool(sample_record(1, NOW))
    line = path.read_bytes()
    path.write_bytes(line.replace(b'"allow"', b'"dummy"').replace(b"bob", b"eve") + b"junk\n" + b"\xff\xfe\n")
    log.append_many([sample_record(2, NOW)])
    assert log.count("", NOW) == 1
    assert path.with_name(path.name + ".damaged").read_bytes().count(b"\n") == 3


def test_a_line_of_another_key_does_not_reach_the_log(log: AuditLog, path: Path):
    Spool(path, Ed25519PrivateKey.generate()).add(entry_of(sample_record(1, NOW)))
    log.append_many([sample_record(2, NOW)])
    assert [row.record for row in log.query("", NOW)] == [sample_record(2, NOW)]


def test_a_record_that_comes_in_while_the_spool_is_ingested_stays(path: Path, key: Ed25519PrivateKey):
    spool = Spool(path, key)
    spool.add(entry_of(sample_record(0, NOW)))
    read = spool.read()
    spool.add(entry_of(sample_record(1, NOW)))
    spool.clear(read)
    assert len(spool.read().entries) == 2


def test_a_full_spool_says_so(path: Path, key: Ed25519PrivateKey, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("govkernel.audit.spool.MAX_SPOOL", 100)
    with pytest.raises(AuditError, match="spool-full"):
        Spool(path, key).add(entry_of(sample_record(0, NOW)))


def test_a_spool_that_cannot_be_written_says_so_and_does_not_stop_the_log(log: AuditLog, path: Path):
    path.mkdir()
    with pytest.raises(AuditError, match=r"audit\.spool"):
        log.spool(sample_record(0, NOW))
    assert log.append_many([sample_record(1, NOW)])[0].index == 0
