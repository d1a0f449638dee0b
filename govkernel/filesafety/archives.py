"""Archives: each member is judged by its own name and content, as if it lay in a folder. Torch's own zip among them."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Final

from govkernel.filesafety.interface import Finding, Place, Refused
from govkernel.filesafety.keras import examine_keras
from govkernel.filesafety.pickles import examine_record
from govkernel.filesafety.plain import examine_mark
from govkernel.filesafety.source import Source, blocks
from govkernel.filesafety.unpack import RAW_DEFLATE, unpacked
from govkernel.filesafety.zip_reader import DEFLATED, STORED, Member, read_zip

_RECORD: Final = re.compile(r"(?:[^/]+/)?data\.pkl", re.IGNORECASE)
_STORAGE: Final = re.compile(r"data/(\d{1,10})")
_INERT: Final = frozenset(
    {"byteorder", "version", ".format_version", ".storage_alignment", ".data/serialization_id"}
)
_SCRIPT: Final = ("code/", "constants.pkl", "constants/", "bytecode.pkl")


def examine_zip(source: Source, place: Place) -> Iterator[Finding]:
    """A zip of any kind."""
    members = read_zip(source, place.budget.limits.members)
    names = [member.name for member in members]
    if any(_RECORD.fullmatch(name) for name in names):
        yield from _torch(members, place)
        return
    total = sum(member.size for member in members)
    if place.budget.is_bomb(total, source.size):
        raise Refused("archive-bomb", f"{total} bytes of {source.size}")
    keras = "config.json" in names and ("metadata.json" in names or "model.weights.h5" in names)
    for member in members:
        if keras and member.name in {"config.json", "metadata.json"}:
            yield from _opened(member, place.inside(member.name), _keras)
        else:
            yield from _judged(member, place)


def _keras(source: Source, place: Place) -> Iterator[Finding]:
    yield from examine_keras(source, place)
    yield from place.judge(source, place)


def _judged(member: Member, place: Place) -> Iterator[Finding]:
    inside = place.inside(member.name)
    if member.name.endswith("/"):
        if member.size:
            yield inside.finding("zip-ambiguous", "a directory with content")
        return
    yield from _opened(member, inside, place.judge)


def _opened(member: Member, place: Place, examine: object) -> Iterator[Finding]:
    """A member, unpacked if need be, its checksum held against its content."""
    try:
        with ExitStack() as stack:
            content = _content(member, place, stack)
            crc = 0
            for block in blocks(content):
                crc = zlib.crc32(block, crc)
            if crc != member.crc:
                yield place.finding("zip-ambiguous", "wrong checksum")
            yield from examine(content, place)  # type: ignore[operator]
    except Refused as refused:
        yield place.finding(refused.rule, refused.detail)


def _content(member: Member, place: Place, stack: ExitStack) -> Source:
    if member.method == STORED:
        return member.packed
    if member.method != DEFLATED:
        raise Refused("unknown-container", f"compression method {member.method}")
    content = stack.enter_context(unpacked(member.packed, RAW_DEFLATE, place, streams=False))
    if content.size != member.size:
        raise Refused("zip-ambiguous", "a size that is not what it unpacks to")
    return content


def _torch(members: Sequence[Member], place: Place) -> Iterator[Finding]:
    """``ROOT/data.pkl`` and the storages ``ROOT/data/N`` it refers to; anything else is judged by itself."""
    roots = {name.rpartition("/")[0] for name in (item.name for item in members) if _RECORD.fullmatch(name)}
    root = min(roots)
    prefix = f"{root}/" if root else ""
    if len(roots) > 1 or any(not item.name.startswith(prefix) for item in members):
        yield place.finding("zip-ambiguous", "several archives in one")
    for member in members:
        name = member.name.removeprefix(prefix)
        if _STORAGE.fullmatch(name):
            if member.method != STORED:
                yield place.inside(member.name).finding("zip-ambiguous", "a packed storage")
        elif name.startswith(_SCRIPT):
            yield place.inside(member.name).finding("torch-script")
        elif name.lower() == "data.pkl":
            yield from _opened(member, place.inside(member.name), examine_record)
        elif name in _INERT:
            yield from _opened(member, place.inside(member.name), examine_mark)
        else:
            yield from _judged(member, place)
