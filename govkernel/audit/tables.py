"""The tables of the log, for SQLite and PostgreSQL alike. docs/reference/audit-log.md is their public description.

The payload is the record; every other column and table repeats parts of it so that they can be searched, and
verification compares them with it. Text that is indexed is cut to :data:`KEY_LENGTH` characters (PostgreSQL refuses
longer index entries), which :func:`govkernel.audit.entry.search_key` does for writer, query and verifier.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text
from sqlmodel import Field, SQLModel

KEY_LENGTH: Final = 512

BIG: Final = BigInteger().with_variant(Integer, "sqlite")
"""64 bits; SQLite's INTEGER is that already, and only so does it become the row id."""


class _Base(SQLModel):
    metadata = MetaData()


def _key(*, index: bool = False) -> Column[str]:
    return Column(String(KEY_LENGTH), nullable=False, index=index)


class RecordRow(_Base, table=True):
    """One record: ``payload`` is the exact JSON text whose bytes are the leaf of the Merkle tree."""

    __tablename__ = "record"
    __table_args__ = (Index("record_effect", "effect", "idx"), Index("record_door", "door", "idx"))

    idx: int = Field(sa_column=Column(BIG, primary_key=True, autoincrement=False))
    decision_id: str = Field(sa_column=_key(index=True))
    decided_at: int = Field(sa_column=Column(BIG, nullable=False, index=True))
    door: str = Field(sa_column=_key())
    action: str = Field(sa_column=_key())
    effect: str = Field(sa_column=_key())
    principal: str = Field(sa_column=Column(Text, nullable=False))
    principal_id: str = Field(sa_column=_key(index=True))
    resource: str = Field(sa_column=Column(Text, nullable=False))
    resource_id: str = Field(sa_column=_key(index=True))
    policy_set: str = Field(sa_column=_key())
    environment: str = Field(sa_column=_key())
    payload: str = Field(sa_column=Column(Text, nullable=False))
    leaf_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))


class SubjectRow(_Base, table=True):
    """An artifact of a record, once for each of its digests; an unresolved one has an empty digest."""

    __tablename__ = "subject"
    __table_args__ = (Index("subject_digest", "digest", "idx"), Index("subject_name", "name", "idx"))

    idx: int = Field(sa_column=Column(BIG, primary_key=True, autoincrement=False))
    position: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    kind: str = Field(sa_column=_key())
    name: str = Field(sa_column=_key())
    digest: str = Field(sa_column=_key())


class PolicyRow(_Base, table=True):
    """A policy that determined a record's decision, or warned, or was only noted."""

    __tablename__ = "policy"
    __table_args__ = (Index("policy_policy", "policy", "idx"),)

    idx: int = Field(sa_column=Column(BIG, primary_key=True, autoincrement=False))
    position: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    policy: str = Field(sa_column=_key())
    effect: str = Field(sa_column=_key())
    mode: str = Field(sa_column=_key())


class ControlRow(_Base, table=True):
    """A control that one of a record's policies implements."""

    __tablename__ = "control"
    __table_args__ = (Index("control_control", "control", "idx"),)

    idx: int = Field(sa_column=Column(BIG, primary_key=True, autoincrement=False))
    position: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    control: str = Field(sa_column=_key())


class FaultRow(_Base, table=True):
    """A part that failed on the way to a record's decision."""

    __tablename__ = "fault"
    __table_args__ = (Index("fault_code", "code", "idx"),)

    idx: int = Field(sa_column=Column(BIG, primary_key=True, autoincrement=False))
    position: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    code: str = Field(sa_column=_key())
    plugin: str = Field(sa_column=_key())


class NodeRow(_Base, table=True):
    """A complete interior node of the Merkle tree, level 1 and up; level 0 are the records' leaf hashes."""

    __tablename__ = "node"

    level: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    idx: int = Field(sa_column=Column(BIG, primary_key=True, autoincrement=False))
    hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))


class CheckpointRow(_Base, table=True):
    """A signed checkpoint, one for each group of records that was committed together."""

    __tablename__ = "checkpoint"

    size: int = Field(sa_column=Column(BIG, primary_key=True, autoincrement=False))
    root: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    note: str = Field(sa_column=Column(Text, nullable=False))


METADATA: Final = _Base.metadata
RECORD: Final[Table] = METADATA.tables["record"]
SUBJECT: Final[Table] = METADATA.tables["subject"]
POLICY: Final[Table] = METADATA.tables["policy"]
CONTROL: Final[Table] = METADATA.tables["control"]
FAULT: Final[Table] = METADATA.tables["fault"]
NODE: Final[Table] = METADATA.tables["node"]
CHECKPOINT: Final[Table] = METADATA.tables["checkpoint"]

SIDES: Final[tuple[Table, ...]] = (SUBJECT, POLICY, CONTROL, FAULT)
"""The tables that repeat lists of a record, each row known by ``(idx, position)``."""
