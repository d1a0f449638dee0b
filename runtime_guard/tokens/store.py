"""Where sealed rows are kept: the interface of stores, and one way to ask them from an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence, Set
from contextlib import AbstractContextManager
from typing import Final, Protocol, TypeVar

from runtime_guard.tokens.entry import Row, WrappedKey
from runtime_guard.tokens.errors import unavailable

R = TypeVar("R")

ALL: Final = 2**31 - 1
"""More than any serial."""


class Session(Protocol):
    """One transaction. Everything it did holds when its block ends, or nothing when the block raises."""

    def lock(self, conversation: bytes) -> None:
        """Let other writers to this conversation wait until the end of this transaction."""

    def keys(self, tenant: str, *, alone: bool = False) -> list[WrappedKey]:
        """The tenant's keys, by serial. In a transaction that writes, they are not removed before its end.

        Args:
            tenant: whose.
            alone: wait for other transactions that write with them.
        """

    def add_key(self, key: WrappedKey) -> None:
        """Add a key, unless the tenant has one of that serial."""

    def drop_keys(self, tenant: str, *, before: int = ALL) -> None:
        """Remove the tenant's keys with a lower serial than this."""

    def find(
        self,
        tenant: str,
        conversation: bytes,
        values: Collection[bytes],
        surrogates: Collection[bytes],
        now: int,
    ) -> list[Row]:
        """Rows of a conversation with one of these value or surrogate hashes that have not expired."""

    def highest(self, tenant: str, conversation: bytes, series: bytes) -> int:
        """The highest number of a series; 0 when there is none."""

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows; one whose value or surrogate hash the conversation has already is passed over."""

    def replace(self, old: Sequence[Row], new: Sequence[Row]) -> None:
        """Put new boxes, each in place of the old one, where that still is what it was."""

    def count(self, tenant: str, conversation: bytes | None = None) -> int:
        """Rows of a conversation, or of the tenant."""

    def drop_expired(self, now: int, tenant: str = "", conversation: bytes | None = None) -> int:
        """Remove what has expired, of a conversation, a tenant or all; how many."""

    def drop_oldest(
        self, number: int, tenant: str, conversation: bytes | None = None, keep: Set[bytes] = frozenset()
    ) -> None:
        """Remove the rows that would expire first, of a conversation but those with a value hash to keep."""

    def erase(self, tenant: str, conversation: bytes | None = None) -> int:
        """Remove all rows of a conversation, or of the tenant; how many."""

    def sealed_otherwise(self, tenant: str, key_id: bytes, limit: int) -> list[Row]:
        """Some rows that another key than this sealed."""

    def tenants(self) -> list[str]:
        """Every tenant that has keys."""


class Store(Protocol):
    """Keeps rows and wrapped keys.

    Attributes:
        waits: whether a session may wait for a disk or a network.
    """

    waits: bool

    def session(self, *, write: bool) -> AbstractContextManager[Session]:
        """A transaction.

        Raises:
            VaultError: ``vault.unavailable``.
        """


class Asked:
    """A store, asked from an event loop and in time.

    Args:
        store: whom.
        deadline: seconds for one transaction.
    """

    def __init__(self, store: Store, deadline: float) -> None:
        self._store = store
        self._deadline = deadline

    async def run(self, work: Callable[[Session], R], *, write: bool = False, large: bool = False) -> R:
        """What ``work`` returns in a transaction of its own.

        Args:
            work: what to do.
            write: whether it writes.
            large: whether it takes long even where nothing has to be waited for.

        Raises:
            VaultError: ``vault.unavailable``, also when it takes too long; or what ``work`` raises.
        """

        def run() -> R:
            with self._store.session(write=write) as session:
                return work(session)

        if not (self._store.waits or large):
            return run()
        try:
            async with asyncio.timeout(self._deadline):
                return await asyncio.to_thread(run)
        except TimeoutError:
            raise unavailable(f"It did not answer within {self._deadline:g} s.") from None
