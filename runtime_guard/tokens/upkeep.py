"""What operators do with a vault: rotate keys, erase a conversation or a tenant."""

from __future__ import annotations

import hmac
from typing import Final

from runtime_guard.tokens.keys import KeyRing, TenantKeys
from runtime_guard.tokens.sealing import resealed, scope_of
from runtime_guard.tokens.store import Asked, Session

AT_ONCE: Final = 500
"""Rows that are sealed anew in one transaction, so that others do not wait long."""


class Upkeep:
    """Operations on a store as a whole.

    Args:
        asked: the store.
        ring: its keys.
    """

    def __init__(self, asked: Asked, ring: KeyRing) -> None:
        self._asked = asked
        self._ring = ring

    async def tenants(self) -> list[str]:
        """Every tenant that has keys.

        Raises:
            VaultError: ``vault.unavailable``.
        """
        return await self._asked.run(lambda session: session.tenants())

    async def rotate(self, tenant: str, now: int) -> int:
        """A new data key for a tenant, wrapped by the first wrapper; every row is sealed anew. How many rows.

        Guards may run meanwhile. Killed, it is finished by running it again.

        Raises:
            VaultError: what the vault raises.
        """
        self._ring.forget(tenant)
        keys = await self._ring.of(tenant, now)
        serial = 1 + max(item.serial for item in await self._asked.run(lambda session: session.keys(tenant)))
        await self._ring.add(tenant, keys.index, serial)
        self._ring.forget(tenant)
        keys = await self._ring.of(tenant, now)
        done = 0
        while True:
            rows, more = await self._asked.run(lambda session: _reseal(session, keys, serial), write=True)
            done += rows
            if not more:
                return done

    async def erase(self, tenant: str, now: int, conversation: str = "") -> int:
        """Remove a named conversation, or all that is known of a tenant, its keys too. How many entries.

        Raises:
            VaultError: what the vault raises.
        """
        if conversation:
            key = scope_of(await self._ring.of(tenant, now), conversation).conversation
            return await self._asked.run(lambda session: session.erase(tenant, key), write=True)
        self._ring.forget(tenant)
        return await self._asked.run(lambda session: _erase_all(session, tenant), write=True)


def _erase_all(session: Session, tenant: str) -> int:
    session.drop_keys(tenant)
    return session.erase(tenant)


def _reseal(session: Session, keys: TenantKeys, serial: int) -> tuple[int, bool]:
    """Seal some rows with the newest key, or remove the older keys when there is no such row.

    Returns how many rows, and whether there may be more. Who is overtaken by another rotation leaves the rest to it.
    """
    newest = session.keys(keys.tenant, alone=True)
    if not newest or not hmac.compare_digest(newest[-1].key_id, keys.key_id):
        return 0, False
    old = session.sealed_otherwise(keys.tenant, keys.key_id, AT_ONCE)
    if not old:
        session.drop_keys(keys.tenant, before=serial)
    session.replace(old, [resealed(keys, row, sent=row.sent, expires_at=row.expires_at) for row in old])
    return len(old), bool(old)
