"""PyTorch's format before 1.6: five pickles (magic number, protocol, system, object, keys), then storages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from govkernel.filesafety.interface import Finding, Place, Refused
from govkernel.filesafety.pickle_allowed import PLAIN, TORCH
from govkernel.filesafety.pickle_machine import Machine
from govkernel.filesafety.source import Reader, Source, Truncated

MAGIC_NUMBER: Final = 0x1950A86A20F9469CFC6C


def examine_legacy(source: Source, position: int, place: Place) -> Iterator[Finding]:
    """The file behind its magic number.

    Args:
        source: the whole file.
        position: right behind the first pickle.
        place: for findings.
    """
    reader = Reader(source, position)
    sizes: dict[str, int] = {}
    for number in range(4):
        content = number == 2
        machine = Machine(reader, TORCH if content else PLAIN, place.budget, tensors=content)
        try:
            machine.run()
        except Refused as refused:
            yield from (place.finding(rule, detail) for rule, detail in machine.refusals)
            yield place.finding(refused.rule, refused.detail)
            return
        yield from (place.finding(rule, detail) for rule, detail in machine.refusals)
        sizes |= machine.storages
    try:
        _storages(reader, sizes)
    except Truncated:
        yield place.finding("torch-storage", "the storages break off")
    except Refused as refused:
        yield place.finding(refused.rule, refused.detail)


def _storages(reader: Reader, sizes: dict[str, int]) -> None:
    """Each storage is its number of items and its bytes; which is which is said by keys we need not pair."""
    expected = sum(sizes.values()) + 8 * len(sizes)
    if reader.left != expected:
        raise Refused("torch-storage", f"{reader.left} bytes of storages, expected {expected}")
    reader.skip(expected)
