"""The keys of a tenant: one to hash by, which stays, and those that seal, which are rotated; all wrapped at rest.

A tenant's secrets are 64 random bytes: the index key, then the data key. The key-encryption key that wraps them
belongs to a :class:`govkernel.hookspecs.KeyWrapper`.
"""

from __future__ import annotations

import asyncio
import hmac
import inspect
import os
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from govkernel.errors import GovkernelError
from govkernel.hookspecs import KeyWrapper
from runtime_guard.tokens.entry import WrappedKey
from runtime_guard.tokens.errors import key_failed, key_unknown, tampered, unavailable
from runtime_guard.tokens.store import Asked, Session

SECRET: Final = 32
HASH: Final = 16
KNOWN_FOR: Final = 300
"""Seconds after which keys are unwrapped again, so that a key service that was told to refuse is heard."""

MAX_TENANTS: Final = 1_000
"""Tenants whose keys are held in clear at once."""

MAX_WRAPPED: Final = 4096
"""Bytes of a wrapped key."""

_LABEL: Final = b"govkernel vault key 1"


@dataclass(frozen=True)
class TenantKeys:
    """A tenant's keys, in clear.

    Attributes:
        tenant: whose.
        key_id: of the data key that seals now.
        index: hashes, as long as the tenant is not erased.
        data: data key by id; the older ones only open.
    """

    tenant: str
    key_id: bytes
    index: bytes = field(repr=False)
    data: Mapping[bytes, bytes] = field(repr=False)

    def digest(self, *parts: str | bytes) -> bytes:
        """Keyed hash of parts, 16 bytes; where one part ends and the next begins counts."""
        return hmac.digest(self.index, framed(*parts), "sha256")[:HASH]


class KeyRing:
    """Tenants' keys, made when first needed, unwrapped and held for a while.

    Args:
        asked: the store that has them.
        wrappers: the key-encryption keys: the first wraps, all unwrap.
        deadline: seconds for wrapping or unwrapping one key.

    Raises:
        ValueError: there is no wrapper.
    """

    def __init__(self, asked: Asked, wrappers: Sequence[KeyWrapper], deadline: float) -> None:
        if not wrappers:
            raise ValueError("a vault needs a key-encryption key")
        self._asked = asked
        self._wrappers = tuple(wrappers)
        self._deadline = deadline
        self._known: OrderedDict[str, tuple[int, TenantKeys]] = OrderedDict()

    async def of(self, tenant: str, now: int) -> TenantKeys:
        """The tenant's keys.

        Raises:
            VaultError: ``vault.key-unknown``, ``vault.key-failed``, ``vault.tampered``, ``vault.unavailable``.
        """
        since, known = self._known.get(tenant, (0, None))
        if known is not None and 0 <= now - since < KNOWN_FOR:
            return known
        wrapped = await self._asked.run(lambda session: session.keys(tenant))
        if not wrapped:
            await self.add(tenant, os.urandom(SECRET), 1)
            wrapped = await self._asked.run(lambda session: session.keys(tenant))
        opened = await self._opened(tenant, wrapped)
        self._known[tenant] = (now, opened)
        if len(self._known) > MAX_TENANTS:
            self._known.popitem(last=False)
        return opened

    def forget(self, tenant: str) -> None:
        """Look at the store again the next time."""
        self._known.pop(tenant, None)

    async def add(self, tenant: str, index: bytes, serial: int) -> None:
        """Make a new data key, wrapped by the first wrapper; nothing happens when the serial is taken."""
        wrapper, secret = self._wrappers[0], index + os.urandom(SECRET)
        key_id = _id_of(secret)
        wrapped = await self._ask(lambda: wrapper.wrap(secret, _context(tenant, key_id)))
        key = WrappedKey(tenant, serial, key_id, wrapper.key_id, wrapped)
        await self._asked.run(lambda session: session.add_key(key), write=True)

    async def _opened(self, tenant: str, wrapped: Sequence[WrappedKey]) -> TenantKeys:
        if not wrapped:
            raise unavailable("A key that was written is not there.")
        data: dict[bytes, bytes] = {}
        index = b""
        for item in wrapped:
            secret = await self._unwrapped(item)
            if index and not hmac.compare_digest(index, secret[:SECRET]):
                raise tampered("The keys of a tenant do not belong together.")
            index, data[item.key_id] = secret[:SECRET], secret[SECRET:]
        return TenantKeys(tenant, wrapped[-1].key_id, index, data)

    async def _unwrapped(self, item: WrappedKey) -> bytes:
        wrapper = next((it for it in self._wrappers if it.key_id == item.wrapper), None)
        if wrapper is None:
            raise key_unknown(item.wrapper)
        context = _context(item.tenant, item.key_id)
        secret = await self._ask(lambda: wrapper.unwrap(item.wrapped, context))
        if len(secret) != 2 * SECRET or not hmac.compare_digest(_id_of(secret), item.key_id):
            raise key_failed("What was unwrapped is another key.")
        return secret

    async def _ask(self, ask: Callable[[], bytes | Awaitable[bytes]]) -> bytes:
        try:
            async with asyncio.timeout(self._deadline):
                answer = ask()
                if inspect.isawaitable(answer):
                    answer = await answer
        except Exception as error:
            why = error.what if isinstance(error, GovkernelError) else type(error).__name__
            raise key_failed(why) from None
        if not isinstance(answer, bytes) or not 0 < len(answer) <= MAX_WRAPPED:
            raise key_failed("The answer is not what wraps or was wrapped.")
        return answer


def framed(*parts: str | bytes) -> bytes:
    """Parts as bytes, each with its length before it, so that no two lists of parts are alike."""
    raw = [part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in raw)


def current(session: Session, keys: TenantKeys) -> bool:
    """Whether what seals now still does, by the store; false after a rotation or an erasure elsewhere."""
    found = session.keys(keys.tenant)
    return bool(found) and hmac.compare_digest(found[-1].key_id, keys.key_id)


def _id_of(secret: bytes) -> bytes:
    """Names a key, and shows that what was unwrapped is it."""
    return hmac.digest(secret, _LABEL, "sha256")[:HASH]


def _context(tenant: str, key_id: bytes) -> bytes:
    return framed(_LABEL, tenant, key_id)
