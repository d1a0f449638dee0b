"""Limits and settings of the proxy."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from runtime_guard.segments.chain import Reach

MIB: Final = 1024 * 1024
ANONYMOUS: Final = "anonymous"


@dataclass(frozen=True)
class GuardSettings:
    """How the proxy behaves.

    Attributes:
        tenants: SHA-256 (hex) of an API key to the tenant it belongs to; empty lets anybody in.
        environment: named in requests to policy.
        max_request: bytes of a request body.
        max_response: bytes of a response body that is not streamed.
        max_line: bytes of one line of an event stream.
        connect_seconds, idle_seconds: how long the upstream may take to connect, and between two reads.
        beat_seconds: after how long without an event a client hears that the upstream is still at work.
        decide_seconds: how long policy may take.
        reach: how far answers are held back.
    """

    tenants: Mapping[str, str] = field(default_factory=dict, repr=False)
    environment: str = ""
    max_request: int = 4 * MIB
    max_response: int = 32 * MIB
    max_line: int = MIB
    connect_seconds: float = 5.0
    idle_seconds: float = 600.0
    beat_seconds: float = 1.0
    decide_seconds: float = 10.0
    reach: Reach = field(default_factory=Reach)

    def tenant(self, authorization: str) -> str | None:
        """The tenant of an ``Authorization`` header; None when it is unknown.

        Every known key is compared in constant time.
        """
        if not self.tenants:
            return ANONYMOUS
        scheme, _, key = authorization.partition(" ")
        given = hashlib.sha256(key.strip().encode()).hexdigest() if scheme.lower() == "bearer" else ""
        found = [name for known, name in self.tenants.items() if hmac.compare_digest(known.lower(), given)]
        return found[0] if found else None
