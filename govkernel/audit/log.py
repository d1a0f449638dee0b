"""The audit log as its users see it: append and be told when it is durable, spool, query, prove."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from govkernel.audit.checkpoint import CheckpointSigner, Verifier
from govkernel.audit.database import open_engine, parse_url
from govkernel.audit.entry import Entry, entry_of
from govkernel.audit.group_commit import MAX_GROUP, GroupCommit
from govkernel.audit.migrate import ensure_schema
from govkernel.audit.reader import AuditRow, ConsistencyProof, InclusionProof, Reader
from govkernel.audit.spool import Spool
from govkernel.audit.writer import Receipt, Writer
from govkernel.databases import LOCK_TIMEOUT, sqlite_path
from govkernel.domain import Record
from govkernel.errors import AuditError

SPOOL_SUFFIX: Final = ".spool.jsonl"

_SPOOL_ONLY: Final = frozenset({"audit.spool", "audit.refused"})
"""What may be wrong with the spool while the database is well: new records are still appended."""


class AuditLog:
    """A log of records. Open it with :meth:`open`; it may be used from any event loop or thread.

    Several processes may append to one database.
    """

    def __init__(self, engine: Engine, signer: CheckpointSigner, spool: Spool | None) -> None:
        self._engine = engine
        self._reader = Reader(engine)
        self._writer = Writer(engine, signer)
        self._spool = spool
        self._queue = GroupCommit(self._write)
        self.verifier: Verifier = signer.verifier

    @classmethod
    def open(
        cls,
        url: str,
        *,
        origin: str,
        signing_key: Ed25519PrivateKey,
        spool: Path | None = None,
        lock_timeout: float = LOCK_TIMEOUT,
    ) -> Self:
        """Open a log, creating or migrating its tables, and take in what waits in its spool.

        Args:
            url: ``sqlite:///path`` or ``postgresql+psycopg://…``.
            origin: the log's name in its checkpoints.
            signing_key: the key the log was begun with.
            spool: file for records that cannot be appended; default, for SQLite only, beside the database
                (``audit.db`` has ``audit.spool.jsonl``).
            lock_timeout: seconds to wait for another writer.

        Raises:
            AuditError: ``audit.url``, ``audit.unavailable``, ``audit.locked``, ``audit.schema``, ``audit.origin``.
        """
        signer = CheckpointSigner(origin, signing_key)
        path = sqlite_path(parse_url(url))
        spool = spool or (path.with_suffix(SPOOL_SUFFIX) if path else None)
        engine = open_engine(url, lock_timeout=lock_timeout)
        try:
            ensure_schema(engine)
        except AuditError:
            engine.dispose()
            raise
        log = cls(engine, signer, Spool(spool, signing_key) if spool else None)
        with contextlib.suppress(AuditError):  # the next append tries again, and says what is wrong
            log._ingest()
        return log

    async def append(self, record: Record) -> Receipt:
        """Append a record; returns when it is durable.

        A caller that is cancelled may still find its record in the log.

        Raises:
            AuditError: it was not written: ``audit.locked``, ``audit.unavailable``, ``audit.corrupt``,
                ``audit.record-invalid``, …
        """
        receipts = await asyncio.wrap_future(self._queue.submit([entry_of(record)]))
        return receipts[0]

    def append_many(self, records: Sequence[Record]) -> list[Receipt]:
        """Append records in groups, in order; blocks until they are durable.

        Raises:
            AuditError: like :meth:`append`; groups before the one that failed are written.
        """
        receipts: list[Receipt] = []
        for start in range(0, len(records), MAX_GROUP):
            group = [entry_of(record) for record in records[start : start + MAX_GROUP]]
            receipts += self._queue.submit(group).result()
        return receipts

    def spool(self, record: Record) -> None:
        """Keep a record that could not be appended; it is appended with the next success.

        Raises:
            AuditError: ``audit.no-spool``, ``audit.spool``, ``audit.spool-full``, ``audit.record-invalid``.
        """
        if self._spool is None:
            raise AuditError(
                "audit.no-spool",
                "This audit log has no spool.",
                why="Only a log in SQLite has one by default.",
                remedy="Name a spool file when opening the log.",
            )
        self._spool.add(entry_of(record))

    def query(self, text: str, now: datetime) -> list[AuditRow]:
        """Records that match a query (docs/reference/audit-query.md), newest first.

        Args:
            text: e.g. ``decision:deny since:1d``; empty means all.
            now: what ``since`` and ``until`` are relative to, aware.

        Raises:
            AuditError: ``audit.query-…`` when the query cannot be understood or takes too long.
        """
        return self._reader.query(text, now)

    def count(self, text: str, now: datetime) -> int:
        """How many records match a query, its limit apart; raises like :meth:`query`."""
        return self._reader.count(text, now)

    def row(self, index: int) -> AuditRow:
        """One record.

        Raises:
            AuditError: ``audit.not-found``.
        """
        return self._reader.row(index)

    def checkpoint(self) -> str:
        """The newest checkpoint, a signed note; empty while the log is.

        Raises:
            AuditError: the database could not be read.
        """
        return self._reader.checkpoint()

    def prove(self, index: int) -> InclusionProof:
        """Proof that a record is in the log as the newest checkpoint signs it.

        Raises:
            AuditError: ``audit.not-found``, or ``audit.corrupt`` when the proof would not verify.
        """
        return self._reader.prove(index, self.verifier)

    def consistency(self, first: int, second: int) -> ConsistencyProof:
        """Proof that the log of ``first`` records is a prefix of the log of ``second``.

        Raises:
            AuditError: ``audit.not-found`` when the log is smaller.
        """
        return self._reader.consistency(first, second)

    async def close(self) -> None:
        """Write what waits and let go of the database."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._queue.close()
        self._engine.dispose()

    def _write(self, entries: Sequence[Entry]) -> list[Receipt]:
        try:
            self._ingest()
        except AuditError as error:
            if error.code not in _SPOOL_ONLY:
                raise
        return self._writer.write(entries)

    def _ingest(self) -> None:
        """Take in the spool; when that fails it stays where it is."""
        if self._spool is not None and self._spool.waiting():
            spooled = self._spool.read()
            for start in range(0, len(spooled.entries), MAX_GROUP):
                self._writer.write_missing(spooled.entries[start : start + MAX_GROUP])
            self._spool.clear(spooled)
