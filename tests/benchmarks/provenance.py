"""Hashing, signing and verifying, beside bare SHA-256, model-signing and sigstore-python, in one run.

python -m tests.benchmarks provenance            # tables
MARKDOWN=1 python -m tests.benchmarks provenance # the tables of docs/benchmarks/provenance.md
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.compare import interleaved, markdown, show
from tests.benchmarks.provenance_statements import keyed, keyless, many, receipt
from tests.benchmarks.provenance_trees import MEBIBYTE, hashing, memory, signing, tree

Sides = dict[str, Callable[[], int]]


def main() -> None:
    """Print one table per question; the last line of each is the peer."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        one = tree(root / "one", 1, 1024 * MEBIBYTE)
        sixteen = tree(root / "sixteen", 16, 64 * MEBIBYTE)
        small = tree(root / "small", 5000, 8 * 1024)
        compare("hash 1 file of 1 GiB", hashing(one, 1024), "MiB/s", 5)
        compare("hash 16 files of 64 MiB", hashing(sixteen, 1024), "MiB/s", 5)
        compare("hash 5,000 files of 8 KiB", hashing(small, 5000), "files/s")
        for title, place, count, unit in (
            ("16 files of 64 MiB", sixteen, 1024, "MiB/s"),
            ("5,000 files of 8 KiB", small, 5000, "files/s"),
        ):
            sides = signing(place, root, count)
            for doing in ("sign", "verify"):
                compare(f"{doing} {title}", {k: v for k, v in sides.items() if k.endswith(doing)}, unit, 5)
        compare("check the receipt of 16 files of 64 MiB", receipt(sixteen, root), "ms", 3)
        compare("check the receipt of 5,000 files of 8 KiB", receipt(small, root), "ms", 3)
        compare("verify a statement, key", keyed(), "ms")
        compare("verify a statement, keyless", keyless(), "ms")
        compare("1,000 statements about one subject", many(root), "ms")
        print("\nmemory to hash, MiB at most")
        for size, peak in memory(root):
            print(f"  a file of {size:>4} MiB {peak:>8.1f}")


def compare(title: str, sides: Sides, unit: str, rounds: int = 7) -> None:
    """Measure and print one table."""
    measured = interleaved(sides, rounds)
    if os.environ.get("MARKDOWN"):
        print(markdown(title, measured, unit))
    else:
        show(title, measured, unit)


if __name__ == "__main__":
    main()
