"""Files of pickles: one after another, to the last byte. PyTorch's legacy files and joblib's are told by content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from govkernel.filesafety.interface import Finding, Place, Refused
from govkernel.filesafety.pickle_allowed import GENERAL, OBJECTS, TORCH
from govkernel.filesafety.pickle_machine import Machine
from govkernel.filesafety.pickle_rules import Allowed
from govkernel.filesafety.source import Reader, Source
from govkernel.filesafety.torch_legacy import MAGIC_NUMBER, examine_legacy

MAX_PICKLES: Final = 10_000
_NOT_STARTED: Final = 2
"""A walk that ends before this opcode has said nothing."""


def examine_pickles(source: Source, place: Place) -> Iterator[Finding]:
    """A file that a loader could unpickle."""
    yield from _examine(source, place, GENERAL, joblib=True)


def examine_objects(source: Source, place: Place) -> Iterator[Finding]:
    """The pickle behind the header of an array of objects."""
    yield from _examine(source, place, OBJECTS, joblib=False)


def examine_record(source: Source, place: Place) -> Iterator[Finding]:
    """``data.pkl`` of a torch archive: one pickle, whose storages are other members."""
    machine = Machine(Reader(source), TORCH, place.budget, tensors=True)
    yield from _walk(machine, place)
    if machine.rest:
        yield place.finding("pickle-trailing", f"{machine.rest} bytes")


def _examine(
    source: Source, place: Place, allowed: Mapping[str, Allowed], *, joblib: bool
) -> Iterator[Finding]:
    reader = Reader(source)
    for count in range(MAX_PICKLES):
        start = reader.position
        machine = Machine(reader, allowed, place.budget, joblib=joblib)
        try:
            value = machine.run()
        except Refused as refused:
            yield from _refusals(machine, place)
            yield _ending(refused, machine, place, count)
            return
        if count == 0 and value == MAGIC_NUMBER and isinstance(value, int):
            yield from examine_legacy(source, reader.position, place)
            return
        yield from _refusals(machine, place)
        if machine.arrays and not place.name.lower().endswith(".joblib"):
            yield from _as_plain_pickle(source, start, allowed, place)
        if not reader.left:
            return
    yield place.finding("too-many-members", f"more than {MAX_PICKLES} pickles")


def _walk(machine: Machine, place: Place) -> Iterator[Finding]:
    try:
        machine.run()
    except Refused as refused:
        yield from _refusals(machine, place)
        yield place.finding(refused.rule, refused.detail)
        return
    yield from _refusals(machine, place)


def _refusals(machine: Machine, place: Place) -> Iterator[Finding]:
    return (place.finding(rule, detail) for rule, detail in machine.refusals)


def _ending(refused: Refused, machine: Machine, place: Place, count: int) -> Finding:
    """A pickle that breaks off has run so far. Bytes that never began to be one have not."""
    if refused.rule != "pickle-broken":
        return place.finding(refused.rule, refused.detail)
    if count:
        return place.finding("pickle-trailing", refused.detail)
    if not machine.names and machine.steps < _NOT_STARTED:
        return place.finding("not-a-pickle")
    return place.finding(refused.rule, refused.detail)


def _as_plain_pickle(
    source: Source, start: int, allowed: Mapping[str, Allowed], place: Place
) -> Iterator[Finding]:
    """What ``pickle.load`` would make of a joblib file: it takes the bytes of the first array for opcodes.

    That it breaks there is as it should be. What it names before it breaks is not.
    """
    machine = Machine(Reader(source, start), allowed, place.budget)
    try:
        machine.run()
    except Refused as refused:
        if refused.rule != "pickle-broken":
            yield place.finding(refused.rule, refused.detail)
    yield from _refusals(machine, place)
