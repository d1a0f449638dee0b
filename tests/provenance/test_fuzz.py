"""Targets of the fuzzer hold for honest inputs and a few changed ones; `make fuzz` feeds them as long as wanted."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("sigstore", reason='install "govkernel[sigstore]"')

from tests.provenance import fuzz_files, fuzz_supply
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


SEEDS = [(target, seed) for target in fuzz_files.KINDS for seed in fuzz_files.TARGETS[target].seeds]


@pytest.mark.parametrize(("target", "seed"), SEEDS, ids=lambda item: item if isinstance(item, str) else "")
def test_a_seed_of_a_file_is_safe_and_so_goes_through_its_whole_examiner(target: str, seed: bytes) -> None:
    pytest.importorskip("h5py", reason="pip install h5py")
    pytest.importorskip("pyarrow", reason="pip install pyarrow")
    assert fuzz_files.judged(target, seed) == []


@pytest.mark.parametrize("name", fuzz_supply.TARGETS)
def test_the_first_seed_of_a_parser_is_accepted(name: str) -> None:
    TARGETS[name].run(TARGETS[name].seeds[0])
