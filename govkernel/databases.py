"""Engines for the databases we write to, SQLite (WAL) and PostgreSQL, opened and bounded in one way.

What drivers raise is left to the room that asks, which knows what to advise.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

WRITE: Final = "govkernel_write"
"""Execution option of a connection whose transactions will write: on SQLite they take the lock when they begin."""

LOCK_TIMEOUT: Final = 2.0
"""Seconds to wait for a lock that another writer holds."""


def parse_url(url: str) -> URL:
    """A URL of a SQLite file or a PostgreSQL database, its driver named.

    Raises:
        ValueError: it is none, in words for a person.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError("It is not a database URL.") from None
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}:
        raise ValueError(f"There is no support for {parsed.drivername[:40]!r}.")
    in_memory = not parsed.database or parsed.database == ":memory:" or parsed.database.startswith("file:")
    if parsed.drivername.startswith("sqlite") and in_memory:
        raise ValueError("SQLite needs the path of a file here.")
    return parsed


def sqlite_path(url: URL) -> Path | None:
    """The file of a SQLite database, or None."""
    return Path(url.database or "") if url.drivername.startswith("sqlite") else None


def create_private(path: Path) -> None:
    """Make a database file that only its owner can read, unless it is there.

    Raises:
        OSError: it cannot be made or written.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def sqlite_engine(url: str, *, writable: bool = True, lock_timeout: float = LOCK_TIMEOUT) -> Engine:
    """An engine whose transactions are begun by us, and are durable when they end (synchronous=FULL)."""
    engine = create_engine(
        url, connect_args={"timeout": lock_timeout, "check_same_thread": False}, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        if writable:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
        else:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        write = connection.get_execution_options().get(WRITE)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def postgres_engine(url: URL, *, lock_timeout: float = LOCK_TIMEOUT) -> Engine:
    """An engine that waits for locks and connections no longer than ``lock_timeout`` seconds.

    Raises:
        ModuleNotFoundError, NoSuchModuleError: there is no driver.
    """
    return create_engine(
        url,
        connect_args={
            "connect_timeout": max(2, round(lock_timeout)),
            "options": f"-c lock_timeout={int(lock_timeout * 1000)}",
        },
        pool_pre_ping=True,
        pool_timeout=lock_timeout,
        hide_parameters=True,
    )
