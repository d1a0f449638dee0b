"""A store in this process: for one replica, until it ends."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager

from runtime_guard.tokens.entry import Row, WrappedKey
from runtime_guard.tokens.store import ALL

_Place = tuple[str, bytes]


class MemoryStore:
    """Rows in dictionaries; follows :class:`runtime_guard.tokens.store.Store`."""

    waits = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._session = _Memory()

    @contextmanager
    def session(self, *, write: bool) -> Iterator[_Memory]:
        """A transaction: no other is under way. What it does is done at once; nothing in it can fail half-way."""
        with self._lock:
            yield self._session


class _Memory:
    """Follows :class:`runtime_guard.tokens.store.Session`."""

    def __init__(self) -> None:
        self._keys: dict[str, list[WrappedKey]] = {}
        self._rows: dict[_Place, dict[bytes, Row]] = {}
        self._surrogates: dict[_Place, dict[bytes, bytes]] = {}

    def lock(self, conversation: bytes) -> None:
        pass  # the store's own lock is held

    def keys(self, tenant: str, *, alone: bool = False) -> list[WrappedKey]:
        return list(self._keys.get(tenant, ()))

    def add_key(self, key: WrappedKey) -> None:
        known = self._keys.setdefault(key.tenant, [])
        if all(item.serial != key.serial for item in known):
            known.append(key)
            known.sort(key=lambda item: item.serial)

    def drop_keys(self, tenant: str, *, before: int = ALL) -> None:
        left = [item for item in self._keys.pop(tenant, ()) if item.serial >= before]
        if left:
            self._keys[tenant] = left

    def find(
        self,
        tenant: str,
        conversation: bytes,
        values: Collection[bytes],
        surrogates: Collection[bytes],
        now: int,
    ) -> list[Row]:
        place = (tenant, conversation)
        rows, names = self._rows.get(place, {}), self._surrogates.get(place, {})
        wanted = {*values, *(names[item] for item in surrogates if item in names)}
        return [rows[item] for item in wanted if item in rows and rows[item].expires_at > now]

    def highest(self, tenant: str, conversation: bytes, series: bytes) -> int:
        rows = self._rows.get((tenant, conversation), {})
        return max((row.number for row in rows.values() if row.series == series), default=0)

    def add(self, rows: Sequence[Row]) -> None:
        for row in rows:
            place = (row.tenant, row.conversation)
            known, names = self._rows.setdefault(place, {}), self._surrogates.setdefault(place, {})
            if row.value_hash not in known and row.surrogate_hash not in names:
                known[row.value_hash] = row
                names[row.surrogate_hash] = row.value_hash

    def replace(self, old: Sequence[Row], new: Sequence[Row]) -> None:
        for was, row in zip(old, new, strict=True):
            known = self._rows.get((row.tenant, row.conversation), {})
            if known.get(row.value_hash) == was:
                known[row.value_hash] = row

    def count(self, tenant: str, conversation: bytes | None = None) -> int:
        return len(self._all(tenant, conversation))

    def drop_expired(self, now: int, tenant: str = "", conversation: bytes | None = None) -> int:
        return self._drop(row for row in self._all(tenant, conversation) if row.expires_at <= now)

    def drop_oldest(
        self, number: int, tenant: str, conversation: bytes | None = None, keep: Set[bytes] = frozenset()
    ) -> None:
        rows = [row for row in self._all(tenant, conversation) if row.value_hash not in keep]
        self._drop(sorted(rows, key=lambda row: row.expires_at)[: max(0, number)])

    def erase(self, tenant: str, conversation: bytes | None = None) -> int:
        return self._drop(self._all(tenant, conversation))

    def sealed_otherwise(self, tenant: str, key_id: bytes, limit: int) -> list[Row]:
        return [row for row in self._all(tenant, None) if row.key_id != key_id][:limit]

    def tenants(self) -> list[str]:
        return sorted(self._keys)

    def _all(self, tenant: str, conversation: bytes | None) -> list[Row]:
        if conversation is not None:
            return list(self._rows.get((tenant, conversation), {}).values())
        return [
            row for (of, _), rows in self._rows.items() if not tenant or of == tenant for row in rows.values()
        ]

    def _drop(self, rows: Iterable[Row]) -> int:
        gone = list(rows)
        for row in gone:
            place = (row.tenant, row.conversation)
            del self._rows[place][row.value_hash], self._surrogates[place][row.surrogate_hash]
            if not self._rows[place]:
                del self._rows[place], self._surrogates[place]
        return len(gone)
