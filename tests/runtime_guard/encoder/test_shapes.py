"""How pieces are written: what the arrays say is what each piece says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_guard.encoder.shapes import SHAPES, shapes


def plainly(text: str, start: int, end: int) -> Sequence[bool]:
    """The features of one piece, one by one."""
    piece, after = text[start:end], text[end : end + 1]
    before = text[start - 1] if start else "\n"
    ahead = text[max(0, start - 8) : start].rstrip(" \"'(")
    return (
        True,
        piece[0].isupper(),
        piece.isupper() and len(piece) > 1,
        piece.isdigit(),
        not piece[0].isalnum(),
        before.isspace(),
        before.isalnum(),
        not ahead or ahead[-1] in ".!?:\n",
        after.isalnum(),
        after in (".", "'", "-", "@", "/"),
    )


TEXTS = st.text(st.sampled_from("aB9 .!\n\"'(-@/ßǅÉ\u0301\ud800٣漢字😀"), max_size=40) | st.text(max_size=40)


@given(TEXTS, st.data())
def test_each_piece_is_described_as_it_is_written(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=8)))
    offsets = [(0, 0), *pairwise(cuts), (0, 0)]
    found = shapes(text, offsets)
    expected = [plainly(text, *place) if place[0] < place[1] else (False,) * SHAPES for place in offsets]
    assert found.tolist() == np.array(expected, np.float32).tolist()
    assert found.dtype == np.float32


@pytest.mark.parametrize("offsets", [[], [(0, 0), (0, 0)]])
def test_what_has_no_characters_has_no_shape(offsets: list[tuple[int, int]]) -> None:
    assert shapes("", offsets).tolist() == [[0.0] * SHAPES] * len(offsets)
    assert shapes("text", offsets).tolist() == [[0.0] * SHAPES] * len(offsets)


@given(st.lists(TEXTS.filter(bool), min_size=1, max_size=5))
def test_lines_one_after_the_other_are_described_as_each_alone(texts: list[str]) -> None:
    starts = [sum(len(text) + 1 for text in texts[:number]) for number in range(len(texts))]
    places = [[(0, len(text)), (0, 1), (len(text) - 1, len(text)), (0, 0)] for text in texts]
    moved = [np.array(place) + start for place, start in zip(places, starts, strict=True)]
    together = shapes("\n".join(texts), np.concatenate(moved))
    alone = [shapes(text, place) for text, place in zip(texts, places, strict=True)]
    assert together.tolist() == np.concatenate(alone).tolist()
