"""Unpack compressed bytes into a temporary file, bounded: gzip, zlib, bzip2, xz, lzma, raw deflate."""

from __future__ import annotations

import bz2
import lzma
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from govkernel.filesafety.interface import Place, Refused
from govkernel.filesafety.source import BLOCK, FileSource, Source, blocks

_MAX_STREAMS: Final = 10_000
_MEMORY: Final = 256 << 20
"""What an xz stream may ask for."""


class _Zlib:
    """zlib's decompressor in the shape of the others."""

    def __init__(self, bits: int) -> None:
        self._inner = zlib.decompressobj(bits)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


_MAGIC: Final[tuple[tuple[bytes, str, Callable[[], Any]], ...]] = (
    (b"\x1f\x8b", "gzip", lambda: _Zlib(31)),
    (b"BZh", "bzip2", bz2.BZ2Decompressor),
    (b"\xfd7zXZ\0", "xz", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY)),
    (b"]\0\0", "lzma", lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_MEMORY)),
    (b"\x78\x01", "zlib", lambda: _Zlib(15)),
    (b"\x78\x5e", "zlib", lambda: _Zlib(15)),
    (b"\x78\x9c", "zlib", lambda: _Zlib(15)),
    (b"\x78\xda", "zlib", lambda: _Zlib(15)),
)

RAW_DEFLATE: Final[Callable[[], Any]] = lambda: _Zlib(-15)  # noqa: E731 - one of a row of factories

CLOSED: Final = (
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"ZF0x", "joblib before 0.10"),
    (b"LZIP", "lzip"),
    (b"MSCF", "cabinet"),
    (b"!<arch>\n", "ar"),
)
"""Containers that are known and cannot be opened here."""


def compression_of(head: bytes) -> tuple[str, Callable[[], Any]] | None:
    """Name of the compression by the first bytes, and what makes its decoder."""
    return next(((name, make) for magic, name, make in _MAGIC if head.startswith(magic)), None)


def closed_container(head: bytes) -> str:
    """Name of a container that cannot be opened here; empty when it is none."""
    return next((name for magic, name in CLOSED if head.startswith(magic)), "")


@contextmanager
def unpacked(
    source: Source, make: Callable[[], Any], place: Place, *, streams: bool = True
) -> Iterator[Source]:
    """What a source unpacks to, as a source that lives as long as the context.

    Args:
        source: the packed bytes.
        make: makes a decoder.
        place: its budget is used up.
        streams: further streams may follow the first.

    Raises:
        Refused: ``archive-malformed``, ``archive-bomb``, ``too-large``.
    """
    with tempfile.TemporaryFile(prefix="govkernel-") as stream:
        size = 0
        for block in _blocks(source, make, streams=streams):
            size += len(block)
            if place.budget.is_bomb(size, source.size):
                raise Refused("archive-bomb", f"{size} bytes of {source.size}")
            if not place.budget.unpack(len(block)):
                raise Refused("too-large", f"{size} bytes unpacked")
            stream.write(block)
        stream.flush()
        yield FileSource(stream.fileno(), size)


def _blocks(source: Source, make: Callable[[], Any], *, streams: bool) -> Iterator[bytes]:
    decoder, rest, count, ended = make(), blocks(source), 1, False
    data = b""
    try:
        while True:
            if ended:
                data = data or next(rest, b"")
                if not data:
                    return
                count += 1
                if not streams or count > _MAX_STREAMS:
                    raise Refused("archive-malformed", "bytes behind the compressed data")
                decoder, ended = make(), False
            yield from _one(decoder, data, rest)
            data, ended = decoder.unused_data, True
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError):
        raise Refused("archive-malformed", "the compressed data is broken") from None


def _one(decoder: Any, data: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    """One stream."""
    while not decoder.eof:
        if not data and decoder.needs_input:
            data = next(rest, b"")
            if not data:
                raise EOFError
        yield decoder.decompress(data, BLOCK)
        data = b""
