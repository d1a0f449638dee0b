"""Read a tar without Python's ``tarfile``, which follows negative offsets. POSIX ustar and pax, GNU long names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from govkernel.filesafety.interface import Finding, Place, Refused
from govkernel.filesafety.source import Source, Window

BLOCK: Final = 512
_MAX_TEXT: Final = 64 * 1024
_BAD_NAME: Final = re.compile(r"[\x00-\x1f\x7f\\]|^/|^[A-Za-z]:|(?:^|/)\.\.(?:/|$)")
_FILES: Final = b"0\x007"
_DIRECTORY: Final = b"5"
_LINKS: Final = b"12346"
_SIZES: Final = (b"size", b"GNU.sparse.realsize", b"GNU.sparse.size")


def is_tar(source: Source) -> bool:
    """Whether the first block is a header whose checksum is right, with or without the magic."""
    head = source.read(0, BLOCK)
    return len(head) == BLOCK and head[0] != 0 and _checksum_holds(head)


def examine_tar(source: Source, place: Place) -> Iterator[Finding]:
    """Every member, judged by its name and content."""
    position, zeros, seen = 0, 0, set[str]()
    override: dict[str, str] = {}
    while position + BLOCK <= source.size and zeros < 2:
        head = source.read(position, BLOCK)
        position += BLOCK
        if not head.strip(b"\0"):
            zeros += 1
            continue
        if zeros or not _checksum_holds(head):
            raise Refused("archive-malformed", f"header at {position - BLOCK}")
        size = _number(head[124:136])
        content = _window(source, position, size)
        position += -(-size // BLOCK) * BLOCK
        kind = head[156:157]
        if kind in {b"x", b"g", b"L", b"K"}:
            override |= _override(kind, content)
            continue
        name = override.get("path") or _name(head)
        override = {}
        yield from _member(content, kind, name, place, seen)
    yield from _rest(source, position, place)


def _member(content: Source, kind: bytes, name: str, place: Place, seen: set[str]) -> Iterator[Finding]:
    inside = place.inside(name)
    folded = name.rstrip("/").removeprefix("./").casefold()
    if _BAD_NAME.search(name):
        yield inside.finding("archive-path", name)
    elif kind in _LINKS:
        yield inside.finding("archive-link", name)
    elif kind == _DIRECTORY:
        return
    elif kind not in _FILES:
        yield inside.finding("unreadable-structure", f"member of type {kind!r}")
    elif folded in seen:
        yield inside.finding("archive-malformed", "a name that stands twice")
    else:
        seen.add(folded)
        yield from place.judge(content, inside)


def _rest(source: Source, position: int, place: Place) -> Iterator[Finding]:
    """Behind the end stand zeros, up to a record's size."""
    rest = source.read(position, 1 << 20)
    if rest.strip(b"\0") or position + len(rest) < source.size:
        yield place.finding("archive-malformed", "bytes behind the end")


def _window(source: Source, position: int, size: int) -> Window:
    if position + size > source.size:
        raise Refused("archive-malformed", "a member that breaks off")
    return Window(source, position, size)


def _checksum_holds(head: bytes) -> bool:
    said = head[148:156].split(b"\0")[0].strip()
    return (
        said.isdigit()
        and all(char in b"01234567" for char in said)
        and int(said, 8) == sum(head[:148] + b" " * 8 + head[156:])
    )


def _number(field: bytes) -> int:
    """An octal number, or GNU's base 256; never negative."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    text = field.strip(b" \0") or b"0"
    if not all(char in b"01234567" for char in text):
        raise Refused("archive-malformed", "a size")
    return int(text, 8)


def _name(head: bytes) -> str:
    parts = (
        [head[:100]] if head[257:262] != b"ustar" or head[263:265] != b"00" else [head[345:500], head[:100]]
    )
    try:
        return "/".join(text for part in parts if (text := part.split(b"\0")[0].decode("utf-8")))
    except UnicodeDecodeError:
        raise Refused("archive-path", "a name that is not UTF-8") from None


def _override(kind: bytes, content: Source) -> dict[str, str]:
    """What an extended header says about the next member: its path, here. Sizes it must not change."""
    if content.size > _MAX_TEXT:
        raise Refused("too-large", "an extended header")
    data = content.read(0, content.size)
    try:
        if kind == b"L":
            return {"path": data.rstrip(b"\0").decode("utf-8")}
        records = dict(_pax(data)) if kind in {b"x", b"g"} else {}
        if kind == b"g" and b"path" in records:
            raise Refused("archive-malformed", "one name for all members")
        if any(key in records for key in _SIZES):
            raise Refused("unreadable-structure", "a size in an extended header")
        return {"path": records[b"path"].decode("utf-8")} if b"path" in records else {}
    except UnicodeDecodeError:
        raise Refused("archive-path", "a name that is not UTF-8") from None


def _pax(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 0
    while position < len(data):
        number = data[position : position + 8].partition(b" ")[0]
        length = int(number) if number.isdigit() and len(number) < 8 else 0
        record = data[position + len(number) + 1 : position + length]
        position += length
        if (
            length <= len(number) + 1
            or position > len(data)
            or not record.endswith(b"\n")
            or b"=" not in record
        ):
            raise Refused("archive-malformed", "an extended header")
        key, _, value = record[:-1].partition(b"=")
        yield key, value
