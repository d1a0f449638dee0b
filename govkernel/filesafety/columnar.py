"""Parquet and Arrow: data, except for extension types whose definition is a pickle (CVE-2023-47248)."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Final

from govkernel.filesafety.interface import Finding, Place
from govkernel.filesafety.source import Source, blocks

_EXTENSION: Final = b"arrow.py_extension_type"
_MAGIC: Final = (b"PAR1", b"ARROW1")


def examine_columnar(source: Source, place: Place) -> Iterator[Finding]:
    """The whole file is searched for the extension's name, plain or in the base64 of an embedded Arrow schema."""
    magic = next((item for item in _MAGIC if source.read(0, len(item)) == item), None)
    if magic is None or source.read(source.size - len(magic), len(magic)) != magic:
        yield place.finding("unreadable-structure", "neither Parquet nor Arrow")
        return
    if not _has_footer(source, magic):
        yield place.finding("unreadable-structure", "no footer inside the file")
        return
    before = b""
    for block in blocks(source):
        if any(needle in before + block for needle in _NEEDLES):
            yield place.finding("arrow-extension")
            return
        before = block[-64:]


def _has_footer(source: Source, magic: bytes) -> bool:
    """Whether the length before the last magic is that of a footer behind the first one; Arrow pads that to 8 bytes."""
    end = source.size - len(magic) - 4
    start = 8 if magic == b"ARROW1" else len(magic)
    return 0 < int.from_bytes(source.read(end, 4), "little") <= end - start


def _base64_parts(text: bytes) -> tuple[bytes, ...]:
    """What base64 makes of a text, whatever its alignment; the characters its neighbours share are left off."""
    parts = []
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + text)
        usable = len(text) + shift - (len(text) + shift) % 3
        parts.append(encoded[4 if shift else 0 : usable // 3 * 4])
    return tuple(parts)


_NEEDLES: Final = (_EXTENSION, *_base64_parts(_EXTENSION))
