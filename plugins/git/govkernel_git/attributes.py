"""What makes a checkout differ from what a repository keeps: attributes that rewrite content, and pointers to it.

Whoever deploys from git checks out. An attribute that rewrites content on the way, in a file that is no part of the
artifact, would make evidence about what is kept count for what is deployed.
"""

from __future__ import annotations

import re
from typing import Final

from govkernel.errors import GovkernelError

ATTRIBUTES: Final = ".gitattributes"
MAX_ATTRIBUTES: Final = 1024 * 1024
"""Bytes of all files of attributes."""

LFS_POINTER: Final = 1024
"""Bytes that no pointer of Git LFS has more of (Git LFS specification, "The Pointer")."""

_REWRITES: Final = re.compile(
    rb"(?:^|\s)(ident|working-tree-encoding=\S+|eol=crlf|filter=(?!lfs(?:\s|$))\S+)(?=\s|$)", re.MULTILINE
)
_POINTER: Final = re.compile(rb"version https://(?:git-lfs|hawser)\.github\.com/spec/")


def check_attributes(path: str, content: bytes) -> None:
    """Refuse attributes that make a checkout differ from what is kept.

    Raises:
        GovkernelError: ``git.attributes``.
    """
    lines = re.sub(rb"^\s*#.*", b"", content, flags=re.MULTILINE)
    found = _REWRITES.search(lines)
    if found is not None:
        raise GovkernelError(
            "git.attributes",
            f"{ascii(path)[:200]} has files rewritten when they are checked out.",
            why=f"{ascii(found[1].decode('latin-1'))[1:-1][:80]}: a checkout would have other bytes than what is kept.",
            remedy="Take the attribute out; keep models as they are (`*.safetensors -text`).",
        )


def check_pointer(path: str, content: bytes) -> None:
    """Refuse a small file that only says where its content is.

    Raises:
        GovkernelError: ``git.lfs-pointer``.
    """
    if _POINTER.match(content):
        raise GovkernelError(
            "git.lfs-pointer",
            f"{ascii(path)[:200]} is a pointer of Git LFS.",
            why="Its content is kept elsewhere, so there is nothing here to compute a digest of.",
            remedy="Name the model where its bytes are: a registry, a bucket, or the hub's cache.",
        )
