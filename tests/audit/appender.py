"""Run as a program: appends records for ever, and prints an index once its receipt is there. Killed by test_crash."""

from __future__ import annotations

import asyncio
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from govkernel.audit import AuditLog
from tests.audit.conftest import NOW, ORIGIN
from tests.simulators.records import sample_record


async def main(url: str, start: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    log = AuditLog.open(url, origin=ORIGIN, signing_key=key)
    n = start
    while True:
        receipts = await asyncio.gather(*(log.append(sample_record(n + i, NOW)) for i in range(7)))
        for i, receipt in enumerate(receipts):
            print(receipt.index, n + i, flush=True)
        n += 7


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
