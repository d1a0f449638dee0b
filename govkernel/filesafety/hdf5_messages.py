"""Messages of HDF5 object headers. Source: HDF5 File Format Specification 3.0, IV.A."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from govkernel.filesafety.budget import Budget
from govkernel.filesafety.interface import Refused
from govkernel.filesafety.source import Reader, Source

LINK_INFO, LINK, EXTERNAL, LAYOUT, FILTERS, ATTRIBUTE = 0x02, 0x06, 0x07, 0x08, 0x0B, 0x0C
CONTINUATION, SYMBOL_TABLE, ATTRIBUTE_INFO = 0x10, 0x11, 0x15
_KNOWN: Final = frozenset({*range(0x13), 0x15, 0x16, 0x17} - {0x09, 0x0F})
_FILTERS: Final = frozenset({1, 2, 3, 4, 5, 6, 32000})
"""Those of the library itself, and h5py's LZF; others are loaded from a plugin directory."""

MAX_MESSAGES: Final = 65_536
MAX_HEAP: Final = 128 << 20


@dataclass(frozen=True, slots=True)
class Message:
    """A message: its type and its bytes."""

    kind: int
    data: bytes


def messages(source: Source, address: int, budget: Budget) -> Iterator[Message]:
    """Every message of the object header at an address, continuations included.

    Raises:
        Refused: ``unreadable-structure``.
        Truncated: it reaches beyond the file.
    """
    reader = Reader(source, address)
    new = reader.take(4) == b"OHDR"
    layout, waiting = _second(reader) if new else _first(source, address)
    seen = 0
    while waiting:
        start, size = waiting.pop()
        reader, end = Reader(source, start), start + size
        while reader.position + struct.calcsize(layout) <= end:
            seen += 1
            step(budget)
            kind, length, flags, *_ = reader.unpack(layout)
            data = reader.take(length)
            if seen > MAX_MESSAGES or reader.position > end or kind not in _KNOWN:
                raise Refused("unreadable-structure", f"message {kind:#x} of an object header")
            if flags & 2 and kind in {ATTRIBUTE, LINK, FILTERS}:
                raise Refused("unreadable-structure", "a shared message")
            if kind == CONTINUATION:
                waiting.append(_continued(data, source, new=new))
            elif kind:
                yield Message(kind, data)


def step(budget: Budget) -> None:
    """Count one step of a walk that a file could make go round."""
    budget.opcodes += 1
    if budget.opcodes > budget.limits.opcodes:
        raise Refused("too-large", "messages")


def _first(source: Source, address: int) -> tuple[str, list[tuple[int, int]]]:
    version, _, _, _, size = Reader(source, address).unpack("<BBHII")
    if version != 1:
        raise Refused("unreadable-structure", "no object header")
    return "<HHB3x", [(address + 16, size)]


def _second(reader: Reader) -> tuple[str, list[tuple[int, int]]]:
    version, flags = reader.unpack("<BB")
    if version != 2:
        raise Refused("unreadable-structure", "no object header")
    reader.skip((16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0))
    size = int.from_bytes(reader.take(1 << (flags & 3)), "little")
    return "<BHB2x" if flags & 4 else "<BHB", [(reader.position, size)]


def _continued(data: bytes, source: Source, *, new: bool) -> tuple[int, int]:
    """Start and size of the messages in a further block; newer ones have a signature and a checksum around them."""
    start, size = struct.unpack_from("<QQ", data)
    if new:
        if source.read(start, 4) != b"OCHK" or size < 8:
            raise Refused("unreadable-structure", "a continuation")
        return start + 4, size - 8
    return start, size


def is_virtual(data: bytes) -> bool:
    """Whether a layout maps the data of other files."""
    return len(data) > 1 and data[0] >= 4 and data[1] == 3


def link_target(data: bytes) -> tuple[int, int]:
    """Type of a link (0 hard, 1 soft, 64 external) and the address a hard one leads to."""
    version, flags = data[0], data[1]
    if version != 1:
        raise Refused("unreadable-structure", "a link")
    position = 2
    kind = 0
    if flags & 8:
        kind, position = data[position], position + 1
    position += (8 if flags & 4 else 0) + (1 if flags & 16 else 0)
    width = 1 << (flags & 3)
    position += width + int.from_bytes(data[position : position + width], "little")
    return kind, int.from_bytes(data[position : position + 8], "little")


def check_filters(data: bytes) -> None:
    """Refuse filters that are not the library's own.

    Raises:
        Refused: ``unknown-operator``, ``unreadable-structure``.
    """
    version, count = data[0], data[1]
    position = 8 if version == 1 else 2
    for _ in range(count):
        (number,) = struct.unpack_from("<H", data, position)
        if number not in _FILTERS:
            raise Refused("unknown-operator", f"HDF5 filter {number}")
        named = version == 1 or number >= 256
        length, _, values = (
            struct.unpack_from("<3H", data, position + 2)
            if named
            else (0, *struct.unpack_from("<2H", data, position + 2))
        )
        position += (8 if named else 6) + length + 4 * values + (4 if version == 1 and values % 2 else 0)


def attribute_text(
    source: Source, data: bytes, wanted: frozenset[bytes], budget: Budget
) -> tuple[bytes, bytes | None]:
    """Name of an attribute and, when it is one text and wanted, that.

    Raises:
        Refused: ``unreadable-structure``.
        Truncated: the text lies outside the file.
    """
    version, _, name_size, type_size, space_size = struct.unpack_from("<BBHHH", data)
    if version not in {1, 2, 3}:
        raise Refused("unreadable-structure", "an attribute")
    position = 9 if version == 3 else 8
    parts = []
    for size in (name_size, type_size, space_size):
        parts.append(data[position : position + size])
        position += -(-size // 8) * 8 if version == 1 else size
    name, kind = parts[0].split(b"\0")[0], parts[1]
    value = data[position:]
    if name not in wanted:
        return name, None
    if len(kind) >= 8 and kind[0] & 0x0F == 3:
        return name, value
    if len(kind) >= 8 and kind[0] & 0x0F == 9 and len(value) == 16:
        return name, _from_heap(source, budget, *struct.unpack("<IQI", value))
    return name, None


def _from_heap(source: Source, budget: Budget, length: int, address: int, index: int) -> bytes:
    """An object in a global heap collection."""
    reader = Reader(source, address)
    if reader.take(4) != b"GCOL":
        raise Refused("unreadable-structure", "a heap")
    _, size = reader.unpack("<IQ")
    end = address + min(size, MAX_HEAP)
    while reader.position + 16 <= end:
        step(budget)
        number, _, _, held = reader.unpack("<HHIQ")
        if number == 0:
            break
        if number == index:
            return reader.take(min(length, held))
        reader.skip(-(-held // 8) * 8)
    raise Refused("unreadable-structure", "a text that is not in its heap")
