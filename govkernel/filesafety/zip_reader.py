"""Read a zip so strictly that every loader would see the same members, or refuse it. APPNOTE 6.3.10.

Python, miniz (PyTorch), Java and Go each trust another part of a zip. So local headers and the central directory have
to say the same, names are unique whatever the case, and every byte of the file belongs to exactly one part.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from govkernel.filesafety.interface import Refused
from govkernel.filesafety.source import Source, Window

MAX_DIRECTORY: Final = 256 << 20
STORED, DEFLATED = 0, 8

_END: Final = struct.Struct("<4s4H2IH")
_END64: Final = struct.Struct("<4sQ2H2I4Q")
_LOCATOR: Final = struct.Struct("<4sIQI")
_ENTRY: Final = struct.Struct("<4s6H3I5H2I")
_LOCAL: Final = struct.Struct("<4s5H3I2H")
_FLAGS: Final = 0x0002 | 0x0004 | 0x0008 | 0x0800
"""Flags that change nothing: deflate's effort, sizes behind the data, UTF-8 names."""

_BAD_NAME: Final = re.compile(r"[\x00-\x1f\x7f\\]|^/|^[A-Za-z]:|(?:^|/)\.\.(?:/|$)")
_UNICODE_PATH: Final = 0x7075


@dataclass(frozen=True, slots=True)
class Member:
    """One member.

    Attributes:
        name: its path; ends with ``/`` for a directory.
        method: 0 stored, 8 deflated; others cannot be opened here.
        crc: CRC-32 it is said to have.
        packed: its bytes as they stand in the zip.
        size: unpacked, in bytes, as stated.
    """

    name: str
    method: int
    crc: int
    packed: Source
    size: int


@dataclass(frozen=True, slots=True)
class _Entry:
    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    mode: int


def read_zip(source: Source, max_members: int) -> list[Member]:
    """The members, in the order they stand in the file.

    Raises:
        Refused: ``zip-ambiguous``, ``zip-encrypted``, ``archive-path``, ``archive-link``, ``archive-bomb``,
            ``archive-malformed``, ``too-many-members``, ``too-large``.
    """
    count, size, start = _end(source)
    if count > max_members:
        raise Refused("too-many-members", str(count))
    if size > MAX_DIRECTORY:
        raise Refused("too-large", "central directory")
    entries = sorted(_entries(source.read(start, size), count), key=lambda entry: entry.offset)
    _check_names(entries)
    members, position = [], 0
    for index, entry in enumerate(entries):
        following = entries[index + 1].offset if index + 1 < len(entries) else start
        if entry.offset != position:
            raise Refused("zip-ambiguous", "bytes between members, or members that overlap")
        members.append(_member(source, entry, following))
        position = following
    if position != start:
        raise Refused("zip-ambiguous", "bytes before the directory")
    return members


def _end(source: Source) -> tuple[int, int, int]:
    """Number of entries, size and offset of the central directory."""
    tail = source.read(max(0, source.size - _END.size - 0xFFFF), _END.size + 0xFFFF)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise Refused("archive-malformed", "no end of the central directory")
    _, disk, first, here, count, size, offset, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment != len(tail):
        raise Refused("zip-ambiguous", "bytes behind the end")
    if comment and b"PK" in tail[at + _END.size :]:
        raise Refused("zip-ambiguous", "a comment like a header")
    position = source.size - len(tail) + at
    values = (disk, first, here, count, size, offset)
    before = position - _LOCATOR.size
    if before >= 0 and source.read(before, 4) == b"PK\x06\x07":
        return _end64(source, before, values)
    if disk or first or here != count or offset + size != position or 0xFFFFFFFF in (size, offset):
        raise Refused("zip-ambiguous", "the end and the directory disagree")
    return count, size, offset


