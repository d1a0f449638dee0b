"""numpy's own format: the header, the size, and the pickle of an array of objects. Source: ``numpy.lib.format``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Final

from govkernel.filesafety.interface import Finding, Place, Refused
from govkernel.filesafety.pickle_rules import dtype_of
from govkernel.filesafety.pickles import examine_objects, examine_pickles
from govkernel.filesafety.source import Reader, Source, Window

MAX_HEADER: Final = 64 * 1024
_MAGIC: Final = b"\x93NUMPY"
_HEADER: Final = re.compile(
    r"\{'descr': (?P<descr>'[^'\\]{1,40}'|\[.*\]), 'fortran_order': (?:True|False), "
    r"'shape': \((?P<shape>[0-9L, ]*)\),? *\} *\n?",
    re.DOTALL,
)
_FIELD: Final = re.compile(r"\('[^'\\]*', '(?P<type>[^'\\]{1,40})'(?:, \((?P<shape>[0-9, ]*)\))?\)(?:, |$)")


def examine_numpy(source: Source, place: Place) -> Iterator[Finding]:
    """An ``.npy`` file; numpy unpickles what is called so and is something else."""
    if source.read(0, len(_MAGIC)) != _MAGIC:
        yield from examine_pickles(source, place)
        return
    reader = Reader(source, len(_MAGIC))
    major, _minor = reader.take(2)
    if major not in {1, 2, 3}:
        raise Refused("numpy-header", f"version {major}")
    (length,) = reader.unpack("<H" if major == 1 else "<I")
    if length > MAX_HEADER:
        raise Refused("numpy-header", f"{length} bytes")
    size, objects = _described(reader.take(length).decode("utf-8" if major == 3 else "latin-1", "replace"))
    if objects:
        yield from examine_objects(Window(source, reader.position, reader.left), place)
    elif size != reader.left:
        yield place.finding("numpy-header", f"{reader.left} bytes of data, {size} of them stated")


def _described(header: str) -> tuple[int, bool]:
    """Bytes of the data, and whether they are a pickle instead."""
    match = _HEADER.fullmatch(header)
    if match is None:
        raise Refused("numpy-header", "not as numpy writes it")
    item, objects = _item(match["descr"])
    return math.prod(_shape(match["shape"])) * item, objects


def _shape(text: str) -> list[int]:
    parts = [part.strip().removesuffix("L") for part in text.split(",")]
    if any(not part.isdecimal() or len(part) > 18 for part in parts if part):
        raise Refused("numpy-header", "a shape")
    return [int(part) for part in parts if part]


def _item(descr: str) -> tuple[int, bool]:
    """Bytes of an item, and whether it holds references."""
    try:
        if descr.startswith("'"):
            dtype = dtype_of(descr[1:-1])
            return dtype.size, dtype.objects
        return _fields(descr[1:-1])
    except Refused as refused:
        raise Refused("numpy-header", refused.detail) from None


def _fields(text: str) -> tuple[int, bool]:
    position, size, objects = 0, 0, False
    while position < len(text):
        match = _FIELD.match(text, position)
        if match is None:
            raise Refused("numpy-header", "fields within fields, or not as numpy writes them")
        dtype = dtype_of(match["type"])
        size += dtype.size * math.prod(_shape(match["shape"] or ""))
        objects |= dtype.objects
        position = match.end()
    return size, objects
