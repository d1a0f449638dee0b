"""Pictures whose headers point at their data: BMP and TIFF. Each walk tells where the last byte of it is."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from govkernel.filesafety.interface import Refused
from govkernel.filesafety.source import Reader, Source, Truncated

MAX_DIRECTORIES: Final = 10_000
MAX_VALUES: Final = 4_000_000
"""Offsets and sizes that one entry of a directory lists."""

_HEADERS: Final = frozenset({12, 40, 52, 56, 108, 124})
_DEPTHS: Final = frozenset({1, 2, 4, 8, 16, 24, 32})
_PLAIN, _RUNS, _MASKED = frozenset({0, 3, 6}), frozenset({1, 2}), {3: 12, 6: 16}
_PROFILES: Final = frozenset({b"KNIL", b"DEBM"})
"""A colour profile in another file, or behind the pixels."""

_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_FORMS: Final = {1: "B", 3: "H", 4: "I", 13: "I"}
_DATA: Final = ((273, 279), (324, 325), (513, 514))
"""Tags of offsets and of sizes: strips, tiles, JPEG."""
_DIRECTORIES: Final = (330, 34665, 34853, 40965)
_POINTERS: Final = frozenset({tag for pair in _DATA for tag in pair} | set(_DIRECTORIES))


def bmp_end(source: Source) -> int:
    """BMP (Windows 3 to 5, OS/2 1): headers, colours and pixels, each where the one before it ends.

    Raises:
        Refused: ``unreadable-structure``.
        Truncated: it breaks off.
    """
    reader = Reader(source, 2)
    said, _, start, header = reader.unpack("<IIII")
    if said != source.size or header not in _HEADERS:
        raise _odd("a header that does not fit the file")
    form = "<HHHH" if header == 12 else "<iiHHIIIIII"
    width, height, planes, depth, *more = reader.unpack(form)
    packing, size, _, _, used, _ = more or (0, 0, 0, 0, 0, 0)
    colours = used or (1 << depth if depth <= 8 else 0)
    table = colours * (3 if header == 12 else 4)
    masks = _MASKED.get(packing, 0) if header == 40 else 0
    if planes != 1 or depth not in _DEPTHS or width <= 0 or colours > 256:
        raise _odd("a header that does not fit a picture")
    if header == 124 and source.read(70, 4) in _PROFILES:
        raise _odd("a profile")
    if start != 14 + header + masks + table or packing not in _PLAIN | _RUNS:
        raise _odd("pixels that do not follow their header")
    pixels = (width * depth + 31) // 32 * 4 * abs(height) if packing in _PLAIN else size
    return _inside(source, start, pixels)


@dataclass
class _Walk:
    """A walk through the directories of a TIFF: those still to be read, and the last byte that anything names."""

    source: Source
    order: str
    waiting: list[int]
    seen: set[int] = field(default_factory=set)
    end: int = 8
    pictures: int = 0


def tiff_end(source: Source) -> int:
    """TIFF (revision 6): every directory, what its entries hold, and the strips, tiles and thumbnails they name.

    Raises:
        Refused: ``unreadable-structure``, ``too-large``.
        Truncated: it breaks off.
    """
    order = "<" if source.read(0, 2) == b"II" else ">"
    walk = _Walk(source, order, list(Reader(source, 4).unpack(f"{order}I")))
    while walk.waiting:
        place = walk.waiting.pop()
        if place in walk.seen or place < 8:
            raise _odd("a directory that stands twice")
        if len(walk.seen) == MAX_DIRECTORIES:
            raise Refused("too-large", "directories")
        walk.seen.add(place)
        _directory(walk, place)
    if not walk.pictures:
        raise _odd("no picture")
    return walk.end


def _directory(walk: _Walk, place: int) -> None:
    reader = Reader(walk.source, place)
    (count,) = reader.unpack(f"{walk.order}H")
    found: dict[int, Sequence[int]] = {}
    for _ in range(count):
        tag, kind, number, value = reader.unpack(f"{walk.order}HHI4s")
        found |= _entry(walk, tag, kind, number, value)
    (following,) = reader.unpack(f"{walk.order}I")
    walk.end = max(walk.end, reader.position)
    walk.waiting += [item for tag in _DIRECTORIES for item in found.get(tag, ())]
    walk.waiting += [following] if following else []
    for start, size in _extents(found):
        walk.pictures += 1
        walk.end = max(walk.end, _inside(walk.source, start, size))


def _entry(walk: _Walk, tag: int, kind: int, number: int, value: bytes) -> Mapping[int, Sequence[int]]:
    """The numbers of an entry that points somewhere."""
    if kind not in _SIZES:
        raise _odd(f"a value of type {kind}")
    size = number * _SIZES[kind]
    if size > 4:
        (start,) = struct.unpack(f"{walk.order}I", value)
        walk.end = max(walk.end, _inside(walk.source, start, size))
    if tag not in _POINTERS:
        return {}
    if kind not in _FORMS or number > MAX_VALUES:
        raise _odd(f"a pointer of type {kind}")
    held = walk.source.read(start, size) if size > 4 else value[:size]
    return {tag: struct.unpack(f"{walk.order}{number}{_FORMS[kind]}", held)}


def _extents(found: Mapping[int, Sequence[int]]) -> Iterator[tuple[int, int]]:
    """Offset and size of each piece of a picture."""
    for offsets, sizes in _DATA:
        starts, lengths = found.get(offsets, ()), found.get(sizes, ())
        if len(starts) != len(lengths):
            raise _odd("data without its sizes")
        yield from zip(starts, lengths, strict=True)


def _inside(source: Source, start: int, size: int) -> int:
    """The end of a part of a file.

    Raises:
        Truncated: it is not in the file.
    """
    if start + size > source.size:
        raise Truncated
    return start + size


def _odd(what: str) -> Refused:
    return Refused("unreadable-structure", what)
