"""Pictures that are read from front to back: PNG, JPEG, GIF and WebP. Each walk tells where the picture ends."""

from __future__ import annotations

import re
import zlib
from typing import Final

from govkernel.filesafety.interface import Refused
from govkernel.filesafety.source import Reader, Source

MAX_PARTS: Final = 1_000_000
"""Chunks, segments or blocks of one picture."""

_BLOCK: Final = 1 << 20
_CRITICAL: Final = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE: Final = frozenset({0x00, 0x01, *range(0xD0, 0xD9), 0xFF})
"""Markers without a length, none of which stands between segments."""
_MARKER: Final = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")
"""What ends the data of a scan: neither a stuffed byte nor a restart."""


def png_end(source: Source) -> int:
    """PNG (third edition, 5): chunks with right checksums, header first, data, end.

    Raises:
        Refused: ``unreadable-structure``, ``too-large``.
        Truncated: it breaks off.
    """
    reader, seen = Reader(source, 8), set[bytes]()
    for _ in range(MAX_PARTS):
        (length,) = reader.unpack(">I")
        kind = reader.take(4)
        if not kind.isalpha() or (kind[0] < 0x60 and kind not in _CRITICAL):
            raise _odd("a chunk that is none of PNG's")
        if (kind == b"IHDR") == bool(seen) or (kind == b"IHDR" and length != 13):
            raise _odd("a header that is not the first chunk")
        expected = _checksum(reader, kind, length)
        if reader.unpack(">I") != (expected,):
            raise _odd("a checksum")
        seen.add(kind)
        if kind == b"IEND":
            if length or b"IDAT" not in seen:
                raise _odd("an end without data before it")
            return reader.position
    raise Refused("too-large", "chunks")


def _checksum(reader: Reader, kind: bytes, length: int) -> int:
    found = zlib.crc32(kind)
    while length:
        block = reader.take(min(length, _BLOCK))
        found, length = zlib.crc32(block, found), length - len(block)
    return found


def jpeg_end(source: Source) -> int:
    """JPEG (ITU-T T.81, annex B): segments and scans to the end of the image.

    Raises:
        Refused: ``unreadable-structure``, ``too-large``.
        Truncated: it breaks off.
    """
    reader, framed, scanned = Reader(source, 2), False, False
    for _ in range(MAX_PARTS):
        marker = _marker(reader)
        if marker == _EOI:
            if not (framed and scanned):
                raise _odd("an end without an image before it")
            return reader.position
        if marker in _ALONE:
            raise _odd("a marker that cannot stand there")
        (length,) = reader.unpack(">H")
        reader.skip(length - 2)
        framed = framed or marker in _FRAMES
        if marker == _SOS:
            scanned = True
            reader = Reader(source, _scan_end(source, reader.position))
    raise Refused("too-large", "segments")


def _marker(reader: Reader) -> int:
    """The next marker; any number of fill bytes stands before it."""
    if reader.take(1) != b"\xff":
        raise _odd("bytes between segments")
    while (marker := reader.take(1)[0]) == 0xFF:
        pass
    return marker


def _scan_end(source: Source, start: int) -> int:
    """Offset of the marker behind the data of a scan; the end of the file if there is none."""
    while block := source.read(start, _BLOCK):
        if found := _MARKER.search(block):
            return start + found.start()
        kept = len(block) - len(block.rstrip(b"\xff"))
        if len(block) == kept or len(block) < _BLOCK:
            break
        start += len(block) - kept
    return source.size


def gif_end(source: Source) -> int:
    """GIF (89a, 18 to 27): screen, images and extensions as blocks, trailer.

    Raises:
        Refused: ``unreadable-structure``, ``too-large``.
        Truncated: it breaks off.
    """
    reader = Reader(source, 6)
    _, _, flags, _, _ = reader.unpack("<HHBBB")
    reader.skip(_colours(flags))
    images, parts = 0, 0
    while (kind := reader.take(1)) != b";":
        if kind == b",":
            images += 1
            reader.skip(8)
            reader.skip(_colours(reader.take(1)[0]) + 1)
        elif kind == b"!":
            reader.skip(1)
        else:
            raise _odd("a block that is none of GIF's")
        while size := reader.take(1)[0]:
            reader.skip(size)
            parts += 1
            if parts > MAX_PARTS:
                raise Refused("too-large", "blocks")
        parts += 1
    if not images:
        raise _odd("no image")
    return reader.position


def _colours(flags: int) -> int:
    """Bytes of the colour table that some flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def webp_end(source: Source) -> int:
    """WebP (RFC 9649, 2): one RIFF of the size it says, chunks to its end.

    Raises:
        Refused: ``unreadable-structure``, ``too-large``.
        Truncated: it breaks off.
    """
    reader = Reader(source, 4)
    end: int = 8 + reader.unpack("<I")[0]
    reader.skip(4)
    first = source.read(12, 4)
    if first not in {b"VP8 ", b"VP8L", b"VP8X"}:
        raise _odd("a first chunk that is none of WebP's")
    for _ in range(MAX_PARTS):
        if reader.position >= end:
            break
        kind, size = reader.take(4), reader.unpack("<I")[0]
        if not kind.isascii():
            raise _odd("a chunk that is none of WebP's")
        reader.skip(size + size % 2)
    else:
        raise Refused("too-large", "chunks")
    if reader.position != end:
        raise _odd("a chunk that is longer than the file")
    return end


def _odd(what: str) -> Refused:
    return Refused("unreadable-structure", what)
