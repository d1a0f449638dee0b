"""What a verification says: findings with stable codes, each naming the rows it is about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

MAX_PER_CODE: Final = 50
"""Findings kept of each code; the others are counted."""


@dataclass(frozen=True)
class AuditFinding:
    """Something in the log that is not as it was written.

    Attributes:
        code: stable code, ``audit.…``; docs/reference/audit-log.md lists them.
        what: one sentence.
        rows: first and last row index it is about, if it is about rows.
        decision_id: the decision of the row, as far as the database still says.
        differs: names of columns or tables that disagree with the record.
    """

    code: str
    what: str
    rows: tuple[int, int] | None = None
    decision_id: str = ""
    differs: tuple[str, ...] = ()

    def __str__(self) -> str:
        decision = f" (decision {self.decision_id})" if self.decision_id else ""
        prefix = f"{span(self.rows)}{decision}: " if self.rows else ""
        return f"{prefix}{self.what} [{self.code}]"

    def as_dict(self) -> Mapping[str, Any]:
        """The finding for machines."""
        return {
            "code": self.code,
            "what": self.what,
            "rows": list(self.rows) if self.rows else None,
            "decisionId": self.decision_id,
            "differs": list(self.differs),
        }


@dataclass(frozen=True)
class VerificationReport:
    """The result of a verification.

    Attributes:
        size: records that were read.
        checkpoints: checkpoints whose signature and root were confirmed.
        findings: what is wrong, ordered by row; empty when the log is intact.
        omitted: how many more findings there are of codes with very many.
        checkpoint: the newest confirmed checkpoint, a signed note: worth keeping for the next verification.
        verified_at: the ``now`` that was passed in.
    """

    size: int
    checkpoints: int
    findings: tuple[AuditFinding, ...]
    omitted: int
    checkpoint: str
    verified_at: datetime

    @property
    def intact(self) -> bool:
        """Whether every record is as it was written."""
        return not self.findings

    def as_dict(self) -> Mapping[str, Any]:
        """The report for machines."""
        return {
            "intact": self.intact,
            "size": self.size,
            "checkpoints": self.checkpoints,
            "findings": [item.as_dict() for item in self.findings],
            "omitted": self.omitted,
            "checkpoint": self.checkpoint,
            "verifiedAt": self.verified_at.isoformat().replace("+00:00", "Z"),
        }


class Collector:
    """Collects findings in bounded memory."""

    def __init__(self) -> None:
        self._kept: list[AuditFinding] = []
        self._seen: Counter[str] = Counter()

    def add(
        self,
        code: str,
        what: str,
        rows: tuple[int, int] | None = None,
        *,
        decision_id: str = "",
        differs: tuple[str, ...] = (),
    ) -> None:
        """Add a finding."""
        self._seen[code] += 1
        if self._seen[code] <= MAX_PER_CODE:
            self._kept.append(AuditFinding(code, what, rows, decision_id, differs))

    def result(self) -> tuple[tuple[AuditFinding, ...], int]:
        """The findings ordered by row, those about no row last; and how many were only counted."""
        ordered = sorted(self._kept, key=lambda item: (item.rows is None, item.rows or (0, 0)))
        return tuple(ordered), self._seen.total() - len(self._kept)


def span(rows: tuple[int, int]) -> str:
    """``row 5`` or ``rows 5-8``."""
    return f"row {rows[0]}" if rows[0] == rows[1] else f"rows {rows[0]}-{rows[1]}"
