"""Opens files and folders below a root so that no link on the way is followed, also not one put there meanwhile."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_ROOT: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FOLDER: Final = _ROOT | os.O_NOFOLLOW
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class IsLinkError(Exception):
    """There is a symbolic link where a file or folder should be."""


@contextmanager
def folder(root: Path, parts: Sequence[str]) -> Iterator[int]:
    """A folder, opened.

    Args:
        root: where to begin; may itself be named by a link.
        parts: names of folders, one below the other.

    Raises:
        IsLinkError: one of them is a link.
        OSError: one of them is not there, or no folder.
    """
    opened = os.open(root, _ROOT)
    try:
        for part in parts:
            below = _open(part, _FOLDER, opened)
            os.close(opened)
            opened = below
        yield opened
    finally:
        os.close(opened)


@contextmanager
def file(root: Path, parts: Sequence[str]) -> Iterator[tuple[int, os.stat_result]]:
    """A file, opened, and what the file system says about it; raises like :func:`folder`."""
    with folder(root, parts[:-1]) as above:
        opened = _open(parts[-1], _FILE, above)
    try:
        yield opened, os.fstat(opened)
    finally:
        os.close(opened)


def link(root: Path, parts: Sequence[str]) -> str:
    """What a link says, as it stands there; raises like :func:`folder`."""
    with folder(root, parts[:-1]) as above:
        return os.readlink(parts[-1], dir_fd=above)


def _open(name: str, flags: int, above: int) -> int:
    try:
        return os.open(name, flags, dir_fd=above)
    except OSError:  # which error a link makes depends on the system and the flags
        if stat.S_ISLNK(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode):
            raise IsLinkError from None
        raise
