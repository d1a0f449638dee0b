"""Reading the log: rows that match, one row, the newest checkpoint, proofs. Each read is one bounded transaction."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, func, select

from govkernel.audit import search
from govkernel.audit.checkpoint import Verifier
from govkernel.audit.database import corrupt, open_read_only, transaction
from govkernel.audit.entry import moment_of, parse_record
from govkernel.audit.migrate import check_schema
from govkernel.audit.query import parse
from govkernel.audit.tables import CHECKPOINT, RECORD
from govkernel.audit.writer import node_reader
from govkernel.domain import Record, merkle
from govkernel.errors import AuditError

DEADLINE: Final = 10.0
"""Seconds for one read."""


@dataclass(frozen=True)
class AuditRow:
    """A record as the database holds it.

    Attributes:
        index: its place in the log, from 0.
        payload: the JSON text of the record.
        leaf_hash: the leaf hash stored with it.
    """

    index: int
    decision_id: str
    decided_at: datetime
    door: str
    action: str
    effect: str
    principal: str
    resource: str
    policy_set: str
    environment: str
    payload: str
    leaf_hash: bytes

    @property
    def intact(self) -> bool:
        """Whether the payload has the leaf hash stored beside it: a hint only, verification is the proof."""
        found = merkle.leaf_hash(self.payload.encode("utf-8", "surrogatepass"))
        return hmac.compare_digest(found, self.leaf_hash)

    @cached_property
    def record(self) -> Record:
        """The record.

        Raises:
            AuditError: ``audit.record-invalid``: the payload was damaged.
        """
        return parse_record(self.payload)

    def as_dict(self) -> Mapping[str, Any]:
        """The row for machines; ``record`` is None when the payload is damaged."""
        return {
            "index": self.index,
            "id": self.decision_id,
            "decidedAt": self.decided_at.isoformat().replace("+00:00", "Z"),
            "effect": self.effect,
            "door": self.door,
            "action": self.action,
            "principal": self.principal,
            "resource": self.resource,
            "environment": self.environment,
            "policySet": self.policy_set,
            "leafHash": self.leaf_hash.hex(),
            "intact": self.intact,
            "record": self._json(),
        }

    def _json(self) -> Any:
        try:
            return json.loads(self.record.model_dump_json())
        except AuditError:
            return None


@dataclass(frozen=True)
class InclusionProof:
    """Proof that the record of this leaf hash is at this index of the log that ``checkpoint`` signs."""

    index: int
    size: int
    leaf_hash: bytes
    hashes: tuple[bytes, ...]
    checkpoint: str

    def as_dict(self) -> Mapping[str, Any]:
        """The proof for machines; hashes in hex."""
        return {
            "index": self.index,
            "size": self.size,
            "leafHash": self.leaf_hash.hex(),
            "hashes": [item.hex() for item in self.hashes],
            "checkpoint": self.checkpoint,
        }


@dataclass(frozen=True)
class ConsistencyProof:
    """Proof that the log of ``second`` records begins with the log of ``first`` records."""

    first: int
    second: int
    first_root: bytes
    second_root: bytes
    hashes: tuple[bytes, ...]

    def as_dict(self) -> Mapping[str, Any]:
        """The proof for machines; hashes in hex."""
        return {
            "from": self.first,
            "to": self.second,
            "fromRoot": self.first_root.hex(),
            "toRoot": self.second_root.hex(),
            "hashes": [item.hex() for item in self.hashes],
        }


@contextmanager
def open_reader(url: str) -> Iterator[Reader]:
    """Read a log without its key and without changing anything, not even its schema or its spool.

    Args:
        url: the database; a SQLite file has to be there.

    Raises:
        AuditError: ``audit.url``, ``audit.unavailable``, ``audit.locked`` or ``audit.schema``.
    """
    engine = open_read_only(url)
    try:
        with transaction(engine) as connection:
            check_schema(connection)
        yield Reader(engine)
    finally:
        engine.dispose()


class Reader:
    """Reads one log."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def query(self, text: str, now: datetime) -> list[AuditRow]:
        """Records that match, newest first; see :meth:`govkernel.audit.AuditLog.query`."""
        statement = search.rows(parse(text), now)
        with transaction(self._engine, deadline=DEADLINE) as connection:
            return [_row(found) for found in connection.execute(statement)]

    def count(self, text: str, now: datetime) -> int:
        """How many records match."""
        statement = search.count(parse(text), now)
        with transaction(self._engine, deadline=DEADLINE) as connection:
            return int(connection.execute(statement).scalar_one())

    def row(self, index: int) -> AuditRow:
        """One record; AuditError ``audit.not-found``."""
        with transaction(self._engine, deadline=DEADLINE) as connection:
            return _find(connection, index)

    def checkpoint(self) -> str:
        """The newest checkpoint, or an empty text."""
        with transaction(self._engine, deadline=DEADLINE) as connection:
            return _newest(connection)

    def prove(self, index: int, verifier: Verifier) -> InclusionProof:
        """An inclusion proof, verified before it is handed out."""
        with transaction(self._engine, deadline=DEADLINE) as connection:
            row, note = _find(connection, index), _newest(connection)
            signed = verifier.open(note)
            if not index < signed.size:
                raise corrupt(f"Record {index} is not covered by any checkpoint.")
            hashes = merkle.inclusion_proof(index, signed.size, node_reader(connection))
        if not merkle.verify_inclusion(row.leaf_hash, index, signed.size, hashes, signed.root):
            raise corrupt(f"Record {index} does not lead to the signed root.")
        return InclusionProof(index, signed.size, row.leaf_hash, tuple(hashes), note)

    def consistency(self, first: int, second: int) -> ConsistencyProof:
        """A consistency proof."""
        with transaction(self._engine, deadline=DEADLINE) as connection:
            size = connection.execute(select(func.max(CHECKPOINT.c.size))).scalar() or 0
            if not 0 <= first <= second <= size:
                raise _not_found(f"The log has {size} records; a proof needs 0 <= from <= to <= {size}.")
            read = node_reader(connection)
            hashes = merkle.consistency_proof(first, second, read)
            roots = [merkle.CompactRange.load(at, read).root() for at in (first, second)]
        return ConsistencyProof(first, second, roots[0], roots[1], tuple(hashes))


def _find(connection: Connection, index: int) -> AuditRow:
    inside = 0 <= index < 1 << 63
    found = connection.execute(select(RECORD).where(RECORD.c.idx == index)).first() if inside else None
    if found is None:
        raise _not_found(f"There is no record {index}.")
    return _row(found)


def _newest(connection: Connection) -> str:
    query = select(CHECKPOINT.c.note).order_by(CHECKPOINT.c.size.desc()).limit(1)
    return str(connection.execute(query).scalar() or "")


def _row(found: Row[Any]) -> AuditRow:
    return AuditRow(
        index=found.idx,
        decision_id=found.decision_id,
        decided_at=moment_of(found.decided_at),
        door=found.door,
        action=found.action,
        effect=found.effect,
        principal=found.principal,
        resource=found.resource,
        policy_set=found.policy_set,
        environment=found.environment,
        payload=found.payload,
        leaf_hash=bytes(found.leaf_hash),
    )


def _not_found(why: str) -> AuditError:
    return AuditError(
        "audit.not-found", "The log does not hold that.", why=why, remedy="Ask for an index it has."
    )
