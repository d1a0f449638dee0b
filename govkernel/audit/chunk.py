"""Reads the log for verification in chunks of rows, so that a log of any size is checked in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, Table, and_, func, or_, select

from govkernel.audit.tables import CHECKPOINT, NODE, RECORD, SIDES

CHUNK: Final = 256
"""Rows read at a time."""

Rows = Mapping[int, Sequence[Row[Any]]]


@dataclass(frozen=True)
class Chunk:
    """What the database holds for the rows ``[start, stop)``.

    Attributes:
        rows: by index; normally one each.
        sides: per side table, rows by index.
        nodes: stored nodes that these rows complete, by ``(level, index)``.
        checkpoints: those of sizes ``start < size <= stop``, by size.
    """

    start: int
    stop: int
    rows: Rows
    sides: Mapping[str, Rows]
    nodes: Mapping[tuple[int, int], bytes]
    checkpoints: Rows


def chunks(connection: Connection, end: int) -> Iterator[Chunk]:
    """The log up to row ``end``, in order."""
    for start in range(0, end, CHUNK):
        yield _read(connection, start, min(end, start + CHUNK))


def outside(connection: Connection, table: Table, end: int) -> tuple[int, list[int]]:
    """How many rows of a table belong to no row of ``[0, end)``, and the first few of their indexes."""
    beyond = or_(table.c.idx >= end, table.c.idx < 0)
    count = connection.execute(select(func.count()).select_from(table).where(beyond)).scalar_one()
    query = select(table.c.idx).where(beyond).order_by(table.c.idx).limit(10)
    return int(count), list(connection.execute(query).scalars()) if count else []


def _read(connection: Connection, start: int, stop: int) -> Chunk:
    def rows(table: Table, *order: Any) -> Rows:
        inside = and_(table.c.idx >= start, table.c.idx < stop)
        return _grouped(connection.execute(select(table).where(inside).order_by(table.c.idx, *order)), "idx")

    sizes = and_(CHECKPOINT.c.size > start, CHECKPOINT.c.size <= stop)
    return Chunk(
        start,
        stop,
        rows(RECORD),
        {table.name: rows(table, table.c.position) for table in SIDES},
        _nodes(connection, start, stop),
        _grouped(connection.execute(select(CHECKPOINT).where(sizes)), "size"),
    )


def _nodes(connection: Connection, start: int, stop: int) -> Mapping[tuple[int, int], bytes]:
    """The nodes that become complete when the tree grows from ``start`` to ``stop`` leaves."""
    completed = [
        and_(NODE.c.level == level, NODE.c.idx >= start >> level, NODE.c.idx < stop >> level)
        for level in range(1, stop.bit_length())
    ]
    if not completed:
        return {}
    found = connection.execute(select(NODE.c.level, NODE.c.idx, NODE.c.hash).where(or_(*completed)))
    return {(level, index): bytes(value) for level, index, value in found}


def _grouped(found: Any, key: str) -> Rows:
    groups: dict[int, list[Row[Any]]] = {}
    for row in found:
        groups.setdefault(getattr(row, key), []).append(row)
    return groups
