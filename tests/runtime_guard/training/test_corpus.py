"""What is generated and holds no source is the same whatever sources there are."""

from __future__ import annotations

import pytest

from runtime_guard.training.corpus import holds_no_source
from runtime_guard.training.example import Example
from runtime_guard.training.fit_gate import SUBTLE_SHARE, targets
from runtime_guard.training.forge import recalled
from runtime_guard.training.generate import PLACED, PREFIX, SUBTLE, generate
from runtime_guard.training.tagged import Tagged

SHARE = 0.01


def made(subject: str) -> list[Example]:
    """Generated examples among the texts of one source."""
    return list(generate([f"The {subject} of text {number} is long." for number in range(40)], 7, SHARE))


def test_what_holds_no_source_does_not_depend_on_one() -> None:
    first, second = made("tail"), made("beak")
    assert [item for item in first if holds_no_source(item)] == [
        item for item in second if holds_no_source(item)
    ]
    held, others = ([item.text for item in part if not holds_no_source(item)] for part in (first, second))
    assert any("tail of text" in text for text in held)
    assert held != others
    assert not any("tail of text" in item.text for item in first if holds_no_source(item))


def test_labelled_sources_hold_themselves() -> None:
    assert not holds_no_source(Example("a", "user", "spikee"))
    assert not holds_no_source(Tagged("a", (), frozenset(), "WNUT17"))
    assert holds_no_source(Tagged("a", (), frozenset(), f"{PREFIX}people"))


def test_all_that_is_new_is_shown_and_a_share_of_the_rest() -> None:
    new = [Example(str(number), "user", "spikee") for number in range(5)]
    known = [Example(str(number), "user", f"{PREFIX}everyday") for number in range(60)]
    shown = recalled([*known, *new], 1 / 6)
    assert [item for item in shown if item.source == "spikee"] == new
    assert len(shown) == len(new) + 10


def test_what_words_do_not_tell_apart_counts_less_for_the_gate() -> None:
    rows = [
        Example("a", "user", source, {"hate": 1}, weight=0.8)
        for source in (min(SUBTLE), min(PLACED), "ToxiGen")
    ]
    _, weights = targets(rows)
    assert weights.sum(axis=1).tolist() == pytest.approx([0.8 * SUBTLE_SHARE, 0.8, 0.8])
