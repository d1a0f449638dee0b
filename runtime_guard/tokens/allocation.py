"""Find the surrogates of values, and make those that are missing, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from runtime_guard.redact import Wanted
from runtime_guard.tokens.entry import Entry, Row, Scope
from runtime_guard.tokens.errors import full
from runtime_guard.tokens.fakes.choices import Choices
from runtime_guard.tokens.fakes.make import TRIES, fake
from runtime_guard.tokens.keys import TenantKeys, current
from runtime_guard.tokens.names import MAX_NUMBER, name_of
from runtime_guard.tokens.normal import normal
from runtime_guard.tokens.sealing import opened, resealed, sealed, surrogate_hash, value_hash
from runtime_guard.tokens.store import Session

Taken = Callable[[str], bool]
"""Whether a surrogate may not be given, because a text holds what looks like it."""


class Stale(Exception):
    """The keys in use are not the tenant's newest any more."""


class Beaten(Exception):
    """Another writer was first; trying again will see what it wrote."""


@dataclass(frozen=True)
class Limits:
    """How much is remembered, and for how long.

    Attributes:
        ttl: seconds from the last use of an entry to its end.
        conversation_entries, tenant_entries: how many there may be; the oldest give way.
        deadline: seconds for one transaction, and for wrapping or unwrapping one key.
    """

    ttl: int = 86_400
    conversation_entries: int = 10_000
    tenant_entries: int = 1_000_000
    deadline: float = 2.0


@dataclass(frozen=True)
class Given:
    """The answer to one :class:`Wanted`.

    Attributes:
        entry: the value and its surrogate.
        standing: what was asked about is a surrogate already, not a value.
    """

    entry: Entry
    standing: bool = False


@dataclass(frozen=True)
class Book:
    """The entries of one conversation, under its tenant's keys, at one time."""

    keys: TenantKeys
    scope: Scope
    limits: Limits
    now: int

    def hashes(self, wanted: Iterable[Wanted]) -> dict[Wanted, bytes]:
        """The value hash of each."""
        return {item: value_hash(self.keys, self.scope, item.label, item.value) for item in wanted}

    def find(self, session: Session, values: Iterable[bytes], surrogates: Iterable[str]) -> list[Row]:
        """Rows for value hashes and for surrogates.

        Raises:
            Stale: one is sealed by a key that is not known here.
        """
        names = [surrogate_hash(self.keys, self.scope, item) for item in surrogates]
        rows = session.find(self.scope.tenant, self.scope.conversation, list(values), names, self.now)
        if any(row.key_id not in self.keys.data for row in rows):
            raise Stale
        return rows

    def due(self, row: Row, *, sent: bool) -> bool:
        """Whether a row has to be written again: its end is near, or a client sends what a model said."""
        return 2 * (row.expires_at - self.now) < self.limits.ttl or (sent and not row.sent)

    def given(self, wanted: Mapping[Wanted, bytes], rows: Iterable[Row]) -> dict[Wanted, Given]:
        """What the rows say about the wanted ones."""
        by_value = {row.value_hash: row for row in rows}
        by_name = {row.surrogate_hash: row for row in by_value.values()}
        entries = {key: opened(self.keys, self.scope, row) for key, row in by_value.items()}
        found: dict[Wanted, Given] = {}
        for item, key in wanted.items():
            if key in entries:
                found[item] = Given(entries[key])
            elif row := by_name.get(surrogate_hash(self.keys, self.scope, item.value)):
                found[item] = Given(entries[row.value_hash], standing=True)
        return found


