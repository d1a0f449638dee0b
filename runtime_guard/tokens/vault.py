"""The vault: surrogates for the values of a conversation, and back; per tenant, sealed, for a while. ADR 0030."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Final, Self, TypeVar

from runtime_guard.redact import Wanted
from runtime_guard.tokens.allocation import Beaten, Book, Given, Limits, Stale, Taken, allocate
from runtime_guard.tokens.entry import Entry, Scope
from runtime_guard.tokens.errors import contended, tampered
from runtime_guard.tokens.keys import KeyRing
from runtime_guard.tokens.memory import MemoryStore
from runtime_guard.tokens.sealing import opened, scope_of
from runtime_guard.tokens.store import Asked, Session
from runtime_guard.tokens.wrapping import LocalWrapper

R = TypeVar("R")

ATTEMPTS: Final = 8
LARGE: Final = 200
"""Values that take a noticeable time, so that they are named in a thread."""

TIDY_PART: Final = 100
"""A tenant is counted, and cut to its limit, each time this part of the limit was added."""


class Vault:
    """Remembers which surrogate stands for which value.

    Args:
        asked: the store where rows are kept.
        ring: its keys.
        limits: how much is remembered, and for how long.
    """

    def __init__(self, asked: Asked, ring: KeyRing, limits: Limits) -> None:
        self._asked = asked
        self._ring = ring
        self._limits = limits
        self._added: Counter[str] = Counter()

    @classmethod
    def in_memory(cls, limits: Limits = Limits()) -> Self:  # noqa: B008 - frozen
        """One that ends with this process, its key too."""
        asked = Asked(MemoryStore(), limits.deadline)
        return cls(asked, KeyRing(asked, [LocalWrapper.new()], limits.deadline), limits)

    async def scope(self, tenant: str, name: str, beginning: str, now: int) -> Scope:
        """The conversation with a name, or, if it has none, with a beginning.

        Args:
            tenant: whose.
            name: what the client calls it; may be empty.
            beginning: what is the same in all its turns.
            now: seconds since the epoch.

        Raises:
            VaultError: as :meth:`names`.
        """
        return scope_of(await self._ring.of(tenant, now), name, beginning)

    async def names(
        self,
        scope: Scope,
        wanted: Sequence[Wanted],
        now: int,
        *,
        sent: bool = True,
        taken: Taken = lambda surrogate: False,
    ) -> list[Given]:
        """The surrogates of values, in order; the same for the same value, whoever asks first.

        Args:
            scope: the conversation.
            wanted: the values.
            now: seconds since the epoch.
            sent: whether a client sends the values; those that only a model said are not restored.
            taken: surrogates that may not be given, because they stand in a text.

        Raises:
            VaultError: ``vault.full``, ``vault.contended``, ``vault.tampered``, ``vault.unavailable``, ``vault.key-*``.
        """

        def known(book: Book, session: Session) -> dict[Wanted, Given] | None:
            hashes = book.hashes(wanted)
            rows = book.find(session, hashes.values(), [item.value for item in hashes])
            mine = set(hashes.values())
            if any(book.due(row, sent=sent) for row in rows if row.value_hash in mine):
                return None
            given = book.given(hashes, rows)
            return given if len(given) == len(hashes) else None

        def made(book: Book, session: Session) -> dict[Wanted, Given]:
            return allocate(session, book, book.hashes(wanted), taken, sent=sent)

        if not wanted:
            return []
        large = len(wanted) > LARGE
        found = await self._with_keys(scope, now, known, large=large)
        if found is None:
            found = await self._with_keys(scope, now, made, write=True, large=large)
            await self._tidy(scope.tenant, len(wanted), now)
        return [found[item] for item in wanted]

    async def look_up(self, scope: Scope, surrogates: Collection[str], now: int) -> list[Entry]:
        """The entries that surrogates stand for; unknown ones are left out.

        Raises:
            VaultError: as :meth:`names`.
        """

        def find(book: Book, session: Session) -> list[Entry]:
            rows = book.find(session, (), surrogates)
            return [opened(book.keys, scope, row) for row in rows]

        return await self._with_keys(scope, now, find) if surrogates else []

    async def purge(self, now: int) -> int:
        """Remove what has expired; how many entries.

        Raises:
            VaultError: ``vault.unavailable``.
        """
        return await self._asked.run(lambda session: session.drop_expired(now), write=True)

    async def _with_keys(
        self,
        scope: Scope,
        now: int,
        work: Callable[[Book, Session], R],
        *,
        write: bool = False,
        large: bool = False,
    ) -> R:
        """What the work returns, with the tenant's newest keys; tried again when they were not, or it lost a race."""
        for attempt in range(ATTEMPTS):
            book = Book(await self._ring.of(scope.tenant, now), scope, self._limits, now)
            try:
                return await self._asked.run(partial(work, book), write=write, large=large)
            except Stale:
                self._ring.forget(scope.tenant)
                if attempt and not write:
                    raise tampered("The key that sealed it is gone.") from None
            except Beaten:
                continue
        raise contended()

    async def _tidy(self, tenant: str, added: int, now: int) -> None:
        limit = self._limits.tenant_entries
        self._added[tenant] += added
        if TIDY_PART * self._added[tenant] < limit:
            return
        del self._added[tenant]

        def cut(session: Session) -> None:
            session.drop_expired(now, tenant)
            session.drop_oldest(session.count(tenant) - limit, tenant)

        await self._asked.run(cut, write=True)
