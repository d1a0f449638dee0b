"""kill -9 at any moment leaves a valid log, and nothing that was acknowledged is lost."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from govkernel.audit import AuditLog, verify
from tests.audit.conftest import NOW, ORIGIN
from tests.simulators.records import sample_record

ROOT = Path(__file__).parents[2]


def append_until_killed(url: str, start: int, lines: int) -> dict[int, int]:
    """Kill an appender after so many acknowledgements; returns index -> record number of all it gave."""
    command = [sys.executable, "-m", "tests.audit.appender", url, str(start)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        read = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        read += process.stdout.readlines()
    whole = [line.split() for line in read if line.endswith("\n")]
    return {int(index): int(number) for index, number in whole}


def test_nothing_acknowledged_is_lost_when_writers_are_killed(tmp_path: Path, key: Ed25519PrivateKey):
    url = f"sqlite:///{tmp_path}/audit.db"
    acknowledged: dict[int, int] = {}
    randomness = random.Random(4)
    for attempt in range(5):
        given = append_until_killed(url, attempt * 100_000, randomness.randint(1, 150))
        assert not given.keys() & acknowledged.keys()
        acknowledged |= given
    log = AuditLog.open(url, origin=ORIGIN, signing_key=key)
    report = verify(url, log.verifier, NOW)
    assert report.intact, [str(item) for item in report.findings]
    assert report.size >= len(acknowledged) > 0
    for index, number in acknowledged.items():
        assert log.row(index).record == sample_record(number, NOW)
    assert log.append_many([sample_record(1, NOW)])[0].index == report.size
    asyncio.run(log.close())
