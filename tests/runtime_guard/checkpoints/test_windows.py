"""Long texts are cut into windows that overlap; every piece is decided about once, with context on both sides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("tokenizers", reason='pip install "govkernel[models]"')
from tokenizers import Tokenizer, models, pre_tokenizers

from runtime_guard.encoder.pieces import MAX_CHARACTERS, Frame, grouped, windows_of


def letters() -> Tokenizer:
    """A piece per letter; its id is its number."""
    made = Tokenizer(models.WordLevel({"?": 0, **{chr(96 + n): n for n in range(1, 27)}}, unk_token="?"))
    made.pre_tokenizer = pre_tokenizers.Split(" ", "removed")
    return made


LETTERS = letters()


@given(st.integers(0, 120), st.integers(5, 40), st.data())
def test_every_piece_is_decided_about_once_and_has_context(
    count: int, length: int, data: st.DataObject
) -> None:
    frame = Frame(length, data.draw(st.integers(0, (length - 2 - 1) // 2)), (27,), (28,))
    text = " ".join(chr(97 + number % 26) for number in range(count))
    windows = list(windows_of(text, LETTERS, frame))
    decided = [place for window in windows for place in window.offsets[window.first : window.last]]
    assert decided == [(2 * number, 2 * number + 1) for number in range(count)]
    for window in windows:
        assert len(window.ids) <= length
        assert (window.ids[0], window.ids[-1]) == (27, 28)
    for window in windows[1:]:
        assert window.first - 1 == frame.overlap // 2
    for window in windows[:-1]:
        assert len(window.ids) - 1 - window.last == frame.overlap - frame.overlap // 2


def test_a_word_at_the_bound_of_what_is_tokenized_at_once_is_not_cut() -> None:
    text = "a " * (MAX_CHARACTERS // 2 - 1) + "bcd"
    vocabulary = Tokenizer(models.WordLevel({"?": 0, "a": 1, "bcd": 2}, unk_token="?"))
    vocabulary.pre_tokenizer = pre_tokenizers.Split(" ", "removed")
    *_, last = windows_of(text, vocabulary, Frame(128, 32, (), ()))
    assert last.ids[-1] == 2
    assert text[slice(*last.offsets[-1])] == "bcd"


@given(st.lists(st.integers(1, 50), max_size=40), st.integers(1, 200))
def test_batches_hold_each_window_once_and_no_more_than_they_may(lengths: list[int], tokens: int) -> None:
    groups = list(grouped(lengths, tokens))
    assert sorted(index for group in groups for index in group) == list(range(len(lengths)))
    for group in groups:
        assert len(group) == 1 or max(lengths[index] for index in group) * len(group) <= tokens
