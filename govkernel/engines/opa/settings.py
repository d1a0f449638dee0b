"""How to reach OPA. Policy answers decide, so they never travel unprotected by accident."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from govkernel.domain import Frozen
from govkernel.domain.addresses import web_address

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
DEFAULT_PORT: Final = 8181


class OpaSettings(Frozen):
    """Settings of the OPA engine.

    Attributes:
        url: a running OPA, ``http(s)://host[:port]``; empty means a local child.
        binary: the ``opa`` binary for the child, a path or a name on PATH.
        token: bearer token for ``url``.
        ca: file of CA certificates (PEM) for ``url``; default is the system's.
        plaintext: allow ``http`` to other hosts than this one.
        manage: upload packs; False when the server's own bundles hold them under ``govkernel.<pack>``.
        revision: with ``manage=False``, the bundle revision that every answer must come from.
        deadline: seconds for one question, retries included.
        load_deadline: seconds to load one pack.
        retries: most retries of one question; connection errors only.
        connections: size of the connection pool.
    """

    url: str = ""
    binary: str = "opa"
    token: SecretStr = SecretStr("")
    ca: Path | None = None
    plaintext: bool = False
    manage: bool = True
    revision: str = Field("", max_length=256)
    deadline: float = Field(1.0, gt=0, le=30)
    load_deadline: float = Field(20.0, gt=0, le=120)
    retries: int = Field(1, ge=0, le=5)
    connections: int = Field(16, ge=1, le=256)

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if not self.url:
            if not self.manage:
                raise ValueError("`manage = false` needs the `url` of the server that has the bundles")
            return self
        parts = web_address(self.url)
        if parts is None:
            raise ValueError("`url` must be http://host[:port] or https://host[:port]")
        if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
            raise ValueError("`url` must have no path, query or user")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK and not self.plaintext:
            raise ValueError("`url` must be https: whoever can change an answer on its way decides")
        return self

    @property
    def tls(self) -> bool:
        """Whether ``url`` is https."""
        return urlsplit(self.url).scheme == "https"

    @property
    def host(self) -> str:
        """Host of ``url``, IPv6 addresses in brackets."""
        host = urlsplit(self.url).hostname or ""
        return f"[{host}]" if ":" in host else host

    @property
    def port(self) -> int:
        """Port of ``url``; OPA's own default when it names none."""
        return urlsplit(self.url).port or DEFAULT_PORT
