"""Tags of every scheme become the same spans; spans are words of the text, in order, apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_guard.checkpoints.schemes import Scheme, parts_of, words_of

MEANT = {"PER": "PERSON", "LOC": "LOCATION"}
TEXT = "Anna Smith, Bo met in Berlin"
WORDS = [(0, 4), (5, 10), (10, 11), (12, 14), (15, 18), (19, 21), (22, 28)]
SPANS = [(0, 10, "PERSON"), (12, 14, "PERSON"), (22, 28, "LOCATION")]


def chances(tags: Sequence[str], said: Sequence[str], certain: float = 1.0) -> np.ndarray:
    rest = (1 - certain) / max(1, len(tags) - 1)
    return np.array([[certain if tag == one else rest for tag in tags] for one in said], np.float32)


def spans(tags: Sequence[str], said: Sequence[str], bound: float = 0.5) -> list[tuple[int, int, str]]:
    scheme = Scheme.of(tags, MEANT)
    found = scheme.spans(TEXT, chances(tags, said, 0.9), WORDS, dict.fromkeys(scheme.labels, bound))
    return [(start, end, label) for start, end, label, _ in found]


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        (["O", "B-PER", "I-PER", "B-LOC", "I-LOC"], ["B-PER", "I-PER", "O", "B-PER", "O", "O", "B-LOC"]),
        (["O", "B_PER", "I_PER", "B_LOC", "I_LOC"], ["B_PER", "I_PER", "O", "B_PER", "O", "O", "B_LOC"]),
        (["O", "I-PER", "B-PER", "I-LOC"], ["I-PER", "I-PER", "O", "I-PER", "O", "O", "I-LOC"]),
        (
            ["O", *(f"{part}-{name}" for part in "BIES" for name in MEANT)],
            ["B-PER", "E-PER", "O", "S-PER", "O", "O", "S-LOC"],
        ),
        (
            ["O", *(f"{part}-{name}" for part in "BILU" for name in MEANT)],
            ["B-PER", "L-PER", "O", "U-PER", "O", "O", "U-LOC"],
        ),
        (["O", "PER", "LOC"], ["PER", "PER", "O", "PER", "O", "O", "LOC"]),
    ],
    ids=["BIO", "BIO with underscores", "IOB", "BIOES", "BILOU", "plain"],
)
def test_all_schemes_say_the_same(tags: list[str], said: list[str]) -> None:
    assert spans(tags, said) == SPANS


def test_a_span_that_begins_anew_is_another() -> None:
    tags = ["O", "B-PER", "I-PER"]
    assert spans(tags, ["B-PER", "B-PER", "O", "O", "O", "O", "O"]) == [(0, 4, "PERSON"), (5, 10, "PERSON")]


def test_what_is_less_likely_than_its_bound_is_not_reported() -> None:
    tags = ["O", "B-PER", "I-PER"]
    assert spans(tags, ["B-PER", *"OOOOOO"], bound=0.96) == []


def test_tags_of_one_label_count_together() -> None:
    scheme = Scheme.of(["O", "B-PER", "I-PER"], MEANT)
    row = np.array([[0.4, 0.3, 0.3]], np.float32)
    assert scheme.spans("Anna", row, [(0, 4)], dict.fromkeys(scheme.labels, 0.5))[0][:3] == (0, 4, "PERSON")


@pytest.mark.parametrize(
    ("tags", "parts"),
    [
        (["O", "B-PER", "I-PER"], [("", ""), ("B", "PER"), ("I", "PER")]),
        (["O", "I-MAIL", "E-MAIL"], [("", ""), ("I", "MAIL"), ("E", "MAIL")]),
        (["O", "E-MAIL", "NAME"], [("", ""), ("", "E-MAIL"), ("", "NAME")]),
        (["O", "E-MAIL", "L-NAME"], [("", ""), ("", "E-MAIL"), ("", "L-NAME")]),
        (["PERSON"], [("", "PERSON")]),
        ([], []),
    ],
)
def test_a_prefix_is_one_only_where_all_have_one(tags: list[str], parts: list[tuple[str, str]]) -> None:
    assert parts_of(tags) == parts


@pytest.mark.parametrize(
    ("text", "offsets", "words"),
    [
        ("smiths", [(0, 3), (3, 6)], [(0, 6)]),
        (" smith", [(0, 6)], [(1, 6)]),
        ("a-b", [(0, 1), (1, 2), (2, 3)], [(0, 1), (1, 2), (2, 3)]),
        ("王伟住", [(0, 1), (1, 2), (2, 3)], [(0, 1), (1, 2), (2, 3)]),
        ("é" * 2, [(0, 1), (0, 1), (1, 2)], [(0, 2)]),
        ("ab", [(0, 0), (0, 2)], [(0, 2)]),
    ],
    ids=[
        "pieces of a word",
        "a space before",
        "signs apart",
        "no spaces to write",
        "bytes of one character",
        "nowhere",
    ],
)
def test_pieces_of_a_word_stay_together(
    text: str, offsets: list[tuple[int, int]], words: list[tuple[int, int]]
) -> None:
    assert [(word.start, word.end) for word in words_of(text, offsets)] == words


@given(st.text(alphabet="aB 1-王\u0e01\n", max_size=30), st.data())
def test_spans_are_in_order_apart_and_without_white_space(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=12)))
    offsets = list(pairwise(cuts))
    tags = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "S-LOC", "E-PER"]
    said = data.draw(st.lists(st.sampled_from(tags), min_size=len(offsets), max_size=len(offsets)))
    scheme = Scheme.of(tags, MEANT)
    rows = chances(tags, said, 0.9).reshape(len(offsets), len(tags))
    found = scheme.spans(text, rows, offsets, dict.fromkeys(scheme.labels, 0.5))
    places = [place for start, end, _, _ in found for place in (start, end)]
    assert places == sorted(places)
    for start, end, label, score in found:
        assert text[start:end].strip() == text[start:end] != ""
        assert label in scheme.labels
        assert 0 < score <= 1
