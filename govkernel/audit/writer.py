"""One group commit: records, side tables, Merkle nodes and the signed checkpoint in a single transaction.

The writer trusts what it signed, and nothing else: before it signs again it checks that the log still is what its
last checkpoint says (trust only moves forward). A log that was rolled back or edited is not extended.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, insert, select, tuple_

from govkernel.audit.checkpoint import CheckpointSigner
from govkernel.audit.database import corrupt, transaction, unavailable
from govkernel.audit.entry import Entry
from govkernel.audit.tables import CHECKPOINT, NODE, RECORD, SIDES
from govkernel.databases import sqlite_path
from govkernel.domain.merkle import CompactRange, Node, NodeReader
from govkernel.errors import AuditError


@dataclass(frozen=True)
class Receipt:
    """Proof that a record was written.

    Attributes:
        index: its place in the log, from 0.
        leaf_hash: its leaf hash, 32 bytes.
        checkpoint: signed note of the first checkpoint that covers it.
    """

    index: int
    leaf_hash: bytes
    checkpoint: str


class Writer:
    """Appends groups to one log; used from one thread at a time.

    Args:
        engine: from :func:`govkernel.audit.database.open_engine`.
        signer: the log's key.
    """

    def __init__(self, engine: Engine, signer: CheckpointSigner) -> None:
        self._engine = engine
        self._signer = signer
        self._path = sqlite_path(engine.url)
        self._file = _identity(self._path)
        self._trusted = CompactRange()

    def write(self, entries: Sequence[Entry]) -> list[Receipt]:
        """Append the entries, durably: all of them, or none when it raises.

        Raises:
            AuditError: ``audit.locked``, ``audit.unavailable``, ``audit.refused``, or ``audit.corrupt`` when the
                log is not what its last checkpoint says.
        """
        self._same_file()
        with transaction(self._engine, write=True) as connection:
            grown, note = self._append(connection, entries)
        first = grown.size - len(entries)
        self._trusted = grown
        return [Receipt(first + place, entry.leaf, note) for place, entry in enumerate(entries)]

    def write_missing(self, entries: Sequence[Entry]) -> int:
        """Append those of the entries that the log does not hold yet; returns how many that were."""
        self._same_file()
        with transaction(self._engine, write=True) as connection:
            missing = _missing(connection, entries)
            grown = self._append(connection, missing)[0] if missing else self._trusted
        self._trusted = grown
        return len(missing)

    def _append(self, connection: Connection, entries: Sequence[Entry]) -> tuple[CompactRange, str]:
        tail = self._tail(connection)
        grown, nodes = tail.extend(entry.leaf for entry in entries)
        root = grown.root()
        note = self._signer.sign(grown.size, root)
        _insert(connection, tail.size, entries, nodes)
        connection.execute(insert(CHECKPOINT), {"size": grown.size, "root": root, "note": note})
        return grown, note

    def _tail(self, connection: Connection) -> CompactRange:
        """The tree so far, checked against the newest checkpoint and against what this writer signed."""
        newest = connection.execute(select(CHECKPOINT).order_by(CHECKPOINT.c.size.desc()).limit(1)).first()
        size, root = (newest.size, newest.root) if newest else (0, CompactRange().root())
        known = self._trusted
        if size < known.size:
            raise corrupt(f"It was rolled back from {known.size} to {size} records.")
        if newest is None or (size == known.size and root == known.root()):
            return known
        return self._load(connection, newest.note, size)

    def _load(self, connection: Connection, note: str, size: int) -> CompactRange:
        try:
            checkpoint = self._signer.verifier.open(note)
        except AuditError as error:
            raise corrupt(
                f"Its newest checkpoint is not signed by this key ({error.why or error.what})"
            ) from None
        read = node_reader(connection)
        tail = CompactRange.load(size, read)
        if checkpoint.size != size or tail.root() != checkpoint.root:
            raise corrupt("Its newest checkpoint does not match its Merkle nodes.")
        if CompactRange.load(self._trusted.size, read).root() != self._trusted.root():
            raise corrupt("Its beginning is not what this process wrote.")
        return tail

    def _same_file(self) -> None:
        """SQLite would go on writing to a file that was deleted or replaced, and the records would be lost."""
        if _identity(self._path) != self._file:
            raise unavailable("The database file was deleted or replaced while it was open.")


def node_reader(connection: Connection) -> NodeReader:
    """Reads complete nodes from the database.

    The reader raises AuditError ``audit.corrupt`` for a node that is missing.
    """

    def read(level: int, index: int) -> bytes:
        query = (
            select(NODE.c.hash).where(NODE.c.level == level, NODE.c.idx == index)
            if level
            else select(RECORD.c.leaf_hash).where(RECORD.c.idx == index)
        )
        found = connection.execute(query).scalar()
        if found is None:
            raise corrupt(f"Merkle node {index} of level {level} is missing.")
        return bytes(found)

    return read


def _insert(connection: Connection, first: int, entries: Sequence[Entry], nodes: Sequence[Node]) -> None:
    rows = [
        {"idx": first + place, "payload": entry.payload, "leaf_hash": entry.leaf, **entry.columns}
        for place, entry in enumerate(entries)
    ]
    _insert_all(connection, RECORD, rows)
    for table in SIDES:
        _insert_all(connection, table, _side_rows(table.name, first, entries))
    _insert_all(
        connection, NODE, [{"level": node.level, "idx": node.index, "hash": node.hash} for node in nodes]
    )


def _side_rows(table: str, first: int, entries: Sequence[Entry]) -> list[Mapping[str, Any]]:
    return [
        {"idx": first + place, "position": position, **values}
        for place, entry in enumerate(entries)
        for position, values in enumerate(entry.sides[table])
    ]


def _insert_all(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _missing(connection: Connection, entries: Sequence[Entry]) -> list[Entry]:
    """The entries without a row of the same decision and leaf; repeats among themselves count once."""
    keyed = {(entry.columns["decision_id"], entry.leaf): entry for entry in entries}
    wanted = list(keyed)
    for start in range(0, len(wanted), 200):
        key = tuple_(RECORD.c.decision_id, RECORD.c.leaf_hash)
        found = connection.execute(
            select(RECORD.c.decision_id, RECORD.c.leaf_hash).where(key.in_(wanted[start : start + 200]))
        )
        for decision_id, leaf in found:
            keyed.pop((decision_id, bytes(leaf)), None)
    return list(keyed.values())


def _identity(path: Path | None) -> tuple[int, int] | None:
    if path is None:
        return None
    try:
        found = os.stat(path)  # noqa: PTH116  (device and inode, of the file itself)
    except OSError:
        return None
    return found.st_dev, found.st_ino
