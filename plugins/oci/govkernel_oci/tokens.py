"""Bearer tokens of registries (distribution "token authentication"): whom a registry may send us to for one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

from govkernel.errors import GovkernelError

MAX_TOKEN: Final = 64 * 1024
_PARAMETER: Final = re.compile(r'([a-zA-Z]+)="([^"\\]{0,2048})"')


@dataclass(frozen=True)
class Challenge:
    """What a registry wants.

    Attributes:
        url: where tokens are issued, with the query to send.
        host: of it, with port if there is one.
    """

    url: str
    host: str


def challenge(header: str, registry: str, *, insecure: bool, trusted: frozenset[str]) -> Challenge | None:
    """The challenge of a ``WWW-Authenticate`` header; None when it is not about bearer tokens.

    Args:
        header: its value.
        registry: host of the registry that sent it.
        insecure: whether plain HTTP is allowed.
        trusted: further hosts that may issue tokens.

    Raises:
        GovkernelError: ``oci.token-host``: the registry sends us to a host that is not its own.
    """
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "bearer":
        return None
    said = {name.lower(): value for name, value in _PARAMETER.findall(rest)}
    realm = urlsplit(said.get("realm", ""))
    secure = realm.scheme == "https" or (insecure and realm.scheme == "http")
    if not secure or realm.username is not None or not _may_issue(realm.netloc, registry, trusted):
        raise GovkernelError(
            "oci.token-host",
            f"The registry {registry} asks for tokens of {ascii(realm.netloc)[:100]}.",
            why="It is another domain, or not HTTPS; credentials are not sent there.",
            remedy="If it is right, name the host under token_hosts in [plugins.settings.oci].",
        )
    query = urlencode([(name, said[name]) for name in ("service", "scope") if name in said])
    return Challenge(f"{realm.scheme}://{realm.netloc}{realm.path or '/'}?{query}", realm.netloc)


def _may_issue(host: str, registry: str, trusted: frozenset[str]) -> bool:
    if host in trusted or host == registry:
        return True
    name, own = host.partition(":")[0], registry.partition(":")[0]
    domain = ".".join(own.split(".")[-2:])
    return own.count(".") >= 1 and not _is_address(own) and name.endswith(f".{domain}")


def _is_address(host: str) -> bool:
    return host.replace(".", "").isdigit() or host.startswith("[")
