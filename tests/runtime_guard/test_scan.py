"""A scan for personal data looks at every text of a row, with every detector, models too, and counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from govkernel.domain import Finding
from runtime_guard.detectors.defaults import default_detectors
from runtime_guard.options import Options
from runtime_guard.readers.interface import Reading
from runtime_guard.scan import PiiScan, scan_path
from runtime_guard.screen import Screen

DETECTORS = default_detectors(Options(tiers=frozenset({1})))
NOW = datetime(2026, 11, 1, tzinfo=UTC)


class Names:
    """A model that finds one name, and is in doubt about every text."""

    name = "names"
    labels = frozenset({"PERSON"})

    def detect(self, text: str, role: str) -> Sequence[Finding]:
        return self.read([text], [role])[0].as_findings()

    def glance(self, text: str, role: str) -> Reading:
        return Reading(settled=False)

    def read(self, texts: Sequence[str], roles: Sequence[str]) -> list[Reading]:
        return [Reading(findings=_found(text), by=self.name) for text in texts]


def _found(text: str) -> list[Finding]:
    place = text.find("Okonkwo")
    if place < 0:
        return []
    return [Finding(label="PERSON", start=place, end=place + 7, score=0.9, detector="names")]


def scanned(tmp_path: Path, *rows: object) -> PiiScan:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return scan_path(path, now=NOW, screen=Screen([*DETECTORS, Names()]))


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ({"note": "Patient Okonkwo came late."}, {"PERSON": 1}),
        ({"jane.roe@acme.com": 1}, {"EMAIL_ADDRESS": 1}),
        ({"card": 4111111111111111}, {"CREDIT_CARD": 1}),
        ({"card": 4111111111111111.0}, {"CREDIT_CARD": 1}),
        ([["a", {"b": "jane.roe@acme.com"}]], {"EMAIL_ADDRESS": 1}),
        ({"count": 12, "share": 0.5, "huge": 1e300, "on": True, "nothing": None}, {}),
    ],
)
def test_every_text_of_a_row_is_looked_at(tmp_path: Path, row: object, found: dict[str, int]) -> None:
    scan = scanned(tmp_path, row)
    assert (scan.records, scan.complete) == (1, True)
    assert {label: scan.findings[label] for label in found} == found
    assert bool(found) == bool(scan.findings)


def test_rows_are_counted_and_bad_ones_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": "x"}\n\n{"a": \n\xff\n{"a": "Okonkwo, Okonkwo"}\n{"a": "\\ud800"}\n')
    scan = scan_path(path, now=NOW, screen=Screen([Names()]))
    assert scan.records == 2
    assert scan.bad_rows == ["rows.jsonl:3", "rows.jsonl:4", "rows.jsonl:6"]
    assert scan.findings == {"PERSON": 1}
    assert not scan.complete
