"""Pictures: what their name says, walked to their end, nothing behind. SVG can hold scripts and is not read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from govkernel.filesafety.interface import Finding, Place
from govkernel.filesafety.picture_streams import gif_end, jpeg_end, png_end, webp_end
from govkernel.filesafety.picture_tables import bmp_end, tiff_end
from govkernel.filesafety.source import Source

_ZIP_TAIL: Final = 22 + 0xFFFF
"""Bytes of the longest end of a zip: loaders look for one from behind."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A format of pictures.

    Attributes:
        suffixes: of its names.
        magic: how it starts.
        end: walks it, and tells the offset behind its last byte.
        padding: zeros that writers leave behind it, at most.
    """

    suffixes: frozenset[str]
    magic: re.Pattern[bytes]
    end: Callable[[Source], int]
    padding: int = 0


_KINDS: Final = (
    Kind(frozenset({"png"}), re.compile(rb"\x89PNG\r\n\x1a\n"), png_end),
    Kind(frozenset({"jpg", "jpeg"}), re.compile(rb"\xff\xd8\xff"), jpeg_end),
    Kind(frozenset({"gif"}), re.compile(rb"GIF8[79]a"), gif_end),
    Kind(frozenset({"webp"}), re.compile(rb"RIFF.{4}WEBP", re.DOTALL), webp_end),
    Kind(frozenset({"bmp"}), re.compile(rb"BM"), bmp_end, padding=3),
    Kind(frozenset({"tif", "tiff"}), re.compile(rb"II\*\0|MM\0\*"), tiff_end, padding=3),
)


def examine_image(source: Source, place: Place) -> Iterator[Finding]:
    """A picture."""
    head = source.read(0, 16)
    kind = next((kind for kind in _KINDS if kind.magic.match(head)), None)
    if b"PK\x05\x06" in source.read(max(0, source.size - _ZIP_TAIL), _ZIP_TAIL):
        yield place.finding("name-mismatch", "a zip behind a picture")
    elif kind is None or place.name.lower().rpartition(".")[2] not in kind.suffixes:
        yield place.finding("unknown-format", "not a picture of the kind that its name says")
    else:
        yield from _behind(source, kind, place)


def _behind(source: Source, kind: Kind, place: Place) -> Iterator[Finding]:
    end = kind.end(source)
    rest = source.size - end
    if rest > kind.padding or source.read(end, kind.padding).strip(b"\0"):
        yield place.finding("unreadable-structure", f"{rest} bytes behind the picture")
