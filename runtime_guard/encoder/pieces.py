"""Texts as windows of word pieces, with where each piece stands; long texts overlap, nothing is cut off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tokenizers import Tokenizer

LENGTH: Final = 128
"""Word pieces of a window, special ones included."""

OVERLAP: Final = 32
"""Pieces that two neighbouring windows share."""

MAX_CHARACTERS: Final = 100_000
"""Characters that are tokenized at once."""


@dataclass(frozen=True)
class Pieces:
    """A window of a text.

    Attributes:
        ids: word-piece ids with the special ones around.
        offsets: start and end in the text per id; (0, 0) for special ones.
        first, last: the pieces from ``first`` up to ``last`` that this window decides about; the rest is context.
    """

    ids: Sequence[int]
    offsets: Sequence[tuple[int, int]]
    first: int
    last: int


def windows_of(text: str, tokenizer: Tokenizer) -> Iterator[Pieces]:
    """The windows of a text; each piece is decided about in exactly one."""
    opening, closing = (tokenizer.token_to_id(name) or 0 for name in ("[CLS]", "[SEP]"))
    ids, offsets = _tokenized(text, tokenizer)
    room = LENGTH - 2
    for start in range(0, max(1, len(ids) - OVERLAP), room - OVERLAP):
        chosen = slice(start, start + room)
        begins = OVERLAP // 2 if start else 0
        ends = room if start + room >= len(ids) else room - OVERLAP // 2
        yield Pieces(
            [opening, *ids[chosen], closing],
            [(0, 0), *offsets[chosen], (0, 0)],
            1 + begins,
            1 + min(ends, len(ids) - start),
        )


def _tokenized(text: str, tokenizer: Tokenizer) -> tuple[list[int], list[tuple[int, int]]]:
    ids: list[int] = []
    offsets: list[tuple[int, int]] = []
    for start in range(0, max(1, len(text)), MAX_CHARACTERS):
        encoded = tokenizer.encode(text[start : start + MAX_CHARACTERS], add_special_tokens=False)
        ids += encoded.ids
        offsets += [(left + start, right + start) for left, right in encoded.offsets]
    return ids, offsets
