"""Scan a dataset for personal data and say so as a ``pii-scan`` predicate: counts, never values."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from govkernel import __version__
from govkernel.domain import strict_json
from govkernel.errors import InputError
from runtime_guard.plugin import default_screen
from runtime_guard.screen import Screen

MAX_ROW: Final = 4 * 1024 * 1024
"""Bytes of one row."""

SUFFIXES: Final = frozenset({".jsonl", ".ndjson", ".json", ".txt", ".csv", ".tsv", ".md"})
MAX_BAD_ROWS: Final = 20

NOT_PERSONAL: Final = frozenset(
    {"AGE", "DATE_TIME", "EXFILTRATION", "LOCATION", "NRP", "ORGANIZATION", "URL", "UUID"}
)
"""Entities that say nothing about a person by themselves; a scan does not count them."""


@dataclass
class PiiScan:
    """What a scan found.

    Attributes:
        records: rows scanned.
        findings: findings by label.
        bad_rows: where rows could not be read, at most :data:`MAX_BAD_ROWS`.
        complete: every row was read and screened.
        finished_at: end of the scan, UTC.
    """

    records: int = 0
    findings: Counter[str] = field(default_factory=Counter)
    bad_rows: list[str] = field(default_factory=list)
    complete: bool = True
    finished_at: datetime | None = None

    def predicate(self) -> dict[str, Any]:
        """The predicate, as attestations/pii-scan describes it."""
        finished = self.finished_at or datetime.now(UTC)
        return {
            "records": self.records,
            "findings": sum(self.findings.values()),
            "entityTypes": dict(sorted(self.findings.items())),
            "complete": self.complete,
            "scanner": {"name": "govkernel", "version": __version__},
            "finishedOn": finished.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def note_bad(self, where: str) -> None:
        """A row could not be read: the scan is not complete."""
        self.complete = False
        if len(self.bad_rows) < MAX_BAD_ROWS:
            self.bad_rows.append(where)


def scan_path(path: Path, *, now: datetime | None = None, screen: Screen | None = None) -> PiiScan:
    """Scan a file, or every file of a folder.

    Args:
        path: JSON lines, JSON, CSV or text.
        now: stated as the end of the scan; default is the clock.
        screen: detectors; default those that ship with the guard.

    Raises:
        InputError: ``scan.unreadable``, ``scan.nothing``.
    """
    files = sorted(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else [path]
    if not files:
        raise InputError("scan.nothing", f"There is nothing to scan in {path}.", remedy="Name a dataset.")
    scan = asyncio.run(_scan(files, screen or default_screen()))
    scan.finished_at = now or datetime.now(UTC)
    return scan


async def scan_rows(
    rows: Iterable[bytes], suffix: str, screen: Screen, scan: PiiScan, where: str = ""
) -> None:
    """Scan rows into ``scan``, in bounded memory.

    Args:
        rows: raw rows, without their line ends.
        suffix: of the file they come from; ``.jsonl`` rows are parsed, others are text.
        screen: detectors.
        scan: takes the counts.
        where: prefix for naming bad rows.
    """
    for number, row in enumerate(rows, start=1):
        if not row.strip():
            continue
        try:
            texts = list(_texts(row, suffix))
        except (InputError, UnicodeDecodeError):
            scan.note_bad(f"{where}{number}")
            continue
        await _scan_texts(texts, screen, scan)


async def scan_value(value: Any, screen: Screen, scan: PiiScan, where: str) -> None:
    """Scan one row that is a value of JSON already.

    Args:
        value: every string in it is screened.
        screen: detectors.
        scan: takes the counts.
        where: names the row if it is too large.
    """
    texts = list(_strings(value))
    if sum(map(len, texts)) > MAX_ROW:
        scan.note_bad(where)
    else:
        await _scan_texts(texts, screen, scan)


async def _scan_texts(texts: Iterable[str], screen: Screen, scan: PiiScan) -> None:
    scan.records += 1
    for text in texts:
        found = await screen.findings(text, "user")
        scan.findings.update(
            item.label for item in found if item.label.isupper() and item.label not in NOT_PERSONAL
        )


async def _scan(files: Iterable[Path], screen: Screen) -> PiiScan:
    scan = PiiScan()
    for file in files:
        suffix = file.suffix.lower()
        if suffix not in SUFFIXES:
            scan.note_bad(f"{file.name} (a format that cannot be scanned)")
            continue
        try:
            with file.open("rb") as stream:
                rows = [stream.read(MAX_ROW + 1)] if suffix == ".json" else _lines(stream)
                await scan_rows(rows, suffix, screen, scan, f"{file.name}:")
        except OSError as error:
            raise InputError(
                "scan.unreadable", f"{file} cannot be read.", why=str(error), remedy="Check the file."
            ) from None
    return scan


def _lines(stream: Any) -> Iterator[bytes]:
    while line := stream.readline(MAX_ROW + 1):
        yield line.rstrip(b"\r\n")


def _texts(row: bytes, suffix: str) -> Iterator[str]:
    if len(row) > MAX_ROW:
        raise InputError("scan.row-too-large", "A row is too large.", remedy=f"At most {MAX_ROW} bytes.")
    if suffix in (".jsonl", ".ndjson", ".json"):
        yield from _strings(strict_json.loads(row, max_bytes=MAX_ROW))
    else:
        yield row.decode("utf-8")


def _strings(value: Any) -> Iterator[str]:
    """Every string in a JSON value, and every number, since a card number may be one."""
    if isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, str):
        yield value
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**8:
        yield str(value)