def allocate(
    session: Session, book: Book, wanted: Mapping[Wanted, bytes], taken: Taken, *, sent: bool
) -> dict[Wanted, Given]:
    """Give every wanted value a surrogate: the one it has, or a new one.

    Args:
        session: a transaction that writes.
        book: the conversation.
        wanted: value hash of each.
        taken: surrogates that may not be given.
        sent: whether a client sends the values.

    Raises:
        Stale: the keys are not the newest.
        Beaten: a store without locks let another writer in between.
        VaultError: ``vault.full``, ``vault.tampered``.
    """
    scope, ends = book.scope, book.now + book.limits.ttl
    session.lock(scope.conversation)
    if not current(session, book.keys):
        raise Stale
    session.drop_expired(book.now, scope.tenant, scope.conversation)
    mine = frozenset(wanted.values())
    rows = book.find(session, mine, [item.value for item in wanted])
    _refresh(session, book, [row for row in rows if row.value_hash in mine], ends, sent=sent)
    given = book.given(wanted, rows)
    missing: dict[bytes, Wanted] = {}
    for item, key in wanted.items():
        if item not in given:
            missing.setdefault(key, item)
    _make_room(session, book, len(missing), {row.value_hash for row in rows})
    session.add(_Proposals(session, book, taken).rows(missing.values(), ends, sent=sent))
    given = book.given(wanted, book.find(session, mine, [item.value for item in wanted]))
    if len(given) < len(wanted):
        raise Beaten
    return given


def _refresh(session: Session, book: Book, rows: Sequence[Row], ends: int, *, sent: bool) -> None:
    old = [row for row in rows if book.due(row, sent=sent)]
    session.replace(old, [resealed(book.keys, row, sent=sent or row.sent, expires_at=ends) for row in old])


def _make_room(session: Session, book: Book, number: int, in_use: Set[bytes]) -> None:
    """Let the oldest entries go, but those in use, so that as many new ones find room."""
    limit, scope = book.limits.conversation_entries, book.scope
    if number + len(in_use) > limit:
        raise full(limit)
    excess = session.count(scope.tenant, scope.conversation) + number - limit if number else 0
    if excess > 0:
        session.drop_oldest(excess, scope.tenant, scope.conversation, in_use)


class _Proposals:
    """New surrogates for one conversation, none of them in use."""

    def __init__(self, session: Session, book: Book, taken: Taken) -> None:
        self._session = session
        self._book = book
        self._taken = taken
        self._numbers: dict[bytes, int] = {}
        self._made: set[str] = set()

    def rows(self, wanted: Iterable[Wanted], ends: int, *, sent: bool) -> list[Row]:
        """Sealed rows that give each value a surrogate."""
        return [self._row(item, ends, sent=sent) for item in wanted]

    def _row(self, item: Wanted, ends: int, *, sent: bool) -> Row:
        keys, scope = self._book.keys, self._book.scope
        made = self._fake(item) if item.fake else None
        if made is not None:
            return sealed(keys, scope, Entry(item.label, item.value, made, sent), ends)
        series = keys.digest(b"series", scope.conversation, item.label.casefold())
        number = self._number(series, item.label)
        entry = Entry(item.label, item.value, name_of(item.label, number), sent)
        return sealed(keys, scope, entry, ends, series=series, number=number)

    def _number(self, series: bytes, label: str) -> int:
        scope = self._book.scope
        last = self._numbers.get(series)
        number = self._session.highest(scope.tenant, scope.conversation, series) if last is None else last
        while number < MAX_NUMBER:
            number += 1
            if not self._taken(name_of(label, number)):
                self._numbers[series] = number
                return number
        raise full(MAX_NUMBER)

    def _fake(self, item: Wanted) -> str | None:
        keys, scope = self._book.keys, self._book.scope
        for attempt in range(TRIES):
            seed = keys.digest(b"fake", scope.conversation, normal(item.label, item.value), str(attempt))
            made = fake(item.label, item.value, Choices(seed))
            if made is None:
                return None
            if not self._in_use(item, made):
                self._made.add(made.casefold())
                return made
        return None

    def _in_use(self, item: Wanted, made: str) -> bool:
        """Whether it stands in a text, is a value, or stands for one already."""
        if made.casefold() in self._made or self._taken(made):
            return True
        itself = value_hash(self._book.keys, self._book.scope, item.label, made)
        return bool(self._book.find(self._session, [itself], [made]))
