"""Verification: is every record as it was written, and if not, which one is not? Reads only, in bounded memory.

Nothing in the database is believed but what leads to a root that the log's key signed. RFC 9162 hashing, C2SP
checkpoints; docs/reference/audit-log.md describes the same procedure for people who will not use this program.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, func, select

from govkernel.audit.checkpoint import Checkpoint, Verifier
from govkernel.audit.chunk import Chunk, chunks, outside
from govkernel.audit.database import open_read_only, transaction
from govkernel.audit.explain import explain
from govkernel.audit.findings import Collector, VerificationReport
from govkernel.audit.keys import verifier_for
from govkernel.audit.migrate import check_schema
from govkernel.audit.replay import Replay, Root
from govkernel.audit.rowcheck import RowChecks
from govkernel.audit.tables import CHECKPOINT, NODE, RECORD, SIDES
from govkernel.errors import AuditError

MAX_MOVED: Final = 50_000
"""Rows among which a record that is not where it was signed is looked for."""


def verify_log(
    url: str,
    *,
    origin: str,
    key: Path | bytes | str,
    now: datetime,
    expected_checkpoint: str | None = None,
) -> VerificationReport:
    """Verify a log with a key given as file, PEM or verifier key text; otherwise like :func:`verify`.

    Raises:
        AuditError: ``audit.key``, ``audit.verifier-key`` and those of :func:`verify`.
    """
    return verify(url, verifier_for(origin, key), now, expected_checkpoint=expected_checkpoint)


def verify(
    url: str, verifier: Verifier, now: datetime, *, expected_checkpoint: str | None = None
) -> VerificationReport:
    """Verify a log.

    Args:
        url: the database; it is not written to.
        verifier: the key that signs the log's checkpoints, from somewhere else than the database.
        now: the time of the verification.
        expected_checkpoint: a checkpoint kept from before (signed note): the log must continue it. Only this
            finds a log of which rows, nodes and checkpoints were all rolled back together.

    Raises:
        AuditError: the log cannot be read (``audit.unavailable``, ``audit.locked``, ``audit.schema``), or the
            expected checkpoint is itself not one of this log (``audit.checkpoint-…``).
    """
    expected = None if expected_checkpoint is None else verifier.open(expected_checkpoint)
    engine = open_read_only(url)
    try:
        return _verify(engine, verifier, now, expected)
    finally:
        engine.dispose()


def _verify(
    engine: Engine, verifier: Verifier, now: datetime, expected: Checkpoint | None
) -> VerificationReport:
    with transaction(engine) as connection:
        check_schema(connection)
        verification = _Verification(connection, verifier, expected)
        verification.run()
        return verification.report(now)


class _Verification:
    """One pass over the log."""

    def __init__(self, connection: Connection, verifier: Verifier, expected: Checkpoint | None) -> None:
        self._connection = connection
        self._verifier = verifier
        self._expected = expected
        self._found = Collector()
        self._rows = RowChecks(self._found)
        self._chunk: Chunk | None = None
        self._replay = Replay(self._stored)
        self._confirmed = 0
        self._good = 0
        self._newest = ""
        self._lost = 0

    def run(self) -> None:
        end = self._end()
        for chunk in chunks(self._connection, end):
            self._chunk = chunk
            for index in range(chunk.start, chunk.stop):
                self._replay.add(self._rows.check(index, chunk))
                self._report_nodes()
                self._check_roots(index + 1, chunk.checkpoints.get(index + 1, ()))
        self._rows.finish(end)
        self._report_unconfirmed(end)
        self._explain()
        self._leftovers(end)

    def report(self, now: datetime) -> VerificationReport:
        findings, omitted = self._found.result()
        return VerificationReport(self._rows.seen, self._confirmed, findings, omitted, self._newest, now)

    def _end(self) -> int:
        """The largest size that the key has signed for; rows from there on are signed by nobody."""
        expected = self._expected.size if self._expected else 0
        for row in self._connection.execute(select(CHECKPOINT).order_by(CHECKPOINT.c.size.desc())):
            try:
                if self._verifier.open(row.note).size == row.size:
                    return max(int(row.size), expected)
            except AuditError:
                continue  # reported when its turn comes
        return expected

    def _stored(self, level: int, index: int) -> bytes | None:
        return self._chunk.nodes.get((level, index)) if self._chunk else None

    def _check_roots(self, size: int, rows: Sequence[Row[Any]]) -> None:
        for row in rows:
            checkpoint = self._open(row)
            if checkpoint and self._confirms(checkpoint, f"the checkpoint of {size} records"):
                self._confirmed += 1
                self._newest = row.note
        if self._expected and self._expected.size == size:
            self._confirms(self._expected, f"the checkpoint of {size} records that you hold")

    def _open(self, row: Row[Any]) -> Checkpoint | None:
        """The checkpoint of a row, if the key signed it and the row says the same."""
        try:
            checkpoint = self._verifier.open(row.note)
        except AuditError as error:
            self._found.add(
                error.code, f"The checkpoint of {row.size} records: {error.what} {error.why}".strip()
            )
            return None
        if checkpoint.size != row.size:
            what = f"The checkpoint stored for {row.size} records was signed for {checkpoint.size}."
            self._found.add("audit.checkpoint-differs", what)
            return None
        if checkpoint.root != bytes(row.root):
            what = f"The root stored beside the checkpoint of {row.size} records is not the signed one."
            self._found.add("audit.checkpoint-differs", what)
        return checkpoint

    def _confirms(self, checkpoint: Checkpoint, name: str) -> bool:
        answer = self._replay.check(checkpoint.root)
        if answer is Root.DIFFERS and self._lost <= self._good and self._moved(checkpoint):
            answer = Root.CONFIRMED
        if answer is Root.DIFFERS and self._lost <= self._good:
            self._lost = checkpoint.size
            self._found.add(
                "audit.checkpoint-root",
                f"Between the last good checkpoint ({self._good} records) and {name} at least one row was changed, "
                "with leaf hashes and nodes recomputed to hide it. Nothing narrower can be said from the database.",
                (self._good, max(self._good, checkpoint.size - 1)),
            )
        if answer is Root.CONFIRMED:
            self._good = checkpoint.size
        return answer is Root.CONFIRMED

    def _moved(self, checkpoint: Checkpoint) -> bool:
        """Whether the last row is all that is wrong, and the record that was signed there is now in another row."""
        distance = func.abs(RECORD.c.idx - checkpoint.size)
        query = select(RECORD.c.leaf_hash, RECORD.c.idx).order_by(distance).limit(MAX_MOVED)
        places = {bytes(leaf): index for leaf, index in self._connection.execute(query)}
        leaf = self._replay.check_last(checkpoint.root, places)
        if leaf is None:
            return False
        last = checkpoint.size - 1
        what = f"The record that was signed in this row is now in row {places[leaf]}."
        self._found.add("audit.row-reordered", what, (last, last), decision_id=self._decision_of(last))
        return True

    def _report_nodes(self) -> None:
        replay = self._replay
        for level, index in replay.missing:
            self._found.add("audit.node-missing", f"Merkle node {index} of level {level} is missing.")
        for level, index in replay.altered:
            what = f"Merkle node {index} of level {level} was changed; the rows under it were not."
            self._found.add("audit.node-differs", what)
        for level, index in replay.unproven:
            rows = (index << level, ((index + 1) << level) - 1)
            if rows[1] >= self._good:  # else an earlier checkpoint has confirmed them
                what = "Cannot be checked, because what is beside it in the tree is missing."
                self._found.add("audit.row-unproven", what, rows)
        for listed in (replay.missing, replay.altered, replay.unproven):
            listed.clear()

    def _report_unconfirmed(self, end: int) -> None:
        """Rows that are there, after the last checkpoint that could be confirmed."""
        last = self._rows.tail(end) - 1
        if self._good <= last and self._lost <= self._good:
            what = "No checkpoint that can be checked covers this part of the log any more."
            self._found.add("audit.row-unproven", what, (self._good, last))

    def _explain(self) -> None:
        self._report_nodes()
        explain(self._replay.suspects, self._rows.named, self._decision_of, self._found)
        if self._replay.more:
            start = self._replay.suspects[-1].rows[1] + 1
            what = f"{self._replay.more} more parts of the tree after row {start} are not what was signed."
            self._found.add("audit.row-changed", what, (start, self._replay.size - 1))

    def _decision_of(self, index: int) -> str:
        query = select(RECORD.c.decision_id).where(RECORD.c.idx == index)
        return str(self._connection.execute(query).scalars().first() or "")

    def _leftovers(self, end: int) -> None:
        """What lies outside the signed part: rows nobody signed, checkpoints and nodes of no row."""
        unsigned, first = outside(self._connection, RECORD, end)
        for index in first:
            what = f"No checkpoint covers this row ({unsigned} such row(s) in all)."
            self._found.add("audit.row-unsigned", what, (index, index), decision_id=self._decision_of(index))
        for table in SIDES:
            count, _ = outside(self._connection, table, end)
            if count:
                what = f"Table {table.name} has {count} row(s) for records that were never signed."
                self._found.add("audit.column-differs", what, differs=(table.name,))
        beyond = select(CHECKPOINT).where((CHECKPOINT.c.size > end) | (CHECKPOINT.c.size < 1)).limit(100)
        for row in self._connection.execute(beyond).all():
            self._open(row)
        self._extra_nodes(end)

    def _extra_nodes(self, end: int) -> None:
        count = self._connection.execute(select(func.count()).select_from(NODE)).scalar_one()
        complete = end - end.bit_count()
        if count > complete:
            what = f"There are {count} Merkle nodes where a log of {end} records has {complete}."
            self._found.add("audit.node-extra", what)
