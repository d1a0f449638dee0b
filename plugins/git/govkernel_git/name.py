"""``git+https://HOST/REPOSITORY[@REF][//PATH]`` and ``git+file:///REPOSITORY[@REF][//PATH]`` as parts.

The form of SPDX download locations and of pip; ``//`` begins the path, since no ref may hold it (git check-ref-format).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from govkernel.domain.paths import check_path
from govkernel.errors import ProvenanceError

HOST: Final = r"(?:[A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?"
_PART: Final = r"[A-Za-z0-9_~][A-Za-z0-9._~+-]{0,254}"
PATH: Final = rf"{_PART}(?:/{_PART})*"
HEAD: Final = "HEAD"

_NAME: Final = re.compile(
    rf"git\+(?:(?P<transport>https?)://(?P<host>{HOST})|file://)(?P<path>/{PATH})"
    r"(?:@(?P<ref>[A-Za-z0-9][A-Za-z0-9._+-]*(?:/[A-Za-z0-9._+-]+)*))?"
    r"(?://(?P<sub>[^?#]+))?"
)
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_NO_REF: Final = re.compile(r"\.\.|/\.|\.(?:lock)?(?:/|$)")
"""What git allows in no name of a ref, as far as the pattern above does."""


@dataclass(frozen=True)
class GitName:
    """Something in a repository.

    Attributes:
        transport: ``https``, ``http`` or ``file``.
        host: lower case, with port if there is one; empty for this machine.
        path: of the repository, with a slash at the start.
        ref: branch, tag, full name of a ref, or commit.
        sub: path in its tree; empty for all of it.
    """

    transport: str
    host: str
    path: str
    ref: str
    sub: str

    @property
    def url(self) -> str:
        """What git is told."""
        return f"{self.transport}://{self.host}{self.path}"

    @property
    def commit(self) -> str:
        """The commit that the name itself says; empty when it names a ref."""
        return self.ref if _COMMIT.fullmatch(self.ref) else ""


def parse(uri: str) -> GitName | None:
    """The parts of a name; None when it is none."""
    match = _NAME.fullmatch(uri)
    if match is None or _NO_REF.search(match["ref"] or ""):
        return None
    sub = (match["sub"] or "").removesuffix("/")
    try:
        check_path(sub or "x")
    except ProvenanceError:
        return None
    host = (match["host"] or "").lower()
    return GitName(match["transport"] or "file", host, match["path"], match["ref"] or HEAD, sub)
