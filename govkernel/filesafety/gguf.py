"""GGUF versions 2 and 3, little endian: counts, lengths, offsets, and the chat templates in the metadata.
Source: the specification in ggml's documentation.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from typing import Final

from govkernel.filesafety.interface import Finding, Place, Refused
from govkernel.filesafety.jinja import dangers
from govkernel.filesafety.source import Reader, Source, Truncated

MAX_ENTRIES: Final = 100_000
MAX_KEY: Final = 65_535
MAX_NAME: Final = 255
MAX_TEXT: Final = 64 << 20
MAX_TEMPLATE: Final = 1 << 20
MAX_TEMPLATES: Final = 256
MAX_DIMENSIONS: Final = 8
MAX_TEXTS: Final = 4_000_000
MAX_ARRAY_DEPTH: Final = 4

_FIXED: Final = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of a metadata value, by its type."""

_TEXT, _ARRAY, _UINT32 = 8, 9, 4

_BLOCKS: Final = {
    **{0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36)},
    **{10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292)},
    **{
        16: (256, 66),
        17: (256, 74),
        18: (256, 98),
        19: (256, 50),
        20: (32, 18),
        21: (256, 110),
        22: (256, 82),
    },
    **{23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2)},
    **{34: (256, 54), 35: (256, 66), 39: (32, 17)},
}
"""Items and bytes of a block, by tensor type."""


def examine_gguf(source: Source, place: Place) -> Iterator[Finding]:
    """A whole file."""
    reader = Reader(source)
    magic, version, tensors, entries = reader.unpack("<4sIQQ")
    if magic != b"GGUF" or version not in {2, 3}:
        raise Refused("unreadable-structure", "not GGUF 2 or 3, little endian")
    if tensors > MAX_ENTRIES or entries > MAX_ENTRIES:
        raise _bad(f"{tensors} tensors, {entries} entries")
    try:
        alignment = 32
        seen: set[bytes] = set()
        for _ in range(entries):
            key = _text(reader, MAX_KEY)
            if key in seen:
                raise _bad(f"{key[:80]!r} stands twice")
            seen.add(key)
            alignment = yield from _entry(reader, key, alignment, place)
        spans = sorted(_spans(reader, tensors, alignment))
    except Truncated:
        raise _bad("it breaks off") from None
    _check_spans(spans, -(-reader.position // alignment) * alignment, source.size, alignment)


def _entry(reader: Reader, key: bytes, alignment: int, place: Place) -> Generator[Finding, None, int]:
    """One entry of the metadata; returns the alignment from here on."""
    (kind,) = reader.unpack("<I")
    if key == b"general.alignment":
        (alignment,) = reader.unpack("<I") if kind == _UINT32 else (0,)
        if not 8 <= alignment <= 1 << 20 or alignment & (alignment - 1):
            raise _bad("the alignment")
    elif b"template" in key.lower() and kind in {_TEXT, _ARRAY}:
        for text in _templates(reader, kind):
            yield from (place.finding("template-danger", danger) for danger in dangers(text))
    else:
        _pass_over(reader, kind, MAX_ARRAY_DEPTH)
    return alignment


def _templates(reader: Reader, kind: int) -> Iterator[str]:
    """A template, or a list of templates or of their names."""
    inner, count = reader.unpack("<IQ") if kind == _ARRAY else (_TEXT, 1)
    if inner != _TEXT or count > MAX_TEMPLATES:
        raise Refused("unreadable-structure", "templates")
    for _ in range(count):
        (length,) = reader.unpack("<Q")
        if length > MAX_TEMPLATE:
            raise Refused("too-large", "a template")
        yield reader.take(length).decode("utf-8", "replace")


def _pass_over(reader: Reader, kind: int, depth: int) -> None:
    if kind in _FIXED:
        reader.skip(_FIXED[kind])
    elif kind == _TEXT:
        _skip_text(reader)
    elif kind == _ARRAY and depth:
        inner, count = reader.unpack("<IQ")
        if inner in _FIXED:
            reader.skip(_FIXED[inner] * count)
            return
        if count * 8 > reader.left:
            raise _bad("an array longer than the file")
        if count > MAX_TEXTS:
            raise Refused("too-large", "an array of texts")
        for _ in range(count):
            _pass_over(reader, inner, depth - 1)
    else:
        raise _bad(f"a value of type {kind}")


def _skip_text(reader: Reader) -> None:
    (length,) = reader.unpack("<Q")
    if length > MAX_TEXT:
        raise _bad("a text longer than can be")
    reader.skip(length)


def _text(reader: Reader, limit: int) -> bytes:
    (length,) = reader.unpack("<Q")
    if length > limit:
        raise _bad("a name longer than can be")
    return reader.take(length)


def _spans(reader: Reader, count: int, alignment: int) -> Iterator[tuple[int, int]]:
    """Start and size of each tensor."""
    names: set[bytes] = set()
    for _ in range(count):
        name = _text(reader, MAX_NAME)
        (dimensions,) = reader.unpack("<I")
        if name in names or dimensions > MAX_DIMENSIONS:
            raise _bad(f"the tensor {name[:80]!r}")
        names.add(name)
        shape = reader.unpack(f"<{dimensions}Q")
        kind, offset = reader.unpack("<IQ")
        if kind not in _BLOCKS:
            raise Refused("unreadable-structure", f"a tensor of type {kind}")
        items, size = _BLOCKS[kind]
        total = math.prod(shape)
        if offset % alignment or (shape and shape[0] % items) or total >= 1 << 62:
            raise _bad(f"shape or offset of {name[:80]!r}")
        yield offset, total // items * size


def _check_spans(spans: list[tuple[int, int]], start: int, end: int, alignment: int) -> None:
    """Tensors stand one behind the other, each at the next aligned offset, up to the end of the file."""
    position = 0
    for offset, size in spans:
        if offset != -(-position // alignment) * alignment:
            raise _bad(f"a gap or an overlap at offset {offset}")
        position = offset + size
    if spans and start + position > end:
        raise _bad("tensors beyond the end of the file")
    if end > start + -(-position // alignment) * alignment:
        raise _bad("bytes behind the last tensor")


def _bad(detail: str) -> Refused:
    return Refused("gguf-structure", detail)
