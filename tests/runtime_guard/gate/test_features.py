"""Hashed n-grams: the same for the same words, everything in some window, bounded work."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime_guard.gate.features import (
    NONE,
    PIECE,
    ROWS,
    STRIDE,
    WINDOW,
    WORDS,
    canonical,
    hashed,
    parts,
    pieces,
    windows,
)

TEXTS = st.text(max_size=200)
PHRASES = st.lists(st.text("abcdefg", min_size=1, max_size=8), min_size=1, max_size=12)


@given(TEXTS)
def test_the_canonical_form_is_its_own(text: str) -> None:
    made = canonical(text)
    assert canonical(made) == made
    assert "  " not in made


@given(PHRASES)
def test_case_spacing_and_compatibility_forms_do_not_matter(words: list[str]) -> None:
    plain = " ".join(words)
    wide = "".join(chr(ord(char) + 0xFEE0) if char != " " else "\u3000" for char in plain)
    for other in (plain.upper(), "  ".join(words) + "\n", wide):
        for (words_a, characters_a), (words_b, characters_b) in zip(parts(plain), parts(other), strict=True):
            assert np.array_equal(words_a, words_b)
            assert np.array_equal(characters_a, characters_b)


@given(PHRASES, PHRASES)
def test_a_word_has_the_same_row_wherever_it_stands(before: list[str], after: list[str]) -> None:
    (alone, _), *_ = parts("zebra")
    (among, _), *_ = parts(" ".join([*before, "zebra", *after]))
    assert set(alone) <= set(among)


@given(st.text(min_size=1, max_size=3 * WINDOW))
@settings(max_examples=50)
def test_rows_are_rows_of_the_table(text: str) -> None:
    for words, characters in parts(text):
        assert words.dtype == characters.dtype == np.uint32
        assert np.all((words >= WORDS) & (words < ROWS))
        assert np.all(characters < WORDS)


@given(st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=4), st.integers(4, 25))
def test_what_is_said_over_and_over_counts_once(words: list[str], times: int) -> None:
    said, repeated = (list(parts(" ".join(words * count))) for count in (3, times))
    assert len(said) == len(repeated) == 1
    for few, many in zip(said[0], repeated[0], strict=True):
        assert np.array_equal(few, many)


@given(st.integers(0, 5 * WINDOW))
def test_windows_cover_a_text_and_overlap(length: int) -> None:
    cut = windows(length)
    assert cut[0][0] == 0
    assert cut[-1][1] >= length
    assert all(later[0] - earlier[0] == STRIDE for earlier, later in pairwise(cut))
    assert all(end - start <= WINDOW for start, end in cut)


@given(st.integers(0, 2 * PIECE), st.integers(0, 2 * PIECE))
@settings(max_examples=60, deadline=None)
def test_a_word_of_a_long_text_is_in_some_window(before: int, after: int) -> None:
    (alone, _), *_ = parts("zebra")
    text = "a " * (before // 2) + "zebra" + " a" * (after // 2)
    assert any(set(alone) <= set(words) for words, _ in parts(text))


def test_a_long_text_is_hashed_in_pieces_of_bounded_length() -> None:
    cut = pieces("x" * (10 * PIECE))
    assert max(map(len, cut)) <= PIECE + WINDOW
    assert sum(map(len, cut)) < 11 * PIECE


@given(st.text("ab \u6f22", max_size=3 * WINDOW))
@settings(max_examples=50)
def test_windows_hold_what_begins_in_them(text: str) -> None:
    made = hashed(canonical(text))
    places = windows(made.length)
    rows = made.sorted_rows(0, len(places))
    for own, (start, end) in zip(rows, places, strict=True):
        begun = (made.word_starts >= start) & (made.word_starts < end)
        expected = {*made.words[:, begun].ravel(), *made.characters[:, start:end].ravel()}
        assert np.array_equal(own, np.sort(own))
        assert set(own) - {NONE} == expected - {NONE}
    for first in range(len(places)):
        alone = made.sorted_rows(first, 1)[0]
        assert np.array_equal(alone[alone < NONE], rows[first][rows[first] < NONE])


def test_a_character_that_stands_for_a_word_counts_with_its_neighbour() -> None:
    (_, latin), *_ = parts("ab")
    (_, dense), *_ = parts("漢字")
    assert len(dense) > len(latin)


@given(st.sampled_from(["", " ", "\n\t", "\x00", "\ud800", "a", "😀", "\u200b" * 50]))
def test_odd_texts_have_windows_too(text: str) -> None:
    assert len(list(parts(text))) >= 1
