"""Cells depend on the content alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runtime_guard.cells import AHEAD, MAX_CELL, CellCutter, joined, windows

TEXTS = st.text(alphabet=st.sampled_from("ab1@ .\n\t😀é\ud83d\ude00"), max_size=2000)


def cut(pieces: list[str]) -> list[object]:
    cutter = CellCutter()
    found = [window for piece in pieces for window in cutter.feed(piece)]
    return [*found, *cutter.finish()]


@st.composite
def chunked(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A text and a way to cut it."""
    text = draw(TEXTS)
    places = sorted(draw(st.sets(st.integers(0, len(text)), max_size=40)))
    return text, [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


@given(chunked())
def test_windows_are_the_same_for_every_chunking(case: tuple[str, list[str]]) -> None:
    text, pieces = case
    assert cut(pieces) == list(windows(text))


@given(TEXTS)
def test_cells_cover_the_text_without_gap_or_overlap(text: str) -> None:
    whole = joined(text)
    position = 0
    for window in windows(text):
        assert window.start == position < window.end <= position + MAX_CELL
        assert window.text == whole[window.offset : window.offset + len(window.text)]
        assert window.offset <= window.start
        assert window.end <= window.offset + len(window.text) <= window.end + AHEAD
        position = window.end
    assert position == len(whole)


@given(TEXTS)
def test_what_is_held_back_is_bounded(text: str) -> None:
    cutter = CellCutter()
    for char in text:
        list(cutter.feed(char))
        assert cutter.held <= MAX_CELL + AHEAD
