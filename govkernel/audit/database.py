"""The database under the log: SQLite (WAL, synchronous=FULL) or PostgreSQL, opened and bounded the same way.

Every transaction goes through :func:`transaction`, which turns what drivers raise into errors that advise.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from govkernel import databases
from govkernel.databases import LOCK_TIMEOUT, WRITE, sqlite_path
from govkernel.errors import AuditError

ADVISORY_LOCK: Final = 0x676F766B65726E65
"""PostgreSQL advisory lock that serialises appends: the bytes of ``govkerne``."""

_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_LOCK_STATES: Final = frozenset({"55P03", "40P01"})
_CANCELLED: Final = "57014"


def parse_url(url: str) -> URL:
    """A database URL we can use.

    Raises:
        AuditError: ``audit.url``.
    """
    try:
        return databases.parse_url(url)
    except ValueError as error:
        raise _bad_url(str(error)) from None


def open_engine(url: str, *, lock_timeout: float = LOCK_TIMEOUT) -> Engine:
    """An engine to write and read with; a new SQLite file is readable by its owner only.

    Raises:
        AuditError: ``audit.url`` or ``audit.unavailable``.
    """
    parsed = parse_url(url)
    path = sqlite_path(parsed)
    if path is None:
        return _postgres(parsed, lock_timeout)
    try:
        databases.create_private(path)
    except OSError as error:
        raise unavailable(error.strerror or type(error).__name__) from None
    return databases.sqlite_engine(f"sqlite:///{path}", lock_timeout=lock_timeout)


def open_read_only(url: str, *, lock_timeout: float = LOCK_TIMEOUT) -> Engine:
    """An engine that cannot write, not even to a SQLite file on read-only media.

    Raises:
        AuditError: ``audit.url`` or ``audit.unavailable``.
    """
    parsed = parse_url(url)
    path = sqlite_path(parsed)
    if path is None:
        engine = _postgres(parsed, lock_timeout)
        return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    if not path.is_file():
        raise unavailable(f"There is no file {path}.")
    wal, folder = path.with_name(path.name + "-wal"), path.resolve().parent
    frozen = not wal.exists() and not os.access(folder, os.W_OK)
    quoted = str(path.resolve()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    options = "immutable=1" if frozen else "mode=ro"
    return databases.sqlite_engine(
        f"sqlite:///file:{quoted}?{options}&uri=true", writable=False, lock_timeout=lock_timeout
    )


@contextmanager
def transaction(
    engine: Engine, *, write: bool = False, deadline: float | None = None
) -> Iterator[Connection]:
    """One transaction: committed when the block ends, rolled back when it raises.

    Args:
        engine: from :func:`open_engine`.
        write: take the log's writer lock first; other writers wait.
        deadline: seconds after which a running query is stopped.

    Raises:
        AuditError: ``audit.locked``, ``audit.unavailable``, ``audit.refused``, ``audit.corrupt``,
            ``audit.query-timeout``.
    """
    try:
        with engine.connect() as plain:
            connection = plain.execution_options(**{WRITE: write})
            with connection.begin(), _time_box(connection, deadline):
                if write and engine.dialect.name == "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
                yield connection
    except (DBAPIError, sqlite3.Error, PoolTimeout) as error:
        raise _translate(error) from None


def unavailable(why: str) -> AuditError:
    """The error for a database that cannot be used at all."""
    return AuditError(
        "audit.unavailable",
        "The audit database cannot be used.",
        why=why,
        remedy="Check that it is running, reachable, writable and not full; [audit] database names it.",
    )


def corrupt(why: str) -> AuditError:
    """The error for a log that contradicts its own signed checkpoint: nothing may be appended to it."""
    return AuditError(
        "audit.corrupt",
        "The audit log is not as it was written; nothing more is appended to it.",
        why=why,
        remedy="Run `govkernel audit verify`; keep the database as evidence and restore a good copy.",
    )


@contextmanager
def _time_box(connection: Connection, deadline: float | None) -> Iterator[None]:
    if deadline is None:
        yield
        return
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL statement_timeout = {int(deadline * 1000)}"))
        yield
        return
    raw: Any = connection.connection.dbapi_connection
    end = time.monotonic() + deadline
    raw.set_progress_handler(lambda: time.monotonic() > end, 1000)
    try:
        yield
    finally:
        raw.set_progress_handler(None, 0)


def _postgres(url: URL, lock_timeout: float) -> Engine:
    try:
        return databases.postgres_engine(url, lock_timeout=lock_timeout)
    except (ModuleNotFoundError, NoSuchModuleError):
        raise AuditError(
            "audit.driver",
            "There is no PostgreSQL driver here.",
            remedy='Install it: `pip install "govkernel[postgres]"`.',
        ) from None


def _translate(error: Exception) -> AuditError:
    cause = getattr(error, "orig", None) or error
    state = getattr(cause, "sqlstate", None)
    number = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    why = (str(cause).splitlines() or [type(cause).__name__])[0][:200]
    if number in _BUSY or state in _LOCK_STATES:
        return _locked(why)
    if number == sqlite3.SQLITE_INTERRUPT or state == _CANCELLED:
        return _too_slow()
    if isinstance(error, IntegrityError):
        return corrupt("A row is where the next record belongs.")
    if isinstance(error, DataError):
        return _refused(type(cause).__name__)
    return unavailable(why)


def _locked(why: str) -> AuditError:
    return AuditError(
        "audit.locked",
        "The audit database is locked by another process.",
        why=why,
        remedy="Stop what holds the lock (a backup, an open database tool); spooled records are kept.",
    )


def _too_slow() -> AuditError:
    return AuditError(
        "audit.query-timeout",
        "The query took too long and was stopped.",
        remedy="Narrow it with since:, artifact:, name: or policy:, which are indexed.",
    )


def _refused(why: str) -> AuditError:
    return AuditError(
        "audit.refused",
        "The audit database refused a value.",
        why=why,
        remedy="Report it: a record holds something that cannot be stored. It was denied.",
    )


def _bad_url(why: str) -> AuditError:
    return AuditError(
        "audit.url",
        "The audit database URL cannot be used.",
        why=why,
        remedy="Use sqlite:///path/audit.db or postgresql+psycopg://user@host/database.",
    )
