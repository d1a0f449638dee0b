"""Pickles under another name: the bytes of text, pictures and weights can be opcodes too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from govkernel.filesafety.budget import Budget, Limits
from govkernel.filesafety.interface import Finding, Place, Refused
from govkernel.filesafety.pickle_allowed import GENERAL
from govkernel.filesafety.pickle_machine import Machine
from govkernel.filesafety.source import Reader, Source

OPCODES: Final = 100_000
"""Walked at most; what is no pickle breaks off after one or two."""

_IDENTIFIER: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


def pickle_in_text(source: Source, place: Place) -> Iterator[Finding]:
    """Pickles of protocol 0 are text. Prose breaks off at its first letters; what calls something is no prose."""
    machine, _ = _walked(source)
    if name := _called(machine):
        yield place.finding("pickle-global", f"{name}, in what is called text")


def pickle_in_bytes(source: Source, place: Place) -> Iterator[Finding]:
    """A pickle behind first bytes that are another format's and opcodes at once.

    What it calls is told, and anything that is refused of one that ends well.
    """
    machine, ended = _walked(source)
    if name := _called(machine):
        yield place.finding("pickle-global", f"{name}, in what is called otherwise")
    elif ended and machine.refusals:
        rule, detail = next(iter(machine.refusals))
        yield place.finding(rule, detail)


def _walked(source: Source) -> tuple[Machine, bool]:
    """The machine after its walk, and whether it came to an end."""
    machine = Machine(Reader(source), GENERAL, Budget(Limits(opcodes=OPCODES)))
    try:
        machine.run()
    except Refused:
        return machine, False
    return machine, True


def _called(machine: Machine) -> str:
    """The first name outside the list, if anything such was called; empty otherwise."""
    named = (detail for rule, detail in machine.refusals if rule == "pickle-global")
    return next(filter(_IDENTIFIER.fullmatch, named), "") if machine.stopped_calls else ""
