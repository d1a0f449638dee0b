"""Checks each row against its own payload: leaf hash, columns, side tables, and that none is missing or doubled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row

from govkernel.audit.chunk import Chunk
from govkernel.audit.entry import Entry, parse_entry
from govkernel.audit.findings import Collector
from govkernel.domain.merkle import leaf_hash
from govkernel.errors import AuditError

MAX_REMEMBERED: Final = 10_000


class RowChecks:
    """Checks rows in order and collects what is wrong with them.

    Attributes:
        seen: rows that were there.
    """

    def __init__(self, found: Collector) -> None:
        self._found = found
        self._gap: int | None = None
        self._next = 0
        self._changed: dict[int, _Changed] = {}
        self.seen = 0

    @property
    def named(self) -> frozenset[int]:
        """Rows whose payload and leaf hash do not belong together."""
        return frozenset(self._changed)

    def check(self, index: int, chunk: Chunk) -> Sequence[bytes]:
        """Check the row of an index.

        Returns:
            The leaf hashes it may have had: one when the row agrees with itself, two when payload and leaf hash
            differ, none when it is missing.
        """
        self._next = index + 1
        rows = chunk.rows.get(index, ())
        if not rows:
            self._gap = index if self._gap is None else self._gap
            return ()
        self._close_gap(index)
        self.seen += len(rows)
        for extra in rows[1:]:
            what = "There is more than one row of this index."
            self._found.add("audit.row-inserted", what, (index, index), decision_id=extra.decision_id)
        return self._check(index, rows[0], {name: side.get(index, ()) for name, side in chunk.sides.items()})

    def tail(self, end: int) -> int:
        """Where the missing end of the log begins; ``end`` when nothing is missing there."""
        return end if self._gap is None else self._gap

    def finish(self, end: int) -> None:
        """Report what can be said only at the end: exchanged and changed rows, a missing tail."""
        if self._gap is not None:
            self._found.add(
                "audit.truncated",
                f"The log ends at {self._gap} records, and a checkpoint was signed for {end}.",
                (self._gap, end - 1),
            )
        by_payload = {item.payload_leaf: index for index, item in self._changed.items()}
        for index, item in self._changed.items():
            other = by_payload.get(item.stored_leaf)
            partner = self._changed.get(other) if other is not None else None
            if partner and other != index and partner.stored_leaf == item.payload_leaf:
                self._report_exchange(index, other or 0, item)
            else:
                self._report_change(index, item)

    def _check(self, index: int, row: Row[Any], sides: dict[str, Sequence[Row[Any]]]) -> Sequence[bytes]:
        stored = bytes(row.leaf_hash)
        payload_leaf = leaf_hash(row.payload.encode("utf-8", "surrogatepass"))
        try:
            differs = _differences(parse_entry(row.payload), row, sides)
        except AuditError:
            differs = ("payload",)
        if payload_leaf != stored:
            if len(self._changed) < MAX_REMEMBERED:
                self._changed[index] = _Changed(row.decision_id, stored, payload_leaf, differs)
            return (stored, payload_leaf)
        if differs:
            what = f"{', '.join(differs)} say something else than the record."
            self._found.add(
                "audit.column-differs", what, (index, index), decision_id=row.decision_id, differs=differs
            )
        return (stored,)

    def _report_change(self, index: int, item: _Changed) -> None:
        told = f"; it now disagrees with {', '.join(item.differs)}" if item.differs else ""
        self._found.add(
            "audit.row-changed",
            f"The record is not the one whose hash was logged{told}.",
            (index, index),
            decision_id=item.decision_id,
            differs=item.differs,
        )

    def _report_exchange(self, index: int, other: int, item: _Changed) -> None:
        if index < other:
            what = f"The records of this row and row {other} were exchanged."
            self._found.add("audit.row-reordered", what, (index, index), decision_id=item.decision_id)

    def _close_gap(self, index: int) -> None:
        if self._gap is not None:
            rows = (self._gap, index - 1)
            self._found.add("audit.row-missing", "Removed from the database.", rows)
            self._gap = None


class _Changed:
    """A row whose payload has another hash than the one stored beside it."""

    def __init__(self, decision_id: str, stored: bytes, payload: bytes, differs: tuple[str, ...]) -> None:
        self.decision_id = decision_id
        self.stored_leaf = stored
        self.payload_leaf = payload
        self.differs = differs


def _differences(entry: Entry, row: Row[Any], sides: dict[str, Sequence[Row[Any]]]) -> tuple[str, ...]:
    """Names of the columns and side tables that are not what the payload makes them."""
    columns = [name for name, value in entry.columns.items() if getattr(row, name) != value]
    for table, values in entry.sides.items():
        expected = [{"position": place, **item} for place, item in enumerate(values)]
        found = [{k: v for k, v in side._mapping.items() if k != "idx"} for side in sides[table]]
        columns += [table] if found != expected else []
    return tuple(columns)
