"""A store that fails on purpose: a SQLite file that is really locked, really full, gone, or fails at commit.

Nothing is mocked: another connection holds the lock, the page limit is SQLite's own, the file is truly unlinked. Only
a failing disk at commit is played, by raising what the driver raises.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, event


class FlakyStore:
    """Makes the SQLite database at ``path`` misbehave for as long as a ``with`` block lasts."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Another connection holds the write lock."""
        other = sqlite3.connect(self.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")
            other.close()

    @contextmanager
    def full(self, engine: Engine) -> Iterator[None]:
        """The database of ``engine`` cannot grow by another page."""
        engine.dispose()

        def limit(connection: sqlite3.Connection, _record: object) -> None:
            connection.execute("PRAGMA max_page_count=1")  # SQLite raises it to the pages there are

        event.listen(engine, "connect", limit)
        try:
            yield
        finally:
            event.remove(engine, "connect", limit)
            engine.dispose()

    @contextmanager
    def failing_commit(self, engine: Engine) -> Iterator[None]:
        """Every commit fails with a disk error."""

        def fail(_connection: Connection) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        event.listen(engine, "commit", fail)
        try:
            yield
        finally:
            event.remove(engine, "commit", fail)

    @contextmanager
    def replaced(self) -> Iterator[None]:
        """The file is moved away and an empty one lies in its place."""
        aside = self.path.with_name("aside.db")
        self.path.rename(aside)
        self.path.touch()
        try:
            yield
        finally:
            aside.rename(self.path)
