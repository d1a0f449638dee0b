"""The log: records, their side tables, Merkle nodes and checkpoints."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables. There is no way back: a log is never dropped by a tool."""
    op.create_table(
        "record",
        sa.Column("idx", _BIG, primary_key=True, autoincrement=False),
        _key("decision_id"),
        sa.Column("decided_at", _BIG, nullable=False),
        *map(_key, ("door", "action", "effect")),
        sa.Column("principal", sa.Text(), nullable=False),
        _key("principal_id"),
        sa.Column("resource", sa.Text(), nullable=False),
        *map(_key, ("resource_id", "policy_set", "environment")),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(32), nullable=False),
    )
    for column in ("decision_id", "decided_at", "principal_id", "resource_id"):
        op.create_index(f"ix_record_{column}", "record", [column])
    for column in ("effect", "door"):
        op.create_index(f"record_{column}", "record", [column, "idx"])
    _side("subject", ("kind", "name", "digest"), indexed=("digest", "name"))
    _side("policy", ("policy", "effect", "mode"), indexed=("policy",))
    _side("control", ("control",), indexed=("control",))
    _side("fault", ("code", "plugin"), indexed=("code",))
    op.create_table(
        "node",
        sa.Column("level", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("idx", _BIG, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
    )
    op.create_table(
        "checkpoint",
        sa.Column("size", _BIG, primary_key=True, autoincrement=False),
        sa.Column("root", sa.LargeBinary(32), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
    )


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(512), nullable=False)


def _side(table: str, columns: tuple[str, ...], *, indexed: tuple[str, ...]) -> None:
    op.create_table(
        table,
        sa.Column("idx", _BIG, primary_key=True, autoincrement=False),
        sa.Column("position", sa.Integer(), primary_key=True, autoincrement=False),
        *map(_key, columns),
    )
    for column in indexed:
        op.create_index(f"{table}_{column}", table, [column, "idx"])
