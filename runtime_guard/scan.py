"""Scan a dataset for personal data and say so as a ``pii-scan`` predicate: counts, never values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from govkernel import __version__
from govkernel.domain import strict_json
from govkernel.errors import GovkernelError, InputError
from runtime_guard.numbers import is_long
from runtime_guard.plugin import default_screen
from runtime_guard.screen import Screen

MAX_ROW: Final = 4 * 1024 * 1024
"""Bytes of one row."""

SUFFIXES: Final = frozenset({".jsonl", ".ndjson", ".json", ".txt", ".csv", ".tsv", ".md"})
MAX_BAD_ROWS: Final = 20

_MOST: Final = 10**40

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
    scan = _scanned(files, screen or default_screen())
    scan.finished_at = now or datetime.now(UTC)
    return scan


def scan_rows(rows: Iterable[bytes], suffix: str, screen: Screen, scan: PiiScan, where: str = "") -> None:
    """Scan rows into ``scan``, in bounded memory.

    Args:
        rows: raw rows, without their line ends.
        suffix: of the file they come from; ``.jsonl`` rows are parsed, others are text.
        screen: detectors.
        scan: takes the counts.
        where: prefix for naming bad rows.
    """
    numbered = ((f"{where}{number}", row) for number, row in enumerate(rows, start=1) if row.strip())
    scan_texts(((place, _read(row, suffix)) for place, row in numbered), screen, scan)


def scan_texts(rows: Iterable[tuple[str, Sequence[str] | None]], screen: Screen, scan: PiiScan) -> None:
    """Scan rows whose texts are known, patterns and models together, a batch at a time.

    Args:
        rows: where each stands, and its texts; None where it could not be read.
        screen: detectors.
        scan: takes the counts.

    Raises:
        GovkernelError: ``guard.detector-failed``.
    """
    for document in screen.screen_many(_given(rows, scan)):
        if "error" in document:
            error = GovkernelError(**document["error"])
            if not error.code.startswith("row."):
                raise error
            scan.note_bad(document["id"])
        else:
            labels = [found["type"] for found in document["findings"]]
            scan.findings.update(label for label in labels if label.isupper() and label not in NOT_PERSONAL)


def texts_of(value: Any) -> list[str] | None:
    """Every text in a JSON value, names of members too, and every number that may say who somebody is.

    Returns:
        The texts; None when they are too large.
    """
    texts = list(_strings(value))
    return texts if sum(map(len, texts)) <= MAX_ROW else None


def _given(rows: Iterable[tuple[str, Sequence[str] | None]], scan: PiiScan) -> Iterator[dict[str, str]]:
    for place, texts in rows:
        if texts is None:
            scan.note_bad(place)
            continue
        scan.records += 1
        yield from ({"id": place, "text": text} for text in texts)


def _scanned(files: Iterable[Path], screen: Screen) -> PiiScan:
    scan = PiiScan()
    for file in files:
        suffix = file.suffix.lower()
        if suffix not in SUFFIXES:
            scan.note_bad(f"{file.name} (a format that cannot be scanned)")
            continue
        try:
            with file.open("rb") as stream:
                rows = [stream.read(MAX_ROW + 1)] if suffix == ".json" else _lines(stream)
                scan_rows(rows, suffix, screen, scan, f"{file.name}:")
        except OSError as error:
            raise InputError(
                "scan.unreadable", f"{file} cannot be read.", why=str(error), remedy="Check the file."
            ) from None
    return scan


def _lines(stream: Any) -> Iterator[bytes]:
    while line := stream.readline(MAX_ROW + 1):
        yield line.rstrip(b"\r\n")


def _read(row: bytes, suffix: str) -> list[str] | None:
    """The texts of a row; None when it cannot be read."""
    if len(row) > MAX_ROW:
        return None
    try:
        if suffix in (".jsonl", ".ndjson", ".json"):
            return texts_of(strict_json.loads(row, max_bytes=MAX_ROW))
        return [row.decode("utf-8")]
    except (InputError, UnicodeDecodeError):
        return None


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield str(name)
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, str):
        yield value
    elif is_long(value) and abs(value) < _MOST:
        yield str(int(value))
