"""Files that nothing runs, looked at only for what would make them something else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from govkernel.filesafety.interface import Finding, Place
from govkernel.filesafety.jinja import MAX_TEMPLATE, dangers
from govkernel.filesafety.protobuf import Walker
from govkernel.filesafety.source import Source

_TEMPLATES: Final = (".jinja", ".j2", ".jinja2")
_PICTURES: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"RIFF")
_CODE_TEXT: Final = re.compile(rb"\s*(?:<\?php|<!doctype html|<html|<script)", re.IGNORECASE)


def examine_text(source: Source, place: Place) -> Iterator[Finding]:
    """Text; a template is judged as one."""
    if place.name.lower().endswith(_TEMPLATES):
        if source.size > 4 * MAX_TEMPLATE:
            yield place.finding("too-large", "a template")
            return
        text = source.read(0, source.size).decode("utf-8", "replace")
        yield from (place.finding("template-danger", danger) for danger in dangers(text))
        return
    head = source.read(0, 4096)
    if b"\0" in head:
        yield place.finding("unknown-format", "called text, and is none")
    elif _CODE_TEXT.match(head):
        yield place.finding("code", "a page with scripts, called text")


def examine_image(source: Source, place: Place) -> Iterator[Finding]:
    """A picture by its first bytes. SVG can hold scripts and is not read."""
    if not source.read(0, 16).startswith(_PICTURES):
        yield place.finding("unknown-format", "a picture of an unknown kind")


_SENTENCEPIECE_FIELDS: Final = frozenset({1, 2, 3, 4, 5})


def examine_sentencepiece(source: Source, place: Place) -> Iterator[Finding]:
    """A ModelProto of sentencepiece: pieces, trainer, normalizer, self-test data, denormalizer; nothing else."""
    walker = Walker("unreadable-structure")
    pieces = 0
    for field in walker.fields(source):
        if field.number not in _SENTENCEPIECE_FIELDS or field.nested is None:
            yield place.finding("unreadable-structure", f"field {field.number}")
            return
        pieces += field.number == 1
    if not pieces:
        yield place.finding("unreadable-structure", "no pieces")
