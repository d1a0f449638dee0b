"""A store in SQLite or PostgreSQL, through SQLAlchemy core: for restarts, and for several replicas."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence, Set
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, bindparam, delete, func, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ColumnElement

from runtime_guard.tokens.entry import Row, WrappedKey
from runtime_guard.tokens.store import ALL
from runtime_guard.tokens.tables import ENTRY, KEY

Begin = Callable[[bool], AbstractContextManager[Connection]]
"""Begins a transaction, to write or only to read; committed when its block ends, rolled back when it raises."""

T = TypeVar("T")

AT_ONCE: Final = 400
"""Hashes asked for in one statement."""


class SqlStore:
    """Rows in a database; follows :class:`runtime_guard.tokens.store.Store`.

    Args:
        begin: begins transactions; turns what the driver raises into ``vault.unavailable``.
    """

    waits = True

    def __init__(self, begin: Begin) -> None:
        self._begin = begin

    @contextmanager
    def session(self, *, write: bool) -> Iterator[_Sql]:
        """A transaction of the database."""
        with self._begin(write) as connection:
            yield _Sql(connection, write)


class _Sql:
    """Follows :class:`runtime_guard.tokens.store.Session`."""

    def __init__(self, connection: Connection, write: bool) -> None:
        self._connection = connection
        self._write = write

    def lock(self, conversation: bytes) -> None:
        if self._connection.dialect.name == "postgresql":  # SQLite has one writer at a time
            key = int.from_bytes(conversation[:8], "big", signed=True)
            self._connection.execute(select(func.pg_advisory_xact_lock(key)))

    def keys(self, tenant: str, *, alone: bool = False) -> list[WrappedKey]:
        query = select(KEY).where(KEY.c.tenant == tenant).order_by(KEY.c.serial)
        if self._write:
            query = query.with_for_update(read=not alone)
        return [WrappedKey(**row) for row in self._connection.execute(query).mappings()]

    def add_key(self, key: WrappedKey) -> None:
        self._insert(KEY, [asdict(key)])

    def drop_keys(self, tenant: str, *, before: int = ALL) -> None:
        self._connection.execute(delete(KEY).where(KEY.c.tenant == tenant, KEY.c.serial < before))

    def find(
        self,
        tenant: str,
        conversation: bytes,
        values: Collection[bytes],
        surrogates: Collection[bytes],
        now: int,
    ) -> list[Row]:
        found: dict[bytes, Row] = {}
        for column, wanted in ((ENTRY.c.value_hash, values), (ENTRY.c.surrogate_hash, surrogates)):
            for some in _parts(list(wanted)):
                condition = column.in_(some)
                rows = self._rows(*_within(tenant, conversation), condition, ENTRY.c.expires_at > now)
                found.update((row.value_hash, row) for row in rows)
        return list(found.values())

    def highest(self, tenant: str, conversation: bytes, series: bytes) -> int:
        query = select(func.max(ENTRY.c.number)).where(
            *_within(tenant, conversation), ENTRY.c.series == series
        )
        return self._connection.execute(query).scalar() or 0

    def add(self, rows: Sequence[Row]) -> None:
        self._insert(ENTRY, [asdict(row) for row in rows])

    def replace(self, old: Sequence[Row], new: Sequence[Row]) -> None:
        changed = ("sent", "key_id", "expires_at", "sealed")
        statement = (
            update(ENTRY)
            .where(
                ENTRY.c.tenant == bindparam("of"),
                ENTRY.c.conversation == bindparam("within"),
                ENTRY.c.value_hash == bindparam("hash"),
                ENTRY.c.sealed == bindparam("before"),
            )
            .values({name: bindparam(f"new_{name}") for name in changed})
        )
        values = [
            {
                **{
                    "of": was.tenant,
                    "within": was.conversation,
                    "hash": was.value_hash,
                    "before": was.sealed,
                },
                **{f"new_{name}": getattr(row, name) for name in changed},
            }
            for was, row in zip(old, new, strict=True)
        ]
        if values:
            self._connection.execute(statement, values)

    def count(self, tenant: str, conversation: bytes | None = None) -> int:
        query = select(func.count()).select_from(ENTRY).where(*_within(tenant, conversation))
        return self._connection.execute(query).scalar_one()

    def drop_expired(self, now: int, tenant: str = "", conversation: bytes | None = None) -> int:
        where = _within(tenant, conversation) if tenant else []
        return self._connection.execute(delete(ENTRY).where(*where, ENTRY.c.expires_at <= now)).rowcount

    def drop_oldest(
        self, number: int, tenant: str, conversation: bytes | None = None, keep: Set[bytes] = frozenset()
    ) -> None:
        identity = (ENTRY.c.conversation, ENTRY.c.value_hash)
        where = _within(tenant, conversation)
        query = select(*identity).where(*where).order_by(ENTRY.c.expires_at).limit(max(0, number) + len(keep))
        oldest = [tuple(row) for row in self._connection.execute(query) if row.value_hash not in keep]
        for some in _parts(oldest[: max(0, number)]):
            self._connection.execute(delete(ENTRY).where(*where, tuple_(*identity).in_(some)))

    def erase(self, tenant: str, conversation: bytes | None = None) -> int:
        return self._connection.execute(delete(ENTRY).where(*_within(tenant, conversation))).rowcount

    def sealed_otherwise(self, tenant: str, key_id: bytes, limit: int) -> list[Row]:
        return self._rows(ENTRY.c.tenant == tenant, ENTRY.c.key_id != key_id, limit=limit)

    def tenants(self) -> list[str]:
        query = select(KEY.c.tenant).distinct().order_by(KEY.c.tenant)
        return list(self._connection.execute(query).scalars())

    def _rows(self, *where: ColumnElement[bool], limit: int | None = None) -> list[Row]:
        query = select(ENTRY).where(*where).limit(limit)
        return [Row(**row) for row in self._connection.execute(query).mappings()]

    def _insert(self, table: Any, values: Sequence[dict[str, Any]]) -> None:
        dialect = sqlite if self._connection.dialect.name == "sqlite" else postgresql
        if values:
            self._connection.execute(dialect.insert(table).on_conflict_do_nothing(), values)


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE))


def _within(tenant: str, conversation: bytes | None) -> list[ColumnElement[bool]]:
    found = [ENTRY.c.tenant == tenant]
    return found if conversation is None else [*found, ENTRY.c.conversation == conversation]
