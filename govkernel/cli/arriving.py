"""Lines of a pipe or a terminal, and whether one is there already."""

from __future__ import annotations

import io
import os
import select
import stat
from typing import BinaryIO, Final

PATIENCE: Final = 0.05
"""Seconds after which no further line is waited for before those are answered that have come."""

_BLOCK: Final = 64 * 1024


class Arriving(io.RawIOBase):
    """A stream that is read line by line, straight from its descriptor, so that what waits in it is known.

    Args:
        descriptor: open for reading; nobody else reads from it meanwhile, and it stays open.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._come = bytearray()
        self._over = False

    def waits(self) -> bool:
        """Whether no whole line has come and nothing comes for :data:`PATIENCE`."""
        while not self._over and b"\n" not in self._come:
            if not select.select([self._descriptor], [], [], PATIENCE)[0]:
                return True
            self._take()
            if len(self._come) > _BLOCK:
                return False
        return False

    def readline(self, size: int | None = -1, /) -> bytes:
        """The next line, at most ``size`` bytes of it; empty at the end."""
        limit = -1 if size is None else size
        looked = 0
        while (
            (end := self._come.find(b"\n", looked)) < 0
            and not self._over
            and not 0 <= limit <= len(self._come)
        ):
            looked = len(self._come)
            self._take()
        length = len(self._come) if end < 0 else end + 1
        length = length if limit < 0 else min(length, limit)
        line = bytes(self._come[:length])
        del self._come[:length]
        return line

    def _take(self) -> None:
        block = os.read(self._descriptor, _BLOCK)
        self._over = not block
        self._come += block


def arriving(stream: BinaryIO) -> Arriving | None:
    """What arrives in a stream piece by piece; None for a file, all of which is there."""
    try:
        descriptor = stream.fileno()
        kind = os.fstat(descriptor).st_mode
    except OSError:  # also what stands in for a stream and has no descriptor
        return None
    return Arriving(descriptor) if stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind) or stat.S_ISCHR(kind) else None
