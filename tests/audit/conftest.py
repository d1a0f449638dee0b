"""Logs to test with: empty ones, and one of known groups that tests copy and tamper with."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from govkernel.audit import AuditLog, VerificationReport, Verifier, verify
from tests.simulators.records import sample_record

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORIGIN = "example.test/audit"
GROUPS = (1, 1, 3, 15, 1, 20)
"""Sizes of the groups of the log that is tampered with: checkpoints of 1, 2, 5, 20, 21 and 41 records."""


@dataclass(frozen=True)
class Sample:
    """A closed log in SQLite."""

    path: Path
    verifier: Verifier
    checkpoints: tuple[str, ...]

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def verify(self, expected: str | None = None) -> VerificationReport:
        return verify(self.url, self.verifier, NOW, expected_checkpoint=expected)


@pytest.fixture(scope="session")
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(b"k" * 32)


@pytest.fixture
def log(tmp_path: Path, key: Ed25519PrivateKey) -> Iterator[AuditLog]:
    opened = AuditLog.open(f"sqlite:///{tmp_path}/audit.db", origin=ORIGIN, signing_key=key, lock_timeout=0.2)
    yield opened
    asyncio.run(opened.close())


@pytest.fixture(scope="session")
def grouped(tmp_path_factory: pytest.TempPathFactory, key: Ed25519PrivateKey) -> Sample:
    path = tmp_path_factory.mktemp("grouped") / "audit.db"
    log = AuditLog.open(f"sqlite:///{path}", origin=ORIGIN, signing_key=key)
    checkpoints, start = [], 0
    for size in GROUPS:
        log.append_many([sample_record(n, NOW) for n in range(start, start + size)])
        checkpoints.append(log.checkpoint())
        start += size
    asyncio.run(log.close())
    return Sample(path, log.verifier, tuple(checkpoints))


@pytest.fixture
def sample(grouped: Sample, tmp_path: Path) -> Sample:
    """A copy of the grouped log, to tamper with."""
    path = tmp_path / "copy.db"
    shutil.copy(grouped.path, path)
    return Sample(path, grouped.verifier, grouped.checkpoints)
