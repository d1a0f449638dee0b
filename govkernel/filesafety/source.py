"""Bytes to judge, read by offset so that nothing is held that need not be: a descriptor, a window, or bytes."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import Any, Final, Protocol

BLOCK: Final = 1 << 20
_BUFFER: Final = 1 << 16


class Source(Protocol):
    """Bytes with a size.

    Attributes:
        size: in bytes.
    """

    size: int

    def read(self, offset: int, count: int) -> bytes:
        """The bytes from an offset; fewer only where the source ends."""


class Truncated(Exception):
    """The source ended before what was asked for."""


class BytesSource:
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, offset: int, count: int) -> bytes:
        """See :class:`Source`."""
        return self._data[offset : offset + count]


class FileSource:
    """An open, regular file. The descriptor stays its owner's."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self.size = size

    def read(self, offset: int, count: int) -> bytes:
        """See :class:`Source`."""
        wanted = max(0, min(count, self.size - offset))
        data = os.pread(self._descriptor, wanted, offset) if wanted else b""
        while len(data) < wanted and (
            more := os.pread(self._descriptor, wanted - len(data), offset + len(data))
        ):
            data += more
        return data


class Window:
    """A part of another source.

    Raises:
        Truncated: it reaches beyond the source.
    """

    def __init__(self, source: Source, start: int, size: int) -> None:
        if start < 0 or size < 0 or start + size > source.size:
            raise Truncated
        self._source = source
        self._start = start
        self.size = size

    def read(self, offset: int, count: int) -> bytes:
        """See :class:`Source`."""
        return self._source.read(self._start + offset, max(0, min(count, self.size - offset)))


def blocks(source: Source, start: int = 0) -> Iterator[bytes]:
    """The bytes from an offset to the end, in blocks of at most 1 MiB."""
    while block := source.read(start, BLOCK):
        yield block
        start += len(block)


class Reader:
    """Reads a source from front to back.

    Attributes:
        source: where from.
        position: offset of the next byte.
    """

    def __init__(self, source: Source, position: int = 0) -> None:
        self.source = source
        self.position = position
        self._buffer = b""
        self._start = 0

    @property
    def left(self) -> int:
        """Bytes to the end."""
        return self.source.size - self.position

    def take(self, count: int) -> bytes:
        """The next bytes, exactly; ``count`` is what the caller is ready to hold.

        Raises:
            Truncated: there are fewer.
        """
        start = self.position - self._start
        if not (start >= 0 and start + count <= len(self._buffer)):
            if count < 0 or count > self.left:
                raise Truncated
            self._buffer = self.source.read(self.position, max(count, _BUFFER))
            self._start, start = self.position, 0
            if len(self._buffer) < count:
                raise Truncated
        self.position += count
        return self._buffer[start : start + count]

    def skip(self, count: int) -> None:
        """Pass over bytes without reading them.

        Raises:
            Truncated: there are fewer.
        """
        if count < 0 or count > self.left:
            raise Truncated
        self.position += count

    def line(self, limit: int) -> bytes:
        """The next line, without its line feed.

        Raises:
            Truncated: no line feed within ``limit`` bytes.
        """
        span = 256
        while True:  # twice as far each time, so that a line costs what it is long
            data = self.source.read(self.position, min(limit, span))
            end = data.find(b"\n")
            if end >= 0:
                self.position += end + 1
                return data[:end]
            if span >= limit or len(data) < span:
                raise Truncated
            span *= 2

    def unpack(self, layout: str) -> tuple[Any, ...]:
        """The next bytes as :mod:`struct` reads them.

        Raises:
            Truncated: there are fewer.
        """
        return struct.unpack(layout, self.take(struct.calcsize(layout)))
