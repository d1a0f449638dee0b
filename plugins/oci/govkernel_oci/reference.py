"""``oci://HOST/REPOSITORY[:TAG][@DIGEST]`` as parts (distribution-spec 1.1, "Pulling manifests")."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

_NAME: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE: Final = re.compile(
    rf"oci://(?P<host>[A-Za-z0-9.-]+(?::[0-9]{{1,5}})?|\[[0-9a-fA-F:]+\](?::[0-9]{{1,5}})?)/"
    rf"(?P<repository>{_NAME}(?:/{_NAME})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_HUB: Final = {"docker.io": "registry-1.docker.io"}


@dataclass(frozen=True)
class Reference:
    """A name on a registry.

    Attributes:
        host: as in the name, lower case, with port if there is one.
        repository: e.g. ``acme/helper``.
        tag: empty when there is none.
        digest: ``sha256:…``; empty when there is none.
    """

    host: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def server(self) -> str:
        """The host that answers."""
        return _HUB.get(self.host, self.host)


def parse(uri: str) -> Reference | None:
    """The parts of a name; None when it is none."""
    match = _REFERENCE.fullmatch(uri)
    if match is None:
        return None
    found = match.groupdict(default="")
    return Reference(found["host"].lower(), found["repository"], found["tag"], found["digest"])


def is_digest(value: Any) -> TypeGuard[str]:
    """Whether it is a digest that we hold content to, and not a tag or a path."""
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None