def _end64(source: Source, at: int, old: tuple[int, ...]) -> tuple[int, int, int]:
    _, disk, position, disks = _LOCATOR.unpack(source.read(at, _LOCATOR.size))
    if disk or disks > 1 or position + _END64.size != at:
        raise Refused("zip-ambiguous", "the Zip64 end is elsewhere")
    _, length, _, _, disk, first, here, count, size, offset = _END64.unpack(
        source.read(position, _END64.size)
    )
    new = (disk, first, here, count, size, offset)
    ceilings = (0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    same = all(was in (now, top) for was, now, top in zip(old, new, ceilings, strict=True))
    if source.read(position, 4) != b"PK\x06\x06" or length != _END64.size - 12 or not same:
        raise Refused("zip-ambiguous", "the two ends disagree")
    if disk or first or here != count or offset + size != position:
        raise Refused("zip-ambiguous", "the end and the directory disagree")
    return count, size, offset


def _entries(directory: bytes, count: int) -> Iterator[_Entry]:
    position = 0
    for _ in range(count):
        if position + _ENTRY.size > len(directory):
            raise Refused("zip-ambiguous", "fewer entries than stated")
        (
            magic,
            _,
            _,
            flags,
            method,
            _,
            _,
            crc,
            packed,
            size,
            names,
            extras,
            comments,
            disk,
            _,
            attributes,
            offset,
        ) = _ENTRY.unpack_from(directory, position)
        position += _ENTRY.size
        name, extra = directory[position : position + names], directory[position + names :][:extras]
        position += names + extras + comments
        if magic != b"PK\x01\x02" or position > len(directory):
            raise Refused("archive-malformed", "an entry of the directory")
        wide = _zip64(extra, (size, packed, offset), disk)
        yield _Entry(name, flags, method, crc, wide[1], wide[0], wide[2], attributes >> 16)
    if position != len(directory):
        raise Refused("zip-ambiguous", "more entries than stated")


def _zip64(extra: bytes, values: tuple[int, ...], disk: int = 0) -> tuple[int, ...]:
    """Sizes and offset, with those that are 0xFFFFFFFF taken from the extra field."""
    if disk:
        raise Refused("zip-ambiguous", "several disks")
    fields = dict(_extras(extra))
    if _UNICODE_PATH in fields:
        raise Refused("zip-ambiguous", "a second name")
    wide = fields.get(1, b"")
    found: list[int] = []
    for value in values:
        if value == 0xFFFFFFFF and len(wide) >= 8:
            found.append(int.from_bytes(wide[:8], "little"))
            wide = wide[8:]
        else:
            found.append(value)
    return tuple(found)


def _extras(extra: bytes) -> Iterator[tuple[int, bytes]]:
    seen: set[int] = set()
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        if kind in seen and kind in {1, _UNICODE_PATH}:
            raise Refused("zip-ambiguous", "an extra field twice")
        seen.add(kind)
        yield kind, extra[position + 4 : position + 4 + length]
        position += 4 + length


def _check_names(entries: list[_Entry]) -> None:
    seen: set[str] = set()
    for entry in entries:
        name = _text(entry)
        folded = name.rstrip("/").casefold()
        if _BAD_NAME.search(name) or not folded or len(name) > 4096:
            raise Refused("archive-path", name)
        if folded in seen:
            raise Refused("zip-ambiguous", f"{name} stands twice")
        seen.add(folded)
        if entry.flags & 0x0041:
            raise Refused("zip-encrypted", name)
        if entry.flags & ~_FLAGS:
            raise Refused("zip-ambiguous", f"flags of {name}")
        if entry.mode & 0o170000 not in {0, 0o100000, 0o040000}:
            raise Refused("archive-link", name)


def _text(entry: _Entry) -> str:
    try:
        return entry.name.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("archive-path", "a name that is not UTF-8") from None


def _member(source: Source, entry: _Entry, end: int) -> Member:
    """The member, its local header and whatever follows its data held against the directory."""
    name = _text(entry)
    head = source.read(entry.offset, _LOCAL.size)
    if len(head) < _LOCAL.size or head[:4] != b"PK\x03\x04":
        raise Refused("zip-ambiguous", f"no local header of {name}")
    _, _, flags, method, _, _, crc, packed, size, names, extras = _LOCAL.unpack(head)
    rest = source.read(entry.offset + _LOCAL.size, names + extras)
    size, packed = _zip64(rest[names:], (size, packed))
    later = bool(flags & 0x0008)
    said = (rest[:names], flags, method)
    if said != (entry.name, entry.flags, entry.method):
        raise Refused("zip-ambiguous", f"the local header of {name}")
    expected = (entry.crc, entry.packed, entry.size)
    if (crc, packed, size) != expected and not (later and _zero_or(expected, (crc, packed, size))):
        raise Refused("zip-ambiguous", f"the local header of {name}")
    start = entry.offset + _LOCAL.size + names + extras
    if start + entry.packed > end or (entry.method == STORED and entry.packed != entry.size):
        raise Refused("zip-ambiguous", f"the extent of {name}")
    _check_descriptor(source, start + entry.packed, end, entry, required=later)
    return Member(name, entry.method, entry.crc, Window(source, start, entry.packed), entry.size)


def _zero_or(expected: tuple[int, ...], said: tuple[int, ...]) -> bool:
    """Sizes that follow the data are zero in the local header, or right."""
    return all(value in (0, 0xFFFFFFFF, right) for value, right in zip(said, expected, strict=True))


def _check_descriptor(source: Source, start: int, end: int, entry: _Entry, *, required: bool) -> None:
    """Between a member's data and the next header stands its data descriptor or nothing."""
    gap = source.read(start, min(end - start, 32))
    values = (entry.crc, entry.packed, entry.size)
    forms = {b"" if not required else None}
    for layout in ("<3I", "<I2Q"):
        if layout == "<I2Q" or max(values) <= 0xFFFFFFFF:
            forms |= {struct.pack(layout, *values), b"PK\x07\x08" + struct.pack(layout, *values)}
    if gap not in (forms if required else {b""}) or end - start > 32:
        raise Refused("zip-ambiguous", f"bytes behind {entry.name.decode('utf-8', 'replace')}")
