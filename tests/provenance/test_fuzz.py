"""Targets of the fuzzer hold for honest inputs and a few changed ones; `make fuzz` feeds them as long as wanted."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("sigstore", reason='install "govkernel[sigstore]"')

from tests.provenance.fuzz_targets import TARGETS, feed


@pytest.mark.parametrize("name", TARGETS)
def test_honest_inputs_are_answered(name: str) -> None:
    for seed in TARGETS[name].seeds:
        feed(name, seed)
        feed(name, b"")


@pytest.mark.parametrize("name", TARGETS)
def test_changed_inputs_are_answered(name: str) -> None:
    dice = random.Random(name)
    for _ in range(60):
        data = bytearray(dice.choice(TARGETS[name].seeds))
        for _ in range(dice.randint(1, 4)):
            place = dice.randrange(len(data) + 1)
            match dice.randrange(3):
                case 0:
                    data[place : place + dice.randint(1, 8)] = b""
                case 1:
                    data[place:place] = dice.randbytes(dice.randint(1, 8))
                case _:
                    data[place : place + 1] = dice.choice((b"\0", b"\xff", b'"', b"{", b"[", b"9", b"\x80"))
        feed(name, bytes(data))
