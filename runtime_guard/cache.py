"""What was found in texts that come again: bounded, per tenant, under a keyed hash, never the text itself.

A chat sends its whole history again with every turn, and system prompts repeat across requests. A cache belongs to one
set of detectors and dies with it, so what it holds is what they would say again. Tenants share nothing: neither what
is found nor how quickly it is found tells one tenant what another sent.
"""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from typing import Final, Generic, TypeVar

from runtime_guard.halves import joined

T = TypeVar("T")

SIZE: Final = 20_000
"""Texts per tenant."""

TENANTS: Final = 256
"""Tenants; the one that was longest away makes room for a new one."""


class Cache(Generic[T]):
    """Values by text and role.

    Args:
        size: texts that are kept per tenant.
        tenants: tenants that are kept.
    """

    def __init__(self, size: int = SIZE, tenants: int = TENANTS) -> None:
        self._size = size
        self._most = tenants
        self._tenants: OrderedDict[str, tuple[bytes, OrderedDict[bytes, T]]] = OrderedDict()

    def get(self, text: str, role: str, tenant: str) -> tuple[bytes, T | None]:
        """The text's key, for :meth:`put`, and its value; None when it is not there."""
        secret, values = self._of(tenant)
        key = hashlib.blake2b(f"{role}\0{joined(text)}".encode(), key=secret, digest_size=16).digest()
        value = values.get(key)
        if value is not None:
            values.move_to_end(key)
        return key, value

    def put(self, key: bytes, value: T, tenant: str) -> None:
        """Keep a value under a key that :meth:`get` gave."""
        _, values = self._of(tenant)
        values[key] = value
        if len(values) > self._size:
            values.popitem(last=False)

    def _of(self, tenant: str) -> tuple[bytes, OrderedDict[bytes, T]]:
        known = self._tenants.get(tenant)
        if known is None:
            known = self._tenants[tenant] = (os.urandom(32), OrderedDict())
            if len(self._tenants) > self._most:
                self._tenants.popitem(last=False)
        else:
            self._tenants.move_to_end(tenant)
        return known
