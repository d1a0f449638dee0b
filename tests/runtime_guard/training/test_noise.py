"""Careless, copied, laid-out text: spans stay on the values."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_guard.training import noise
from runtime_guard.training.noise import edited, roughened

TEXT = 'In "New York", Ann O\'Neil said: "I met J. Weber in St. Louis at 7:30." He left.'
VALUES = ("New York", "Ann O'Neil", "J. Weber", "St. Louis", "7:30")
SPANS = tuple((TEXT.index(value), TEXT.index(value) + len(value), "PERSON") for value in VALUES)


def values_of(made: noise.Text) -> list[str]:
    text, spans = made
    return [text[start:end] for start, end, _ in spans]


@pytest.mark.parametrize(
    ("change", "values"),
    [
        (noise.lowered, [value.lower() for value in VALUES]),
        (noise.raised, [value.upper() for value in VALUES]),
        (noise.titled, list(VALUES)),
        (noise.bare, list(VALUES)),
        (noise.cut, list(VALUES)),
        (noise.stressed, list(VALUES)),
        (noise.quoted, list(VALUES)),
        (noise.escaped, list(VALUES)),
        (noise.unaccented, list(VALUES)),
        (noise.curled, [value.replace("'", "’") for value in VALUES]),
    ],
)
def test_values_stay_marked(change: Callable[..., noise.Text], values: list[str]) -> None:
    assert values_of(change(TEXT, SPANS, random.Random(1))) == values


def test_lines_break_inside_values_too() -> None:
    text = "word " * 20 + "New York " + "word " * 20
    start = text.index("New")
    broken = [
        noise.wrapped(text, [(start, start + 8, "LOCATION")], random.Random(seed)) for seed in range(60)
    ]
    assert {value.replace("\n", " ") for made in broken for value in values_of(made)} == {"New York"}
    assert any("New\nYork" in values_of(made) for made in broken)
    assert all(max(len(line) for line in made[0].split("\n")) <= 76 for made in broken)


def test_tokens_are_cut_as_tokenizers_do() -> None:
    text, _ = noise.cut(TEXT, SPANS, random.Random(1))
    assert text == 'In " New York " , Ann O\'Neil said : " I met J. Weber in St. Louis at 7:30. " He left .'
    assert noise.cut("Ann's (old) car.", (), random.Random(1))[0] == "Ann 's ( old ) car ."


def test_marks_of_values_stay_when_others_go() -> None:
    assert noise.bare(TEXT, SPANS, random.Random(1))[0] == (
        "In New York Ann O'Neil said I met J. Weber in St. Louis at 7:30 He left"
    )


@pytest.mark.parametrize(
    ("edits", "text", "value"),
    [
        ([(3, 3, "*"), (6, 6, "*")], "to *Ann* now", "Ann"),  # inserted at the edges: outside
        ([(0, 3, "")], "Ann now", "Ann"),
        ([(4, 5, "nn")], "to Annn now", "Annn"),
        ([(2, 4, "")], "to Ann now", "Ann"),  # over an edge: left out
        ([(3, 6, "Bob")], "to Bob now", "Bob"),
        ([(6, 10, "")], "to Ann", "Ann"),
        ([(4, 6, ""), (3, 5, "x")], "to xn now", "xn"),  # over one another: the first stays
    ],
)
def test_edits_move_spans(edits: list[noise.Edit], text: str, value: str) -> None:
    made = edited("to Ann now", [(3, 6, "PERSON")], edits)
    assert (made[0], values_of(made)) == (text, [value])


@given(st.text(max_size=60), st.data(), st.integers(0, 1000))
def test_spans_stay_ordered_and_in_the_text(text: str, data: st.DataObject, seed: int) -> None:
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), unique=True, max_size=8)))
    spans = [(a, b, "PERSON") for a, b in zip(places[::2], places[1::2], strict=False)]
    for change in (function for _, function in noise._NOISES):
        made, moved = change(text, spans, random.Random(seed))
        assert len(moved) == len(spans)
        at = 0
        for start, end, _ in moved:
            assert at <= start <= end <= len(made)
            at = end


@given(st.integers(0, 2000))
def test_noise_is_reproducible(seed: int) -> None:
    assert roughened(TEXT, SPANS, random.Random(seed)) == roughened(TEXT, SPANS, random.Random(seed))


def test_most_texts_stay_as_they_are_written() -> None:
    made = [roughened(TEXT, SPANS, random.Random(seed))[0] for seed in range(500)]
    assert 0.3 < made.count(TEXT) / len(made) < 0.7
