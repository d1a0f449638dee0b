"""Files that nothing runs, looked at only for what would make them something else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from govkernel.filesafety.disguise import pickle_in_text
from govkernel.filesafety.interface import Finding, Place
from govkernel.filesafety.jinja import MAX_TEMPLATE, dangers
from govkernel.filesafety.protobuf import Walker
from govkernel.filesafety.source import Source, blocks

_TEMPLATES: Final = (".jinja", ".j2", ".jinja2")
_CODE_TEXT: Final = re.compile(rb"\s*(?:<\?php|<!doctype html|<html|<script)", re.IGNORECASE)
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def examine_text(source: Source, place: Place) -> Iterator[Finding]:
    """Text; a template is judged as one."""
    if place.name.lower().endswith(_TEMPLATES):
        if source.size > 4 * MAX_TEMPLATE:
            yield place.finding("too-large", "a template")
            return
        text = source.read(0, source.size).decode("utf-8", "replace")
        yield from (place.finding("template-danger", danger) for danger in dangers(text))
    yield from examine_lines(source, place)


def examine_lines(source: Source, place: Place) -> Iterator[Finding]:
    """Text to its end, which nothing runs: no bytes that text cannot have, no page with scripts, no pickle."""
    if any(_CONTROL.search(block) for block in blocks(source)):
        yield place.finding("unknown-format", "called text, and is none")
    elif _CODE_TEXT.match(source.read(0, 4096)):
        yield place.finding("code", "a page with scripts, called text")
    yield from pickle_in_text(source, place)


def examine_mark(source: Source, place: Place) -> Iterator[Finding]:
    """A word or a number, as torch's archives hold about themselves; anything else is judged as what it is."""
    if not re.fullmatch(rb"[\w.\n-]{0,64}", source.read(0, 65)):
        yield from place.judge(source, place)


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
