"""Databases for tests of the vault, opened as the guard opens them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from govkernel.vaulting import _begin, _engine
from runtime_guard.tokens.sql import SqlStore


@contextmanager
def store_at(url: str) -> Iterator[SqlStore]:
    """The store of a database, its tables made."""
    engine = _engine(url)
    try:
        yield SqlStore(partial(_begin, engine))
    finally:
        engine.dispose()
