"""Technical text that is on every machine, and neighbours joined into long texts: harmless, bounded, in a fold."""

from __future__ import annotations

import json
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_guard.training.corpus import FOLDS, holds_no_source
from runtime_guard.training.example import Example
from runtime_guard.training.manuals import (
    FILES,
    LENGTHS,
    LIBRARY,
    LICENCES,
    PACKAGES,
    excerpts,
    handed_over,
    manuals,
)
from runtime_guard.training.sources import JOINED, LONGEST, TOGETHER, joined

LINES = st.text(st.characters(codec="utf-8"), max_size=400)


@given(st.lists(LINES, max_size=60).map("\n".join), st.integers(0, 20), st.integers(0, 99))
def test_excerpts_are_runs_of_the_text(text: str, most: int, seed: int) -> None:
    found = list(excerpts(text, most, random.Random(seed)))
    assert len(found) <= most
    assert all(0 < len(item) <= 2 * LENGTHS[-1] for item in found)
    assert found == list(excerpts(text, most, random.Random(seed)))


@given(LINES, st.integers(0, 99))
def test_what_is_handed_over_holds_the_excerpt(excerpt: str, seed: int) -> None:
    written, role = handed_over(excerpt, "a/b.py", random.Random(seed))
    assert role in ("tool", "user")
    assert excerpt in written or json.loads(written) == {"path": "a/b.py", "content": excerpt}


@pytest.fixture(scope="module")
def found() -> tuple[Example, ...]:
    return manuals()


def test_every_kind_is_there_and_harmless(found: tuple[Example, ...]) -> None:
    assert {item.source for item in found} == {LIBRARY, PACKAGES, FILES, LICENCES}
    assert all(item.safe and not any(item.known.values()) for item in found)
    assert any(len(item.text) > 2000 for item in found)
    assert any(item.validation for item in found)


def test_they_are_sources_of_which_the_ground_sees_none(found: tuple[Example, ...]) -> None:
    left_out = {name for sources in FOLDS.values() for name in sources}
    assert {LIBRARY, PACKAGES, FILES, LICENCES} | JOINED <= left_out
    assert not any(holds_no_source(item) for item in found)


def rows(source: str, count: int, known: dict[str, int], *, held: bool = False) -> list[Example]:
    return [
        Example(f"row {number} of {source}.", "user", source, known, validation=held)
        for number in range(count)
    ]


def test_neighbours_are_joined() -> None:
    plain = {"prompt_injection": 0, "jailbreak": 0}
    examples = [*rows("gsm8k", 40, plain), *rows("WNUT17", 30, plain, held=True)]
    made = list(joined(examples))
    assert {(item.source, item.validation) for item in made} == {("gsm8k", False), ("WNUT17", True)}
    for item in made:
        numbers = [int(part.split()[0]) for part in item.text.split("row ")[1:]]
        assert all(right == left + 1 for left, right in pairwise(numbers))
        assert len(numbers) <= TOGETHER[-1]
        assert len(item.text) <= LONGEST
        assert item.known == plain


@pytest.mark.parametrize(
    ("source", "known"),
    [
        ("AdvBench", {"prompt_injection": 0, "harmful_request": 1}),  # harmful
        ("gsm8k", {"prompt_injection": 1}),
        ("gsm8k", {"hate": 0}),  # nobody says that it is no injection
        ("HateCheck", {"prompt_injection": 0, "hate": 0}),  # no document
    ],
)
def test_what_is_not_joined(source: str, known: dict[str, int]) -> None:
    assert not list(joined(rows(source, 40, known)))
