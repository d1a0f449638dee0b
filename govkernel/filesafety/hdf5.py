"""HDF5, as Keras uses it: no way out of the file, no filter from a library, and the layers of an embedded model.

Source: HDF5 File Format Specification 3.0. Read are superblocks 0 to 3, object headers 1 and 2, groups as symbol
tables or inline links; dense storage is not, and is *unknown*.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from govkernel.filesafety.budget import Budget
from govkernel.filesafety.hdf5_messages import (
    ATTRIBUTE,
    ATTRIBUTE_INFO,
    EXTERNAL,
    FILTERS,
    LAYOUT,
    LINK,
    LINK_INFO,
    SYMBOL_TABLE,
    Message,
    attribute_text,
    check_filters,
    is_virtual,
    link_target,
    messages,
    step,
)
from govkernel.filesafety.interface import Finding, Place, Refused
from govkernel.filesafety.json_text import parse_json
from govkernel.filesafety.keras import judge_keras
from govkernel.filesafety.source import Reader, Source, Truncated

MAX_OBJECTS: Final = 200_000
UNDEFINED: Final = (1 << 64) - 1
_SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
_CONFIGURATIONS: Final = frozenset({b"model_config", b"training_config", b"layer_config"})


def examine_hdf5(source: Source, place: Place) -> Iterator[Finding]:
    """A whole file."""
    try:
        yield from _walk(source, place)
    except Truncated:
        raise Refused("unreadable-structure", "an address outside the file") from None
    except (IndexError, struct.error):
        raise Refused("unreadable-structure", "a message that breaks off") from None


def _walk(source: Source, place: Place) -> Iterator[Finding]:
    waiting, seen = [_root(source)], set[int]()
    while waiting:
        address = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        if len(seen) > MAX_OBJECTS:
            raise Refused("too-large", "objects")
        for message in messages(source, address, place.budget):
            yield from _judged(source, message, place, waiting)


def _judged(source: Source, message: Message, place: Place, waiting: list[int]) -> Iterator[Finding]:
    """One message of an object header; objects it leads to are put in the queue."""
    data = message.data
    if message.kind == EXTERNAL or (message.kind == LAYOUT and is_virtual(data)):
        yield place.finding("hdf5-external", "data in another file")
    elif message.kind == LINK:
        kind, target = link_target(data)
        if kind == 0:
            waiting.append(target)
        elif kind != 1:
            yield place.finding("hdf5-external", "a link out of the file")
    elif message.kind == SYMBOL_TABLE:
        waiting.extend(_members(source, int.from_bytes(data[:8], "little"), place.budget))
    elif message.kind == FILTERS:
        check_filters(data)
    elif message.kind in {LINK_INFO, ATTRIBUTE_INFO}:
        _check_dense(data, order=data[1] & 1, width=8 if message.kind == LINK_INFO else 2)
    elif message.kind == ATTRIBUTE:
        name, text = attribute_text(source, data, _CONFIGURATIONS, place.budget)
        if name in _CONFIGURATIONS:
            if text is None:
                raise Refused("unreadable-structure", "an embedded model")
            yield from judge_keras(parse_json(text.rstrip(b"\0")), place)


def _check_dense(data: bytes, *, order: int, width: int) -> None:
    """Links or attributes in a heap of their own are not read here."""
    at = 2 + (width if order else 0)
    if int.from_bytes(data[at : at + 8], "little") != UNDEFINED:
        raise Refused("unreadable-structure", "dense storage")


def _root(source: Source) -> int:
    """Address of the root group's header."""
    reader = Reader(source)
    if reader.take(8) != _SIGNATURE:
        raise Refused("unreadable-structure", "no HDF5 signature at the start")
    version = reader.take(1)[0]
    if version in {0, 1}:
        reader.skip(4)
        offsets, lengths = reader.unpack("<BB")
        reader.skip(9 if version == 0 else 13)
        base, _, _, _, _, root = reader.unpack("<6Q")
    elif version in {2, 3}:
        offsets, lengths, _ = reader.unpack("<3B")
        base, _, _, root = reader.unpack("<4Q")
    else:
        raise Refused("unreadable-structure", f"superblock {version}")
    if (offsets, lengths, base) != (8, 8, 0):
        raise Refused("unreadable-structure", "addresses that are not 64 bits from the start")
    return int(root)


def _members(source: Source, tree: int, budget: Budget) -> Iterator[int]:
    """Addresses of the headers of a group's members, through its B-tree."""
    waiting = [tree]
    while waiting:
        reader = Reader(source, waiting.pop())
        magic = reader.take(4)
        if magic == b"TREE":
            kind, _, count = reader.unpack("<BBH")
            if kind:
                raise Refused("unreadable-structure", "a group that is none")
            reader.skip(16)
            for _ in range(count):
                step(budget)
                waiting.append(reader.unpack("<QQ")[1])
        elif magic == b"SNOD":
            _, _, count = reader.unpack("<BBH")
            for _ in range(count):
                step(budget)
                _, address, cached = reader.unpack("<QQI")
                reader.skip(20)
                if cached != 2:  # 2 is a soft link, which stays inside
                    yield address
        else:
            raise Refused("unreadable-structure", "a group without its index")
